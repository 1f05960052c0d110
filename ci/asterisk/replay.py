"""Parses saved streams with the loaded twin, checks every message, and prints results as JSON."""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import sys
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import checks

import amistream

PIECE_SIZES = (1, 17, 400, 70_000)
"""A stream is cut into random pieces of at most this many bytes."""
SELECTIONS = ({"Hangup"}, {"Newexten", "QueueMember", "RTCPSent"}, {"NoSuchEvent"})
SMALL_PIECES_LIMIT = 500_000
"""How many bytes of a stream are cut into the smallest pieces."""


def load(path: Path) -> bytes:
    data = path.read_bytes()
    return gzip.decompress(data) if path.suffix == ".gz" else data


def identify(messages: Iterable[amistream.Message]) -> str:
    """A digest of the messages' classes and bytes."""
    digest = hashlib.sha256()
    for message in messages:
        digest.update(f"{type(message).__name__} {len(message.raw)}\n".encode() + message.raw)
    return digest.hexdigest()


def parse(pieces: Iterable[bytes]) -> tuple[list[amistream.Message], amistream.Parser, str]:
    """All messages, the parser, and the error if the stream ended inside a message."""
    parser = amistream.Parser()
    found: list[amistream.Message] = []
    for piece in pieces:
        found += parser.feed(piece)
    try:
        found += parser.close()
    except amistream.TruncatedMessage as error:
        return [*found, *error.messages], parser, repr(error)
    return found, parser, ""


def cut(data: bytes, longest: int, seed: int) -> Iterator[bytes]:
    rng = random.Random(seed)
    offset = 0
    while offset < len(data):
        size = rng.randint(1, longest)
        yield data[offset : offset + size]
        offset += size


def value_digest(messages: Iterable[amistream.Message]) -> str:
    """A digest of everything that can be read from the messages; both twins must give the same."""
    digest = hashlib.sha256()
    for message in messages:
        values = [getattr(message, attribute) for attribute in type(message).headers()]
        dicts = (message.to_dict(), message.to_dict(typed=True))
        readings = (message.name, message.data, message.process(), *dicts, values)
        digest.update(repr(readings).encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def examine(data: bytes, seed: int) -> dict[str, object]:
    """The contents of one stream, and the problems found in reading it."""
    problems = checks.Problems()
    messages, parser, truncated = parse(cut(data, len(data) + 1, seed))
    if truncated:
        problems.add("the stream ends inside a message", truncated)
    for message in messages:
        if isinstance(message, amistream.Event):
            checks.check_event(message, problems)
    kinds = Counter(checks.kind(message) for message in messages)
    checks.compare_counts(kinds, checks.count_by_bytes(data), problems)
    expected = identify(messages)
    for longest in PIECE_SIZES:
        part = data if longest > 100 else data[:SMALL_PIECES_LIMIT]
        other, _, _ = parse(cut(part, longest, seed))
        wanted = expected if part is data else identify(messages[: len(other)])
        if identify(other) != wanted:
            problems.add(f"the messages differ if pieces have up to {longest} bytes")
    for names in SELECTIONS:
        check_selection(data, messages, names, problems)
    if parser.messages != len(messages) or parser.bytes != len(data):
        problems.add("the parser's own counts are wrong")
    return {
        "kinds": kinds,
        "malformed": parser.malformed,
        "messages": expected,
        "values": value_digest(messages),
        "problems": problems.found,
    }


def check_selection(
    data: bytes, messages: list[amistream.Message], names: set[str], problems: checks.Problems
) -> None:
    """A parser with `only=` returns exactly the selected events."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", amistream.UnknownEventName)  # those of modules and users
        parser = amistream.Parser(only=names)
    found = parser.feed(data)
    events = (message for message in messages if isinstance(message, amistream.Event))
    wanted = [event for event in events if event.name in names]
    if identify(found) != identify(wanted) or parser.skipped != len(messages) - len(found):
        problems.add(f"only={sorted(names)} returns different messages")


def main() -> None:
    folder, seed = Path(sys.argv[1]), int(sys.argv[2])
    streams = {path.name: examine(load(path), seed) for path in sorted(folder.glob("*.ami*"))}
    print(json.dumps({"twin": amistream.IMPLEMENTATION, "streams": streams}))


if __name__ == "__main__":
    main()

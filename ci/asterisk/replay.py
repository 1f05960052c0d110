"""Parses saved streams with the loaded twin, checks every message, and prints it all as JSON."""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import checks

import amistream

CUTS = (1, 17, 400, 70_000)
"""The longest pieces, in bytes, that a stream is cut into at random."""
SELECTIONS = ({"Hangup"}, {"Newexten", "QueueMember", "RTCPSent"}, {"NoSuchEvent"})
PIECE_BY_PIECE = 500_000
"""How much of a stream is cut into the smallest pieces, in bytes."""


def load(path: Path) -> bytes:
    data = path.read_bytes()
    return gzip.decompress(data) if path.suffix == ".gz" else data


def identify(messages: Iterable[amistream.Message]) -> str:
    """A digest of which messages these are."""
    digest = hashlib.sha256()
    for message in messages:
        digest.update(f"{type(message).__name__} {len(message.raw)}\n".encode() + message.raw)
    return digest.hexdigest()


def parse(pieces: Iterable[bytes]) -> tuple[list[amistream.Message], amistream.Parser, str]:
    """All messages, the parser, and what was left over at the end."""
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
    dice = random.Random(seed)
    at = 0
    while at < len(data):
        size = dice.randint(1, longest)
        yield data[at : at + size]
        at += size


def value_digest(messages: Iterable[amistream.Message]) -> str:
    """A digest of everything that can be read off the messages: the twins have to agree on it."""
    digest = hashlib.sha256()
    for message in messages:
        values = [getattr(message, attribute) for attribute in type(message).headers()]
        dicts = (message.to_dict(), message.to_dict(typed=True))
        every = (message.name, message.data, message.process(), *dicts, values)
        digest.update(repr(every).encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def examine(data: bytes, seed: int) -> dict[str, object]:
    """What one stream holds, and what is wrong with how it is read."""
    problems = checks.Problems()
    messages, parser, left_over = parse(cut(data, len(data) + 1, seed))
    if left_over:
        problems.add("the stream ends inside a message", left_over)
    for message in messages:
        if isinstance(message, amistream.Event):
            checks.check_event(message, problems)
    kinds = Counter(checks.kind(message) for message in messages)
    checks.compare_counts(kinds, checks.plain_count(data), problems)
    whole = identify(messages)
    for longest in CUTS:
        part = data if longest > 100 else data[:PIECE_BY_PIECE]
        other, _, _ = parse(cut(part, longest, seed))
        wanted = whole if part is data else identify(messages[: len(other)])
        if identify(other) != wanted:
            problems.add(f"cut into pieces of up to {longest} bytes, the messages are others")
    for names in SELECTIONS:
        check_selection(data, messages, names, problems)
    if parser.messages != len(messages) or parser.bytes != len(data):
        problems.add("the parser's own counts are wrong")
    return {
        "kinds": kinds,
        "malformed": parser.malformed,
        "messages": whole,
        "values": value_digest(messages),
        "problems": problems.found,
    }


def check_selection(
    data: bytes, messages: list[amistream.Message], names: set[str], problems: checks.Problems
) -> None:
    """A parser that is to build only some events gives just those."""
    parser = amistream.Parser(only=names)
    found = parser.feed(data)
    events = (message for message in messages if isinstance(message, amistream.Event))
    wanted = [event for event in events if event.name in names]
    if identify(found) != identify(wanted) or parser.skipped != len(messages) - len(found):
        problems.add(f"only={sorted(names)} gives other messages")


def main() -> None:
    folder, seed = Path(sys.argv[1]), int(sys.argv[2])
    streams = {path.name: examine(load(path), seed) for path in sorted(folder.glob("*.ami*"))}
    print(json.dumps({"twin": amistream.IMPLEMENTATION, "streams": streams}))


if __name__ == "__main__":
    main()

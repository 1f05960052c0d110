"""The kept inputs, one archive per target, and the inputs that fuzzing starts with."""

from __future__ import annotations

import gzip
import hashlib
import re
import zipfile
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

from support.paths import DATA
from support.pieces import HEADERS, LINES

from fuzz import streams, values
from fuzz.prefix import PLAIN

HERE = Path(__file__).parent
LONGEST = {"streams": 1024, "values": 128}
"""The longest input of each target, in bytes."""
CAPTURES = ("every-event", "list-actions", "queue-events")
CAPTURED = 400_000
EPOCH = (1980, 1, 1, 0, 0, 0)

WORDS = (
    b"16 -1 +7 007 0.5 1e5 .5 5. nan inf -inf 65536 00:01:02 99:59:59 a=b=c red <none> <unknown> "
    b"10.0.0.1:5060 [2001:db8::1]:5061 2001:db8::1:80 h:65535 h:65536 h:00001 h:000001 [h:1 h]:1 "
    b"Unmonitored Yes no true Enabled (null) INUSE"
).split()
ODD = (
    b"Event: X\r\n\r\n\r",
    b"Event: X-Fuzzed\r\nOtherInt: 1\r\n OtherInt : 2\r\n\r\n",
    b"Event: X-Fuzzed\r\n OtherInt : 1\r\notherint: 2\r\n\r\n",
)
SPACED = (
    b"",
    b"OK (31 ms)",
    b"0.1230 (sec)",
    b"Chlo\xc3\xab",
    b"\xff",
    64 * b"9",
    65 * b"9",
    b"1\r\n 2",
)


def load(target: str) -> dict[str, bytes]:
    """The kept inputs of a target, by name; empty if there is no archive yet."""
    if not archive(target).exists():
        return {}
    with zipfile.ZipFile(archive(target)) as kept:
        return {name: kept.read(name) for name in kept.namelist()}


def save(target: str, inputs: Iterable[bytes]) -> None:
    """Save these inputs; the same inputs make the same archive."""
    by_name = {hashlib.sha256(one).hexdigest()[:16]: one for one in inputs}
    with zipfile.ZipFile(archive(target), "w", zipfile.ZIP_DEFLATED, compresslevel=9) as kept:
        for name, one in sorted(by_name.items()):
            kept.writestr(zipfile.ZipInfo(name, EPOCH), one, zipfile.ZIP_DEFLATED)


def archive(target: str) -> Path:
    return HERE / f"corpus-{target}.zip"


def seeds(target: str) -> list[bytes]:
    """The inputs that fuzzing starts with besides the kept ones: messages, odd lines, values."""
    if target == "values":
        return hand_made(target)
    found = [*prefixed(captured()), *hand_made(target)]
    # The same streams again with other choices, which vary from input to input.
    varied = [bytes(48 + (n * k) % 97 for k in range(streams.PREFIX)) for n in range(len(found))]
    return found + [
        prefix + one[streams.PREFIX :] for prefix, one in zip(varied, found, strict=True)
    ]


def hand_made(target: str) -> list[bytes]:
    """Inputs that are always replayed, even if a kept input reaches the same code."""
    if target == "values":
        return [values.PREFIX * PLAIN + value for value in (*WORDS, *SPACED)]
    return prefixed([*made(), *at_limits(), *ODD])


def prefixed(found: list[bytes]) -> list[bytes]:
    return [streams.PREFIX * PLAIN + one for one in found]


def captured() -> list[bytes]:
    """The first message of each kind in the captures, shortened, with the message before it."""
    known: set[bytes] = set()
    found: list[bytes] = []
    for capture in CAPTURES:
        data = gzip.decompress((DATA / f"{capture}.ami.gz").read_bytes())[:CAPTURED]
        messages = [b"", *(shortened(one) for one in re.findall(rb".+?\r\n\r\n", data, re.DOTALL))]
        for before, message in pairwise(messages):
            first_line = message.partition(b"\r\n")[0]
            if first_line not in known:
                known.add(first_line)
                found.append((before + message)[-LONGEST["streams"] + streams.PREFIX :])
    return found


def made() -> list[bytes]:
    """Each odd line in four places: between messages, in events, and in old-style output."""
    return [
        begin + line + end
        for line in sorted({*LINES, *HEADERS})
        for begin, end in (
            (b"Event: X\r\n\r\n", b"Cause: 1\r\n\r\n"),
            (b"Event: Hangup\r\nCause: 1\r\n\r\nEvent: Hangup\r\n", b"\r\n"),
            (b"Event: Hangup\r\nCause: 1\r\n", b"\r\nEvent: X\r\n\r\n"),
            (b"Response: Follows\r\nPrivilege: Command\r\n", b"a: b\n--END COMMAND--\r\n\r\n"),
        )
    ]


def at_limits() -> list[bytes]:
    """Events with sizes just below, at and just above the limits of the twins' caches."""
    found = []
    for size in range(62, 68):
        many = b"".join(b"%d:\r\n" % number for number in range(size))
        long_name, long_value = size * b"n" + b": 1\r\n", b"a: " + size * b"v" + b"\r\n"
        found += [
            2 * (b"Event: X\r\n" + lines + b"\r\n") for lines in (many, long_name, long_value)
        ]
        found.append(2 * (b"Event: " + size * b"e" + b"\r\na: 1\r\n\r\n"))
        found.append(2 * (b"Event: " + size * b"e " + b"\r\na: 1\r\n\r\n"))
        found.append(b"Response: Success\r\n" + many + many + b"\r\n")
    return found


def shortened(message: bytes) -> bytes:
    """The first and the last lines of a message."""
    lines = message.splitlines(keepends=True)
    return b"".join(lines[:6] + lines[6:][-5:])

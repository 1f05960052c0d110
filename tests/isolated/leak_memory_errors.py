"""If memory runs out at any point of a feed, the parser still reads the next chunk."""

from __future__ import annotations

import random
import sys
from contextlib import suppress

from flat import HANGUP, PONG, stay_flat

import amistream

if amistream.IMPLEMENTATION == "pure":
    print("some of Python's own objects do not survive exhausted memory")
    sys.exit(77)
try:
    from _testcapi import remove_mem_hooks, set_nomemory
except ImportError:
    print("this Python has no _testcapi to make memory run out")
    sys.exit(77)

STRAY = b"ActionID: 3\r\nEvent: Hangup\r\nCause: 16\r\n\r\n"
WHOLE = HANGUP + PONG + STRAY
PARTS = [
    HANGUP,
    STRAY,
    b"Response: Follows\r\nfoo\r\nbar\r\n--END COMMAND--\r\n\r\n",
    b"Event: Long\r\nX: " + 300 * b"y" + b"\r\n\r\n",
    b"Bare: " + 150 * b"z" + b"\nB: 1\n\n",
    b"Bla\r\n",
]
RANDOM = random.Random(0)
CHUNKS = [WHOLE, HANGUP + WHOLE[:20], WHOLE[20:], HANGUP[:-3], b"\r\n", STRAY[:30], STRAY[30:]]


def feed(parser: amistream.Parser, chunk: bytes, allocations: int, read: bool = True) -> bool:
    """Feed with memory for this many allocations; return whether that was enough."""
    try:
        set_nomemory(allocations, allocations + 1)
        try:
            for message in parser.feed(chunk):
                if read:
                    message.get("Cause")
                    message.to_dict()
        finally:
            remove_mem_hooks()
    except MemoryError:
        return False
    return True


def mixed() -> int:
    """Feed random chunks, some exceeding the bound, while memory runs out at random."""
    parser = amistream.Parser(max_message=200)
    for _ in range(8):
        chunk = b"".join(RANDOM.choices(PARTS, k=RANDOM.randint(1, 5)))
        at = RANDOM.randrange(len(chunk))
        chunk = chunk[at:] if RANDOM.random() < 0.3 else chunk[:at]
        with suppress(amistream.MessageTooLarge):
            # The messages are not read: random names would keep filling the caches.
            feed(parser, chunk, RANDOM.randrange(60), read=False)
    return int(parser.messages)


def step() -> int:
    taken = sum(mixed() for _ in range(100))
    for allocations in range(80):
        parser = amistream.Parser()
        parser.feed(HANGUP)
        sufficed = True
        for chunk in CHUNKS:
            sufficed = feed(parser, chunk, allocations) and sufficed
        parser.feed(b"\r\n\r\n\r\n\r\n")
        offset = parser.bytes
        found = parser.feed(WHOLE + b"Event: Cut")
        if [message.raw for message in found] != [HANGUP, PONG, STRAY]:
            raise SystemExit(f"after {allocations} allocations: {found}")
        try:
            parser.close()
        except amistream.TruncatedMessage as error:
            if error.offset != offset + len(WHOLE):
                raise SystemExit(f"after {allocations} allocations: at {error.offset}") from None
        taken += parser.messages
    return taken


stay_flat(step)

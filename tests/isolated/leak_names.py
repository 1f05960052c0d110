"""A stream of ever new event names, header names and first lines cannot fill memory."""

from __future__ import annotations

import itertools

from flat import CACHED, FULL, stay_flat

import amistream

PARSER = amistream.Parser()
NUMBERS = itertools.count()


def event(number: int) -> bytes:
    """An event with names that no other event has; some of them are long."""
    end = str(number).encode()
    name = b"Name%s%s" % (end, (number % 7 == 0) * 3_000 * b"n")
    headers = [b"Own-%s-%d%s: %s" % (end, i, (number % 5 == 0) * 900 * b"h", end) for i in range(3)]
    first = b"Event: Hangup" if number % 3 == 0 else b"Event: " + name
    if number % 11 == 0:
        first = b"Event: User-" + end  # a name with a hyphen
    return b"\r\n".join([first, *headers, b"UserEvent: " + name, b"", b""])


def step() -> int:
    for message in PARSER.feed(b"".join(event(next(NUMBERS)) for _ in range(100))):
        message.get("Own-1")
        message.to_dict()
        message.process()
    return 100


stay_flat(step, FULL, CACHED)

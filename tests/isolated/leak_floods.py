"""Hostile streams whose names never repeat, read in every way, cannot fill memory."""

from __future__ import annotations

import contextlib
import itertools
import pickle
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from flat import CACHED, FULL, stay_flat
from support.hostile import LARGE, MESSAGES, STREAMS

import amistream

PARSER = amistream.Parser(max_message=1 << 18, max_line=1 << 17)
TURNS = itertools.count()
SHAPES = [*MESSAGES.values(), *STREAMS.values(), LARGE]
LONG_NAMES = 3
"""How many names of 100,000 bytes each step has and asks for."""


def read(message: amistream.Message) -> None:
    for attribute in type(message).headers():
        getattr(message, attribute)
    for name in itertools.islice(message, 5):
        message.get(name)
    message.to_dict(), message.to_dict(typed=True), message.process(), message.data, repr(message)
    pickle.loads(pickle.dumps(message))


def feed(stream: bytes) -> list[amistream.Message]:
    found: list[amistream.Message] = []
    while True:
        try:
            return found + PARSER.feed(stream)
        except amistream.MessageTooLarge as error:  # noqa: PERF203 (it nearly always runs once)
            found += error.messages
            stream = b""


def step() -> int:
    turn = next(TURNS)
    collector = amistream.Collector(max_open=10, timeout=1e-6, on_timeout=lambda _: None)
    stream = b"Event: Before\r\n\r\n".join(shape(70) for shape in SHAPES)
    for name in (b"\nH", b"Own", b"Their", b"Work"):
        stream = stream.replace(name, name + b"%d-" % turn)
    long_names = (b"N%d-%d" % (turn, number) + 100_000 * b"n" for number in range(LONG_NAMES))
    stream += b"".join(b"Event: " + n + b"\r\n" + n + b": 1\r\n\r\n" for n in long_names)
    messages = feed(stream)
    for message in messages:
        read(message)
        with contextlib.suppress(amistream.TooManyLists):
            collector.add(message)
    return len(messages)


stay_flat(step, FULL // 3, CACHED)

"""A user's classes with slots, `__dict__`, weak references or `__del__` do not leak."""

from __future__ import annotations

import copy
import weakref

from flat import HANGUP, stay_flat

import amistream
from amistream.headers import Int, Text

ended = [0]


@amistream.register
class Plain(amistream.Event):
    """A class with empty slots."""

    __slots__ = ()

    cause = Int("Cause")
    uniqueid = Text("Uniqueid")

    def __del__(self) -> None:
        ended[0] += 1


@amistream.register
class Slotted(amistream.Event):
    """A class with slots."""

    __slots__ = ("__weakref__", "note")

    cause = Int("Cause")


@amistream.register
class Open(Slotted):
    """A class with a `__dict__` and a `__del__`."""

    uniqueid = Text("Uniqueid")

    def __del__(self) -> None:
        ended[0] += 1


@amistream.register
class Risen(amistream.Event):
    """A class whose `__del__` makes the object reachable again, once."""

    __slots__ = ("again",)

    def __del__(self) -> None:
        RISEN.append(self)


RISEN: list[Risen] = []
GONE: list[weakref.ref[Open]] = []
PARSER = amistream.Parser()
NAMES = ("Plain", "Slotted", "Open", "Risen")
STREAM = b"".join(HANGUP.replace(b"Hangup", name.encode()) for name in 100 * NAMES)


def step() -> int:
    before, ends = PARSER.messages, ended[0]
    for message in PARSER.feed(STREAM):
        if isinstance(message, Slotted):
            message.note = [message.cause]
            weakref.ref(message)
            copy.copy(message)
        if isinstance(message, Open):
            message.more = weakref.ref(message, GONE.append)
        message.to_dict()
        type(message)(message.raw)
    del message
    # Each Open was also copied, and each class was also called.
    if ended[0] - ends != 500:
        raise SystemExit(f"__del__ ran for {ended[0] - ends} of 500 objects")
    if len(RISEN) != 200 or any(one["Cause"] != "16" for one in RISEN):
        raise SystemExit(f"{len(RISEN)} of 200 came back")
    if len(GONE) != 100:
        raise SystemExit(f"{len(GONE)} of 100 weak references were called back")
    RISEN.clear()
    GONE.clear()
    return PARSER.messages - before


stay_flat(step)

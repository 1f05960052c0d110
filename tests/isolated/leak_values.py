"""User events with ever new names, and values outside every enumeration, do not leak."""

from __future__ import annotations

import itertools
from enum import Enum

from flat import stay_flat

import amistream
from amistream import enums
from amistream.core_events import UserEvent
from amistream.headers import Enumeration, Int


class Tier(str, Enum):
    """A user's enumeration, which accepts no other values."""

    GOLD = "gold"


@amistream.user_event("Known")
class Known(UserEvent):
    """A user event with its own class."""

    __slots__ = ()

    cause = Enumeration("Cause", of=enums.HangupCause)
    state = Enumeration("State", of=enums.DeviceState)
    tier = Enumeration("Tier", of=Tier)
    number = Int("Number")


PARSER = amistream.Parser()
ONLY = amistream.Parser(only={Known})
NUMBERS = itertools.count(1_000)
EVENT = (
    b"Event: UserEvent\r\nUserEvent: %s\r\nCause: %d\r\nState: S%d\r\nTier: T%d\r\n"
    b"Number: 9%d0000000000000000000\r\n\r\n"
)


def event(number: int) -> bytes:
    called = b"Known" if number % 2 else b"Called%d" % number
    return EVENT % (called, number, number, number, number)


def step() -> int:
    stream = b"".join(event(next(NUMBERS)) for _ in range(100))
    for message in PARSER.feed(stream):
        if isinstance(message, Known):
            assert message.cause.name == f"UNKNOWN_{message.cause}"
            assert message.state == message["State"]
            assert message.tier is None
            assert message.number
        message.to_dict(typed=True)
    assert len(ONLY.feed(stream)) == 50
    return 100


stay_flat(step)

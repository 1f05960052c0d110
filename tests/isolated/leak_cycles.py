"""The GC collects events in reference cycles, and classes that are made and dropped."""

from __future__ import annotations

from flat import HANGUP, stay_flat

import amistream
from amistream.headers import Text


@amistream.register
class Linked(amistream.Event):
    """Holds a reference to another event."""

    __slots__ = ("parser", "to")


LINKED = HANGUP.replace(b"Hangup", b"Linked")


def dropped_class() -> None:
    """Make and drop a class in a cycle with itself, its header, a parser and its events."""

    class Dropped(amistream.Event):
        note = Text("Note")

    Dropped.own = Dropped  # type: ignore[attr-defined]
    Dropped.note.__set_name__(Dropped, "note")
    Dropped.last = Dropped(HANGUP)  # type: ignore[attr-defined]
    Dropped.last.me = Dropped.last  # type: ignore[attr-defined]
    Dropped.last.note  # noqa: B018
    Dropped.parser = amistream.Parser()  # type: ignore[attr-defined]
    Dropped.parser.feed(2 * HANGUP + b"Event: Cut")  # type: ignore[attr-defined]


def step() -> int:
    taken = 0
    for number in range(40):
        parser = amistream.Parser(only={Linked})
        found = parser.feed(25 * LINKED)
        for message, other in zip(found, [*found[1:], found[0]], strict=True):
            message.to, message.parser = other, parser
            message.get("Cause")
        if number % 20 == 0:
            dropped_class()
        taken += len(found)
    return taken


stay_flat(step)

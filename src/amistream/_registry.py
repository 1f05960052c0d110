"""Which class serves which event name: read by both twins, written when classes are registered."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

classes: dict[bytes, type] = {}
"""Event name, as on the wire, to the class that serves it. Names are only ever added."""

_bases: dict[str, type] = {}


class Selection(NamedTuple):
    """What a parser builds: a class, or None for what it skips on the raw bytes."""

    every_name: bool
    names: dict[bytes, type]
    event: type | None
    response: type | None
    message: type | None


def bind(message: type, event: type, response: type) -> None:
    """Tell the twins the three classes of messages.py, which are built on the twins' own."""
    _bases.update(message=message, event=event, response=response)


def register(cls: type, name: str) -> None:
    """Let `cls` serve the events called `name`; ValueError if another class does already."""
    serving = classes.setdefault(name.encode(), cls)
    if serving is not cls:
        raise ValueError(f"events named {name!r} are served by {serving.__name__} already")


def select(only: Any) -> Selection:
    """Resolve `Parser(only=...)`: event classes and event names, or the base classes themselves.

    TypeError for anything else, ValueError for an event class no name is registered for.
    """
    message, event, response = _bases["message"], _bases["event"], _bases["response"]
    if only is None:
        return Selection(True, classes, event, response, message)
    wanted: dict[bytes, type] = {}
    kept: set[type] = set()
    for item in _items(only):
        if isinstance(item, str):
            name = item.encode("utf-8", "surrogateescape")
            wanted[name] = classes.get(name, event)
        elif item in (message, event, response):
            kept.add(item)
        elif isinstance(item, type) and issubclass(item, event):
            wanted.update(_names_of(item))
        else:
            raise TypeError(f"only= takes event classes and event names, not {item!r}")
    if message in kept:
        return Selection(True, classes, event, response, message)
    return Selection(
        every_name=event in kept,
        names=classes if event in kept else wanted,
        event=event if event in kept else None,
        response=response if response in kept else None,
        message=None,
    )


def _items(only: Any) -> Iterable[Any]:
    if isinstance(only, str | type):
        return (only,)
    if not isinstance(only, Iterable):
        raise TypeError(f"only= takes event classes and event names, not {only!r}")
    return only


def _names_of(cls: type) -> dict[bytes, type]:
    names = {name: serving for name, serving in classes.items() if serving is cls}
    if not names:
        raise ValueError(f"only=: no event name is registered for {cls.__name__}")
    return names

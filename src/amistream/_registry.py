"""The registry of event classes: the class for each event's name, and what `only=` selects."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from amistream._wire import USER_EVENT
from amistream.errors import EventNameTaken

classes: dict[bytes, type] = {}
"""The class that serves each event name, as on the wire. Names are only added."""

user_events: dict[bytes, type] = {}
"""The class that serves each UserEvent, by the value of its header UserEvent."""

_bases: dict[str, type] = {}


class Selection(NamedTuple):
    """The class that a parser builds for each kind of message; None if it skips the kind.

    An event named UserEvent is built as the class that `user_events` has for its header UserEvent,
    or else as `user_event`. `names` has the name UserEvent if any of these is wanted.
    """

    names: dict[bytes, type]
    user_events: dict[bytes, type]
    user_event: type | None
    event: type | None
    response: type | None
    message: type | None


def bind(message: type, event: type, response: type) -> None:
    """Make the three classes of messages.py known; they derive from the twin's MessageCore."""
    _bases.update(message=message, event=event, response=response)


def register(cls: type, name: str) -> None:
    """Let `cls` serve the events called `name`; EventNameTaken if another class does already."""
    _add(classes, cls, name)


def register_user_event(cls: type, name: str) -> None:
    """Let `cls` serve the UserEvents called `name`; EventNameTaken if another class does."""
    _add(user_events, cls, name)


def _add(names: dict[bytes, type], cls: type, name: str) -> None:
    serving = names.setdefault(name.encode("utf-8", "surrogateescape"), cls)
    if serving is not cls:
        raise EventNameTaken(name, serving)


def select(only: Any) -> Selection:
    """Resolve `Parser(only=...)`: event classes, event names, or the three base classes.

    TypeError for anything else, ValueError for an event class that serves no name.
    """
    message, event, response = _bases["message"], _bases["event"], _bases["response"]
    every_event = Selection(
        classes, user_events, classes.get(USER_EVENT, event), event, response, message
    )
    if only is None:
        return every_event
    wanted: dict[bytes, type] = {}
    wanted_user_events: dict[bytes, type] = {}
    kept: set[type] = set()
    for item in _items(only):
        if isinstance(item, str):
            name = item.encode("utf-8", "surrogateescape")
            wanted[name] = classes.get(name, event)
        elif item in (message, event, response):
            kept.add(item)
        elif isinstance(item, type) and issubclass(item, event):
            names, own_user_events = _served_by(item, classes), _served_by(item, user_events)
            if not names and not own_user_events:
                raise ValueError(f"only=: no event name is registered for {item.__name__}")
            wanted.update(names)
            wanted_user_events.update(own_user_events)
        else:
            raise TypeError(f"only= takes event classes and event names, not {item!r}")
    if message in kept:
        return every_event
    others = response if response in kept else None
    if event in kept:
        return every_event._replace(response=others, message=None)
    if USER_EVENT in wanted:
        wanted_user_events = user_events
    elif wanted_user_events:
        wanted[USER_EVENT] = event
    user_event = wanted[USER_EVENT] if wanted_user_events is user_events else None
    return Selection(wanted, wanted_user_events, user_event, None, others, None)


def _items(only: Any) -> Iterable[Any]:
    if isinstance(only, str | type):
        return (only,)
    if not isinstance(only, Iterable):
        raise TypeError(f"only= takes event classes and event names, not {only!r}")
    return only


def _served_by(cls: type, names: dict[bytes, type]) -> dict[bytes, type]:
    return {name: serving for name, serving in names.items() if serving is cls}

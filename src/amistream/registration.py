"""Users' own classes: for the events of vendors' modules and for UserEvents of a dialplan."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from amistream import _registry
from amistream.messages import Event

__all__ = ["register", "user_event"]

EventClass = TypeVar("EventClass", bound=type[Event])


def register(cls: EventClass) -> EventClass:
    """Make parsers use `cls` for the events with its name; also works as a decorator.

    The name is the class's own, or the one given in `class Sold(Event, name="Shop-Sold")`.
    EventNameTaken if another class serves the name; TypeError if `cls` is not an event class.
    """
    _check(cls)
    _registry.register(cls, cls._event_name)
    return cls


def user_event(name: str) -> Callable[[EventClass], EventClass]:
    """Make parsers use the decorated class for `Event: UserEvent` with `UserEvent: name`.

    Derive the class from `core_events.UserEvent` to include the channel's headers. EventNameTaken
    if another class serves the name.
    """
    if not isinstance(name, str) or not name or name != name.strip():
        raise ValueError(f"a user event needs its name, not {name!r}")

    def decorate(cls: EventClass) -> EventClass:
        _check(cls)
        _registry.register_user_event(cls, name)
        return cls

    return decorate


def _check(cls: object) -> None:
    if not isinstance(cls, type) or not issubclass(cls, Event):
        raise TypeError(f"only classes that derive from Event can be registered, not {cls!r}")

"""Classes of one's own: events of vendors' modules, and UserEvents of one's own dialplan."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from amistream import _registry
from amistream.messages import Event

__all__ = ["register", "user_event"]

EventClass = TypeVar("EventClass", bound=type[Event])


def register(cls: EventClass) -> EventClass:
    """Let parsers build `cls` for the events of its name; also as a decorator.

    The name is the class's own, or what `class Sold(Event, name="Shop-Sold")` says.
    EventNameTaken if another class serves it; TypeError if `cls` is no class of events.
    """
    _check(cls)
    _registry.register(cls, cls._event_name)
    return cls


def user_event(name: str) -> Callable[[EventClass], EventClass]:
    """Let parsers build the decorated class for `Event: UserEvent` with `UserEvent: name`.

    Derive the class from `core_events.UserEvent` to have the channel's headers. EventNameTaken
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

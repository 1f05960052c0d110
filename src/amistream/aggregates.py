"""Aggregates: what gathers the events of one list. The lists themselves are in `events/`.

A list is Asterisk's answer to an action such as QueueStatus: member events, then a finisher event,
all with the ActionID of the action. An aggregate class describes one kind of list. It stands in
the module of its events and is registered there with `register_list`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from amistream.messages import Event, Message


class Aggregate(dict[Any, Any]):
    """One list. It maps each member class, and its name, to the members; the finisher to its event.

    The value of a member class is a list, empty until the first member arrives. The value of the
    finisher is None until it arrives. If Asterisk has announced the list, every event with its
    ActionID joins it: an event that is of no member class is stored under its name, and also
    under its class if it has a class of its own.
    """

    members: ClassVar[tuple[type[Event], ...]] = ()
    """The event classes of the members."""
    finisher: ClassVar[type[Event]] = Event
    """The event class that ends the list."""
    count_header: ClassVar[str] = "ListItems"
    """The finisher's header that says how many members were sent. ListItems is checked as well."""
    uncounted: ClassVar[tuple[type[Event], ...]] = ()
    """The member classes that Asterisk sends but does not count."""
    mark: ClassVar[tuple[str, str | None] | None] = None
    """A header, and its text (None: any text), that only the members of this kind of list have.

    It distinguishes the kind from other kinds with the same event classes."""
    opens_unasked: ClassVar[bool] = True
    """Whether a Collector opens the list at its first event. If False, the list must be announced
    by Asterisk or opened by the program."""
    anonymous: ClassVar[bool] = False
    """Whether Asterisk sends the members without the ActionID. They are then known by `mark`."""

    def __init__(self, action_id: str, *, max_members: int | None = None) -> None:
        super().__init__()
        self.max_members = max_members
        self._action_id = action_id
        self._events: list[Event] = []
        self._received = 0
        self._announced = False
        self._ended_by: Event | None = None
        self._finished = False
        self._error_message: str | None = None
        for member in self.members:
            self[member] = self[member.__name__] = []
        if self.finisher is not Event:
            self[self.finisher] = self[self.finisher.__name__] = None

    @property
    def name(self) -> str:
        """The aggregate's class name."""
        return type(self).__name__

    @property
    def action_id(self) -> str:
        """The ActionID of the events."""
        return self._action_id

    @property
    def events(self) -> list[Event]:
        """The events that joined the list, in the order of their arrival, without `ended_by`."""
        return self._events

    @property
    def received(self) -> int:
        """How many events joined the list, including those beyond `max_members`."""
        return self._received

    @property
    def ended_by(self) -> Event | None:
        """The event that ended the list; None if the list is open, was refused or timed out."""
        return self._ended_by

    @property
    def announced(self) -> bool:
        """Whether Asterisk has answered that the list starts."""
        return self._announced

    @property
    def finished(self) -> bool:
        """Whether the list has ended. It takes no more events then."""
        return self._finished

    @property
    def valid(self) -> bool:
        """Whether no error was found; an open list is valid so far."""
        return self._error_message is None

    @property
    def error_message(self) -> str | None:
        """Why the list is not valid, or None."""
        return self._error_message

    @property
    def finisher_name(self) -> str:
        """The finisher's name, for error messages."""
        return self.finisher.__name__

    @classmethod
    def has_mark(cls, event: Event) -> bool:
        """Whether the event has the `mark` of this kind of list; False if the kind has none."""
        if cls.mark is None:
            return False
        header, text = cls.mark
        return header in event if text is None else event.get(header) == text

    def announce(self) -> None:
        """Note that Asterisk has announced the list: every event with its ActionID joins it."""
        self._announced = True

    def evaluate_event(self, event: Message) -> bool | None:
        """Add an event. True if it ends the list, False if it joins the list, None otherwise."""
        if self._finished or not isinstance(event, Event):
            return None
        member = next((cls for cls in self.members if isinstance(event, cls)), None)
        ends = member is None and isinstance(event, self.finisher)
        if not (member or ends or self._announced):
            return None
        if event.action_id != self._action_id and not self._is_anonymous(event):
            return None
        if ends:
            self[self.finisher] = self[self.finisher.__name__] = event
            return self._end(event)
        if member is None and ends_a_list(event):
            return self._end(event, f"{event.name} ended it, not {self.finisher_name}")
        return self._join(event, member)

    def take_over(self, other: Aggregate) -> None:
        """Add the events of another aggregate, which gathered the same announced list so far."""
        self.announce()
        for event in other.events:
            self.evaluate_event(event)
        self._received = other.received

    def finish(self) -> None:
        """End the list without its finisher: Asterisk has said otherwise that it is whole."""
        self._finished = True

    def fail(self, reason: str) -> None:
        """End the list without its finisher; `reason` becomes its error message."""
        self._finished = True
        self._error_message = reason

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str):
            return self.name == other
        return self is other

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None  # an aggregate equals its name, but no two aggregates are equal

    def __repr__(self) -> str:
        names = [key for key, value in self.items() if isinstance(value, list)]
        counts = [f"{len(self[name])} {name}" for name in names if isinstance(name, str)]
        state = "open" if not self._finished else self._error_message or "whole"
        return f"<{self.name} {self._action_id!r}: {', '.join(counts) or 'no events'}; {state}>"

    def _is_anonymous(self, event: Event) -> bool:
        return self.anonymous and event.action_id is None and self.has_mark(event)

    def _join(self, event: Event, member: type[Event] | None) -> bool:
        self._received += 1
        if self.max_members is None or self._received <= self.max_members:
            self._events.append(event)
            stored = self._stored_under_name(event) if member is None else self[member]
            stored.append(event)
        return False

    def _stored_under_name(self, event: Event) -> list[Event]:
        """The events of no member class that have this event's name."""
        value = self.get(event.name)
        stored: list[Event] = value if isinstance(value, list) else []
        self[event.name] = stored
        if type(event) is not Event:
            self[type(event)] = stored
        return stored

    def _end(self, event: Event, reason: str | None = None) -> bool:
        self._ended_by = event
        self._finished = True
        self._error_message = self._find_error(event) or reason
        return True

    def _find_error(self, end: Event) -> str | None:
        """What the last event says that does not fit a whole list, or None."""
        if end.get("EventList", "").lower() == "cancelled":
            return f"Asterisk cancelled the list after {self._received} members"
        if self.max_members is not None and self._received > self.max_members:
            return f"{self._received} members came; only {self.max_members} were kept"
        counted = self._received - self._count_uncounted(end)
        for header in (self.count_header, "ListItems"):
            stated = end.get(header)
            if stated is not None and stated != str(counted):
                return f"{header} says {stated} members were sent; {counted} came"
        return None

    def _count_uncounted(self, end: Event) -> int:
        return sum(len(self[cls]) for cls in self.uncounted)


class EventList_Aggregate(Aggregate):
    """Any list that Asterisk announces with `EventList: start`, until its Complete or Cancelled.

    Every event with its ActionID joins it. Events of one name are stored, as a list, under that
    name, and also under their class if they have a class of their own. `ended_by` is the finisher.
    """

    @property
    def finisher_name(self) -> str:
        """What error messages call the finisher, whose class is not known."""
        return "its Complete"

    def evaluate_event(self, event: Message) -> bool | None:
        """Add an event. True if it ends the list, False if it joins the list, None otherwise."""
        if self._finished or not isinstance(event, Event) or event.action_id != self._action_id:
            return None
        if not ends_a_list(event):
            return self._join(event, None)
        self.setdefault(event.name, event)
        if type(event) is not Event:
            self.setdefault(type(event), event)
        return self._end(event)

    def _count_uncounted(self, end: Event) -> int:
        return sum(
            len(self.get(cls.__name__, ()))
            for kind in _registered.values()
            if kind.finisher.__name__ == end.name
            for cls in kind.uncounted
        )


def ends_a_list(event: Event) -> bool:
    """Whether the event's header EventList says Complete or Cancelled, in upper or lower case."""
    return event.get("EventList", "").lower() in ("complete", "cancelled")


# --- the registered kinds ---------------------------------------------------------------------

Kind = TypeVar("Kind", bound=type[Aggregate])

_registered: dict[str, type[Aggregate]] = {}
"""Class name to class, in the order of registration."""


def register_list(kind: Kind) -> Kind:
    """Class decorator: let every Collector know this kind of list by its events.

    ValueError if a kind of that name is registered already.
    """
    name = kind.__name__
    if name in _registered:
        raise ValueError(f"{name} is registered already, by {_registered[name].__module__}")
    _registered[name] = kind
    return kind


def registered_lists() -> tuple[type[Aggregate], ...]:
    """Every registered kind of list, sorted by name."""
    return tuple(_registered[name] for name in sorted(_registered))


def registered_count() -> int:
    """How many kinds of list are registered."""
    return len(_registered)


if TYPE_CHECKING:
    from amistream.core_events import *

    ALL: tuple[type[Aggregate], ...]
else:

    def __getattr__(name):
        """The registered lists, which this module once defined, and ALL of them as a tuple.

        Old pickles and `from amistream.aggregates import QueueStatus_Aggregate` find them here.
        """
        if name in _registered:
            return _registered[name]
        if name == "ALL":
            return registered_lists()
        if name == "__all__":
            return sorted([EventList_Aggregate.__name__, *_registered])
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__():
        return sorted({*globals(), *__getattr__("__all__"), "ALL", "__all__"})

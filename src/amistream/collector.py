"""The Collector: adds each message of a stream to the open list that it belongs to."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from amistream.aggregates import (
    Aggregate,
    EventList_Aggregate,
    ends_a_list,
    registered_lists,
)
from amistream.errors import TooManyLists
from amistream.messages import Event, Message, Response

__all__ = ["Collector"]

_logger = logging.getLogger("amistream")


class _Waiting:
    """An open list, with what the Collector knows about it."""

    __slots__ = ("aggregate", "announced", "asked", "deadline", "kind")

    def __init__(self, aggregate: Aggregate, deadline: float, asked: bool) -> None:
        self.deadline = deadline
        # Whether the program opened it with `open`. It then holds this aggregate object.
        self.asked = asked
        self.announced = aggregate.announced
        self.hold(aggregate)

    def hold(self, aggregate: Aggregate) -> None:
        self.aggregate = aggregate
        self.kind = type(aggregate)

    @property
    def awaits_answer(self) -> bool:
        """Whether the program opened it, and Asterisk has sent nothing of it."""
        return self.asked and not self.announced and not self.aggregate.received

    @property
    def is_unknown(self) -> bool:
        """Whether it was announced, and nothing else is known about it."""
        return self.announced and not self.asked and not self.aggregate.received


class _Role(NamedTuple):
    """How a Collector handles the messages of one class."""

    kinds: tuple[type[Aggregate], ...] = ()
    """The kinds of list that have the class as a member or as the finisher."""
    begins: tuple[type[Aggregate], ...] = ()
    """Those of `kinds` that a list becomes when an event of the class is its first."""
    anonymous: bool = False
    """Whether one of `kinds` has the class as a member that comes without the ActionID."""


# The two are equal, so they are compared by identity.
_FOREIGN = _Role()
"""The role of events that are in no list."""
_ANSWER = _Role()
"""The role of responses."""


class Collector:
    """Gathers the lists of one stream of messages, many at the same time.

    A list opens in one of three ways: the program calls `open`; Asterisk announces the list with a
    Response that says `EventList: start`; or an event arrives that can begin a list of a known
    kind. A list ends when its finisher arrives, Complete or Cancelled; when a Response refuses it
    (Error); or when `timeout` seconds have passed since it opened.

    An event joins the open list that has its ActionID. The events of an announced list determine
    its kind, and the finisher decides. If no kind has these events, the list is an
    EventList_Aggregate. Several kinds may have the same event classes: then the `mark` decides,
    and without a mark it is the first kind that has no `mark`. So an empty list of IAX peers that
    the program did not open becomes a SIPpeers_Aggregate. If a second list starts with the
    ActionID of a list that has begun, the first list ends and is not valid: Asterisk answers one
    action after another, so the finisher of the first list is lost.

    aggregates: the kinds of list that are known by their events; every registered kind by default.
    timeout: seconds until an open list is given up; None waits for ever.
    max_open: how many lists may be open at the same time; one more raises TooManyLists.
    max_members: how many members a list keeps; a list that gets more is not valid.
    on_timeout: `open`, `add` and `expire` call it with each list that timed out, before they do
        anything else. Without it a warning is logged. It may use the Collector; the lists that
        time out meanwhile wait until it returns. If it raises an Exception, the error is logged.
        Any other exception, such as KeyboardInterrupt, goes to the caller, and nothing is lost:
        the next call reports the other lists; `add` has added its message; if the message ended a
        list, the next `add` that ends no list returns it. `open` has opened nothing.
    clock: returns seconds that never go back.
    """

    def __init__(
        self,
        aggregates: Iterable[type[Aggregate]] | None = None,
        *,
        timeout: float | None = 60.0,
        max_open: int = 10_000,
        max_members: int = 1_000_000,
        on_timeout: Callable[[Aggregate], object] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if timeout is not None and timeout <= 0:
            raise ValueError(f"timeout must be positive seconds or None, not {timeout!r}")
        if max_open < 1 or max_members < 1:
            raise ValueError("max_open and max_members must be at least 1")
        self.timeout = timeout
        self.max_open = max_open
        self.max_members = max_members
        self.timed_out = 0
        self._on_timeout = on_timeout or _log_timeout
        self._clock = clock
        # Every list has the same timeout, so lists time out in the order of their opening.
        self._waiting: OrderedDict[_Waiting, None] = OrderedDict()
        self._waiting_at: dict[str, list[_Waiting]] = {}
        self._announced = 0
        self._last_announced: _Waiting | None = None
        self._overdue: deque[Aggregate] = deque()
        self._is_reporting = False
        self._unreturned: deque[Aggregate] = deque()
        self._kinds: set[type[Aggregate]] = set()
        self._kinds_of: dict[type, tuple[type[Aggregate], ...]] = {}
        self._roles: dict[type, _Role] = {}
        for kind in registered_lists() if aggregates is None else aggregates:
            self._add_kind(kind)

    def __len__(self) -> int:
        """How many lists are open."""
        return len(self._waiting)

    def __bool__(self) -> bool:
        return True

    def __setstate__(self, state: dict[str, Any]) -> None:
        # Pickles of 0.1.0 have no queues. A copy that `on_timeout` makes does not run in it.
        queues: dict[str, Any] = {"_overdue": deque(), "_unreturned": deque()}
        vars(self).update(queues | state | {"_is_reporting": False})

    @property
    def waiting(self) -> list[Aggregate]:
        """The open lists, the oldest first."""
        return [entry.aggregate for entry in self._waiting]

    def open(self, aggregate: Aggregate) -> Aggregate:
        """Open a list that the program has asked for. TooManyLists if `max_open` lists are open.

        Asterisk may have announced the list already, but must not have sent an event of it.
        """
        self._expire_overdue()
        self._add_kind(type(aggregate))
        if aggregate.max_members is None:
            aggregate.max_members = self.max_members
        entries = self._waiting_at.get(aggregate.action_id, [])
        unknown = next((entry for entry in entries if entry.is_unknown), None)
        if unknown is not None:
            aggregate.announce()
            unknown.asked = True
            unknown.hold(aggregate)
            return aggregate
        if any(entry.kind is type(aggregate) for entry in entries):
            raise ValueError(f"{aggregate.name} {aggregate.action_id!r} is open already")
        self._add_open(aggregate, asked=True)
        return aggregate

    def add(self, message: Message) -> Aggregate | None:
        """Add a message. Returns the list that the message ends, or None."""
        if self._waiting or self._overdue:
            try:
                self._expire_overdue()
            except BaseException:
                self._add_interrupted(message)
                raise
        role = self._roles.get(type(message)) or self._learn_role(type(message))
        if role is not _FOREIGN or self._announced:
            ended = self._take(message, role)
            if ended is not None:
                return ended
        return self._unreturned.popleft() if self._unreturned else None

    def expire(self) -> list[Aggregate]:
        """End the overdue lists and return them. Call it while no messages arrive."""
        return self._expire_overdue()

    def _add_kind(self, kind: type[Aggregate]) -> None:
        if kind in self._kinds or kind.finisher is Event:
            return
        if kind.finisher in kind.members:
            raise ValueError(f"{kind.__name__} never ends: its finisher is a member")
        self._kinds.add(kind)
        self._roles.clear()
        for cls in (*kind.members, kind.finisher):
            self._kinds_of[cls] = (*self._kinds_of.get(cls, ()), kind)

    def _learn_role(self, cls: type) -> _Role:
        known = next((base for base in cls.__mro__ if base in self._kinds_of), None)
        if known is not None:
            role = _make_role(known, self._kinds_of[known])
        else:
            role = _ANSWER if issubclass(cls, Response) else _FOREIGN
        self._roles[cls] = role
        return role

    def _add_interrupted(self, message: Message) -> None:
        """Add a message while an exception ends `add`; keep the list that the message ends."""
        role = self._roles.get(type(message)) or self._learn_role(type(message))
        try:
            ended = self._take(message, role)
        except Exception:
            _logger.exception("a message was not added")
            return
        if ended is not None:
            self._unreturned.append(ended)

    def _take(self, message: Message, role: _Role) -> Aggregate | None:
        action_id = message.action_id
        if action_id is None:
            if role.anonymous and isinstance(message, Event):
                self._take_anonymous(message, role)
            return None
        if isinstance(message, Response):
            return self._take_answer(message, action_id)
        if isinstance(message, Event):
            return self._take_event(message, action_id, role)
        return None

    def _take_event(self, event: Event, action_id: str, role: _Role) -> Aggregate | None:
        entry = self._find_waiting(action_id, role)
        if entry is None:
            kind = _choose(role.begins, event)
            if kind is None or not kind.opens_unasked:
                return None
            entry = self._add_open(kind(action_id, max_members=self.max_members))
        elif entry.announced and not entry.asked:
            self._settle_kind(entry, event, role)
        if entry.aggregate.evaluate_event(event) is not True:
            return None
        self._close(entry)
        return entry.aggregate

    def _take_anonymous(self, event: Event, role: _Role) -> None:
        """Add a member without an ActionID to the last announced list.

        Asterisk sends the members of one list before it announces another.
        """
        entry, kind = self._last_announced, _choose(role.begins, event)
        if entry is None or kind is None or not kind.anonymous:
            return
        if not entry.asked:
            self._settle_kind(entry, event, role)
        entry.aggregate.evaluate_event(event)

    def _find_waiting(self, action_id: str, role: _Role) -> _Waiting | None:
        """The open list of the event: one that has its class, else an announced one."""
        entries = self._waiting_at.get(action_id)
        if entries is None:
            return None
        for entry in entries:
            if entry.kind in role.kinds:
                return entry
        return next((entry for entry in entries if entry.announced), None)

    def _settle_kind(self, entry: _Waiting, event: Event, role: _Role) -> None:
        """Give an announced list the kind that its events determine; the finisher decides."""
        if entry.kind in role.kinds:
            return
        ends = ends_a_list(event)
        if not ends and entry.kind is not EventList_Aggregate:
            return
        gathered = entry.aggregate
        first = gathered.events[0] if ends and gathered.events else event
        kind = _choose(role.begins, first) or EventList_Aggregate
        if kind is not entry.kind:
            entry.hold(kind(gathered.action_id, max_members=self.max_members))
            entry.aggregate.take_over(gathered)

    def _take_answer(self, answer: Response, action_id: str) -> Aggregate | None:
        entries = self._waiting_at.get(action_id, [])
        if not answer.success:
            reason = f"Asterisk answered {answer.name}: {answer.message}"
            return self._fail(entries[0], reason) if entries else None
        if answer.get("EventList", "").lower() != "start":
            return None
        asked = next((entry for entry in entries if entry.awaits_answer), None)
        if asked is not None:
            self._announce(asked)
            return None
        reason = "another list started with its ActionID"
        ended = self._fail(entries[0], reason) if entries else None
        self._announce(self._add_open(EventList_Aggregate(action_id, max_members=self.max_members)))
        return ended

    def _add_open(self, aggregate: Aggregate, *, asked: bool = False) -> _Waiting:
        if len(self._waiting) >= self.max_open:
            raise TooManyLists(aggregate.action_id, self.max_open)
        deadline = float("inf") if self.timeout is None else self._clock() + self.timeout
        entry = _Waiting(aggregate, deadline, asked)
        self._announced += entry.announced
        self._waiting[entry] = None
        self._waiting_at.setdefault(aggregate.action_id, []).append(entry)
        return entry

    def _announce(self, entry: _Waiting) -> None:
        entry.aggregate.announce()
        entry.announced = True
        self._announced += 1
        self._last_announced = entry

    def _fail(self, entry: _Waiting, reason: str) -> Aggregate:
        self._close(entry)
        entry.aggregate.fail(reason)
        return entry.aggregate

    def _close(self, entry: _Waiting) -> None:
        aggregate = entry.aggregate
        self._announced -= entry.announced
        if entry is self._last_announced:
            self._last_announced = None
        del self._waiting[entry]
        entries = self._waiting_at[aggregate.action_id]
        entries.remove(entry)
        if not entries:
            del self._waiting_at[aggregate.action_id]

    def _expire_overdue(self) -> list[Aggregate]:
        """End and report the overdue lists, and those that a call before could not report."""
        overdue = list(self._overdue) if self._overdue and not self._is_reporting else []
        now = 0.0 if self.timeout is None else self._clock()
        while self._waiting and self.timeout is not None:
            entry = next(iter(self._waiting))
            if entry.deadline > now:
                break
            self.timed_out += 1
            missing = entry.aggregate.finisher_name
            ended = self._fail(entry, f"timed out after {self.timeout:g} s without {missing}")
            self._overdue.append(ended)
            overdue.append(ended)
        if overdue and not self._is_reporting:
            self._report_overdue()
        return overdue

    def _report_overdue(self) -> None:
        """Pass each overdue list to `on_timeout`, also those that end while it runs."""
        self._is_reporting = True
        try:
            while self._overdue:
                self._report(self._overdue.popleft())
        finally:
            self._is_reporting = False

    def _report(self, aggregate: Aggregate) -> None:
        try:
            self._on_timeout(aggregate)
        except Exception:
            _logger.exception("on_timeout failed for %r", aggregate)


def _make_role(cls: type, kinds: tuple[type[Aggregate], ...]) -> _Role:
    """The role of a class. If several kinds have it, it begins only those where it is first."""
    begun = [kind for kind in kinds if cls in (*kind.members[:1], kind.finisher)]
    begins = kinds if len(kinds) == 1 else tuple(begun)
    return _Role(
        kinds=kinds,
        begins=begins,
        anonymous=any(kind.anonymous and cls in kind.members for kind in kinds),
    )


def _choose(kinds: tuple[type[Aggregate], ...], event: Event) -> type[Aggregate] | None:
    """The kind that an event begins: the kind whose mark it has, else the first without a mark."""
    marked = next((kind for kind in kinds if kind.has_mark(event)), None)
    unmarked = next((kind for kind in kinds if kind.mark is None), None)
    return marked or unmarked or next((k for k in kinds if isinstance(event, k.finisher)), None)


def _log_timeout(aggregate: Aggregate) -> None:
    _logger.warning("%r", aggregate)

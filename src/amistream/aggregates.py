"""Aggregates: the events of one list, gathered by ActionID, and the Collector that routes them."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from amistream.errors import TooManyLists
from amistream.events.channels import (
    CoreShowChannel,
    CoreShowChannelsComplete,
    Status,
    StatusComplete,
)
from amistream.events.parking import ParkedCall, ParkedCallsComplete
from amistream.events.queues import (
    QueueEntry,
    QueueMember,
    QueueParams,
    QueueStatusComplete,
    QueueSummary,
    QueueSummaryComplete,
)
from amistream.events.sip import PeerEntry, PeerlistComplete, RegistrationsComplete, RegistryEntry
from amistream.events.voicemail import VoicemailUserEntry, VoicemailUserEntryComplete
from amistream.messages import Event, Message, Response

_logger = logging.getLogger("amistream")


class Aggregate(dict[Any, Any]):
    """One list: maps each member class, and its name, to the members; the finisher to its event.

    A member's key has a list, empty until one comes; the finisher's has None until it comes.
    """

    members: ClassVar[tuple[type[Event], ...]] = ()
    finisher: ClassVar[type[Event]] = Event
    count_header: ClassVar[str] = "ListItems"
    """The finisher's header that says how many members were sent."""

    def __init__(self, action_id: str, *, max_members: int | None = None) -> None:
        super().__init__()
        self.max_members = max_members
        self._action_id = action_id
        self._received = 0
        self._finished = False
        self._error_message: str | None = None
        for member in self.members:
            self[member] = self[member.__name__] = []
        self[self.finisher] = self[self.finisher.__name__] = None

    @property
    def name(self) -> str:
        """The aggregate's class name."""
        return type(self).__name__

    @property
    def action_id(self) -> str:
        """The ActionID that its events carry."""
        return self._action_id

    @property
    def finished(self) -> bool:
        """Whether the list has ended; what comes after is unrelated."""
        return self._finished

    @property
    def valid(self) -> bool:
        """Whether nothing contradicts the list being whole."""
        return self._error_message is None

    @property
    def error_message(self) -> str | None:
        """Why the list is not valid, or None."""
        return self._error_message

    def evaluate_event(self, event: Message) -> bool | None:
        """Take the event in: True if that ends the list, False if it joins, None if unrelated."""
        if self._finished:
            return None
        member = next((cls for cls in self.members if isinstance(event, cls)), None)
        if member is None and not isinstance(event, self.finisher):
            return None
        if event.action_id != self._action_id:
            return None
        if member is not None:
            self._join(member, event)
            return False
        self[self.finisher] = self[self.finisher.__name__] = event
        self._finished = True
        self._error_message = self._contradiction(event)
        return True

    def fail(self, reason: str) -> None:
        """End the list without its finisher."""
        self._finished = True
        self._error_message = reason

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str):
            return self.name == other
        return self is other

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None  # equal to a str, yet each one's own

    def __repr__(self) -> str:
        counts = ", ".join(f"{len(self[cls])} {cls.__name__}" for cls in self.members)
        state = "open" if not self._finished else self._error_message or "whole"
        return f"<{self.name} {self._action_id!r}: {counts}; {state}>"

    def _join(self, member: type[Event], event: Message) -> None:
        self._received += 1
        if self.max_members is None or self._received <= self.max_members:
            self[member].append(event)

    def _contradiction(self, end: Message) -> str | None:
        if end.get("EventList", "").lower() == "cancelled":
            return f"Asterisk cancelled the list after {self._received} members"
        stated = end.get(self.count_header)
        if stated is not None and stated != str(self._received):
            return f"{self.count_header} says {stated} members were sent; {self._received} came"
        if self.max_members is not None and self._received > self.max_members:
            return f"{self._received} members came; only {self.max_members} were kept"
        return None


class CoreShowChannels_Aggregate(Aggregate):  # noqa: N801 - the seed's name, as all of these
    """The active channels, asked for with CoreShowChannels."""

    members = (CoreShowChannel,)
    finisher = CoreShowChannelsComplete


class ParkedCalls_Aggregate(Aggregate):  # noqa: N801
    """The parked calls, asked for with ParkedCalls."""

    members = (ParkedCall,)
    finisher = ParkedCallsComplete
    count_header = "Total"


class QueueStatus_Aggregate(Aggregate):  # noqa: N801
    """Queues with their members and waiting calls, asked for with QueueStatus."""

    members = (QueueParams, QueueMember, QueueEntry)
    finisher = QueueStatusComplete


class QueueSummary_Aggregate(Aggregate):  # noqa: N801
    """The queues in short, asked for with QueueSummary."""

    members = (QueueSummary,)
    finisher = QueueSummaryComplete


class SIPpeers_Aggregate(Aggregate):  # noqa: N801
    """The peers of chan_sip, asked for with SIPpeers."""

    members = (PeerEntry,)
    finisher = PeerlistComplete


class SIPshowregistry_Aggregate(Aggregate):  # noqa: N801
    """The registrations of chan_sip, asked for with SIPshowregistry."""

    members = (RegistryEntry,)
    finisher = RegistrationsComplete


class Status_Aggregate(Aggregate):  # noqa: N801
    """The channels with their state, asked for with Status."""

    members = (Status,)
    finisher = StatusComplete
    count_header = "Items"


class VoicemailUsersList_Aggregate(Aggregate):  # noqa: N801
    """The mailboxes, asked for with VoicemailUsersList."""

    members = (VoicemailUserEntry,)
    finisher = VoicemailUserEntryComplete


ALL: tuple[type[Aggregate], ...] = (
    CoreShowChannels_Aggregate,
    ParkedCalls_Aggregate,
    QueueStatus_Aggregate,
    QueueSummary_Aggregate,
    SIPpeers_Aggregate,
    SIPshowregistry_Aggregate,
    Status_Aggregate,
    VoicemailUsersList_Aggregate,
)

_Key = tuple[type[Aggregate], str]


class Collector:
    """Gathers many lists at once out of one stream of messages.

    A list opens with its first event, or before it with `open`. It ends with its finisher, with
    an Error response to an opened one, or when `timeout` seconds have passed since it opened.

    aggregates: the kinds of list to gather. timeout: None waits for ever.
    max_open: how many lists may wait at once; TooManyLists for one more.
    max_members: how many members a list keeps; one that gets more ends not valid.
    on_timeout: called with each list that timed out, from `add` or `expire`; without it a
        warning is logged. clock: seconds that only grow.
    """

    def __init__(
        self,
        aggregates: Iterable[type[Aggregate]] = ALL,
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
        # Every list has the same timeout, so they time out in the order they were opened.
        self._open: OrderedDict[_Key, tuple[Aggregate, float]] = OrderedDict()
        self._kinds: set[type[Aggregate]] = set()
        self._kind_of: dict[type, type[Aggregate] | None] = {}
        for kind in aggregates:
            self._gather(kind)

    def __len__(self) -> int:
        """How many lists wait."""
        return len(self._open)

    def __bool__(self) -> bool:
        return True

    @property
    def waiting(self) -> list[Aggregate]:
        """The open lists, the oldest first."""
        return [aggregate for aggregate, _ in self._open.values()]

    def open(self, aggregate: Aggregate) -> Aggregate:
        """Wait for a list that was asked for; TooManyLists if there is no room."""
        self._expire_overdue()
        self._gather(type(aggregate))
        key = (type(aggregate), aggregate.action_id)
        if key in self._open:
            raise ValueError(f"{aggregate.name} {aggregate.action_id!r} is open already")
        if aggregate.max_members is None:
            aggregate.max_members = self.max_members
        self._add_open(key, aggregate)
        return aggregate

    def add(self, message: Message) -> Aggregate | None:
        """The list that the message ends, or None; `valid` tells whether it is whole."""
        if self._open:
            self._expire_overdue()
        kind = self._find_kind(type(message))
        if kind is not None:
            return self._route(kind, message)
        if self._open and isinstance(message, Response) and not message.success:
            return self._refuse(message)
        return None

    def expire(self) -> list[Aggregate]:
        """Give up the lists that are overdue, and return them; call it when no traffic comes."""
        return self._expire_overdue()

    def _gather(self, kind: type[Aggregate]) -> None:
        if kind in self._kinds:
            return
        for served in (*kind.members, kind.finisher):
            taken = self._find_kind(served)
            if taken is not None:
                raise ValueError(
                    f"{served.__name__} belongs to both {taken.__name__} and {kind.__name__}"
                )
        self._kinds.add(kind)
        # What was found to have no kind may derive from a class that has one now.
        self._kind_of = {cls: known for cls, known in self._kind_of.items() if known is not None}
        self._kind_of.update(dict.fromkeys((*kind.members, kind.finisher), kind))

    def _find_kind(self, cls: type) -> type[Aggregate] | None:
        if cls not in self._kind_of:
            kinds = (self._kind_of[base] for base in cls.__mro__ if base in self._kind_of)
            self._kind_of[cls] = next(kinds, None)
        return self._kind_of[cls]

    def _route(self, kind: type[Aggregate], message: Message) -> Aggregate | None:
        action_id = message.action_id
        if action_id is None:
            return None
        key = (kind, action_id)
        known = self._open.get(key)
        if known is None:
            aggregate = kind(action_id, max_members=self.max_members)
            self._add_open(key, aggregate)
        else:
            aggregate = known[0]
        if aggregate.evaluate_event(message) is not True:
            return None
        del self._open[key]
        return aggregate

    def _add_open(self, key: _Key, aggregate: Aggregate) -> None:
        if len(self._open) >= self.max_open:
            raise TooManyLists(aggregate.action_id, self.max_open)
        deadline = float("inf") if self.timeout is None else self._clock() + self.timeout
        self._open[key] = (aggregate, deadline)

    def _refuse(self, response: Response) -> Aggregate | None:
        action_id = response.action_id
        if action_id is None:
            return None
        for kind in self._kinds:
            refused = self._open.pop((kind, action_id), None)
            if refused is not None:
                refused[0].fail(f"Asterisk answered {response.name}: {response.message}")
                return refused[0]
        return None

    def _expire_overdue(self) -> list[Aggregate]:
        overdue: list[Aggregate] = []
        if self.timeout is None:
            return overdue
        now = self._clock()
        while self._open:
            key, (aggregate, deadline) = next(iter(self._open.items()))
            if deadline > now:
                break
            del self._open[key]
            self.timed_out += 1
            aggregate.fail(
                f"timed out after {self.timeout:g} s without {aggregate.finisher.__name__}"
            )
            overdue.append(aggregate)
        for aggregate in overdue:
            self._on_timeout(aggregate)
        return overdue


def _log_timeout(aggregate: Aggregate) -> None:
    _logger.warning("%r", aggregate)

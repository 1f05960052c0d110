"""The queues of subscriptions: bounded, each with a policy for what to do when it is full.

No loop, no clock, no threads: `aio` puts what arrives in and wakes who waits.
"""

from __future__ import annotations

import abc
import operator
from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterable
from itertools import islice
from typing import Any, ClassVar, Final, Literal

from amistream.client.selection import Wanted
from amistream.client.states import Gap
from amistream.errors import ClientClosed, SubscriptionOverflow
from amistream.messages import Event

__all__ = ["MAX_BYTES", "MAX_EVENTS", "Catcher", "Overflow", "Queue", "new_queue"]

Overflow = Literal["error", "drop_oldest", "drop_newest", "coalesce", "wait"]

MAX_EVENTS: Final = 100_000
"""The default bound of a queue in events."""

MAX_BYTES: Final = 256 * 2**20
"""The default bound of a queue in bytes of the wire."""

PORTION: Final = 64
"""How many events a queue without batches gives at once."""

MOST_COUNTED_NAMES: Final = 1024
"""How many names of dropped events are counted one by one; the rest is counted together."""

_raw_size = operator.attrgetter("raw_size")

OTHER_NAMES: Final = "(other names)"


class Queue(abc.ABC):
    """The events that wait for one consumer.

    wanted: which events it takes. max_events, max_bytes: its bounds.
    dropped: how many events the policy dropped, by event name; after MOST_COUNTED_NAMES names,
        further names count as OTHER_NAMES.
    received: how many wanted events came, dropped ones included.
    """

    stops_reading: ClassVar[bool] = False
    """Whether the policy may ask the connection to stop reading."""

    def __init__(self, wanted: Wanted, max_events: int, max_bytes: int) -> None:
        self.wanted = wanted
        self.max_events = _checked("max_events", max_events)
        self.max_bytes = _checked("max_bytes", max_bytes)
        self.dropped: Counter[str] = Counter()
        self.received = 0
        self.bytes = 0
        self.ended = False
        self.error: Exception | None = None
        self.wake: Callable[[], object] | None = None
        self.on_room: Callable[[], object] | None = None

    @abc.abstractmethod
    def __len__(self) -> int:
        """How many events wait."""

    @abc.abstractmethod
    def put(self, events: list[Event], size: int | None, now: float) -> None:
        """Add events, which have `size` bytes on the wire together; None: measure them."""

    @abc.abstractmethod
    def put_gap(self, gap: Gap) -> None:
        """Add a gap, whatever the bounds say."""

    @abc.abstractmethod
    def take(self) -> list[Event | Gap]:
        """The next events; an empty list if none waits."""

    @property
    @abc.abstractmethod
    def oldest(self) -> float | None:
        """When the oldest waiting event came; None if none waits."""

    @property
    def is_full(self) -> bool:
        """Whether the connection should be read no further until there is room."""
        return False

    def offer(self, batch: list[Any], kinds: set[type], size: int | None, now: float) -> None:
        """Add the wanted events of a batch. `size` is that of the whole batch, if it is known."""
        if self.ended:
            return
        events = self.wanted.select(batch, kinds)
        if events:
            self.received += len(events)
            self.put(events, size if events is batch else None, now)
            self._call_consumer()

    def offer_gap(self, gap: Gap) -> None:
        """Tell the consumer of an interruption."""
        if not self.ended:
            self.put_gap(gap)
            self._call_consumer()

    def end(self, error: Exception | None = None) -> None:
        """End the queue. The consumer gets the waiting events, and then the error."""
        if not self.ended:
            self.ended = True
            self.error = error
            self._call_consumer()

    def lose(self, error: Exception) -> None:
        """Note that the connection is lost. A subscription goes on, and gets its Gap later."""
        return

    def _call_consumer(self) -> None:
        if self.wake is not None:
            self.wake()

    def _end_full(self) -> None:
        """End with the error that names the bound which was reached."""
        if len(self) >= self.max_events:
            self.end(SubscriptionOverflow(self.max_events, "events"))
        else:
            self.end(SubscriptionOverflow(self.max_bytes, "bytes"))

    def _count_dropped(self, events: Iterable[Event]) -> None:
        for event in events:
            name = event.name
            known = name in self.dropped or len(self.dropped) < MOST_COUNTED_NAMES
            self.dropped[name if known else OTHER_NAMES] += 1


class BatchQueue(Queue):
    """Keeps whole batches, which costs least. If it is full, the subscription ends in an error."""

    def __init__(self, wanted: Wanted, max_events: int, max_bytes: int) -> None:
        super().__init__(wanted, max_events, max_bytes)
        self._batches: deque[tuple[list[Any], int, int, float]] = deque()
        self._events = 0

    def __len__(self) -> int:
        return self._events

    @property
    def oldest(self) -> float | None:
        return self._batches[0][3] if self._batches else None

    def put(self, events: list[Event], size: int | None, now: float) -> None:
        size = sizes(events) if size is None else size
        if self._events + len(events) > self.max_events or self.bytes + size > self.max_bytes:
            self._overflow(events, now)
            return
        self._add(events, len(events), size, now)

    def put_gap(self, gap: Gap) -> None:
        self._add([gap], 0, 0, self.oldest or 0.0)

    def take(self) -> list[Event | Gap]:
        if not self._batches:
            return []
        events, count, size, _ = self._batches.popleft()
        self._events -= count
        self.bytes -= size
        return events

    def _add(self, events: list[Any], count: int, size: int, now: float) -> None:
        self._batches.append((events, count, size, now))
        self._events += count
        self.bytes += size

    def _overflow(self, events: list[Event], now: float) -> None:
        """Keep the events that fit, and end with an error."""
        kept, size = _fitting(events, self.max_events - self._events, self.max_bytes - self.bytes)
        if kept:
            self._add(kept, len(kept), size, now)
        self._count_dropped(islice(events, len(kept), None))
        self._end_full()


class WaitingQueue(BatchQueue):
    """Takes everything, and asks the connection to stop reading while it is full."""

    stops_reading = True

    def put(self, events: list[Event], size: int | None, now: float) -> None:
        self._add(events, len(events), sizes(events) if size is None else size, now)

    @property
    def is_full(self) -> bool:
        return self._events >= self.max_events or self.bytes >= self.max_bytes

    def take(self) -> list[Event | Gap]:
        was_full = self.is_full
        taken = super().take()
        if was_full and not self.is_full and self.on_room is not None:
            self.on_room()
        return taken


class _Numbered(Queue):
    """Keeps events one by one, numbered, and gaps beside them, which no policy drops."""

    def __init__(self, wanted: Wanted, max_events: int, max_bytes: int) -> None:
        super().__init__(wanted, max_events, max_bytes)
        self._gaps: deque[tuple[int, Gap]] = deque()
        self._number = 0

    def put_gap(self, gap: Gap) -> None:
        self._number += 1
        self._gaps.append((self._number, gap))

    def put(self, events: list[Event], size: int | None, now: float) -> None:
        for event in events:
            self._number += 1
            self._put_one(event, event.raw_size, now)

    def take(self) -> list[Event | Gap]:
        taken: list[Event | Gap] = []
        while len(taken) < PORTION:
            first = self._first_number()
            if self._gaps and (first is None or self._gaps[0][0] < first):
                taken.append(self._gaps.popleft()[1])
            elif first is not None:
                taken.append(self._take_first())
            else:
                break
        return taken

    @abc.abstractmethod
    def _put_one(self, event: Event, size: int, now: float) -> None:
        """Add one event, which has the number `_number`."""

    @abc.abstractmethod
    def _first_number(self) -> int | None:
        """The number of the oldest event; None if there is none."""

    @abc.abstractmethod
    def _take_first(self) -> Event:
        """Remove the oldest event and return it."""

    def _has_room(self, size: int) -> bool:
        return len(self) < self.max_events and self.bytes + size <= self.max_bytes


class DroppingQueue(_Numbered):
    """If it is full, drops the oldest events, or the newest ones."""

    def __init__(self, wanted: Wanted, max_events: int, max_bytes: int, *, oldest: bool) -> None:
        super().__init__(wanted, max_events, max_bytes)
        self._drops_oldest = oldest
        self._entries: deque[tuple[int, Event, int, float]] = deque()

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def oldest(self) -> float | None:
        return self._entries[0][3] if self._entries else None

    def _put_one(self, event: Event, size: int, now: float) -> None:
        if self._drops_oldest:
            while self._entries and not self._has_room(size):
                self._count_dropped((self._take_first(),))
        if not self._has_room(size):
            self._count_dropped((event,))
            return
        self._entries.append((self._number, event, size, now))
        self.bytes += size

    def _first_number(self) -> int | None:
        return self._entries[0][0] if self._entries else None

    def _take_first(self) -> Event:
        _, event, size, _ = self._entries.popleft()
        self.bytes -= size
        return event


class CoalescingQueue(_Numbered):
    """Keeps the newest event of each key, at the place of the oldest. Overflows with an error."""

    def __init__(
        self, wanted: Wanted, max_events: int, max_bytes: int, key: Callable[[Event], Hashable]
    ) -> None:
        super().__init__(wanted, max_events, max_bytes)
        self._key = key
        self._entries: dict[Hashable, tuple[int, Event, int, float]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def oldest(self) -> float | None:
        return next(iter(self._entries.values()))[3] if self._entries else None

    def put(self, events: list[Event], size: int | None, now: float) -> None:
        try:
            super().put(events, size, now)
        except Exception as error:  # the program's key failed: only this subscription ends
            self.end(error)

    def _put_one(self, event: Event, size: int, now: float) -> None:
        if self.ended:
            self._count_dropped((event,))
            return
        key = self._key(event)
        replaced = self._entries.get(key)
        if replaced is not None:
            number, old, old_size, since = replaced
            self._count_dropped((old,))
            self.bytes += size - old_size
            self._entries[key] = (number, event, size, since)
        elif self._has_room(size):
            self._entries[key] = (self._number, event, size, now)
            self.bytes += size
        else:
            self._count_dropped((event,))
            self._end_full()

    def _first_number(self) -> int | None:
        return next(iter(self._entries.values()))[0] if self._entries else None

    def _take_first(self) -> Event:
        key = next(iter(self._entries))
        _, event, size, _ = self._entries.pop(key)
        self.bytes -= size
        return event


class Catcher(Queue):
    """Keeps nothing: passes the first event that a predicate accepts to a function."""

    def __init__(
        self,
        wanted: Wanted,
        accepts: Callable[[Any], object],
        on_end: Callable[[Event | None, Exception | None], object],
    ) -> None:
        super().__init__(wanted, 1, 1)
        self._accepts = accepts
        self._on_end = on_end

    def __len__(self) -> int:
        return 0

    @property
    def oldest(self) -> float | None:
        return None

    def put(self, events: list[Event], size: int | None, now: float) -> None:
        try:
            caught = next((event for event in events if self._accepts(event)), None)
        except Exception as error:  # the program's predicate failed: its caller is told
            self.end(error)
            return
        if caught is not None:
            self.ended = True
            self._on_end(caught, None)

    def put_gap(self, gap: Gap) -> None:
        return

    def take(self) -> list[Event | Gap]:
        return []

    def lose(self, error: Exception) -> None:
        self.end(error)

    def end(self, error: Exception | None = None) -> None:
        if not self.ended:
            self.ended = True
            self._on_end(None, error or ClientClosed())


def new_queue(
    wanted: Wanted,
    overflow: Overflow,
    max_events: int,
    max_bytes: int,
    key: Callable[[Event], Hashable] | None,
) -> Queue:
    """The queue for a policy; ValueError if there is no such policy, or `key` does not fit it."""
    if (key is not None) != (overflow == "coalesce"):
        raise ValueError("key= belongs to overflow='coalesce': the newest event of each key stays")
    if overflow == "error":
        return BatchQueue(wanted, max_events, max_bytes)
    if overflow == "wait":
        return WaitingQueue(wanted, max_events, max_bytes)
    if overflow in ("drop_oldest", "drop_newest"):
        oldest = overflow == "drop_oldest"
        return DroppingQueue(wanted, max_events, max_bytes, oldest=oldest)
    if key is not None:
        return CoalescingQueue(wanted, max_events, max_bytes, key)
    raise ValueError(
        f"overflow is 'error', 'drop_oldest', 'drop_newest', 'coalesce' or 'wait', not {overflow!r}"
    )


def sizes(events: Iterable[Event]) -> int:
    """How many bytes the events have on the wire together."""
    return sum(map(_raw_size, events))


def _fitting(events: list[Event], most: int, most_bytes: int) -> tuple[list[Event], int]:
    """The first events that fit the bounds, and their size."""
    size = 0
    for count, event in enumerate(events[: max(0, most)]):
        length = event.raw_size
        if size + length > most_bytes:
            return events[:count], size
        size += length
    return events[: max(0, most)], size


def _checked(name: str, value: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} is a number, not {value!r}")
    if value < 1:
        raise ValueError(f"{name} must be at least 1, not {value}")
    return value

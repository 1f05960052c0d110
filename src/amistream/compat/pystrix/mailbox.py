"""The queue between pystrix's two threads: the reader fills it, the callbacks empty it."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

from amistream.compat.pystrix.messages import MessageFactory
from amistream.messages import Message


class _Batch(NamedTuple):
    """Events, and the number of bytes that were read for them."""

    events: list[Any]
    size: int


class Mailbox:
    """Events in batches, from the reader to the callbacks. It replaces pystrix's `event_queue`.

    The reader can wait until fewer events and bytes are in the mailbox. This bounds the memory and
    slows the server down. It does not wait while an action waits for its answer, as the answer
    comes from the same connection.
    """

    def __init__(self, factory: MessageFactory) -> None:
        self._factory = factory
        self._changed = threading.Condition()
        self._batches: deque[_Batch] = deque()
        self._queued = 0
        self._size = 0
        self._bounds = (-1, -1)
        self._pending_actions = 0
        self._woken = False

    @property
    def size(self) -> int:
        """How many bytes were read for the events that are queued."""
        return self._size

    def put_batch(self, events: list[Any], size: int) -> None:
        """Add events, for which `size` bytes were read: amistream's messages, or pystrix's."""
        if not events:
            return
        with self._changed:
            self._batches.append(_Batch(events, size))
            self._queued += len(events)
            self._size += size
            self._changed.notify_all()

    def take_batch(self, timeout: float | None) -> list[Any]:
        """The oldest batch; an empty one after `timeout` seconds, or after `wake`."""
        with self._changed:
            if not self._batches and not self._woken:
                self._changed.wait(timeout)
            self._woken = False
            if not self._batches:
                return []
            batch = self._batches.popleft()
            self._subtract(len(batch.events), batch.size)
            return batch.events

    def wake(self) -> None:
        """Make `take_batch` return, and make a waiting reader check whether it must end."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def add_pending_actions(self, number: int) -> None:
        """Add to the number of actions that wait for an answer; a negative number subtracts."""
        with self._changed:
            self._pending_actions += number
            self._changed.notify_all()

    def wait_for_at_most(
        self, events: int, size: int, seconds: float, is_over: Callable[[], bool]
    ) -> bool:
        """Wait until so many events and bytes or fewer are queued; False if it takes too long.

        True at once while an action waits for its answer, or when `is_over` returns true.
        """
        with self._changed:
            self._bounds = (events, size)
            is_done = self._changed.wait_for(
                lambda: bool(self._pending_actions) or self._is_within_bounds() or is_over(),
                seconds,
            )
            self._bounds = (-1, -1)
            return is_done

    def _is_within_bounds(self) -> bool:
        events, size = self._bounds
        return self._queued <= events and self._size <= size

    def _subtract(self, number: int, size: int) -> None:
        self._queued -= number
        self._size -= size
        if self._is_within_bounds():
            self._changed.notify_all()

    # pystrix's own dispatcher, and programs that watch the queue, call the methods below.

    def qsize(self) -> int:
        """How many events are queued."""
        return self._queued

    def empty(self) -> bool:
        """Whether no event is queued."""
        return self._queued == 0

    def put(self, event: Any) -> None:
        """Add one event."""
        self.put_batch([event], 0)

    def get_nowait(self) -> Any:
        """The oldest event, as an event of pystrix; queue.Empty if there is none."""
        with self._changed:
            if not self._batches:
                raise queue.Empty
            events, size = self._batches[0]
            event = events.pop(0)
            if events:
                size = 0  # it is subtracted with the last event of the batch
            else:
                self._batches.popleft()
            self._subtract(1, size)
        if not isinstance(event, Message):
            return event
        name = event.name or ""
        return self._factory.event(event, name, self._factory.class_of(name))

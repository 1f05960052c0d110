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
    """Events that were read together with so many other messages, and the bytes of all of them."""

    events: list[Any]
    others: int
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
        """How many bytes were read for the messages that are queued."""
        return self._size

    def put_batch(self, events: list[Any], others: int, size: int) -> None:
        """Add events: amistream's messages, or events that pystrix made.

        others: how many responses were read with them, which wait for the same thread.
        size: how many bytes were read for all of them.
        """
        with self._changed:
            self._batches.append(_Batch(events, others, size))
            self._queued += len(events) + others
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
            return self._take_first()

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

    def _take_first(self) -> list[Any]:
        events, others, size = self._batches.popleft()
        self._queued -= len(events) + others
        self._size -= size
        if self._is_within_bounds():
            self._changed.notify_all()
        return events

    def _is_within_bounds(self) -> bool:
        events, size = self._bounds
        return self._queued <= events and self._size <= size

    # pystrix's own dispatcher, and programs that watch the queue, call the methods below.

    def qsize(self) -> int:
        """How many events and responses are queued."""
        return self._queued

    def empty(self) -> bool:
        """Whether nothing is queued."""
        return self._queued == 0

    def put(self, event: Any) -> None:
        """Add one event."""
        self.put_batch([event], 0, 0)

    def get_nowait(self) -> Any:
        """The oldest event, as an event of pystrix; queue.Empty if there is none."""
        with self._changed:
            while self._batches and not self._batches[0].events:
                self._take_first()
            if not self._batches:
                raise queue.Empty
            event = self._batches[0].events.pop(0)
            self._queued -= 1
            if not self._batches[0].events:
                self._take_first()
        if not isinstance(event, Message):
            return event
        name = event.name or ""
        return self._factory.event(event, name, self._factory.class_of(name))

"""The queue between pystrix's two threads: the reader fills it, the callbacks empty it."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from amistream.compat.pystrix.messages import MessageFactory
from amistream.messages import Message


class Mailbox:
    """Events in batches, from the reader to the callbacks. It replaces pystrix's `event_queue`.

    The reader can wait until fewer events are in the mailbox. This bounds the memory and slows the
    server down. It does not wait while an action waits for its answer, as the answer comes from the
    same connection.
    """

    def __init__(self, factory: MessageFactory) -> None:
        self._factory = factory
        self._changed = threading.Condition()
        self._batches: deque[list[Any]] = deque()
        self._queued = 0
        self._notify_at = -1
        self._pending_actions = 0
        self._woken = False

    def put_batch(self, batch: list[Any]) -> None:
        """Add events: amistream's messages, or events that pystrix made."""
        with self._changed:
            self._batches.append(batch)
            self._queued += len(batch)
            self._changed.notify_all()

    def take_batch(self, timeout: float | None) -> list[Any]:
        """The oldest batch; an empty one after `timeout` seconds, or after `wake`."""
        with self._changed:
            if not self._batches and not self._woken:
                self._changed.wait(timeout)
            self._woken = False
            batch = self._batches.popleft() if self._batches else []
            self._subtract(len(batch))
            return batch

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

    def wait_for_at_most(self, most: int, seconds: float, is_over: Callable[[], bool]) -> bool:
        """Wait until at most `most` events are queued; False if there are more after `seconds`.

        True at once while an action waits for its answer, or when `is_over` returns true.
        """
        with self._changed:
            self._notify_at = most
            is_done = self._changed.wait_for(
                lambda: bool(self._pending_actions) or self._queued <= most or is_over(), seconds
            )
            self._notify_at = -1
            return is_done

    def _subtract(self, number: int) -> None:
        self._queued -= number
        if self._queued <= self._notify_at:
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
        self.put_batch([event])

    def get_nowait(self) -> Any:
        """The oldest event, as an event of pystrix; queue.Empty if there is none."""
        with self._changed:
            if not self._batches:
                raise queue.Empty
            event = self._batches[0].pop(0)
            if not self._batches[0]:
                self._batches.popleft()
            self._subtract(1)
        if not isinstance(event, Message):
            return event
        name = event.name or ""
        return self._factory.event(event, name, self._factory.class_of(name))

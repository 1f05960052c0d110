"""The consumer's side of a subscription: an async iterator over its queue."""

from __future__ import annotations

import asyncio
import weakref
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from itertools import islice
from operator import length_hint
from typing import Final

from amistream.client.states import Gap
from amistream.client.subscriptions import Queue
from amistream.errors import SubscriptionInUse
from amistream.messages import Event

__all__ = ["Subscription"]

TURN: Final = 0.01
"""For how many seconds a consumer may take events before the reader gets a turn again."""

PORTION: Final = 64
"""How many events a consumer takes before it looks at the clock."""


class _Signal:
    """Wakes the task that waits for a queue. It does not keep the subscription alive."""

    __slots__ = ("waiter",)

    def __init__(self) -> None:
        self.waiter: asyncio.Future[None] | None = None

    def wake(self) -> None:
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)


class Subscription:
    """The events that one consumer takes: an async iterator of Event and Gap.

    It begins when it is made. It ends with `close`, with its `async with`, or when nothing refers
    to it any more. It ends by itself when the client is closed. It raises SubscriptionOverflow if
    its policy says so, and LoginFailed or ConnectionLost if the client cannot go on; before that
    it gives the events that came.
    """

    def __init__(self, queue: Queue, remove: Callable[[Queue], object]) -> None:
        self._queue = queue
        self._loop = asyncio.get_running_loop()
        self._taken: Iterator[Event | Gap] = iter(())
        self._turn_ends = 0.0
        self._signal = _Signal()
        queue.wake = self._signal.wake
        self._finalizer = weakref.finalize(self, remove, queue)
        self._finalizer.atexit = False

    def __len__(self) -> int:
        """How many events wait."""
        return len(self._queue) + length_hint(self._taken)

    def __bool__(self) -> bool:
        return True

    @property
    def dropped(self) -> Counter[str]:
        """How many events the policy dropped, by event name."""
        return self._queue.dropped

    @property
    def received(self) -> int:
        """How many events came for this subscription, dropped ones included."""
        return self._queue.received

    @property
    def waiting_bytes(self) -> int:
        """How many bytes the waiting events have on the wire."""
        return self._queue.bytes

    @property
    def lag(self) -> float:
        """For how many seconds the oldest event in the queue has waited."""
        oldest = self._queue.oldest
        return 0.0 if oldest is None else max(0.0, self._loop.time() - oldest)

    def close(self) -> None:
        """End the subscription. The events that wait can still be taken."""
        self._finalizer()

    async def __aenter__(self) -> Subscription:
        return self

    async def __aexit__(self, *error: object) -> None:
        self.close()

    def __aiter__(self) -> AsyncIterator[Event | Gap]:
        return self._iterate()

    async def __anext__(self) -> Event | Gap:
        while True:
            for event in self._taken:
                return event
            if not self._take_batch() and not await self._wait():
                raise StopAsyncIteration

    async def _iterate(self) -> AsyncGenerator[Event | Gap, None]:
        """Yield the events in portions, and let the reader have its turn between them."""
        while True:
            taken = self._taken
            for event in taken if length_hint(taken) <= PORTION else islice(taken, PORTION):
                yield event
            if length_hint(taken) or self._take_batch():
                if self._loop.time() > self._turn_ends:
                    await asyncio.sleep(0)
                    self._turn_ends = self._loop.time() + TURN
            elif not await self._wait():
                return
            else:
                self._take_batch()

    def _take_batch(self) -> bool:
        batch = self._queue.take()
        self._taken = iter(batch)
        return bool(batch)

    async def _wait(self) -> bool:
        """Wait until there may be events; False at the end."""
        if self._queue.ended:
            if self._queue.error is not None:
                raise self._queue.error.with_traceback(None)
            return False
        if self._signal.waiter is not None:
            raise SubscriptionInUse
        self._signal.waiter = self._loop.create_future()
        try:
            await self._signal.waiter
        finally:
            self._signal.waiter = None
        self._turn_ends = self._loop.time() + TURN
        return True

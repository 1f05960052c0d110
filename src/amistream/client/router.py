"""Gives each batch of messages to the subscriptions that want it."""

from __future__ import annotations

from typing import Any

from amistream.client.connection import NEEDED
from amistream.client.states import Gap
from amistream.client.subscriptions import Queue

__all__ = ["Router"]


class Router:
    """The queues of a client, and what they want from the parser together.

    only: what a parser must select: what the queues want, and what the client needs itself; None
        for everything. `refresh` works it out; it is another object whenever it changes.
    is_stale: whether subscriptions began or ended since.
    may_be_full: whether a queue has the policy to stop reading.
    """

    def __init__(self) -> None:
        self._queues: tuple[Queue, ...] = ()  # replaced, never changed: it may be iterated over
        self.may_be_full = False
        self.is_stale = False
        self.only: frozenset[Any] | None = frozenset(NEEDED)

    @property
    def queues(self) -> tuple[Queue, ...]:
        """The queues of the living subscriptions."""
        return self._queues

    @property
    def is_full(self) -> bool:
        """Whether a queue asks the connection to stop reading."""
        return any(queue.is_full for queue in self._queues)

    def add(self, queue: Queue) -> None:
        """Add the queue of a new subscription."""
        self._change((*self._queues, queue))

    def remove(self, queue: Queue) -> None:
        """End the queue of a subscription, and forget it."""
        if queue in self._queues:
            self._change(tuple(one for one in self._queues if one is not queue))
            queue.end()

    def route(self, batch: list[Any], kinds: set[type], size: int | None, now: float) -> None:
        """Offer a batch, whose classes are `kinds`, to every queue. `size` is in bytes, or None."""
        for queue in self._queues:
            queue.offer(batch, kinds, size, now)
            if queue.ended:
                self.remove(queue)

    def put_gap(self, gap: Gap) -> None:
        """Tell every queue of an interruption."""
        for queue in self._queues:
            queue.offer_gap(gap)

    def lose(self, error: Exception) -> None:
        """Tell those that wait for one event that the connection is lost."""
        for queue in self._queues:
            queue.lose(error)
            if queue.ended:
                self.remove(queue)

    def end(self, error: Exception | None) -> None:
        """End every queue, and forget them."""
        for queue in self._queues:
            queue.end(error)
        self._change(())

    def _change(self, queues: tuple[Queue, ...]) -> None:
        self._queues = queues
        self.may_be_full = any(queue.stops_reading for queue in queues)
        self.is_stale = True

    def refresh(self) -> None:
        """Work out `only` anew, once for all subscriptions that began or ended meanwhile."""
        self.is_stale = False
        wanted = [queue.wanted for queue in self._queues]
        if any(one.everything for one in wanted):
            self.only = None
            return
        only = frozenset(NEEDED).union(*(one.only or () for one in wanted))
        if only != self.only:
            self.only = only

"""Gives each batch of messages to the subscriptions that want it."""

from __future__ import annotations

from typing import Any

from amistream.client.connection import NEEDED
from amistream.client.states import Gap
from amistream.client.subscriptions import Queue

__all__ = ["Router"]


class Router:
    """The queues of a client, and what they want from the parser together."""

    def __init__(self) -> None:
        self._queues: list[Queue] = []
        self._only: frozenset[Any] | None = frozenset(NEEDED)
        self._is_changed = False

    @property
    def queues(self) -> list[Queue]:
        """The queues of the living subscriptions."""
        return self._queues

    @property
    def is_full(self) -> bool:
        """Whether a queue asks the connection to stop reading."""
        return any([queue.is_full for queue in self._queues])

    @property
    def only(self) -> frozenset[Any] | None:
        """What a parser must select: what the queues want, and what the client needs itself."""
        if self._is_changed:
            self._is_changed = False
            wanted = [queue.wanted for queue in self._queues if not queue.ended]
            if any(one.everything for one in wanted):
                self._only = None
            else:
                self._only = frozenset(NEEDED).union(*(one.only or () for one in wanted))
        return self._only

    def add(self, queue: Queue) -> None:
        """A subscription begins."""
        self._queues.append(queue)
        self._is_changed = True

    def remove(self, queue: Queue) -> None:
        """A subscription is over."""
        if queue in self._queues:
            self._queues.remove(queue)
            self._is_changed = True
            queue.end()

    def route(self, batch: list[Any], size: int | None, now: float) -> None:
        """Offer a batch to every queue. `size` is in bytes; None if it is not known."""
        kinds = set(map(type, batch))
        for queue in self._queues[:]:
            queue.offer(batch, kinds, size, now)
            if queue.ended:
                self.remove(queue)

    def put_gap(self, gap: Gap) -> None:
        """Tell every queue of an interruption."""
        for queue in self._queues:
            queue.offer_gap(gap)

    def lose(self, error: Exception) -> None:
        """Tell those that wait for one event that the connection is lost."""
        for queue in self._queues[:]:
            queue.lose(error)
            if queue.ended:
                self.remove(queue)

    def end(self, error: Exception | None) -> None:
        """Nothing more comes, for any queue."""
        for queue in self._queues:
            queue.end(error)
        self._queues.clear()
        self._is_changed = True

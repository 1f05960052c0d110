"""How long to wait before the next attempt to connect."""

from __future__ import annotations

import random

__all__ = ["Backoff"]

FIRST = 0.2
"""The longest first pause in seconds."""

HELD = 10.0
"""A login that held for so many seconds starts the pauses anew."""


class Backoff:
    """Pauses that double up to a bound, each shortened at random by up to a half.

    Without the randomness, all clients of a restarted server would come back at the same moments.
    """

    def __init__(self, most: float, rng: random.Random | None = None) -> None:
        self._most = most
        self._random = rng or random.Random()
        self._attempts = 0

    def next(self) -> float:
        """The next pause in seconds."""
        longest = min(self._most, FIRST * 2.0 ** min(self._attempts, 32))
        self._attempts += 1
        return longest * self._random.uniform(0.5, 1.0)

    def note_session(self, seconds: float) -> None:
        """A login held for so long; if that was long enough, the pauses start anew."""
        if seconds >= HELD:
            self._attempts = 0

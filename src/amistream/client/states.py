"""What the client tells about its connection: its state, each change of it, and gaps."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

__all__ = ["Gap", "State", "StateChange"]


class State(Enum):
    """The state of a client's connection."""

    CONNECTING = "connecting"
    """The first connection is being opened."""
    READY = "ready"
    """The client is logged in."""
    LOST = "lost"
    """The connection ended; the client tries to open it again."""
    CLOSED = "closed"
    """The client is closed, by the program or because it cannot go on."""


class StateChange(NamedTuple):
    """A change of a client's state.

    at: seconds since the epoch. reason: the error behind it, or None. shutdown: whether Asterisk
    said that it stops, so that the loss is no fault.
    """

    state: State
    at: float
    reason: Exception | None = None
    shutdown: bool = False


class Gap(NamedTuple):
    """An interruption: events between the two moments are lost. Every subscription gets it once.

    lost_at, back_at: seconds since the epoch. shutdown: whether Asterisk said that it stops;
    otherwise the connection failed. A Gap stands among the events, whatever `only=` selects.
    """

    lost_at: float
    back_at: float
    shutdown: bool = False

    @property
    def name(self) -> str:
        """The word "Gap", so that a program can compare the names of what it gets."""
        return "Gap"

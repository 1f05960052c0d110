"""When the bytes of a source are due for one client."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from amistream.testing.source import BLOCK, Pace, Piece, Source

if TYPE_CHECKING:
    from amistream.testing.source import Data

__all__ = ["Player"]

PAUSE: Final = 1.0
"""Seconds between two turns of a stream that is played at its own times."""


class Player:
    """Plays a source for one client: `take` gives what is due. It knows no clock.

    `is_timed` is False at full speed, when everything is due at any time.
    """

    def __init__(self, source: Source, pace: Pace, repeat: int | None, one_by_one: bool) -> None:
        self.is_timed = pace is not None
        self._most = 1 if one_by_one else BLOCK
        turns = itertools.count() if repeat is None else range(repeat)
        self._pieces = self._cut(source, pace, iter(turns))
        self._next: Piece | None = None
        self._start: float | None = None

    def take(self, now: float) -> tuple[Data, int] | float | None:
        """Bytes that are due and the number of their messages, or when more is due, or None."""
        if self._start is None:
            self._start = now
        piece = self._next or next(self._pieces, None)
        if piece is None:
            return None
        due = self._start + piece.offset
        if due > now:
            self._next = piece
            return due
        self._next = None
        if not self.is_timed:
            return piece.data, piece.messages
        gathered, size, count = [piece.data], len(piece.data), piece.messages
        for piece in self._pieces:  # those of the same moment are written at once
            if self._start + piece.offset > now or size + len(piece.data) > self._most:
                self._next = piece
                break
            gathered.append(piece.data)
            size += len(piece.data)
            count += piece.messages
        return b"".join(gathered), count

    def pieces(self) -> Iterator[tuple[Data, int]]:
        """At full speed: the bytes that are due and the number of their messages."""
        for piece in self._pieces:
            yield piece.data, piece.messages

    def _cut(self, source: Source, pace: Pace, turns: Iterator[int]) -> Iterator[Piece]:
        """The source in pieces, with the seconds since the start of playing."""
        if pace is None:
            for _ in turns:
                if self._most == BLOCK:
                    yield from source.blocks()
                else:
                    yield from (Piece(0.0, message, 1) for message in source.messages())
        elif pace == "recorded":
            start = offset = 0.0
            for _ in turns:
                for offset, message in source.timed():
                    yield Piece(start + offset, message, 1)
                start += offset + PAUSE
        else:
            numbers = itertools.count()
            for _ in turns:
                for message in source.messages():
                    yield Piece(next(numbers) / pace, message, 1)

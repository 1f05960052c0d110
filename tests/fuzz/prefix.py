"""An input starts with choices, one byte each; the rest of the input is parsed unchanged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

PLAIN = b"0"
"""The byte for the usual choice; an editor can show and write a prefix of such bytes."""


class Choices:
    """The bytes of a prefix, each taken once; missing bytes count as the plain choice."""

    def __init__(self, prefix: bytes) -> None:
        self._left = iter(prefix)

    def number(self) -> int:
        """0 to 255, 0 if plain."""
        return (next(self._left, PLAIN[0]) - PLAIN[0]) % 256

    def one_of(self, options: Sequence[T]) -> T:
        """One of the options, the first if plain."""
        return options[self.number() % len(options)]

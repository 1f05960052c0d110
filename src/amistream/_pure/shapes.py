"""Shapes: the headers that events of one kind nearly always carry, in the same order.

An event that Asterisk wrote is read as a whole: its text is split into lines, and the lines into
names and values, by few calls. If an earlier event had the same names, only their length is cut
off each line, which takes half the time. Both are three times as fast as line after line.

The caches forget: names are learned when they are seen again, and when there is no more room, all
are forgotten at once. What is published does not change any more.
"""

from __future__ import annotations

from typing import NamedTuple

from amistream._wire import LONGEST_CACHED_NAME, LONGEST_SHAPE

MOST_NAMES = 1 << 14
"""How many names all shapes may have; a shape counts one more than its names."""

MOST_SIGHTINGS = 4096
"""How many orders of names are remembered as seen once."""


class Shape(NamedTuple):
    """The names of an event's headers.

    prefixes: how the lines start: each name, colon and space.
    surplus: the bytes of an event that are not values: the prefixes and the line ends, of which
        each counts one byte less.
    """

    names: list[str]
    prefixes: list[str]
    surplus: int


Key = tuple[str, int]
"""The first line of an event and the number of its lines."""


class Shapes:
    """The shape that an event of each Key had last, and what was seen once."""

    __slots__ = ("known", "names", "seen")

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Forget everything."""
        self.known: dict[Key, Shape] = {}
        self.names = 0
        self.seen: set[int] = set()

    def learn(self, key: Key, names: list[str]) -> None:
        """Learn the names if they were seen before; names that are too long are never learned."""
        sighting = hash((key, *names))
        if sighting not in self.seen:
            if len(self.seen) >= MOST_SIGHTINGS:
                self.seen = set()
            self.seen.add(sighting)
            return
        if len(names) > LONGEST_SHAPE or len(key[0]) > 2 * LONGEST_CACHED_NAME:
            return
        if max(map(len, names)) > LONGEST_CACHED_NAME:
            return
        self.names += 1 + len(names)
        if self.names > MOST_NAMES:
            self.known, self.names = {}, 1 + len(names)
        prefixes = [f"{name}: " for name in names]
        surplus = len("".join(prefixes)) + len(names) - 1
        self.known[key] = Shape(names, prefixes, surplus)


shapes = Shapes()

_removeprefix = str.removeprefix


def read_plain(content: str) -> tuple[list[str], list[str]] | None:
    """Names and values of an event without its terminator; None if it must be read line by line.

    Every line must be `Name: value` as Asterisk writes it: no other space or tab around name or
    value, no further colon in the name, CRLF between the lines and no other CR or LF.
    """
    lines = content.split("\r\n")
    key = lines[0], len(lines)
    shape = shapes.known.get(key)
    if shape is not None:
        values = list(map(_removeprefix, lines, shape.prefixes))
        joined = "\n".join(values)
        # If the length is right, each prefix was there.
        if len(joined) == len(content) - shape.surplus and _are_trimmed(joined, len(lines)):
            return shape.names, values
    pairs = [line.partition(": ") for line in lines]
    names = [pair[0] for pair in pairs]
    values = [pair[2] for pair in pairs]
    joined, joined_names = "\n".join(values), "".join(names)
    # If the length is right, each line had its colon and space.
    if len(joined_names) + len(joined) != len(content) + 1 - 3 * len(lines):
        return None
    if not _are_names(joined_names) or not _are_trimmed(joined, len(lines)):
        return None
    shapes.learn(key, names)
    return names, values


def _are_names(joined: str) -> bool:
    """Whether names have no character that may not be around or in a name, as far as is seen."""
    return not any(sign in joined for sign in (":", " ", "\t", "\r", "\n"))


def _are_trimmed(joined: str, count: int) -> bool:
    """Whether `count` values, joined with LF, have neither CR, LF, tab nor spaces around them."""
    return not (
        "\r" in joined
        or "\t" in joined
        or " \n" in joined
        or "\n " in joined
        or joined.count("\n") != count - 1
        or joined[:1] == " "
        or joined[-1:] == " "
    )

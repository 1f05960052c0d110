"""Shapes: the headers that events of one kind nearly always carry, in the same order.

A shape is an order of header names that an earlier event had. An event that begins with the same
line is matched against the shapes of that line, which reads all its values at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from amistream._pure.lines import Line
from amistream._pure.values import text
from amistream._wire import LONGEST_CACHED_NAME, LONGEST_SHAPE

MOST_FIRST_LINES = 512
"""How many first lines have shapes."""

MOST_SHAPES_OF_A_LINE = 8


class Shape(NamedTuple):
    """One shape.

    match: fullmatch of lines as Asterisk writes them: `Name: value` with CRLF between the lines,
        no other space around name or value, and no tab. Each value is a group.
    repeats: whether a name stands in it twice.
    """

    match: Callable[[str], re.Match[str] | None]
    names: list[str]
    repeats: bool


_LINE_PATTERN = ": ((?! )[^\r\n\t]*[^\r\n\t ]|)"

shapes: dict[str, list[Shape]] = {}
"""The shapes of each first line, at most MOST_FIRST_LINES of them; none is ever removed."""


def paired(shape: Shape, values: tuple[str, ...]) -> dict[str, Any]:
    """Names to values; both have the same length, and strict=True takes a fifth longer."""
    return dict(zip(shape.names, values, strict=False))


def learn_shape(raw: bytes, headers: list[Line]) -> None:
    """Keep the shape of an event, given without its terminator, if Asterisk wrote it so.

    While there is room; longer names and larger events bypass the cache.
    """
    sent = raw.split(b"\r\n")
    if len(headers) > LONGEST_SHAPE or len(sent) != len(headers):
        return
    plain = zip(sent, headers, strict=True)
    if not all(content.startswith(line.name + b": ") for content, line in plain):
        return
    if len(sent[0]) > 2 * LONGEST_CACHED_NAME:
        return
    if any(len(line.name) > LONGEST_CACHED_NAME for line in headers):
        return
    names = [text(line.name) for line in headers]
    known = shapes.get(text(sent[0]), [])
    if len(known) >= MOST_SHAPES_OF_A_LINE or any(shape.names == names for shape in known):
        return
    if len(shapes) >= MOST_FIRST_LINES and not known:
        return
    pattern = re.compile("\r\n".join(re.escape(name) + _LINE_PATTERN for name in names))
    shape = Shape(pattern.fullmatch, names, len(set(names)) < len(names))
    shapes[text(sent[0])] = [*known, shape]

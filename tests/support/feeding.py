"""Ways to feed a stream to a parser, and to describe what the parser returns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import cycle
from types import ModuleType
from typing import Any


def cut(stream: bytes, *sizes: int) -> Iterator[bytes]:
    """The stream in chunks of these sizes, which repeat until the stream ends."""
    at = 0
    for size in cycle(sizes):
        if at >= len(stream):
            return
        yield stream[at : at + size]
        at += size


def as_tuple(message: Any) -> tuple[Any, ...]:
    """A message's class, name, bytes, headers and data lines, so that messages can be compared."""
    every = [(name, message.get_all(name)) for name in message]
    return type(message).__name__, message.name, message.raw, every, message.data


def feed_through(ami: ModuleType, parser: Any, chunk: bytes) -> list[Any]:
    """Feed a chunk, and go on after errors. Return messages and errors in the stream's order."""
    found, error = feed_once(ami, parser, chunk)
    while error is not None:
        after, following = feed_once(ami, parser, b"")
        found = [*found, error, *after]
        error = following
    return found


def feed_once(ami: ModuleType, parser: Any, chunk: bytes) -> tuple[list[Any], Any]:
    """Feed a chunk. Return the messages before the first error, and that error or None."""
    try:
        return parser.feed(chunk), None
    except ami.MessageTooLarge as error:
        return error.messages, error


def replay(
    ami: ModuleType,
    stream: bytes,
    *sizes: int,
    describe: Callable[[Any], Any] = as_tuple,
    **options: Any,
) -> list[Any]:
    """Feed a stream in chunks to a new parser, and close it.

    The result holds the messages and errors in order, then the parser's counters and banner.
    """
    parser = ami.Parser(**options)
    results = [one for chunk in cut(stream, *sizes) for one in feed_through(ami, parser, chunk)]
    found = [str(one) if isinstance(one, Exception) else describe(one) for one in results]
    try:
        found += map(describe, parser.close())
    except ami.TruncatedMessage as error:
        found.append((str(error), error.raw))
    return [*found, parser.messages, parser.bytes, parser.malformed, parser.skipped, parser.banner]


def parse_at_every_size(ami: ModuleType, stream: bytes) -> list[Any]:
    """The messages of a stream, once every chunk size from one byte up gave the same result."""
    whole = replay(ami, stream, len(stream))
    for size in range(1, len(stream)):
        assert replay(ami, stream, size) == whole, f"in chunks of {size}"
    parser = ami.Parser()
    return [*parser.feed(stream), *parser.close()]

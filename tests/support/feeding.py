"""Ways to feed a stream to a parser, shared by the tests of the wire, the parser and the twins."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import cycle
from types import ModuleType
from typing import Any


def cut(stream: bytes, *sizes: int) -> Iterator[bytes]:
    """The stream in chunks of these sizes, over and over."""
    at = 0
    for size in cycle(sizes):
        if at >= len(stream):
            return
        yield stream[at : at + size]
        at += size


def told(message: Any) -> tuple[Any, ...]:
    """What a message is and holds."""
    every = [(name, message.get_all(name)) for name in message]
    return type(message).__name__, message.name, message.raw, every, message.data


def drained(ami: ModuleType, parser: Any, chunk: bytes) -> list[Any]:
    """The messages that a chunk completes and the errors between them, in the stream's order."""
    found, error = tried(ami, parser, chunk)
    while error is not None:
        after, following = tried(ami, parser, b"")
        found = [*found, error, *after]
        error = following
    return found


def tried(ami: ModuleType, parser: Any, chunk: bytes) -> tuple[list[Any], Any]:
    try:
        return parser.feed(chunk), None
    except ami.MessageTooLarge as error:
        return error.messages, error


def story(
    ami: ModuleType,
    stream: bytes,
    *sizes: int,
    tell: Callable[[Any], Any] = told,
    **options: Any,
) -> list[Any]:
    """What a parser makes of a stream that comes in such chunks: messages and errors, in order."""
    parser = ami.Parser(**options)
    happened = [one for chunk in cut(stream, *sizes) for one in drained(ami, parser, chunk)]
    found = [str(one) if isinstance(one, Exception) else tell(one) for one in happened]
    try:
        found += map(tell, parser.close())
    except ami.TruncatedMessage as error:
        found.append((str(error), error.raw))
    return [*found, parser.messages, parser.bytes, parser.malformed, parser.skipped, parser.banner]


def feeds(ami: ModuleType, stream: bytes) -> list[Any]:
    """The messages of a stream, after it gave the same at every chunk size from one byte up."""
    whole = story(ami, stream, len(stream))
    for size in range(1, len(stream)):
        assert story(ami, stream, size) == whole, f"in chunks of {size}"
    parser = ami.Parser()
    return [*parser.feed(stream), *parser.close()]

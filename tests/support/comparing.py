"""Describes messages and parsers, and compares them between the twins and with the judge."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from itertools import zip_longest
from operator import attrgetter
from types import ModuleType
from typing import Any

from support import judge

NAMES = ("Response", " Cause ", "", "X: Y", "\udcff", "\ud800")
"""Names that are looked up in every message, besides the names of its own headers."""

VIEWS: dict[str, Callable[[Any], Any]] = {
    "class": lambda message: type(message).__name__,
    "name": lambda message: message.name,
    "raw": lambda message: message.raw,
    "items": lambda message: list(message.items()),
    "values": lambda message: list(message.values()),
    "all": lambda message: {name: message.get_all(name) for name in message},
    "data": lambda message: message.data,
    "len": lambda message: len(message),
    "action_id": lambda message: message.action_id,
    "repr": lambda message: repr(message),
    # As text: a NaN equals nothing.
    "dict": lambda message: repr(message.to_dict()),
    "typed dict": lambda message: repr(message.to_dict(typed=True)),
    "processed": lambda message: repr(message.process()),
    "typed": lambda message: repr(
        {name: getattr(message, name) for name in type(message).headers()}
    ),
    "fixed names": lambda message: {name: look_up(message, name) for name in NAMES},
    "own names": lambda message: {name: look_up(message, name) for name in some_names(message)},
    "other case": lambda message: {
        name: look_up(message, name.swapcase()) for name in some_names(message)
    },
    "equal": lambda message: (
        message == message.name,
        message == copy.copy(message),
        message != type(message)(message.raw + b"-"),
    ),
}


def describe(message: Any, first: int = 0) -> dict[str, Any]:
    """The result of every view of a message.

    A message is read lazily, so the view that comes `first` may change what the others give.
    """
    views = list(VIEWS.items())
    first %= len(views)
    results = {name: view(message) for name, view in views[first:] + views[:first]}
    return {name: results[name] for name in VIEWS}


def some_names(message: Any) -> list[str]:
    """The first and the last names. A lookup may read every line, so all names would be slow."""
    names = list(message)
    return names[:3] + names[3:][-3:]


def look_up(message: Any, name: str) -> list[Any]:
    """The results of every way to look up a header."""
    exact = message.get(name)
    assert (name in message) == (exact is not None), name
    try:
        assert message[name] == exact, name
    except KeyError:
        assert exact is None, name
    return [exact, message.get(name, ignore_case=True), message.get_all(name)]


def attempt(
    call: Callable[[], list[Any]], describe: Callable[[Any], Any] = describe
) -> tuple[Any, ...]:
    """The messages that a call returns, or its error with the error's text and attributes."""
    try:
        return ("messages", *map(describe, call()))
    except Exception as error:
        attributes = {
            key: list(map(describe, value)) if key == "messages" else value
            for key, value in vars(error).items()
        }
        return (type(error).__name__, str(error), attributes)


def counters(parser: Any) -> tuple[Any, ...]:
    return parser.messages, parser.bytes, parser.malformed, parser.skipped, parser.banner


def assert_judged(ami: ModuleType, messages: list[Any], stream: bytes) -> None:
    """Check that the messages are those that the judge reads from the stream."""
    judged = judge.read(stream)
    assert [message.raw for message in messages] == [one.raw for one in judged]
    for message, one in zip(messages, judged, strict=True):
        base = next(cls for cls in type(message).__mro__ if cls.__module__ == "amistream.messages")
        assert base.__name__ == one.kind
        if one.kind == "Event":
            assert message.name == text(one.event)
            assert isinstance(message, ami._registry.classes.get(one.event, ami.Event))
        headers = [(text(name), text(value)) for name, value in one.headers]
        assert list(message) == list(dict(headers))
        for name in message:
            every = [value for key, value in headers if key == name]
            assert message.get_all(name) == every
            assert message.to_dict()[name] == (every[0] if len(every) == 1 else every)
        assert dict(message.items()) == {name: message[name] for name in message}
        assert message.data == [text(line) for line in one.data]


def assert_same(compiled: Any, pure: Any) -> None:
    """Like `assert compiled == pure`, but the error names the first place where they differ."""
    if compiled != pure:
        raise AssertionError("the twins differ at " + difference(compiled, pure, "result"))


def difference(compiled: Any, pure: Any, where: str) -> str:
    """The first place where two unequal values differ, with both values at that place."""
    if isinstance(compiled, Mapping) and isinstance(pure, Mapping) and [*compiled] == [*pure]:
        pairs = [(f"{where}[{key!r}]", compiled[key], pure[key]) for key in pure]
    elif isinstance(compiled, list | tuple) and isinstance(pure, list | tuple):
        both = enumerate(zip_longest(compiled, pure, fillvalue="nothing"))
        pairs = [(f"{where}[{index}]", *values) for index, values in both]
    else:
        return f"{where}:\ncompiled {compiled!r}\npure     {pure!r}"
    place, one, other = next(pair for pair in pairs if pair[1] != pair[2])
    return difference(one, other, place)


def resolve(ami: ModuleType, path: str) -> Any:
    """The object that a path such as "ami.Event" or "core_events.Hangup" names in a package."""
    return attrgetter(path.removeprefix("ami."))(ami)


def text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("utf-8", "surrogateescape")

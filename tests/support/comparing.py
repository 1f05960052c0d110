"""What a message and a parser tell, comparable between the twins, and with the slow judge."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from itertools import zip_longest
from operator import attrgetter
from types import ModuleType
from typing import Any

from support import judge

NAMES = ("Response", " Cause ", "", "X: Y", "\udcff", "\ud800")
"""Looked up in every message, beside the names that it has."""

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
    "fixed names": lambda message: {name: looked_up(message, name) for name in NAMES},
    "own names": lambda message: {name: looked_up(message, name) for name in some_names(message)},
    "other case": lambda message: {
        name: looked_up(message, name.swapcase()) for name in some_names(message)
    },
    "equal": lambda message: (
        message == message.name,
        message == copy.copy(message),
        message != type(message)(message.raw + b"-"),
    ),
}


def described(message: Any, first: int = 0) -> dict[str, Any]:
    """All that a message tells; it is read lazily, so what is read `first` may matter."""
    views = list(VIEWS.items())
    first %= len(views)
    told = {name: view(message) for name, view in views[first:] + views[:first]}
    return {name: told[name] for name in VIEWS}


def some_names(message: Any) -> list[str]:
    """The first and the last names; a look-up may read every line, so not all of them."""
    names = list(message)
    return names[:3] + names[3:][-3:]


def looked_up(message: Any, name: str) -> list[Any]:
    """What every way of asking for a header gives."""
    exact = message.get(name)
    assert (name in message) == (exact is not None), name
    try:
        assert message[name] == exact, name
    except KeyError:
        assert exact is None, name
    return [exact, message.get(name, ignore_case=True), message.get_all(name)]


def attempt(
    call: Callable[[], list[Any]], tell: Callable[[Any], Any] = described
) -> tuple[Any, ...]:
    """The messages that a call gives, or what its error says."""
    try:
        return ("messages", *map(tell, call()))
    except Exception as error:
        said = {
            key: list(map(tell, value)) if key == "messages" else value
            for key, value in vars(error).items()
        }
        return (type(error).__name__, str(error), said)


def counters(parser: Any) -> tuple[Any, ...]:
    return parser.messages, parser.bytes, parser.malformed, parser.skipped, parser.banner


def assert_judged(ami: ModuleType, messages: list[Any], stream: bytes) -> None:
    """The messages are those that the judge reads in the stream."""
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
    """As `assert compiled == pure`, but the error names the one place where they differ."""
    if compiled != pure:
        raise AssertionError("the twins differ at " + difference(compiled, pure, "told"))


def difference(compiled: Any, pure: Any, where: str) -> str:
    """The first place at which two unequal values differ, and what is there."""
    if isinstance(compiled, Mapping) and isinstance(pure, Mapping) and [*compiled] == [*pure]:
        pairs = [(f"{where}[{key!r}]", compiled[key], pure[key]) for key in pure]
    elif isinstance(compiled, list | tuple) and isinstance(pure, list | tuple):
        both = enumerate(zip_longest(compiled, pure, fillvalue="nothing"))
        pairs = [(f"{where}[{index}]", *values) for index, values in both]
    else:
        return f"{where}:\ncompiled {compiled!r}\npure     {pure!r}"
    place, one, other = next(pair for pair in pairs if pair[1] != pair[2])
    return difference(one, other, place)


def resolved(ami: ModuleType, path: str) -> Any:
    """What "Event", "ami.Event" or "core_events.Hangup" is in a twin's package."""
    return attrgetter(path.removeprefix("ami."))(ami)


def text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("utf-8", "surrogateescape")

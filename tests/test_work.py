"""Work: the fast paths are used, so that a read costs the same in a longer event.

The tests count calls of Python and C functions, not seconds. In the pure twin a fast path makes a
few C calls, and the slow path several for each line. Both give the same, so only the count differs.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
from support.calls import calls_of

FEW, MANY = 3, 40
WINDOWS = 100
"""The most calls for the windows that the pure parser cuts: each is twice as large as the last."""
PONG = b"Response: Success\r\nPing: Pong\r\n\r\n"


@pytest.fixture(autouse=True)
def _empty_caches(use: Callable[[str], ModuleType]) -> Iterator[None]:
    """Some tests fill the pure twin's caches, and a full cache learns nothing."""
    use("pure")
    caches = (pure("shapes").shapes, pure("lines").line_starts)
    kept = [dict(cache) for cache in caches]
    for cache in caches:
        cache.clear()
    yield
    for cache, before in zip(caches, kept, strict=True):
        cache.clear()
        cache.update(before)


def pure(room: str) -> ModuleType:
    """A module of the pure twin."""
    return importlib.import_module(f"amistream._pure.{room}")


def sent(lines: int, name: str = "Work", first: str = "1") -> bytes:
    """An event with this number of headers."""
    headers = "".join(f"H{number}: {first}{number}\r\n" for number in range(lines))
    return f"Event: {name}\r\n{headers}\r\n".encode()


# --- the parser -------------------------------------------------------------------------------

OPTIONS: dict[str, Callable[[ModuleType], dict[str, Any]]] = {
    "plain": lambda ami: {},
    "bounded": lambda ami: {"max_message": len(sent(MANY))},
    "only": lambda ami: {"only": {"Work", ami.core_events.Hangup}},
    "skipped": lambda ami: {"only": {ami.core_events.Hangup}},
}


@pytest.mark.parametrize("before", [b"", PONG], ids=repr)
@pytest.mark.parametrize("options", OPTIONS)
def test_no_line_of_an_event_is_looked_at(ami: ModuleType, options: str, before: bytes) -> None:
    def work(lines: int) -> int:
        parser = ami.Parser(**OPTIONS[options](ami))
        parser.feed(sent(lines))  # now the parser knows its name
        chunk = before + 20 * sent(lines)
        return calls_of(lambda: parser.feed(chunk))

    assert work(MANY) <= work(FEW) + WINDOWS


@pytest.mark.parametrize("options", OPTIONS)
def test_events_of_one_name_cost_the_same_each(ami: ModuleType, options: str) -> None:
    """Each costs a few calls, whatever their number in the chunk."""
    parser = ami.Parser(**OPTIONS[options](ami))

    def work(events: int) -> int:
        chunk = events * sent(FEW)
        return calls_of(lambda: parser.feed(chunk))

    work(1)
    two, three, many = work(2), work(3), work(1000)
    assert 0 <= many - three - 997 * (three - two) <= WINDOWS
    assert three - two <= 5


@pytest.mark.parametrize("before", [b"", sent(FEW), 9 * sent(FEW), PONG], ids=len)
@pytest.mark.parametrize("cut", [7, 9, 13, 30, -3, -1])
def test_no_line_of_an_event_that_comes_in_two_chunks_is_looked_at(
    ami: ModuleType, cut: int, before: bytes
) -> None:
    def work(lines: int) -> int:
        parser, event = ami.Parser(), sent(lines)
        parser.feed(event)
        begin, rest = before + event[:cut], event[cut:] + 3 * event
        return calls_of(lambda: parser.feed(begin)) + calls_of(lambda: parser.feed(rest))

    assert work(FEW) == work(MANY)


# --- messages ---------------------------------------------------------------------------------

ASKED: dict[str, Callable[[Any], Any]] = {
    "name": lambda event: event.name,
    "raw": lambda event: event.raw,
    "data": lambda event: event.data,
    "len": len,
    "keys": lambda event: event.keys(),
    "items": lambda event: event.items(),
    "process": lambda event: event.process(),
    "to_dict": lambda event: event.to_dict(),
    "first": lambda event: event["H0"],
    "last": lambda event: event.get("H2"),
    "missing": lambda event: event.get("Missing"),
    "missing in any case": lambda event: event.get("Missing", ignore_case=True),
    "contains": lambda event: "H1" in event,
    "typed": lambda event: event.typed,
    "typed, missing": lambda event: event.lacked,
}


@pytest.mark.parametrize("asked", ASKED)
def test_no_line_is_looked_at_for_what_is_asked(ami: ModuleType, asked: str) -> None:
    """After an event with the same headers and other values was read."""

    class Work(ami.Event):
        __slots__ = ()
        typed = ami.headers.Int("H1")
        lacked = ami.headers.Int("Lacked", failure=-1)

    def work(lines: int) -> int:
        for value in "123":
            ASKED[asked](Work(sent(lines, f"Work{lines}", value)))
        event = Work(sent(lines, f"Work{lines}", "4"))
        return calls_of(lambda: ASKED[asked](event))

    assert work(FEW) == work(MANY)


# --- what is kept -----------------------------------------------------------------------------


def test_what_the_pure_twin_learns_is_bounded(use: Callable[[str], ModuleType]) -> None:
    """In a stream of names that never repeat; the first ones stay in use."""
    ami = use("pure")
    shapes, lines = pure("shapes"), pure("lines")
    parser = ami.Parser()
    for number in range(5000):
        (event,) = parser.feed(sent(1, f"Name{number}"))
        assert dict(event.items()) == {"Event": f"Name{number}", "H0": "10"}
        assert event.get(f"H{number}") == ("10" if number == 0 else None)
    assert len(parser._first_lines) <= pure("parser").MOST_FIRST_LINES
    assert len(shapes.shapes) == shapes.MOST_FIRST_LINES
    assert len(lines.line_starts) == lines.MOST_LINE_STARTS
    for number in range(100):
        assert len(ami.Event(sent(number, "Name0")).items()) == number + 1
    assert {len(known) for known in shapes.shapes.values()} == {1, shapes.MOST_SHAPES_OF_A_LINE}


@pytest.mark.parametrize("where", ["the event's name", "a header's name", "the headers"])
def test_what_is_too_long_to_learn_is_read_all_the_same(
    use: Callable[[str], ModuleType], where: str
) -> None:
    ami = use("pure")
    wire = importlib.import_module("amistream._wire")
    long = 2 * wire.LONGEST_CACHED_NAME * "n"
    data = {
        "the event's name": sent(1, long),
        "a header's name": f"Event: Work\r\n{long}: 1\r\n\r\n".encode(),
        "the headers": sent(wire.LONGEST_SHAPE, "Work"),
    }[where]
    parser = ami.Parser()
    (event,) = parser.feed(data)
    lines = data.decode().split("\r\n")
    assert list(event.items()) == [tuple(line.split(": ")) for line in lines if line]
    assert pure("shapes").shapes == {}
    assert len(parser._first_lines) == (where != "the event's name")

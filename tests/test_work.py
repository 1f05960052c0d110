"""Work: the fast paths are used, so that a read costs the same in a longer event.

The tests count calls of Python and C functions, not seconds. In the pure twin a fast path makes a
few C calls, and the slow path several for each line. Both give the same, so only the count differs.
"""

from __future__ import annotations

import importlib
import itertools
import operator
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
from support.calls import calls_of

pytestmark = pytest.mark.filterwarnings("ignore:no event is named:UserWarning")

FEW, MANY = 3, 40
WINDOWS = 100
"""The most calls for the windows that the pure parser cuts: each is twice as large as the last."""
FLOOD = 5000
"""The messages of a flood, several times as many as any cache holds."""
PONG = b"Response: Success\r\nPing: Pong\r\n\r\n"


@pytest.fixture(autouse=True)
def _empty_caches(use: Callable[[str], ModuleType]) -> None:
    """What one test taught the pure twin must not help the next one."""
    use("pure")
    pure("shapes").shapes.forget()
    pure("lines").line_starts.clear()


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


@pytest.mark.parametrize("lines", [0, FEW])
@pytest.mark.parametrize("options", OPTIONS)
def test_events_of_one_name_cost_the_same_each(ami: ModuleType, options: str, lines: int) -> None:
    """Each costs a few calls, whatever their number in the chunk."""
    parser = ami.Parser(**OPTIONS[options](ami))

    def work(events: int) -> int:
        chunk = events * sent(lines)
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

    assert work(MANY) <= work(FEW) + WINDOWS


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


def is_learned(ami: ModuleType, raw: bytes) -> bool:
    """Whether the order of the event's headers is known.

    Then the pure twin gives the same str objects for names, and the compiled twin for values, too.
    """
    first, second = (ami.Parser().feed(raw)[0].to_dict() for _ in range(2))
    if ami.IMPLEMENTATION == "compiled":
        return all(map(operator.is_, first.values(), second.values()))
    return all(map(operator.is_, first, second))


def flood_of_orders() -> Iterator[bytes]:
    """Events of one name; their headers have the same names, and never the same order."""
    names = [b"H%d: 1\r\n" % number for number in range(20)]
    for order in itertools.islice(itertools.permutations(names), FLOOD):
        yield b"Event: Work\r\n" + b"".join(order[::-1]) + b"\r\n"


def flood_of_names() -> Iterator[bytes]:
    """Events of one name, whose headers have names that never repeat."""
    return (sent(3, first=f"{n}: ").replace(b"H", b"Own%d" % n) for n in range(FLOOD))


def flood_of_events() -> Iterator[bytes]:
    """Events whose names never repeat."""
    return (sent(3, f"Name{number}") for number in range(FLOOD))


def flood_of_sizes() -> Iterator[bytes]:
    """Events of one name with up to 300 headers, each order five times."""
    for start in range(FLOOD // 500):
        for size in range(0, 300, 3):
            yield from 5 * [sent(size).replace(b"H", b"T%dH" % start)]


def flood_of_pairs() -> Iterator[bytes]:
    """Events whose names come twice."""
    for number in range(FLOOD // 2):
        yield from 2 * [sent(20, f"Pair{number}")]


FLOODS = [flood_of_pairs, flood_of_orders, flood_of_names, flood_of_events, flood_of_sizes]


@pytest.mark.parametrize("flood", FLOODS)
def test_what_is_hot_is_learned_again_after_a_flood(
    ami: ModuleType, flood: Callable[[], Iterator[bytes]]
) -> None:
    """A flood must not fill the caches for good: other events can still be learned."""
    for raw in flood():
        for message in ami.Parser().feed(raw):
            message.to_dict()
    hot = sent(20).replace(b"H", flood.__name__.encode())
    assert not is_learned(ami, hot)
    for _ in range(3):
        ami.Parser().feed(hot)[0].to_dict()
    assert is_learned(ami, hot)


@pytest.mark.parametrize("flood", FLOODS)
def test_what_the_pure_twin_keeps_of_a_flood_is_bounded(
    use: Callable[[str], ModuleType], flood: Callable[[], Iterator[bytes]]
) -> None:
    ami = use("pure")
    learned = pure("shapes")
    parser = ami.Parser()
    for raw in flood():
        for message in parser.feed(raw):
            message.to_dict()
        assert len(parser._first_lines) <= pure("parser").MOST_FIRST_LINES
        assert len(learned.shapes.seen) <= learned.MOST_SIGHTINGS
        names = sum(1 + len(shape.names) for shape in learned.shapes.known.values())
        assert names <= learned.MOST_NAMES


def test_names_that_collided_before_are_as_fast(ami: ModuleType) -> None:
    """Hashes read every byte of a name, and nobody outside the process can predict them.

    These names differ in the middle only. The event has a stray line, so that it has no shape. A
    flood comes first, and fills the cache, which holds a reference to each name but the long one.
    """
    if ami.IMPLEMENTATION == "pure":
        pytest.skip("the pure twin uses Python's own hashes")
    for raw in flood_of_names():
        for message in ami.Parser().feed(2 * raw):
            message.to_dict()
    names = "".join(f"Headers-{number:05}-the-same: 1\r\n" for number in range(100))
    raw = f"Event: Work\r\n{names}stray\r\n{100 * 'long'}: 1\r\n\r\n".encode()
    for _ in range(8):
        ami.Parser().feed(raw)[0].to_dict()
    *cached, uncached = map(sys.getrefcount, ami.Parser().feed(raw)[0].to_dict())
    assert sum(references > uncached for references in cached) > 90


def test_a_flood_of_orders_is_not_read_line_by_line(ami: ModuleType) -> None:
    """It takes one call more for each line; reading line by line takes ten."""
    parser = ami.Parser()
    plain = 50 * sent(20)
    for _ in range(3):
        to_dicts(parser, plain)
    before = calls_of(lambda: to_dicts(parser, plain))
    flood = b"".join(itertools.islice(flood_of_orders(), 50))
    assert calls_of(lambda: to_dicts(parser, flood)) <= before + 50 * (20 + 25)
    assert calls_of(lambda: to_dicts(parser, plain)) == before


def to_dicts(parser: Any, chunk: bytes) -> None:
    for message in parser.feed(chunk):
        message.to_dict()


def test_the_names_that_a_program_asks_for_are_forgotten(
    use: Callable[[str], ModuleType],
) -> None:
    """A program may ask for names from outside; the pure twin caches how their lines start."""
    ami = use("pure")
    lines = pure("lines")
    event = ami.Event(sent(3))
    for number in range(2 * lines.MOST_LINE_STARTS):
        assert event.get(f"Asked{number}") is None
        assert event.get(1000 * f"Long{number}") is None
        assert len(lines.line_starts) <= lines.MOST_LINE_STARTS
    assert max(map(len, lines.line_starts)) < 100
    assert event["H1"] == "11"
    assert "H1" in lines.line_starts


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
    for _ in range(3):
        assert list(parser.feed(data)[0].items()) == list(event.items())
    assert pure("shapes").shapes.known == {}
    assert len(parser._first_lines) == (where != "the event's name")

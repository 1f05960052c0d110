"""Threads: a Parser serves one thread at a time; all threads may read its messages at once."""

from __future__ import annotations

import itertools
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from types import ModuleType
from typing import Any

import pytest

from amistream.headers import Int

HANGUP = b"Event: Hangup\r\nUniqueid: 1795427317.0\r\nCause: 16\r\n\r\n"
PONG = b"Response: Success\r\nActionID: 7\r\nPing: Pong\r\n\r\n"
THREADS = 4
NAMES = itertools.count()
NAMED = range(50)


@pytest.fixture(autouse=True)
def _switch_often() -> Iterator[None]:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def at_once(work: Callable[[int], Any]) -> list[Any]:
    """The result of `work` in each thread. They start together; errors are raised here."""
    barrier = threading.Barrier(THREADS)

    def begin(number: int) -> Any:
        barrier.wait()
        return work(number)

    with ThreadPoolExecutor(THREADS) as threads:
        return list(threads.map(begin, range(THREADS)))


def test_a_shared_parser_refuses_or_serves_in_turn(ami: ModuleType) -> None:
    """No byte is lost or read twice: the counters match the chunks that were not refused."""
    parser = ami.Parser()
    whole = 5 * (HANGUP + PONG)

    def feed(number: int) -> tuple[int, int]:
        fed = given = 0
        for _ in range(300):
            try:
                found = parser.feed(whole)
            except ami.ParserInUse:
                continue
            assert [message.raw for message in found] == 5 * [HANGUP, PONG]
            fed, given = fed + len(whole), given + len(found)
        return fed, given

    counts = at_once(feed)
    assert parser.bytes == sum(fed for fed, _ in counts) > 0
    assert parser.messages == sum(given for _, given in counts)
    assert parser.malformed == 0
    assert [message.raw for message in parser.feed(HANGUP)] == [HANGUP]


def test_a_stream_cut_anywhere_is_whole_if_refusals_are_tried_again(ami: ModuleType) -> None:
    """The pieces come in any order, and the parser's state must stay valid."""
    parser = ami.Parser()
    pieces = [HANGUP[at : at + 7] for at in range(0, len(HANGUP), 7)]

    def feed(number: int) -> int:
        given = 0
        for piece in 100 * pieces:
            while True:
                try:
                    given += len(parser.feed(piece))
                    break
                except ami.ParserInUse:
                    continue
        return given

    given = sum(at_once(feed))
    assert parser.bytes == THREADS * 100 * len(HANGUP)
    assert parser.messages == given
    with suppress(ami.TruncatedMessage):
        parser.close()
    assert [message.raw for message in parser.feed(HANGUP)] == [HANGUP]


def test_an_event_is_read_first_by_all_at_once(ami: ModuleType) -> None:
    """Threads race to build the index of its lines; each reads what a single thread would."""

    def read(turn: int, one: Any) -> tuple[Any, ...]:
        if turn % 2:
            return one[last], one.get("cause", ignore_case=True), one.to_dict(), one.process()
        return one[last], one.get("Cause"), {**one}, (one.to_dict(), one.data)

    # Among them are numbers of lines around the limits of a shape and of the stack buffer.
    for count in (1, 3, 63, 64, 253, 254, 255, 300):
        for number in itertools.islice(NAMES, 10):
            last = f"Own-{number}-{count - 1}"
            lines = [b"Own-%d-%d: %d" % (number, i, i) for i in range(count)]
            raw = b"\r\n".join([b"Event: Raced", b"Cause: 16", *lines, b"", b""])
            messages = ami.Parser().feed(10 * raw)
            found = at_once(lambda turn, all=messages: [read(turn, one) for one in all])
            assert found == THREADS * [found[0]]
            assert found[0][0][:2] == (str(count - 1), "16")


def test_shapes_learned_at_once_stay_few(
    use: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threads that add a shape at the same time may exceed the bound, but only by a little."""
    ami = use("pure")
    twin = sys.modules["amistream._pure.shapes"]
    monkeypatch.setattr(twin, "MOST_NAMES", 90)
    monkeypatch.setattr(twin, "shapes", twin.Shapes())

    def read(number: int) -> None:
        raw = b"Event: Late\r\nOwn: 1\r\n\r\n"
        every = 5 * [raw.replace(b"Late", b"L%d" % i) for i in NAMED]
        for message in ami.Parser().feed(b"".join(every)):
            assert list(message.to_dict()) == ["Event", "Own"]
            assert len(twin.shapes.known) <= 90 // 3 + THREADS

    at_once(read)
    assert len(twin.shapes.known) > 0


def test_a_class_is_registered_while_others_parse(ami: ModuleType) -> None:
    """Before its class is registered an event may have either class; afterwards only its own."""
    names = [f"Late{next(NAMES)}" for _ in range(60)]
    streams = [HANGUP + HANGUP.replace(b"Hangup", name.encode()) + PONG for name in names]
    registered: dict[str, type] = {}

    def work(number: int) -> None:
        parser = ami.Parser()
        if number == 0:
            for name in names:
                made = type(name, (ami.Event,), {"__slots__": (), "cause": Int("Cause")})
                registered[name] = ami.register(made)
            return
        for _ in range(5):
            for name, stream in zip(names, streams, strict=True):
                known = registered.get(name)
                hangup, late, pong = parser.feed(stream)
                assert type(hangup) is ami.core_events.Hangup
                assert type(pong) is ami.Response
                assert type(late) is known or known is None
                assert late.name == name
        assert parser.messages == 5 * 3 * len(names)

    at_once(work)
    parser = ami.Parser()
    assert [type(parser.feed(s)[1]) for s in streams] == list(registered.values())

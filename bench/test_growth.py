"""The cost per byte or message must not grow with the stream, the message or the chunks."""

from __future__ import annotations

import functools
import itertools
import random
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from amistream.testing import workload
from bench import contenders, rows

if TYPE_CHECKING:
    from bench.conftest import Recorder

MB = 10**6
BYTEWISE_SIZE = 1 << 19
"""How many bytes are fed one at a time."""

both = pytest.mark.parametrize("contender", rows.TWINS)
CHUNKS = {"1 B": 1, "1 KiB": 1 << 10, "64 KiB": 1 << 16, "whole": None}
OPEN = (10, 100, 1000, 10_000)
MEMBERS = 3


def feed(package: Any, chunks: list[bytes]) -> None:
    """Split the chunks with a new parser, and drop the messages."""
    parser = package.Parser(max_line=MB)
    for _ in itertools.chain.from_iterable(map(parser.feed, chunks)):
        pass


def single_bytes(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


@pytest.mark.parametrize("case", CHUNKS)
@both
def test_chunks(record: Recorder, capture: contenders.Stream, contender: str, case: str) -> None:
    size = CHUNKS[case]
    data = capture.data[:BYTEWISE_SIZE] if size == 1 else capture.data
    chunks = contenders.Stream(data, size or len(data)).chunks
    work = partial(feed, contenders.twin(contender), chunks)
    record.time(contender, work, per=len(data), unit="ns per byte", case=case)


@functools.lru_cache(maxsize=1)
def input_of(megabytes: int) -> list[bytes]:
    """The first `megabytes` of a workload with enough calls, in chunks."""
    calls = megabytes * 25
    options = workload.Options(calls_per_second=100, seconds=calls / 100)
    chunks = workload.Workload(options).chunks()
    return list(itertools.islice(chunks, megabytes * MB // workload.CHUNK))


@pytest.mark.parametrize("megabytes", [1, 10, 100])
@both
def test_inputs(record: Recorder, contender: str, megabytes: int) -> None:
    chunks = input_of(megabytes)
    size = sum(map(len, chunks))
    work = partial(feed, contenders.twin(contender), chunks)
    record.time(contender, work, per=size, unit="ns per byte", case=f"{megabytes} MB")


def message_of(headers: int, turn: int) -> bytes:
    """A message; half of its values differ from those of another turn, as in real events."""
    lines = (
        b"Header-%05d: value %d\r\n" % (number, number % 2 * turn + number)
        for number in range(headers)
    )
    return b"Event: Many\r\n" + b"".join(lines) + b"\r\n"


def to_dicts(package: Any, chunks: list[bytes]) -> None:
    for message in itertools.chain.from_iterable(map(package.Parser().feed, chunks)):
        message.to_dict()


@pytest.mark.parametrize("headers", [20, 64, 65, 100, 250, 300, 1000, 4000])
@both
def test_headers(record: Recorder, contender: str, headers: int) -> None:
    count = MB // len(message_of(headers, 0))
    data = b"".join(message_of(headers, turn) for turn in range(count))
    work = partial(to_dicts, contenders.twin(contender), contenders.Stream(data).chunks)
    case = f"{headers:,} headers"
    record.time(contender, work, per=len(data), unit="ns per byte", case=case)


FLOOD = 1000
"""The events of a stream, plain or a flood."""
FLOOD_HEADERS = [b"Header-%02d: value\r\n" % number for number in range(20)]


def plain_stream(_: random.Random) -> bytes:
    return b"".join(message_of(20, turn) for turn in range(FLOOD))


def flood_of_orders(chance: random.Random) -> bytes:
    """The same headers, in an order that does not repeat."""
    orders = (b"".join(chance.sample(FLOOD_HEADERS, 20)) for _ in range(FLOOD))
    return b"".join(b"Event: Many\r\n" + order + b"\r\n" for order in orders)


STREAMS = {
    "plain": (plain_stream, False),
    "a flood of header orders": (flood_of_orders, False),
    "plain, after 40 floods": (plain_stream, True),
}


@pytest.mark.parametrize("case", STREAMS)
@both
def test_floods(record: Recorder, contender: str, case: str) -> None:
    make, is_after = STREAMS[case]
    package, chance = contenders.twin(contender), random.Random(1)
    for _ in range(40 if is_after else 0):
        to_dicts(package, [flood_of_orders(chance)])
    # The caches forget an order long before its stream comes again.
    streams = itertools.cycle([make(chance) for _ in range(20)])
    record.time(
        contender,
        lambda: to_dicts(package, [next(streams)]),
        per=FLOOD,
        unit="ns per event",
        case=case,
    )


def read_repeated(package: Any, data: bytes) -> None:
    for message in package.Parser().feed(data):
        assert len(message.get_all("ChanVariable")) == len(message.channel_variables)
        message.to_dict()


@pytest.mark.parametrize("headers", [20, 100, 1000, 10_000])
@both
def test_repeated_header(record: Recorder, contender: str, headers: int) -> None:
    lines = b"".join(b"ChanVariable: v%06d=1\r\n" % number for number in range(headers))
    message = b"Event: Newchannel\r\n" + lines + b"\r\n"
    data = message * max(1, MB // len(message))
    work = partial(read_repeated, contenders.twin(contender), data)
    case = f"{headers:,} of one name"
    record.time(contender, work, per=len(data), unit="ns per byte", case=case)


BYTEWISE = {
    "messages of 14 lines": b"Event: Many\r\n" + b"Header: as long as they are\r\n" * 13 + b"\r\n",
    "one message of many lines": b"Header: as long as they are\r\n",
    "one message of one line": b"Header: as long as they are, ",
}


def bytewise(case: str) -> bytes:
    """About 512 KiB of the case's text, with the start and end of a message."""
    data = BYTEWISE[case] * (BYTEWISE_SIZE // len(BYTEWISE[case]))
    return data if case.startswith("messages") else b"Event: Many\r\n" + data + b"\r\n\r\n"


@pytest.mark.parametrize("case", BYTEWISE)
@both
def test_bytewise(record: Recorder, contender: str, case: str) -> None:
    chunks = single_bytes(bytewise(case))
    work = partial(feed, contenders.twin(contender), chunks)
    record.time(contender, work, per=len(chunks), unit="ns per byte", case=case)


def interleaved(lists: int) -> Iterator[bytes]:
    """The first member of each list, then the second of each, and so on; finishers come last."""
    for action in itertools.chain.from_iterable(itertools.repeat(range(lists), MEMBERS)):
        yield (
            b"Event: QueueMember\r\nActionID: list-%d\r\nQueue: support\r\nName: Jane\r\n"
            b"Location: Local/101@agents/n\r\nPenalty: 0\r\nStatus: 1\r\n\r\n" % action
        )
    for action in range(lists):
        end = b"ActionID: list-%d\r\nEventList: Complete\r\nListItems: %d\r\n\r\n"
        yield b"Event: QueueStatusComplete\r\n" + end % (action, MEMBERS)


def gather(package: Any, messages: list[Any], lists: int) -> None:
    """Gather the same lists repeatedly, so that every case gathers the same number of lists."""
    collector = package.Collector(max_open=max(OPEN))
    for _ in range(max(OPEN) // lists):
        finished = [aggregate for message in messages if (aggregate := collector.add(message))]
        assert len(finished) == lists


@pytest.mark.parametrize("lists", OPEN)
@both
def test_collector(record: Recorder, contender: str, lists: int) -> None:
    package = contenders.twin(contender)
    messages = package.Parser().feed(b"".join(interleaved(lists)))
    work = partial(gather, package, messages, lists)
    per = max(OPEN) * (MEMBERS + 1)
    record.time(contender, work, per=per, unit="ns per message", case=f"{lists:,} open")

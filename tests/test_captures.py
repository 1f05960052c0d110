"""Whole captures: no message, name, header or byte is lost, at any chunk size."""

from __future__ import annotations

import re
from collections import Counter
from types import ModuleType
from typing import Any

import pytest
from support.feeding import cut

BANNER = b"Asterisk Call Manager/11.0.0\r\n"
SIZES = [
    *(pytest.param(size, marks=pytest.mark.heavy) for size in (1, 2, 3, 64)),
    *(7, 1000, 65536, 1 << 30),
]


def raws(messages: list[Any]) -> list[bytes]:
    return [message.raw for message in messages]


def feed_whole(parser: Any, stream: bytes, size: int) -> list[Any]:
    messages = [message for chunk in cut(stream, size) for message in parser.feed(chunk)]
    assert parser.close() == []
    return messages


def framed(stream: bytes) -> list[bytes]:
    """The messages of a capture, each of which ends with CRLF CRLF."""
    return re.findall(rb"[^\r\n].*?\r\n\r\n", stream.removeprefix(BANNER), re.DOTALL)


@pytest.mark.parametrize("size", SIZES)
def test_the_capture_of_a_call_centre(ami: ModuleType, queue_events: bytes, size: int) -> None:
    frames = framed(queue_events)
    assert len(frames) == 24_572
    if size < 64 and ami.IMPLEMENTATION == "pure":  # ten million calls take half a minute
        frames = frames[:2000]
        queue_events = BANNER + b"".join(frames)
    parser = ami.Parser()
    messages = feed_whole(parser, queue_events, size)
    assert raws(messages) == frames
    assert [type(message) for message in messages if not isinstance(message, ami.Event)] == [
        ami.Response
    ]
    assert parser.messages == len(frames)
    assert parser.bytes == len(queue_events)
    assert (parser.malformed, parser.skipped) == (0, 0)
    assert parser.banner == "Asterisk Call Manager/11.0.0"


@pytest.mark.parametrize("size", SIZES)
def test_the_capture_of_list_actions(ami: ModuleType, list_actions: bytes, size: int) -> None:
    parser = ami.Parser()
    messages = feed_whole(parser, list_actions, size)
    assert len(messages) == parser.messages == 2_889
    assert sum(isinstance(message, ami.Event) for message in messages) == 2_322
    assert sum(isinstance(message, ami.Response) for message in messages) == 567
    assert raws(messages) == framed(list_actions)
    assert (parser.malformed, parser.skipped) == (0, 0)


@pytest.mark.parametrize("capture", ["queue_events", "list_actions"])
def test_every_event_of_a_capture_is_named(
    ami: ModuleType, capture: str, request: pytest.FixtureRequest
) -> None:
    stream = request.getfixturevalue(capture)
    messages = ami.Parser().feed(stream)
    names = Counter(message.name for message in messages if isinstance(message, ami.Event))
    counted = Counter(re.findall(rb"^Event: (.*)\r$", stream, re.MULTILINE))
    assert names == {name.decode(): count for name, count in counted.items()}
    words = Counter(message.name for message in messages if isinstance(message, ami.Response))
    counted = Counter(re.findall(rb"^Response: (.*)\r\nActionID", stream, re.MULTILINE))
    assert words == {word.decode(): count for word, count in counted.items()}


@pytest.mark.parametrize("capture", ["queue_events", "list_actions"])
def test_no_byte_of_a_capture_is_lost(
    ami: ModuleType, capture: str, request: pytest.FixtureRequest
) -> None:
    stream = request.getfixturevalue(capture)
    without_extras = re.sub(rb"(\r\n\r\n)(\r\n)+", rb"\1", stream.removeprefix(BANNER))
    assert b"".join(raws(ami.Parser().feed(stream))) == without_extras


@pytest.mark.parametrize(
    "capture", ["list_actions", pytest.param("queue_events", marks=pytest.mark.heavy)]
)
def test_no_header_of_a_capture_is_lost(
    ami: ModuleType, capture: str, request: pytest.FixtureRequest
) -> None:
    stream = request.getfixturevalue(capture)
    sent: Counter[bytes] = Counter(re.findall(rb"^([^:\r\n]+):", stream, re.MULTILINE))
    read: Counter[str] = Counter()
    for message in ami.Parser().feed(stream):
        for name in message:
            read[name] += len(message.get_all(name))
    assert read == {name.decode(): count for name, count in sent.items()}

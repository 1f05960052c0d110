"""The parser: selections, bounds, arguments that it refuses, and the end of a stream."""

from __future__ import annotations

import copy
import gc
import itertools
import operator
import pickle
import re
import signal
import sys
from array import array
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.feeding import as_tuple, cut, replay

pytestmark = [
    pytest.mark.quick,
    pytest.mark.filterwarnings("ignore:no event is named:UserWarning"),
]

BANNER = b"Asterisk Call Manager/11.0.0\r\n"
HANGUP = b"Event: Hangup\r\nUniqueid: 1795427317.0\r\nCause: 16\r\n\r\n"
NEWCHANNEL = b"Event: Newchannel\r\nChannel: Local/x\r\n\r\n"
UNHEARD_OF = b"Event: Unheard Of\r\nX: 1\r\n\r\n"
PONG = b"Response: Success\r\nPing: Pong\r\n\r\n"
STRAY = b"Foo: 1234\r\n\r\n"
MIXED = [HANGUP, PONG, NEWCHANNEL, STRAY, UNHEARD_OF, HANGUP]

NAMES = itertools.count()
OBJECT = pytest.param(
    object(), id="object"
)  # its repr has an address, which differs in each worker


def raws(messages: list[Any]) -> list[bytes]:
    return [message.raw for message in messages]


def fed(parser: Any, stream: bytes, size: int) -> list[Any]:
    messages = [message for chunk in cut(stream, size) for message in parser.feed(chunk)]
    assert parser.close() == []
    return messages


# --- ends, names and headers -------------------------------------------------------------------


@pytest.mark.parametrize("end", [b"\r\n\r\n", b"\r\n\n", b"\n\r\n\r\n"])
def test_an_end_anywhere_in_a_block(ami: ModuleType, end: bytes) -> None:
    """The bytes are searched in blocks of 64; a terminator may lie across two blocks."""
    for pad in range(200):
        first = b"Event: X\r\nA: " + pad * b"x" + b":" + end
        messages = ami.Parser().feed(first + HANGUP + first)
        assert raws(messages) == [first, HANGUP, first], f"after {pad} bytes"
        assert messages[0]["A"] == pad * "x" + ":"


@pytest.mark.parametrize("between", [b"", b"\r\n", b"\n"])
def test_an_end_anywhere_in_a_window(ami: ModuleType, between: bytes) -> None:
    """A long chunk may be read in windows of a power of two; an event may lie across two."""
    head = b"Event: X\r\nA: "
    edges = [(1 << power) + near for power in (16, 17, 18) for near in range(-70, 5)]
    for size in (*edges, 5 << 16):
        first = head + (size - len(head) - 4) * b"x" + b"\r\n\r\n"
        parser = ami.Parser(max_line=1 << 20)
        found = parser.feed(between.join([HANGUP, first, HANGUP, PONG, HANGUP]))
        assert raws(found) == [HANGUP, first, HANGUP, PONG, HANGUP], f"an event of {size} bytes"


def test_a_flood_of_event_names(ami: ModuleType) -> None:
    """More event names than any cache can hold."""
    stream = [f"Event: Name{number}\r\nX: {number}\r\n\r\n".encode() for number in range(5000)]
    for only in (None, {"Name1", "Name4999"}):
        parser = ami.Parser(only=only)
        for _ in range(2):
            messages = parser.feed(b"".join(stream))
            wanted = stream if only is None else [stream[1], stream[4999]]
            assert raws(messages) == wanted
            assert {type(message) for message in messages} == {ami.Event}
            assert [f"Name{message['X']}" for message in messages] == [
                message.name for message in messages
            ]


@pytest.mark.parametrize("count", [1, 61, 62, 63, 64, 65, 500])
def test_any_number_of_headers(ami: ModuleType, count: int) -> None:
    headers = {f"H{number}": f"v:{number}" for number in range(count)}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    (event,) = ami.Parser().feed(f"Event: X\r\n{lines}\r\n".encode())
    assert dict(event) == {"Event": "X", **headers}
    assert event[f"H{count - 1}"] == f"v:{count - 1}"


# --- only -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("only", "wanted"),
    [
        (lambda ami: None, MIXED),
        (lambda ami: {ami.core_events.Hangup}, [HANGUP, HANGUP]),
        (lambda ami: ami.core_events.Hangup, [HANGUP, HANGUP]),
        (lambda ami: "Hangup", [HANGUP, HANGUP]),
        (lambda ami: ["Hangup", ami.core_events.Newchannel], [HANGUP, NEWCHANNEL, HANGUP]),
        (lambda ami: (name for name in ["Newchannel"]), [NEWCHANNEL]),
        (lambda ami: {"Unheard Of"}, [UNHEARD_OF]),
        (lambda ami: {"hangup", "Nobody"}, []),
        (lambda ami: ami.Event, [HANGUP, NEWCHANNEL, UNHEARD_OF, HANGUP]),
        (lambda ami: {ami.Event, "Hangup"}, [HANGUP, NEWCHANNEL, UNHEARD_OF, HANGUP]),
        (lambda ami: ami.Response, [PONG]),
        (lambda ami: {ami.Response, "Newchannel"}, [PONG, NEWCHANNEL]),
        (lambda ami: {ami.Event, ami.Response}, [HANGUP, PONG, NEWCHANNEL, UNHEARD_OF, HANGUP]),
        (lambda ami: ami.Message, MIXED),
        (lambda ami: (), []),
    ],
)
@pytest.mark.parametrize("size", [1, 30, 1 << 20])
def test_only(ami: ModuleType, only: Callable[[Any], Any], wanted: list[bytes], size: int) -> None:
    parser = ami.Parser(only=only(ami))
    everything = ami.Parser().feed(b"".join(MIXED))
    messages = fed(parser, b"".join(MIXED), size)
    assert raws(messages) == wanted
    assert [as_tuple(one) for one in messages] == [
        as_tuple(one) for one in everything if one.raw in wanted
    ]
    assert (parser.messages, parser.skipped) == (len(wanted), len(MIXED) - len(wanted))
    assert parser.malformed == 1  # the message that is neither event nor response, selected or not


def test_only_builds_no_other_class(ami: ModuleType) -> None:
    (event,) = ami.Parser(only="Unheard Of").feed(b"".join(MIXED))
    assert type(event) is ami.Event
    first, _ = ami.Parser(only="Hangup").feed(b"".join(MIXED))
    assert type(first) is ami.core_events.Hangup


@pytest.mark.parametrize(
    "only",
    [5, [5], b"Hangup", [b"Hangup"], [None], int, [int], [["Hangup"]], OBJECT],
    ids=repr,
)
def test_only_takes_event_classes_and_names(ami: ModuleType, only: Any) -> None:
    with pytest.raises(TypeError, match=r"only= takes event classes and event names, not "):
        ami.Parser(only=only)


def test_only_takes_no_aggregate(ami: ModuleType) -> None:
    with pytest.raises(TypeError, match="QueueStatus_Aggregate"):
        ami.Parser(only={ami.core_events.QueueStatus_Aggregate})


def test_only_takes_no_class_without_a_name(ami: ModuleType) -> None:
    class Nameless(ami.Event):
        __slots__ = ()

    with pytest.raises(ValueError, match="no event name is registered for Nameless"):
        ami.Parser(only={Nameless})


def test_only_on_a_capture(ami: ModuleType, queue_events: bytes) -> None:
    hangups = queue_events.count(b"Event: Hangup\r\n")
    assert hangups > 100
    parser = ami.Parser(only={ami.core_events.Hangup})
    messages = fed(parser, queue_events, 1000)
    assert {type(message) for message in messages} == {ami.core_events.Hangup}
    assert (len(messages), parser.skipped) == (hangups, 24_572 - hangups)


# --- classes ----------------------------------------------------------------------------------


def test_a_class_registered_after_the_parser_was_made_is_used(ami: ModuleType) -> None:
    parser, every_event = ami.Parser(), ami.Parser(only=ami.Event)
    for ending in ("", " with spaces", " é"):
        name = f"Later{next(NAMES)}{ending}"
        sent = f"Event: {name}\r\nX: 7\r\n\r\n".encode()
        before = parser.feed(sent)

        class Later(ami.Event):
            __slots__ = ()
            x = ami.headers.Int("X")

        ami._registry.register(Later, name)
        for (event,) in (parser.feed(sent), every_event.feed(sent)):
            assert type(event) is Later
            assert (event.x, event.name) == (7, name)
        assert [type(event) for event in before] == [ami.Event]


def test_a_name_is_served_by_one_class(ami: ModuleType) -> None:
    class Rival(ami.Event):
        __slots__ = ()

    with pytest.raises(ValueError, match="'Hangup' are served by Hangup already"):
        ami._registry.register(Rival, "Hangup")
    assert type(ami.Parser().feed(HANGUP)[0]) is ami.core_events.Hangup
    ami._registry.register(ami.core_events.Hangup, "Hangup")


def test_parsers_of_ones_own_are_not_for_inheriting(ami: ModuleType) -> None:
    with pytest.raises(TypeError, match="Parser' is not an acceptable base type"):
        type("Mine", (ami.Parser,), {})


def test_a_parser_has_no_copy(ami: ModuleType) -> None:
    parser = ami.Parser()
    for duplicate in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="cannot pickle"):
            duplicate(parser)


# --- max_message, max_line, max_headers -------------------------------------------------------

LONG = b"Event: Long\r\nText: " + 300 * b"x" + b"\r\nCause: 1\r\n\r\n"


def parse_as_tuple(ami: ModuleType, message: bytes) -> Any:
    return as_tuple(ami.Parser().feed(message)[0])


def line_too_long(offset: int, limit: int) -> str:
    return (
        f"the message at byte {offset} has a line longer than max_line={limit} bytes; it is skipped"
    )


def too_many_lines(offset: int, limit: int) -> str:
    return f"the message at byte {offset} has more than max_headers={limit} lines; it is skipped"


def too_large(offset: int, limit: int) -> str:
    return f"the message at byte {offset} is longer than max_message={limit} bytes; it is skipped"


@pytest.mark.parametrize("message", [HANGUP, PONG, STRAY, HANGUP.replace(b"\r", b"")])
@pytest.mark.parametrize("size", [1, 5, 1 << 20])
def test_a_message_of_just_the_limit_passes(ami: ModuleType, message: bytes, size: int) -> None:
    limit = len(message)
    assert replay(ami, message, size, max_message=limit)[0][2] == message
    assert replay(ami, message, size, max_message=limit - 1)[0] == too_large(0, limit - 1)


def test_the_limit_unless_told_otherwise_is_a_mebibyte(ami: ModuleType) -> None:
    lines = 15 * (b"Text: " + (1 << 16) * b"x" + b"\r\n")
    head, tail = b"Event: X\r\n" + lines + b"Text: ", b"\r\n\r\n"
    fits = head + ((1 << 20) - len(head + tail)) * b"x" + tail
    (event,) = ami.Parser().feed(fits)
    assert event.raw == fits
    with pytest.raises(ami.MessageTooLarge, match="max_message=1048576"):
        ami.Parser().feed(head + b"x" + fits.removeprefix(head))
    assert ami.Parser().max_message == 1 << 20


def test_what_the_error_holds(ami: ModuleType) -> None:
    parser = ami.Parser(max_message=100)
    with pytest.raises(ami.MessageTooLarge) as caught:
        parser.feed(BANNER + HANGUP + PONG + LONG + NEWCHANNEL + HANGUP)
    offset = len(BANNER + HANGUP + PONG)
    assert (caught.value.offset, caught.value.limit) == (offset, 100)
    assert raws(caught.value.messages) == [HANGUP, PONG]
    assert str(caught.value) == too_large(offset, 100)
    assert isinstance(caught.value, ami.AMIError)
    assert (parser.messages, parser.malformed) == (2, 1)
    assert raws(parser.feed(b"")) == [NEWCHANNEL, HANGUP]
    assert parser.bytes == len(BANNER + HANGUP + PONG + LONG + NEWCHANNEL + HANGUP)
    assert parser.close() == []


def test_an_error_survives_pickle(ami: ModuleType) -> None:
    parser = ami.Parser(max_message=100)
    with pytest.raises(ami.MessageTooLarge) as large:
        parser.feed(HANGUP + LONG)
    parser.feed(b"Cause: 1\r\n\r\n" + HANGUP[:9])
    with pytest.raises(ami.TruncatedMessage) as truncated:
        parser.close()
    for error in (large.value, truncated.value, ami.ParserInUse()):
        for copied in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
            assert type(copied) is type(error)
            assert (str(copied), vars(copied)) == (str(error), vars(error))


ENDLESS = b"Response: Follows\r\nPrivilege: Command\r\n"
OUTPUT = b"\nEvent: Hangup\r\n\r\nResponse: Success\r\n\r\n" + 90 * b"long " + b"\nx: 1\n\n"


@pytest.mark.parametrize(
    "message",
    [
        LONG,
        LONG.replace(b"\r", b""),
        b"Event: X\r\n" + 60 * b"A: 1\r\n" + b"\r\n",
        b"Event: X\r\n" + 60 * b"A: 1\r\n" + b"\n",
        b"Event: X\nText: " + 90 * b"x" + b"\r\nA: 1\n\r\n",
        b"Event: X\r\nText: " + 90 * b"x" + b"\n\nA: 1\r\n\r\n",
        # The line end comes late, or the first line has none for long.
        b"Event: " + 500 * b"x" + b"\r\nA: 1\r\n\r\n",
        500 * b"x" + b"\r\nA: 1\r\n\r\n",
        500 * b"x" + b"\nA: 1\n\n",
        500 * b"\r" + b"\nA: 1\r\n\r\n",
        # Old-style answers end only at their marker, wherever the bound was exceeded.
        ENDLESS + 3 * OUTPUT + b"--END COMMAND--\r\n",
        ENDLESS + OUTPUT + 500 * b"y" + b"--END COMMAND--\r\n",
        ENDLESS + OUTPUT + 500 * b"y" + b"\n--END COMMAND--\n",
        b"Text: " + 90 * b"x" + b"\r\n" + ENDLESS + OUTPUT + b" --END COMMAND--\r\n",
        b"Event: X\r\nText: " + 90 * b"x" + b"\r\n" + ENDLESS + b"--END COMMAND--\r\n\r\n",
        ENDLESS + OUTPUT + 500 * b"y" + b"x-END COMMAND--\r\n" + b"--END COMMAND--\r\n",
        # While a message is skipped, a line of 64 bytes has its meaning, wherever it is cut.
        b"Text: "
        + 90 * b"x"
        + b"\r\nResponse: Follows"
        + 47 * b" "
        + b"\r\n"
        + OUTPUT
        + b"--END COMMAND--\r\n",
        # A long line has none, whole or in pieces.
        b"Text: " + 90 * b"x" + b"\r\nResponse: Follows" + 90 * b" " + b"\r\n\r\n",
        # Inside a message a banner has no meaning.
        b"Event: X\r\nText: " + 90 * b"x" + b"\r\n" + BANNER + b"A: 1\r\n\r\n",
    ],
)
def test_it_goes_on_at_the_next_message(ami: ModuleType, message: bytes) -> None:
    stream = HANGUP + message + PONG + message + b"\r\n" + NEWCHANNEL
    whole = replay(ami, stream, len(stream), max_message=80)
    raws_and_errors = [one if isinstance(one, str) else one[2] for one in whole[:5]]
    assert raws_and_errors == [
        HANGUP,
        too_large(len(HANGUP), 80),
        PONG,
        too_large(len(HANGUP + message + PONG), 80),
        NEWCHANNEL,
    ]
    assert whole[5:] == [3, len(stream), 2, 0, None]
    for size in range(1, len(stream)):
        assert replay(ami, stream, size, max_message=80) == whole, f"in chunks of {size}"


def test_an_endless_line_is_not_kept(ami: ModuleType) -> None:
    parser = ami.Parser(max_message=1000)
    chunk = 999 * b"x"
    assert parser.feed(chunk) == []
    with pytest.raises(ami.MessageTooLarge, match="the message at byte 0 is longer"):
        parser.feed(chunk)
    assert [parser.feed(chunk) for _ in range(50)] == 50 * [[]]
    assert raws(parser.feed(b"\r\n\r\n" + HANGUP)) == [HANGUP]
    with pytest.raises(ami.MessageTooLarge) as caught:
        parser.feed(1001 * b"y")
    assert caught.value.offset == 52 * len(chunk) + len(b"\r\n\r\n" + HANGUP)


def test_a_line_of_just_the_limit_passes(ami: ModuleType) -> None:
    longest = b"Uniqueid: 1795427317.0\r\n"
    assert longest in HANGUP
    stream = HANGUP + PONG
    for size in range(1, len(stream) + 1):
        passed = replay(ami, stream, size, max_line=len(longest))
        assert [one[2] for one in passed[:2]] == [HANGUP, PONG], f"in chunks of {size}"
        found = replay(ami, stream, size, max_line=len(longest) - 1)
        assert found[:2] == [line_too_long(0, len(longest) - 1), parse_as_tuple(ami, PONG)]
        assert found[2:] == [1, len(stream), 1, 0, None], f"in chunks of {size}"


def test_headers_of_just_the_limit_pass(ami: ModuleType) -> None:
    for end in (b"\r\n", b"\n"):
        message = b"Event: X\r\n" + 60 * b"A: 1\r\n" + end
        stream = message + PONG
        for size in (1, 7, 64, len(stream) - 1, len(stream)):
            passed = replay(ami, stream, size, max_headers=61)
            assert [one[2] for one in passed[:2]] == [message, PONG], f"in chunks of {size}"
            found = replay(ami, stream, size, max_headers=60)
            assert found[:2] == [too_many_lines(0, 60), parse_as_tuple(ami, PONG)]
            assert found[2:] == [1, len(stream), 1, 0, None], f"in chunks of {size}"


@pytest.mark.parametrize(
    "message",
    [
        b"Event: X\r\n" + 20 * b"A:\r\n" + b"\r\n",
        b"Event: X\n" + 20 * b"A:\n" + b"\n",
        b"Event: X\r\nA: " + 20 * b"\n" + b"B: 1\r\n\r\n",
        b"Response: Success\r\n" + 20 * b"Output: a\r\n" + b"\r\n",
        b"Response: Follows\r\n" + 20 * b"a\n" + b"--END COMMAND--\r\n\r\n",
        20 * b"no colon: at all\r\n" + b"\r\n",
    ],
)
def test_every_line_counts(ami: ModuleType, message: bytes) -> None:
    stream = HANGUP + message + PONG
    whole = replay(ami, stream, len(stream), max_headers=19)
    assert whole[1:3] == [too_many_lines(len(HANGUP), 19), parse_as_tuple(ami, PONG)]
    for size in range(1, len(stream)):
        assert replay(ami, stream, size, max_headers=19) == whole, f"in chunks of {size}"


@pytest.mark.parametrize("max_message", [40, 60, 75, 90, 200])
@pytest.mark.parametrize("max_line", [20, 40, 60, 75])
@pytest.mark.parametrize("max_headers", [1, 2, 4, 100])
def test_the_bound_that_is_passed_first_is_told(
    ami: ModuleType, max_message: int, max_line: int, max_headers: int
) -> None:
    """The error depends only on the stream, not on the chunks."""
    bounds = {"max_message": max_message, "max_line": max_line, "max_headers": max_headers}
    stream = HANGUP + LONG + PONG + b"Event: X\r\n" + 60 * b"A: 1\r\n" + b"\r\n" + NEWCHANNEL
    whole = replay(ami, stream, len(stream), **bounds)
    for size in (1, 2, 3, 7, 19, 64, 100, 301):
        assert replay(ami, stream, size, **bounds) == whole, f"in chunks of {size}"


def test_two_bounds_that_are_passed_at_once(ami: ModuleType) -> None:
    for size in (1, 30, 1000):
        found = replay(ami, LONG, size, max_message=70, max_line=70 - len(b"Event: Long\r\n"))
        assert found[0] == too_large(0, 70)


def test_the_bounds_unless_told_otherwise(ami: ModuleType) -> None:
    line = b"Text: " + ((1 << 18) - 8) * b"x" + b"\r\n"
    (event,) = ami.Parser().feed(b"Event: X\r\n" + line + b"\r\n")
    assert len(event["Text"]) == (1 << 18) - 8
    with pytest.raises(ami.MessageTooLarge, match="has a line longer than max_line=262144 bytes"):
        ami.Parser().feed(b"Event: X\r\nx" + line + b"\r\n")

    parser = ami.Parser()
    assert (parser.max_message, parser.max_line, parser.max_headers) == (1 << 20, 1 << 18, 1 << 17)
    lines = ((1 << 17) - 1) * b"A: b\r\n"
    (event,) = parser.feed(b"Event: X\r\n" + lines + b"\r\n")
    assert event.get_all("A") == ((1 << 17) - 1) * ["b"]
    with pytest.raises(ami.MessageTooLarge, match="has more than max_headers=131072 lines"):
        parser.feed(b"Event: X\r\n" + lines + b"A: c\r\n\r\n")


def test_what_the_errors_of_the_other_bounds_hold(ami: ModuleType) -> None:
    parser = ami.Parser(max_line=50, max_headers=12)
    with pytest.raises(ami.MessageTooLarge) as line:
        parser.feed(HANGUP + LONG + PONG + b"Event: X\r\n" + 12 * b"A: 1\r\n" + b"\r\n")
    with pytest.raises(ami.MessageTooLarge) as count:
        parser.feed(HANGUP)
    bounds = [(e.value.setting, e.value.limit, e.value.offset) for e in (line, count)]
    assert bounds == [
        ("max_line", 50, len(HANGUP)),
        ("max_headers", 12, len(HANGUP + LONG + PONG)),
    ]
    assert raws(parser.feed(b"")) == [HANGUP]
    for error in (line.value, count.value):
        copied = pickle.loads(pickle.dumps(error))
        assert (str(copied), vars(copied)) == (str(error), vars(error))


def test_the_bounds_are_not_changed_afterwards(ami: ModuleType) -> None:
    parser = ami.Parser()
    for name in ("max_message", "max_line", "max_headers"):
        with pytest.raises(AttributeError):
            setattr(parser, name, 1)


@pytest.mark.parametrize("setting", ["max_message", "max_line", "max_headers"])
@pytest.mark.parametrize(
    ("limit", "error"),
    [
        (0, ValueError),
        (-1, ValueError),
        (1 << 31, ValueError),
        (1 << 80, ValueError),
        (True, TypeError),
        (1e3, TypeError),
        ("1", TypeError),
        (None, TypeError),
    ],
)
def test_a_limit_that_is_none(
    ami: ModuleType, setting: str, limit: Any, error: type[Exception]
) -> None:
    unit = "lines" if setting == "max_headers" else "bytes"
    with pytest.raises(error) as caught:
        ami.Parser(**{setting: limit})
    assert (
        str(caught.value)
        == {
            TypeError: f"{setting} is a number of {unit}, not {limit!r}",
            ValueError: f"{setting} must be 1 to 2147483647 {unit}, not {limit}",
        }[error]
    )
    assert ami.Parser(**{setting: (1 << 31) - 1}).feed(HANGUP)


# --- what may be fed --------------------------------------------------------------------------


def test_feed_takes_no_str(ami: ModuleType) -> None:
    parser = ami.Parser()
    with pytest.raises(TypeError) as caught:
        parser.feed("Event: Hangup\r\n\r\n")
    message = "feed() takes bytes, not str: pass what the socket gave, undecoded"
    assert str(caught.value) == message
    assert parser.bytes == 0


@pytest.mark.parametrize("data", [None, 1, 1.5, [72], OBJECT, {"Event": "Hangup"}], ids=repr)
def test_feed_takes_only_bytes_like(ami: ModuleType, data: Any) -> None:
    parser = ami.Parser()
    said = f"feed() takes bytes, not {type(data).__name__}: pass what the socket gave, undecoded"
    with pytest.raises(TypeError, match=f"^{re.escape(said)}$"):
        parser.feed(data)
    assert parser.feed(HANGUP)[0].raw == HANGUP


@pytest.mark.parametrize(
    "wrap",
    [
        bytearray,
        memoryview,
        lambda data: memoryview(bytearray(b"__" + data + b"__"))[2:-2],
        lambda data: memoryview(bytes(byte for one in data for byte in (one, 0)))[::2],
        lambda data: memoryview(data[::-1])[::-1],
        lambda data: array("B", data),
        lambda data: memoryview(array("B", data)).cast("b"),
        type("Chunk", (bytes,), {}),
    ],
    ids=["bytearray", "memoryview", "slice", "gaps", "backwards", "array", "signed", "subclass"],
)
def test_feed_takes_every_bytes_like(ami: ModuleType, wrap: Callable[[bytes], Any]) -> None:
    parser = ami.Parser()
    assert parser.feed(wrap(BANNER + HANGUP + PONG[:9])) == ami.Parser().feed(HANGUP)
    assert raws(parser.feed(wrap(PONG[9:]))) == [PONG]
    assert parser.bytes == len(BANNER + HANGUP + PONG)
    assert ami.core_events.Hangup(HANGUP).raw == HANGUP


def test_feed_takes_items_of_several_bytes(ami: ModuleType) -> None:
    data = HANGUP + (-len(HANGUP) % 4) * b"\n"
    assert raws(ami.Parser().feed(array("I", data))) == [HANGUP]


def test_feed_retains_nothing(ami: ModuleType) -> None:
    parser = ami.Parser()
    buffer = bytearray(HANGUP + PONG[:9])
    (event,) = parser.feed(buffer)
    buffer[:] = len(buffer) * b"!"
    buffer.clear()  # raises BufferError if anything still exported it
    assert (event.raw, event.cause) == (HANGUP, 16)
    assert raws(parser.feed(PONG[9:])) == [PONG]


def test_an_empty_chunk_changes_nothing(ami: ModuleType) -> None:
    parser = ami.Parser()
    for chunk in cut(BANNER + HANGUP, 1):
        assert parser.feed(b"") == []
        found = parser.feed(chunk)
    assert raws(found) == [HANGUP]


# --- the end of a stream ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "stream", [b"", BANNER, HANGUP, HANGUP + b"\r\n", HANGUP + b"\r", b"\r", b"\n"]
)
def test_a_clean_end(ami: ModuleType, stream: bytes) -> None:
    parser = ami.Parser()
    parser.feed(stream)
    assert parser.close() == []
    assert parser.close() == []
    assert parser.malformed == 0


@pytest.mark.parametrize("size", [1, 3, 1 << 20])
@pytest.mark.parametrize(
    "left",
    [
        b"E",
        HANGUP[:-1],
        HANGUP[:-2],
        b"Asterisk Call Man",
        b"Response: Follows\r\none\n\n--END COMMAND--",
        b"Event: X\r\nText: a\n\n",
        b"\rE",
        *(b"X", b" ", b"\t", b"\x0b", b"\x0c", b"\r\x0c"),
    ],
)
def test_an_end_inside_a_message(ami: ModuleType, left: bytes, size: int) -> None:
    parser = ami.Parser()
    stream = BANNER + HANGUP + left
    assert [one.raw for chunk in cut(stream, size) for one in parser.feed(chunk)] == [HANGUP]
    with pytest.raises(ami.TruncatedMessage) as caught:
        parser.close()
    offset = len(BANNER + HANGUP)
    assert (caught.value.offset, caught.value.raw) == (offset, left)
    assert str(caught.value) == (
        f"the stream ends inside the message at byte {offset}, after {len(left)} bytes of it"
    )
    assert isinstance(caught.value, ami.AMIError)
    assert (parser.messages, parser.malformed) == (1, 1)


def test_after_close_it_reads_another_stream(ami: ModuleType) -> None:
    parser = ami.Parser()
    parser.feed(BANNER + HANGUP + b"Response: Follows\r\nunfinished")
    with pytest.raises(ami.TruncatedMessage):
        parser.close()
    assert raws(parser.feed(b"OpenProxy 2.0\r\n" + PONG)) == [PONG]
    assert parser.banner == "OpenProxy 2.0"
    parser.feed(b"E")
    with pytest.raises(ami.TruncatedMessage, match=f"at byte {len(PONG) + 15}, after 1 bytes"):
        parser.close()
    assert (parser.messages, parser.malformed) == (2, 2)


def test_close_gives_what_an_error_held_back(ami: ModuleType) -> None:
    parser = ami.Parser(max_message=100)
    with pytest.raises(ami.MessageTooLarge):
        parser.feed(LONG + HANGUP + PONG)
    assert raws(parser.close()) == [HANGUP, PONG]


def test_close_gives_what_an_error_held_back_before_a_cut(ami: ModuleType) -> None:
    parser = ami.Parser(max_message=100)
    with pytest.raises(ami.MessageTooLarge):
        parser.feed(LONG + HANGUP + PONG[:9])
    with pytest.raises(ami.TruncatedMessage) as caught:
        parser.close()
    assert raws(caught.value.messages) == [HANGUP]
    assert caught.value.raw == PONG[:9]
    assert parser.close() == []


def test_an_end_inside_a_message_that_is_skipped(ami: ModuleType) -> None:
    parser = ami.Parser(max_message=100)
    with pytest.raises(ami.MessageTooLarge):
        parser.feed(LONG[:-2])
    assert parser.feed(b"unfinished") == []
    assert parser.close() == []
    assert parser.malformed == 1
    assert raws(parser.feed(HANGUP)) == [HANGUP]


# --- one parser, one caller -------------------------------------------------------------------


def test_overlapping_calls_are_refused(ami: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    parser = ami.Parser(max_message=60)
    refused = []
    make = ami.MessageTooLarge.__init__

    def make_meanwhile(error: Any, *arguments: Any) -> None:
        for call in (lambda: parser.feed(HANGUP), parser.close, parser.__init__):
            with pytest.raises(ami.ParserInUse) as caught:
                call()
            refused.append(caught.value)
        make(error, *arguments)

    monkeypatch.setattr(ami.MessageTooLarge, "__init__", make_meanwhile)
    with pytest.raises(ami.MessageTooLarge):
        parser.feed(HANGUP + LONG + PONG)
    monkeypatch.undo()
    assert len(refused) == 3
    assert isinstance(refused[0], RuntimeError)
    assert isinstance(refused[0], ami.AMIError)
    assert "already at work" in str(refused[0])
    assert parser.bytes == len(HANGUP + LONG + PONG)
    assert raws(parser.close()) == [PONG]


def test_threads_get_messages_or_a_refusal(ami: ModuleType) -> None:
    parser = ami.Parser()
    whole = 20 * (HANGUP + PONG)

    def call(number: int) -> int:
        try:
            messages = parser.feed(whole) if number % 7 else parser.close()
        except ami.ParserInUse:
            return -1
        assert raws(messages) == (20 * [HANGUP, PONG] if number % 7 else [])
        return len(messages)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as threads:
            counts = list(threads.map(call, range(800)))
    finally:
        sys.setswitchinterval(interval)
    given = [count for count in counts if count >= 0]
    assert given
    assert parser.messages == sum(given)


def test_a_feed_broken_from_outside_is_forgotten(
    use: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C may come in the middle of feed(). Only the pure twin lets a test choose where."""
    ami = use("pure")
    parser, start = ami.Parser(), 0
    for chunk in (b"Foo: 1\r\n" + HANGUP, HANGUP + b"Foo: 1\r\n", b"X: 1\r\nResponse: Follows\r\n"):
        with monkeypatch.context() as patch:

            def interrupt(*_: Any) -> None:
                raise KeyboardInterrupt

            patch.setattr(ami.Parser, "_note_header", interrupt)
            patch.setattr(ami.Parser, "_can_wait", lambda *_: False)
            with pytest.raises(KeyboardInterrupt):
                parser.feed(chunk)
        at = parser.bytes
        assert raws(parser.feed(b"\r\n" + PONG + HANGUP + HANGUP[:20])) == [PONG, HANGUP]
        with pytest.raises(ami.TruncatedMessage) as caught:
            parser.close()
        assert caught.value.raw == HANGUP[:20]
        assert caught.value.offset == at - start + len(b"\r\n" + PONG + HANGUP)
        start = parser.bytes


def interrupted(work: Callable[[], object]) -> bool:
    """Do the work, and let a signal's handler raise KeyboardInterrupt meanwhile."""

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    gc.disable()  # Python ignores what is raised while the callbacks of the GC run
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        work()
    except KeyboardInterrupt:
        return True
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        gc.enable()
    return False


needs_timer = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there is no timer")


@needs_timer
def test_ctrl_c_ends_a_long_feed(ami: ModuleType) -> None:
    """Two million messages take far longer than the timer. All of them are in one call."""
    parser, chunk = ami.Parser(only=()), 2_000_000 * b"Event: X\r\n\r\n"
    assert interrupted(lambda: parser.feed(chunk))
    assert parser.skipped < 2_000_000
    assert raws(ami.Parser().feed(HANGUP)) == [HANGUP]


@needs_timer
@pytest.mark.skipif(sys.implementation.name != "cpython", reason="others look for signals anywhere")
@pytest.mark.parametrize(
    "read",
    [
        operator.methodcaller("to_dict"),
        operator.methodcaller("process"),
        operator.methodcaller("keys"),
        operator.methodcaller("get_all", "H1"),
        operator.attrgetter("data"),
    ],
    ids=["to_dict", "process", "keys", "get_all", "data"],
)
def test_ctrl_c_ends_a_long_reading(ami: ModuleType, read: Callable[[Any], object]) -> None:
    """Nothing between the readings looks for signals, so a reading must do so itself."""
    lines = b"".join(b"H%d: 1\r\nstray\r\n" % number for number in range(20_000))
    messages = iter(1000 * [ami.Event(b"Event: X\r\n" + lines + b"\r\n")])
    assert interrupted(lambda: deque(map(read, messages), maxlen=0))
    assert messages.__length_hint__() > 0


def test_a_parser_made_anew_forgets_what_it_selected(ami: ModuleType) -> None:
    parser = ami.Parser(only="Hangup")
    assert raws(parser.feed(HANGUP + NEWCHANNEL)) == [HANGUP]
    parser.__init__(only="Newchannel")
    assert raws(parser.feed(HANGUP + NEWCHANNEL)) == [NEWCHANNEL]


def test_a_parser_is_fed_while_the_interpreter_ends(use: Callable[[str], ModuleType]) -> None:
    """Then the names of modules are None. The compiled twin has no such names."""
    ami = use("pure")
    parser = ami.Parser()
    modules = [vars(module) for name, module in sys.modules.items() if "amistream._pure" in name]
    kept = [dict(names) for names in modules]
    try:
        for names in modules:
            names.update(dict.fromkeys(name for name in names if not name.startswith("__")))
        found = parser.feed(b"\r\n" + HANGUP + b"Event: X\r\n\r\n" + HANGUP[:20])
    finally:
        for names, before in zip(modules, kept, strict=True):
            names.update(before)
    assert raws(found) == [HANGUP, b"Event: X\r\n\r\n"]


# --- any bytes --------------------------------------------------------------------------------


@given(chunks=st.lists(st.binary(max_size=200), max_size=8))
def test_random_bytes_never_raise(ami: ModuleType, chunks: list[bytes]) -> None:
    parser = ami.Parser()
    for chunk in chunks:
        for message in parser.feed(chunk):
            assert message.raw in b"".join(chunks)
            assert len(message.items()) == len(message)
            assert len(message.process()[1]) == len(message.data)
    assert parser.bytes == sum(map(len, chunks))
    left = None
    try:
        assert parser.close() == []
    except ami.TruncatedMessage as error:
        left = error.raw
    assert left is None or b"".join(chunks).endswith(left)


def test_a_flood_of_names_is_read(ami: ModuleType) -> None:
    """More header names than any cache can hold."""
    lines = [f"Name-{number}-{number * 7919}: {number}" for number in range(20_000)]
    (event,) = ami.Parser().feed("\r\n".join(["Event: X", *lines, "", ""]).encode())
    assert [f"{name}: {value}" for name, value in event.items()][1:] == lines


# --- between two chunks ---------------------------------------------------------------------------


def test_classes_registered_at_once_are_used(ami: ModuleType) -> None:
    """An event and a UserEvent are registered after the parser has seen both names."""
    number = next(NAMES)
    sold, ring = f"Sold{number}", f"Ring{number}"
    stream = f"Event: {sold}\r\n\r\nEvent: UserEvent\r\nUserEvent: {ring}\r\n\r\n".encode()
    parser = ami.Parser()
    assert [type(one) for one in parser.feed(stream)] == [ami.Event, ami.core_events.UserEvent]
    registry = sys.modules["amistream._registry"]
    made = [type(name, (ami.Event,), {"__slots__": ()}) for name in (sold, ring)]
    try:
        ami.register(made[0])
        ami.user_event(ring)(made[1])
        assert [type(one) for one in parser.feed(stream)] == made
    finally:
        registry.classes.pop(sold.encode(), None)
        registry.user_events.pop(ring.encode(), None)


def test_a_feed_broken_from_outside_forgets_what_was_begun_before(
    use: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lost bytes still count, so that later offsets in the stream are right."""
    ami = use("pure")
    parser = ami.Parser()
    assert raws(parser.feed(HANGUP + PONG[:-8])) == [HANGUP]
    with monkeypatch.context() as patch:

        def interrupt(*_: Any) -> None:
            raise KeyboardInterrupt

        patch.setattr(ami.Parser, "_note_header", interrupt)
        with pytest.raises(KeyboardInterrupt):
            parser.feed(b"Pong\r\n")
    assert parser.feed(b"\r\nFoo") == []
    with pytest.raises(ami.TruncatedMessage) as caught:
        parser.close()
    assert (caught.value.raw, caught.value.offset) == (b"Foo", parser.bytes - 3)


def test_a_feed_broken_from_outside_forgets_what_an_error_held_back(
    use: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stream has started, so a first line without a colon is not a banner."""
    ami = use("pure")
    parser = ami.Parser(max_message=100)
    with pytest.raises(ami.MessageTooLarge):
        parser.feed(LONG + PONG)
    with monkeypatch.context() as patch:

        def interrupt(*_: Any) -> None:
            raise KeyboardInterrupt

        patch.setattr(ami.Parser, "_note_header", interrupt)
        with pytest.raises(KeyboardInterrupt):
            parser.feed(PONG)
    (message,) = parser.feed(b"no colon\r\n\r\nFoo")
    assert (parser.banner, message.raw) == (None, b"no colon\r\n\r\n")
    with pytest.raises(ami.TruncatedMessage) as caught:
        parser.close()
    assert (caught.value.raw, caught.value.offset) == (b"Foo", parser.bytes - 3)


@pytest.mark.parametrize(
    "message",
    [
        b"Event: X\nA: 1\n\n",
        b"Event: X\nA: 1\n\r\n",
        b"Event: X\r\nA: 1\r\n\n",
        b"Event: X\r\nA: 1\r\n\r\n",
        b"Response: Follows\r\none\n--END COMMAND--\r\n",
        b"Response: Follows\r\n\n--END COMMAND--\n",
    ],
)
def test_a_message_one_byte_too_long_ends_where_it_ends(ami: ModuleType, message: bytes) -> None:
    """Even if only its last byte exceeds the bound."""
    limit, after = len(message) - 1, b"Foo: 1\n\n"
    for size in range(1, len(message + after) + 1):
        happened = replay(ami, message + after, size, max_message=limit)
        assert happened[0] == too_large(0, limit), f"in chunks of {size}"
        assert happened[1][2] == after, f"in chunks of {size}"
        assert happened[2:] == [1, len(message + after), 2, 0, None]


@pytest.mark.parametrize(
    "message",
    [
        b"Event: X\nA: 1\n\n",
        b"Event: X\nA: 1\r\n\r\n",
        b"Event: X\r\nA: 1\n\r\nB: 2\r\n\r\n",
        b"Event: X Y\r\nA: 1\r\n\r\n",
        b"Response: Follows\r\none\n--END COMMAND--\r\n",
        b"Response: Follows\r\none\r\n\r\ntwo\n--END COMMAND--\n",
        PONG,
        b"Foo: 1\n\n",
    ],
)
def test_a_message_is_given_as_soon_as_it_is_whole(ami: ModuleType, message: bytes) -> None:
    """Regardless of what comes before and after it in the chunk."""
    for before in (b"", HANGUP, 3 * HANGUP, PONG + HANGUP):
        for behind in (
            b"",
            b"E",
            b"Event: ",
            HANGUP[:-2],
            b"Event: X\nA",
            b"Response: Follows\r\n",
        ):
            parser = ami.Parser()
            found = parser.feed(before + message + behind)
            assert b"".join(raws(found)) == before + message


def test_what_was_read_by_lines_ends_so(ami: ModuleType) -> None:
    """After an unusual terminator the rest of the chunk is read line by line; the next is not."""
    odd, event = b"Event: X\r\nA: 1\r\n\n", b"Event: Y\r\nA: 1\r\nB: 2\r\n\r\n"
    for at in range(1, len(event)):
        parser = ami.Parser()
        assert raws(parser.feed(odd + event[:at])) == [odd]
        found = parser.feed(event[at:] + PONG + HANGUP)
        assert raws(found) == [event, PONG, HANGUP], f"cut at {at}"
        assert [one.name for one in found] == ["Y", "Success", "Hangup"]
        assert type(found[1]) is ami.Response

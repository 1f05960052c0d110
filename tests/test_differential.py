"""Property tests: the twins agree with each other and with the judge on unusual streams."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.comparing import assert_judged, attempt, counters, describe, look_up, resolve
from support.feeding import cut, replay
from support.pieces import HEADERS, JOINTS, LINES, WORDS


def event(name: bytes, headers: list[bytes], end: bytes) -> bytes:
    return b"Event: " + name + b"\r\n" + b"".join(headers) + end


EVENTS = st.builds(
    event,
    st.sampled_from(
        [b"Hangup", b"Newchannel", b"X", b"X Y", b"DeviceStateChange", b"RTCPSent", b"Status"]
    ),
    st.lists(st.sampled_from(HEADERS), max_size=5),
    st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r\n\r\n"]),
)
PIECES = st.one_of(
    EVENTS,
    st.sampled_from(LINES),
    st.sampled_from(LINES),
    st.sampled_from(WORDS),
    st.sampled_from(JOINTS),
    st.binary(max_size=4),
)
STREAMS = st.lists(PIECES, max_size=40).map(b"".join)
SIZES = st.lists(st.integers(1, 90), min_size=1, max_size=5)
LIMITS = st.fixed_dictionaries(
    {},
    optional={
        "max_message": st.integers(1, 150),
        "max_line": st.integers(1, 60),
        "max_headers": st.integers(1, 6),
    },
)
NAMES = st.one_of(
    st.sampled_from([word.decode() for word in WORDS]),
    st.sampled_from([" Cause ", " Cause", "cause", "ChanVariable(Local/x)", "", "X: Y", "a\nb"]),
    st.binary(max_size=3).map(lambda name: name.decode("utf-8", "surrogateescape")),
    st.text(max_size=3),
)
SELECTIONS = st.sets(
    st.sampled_from(
        ["Hangup", "Nobody Knows", "Event", "core_events.Hangup", "ami.Event", "ami.Response"]
    )
)


def outcomes(ami: ModuleType, stream: bytes, sizes: list[int], **options: Any) -> list[Any]:
    """The result of every call to a parser, up to the first close() that returns nothing."""
    parser = ami.Parser(**options)
    results = [
        (attempt(lambda chunk=chunk: parser.feed(chunk)), counters(parser))
        for chunk in cut(stream, *sizes)
    ]
    while not results or results[-1][0] != ("messages",):
        results.append((attempt(parser.close), counters(parser)))
    results.append((attempt(lambda: parser.feed(b"Event: Hangup\r\n\r\n")), counters(parser)))
    return results


@given(stream=STREAMS, sizes=SIZES, limits=LIMITS)
def test_the_twins_tell_the_same(
    both: Any, stream: bytes, sizes: list[int], limits: dict[str, int]
) -> None:
    compiled, pure = (outcomes(ami, stream, sizes, **limits) for ami in both)
    assert compiled == pure


@given(stream=STREAMS, sizes=SIZES)
@example(stream=b"Response: Follows\r\n:--END COMMAND--\r\n", sizes=[90])
@example(stream=b"Response: Follows\r\nOutput: a\r\nb\n--END COMMAND--\r\n", sizes=[90])
@example(stream=b"Response: Follows\r\nb\nOutput: a\r\n--END COMMAND--\r\n", sizes=[90])
def test_the_judge_agrees(ami: ModuleType, stream: bytes, sizes: list[int]) -> None:
    parser = ami.Parser()
    messages = [message for chunk in cut(stream, *sizes) for message in parser.feed(chunk)]
    assert_judged(ami, messages, stream)


@given(stream=STREAMS, sizes=SIZES, limits=LIMITS)
@example(stream=b"Event: Hangup\r\n\r\r\n\r\n", sizes=[1], limits={"max_message": 20})
def test_how_the_stream_is_cut_changes_nothing(
    ami: ModuleType, stream: bytes, sizes: list[int], limits: dict[str, int]
) -> None:
    in_pieces, whole = (
        replay(ami, stream, *some, describe=describe, **limits)
        for some in (sizes, [len(stream) or 1])
    )
    assert in_pieces == whole


@given(streams=st.lists(st.lists(EVENTS, max_size=5), max_size=3))
def test_the_twins_read_plain_events_the_same(both: Any, streams: list[list[bytes]]) -> None:
    """Events of one class usually have the same headers in the same order."""

    def read(ami: ModuleType) -> list[Any]:
        parser = ami.Parser()
        messages = [one for stream in streams for one in parser.feed(b"".join(stream))]
        dicts = [[one.to_dict(), one.process(), dict(one)] for one in messages]
        again = [[one.to_dict(), one.process(), dict(one)] for one in messages]
        assert repr(again) == repr(dicts)
        return [repr(dicts), list(map(describe, messages))]

    compiled, pure = map(read, both)
    assert compiled == pure


@given(raw=STREAMS, kind=st.sampled_from(["Message", "Event", "Response", "core_events.Hangup"]))
@example(raw=b"Response: Follows\r\na\n", kind="Response")
@example(raw=b"Response: Follows\r\na\n--END COMMAND--\r\nX: 1\r\n\r\n", kind="Response")
@example(raw=b"Response: Follows\r\nOutput: a\r\nb\n--END COMMAND--", kind="Response")
@example(raw=b"Event: X\r\nResponse: Follows\r\na\nb: 1\n", kind="Response")
def test_messages_made_by_hand(both: Any, raw: bytes, kind: str) -> None:
    compiled, pure = (describe(resolve(ami, kind)(raw)) for ami in both)
    assert compiled == pure


@given(
    raw=STREAMS,
    kind=st.sampled_from(["Message", "Event", "Response", "core_events.Hangup"]),
    name=NAMES,
)
@example(raw=b" Cause : 17\r\n", kind="Message", name=" Cause ")
@example(raw=b" Cause : 17\r\n", kind="core_events.Hangup", name=" Cause ")
@example(raw=b": 17\r\n", kind="Event", name="")
def test_looking_up_any_name(both: Any, raw: bytes, kind: str, name: str) -> None:
    def found(ami: ModuleType) -> list[Any]:
        return look_up(resolve(ami, kind)(raw), name)

    compiled, pure = map(found, both)
    assert compiled == pure


@pytest.mark.filterwarnings("ignore:no event is named:UserWarning")
@given(stream=STREAMS, sizes=SIZES, selection=SELECTIONS)
def test_a_selection_gives_what_a_filter_would(
    both: Any, stream: bytes, sizes: list[int], selection: set[str]
) -> None:
    def selected(ami: ModuleType) -> list[Any]:
        only = {resolve(ami, path) if "." in path else path for path in selection}
        classes = tuple(item for item in only if isinstance(item, type))
        everything = ami.Parser().feed(stream)
        wanted = [
            message
            for message in everything
            if isinstance(message, classes)
            or (isinstance(message, ami.Event) and message.name in only)
        ]
        parser = ami.Parser(only=only)
        messages = [message for chunk in cut(stream, *sizes) for message in parser.feed(chunk)]
        assert messages == wanted
        assert (parser.messages, parser.skipped) == (len(wanted), len(everything) - len(wanted))
        return [describe(message) for message in messages]

    compiled, pure = map(selected, both)
    assert compiled == pure


NUMBER_PIECES = [b"%d" % digit for digit in range(10)] + [
    *(b"+", b"-", b".", b"e", b"E", b"_", b" ", b"\t", b":", b"[", b"]", b"nan", b"inf", b"NaN"),
    *(b"00", b"59", b"60", b"65535", b"65536", b"OK (", b" ms)", b"Unmonitored", b"(sec)", b"\0"),
    *(b"yes", b"no", b"Yes", b"unknown", b"\xc3\xab", b"\xd9\xa1", b"\xff", b"2001:db8::1"),
    *(17 * b"9", 18 * b"1", 62 * b"7", b"1" + 400 * b"0"),
]
VALUES = st.lists(st.one_of(st.sampled_from(NUMBER_PIECES), st.binary(max_size=3)), max_size=8)


@given(value=VALUES.map(b"".join))
@example(value=b"0 ")
@example(value=b"0\t(sec)")
def test_typed_values(both: Any, value: bytes) -> None:
    def typed(ami: ModuleType) -> str:
        headers = ami.headers
        return repr(
            [
                header.coerce(value)
                for header in (
                    headers.Text("X"),
                    headers.Text("X", unknown=("unknown", "")),
                    headers.Int("X"),
                    headers.Int("X", failure=-1),
                    headers.Float("X"),
                    headers.Float("X", unit="(sec)", failure=-1),
                    headers.Bool("X", true="yes", failure=False),
                    headers.Bool("X", true="yes", false="no"),
                    headers.Duration("X"),
                    headers.HostPort("X"),
                    headers.Milliseconds("X"),
                )
            ]
        )

    compiled, pure = map(typed, both)
    assert compiled == pure


@pytest.mark.parametrize("name", ["Parser", "MessageCore", "Header"])
def test_the_twins_offer_the_same(both: Any, name: str) -> None:
    compiled, pure = (dir(getattr(ami._impl, name)) for ami in both)
    public = [one for one in compiled if not one.startswith("_")]
    assert public == [one for one in pure if not one.startswith("_")]
    assert len(public) > 5

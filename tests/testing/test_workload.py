"""amistream.testing.workload: its call centre behaves like the recorded one, and may be larger."""

from __future__ import annotations

import importlib
import lzma
import math
from collections import Counter
from types import ModuleType

import pytest

CALLS = 216


@pytest.fixture(scope="session")
def workload() -> ModuleType:
    return importlib.import_module("amistream.testing.workload")


def stream(workload, **options) -> bytes:
    """A workload with as many calls as the capture, by default ten a second."""
    options = {"calls_per_second": 10, "seconds": CALLS / 10, **options}
    return b"".join(workload.Workload(workload.Options(**options)).chunks())


@pytest.fixture(scope="session")
def played(workload) -> bytes:
    return stream(workload)


def parse(ami, data: bytes) -> list:
    """All messages of a stream, none of which may be malformed or incomplete."""
    parser = ami.Parser()
    messages = parser.feed(data) + parser.close()
    assert parser.malformed == 0
    return messages


@pytest.fixture(scope="module")
def ours(ami, played) -> list:
    return parse(ami, played)


@pytest.fixture(scope="module")
def captured(ami, queue_events) -> list:
    return parse(ami, queue_events)


def mix(messages: list) -> Counter[str]:
    return Counter(message.name for message in messages)


def starts(messages: list) -> list[float]:
    """The start of each call: its first timestamp."""
    first: dict[str, float] = {}
    for message in messages:
        if call := message.get("Linkedid", ignore_case=True):
            first.setdefault(call, message.timestamp)
    return list(first.values())


def test_same_seed_same_bytes(workload, played):
    assert stream(workload) == played


def test_other_seed_other_bytes(workload, played):
    assert stream(workload, seed=2) != played


def test_chunks_do_not_change_the_bytes(workload, played):
    options = workload.Options(calls_per_second=10, seconds=CALLS / 10)
    chunks = list(workload.Workload(options).chunks(1000))
    assert {len(chunk) for chunk in chunks[:-1]} == {1000}
    assert b"".join(chunks) == played


def test_every_message_is_an_event(ami, ours):
    assert all(isinstance(message, ami.Event) for message in ours)
    assert all(message.timestamp is not None for message in ours)


def test_starts_with_the_banner(ami, played):
    parser = ami.Parser()
    parser.feed(played[:1000])
    assert parser.banner == "Asterisk Call Manager/11.0.0"


def test_events_of_a_call(ours, captured):
    assert len(starts(ours)) == CALLS
    assert len(ours) / CALLS == pytest.approx(110, rel=0.05)
    assert len(ours) / CALLS == pytest.approx(len(captured) / len(starts(captured)), rel=0.01)


@pytest.mark.parametrize("calls", [150, 400])
def test_mix_is_that_of_the_capture(ami, workload, captured, calls):
    ours = mix(parse(ami, stream(workload, seconds=calls / 10)))
    theirs = mix(captured)
    for name in ours | theirs:
        share = 100 * ours[name] / ours.total()
        assert share == pytest.approx(100 * theirs[name] / theirs.total(), abs=1), name


def test_headers_are_those_of_the_capture(ours, captured):
    assert set(map(tuple, ours)) <= set(map(tuple, captured))


def test_messages_are_as_long_as_in_the_capture(played, ours, captured):
    lengths = [len(message.raw) for message in captured]
    assert len(played) / len(ours) == pytest.approx(sum(lengths) / len(captured), rel=0.05)


def test_nothing_of_the_recorded_calls_is_left(played):
    recorded = [b": 5551234\r", b"351210000000", b"O'Brien", b"Alice", b"support", b"lab-1"]
    assert not [token for token in [*recorded, b"17954273", b"2026-11-23"] if token in played]


@pytest.mark.parametrize("rate", [5, 50])
def test_calls_a_second_hold(ami, workload, rate):
    seconds = 4
    began = starts(parse(ami, stream(workload, calls_per_second=rate, seconds=seconds)))
    assert len(began) == rate * seconds
    a_second = Counter(int(moment - workload.EPOCH) for moment in began)
    assert a_second == dict.fromkeys(range(seconds), rate)


def test_timestamps_only_grow(ours):
    moments = [message.timestamp for message in ours]
    assert moments == sorted(moments)


def test_ids_are_of_one_call_each(ours):
    calls: dict[str, set[str]] = {}
    for message in ours:
        if message == "Newchannel":
            calls.setdefault(message["Uniqueid"], set()).add(message["Linkedid"])
    assert len(calls) > 3 * CALLS
    assert all(len(linked) == 1 for linked in calls.values())


def test_names_are_utf8(played):
    played.decode("utf-8")
    assert not played.isascii()


def test_names_are_ascii_when_told(workload):
    assert stream(workload, utf8=False).isascii()


def test_some_callers_call_often(ami, workload):
    def calls_of_the_busiest(skew: float) -> int:
        events = parse(ami, stream(workload, skew=skew))
        callers = {
            message["Linkedid"]: message["CallerIDNum"]
            for message in events
            if message == "NewCallerid" and message["CallerIDNum"].isdigit()
        }
        return max(Counter(callers.values()).values())

    assert calls_of_the_busiest(skew=1.1) > 10
    assert calls_of_the_busiest(skew=0) < 5


def test_agents_and_queues_are_as_many_as_told(ami, workload):
    events = parse(ami, stream(workload, agents=3, queues=2))
    connects = [message for message in events if message == "AgentConnect"]
    assert {message["Queue"] for message in connects} == {"queue-01", "queue-02"}
    agents = {(message["Interface"], message["MemberName"]) for message in connects}
    assert len(agents) == 3


def test_rtcp_only_when_asked(ami, workload, ours):
    assert not {"RTCPSent", "RTCPReceived"} & set(mix(ours))
    events = parse(ami, stream(workload, rtcp=True))
    counts = mix(events)
    assert counts["RTCPSent"] == counts["RTCPReceived"]
    lives = sum(lifetimes(events))
    assert counts["RTCPSent"] == pytest.approx(lives / 5, rel=0.1)
    sent = next(message for message in events if message == "RTCPSent")
    assert sent.to is not None
    assert sent["SSRC"].startswith("0x")


def lifetimes(events: list) -> list[float]:
    born = {event["Uniqueid"]: event.timestamp for event in events if event == "Newchannel"}
    return [
        event.timestamp - born[event["Uniqueid"]]
        for event in events
        if event == "Hangup" and event["Uniqueid"] in born
    ]


@pytest.mark.parametrize(
    ("option", "value"),
    [("seconds", 0), ("calls_per_second", -1), ("agents", 0), ("queues", 0), ("skew", -0.1)],
)
def test_refuses_what_makes_no_sense(workload, option, value):
    with pytest.raises(ValueError, match=option):
        workload.Workload(workload.Options(**{option: value}))


@pytest.mark.parametrize(
    "options",
    [
        {"seconds": 9.0},
        {"seed": 5, "calls_per_second": 40, "seconds": 1.5},
        {"seed": 2, "rtcp": True, "seconds": 3.3},
    ],
    ids=str,
)
def test_the_plan_counts_what_the_stream_will_have(ami, workload, options):
    options = {"calls_per_second": 10, "seconds": CALLS / 10, **options}
    plan = workload.Workload(workload.Options(**options)).plan()
    events = parse(ami, stream(workload, **options))
    assert plan.by_name == dict(sorted(Counter(event.name for event in events).items()))
    assert plan.events == len(events)
    assert plan.calls == len({event.get("Linkedid", ignore_case=True) for event in events} - {None})


def test_an_endless_stream_begins_at_the_given_moment_and_cannot_be_counted(workload):
    endless = workload.Workload(workload.Options(seconds=math.inf, epoch=1_800_000_000))
    first = next(iter(endless.events()))
    assert b"Timestamp: 1800000000." in first
    with pytest.raises(ValueError, match="cannot be counted"):
        endless.plan()


def test_the_package_has_the_calls_of_the_capture(workload, queue_events):
    assert lzma.decompress(workload.CAPTURE.read_bytes()) == queue_events

"""The 43 event classes of the seed: the type and the failure value of each header."""

from __future__ import annotations

import functools
import math
from types import ModuleType
from typing import Any

import pytest

INT = {"7": 7, "-3": -3, "+4": 4, " 12 ": 12, "": None, "x": None, "1.5": None, "1_0": None}
FLOAT = {"0.25": 0.25, "-1e3": -1000.0, "3": 3.0, ".5": 0.5, "": None, "x": None, "1,5": None}


def ints(names: str, failure: int | None) -> list[tuple[str, dict[str, Any], Any]]:
    return [(name, INT, failure) for name in names.split()]


def floats(names: str, failure: float | None) -> list[tuple[str, dict[str, Any], Any]]:
    return [(name, FLOAT, failure) for name in names.split()]


def bools(names: str, true: str) -> list[tuple[str, dict[str, Any], Any]]:
    words = {true: True, true.swapcase() + "x": False, "": False, "0": False}
    return [(name, words, False) for name in names.split()]


MEMBER = [*ints("CallsTaken LastCall Penalty Status", -1), *bools("Paused", "1")]
DLSR = ("DLSR", {"0.1230 (sec)": 0.123, "0.5": 0.5, "x (sec)": None, "(sec)": None}, -1)
ADDRESS = {
    "192.0.2.7:5061": ("192.0.2.7", 5061),
    "[2001:db8::1]:10000": ("2001:db8::1", 10000),
    "192.0.2.7": None,
    "192.0.2.7:": None,
    "192.0.2.7:x": None,
    ":5061": None,
    "": None,
}

# Class name: its typed headers, each with {text on the wire: value, None for failure}, failure.
SEED: dict[str, list[tuple[str, dict[str, Any], Any]]] = {
    "AGIExec": [*bools("Result", "Success"), *ints("ResultCode", -1)],
    "AsyncAGI": [],
    "ChannelUpdate": [],
    "CoreShowChannel": [
        *ints("ChannelState", None),
        ("Duration", {"01:02:03": 3723, "00:00:00": 0, "100:00:01": 360001, "1:2": None}, -1),
    ],
    "CoreShowChannelsComplete": ints("ListItems", -1),
    "DBGetResponse": [],
    "DTMF": bools("Begin End", "Yes"),
    "FullyBooted": [],
    "Hangup": ints("Cause", None),
    "HangupRequest": [],
    "MonitorStart": [],
    "MonitorStop": [],
    "NewAccountCode": [],
    "Newchannel": ints("ChannelState", None),
    "Newexten": [],
    "Newstate": ints("ChannelState", None),
    "OriginateResponse": ints("Reason", -1),
    "ParkedCall": ints("Timeout", None),
    "ParkedCallsComplete": ints("Total", -1),
    "PeerEntry": [
        *ints("IPport", None),
        *bools("Dynamic Natsupport VideoSupport ACL RealtimeDevice", "yes"),
        (
            "Status",
            {"OK (31 ms)": 31, "Unmonitored": -2, "UNREACHABLE": None, "OK (x ms)": None, "": None},
            -1,
        ),
    ],
    "PeerlistComplete": ints("ListItems", -1),
    "QueueEntry": ints("Position Wait", -1),
    "QueueMember": MEMBER,
    "QueueMemberAdded": MEMBER,
    "QueueMemberPaused": bools("Paused", "1"),
    "QueueMemberRemoved": [],
    "QueueParams": [
        *ints("Abandoned Calls Completed Holdtime Max", -1),
        *floats("ServiceLevel ServiceLevelPerf Weight", -1),
    ],
    "QueueStatusComplete": [],
    "QueueSummary": ints("LoggedIn Available Callers HoldTime TalkTime LongestHoldTime", -1),
    "QueueSummaryComplete": [],
    "RegistryEntry": ints("DomainPort Port Refresh RegistrationTime", -1),
    "RegistrationsComplete": ints("ListItems", -1),
    "Reload": [],
    "RTCPReceived": [
        *ints("HighestSequence LastSR PacketsLost ReceptionReports SequenceNumberCycles", -1),
        *floats("FractionLost IAJitter SentNTP", -1),
        DLSR,
        ("From", ADDRESS, None),
    ],
    "RTCPSent": [
        *ints("CumulativeLoss SentOctets SentPackets SentRTP TheirLastSR", -1),
        *floats("FractionLost IAJitter SentNTP", -1),
        DLSR,
        ("To", ADDRESS, None),
    ],
    "Shutdown": bools("Restart", "True"),
    "SoftHangupRequest": [],
    "Status": ints("Seconds", -1),
    "StatusComplete": ints("Items", -1),
    "UserEvent": [],
    "VarSet": [],
    "VoicemailUserEntry": [
        *ints(
            "MaxMessageCount MaxMessageLength NewMessageCount OldMessageCount SayDurationMinimum",
            -1,
        ),
        *floats("VolumeGain", None),
        *bools("AttachMessage CallOperator CanReview DeleteMessage SayCID SayEnvelope", "Yes"),
    ],
    "VoicemailUserEntryComplete": [],
}
LEFT_ABSENT = {("ParkedCall", "Timeout"), ("PeerEntry", "IPport")}

# The attribute of each typed header whose name is not just the header's name in snake case.
ATTRIBUTES = {
    ("StatusComplete", "Items"): "items_sent",
    ("PeerEntry", "IPport"): "ip_port",
    ("PeerEntry", "Natsupport"): "natsupport",
    ("PeerEntry", "ACL"): "acl",
    ("RTCPReceived", "From"): "from_",
}


def wire(name: str, **headers: str) -> bytes:
    lines = [f"Event: {name}", *(f"{key}: {value}" for key, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def parse(ami: ModuleType, data: bytes) -> Any:
    (message,) = ami.Parser().feed(data)
    return message


def attribute(name: str, header: str) -> str:
    if (name, header) in ATTRIBUTES:
        return ATTRIBUTES[name, header]
    words = ""
    for before, letter, after in zip(" " + header, header, header[1:] + " ", strict=False):
        starts = letter.isupper() and (before.islower() or (before.isupper() and after.islower()))
        words += ("_" if starts else "") + letter.lower()
    return words


COERCIONS = [
    pytest.param(name, header, text, value, failure, id=f"{name}-{header}-{text!r}")
    for name, headers in SEED.items()
    for header, cases, failure in headers
    for text, value in cases.items()
]
COERCED = [
    pytest.param(name, header, failure, id=f"{name}-{header}")
    for name, headers in SEED.items()
    for header, _, failure in headers
]


def test_the_43_classes_are_in_the_namespace(ami: ModuleType) -> None:
    assert len(SEED) == 43
    for name in SEED:
        cls = getattr(ami.core_events, name)
        assert issubclass(cls, ami.Event)
        assert name in ami.core_events.__all__
        assert cls.__doc__
        assert type(parse(ami, wire(name))) is cls


@pytest.mark.parametrize(("name", "header", "text", "value", "failure"), COERCIONS)
def test_coercion(
    ami: ModuleType, name: str, header: str, text: str, value: Any, failure: Any
) -> None:
    event = parse(ami, wire(name, Before="1", **{header: text}, After="2"))
    expected = failure if value is None else value
    headers, data = event.process()
    assert headers[header] == expected
    assert type(headers[header]) is type(expected) or isinstance(expected, int | float)
    assert headers["Event"] == name
    assert headers["Before"] == "1"
    assert data == []
    assert getattr(event, attribute(name, header)) == expected
    assert event[header] == text.strip()


@pytest.mark.parametrize(("name", "header", "failure"), COERCED)
def test_a_missing_header(ami: ModuleType, name: str, header: str, failure: Any) -> None:
    event = parse(ami, wire(name, Before="1"))
    headers, _ = event.process()
    if (name, header) in LEFT_ABSENT:
        assert header not in headers
    else:
        assert headers[header] == failure
    assert getattr(event, attribute(name, header)) == failure
    assert header not in event


@pytest.mark.parametrize("name", SEED)
def test_headers_that_the_seed_does_not_coerce_stay_text(ami: ModuleType, name: str) -> None:
    coerced = {header for header, _, _ in SEED[name]}
    others = {"ChannelState", "Priority", "Cause", "Uptime", "Status", "Paused", "X"} - coerced
    headers, _ = parse(ami, wire(name, **dict.fromkeys(others, "1"))).process()
    assert {header: headers[header] for header in others} == dict.fromkeys(others, "1")
    added = {"Received"} if name == "DTMF" else set()
    absent = {header for cls, header in LEFT_ABSENT if cls == name}
    assert headers.keys() == {"Event"} | others | coerced | added - absent or absent


@pytest.mark.parametrize(
    ("direction", "received"), [("Received", True), ("Sent", False), ("", False), (None, False)]
)
def test_dtmf_adds_received(ami: ModuleType, direction: str | None, received: bool) -> None:
    sent = {} if direction is None else {"Direction": direction}
    event = parse(ami, wire("DTMF", Begin="Yes", End="No", **sent))
    headers, _ = event.process()
    assert headers == {
        "Event": "DTMF",
        "Begin": True,
        "End": False,
        "Received": received,
        **sent,
    }
    assert event.received is received
    assert event.direction == direction


def test_service_level_perf_under_both_spellings(ami: ModuleType, list_actions: bytes) -> None:
    params = ami.core_events.QueueParams
    event = ami.Parser(only=params).feed(list_actions)[0]
    assert event["ServicelevelPerf"] == "0.0"
    assert event.service_level_perf == 0.0
    headers, _ = event.process()
    assert headers["ServicelevelPerf"] == 0.0
    assert headers["ServiceLevelPerf"] == 0.0
    assert headers["ServiceLevel"] == 60.0
    assert headers["Strategy"] == "leastrecent"


@pytest.mark.parametrize("reason", [0, 1, 2, 3, 4, 5, 8, 30])
def test_originate_reasons_have_constants(ami: ModuleType, reason: int) -> None:
    names = [name for name in ami.core_events.__all__ if name.startswith("ORIGINATE_RESULT_")]
    assert len(names) == 8
    event = parse(ami, wire("OriginateResponse", Response="Failure", Reason=str(reason)))
    assert [name for name in names if getattr(ami.core_events, name) == event.reason]


def test_user_event_has_any_header(ami: ModuleType) -> None:
    event = parse(ami, wire("UserEvent", UserEvent="Custom", Header1="v1", Header2="v: 2"))
    assert event.user_event == "Custom"
    assert event.process() == (
        {"Event": "UserEvent", "UserEvent": "Custom", "Header1": "v1", "Header2": "v: 2"},
        [],
    )


def test_unknown_callers_are_none_and_stay_in_the_text(ami: ModuleType) -> None:
    event = parse(ami, wire("Newchannel", CallerIDNum="<unknown>", CallerIDName="Zoë"))
    assert event.caller_id_num is None
    assert event["CallerIDNum"] == "<unknown>"
    assert event.caller_id_name == "Zoë"
    assert event.process()[0]["CallerIDNum"] == "<unknown>"


def test_names_that_changed_between_versions(ami: ModuleType) -> None:
    assert parse(ami, wire("QueueMember", Name="Bob")).member_name == "Bob"
    assert parse(ami, wire("QueueMember", MemberName="Bob")).member_name == "Bob"
    assert parse(ami, wire("QueueMemberAdded", Interface="SIP/1")).location == "SIP/1"
    assert parse(ami, wire("QueueMemberAdded", Location="SIP/1")).interface == "SIP/1"
    assert parse(ami, wire("CoreShowChannel", UniqueID="1.2")).uniqueid == "1.2"


def test_typed_values_of_the_capture(ami: ModuleType, queue_events: bytes) -> None:
    hangups = ami.Parser(only={"Hangup"}).feed(queue_events)
    assert len(hangups) == 808
    by_cause = {cause: sum(h.cause == cause for h in hangups) for cause in (0, 16, 17, 26)}
    assert by_cause == {
        cause: queue_events.count(b"\r\nCause: %d\r\nCause-txt:" % cause) for cause in by_cause
    }
    assert sum(by_cause.values()) == 808
    match next(hangup for hangup in hangups if hangup["Cause"] == "16"):
        case ami.core_events.Hangup(cause=16, channel=channel):
            assert channel.startswith("Local/")
        case _:
            pytest.fail("no match")
    assert all(math.isfinite(event.timestamp) for event in hangups)


@pytest.mark.parametrize("every", [8, pytest.param(1, marks=pytest.mark.heavy)])
def test_every_declared_attribute_reads_on_every_capture_event(
    ami: ModuleType, queue_events: bytes, list_actions: bytes, every: int
) -> None:
    """A typed attribute is None only if the header is missing, empty or a sentinel."""
    seen = set()
    headers = functools.cache(lambda cls: list(cls.headers().items()))
    for message in ami.Parser().feed(queue_events)[::every] + ami.Parser().feed(list_actions):
        for name, header in headers(type(message)):
            value = getattr(message, name)
            text = message.get(header.names[0])
            if text is None or text == "" or text in ("<unknown>", "unknown", "(null)"):
                continue
            seen.add((type(message).__name__, name))
            assert value is not None, (message, name, text)
            assert value != -1, (message, name, text)
    assert len(seen) > 200

"""Every event and list of Asterisk 22 is declared, with the types that its source shows."""

from __future__ import annotations

import gzip
import json
import pickle
from types import ModuleType
from typing import Any

import pytest
from support.paths import DATA, ROOT

# What Asterisk 22.10.1 documents, emits or was seen to send: a type for each header of each event,
# None where the type is unknown; and the lists.
FACTS = json.loads((DATA / "asterisk22.json").read_text())
EVENTS: dict[str, dict[str, str | None]] = FACTS["events"]
LISTS: dict[str, dict[str, Any]] = FACTS["lists"]

KINDS = {
    "text": ("text",),
    "int": ("int",),
    "float": ("float",),
    "yesno": ("bool",),
    None: ("text", "int"),
}
# Headers for which the seed, or the origin of the value, gives more than the source's format.
OTHER_KINDS = {
    ("AGIExecEnd", "CommandId"): "int",
    ("CloseSession", "CloseSession"): "bool",
    ("CoreShowChannel", "Duration"): "duration",
    ("LogChannel", "Enabled"): "bool",
    ("MeetmeList", "Talking"): "bool",
    ("PeerEntry", "IPport"): "int",
    ("PeerEntry", "Status"): "milliseconds",
    ("QueueMember", "InCall"): "bool",
    ("QueueMember", "Paused"): "bool",
    ("QueueParams", "ServiceLevel"): "float",
    ("QueueParams", "ServiceLevelPerf"): "float",
    ("QueueParams", "ServiceLevelPerf2"): "float",
    ("QueueParams", "Weight"): "float",
    ("RTCPReceived", "From"): "hostport",
    ("RTCPSent", "To"): "hostport",
}
# CCRecallComplete does not end a list, although its name looks like it.
NOT_SENT = {("CCRecallComplete", "EventList"), ("CCRecallComplete", "ListItems")}


def serving(ami: ModuleType, event: str) -> Any:
    (message,) = ami.Parser().feed(f"Event: {event}\r\n\r\n".encode())
    return type(message)


def declared(cls: Any, header: str) -> Any:
    """The declaration of a header, whose documented name has no path."""
    for declaration in cls.headers().values():
        if header.lower() in (name.lower().rpartition("/")[2] for name in declaration.names):
            return declaration
    pytest.fail(f"{cls.__name__} does not declare {header}")


def parse(ami: ModuleType, name: str, *lines: str) -> Any:
    data = "".join(f"{line}\r\n" for line in (f"Event: {name}", *lines, ""))
    (message,) = ami.Parser().feed(data.encode())
    return message


def test_every_event_has_a_class_of_its_name(ami: ModuleType) -> None:
    assert len(EVENTS) == 245
    for event in EVENTS:
        cls = serving(ami, event)
        expected = {"NewExten": "Newexten"}.get(event, event.replace("-", "_"))
        assert cls.__name__ == expected
        assert getattr(ami.core_events, event.replace("-", "_")) is cls
        assert event.replace("-", "_") in ami.core_events.__all__
        assert cls.__module__.startswith("amistream.events.")
        assert cls.__doc__
        assert getattr(cls, "__dictoffset__", 0) == 0  # PyPy does not have this attribute


@pytest.mark.parametrize("event", EVENTS)
def test_every_header_is_declared_with_its_type(event: str) -> None:
    import amistream

    cls = serving(amistream, event)
    for header, kind in EVENTS[event].items():
        if (event, header) not in NOT_SENT:
            declaration = declared(cls, header)
            element = getattr(declaration, "element", declaration)
            expected = OTHER_KINDS.get((event, header))
            assert element.kind in ((expected,) if expected else KINDS[kind]), header


@pytest.fixture(scope="module")
def every_event() -> bytes:
    """Every event that could be produced on a real Asterisk 22, in up to three forms each."""
    return gzip.decompress((DATA / "every-event.ami.gz").read_bytes())


def test_what_a_real_asterisk_sends_is_declared(ami: ModuleType, every_event: bytes) -> None:
    events = ami.Parser().feed(every_event)
    assert len(events) == every_event.count(b"\r\n\r\n") == 261
    assert len({event.name for event in events}) == 212
    assert b"".join(event.raw for event in events) == every_event
    for event in events:
        assert type(event) is not ami.Event
        assert type(event).__name__ == event.name
        if event in ("UserEvent", "TestEvent"):
            continue  # their sender chooses the headers
        names = {name.lower() for name in type(event)._headers} | {"event", "actionid"}
        assert {name for name in event if name.lower() not in names} == set()


def test_what_a_real_asterisk_sends_is_read(ami: ModuleType, every_event: bytes) -> None:
    nothing = {
        "",
        "<unknown>",
        "unknown",
        "(null)",
        "N/A",
        "UNKNOWN",
    }  # UNKNOWN: the Status of a peer
    for event in ami.Parser().feed(every_event):
        for attribute, declaration in type(event).headers().items():
            value = getattr(event, attribute)
            sent = [event[name] for name in declaration.names if name in event]
            if sent and sent[0] not in nothing:
                assert value is not None, (event, attribute, sent)
                assert value != -1 or sent[0] == "-1", (event, attribute, sent)


def test_real_values(ami: ModuleType, every_event: bytes) -> None:
    first: dict[str, Any] = {}
    for event in ami.Parser().feed(every_event):
        first.setdefault(event.name, event)
    assert first["AgentRingNoAnswer"].ring_time == int(first["AgentRingNoAnswer"]["RingTime"])
    report = first["RTCPReceived"]
    assert report.report_source_ssrc == (report["Report0SourceSSRC"],)
    assert report.report_lsr == (int(report["Report0LSR"]),)
    assert report.from_ == ("127.0.0.1", int(report["From"].removeprefix("127.0.0.1:")))
    transfer = first["AttendedTransfer"]
    assert transfer.orig_transferer_channel == transfer["OrigTransfererChannel"]
    assert transfer.is_external is (transfer["IsExternal"] == "Yes")
    assert first["BridgeMerge"].to_bridge_num_channels == int(
        first["BridgeMerge"]["ToBridgeNumChannels"]
    )
    assert first["Hangup"].cause.value == int(first["Hangup"]["Cause"])
    assert first["DeviceStateChange"].state.value == first["DeviceStateChange"]["State"]
    assert first["ContactList"].roundtrip_usec == (
        None
        if first["ContactList"]["RoundtripUsec"] == "N/A"
        else int(first["ContactList"]["RoundtripUsec"])
    )
    assert first["ResourceListDetail"].get_all("Event") == ["ResourceListDetail", "presence"]


def test_every_list_action_has_an_aggregate(ami: ModuleType) -> None:
    assert len(LISTS) == 45
    for action, about in LISTS.items():
        aggregate = getattr(ami.core_events, f"{action}_Aggregate")
        assert {cls.__name__ for cls in aggregate.members} == set(about["members"])
        assert aggregate.finisher.__name__ == about["finisher"]
        assert aggregate in ami.aggregates.ALL


@pytest.mark.parametrize("prefix", ["", "Dest"])
def test_a_channel_under_its_prefix(ami: ModuleType, prefix: str) -> None:
    event = parse(
        ami,
        "DialBegin",
        f"{prefix}Channel: SIP/1",
        f"{prefix}ChannelState: 4",
        f"{prefix}CallerIDNum: <unknown>",
        f"{prefix}Priority: 7",
        f"{prefix}Uniqueid: 1.1",
        f"{prefix}ChanVariable: TIER=gold",
        f"{prefix}ChanVariable: NOTE=a=b",
    )
    word, other = (
        f"{name}_" if name else "" for name in (prefix.lower(), {"": "dest"}.get(prefix, ""))
    )
    assert getattr(event, f"{word}channel") == "SIP/1"
    assert getattr(event, f"{word}channel_state") is ami.enums.ChannelState.RING
    assert getattr(event, f"{word}caller_id_num") is None
    assert getattr(event, f"{word}priority") == 7
    assert getattr(event, f"{word}uniqueid") == "1.1"
    assert getattr(event, f"{word}channel_variables") == {"TIER": "gold", "NOTE": "a=b"}
    assert getattr(event, f"{other}channel") is None
    assert getattr(event, f"{other}channel_variables") == {}


def test_every_prefix_declares_the_whole_snapshot(ami: ModuleType) -> None:
    snapshots = ami.events._snapshots
    plain = snapshots.ChannelEvent.headers()
    for prefix, word in [
        ("LocalOne", "local_one"),
        ("OrigTransferer", "orig_transferer"),
        ("TransferTarget", "transfer_target"),
        ("Parkee", "parkee"),
    ]:
        cls = getattr(snapshots, f"{prefix}ChannelEvent")
        own = {name: header for name, header in cls.headers().items() if name.startswith(word)}
        assert [name.removeprefix(f"{word}_") for name in own] == [
            name for name in plain if name not in ami.Event.headers()
        ]
        for name, header in own.items():
            original = plain[name.removeprefix(f"{word}_")]
            assert header.names == tuple(prefix + spelled for spelled in original.names)
            assert (header.kind, header.members) == (original.kind, original.members)


def test_a_bridge_under_its_prefix(ami: ModuleType) -> None:
    event = parse(ami, "BridgeMerge", "ToBridgeUniqueid: a", "FromBridgeNumChannels: 2")
    assert event.to_bridge_uniqueid == "a"
    assert event.from_bridge_num_channels == 2
    assert event.from_bridge_uniqueid is None


def test_the_stub_of_the_snapshots_is_in_step() -> None:
    script = ROOT / "ci" / "quality" / "stubs.py"
    if not (ROOT / "src").is_dir():
        pytest.skip("the tests run outside the tree")
    names: dict[str, Any] = {"__name__": "stubs", "__file__": str(script)}
    exec(compile(script.read_text(), script, "exec"), names)
    assert names["STUB"].read_text() == names["make_stub"]()


# pystrix's classes for ConfBridge, MeetMe and DAHDI: header, text, value, and the failure value.
OF_PYSTRIX = [
    *[("ConfbridgeList", name, "Yes", True, False) for name in ("Admin", "MarkedUser")],
    ("ConfbridgeListComplete", "ListItems", "3", 3, -1),
    ("ConfbridgeListRooms", "Locked", "Yes", True, False),
    ("ConfbridgeListRooms", "Marked", "2", 2, -1),
    ("ConfbridgeListRooms", "Parties", "2", 2, -1),
    ("ConfbridgeListRoomsComplete", "ListItems", "3", 3, -1),
    ("ConfbridgeTalking", "TalkingStatus", "on", True, False),
    *[("MeetmeList", name, "Yes", True, False) for name in ("Admin", "MarkedUser")],
    ("MeetmeList", "Talking", "No", False, None),
    ("MeetmeList", "UserNumber", "1", 1, -1),
    ("MeetmeListComplete", "ListItems", "3", 3, -1),
    ("MeetmeListRooms", "Locked", "Yes", True, False),
    ("MeetmeListRooms", "Parties", "2", 2, -1),
    ("MeetmeListRoomsComplete", "ListItems", "3", 3, -1),
    ("MeetmeMute", "Status", "on", True, False),
    ("DAHDIShowChannels", "DND", "Enabled", True, False),
    ("DAHDIShowChannels", "DAHDIChannel", "1", 1, -1),
    ("DAHDIShowChannels", "SignallingCode", "128", 128, -1),
    ("DAHDIShowChannelsComplete", "Items", "3", 3, -1),
]


@pytest.mark.parametrize(("name", "header", "text", "value", "failure"), OF_PYSTRIX)
def test_what_pystrix_translates(
    ami: ModuleType, name: str, header: str, text: str, value: Any, failure: Any
) -> None:
    for sent, expected in (
        (f"{header}: {text}", value),
        (f"{header}: Not so", failure),
        ("X: 1", failure),
    ):
        headers, _ = parse(ami, name, sent).process()
        assert headers[header] == expected
        assert type(headers[header]) is type(expected)


def test_report_blocks_are_numbered(ami: ModuleType) -> None:
    event = parse(
        ami,
        "RTCPReceived",
        "From: 192.0.2.7:5061",
        "To: 192.0.2.8:10000",
        "ReportCount: 2",
        "Report0SourceSSRC: 0x1213b570",
        "Report0FractionLost: 0",
        "Report0DLSR: 0.2500",
        "Report1SourceSSRC: 0x0051705d",
        "Report1FractionLost: x",
        "Report1DLSR: 1.5",
        "Report3DLSR: 9.9",
    )
    assert event.report_source_ssrc == ("0x1213b570", "0x0051705d")
    assert event.report_fraction_lost == (0, None)
    assert event.report_dlsr == (0.25, 1.5)
    assert event.report_lsr == ()
    assert event.from_ == ("192.0.2.7", 5061)
    assert event.to == ("192.0.2.8", 10000)
    typed = event.to_dict(typed=True)
    assert typed["Report0FractionLost"] == 0
    assert typed["Report3DLSR"] == 9.9
    headers, _ = event.process()
    assert headers["To"] == "192.0.2.8:10000"  # the seed does not convert it
    assert headers["Report0DLSR"] == "0.2500"


def test_charges_come_under_their_paths(ami: ModuleType) -> None:
    event = parse(
        ami,
        "AOC-D",
        "Charge/Type: Currency",
        "Charge/Currency/Name: EUR",
        "Charge/Currency/Cost: 12",
        "Charge/Units(0)/NumberOf: 3",
    )
    assert type(event) is ami.core_events.AOC_D
    assert event == "AOC-D"
    assert (event.type, event.currency_name, event.cost) == ("Currency", "EUR", 12)
    assert event.number_of == ("3",)


def test_agents_of_queues_before_asterisk_12(ami: ModuleType) -> None:
    """The headers that Asterisk 1.8 sent for the same events."""
    called = parse(
        ami,
        "AgentCalled",
        "Queue: support",
        "AgentCalled: SIP/101",
        "AgentName: Alice",
        "ChannelCalling: SIP/trunk-1",
        "DestinationChannel: SIP/101-2",
        "CallerIDNum: 100",
        "Context: inbound",
        "Extension: 700",
        "Priority: 3",
        "Uniqueid: 1.1",
    )
    assert (called.queue, called.interface, called.member_name) == ("support", "SIP/101", "Alice")
    assert (called.channel, called.dest_channel) == ("SIP/trunk-1", "SIP/101-2")
    assert (called.exten, called.priority, called.uniqueid) == ("700", 3, "1.1")
    connected = parse(ami, "AgentConnect", "Member: SIP/101", "Holdtime: 12", "Channel: SIP/101-2")
    assert (connected.interface, connected.hold_time) == ("SIP/101", 12)


def test_the_newexten_of_the_documentation(ami: ModuleType) -> None:
    assert ami.core_events.NewExten is ami.core_events.Newexten
    assert ami.Parser(only=ami.core_events.Newexten).feed(b"Event: NewExten\r\n\r\n")


def test_an_event_of_a_name_nobody_knows(ami: ModuleType) -> None:
    event = parse(ami, "Sold", "City: Oslo")
    assert type(event) is ami.Event
    assert (event.name, event["City"]) == ("Sold", "Oslo")
    assert pickle.loads(pickle.dumps(event)).to_dict() == event.to_dict()

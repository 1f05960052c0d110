"""Every list of Asterisk 22, announced lists of any kind, and how they are told apart."""

from __future__ import annotations

import gc
import pickle
import sys
import weakref
from collections import Counter
from collections.abc import Iterator
from types import ModuleType
from typing import Any, NamedTuple

import pytest
from test_aggregates import Clock, aggregate, event, response


class Declared(NamedTuple):
    """A list action of Asterisk 22, from its source, with the headers that count the members."""

    members: tuple[str, ...]
    finisher: str
    counts: tuple[str, ...] = ("ListItems",)
    uncounted: tuple[str, ...] = ()
    headers: dict[str, str] = {}  # noqa: RUF012 - never written
    anonymous: bool = False


LISTS = {
    "Agents": Declared(("Agents",), "AgentsComplete"),
    "BridgeInfo": Declared(("BridgeInfoChannel",), "BridgeInfoComplete"),
    "BridgeList": Declared(("BridgeListItem",), "BridgeListComplete"),
    "BridgeTechnologyList": Declared(("BridgeTechnologyListItem",), "BridgeTechnologyListComplete"),
    "ConfbridgeList": Declared(("ConfbridgeList",), "ConfbridgeListComplete"),
    "ConfbridgeListRooms": Declared(("ConfbridgeListRooms",), "ConfbridgeListRoomsComplete"),
    "CoreShowChannelMap": Declared(("CoreShowChannelMap",), "CoreShowChannelMapComplete"),
    "CoreShowChannels": Declared(("CoreShowChannel",), "CoreShowChannelsComplete"),
    "DAHDIShowChannels": Declared(
        ("DAHDIShowChannels",), "DAHDIShowChannelsComplete", ("ListItems", "Items")
    ),
    "DAHDIShowStatus": Declared(
        ("DAHDIShowStatus",), "DAHDIShowStatusComplete", ("ListItems", "Items")
    ),
    "DBGet": Declared(("DBGetResponse",), "DBGetComplete"),
    "DBGetTree": Declared(("DBGetTreeResponse",), "DBGetTreeComplete"),
    "DeviceStateList": Declared(("DeviceStateChange",), "DeviceStateListComplete"),
    "ExtensionStateList": Declared(("ExtensionStatus",), "ExtensionStateListComplete"),
    "FAXSessions": Declared(("FAXSessionsEntry",), "FAXSessionsComplete", ("ListItems", "Total")),
    "Hangup": Declared(("ChannelHungup",), "ChannelsHungupListComplete"),
    "IAXpeerlist": Declared(("PeerEntry",), "PeerlistComplete", headers={"Channeltype": "IAX"}),
    "IAXpeers": Declared(
        ("PeerEntry",), "PeerlistComplete", headers={"Channeltype": "IAX2"}, anonymous=True
    ),
    "IAXregistry": Declared(
        ("RegistryEntry",),
        "RegistrationsComplete",
        headers={"DNSmanager": "N", "Perceived": "<Unregistered>"},
    ),
    "MWIGet": Declared(("MWIGet",), "MWIGetComplete"),
    "MeetmeList": Declared(("MeetmeList",), "MeetmeListComplete"),
    "MeetmeListRooms": Declared(("MeetmeListRooms",), "MeetmeListRoomsComplete"),
    "PJSIPShowAors": Declared(("AorList",), "AorListComplete"),
    "PJSIPShowAuths": Declared(("AuthList",), "AuthListComplete"),
    "PJSIPShowContacts": Declared(("ContactList",), "ContactListComplete"),
    "PJSIPShowEndpoint": Declared(
        (
            "EndpointDetail",
            "IdentifyDetail",
            "ContactStatusDetail",
            "AuthDetail",
            "TransportDetail",
            "AorDetail",
        ),
        "EndpointDetailComplete",
    ),
    "PJSIPShowEndpoints": Declared(("EndpointList",), "EndpointListComplete"),
    "PJSIPShowMaintenance": Declared(("PJSIPMaintenanceStatus",), "PJSIPMaintenanceStatusComplete"),
    "PJSIPShowRegistrationInboundContactStatuses": Declared(
        ("ContactStatusDetail",), "ContactStatusDetailComplete"
    ),
    "PJSIPShowRegistrationsInbound": Declared(
        ("InboundRegistrationDetail",), "InboundRegistrationDetailComplete"
    ),
    "PJSIPShowRegistrationsOutbound": Declared(
        ("OutboundRegistrationDetail", "AuthDetail"),
        "OutboundRegistrationDetailComplete",
        uncounted=("AuthDetail",),
    ),
    "PJSIPShowResourceLists": Declared(("ResourceListDetail",), "ResourceListDetailComplete"),
    "PJSIPShowSubscriptionsInbound": Declared(
        ("InboundSubscriptionDetail",), "InboundSubscriptionDetailComplete"
    ),
    "PJSIPShowSubscriptionsOutbound": Declared(
        ("OutboundSubscriptionDetail",), "OutboundSubscriptionDetailComplete"
    ),
    "PRIShowSpans": Declared(("PRIShowSpans",), "PRIShowSpansComplete", ("ListItems", "Items")),
    "ParkedCalls": Declared(("ParkedCall",), "ParkedCallsComplete", ("ListItems", "Total")),
    "Parkinglots": Declared(("Parkinglot",), "ParkinglotsComplete"),
    "PresenceStateList": Declared(("PresenceStateChange",), "PresenceStateListComplete"),
    "QueueStatus": Declared(("QueueParams", "QueueMember", "QueueEntry"), "QueueStatusComplete"),
    "QueueSummary": Declared(("QueueSummary",), "QueueSummaryComplete"),
    "ShowDialPlan": Declared(("ListDialplan",), "ShowDialPlanComplete"),
    "Status": Declared(("Status",), "StatusComplete", ("ListItems", "Items")),
    "VoicemailBoxSummary": Declared(("VoicemailBoxDetail",), "VoicemailBoxDetailComplete"),
    "VoicemailUserStatus": Declared(("VoicemailUserDetail",), "VoicemailUserDetailComplete"),
    "VoicemailUsersList": Declared(("VoicemailUserEntry",), "VoicemailUserEntryComplete"),
}
OLDER = {
    "SIPpeers": Declared(("PeerEntry",), "PeerlistComplete", headers={"Channeltype": "SIP"}),
    "SIPshowregistry": Declared(
        ("RegistryEntry",), "RegistrationsComplete", headers={"Domain": "lab", "DomainPort": "5060"}
    ),
}
EVERY = {**LISTS, **OLDER}
UNASKED_NEVER = ("DBGet", "PJSIPShowEndpoint", "PJSIPShowRegistrationInboundContactStatuses")
SHARED_ENDS = {"PeerlistComplete": "SIPpeers", "RegistrationsComplete": "SIPshowregistry"}

# Shape of a list that no class serves.
UNKNOWN = ("PhoneEntry", "PhoneEntry", "LineEntry", "PhoneEntry")


def start(ami: ModuleType, action_id: str = "a", word: str = "start") -> Any:
    lines = f"Response: Success\r\nActionID: {action_id}\r\nEventList: {word}\r\nMessage: follows"
    (message,) = ami.Parser().feed(f"{lines}\r\n\r\n".encode())
    return message


def complete(
    ami: ModuleType, name: str, count: int, action_id: str | None = "a", **headers: str
) -> Any:
    stated = {"EventList": "Complete", "ListItems": str(count), **headers}
    return event(ami, name, action_id, **stated)


def sent_members(ami: ModuleType, declared: Declared, action_id: str = "a") -> list[Any]:
    """Two of each member, as Asterisk sends them."""
    names = declared.members * 2
    own_id = None if declared.anonymous else action_id
    return [event(ami, name, own_id, Nr=str(i), **declared.headers) for i, name in enumerate(names)]


def end_of(ami: ModuleType, declared: Declared, sent: list[Any], action_id: str = "a") -> Any:
    count = sum(one.name not in declared.uncounted for one in sent)
    counts = dict.fromkeys(declared.counts, str(count))
    return complete(ami, declared.finisher, count, action_id, **counts)


def noise(ami: ModuleType, nr: int) -> Iterator[Any]:
    """What comes between the events of a list: unrelated, and of other lists and actions."""
    yield event(ami, "Newchannel", None)
    yield event(ami, "OriginateResponse", "other")
    yield event(ami, "DeviceStateChange", None)
    yield event(ami, "ParkedCall", None)
    yield event(ami, "QueueParams", "another list")
    yield response(ami, "Success", f"other-{nr}", "done")
    yield response(ami, "Error", f"other-{nr}", "not done")


def announce(ami: ModuleType, collector: Any, name: str, asked: str) -> Any:
    """The list that was opened, if it was: before its announcement or after."""
    opened = None
    if asked == "before":
        opened = collector.open(aggregate(ami, name))
    assert collector.add(start(ami)) is None
    if asked == "after":
        opened = collector.open(aggregate(ami, name))
    return opened


def add_all(collector: Any, messages: list[Any]) -> list[Any]:
    return [done for message in messages if (done := collector.add(message)) is not None]


def test_every_list_has_an_aggregate(ami: ModuleType) -> None:
    assert len(LISTS) == 45
    declared = {kind.__name__: kind for kind in ami.aggregates.ALL}
    assert set(declared) == {f"{name}_Aggregate" for name in EVERY}
    for name, stated in EVERY.items():
        kind = declared[f"{name}_Aggregate"]
        assert tuple(cls.__name__ for cls in kind.members) == stated.members, name
        assert kind.finisher.__name__ == stated.finisher, name
        assert kind.count_header in stated.counts, name
        assert tuple(cls.__name__ for cls in kind.uncounted) == stated.uncounted, name
        assert kind.__doc__
        assert kind.__doc__.splitlines()[0].endswith((".", name)), name


@pytest.mark.parametrize("name", EVERY)
def test_every_list_is_gathered(ami: ModuleType, name: str) -> None:
    declared = EVERY[name]
    collector = ami.Collector()
    sent = sent_members(ami, declared)
    assert collector.add(start(ami)) is None
    for nr, member in enumerate(sent):
        assert add_all(collector, [member, *noise(ami, nr)]) == []
    end = end_of(ami, declared, sent)
    done = collector.add(end)
    assert done == f"{name}_Aggregate"
    assert done.error_message is None
    assert done.events == sent
    assert done.ended_by is done[declared.finisher] is end
    for member in declared.members:
        assert done[member] == [one for one in sent if one.name == member]
        assert done[getattr(ami.core_events, member)] is done[member]
    assert [one.name for one in collector.waiting] == ["QueueStatus_Aggregate"]


@pytest.mark.parametrize("name", EVERY)
def test_every_list_may_be_opened_before(ami: ModuleType, name: str) -> None:
    declared = EVERY[name]
    collector = ami.Collector()
    asked = collector.open(aggregate(ami, name))
    sent = sent_members(ami, declared)
    assert add_all(collector, [start(ami), *sent]) == []
    assert collector.add(end_of(ami, declared, sent)) is asked
    assert asked.valid
    assert asked.events == sent


@pytest.mark.parametrize("name", EVERY)
def test_every_list_may_be_empty(ami: ModuleType, name: str) -> None:
    declared = EVERY[name]
    collector = ami.Collector()
    collector.add(start(ami))
    done = collector.add(end_of(ami, declared, []))
    assert done == f"{SHARED_ENDS.get(declared.finisher, name)}_Aggregate"
    assert done.valid
    assert done.events == []


@pytest.mark.parametrize(
    ("name", "header"), [(name, header) for name in EVERY for header in EVERY[name].counts]
)
def test_every_count_is_checked(ami: ModuleType, name: str, header: str) -> None:
    declared = EVERY[name]
    sent = sent_members(ami, declared)
    counted = sum(one.name not in declared.uncounted for one in sent)
    end = event(ami, declared.finisher, EventList="Complete", **{header: str(counted + 1)})
    (done,) = add_all(ami.Collector(), [start(ami), *sent, end])
    stated = f"{header} says {counted + 1} members were sent; {counted} came"
    assert done.error_message == stated


@pytest.mark.parametrize("name", sorted(set(EVERY) - {"IAXpeers"}))
def test_which_lists_open_unasked(ami: ModuleType, name: str) -> None:
    """Asterisk before 13 announced few of them; why some must be is said in their classes."""
    declared = EVERY[name]
    collector = ami.Collector()
    sent = sent_members(ami, declared)
    done = add_all(collector, [*sent, end_of(ami, declared, sent)])
    if name in UNASKED_NEVER:
        assert done == []
    else:
        assert [one.name for one in done] == [f"{name}_Aggregate"]
        assert done[0].valid
    assert len(collector) == 0


@pytest.mark.parametrize(
    "name",
    [
        "ContactStatusDetail",
        "DeviceStateChange",
        "ExtensionStatus",
        "ParkedCall",
        "PeerEntry",
        "PresenceStateChange",
    ],
)
def test_unasked_events_are_of_no_list(ami: ModuleType, name: str) -> None:
    collector = ami.Collector()
    assert collector.add(event(ami, name, None)) is None
    assert len(collector) == 0
    collector.add(start(ami))
    collector.add(event(ami, name, None))
    assert collector.add(complete(ami, "DeviceStateListComplete", 0)).valid


def test_the_announced_lists_of_the_capture(ami: ModuleType, list_actions: bytes) -> None:
    """Seven rounds; ConfBridges and the database entry come in the second. All of them whole."""
    messages = ami.Parser().feed(list_actions)
    starts = [m for m in messages if m.get("EventList", "").lower() == "start"]
    done = add_all(collector := ami.Collector(), messages)
    assert [one.action_id for one in done] == [one.action_id for one in starts]
    assert len(done) == 158
    assert [one.error_message for one in done if not one.valid] == []
    assert len(collector) == 0
    later = ("ConfbridgeList_Aggregate", "ConfbridgeListRooms_Aggregate", "DBGet_Aggregate")
    rounds = Counter(one.name for one in done)
    assert len(rounds) == 23
    assert {name: 6 if name in later else 7 for name in rounds} == rounds
    gathered = [one for aggregate in done for one in aggregate.events]
    listed = [m for m in messages if isinstance(m, ami.Event) and m.action_id]
    assert len(gathered) + len(done) == len(listed)


def test_the_capture_without_any_kind(ami: ModuleType, list_actions: bytes) -> None:
    messages = ami.Parser().feed(list_actions)
    known = add_all(ami.Collector(), messages)
    done = add_all(ami.Collector([]), messages)
    assert {one.name for one in done} == {"EventList_Aggregate"}
    assert [one.error_message for one in done if not one.valid] == []
    assert [one.action_id for one in done] == [one.action_id for one in known]
    assert [one.events for one in done] == [one.events for one in known]


@pytest.mark.parametrize(
    "words", [("start", "Complete"), ("Start", "complete"), ("START", "COMPLETE")]
)
def test_any_announced_list(ami: ModuleType, words: tuple[str, str]) -> None:
    collector = ami.Collector()
    sent = [event(ami, name, Nr=str(i)) for i, name in enumerate(UNKNOWN)]
    assert collector.add(start(ami, word=words[0])) is None
    assert len(collector) == 1
    for nr, member in enumerate(sent):
        assert add_all(collector, [member, *noise(ami, nr)]) == []
    end = complete(ami, "PhonesComplete", 4, EventList=words[1])
    done = collector.add(end)
    assert done == "EventList_Aggregate"
    assert done.valid
    assert done.events == sent
    assert done.ended_by is end
    assert done["PhonesComplete"] is end
    assert done["PhoneEntry"] == [sent[0], sent[1], sent[3]]
    assert done["LineEntry"] == [sent[2]]
    assert set(done) == {"PhoneEntry", "LineEntry", "PhonesComplete"}
    assert repr(done) == "<EventList_Aggregate 'a': 3 PhoneEntry, 1 LineEntry; whole>"


def test_an_announced_list_knows_classes(ami: ModuleType) -> None:
    """Events that are members of no list have their class as a key too, as members do."""
    collector = ami.Collector()
    add_all(collector, [start(ami), event(ami, "PeerStatus"), event(ami, "Unheard")])
    done = collector.add(complete(ami, "Hangup", 2))
    assert done[ami.core_events.PeerStatus] is done["PeerStatus"]
    assert done[ami.core_events.Hangup] is done["Hangup"] is done.ended_by
    assert set(map(type, done)) == {str, type}
    assert ami.Event not in done


def test_an_announced_lists_end_may_be_named_as_its_members(ami: ModuleType) -> None:
    collector = ami.Collector()
    member = event(ami, "Phone")
    done = add_all(collector, [start(ami), member, complete(ami, "Phone", 1)])[0]
    assert done["Phone"] == [member]
    assert done.ended_by.get("ListItems") == "1"
    assert done.valid


@pytest.mark.parametrize("word", ["Cancelled", "cancelled", "CANCELLED"])
@pytest.mark.parametrize(
    ("member", "finisher"),
    [("PhoneEntry", "PhonesComplete"), ("AorList", "AorListComplete"), ("AorList", "Unheard")],
)
def test_cancelled(ami: ModuleType, member: str, finisher: str, word: str) -> None:
    end = event(ami, finisher, EventList=word, ListItems="1")
    done = add_all(ami.Collector(), [start(ami), event(ami, member), end])[0]
    assert done.error_message == "Asterisk cancelled the list after 1 members"
    assert not done.valid
    assert done.ended_by is end


def test_an_announced_list_with_a_wrong_count(ami: ModuleType) -> None:
    messages = [start(ami), event(ami, "PhoneEntry"), complete(ami, "PhonesComplete", 2)]
    done = add_all(ami.Collector(), messages)[0]
    assert done.error_message == "ListItems says 2 members were sent; 1 came"


def test_an_announced_list_without_a_count(ami: ModuleType) -> None:
    end = event(ami, "PhonesComplete", EventList="Complete")
    done = add_all(ami.Collector(), [start(ami), event(ami, "PhoneEntry"), end])[0]
    assert done.valid


def test_an_unannounced_unknown_list_is_not_gathered(ami: ModuleType) -> None:
    collector = ami.Collector()
    sent = [event(ami, "PhoneEntry"), complete(ami, "PhonesComplete", 1)]
    assert add_all(collector, [response(ami, "Success", "a", "will follow"), *sent]) == []
    assert len(collector) == 0


def test_an_answer_without_an_action_id_announces_nothing(ami: ModuleType) -> None:
    collector = ami.Collector()
    assert (
        collector.add(ami.Parser().feed(b"Response: Success\r\nEventList: start\r\n\r\n")[0])
        is None
    )
    assert len(collector) == 0


def test_an_announced_aggregate_pickles(ami: ModuleType) -> None:
    collector = ami.Collector()
    add_all(collector, [start(ami), event(ami, "PhoneEntry"), event(ami, "PeerStatus")])
    again = pickle.loads(pickle.dumps(collector.waiting[0]))
    assert again["PhoneEntry"] == again.events[:1]
    assert again[ami.core_events.PeerStatus] is again["PeerStatus"]
    assert again.evaluate_event(complete(ami, "PhonesComplete", 2)) is True
    assert again.valid


def test_an_announced_aggregate_by_hand(ami: ModuleType) -> None:
    gathered = ami.core_events.EventList_Aggregate("a")
    assert gathered.evaluate_event(start(ami)) is None
    assert gathered.evaluate_event(event(ami, "PhoneEntry", "b")) is None
    assert gathered.evaluate_event(event(ami, "PhoneEntry", None)) is None
    assert gathered.evaluate_event(event(ami, "PhoneEntry")) is False
    assert gathered.evaluate_event(complete(ami, "PhonesComplete", 1)) is True
    assert gathered.evaluate_event(event(ami, "PhoneEntry")) is None
    assert gathered.valid


def test_an_announced_list_keeps_at_most_max_members(ami: ModuleType) -> None:
    collector = ami.Collector(max_members=2)
    add_all(collector, [start(ami), *(event(ami, f"Phone{i}") for i in range(100))])
    assert set(collector.waiting[0]) == {"Phone0", "Phone1"}
    collector.add(event(ami, "AorList"))
    assert set(collector.waiting[0]) >= {"AorList", "Phone0", "Phone1"}
    done = collector.add(complete(ami, "AorListComplete", 101))
    assert done["AorList"] == []
    assert len(done.events) == 2
    assert done.error_message == "101 members came; only 2 were kept"


def test_a_known_list_keeps_what_is_new_in_it(ami: ModuleType) -> None:
    """An Asterisk to come may list one more thing: the count has to fit, and nothing be lost."""
    collector = ami.Collector()
    new, known = event(ami, "SecretDetail"), event(ami, "PeerStatus")
    sent = [event(ami, "EndpointDetail"), new, event(ami, "AorDetail"), known]
    add_all(collector, [start(ami), *sent])
    assert "1 EndpointDetail, 0 IdentifyDetail" in repr(collector.waiting[0])
    assert "1 SecretDetail, 1 PeerStatus; open" in repr(collector.waiting[0])
    done = collector.add(complete(ami, "EndpointDetailComplete", 4))
    assert done == "PJSIPShowEndpoint_Aggregate"
    assert done.valid
    assert done.events == sent
    assert done["SecretDetail"] == [new]
    assert done["PeerStatus"] == [known]
    assert done[ami.core_events.PeerStatus] is done["PeerStatus"]


@pytest.mark.parametrize("asked", ["before", "after", "never"])
def test_what_is_new_may_come_first(ami: ModuleType, asked: str) -> None:
    collector = ami.Collector()
    announce(ami, collector, "PJSIPShowEndpoint", asked)
    sent = [event(ami, "SecretDetail"), event(ami, "AuthDetail"), event(ami, "EndpointDetail")]
    done = add_all(collector, [*sent, complete(ami, "EndpointDetailComplete", 3)])[0]
    assert done == "PJSIPShowEndpoint_Aggregate"
    assert done.valid
    assert done.events == sent
    assert [len(done[one.name]) for one in sent] == [1, 1, 1]


def test_an_unannounced_list_takes_only_its_own(ami: ModuleType) -> None:
    collector = ami.Collector()
    add_all(collector, [event(ami, "QueueParams"), event(ami, "SecretDetail")])
    done = collector.add(complete(ami, "QueueStatusComplete", 1))
    assert done.valid
    assert "SecretDetail" not in done


def test_the_finisher_has_the_last_word(ami: ModuleType) -> None:
    """What began as one kind's list is another's, or none's, if it ends so."""
    status, auth = event(ami, "ContactStatusDetail"), event(ami, "AuthDetail")
    collector = ami.Collector()
    assert add_all(collector, [start(ami), status, auth]) == []
    inbound = "PJSIPShowRegistrationInboundContactStatuses_Aggregate"
    assert [one.name for one in collector.waiting] == [inbound]
    done = collector.add(complete(ami, "EndpointDetailComplete", 2))
    assert done == "PJSIPShowEndpoint_Aggregate"
    assert done.valid
    assert done["ContactStatusDetail"] == [status]
    assert done["AuthDetail"] == [auth]
    assert ami.core_events.ContactStatusDetailComplete not in done

    add_all(collector, [start(ami), status, auth])
    end = complete(ami, "EverythingComplete", 2)
    done = collector.add(end)
    assert done == "EventList_Aggregate"
    assert done.valid
    assert done.events == [status, auth]
    assert done["EverythingComplete"] is end
    assert len(collector) == 0


@pytest.mark.parametrize("asked", ["before", "after"])
@pytest.mark.parametrize("finisher", ["EverythingComplete", "AorListComplete"])
def test_an_opened_list_that_another_ends(ami: ModuleType, finisher: str, asked: str) -> None:
    collector = ami.Collector()
    opened = announce(ami, collector, "PJSIPShowEndpoint", asked)
    end = complete(ami, finisher, 1)
    (done,) = add_all(collector, [event(ami, "EndpointDetail"), end])
    assert done is opened
    assert done.error_message == f"{finisher} ended it, not EndpointDetailComplete"
    assert done["EndpointDetailComplete"] is None
    assert done.ended_by is end


def test_an_opened_list_may_be_any(ami: ModuleType) -> None:
    collector = ami.Collector()
    asked = collector.open(ami.core_events.EventList_Aggregate("a"))
    sent = [event(ami, "AorList"), event(ami, "AorList")]
    end = complete(ami, "AorListComplete", 2)
    assert add_all(collector, [start(ami), *sent, end]) == [asked]
    assert asked.valid
    assert asked[ami.core_events.AorList] == sent


def test_authentications_of_an_endpoint_and_of_registrations(ami: ModuleType) -> None:
    """ListItems counts those of an endpoint, and leaves out those of the registrations."""
    collector = ami.Collector()
    endpoint = [event(ami, "EndpointDetail", "e"), event(ami, "AuthDetail", "e", ObjectName="one")]
    registrations = [
        event(ami, "OutboundRegistrationDetail", "r"),
        event(ami, "AuthDetail", "r", ObjectName="two"),
        event(ami, "AuthDetail", "r", ObjectName="three"),
    ]
    mixed = [start(ami, "e"), start(ami, "r"), endpoint[0], *registrations, endpoint[1]]
    assert add_all(collector, mixed) == []
    assert collector.add(event(ami, "AuthDetail", "of no list")) is None
    done = collector.add(complete(ami, "EndpointDetailComplete", 2, "e"))
    assert done == "PJSIPShowEndpoint_Aggregate"
    assert done.valid
    assert [one["ObjectName"] for one in done["AuthDetail"]] == ["one"]
    end = {"Registered": "0", "NotRegistered": "1"}
    done = collector.add(complete(ami, "OutboundRegistrationDetailComplete", 1, "r", **end))
    assert done == "PJSIPShowRegistrationsOutbound_Aggregate"
    assert done.valid
    assert [one["ObjectName"] for one in done["AuthDetail"]] == ["two", "three"]


IAX_PEERS = b"""\
Response: Success\r
ActionID: %(id)b\r
EventList: start\r
Message: Peer status list will follow\r
\r
Event: PeerEntry\r
Channeltype: IAX2\r
ObjectName: iaxphone/iaxphone\r
ChanObjectType: peer\r
IPaddress: (null)\r
IPport: (null)\r
Dynamic: yes\r
Trunk: no\r
Encryption: no\r
Status: UNKNOWN\r
Description: \r
\r
Event: PeerEntry\r
Channeltype: IAX2\r
ObjectName: iaxgone\r
ChanObjectType: peer\r
IPaddress: 127.0.0.1\r
IPport: 9\r
Dynamic: no\r
Trunk: no\r
Encryption: no\r
Status: UNKNOWN\r
Description: \r
\r
Event: PeerlistComplete\r
ActionID: %(id)b\r
EventList: Complete\r
ListItems: 2\r
\r
"""


@pytest.mark.parametrize("asked", [True, False])
def test_iax_peers_come_without_the_action_id(ami: ModuleType, asked: bool) -> None:
    """As Asterisk 22 sends them."""
    collector = ami.Collector()
    if asked:
        collector.open(aggregate(ami, "IAXpeers", "2"))
    wire = IAX_PEERS % {b"id": b"1"} + IAX_PEERS % {b"id": b"2"}
    first, second = add_all(collector, ami.Parser().feed(wire))
    assert [first.name, second.name] == ["IAXpeers_Aggregate"] * 2
    assert first.valid
    assert second.valid
    assert [one["ObjectName"] for one in second["PeerEntry"]] == ["iaxphone/iaxphone", "iaxgone"]


def test_iax_peers_go_to_no_other_list(ami: ModuleType) -> None:
    collector = ami.Collector()
    peer = event(ami, "PeerEntry", None, Channeltype="IAX2")
    add_all(collector, [start(ami), event(ami, "AorList"), peer])
    assert collector.add(complete(ami, "AorListComplete", 1)).valid
    asked = collector.open(aggregate(ami, "SIPpeers"))
    add_all(collector, [start(ami), peer])
    assert collector.add(complete(ami, "PeerlistComplete", 0)) is asked
    assert asked.valid
    assert collector.add(peer) is None
    assert len(collector) == 0


def test_iax_peers_in_a_list_opened_as_any(ami: ModuleType) -> None:
    """What was opened stays what it is; that it lacks them is said."""
    collector = ami.Collector()
    opened = collector.open(ami.core_events.EventList_Aggregate("1"))
    assert add_all(collector, ami.Parser().feed(IAX_PEERS % {b"id": b"1"})) == [opened]
    assert opened.error_message == "ListItems says 2 members were sent; 0 came"


def test_iax_peers_by_hand(ami: ModuleType) -> None:
    gathered = aggregate(ami, "IAXpeers")
    assert gathered.evaluate_event(event(ami, "PeerEntry", None, Channeltype="SIP")) is None
    assert gathered.evaluate_event(event(ami, "PeerEntry", None)) is None
    assert gathered.evaluate_event(event(ami, "PeerEntry", "b", Channeltype="IAX2")) is None
    assert gathered.evaluate_event(event(ami, "PeerEntry", None, Channeltype="IAX2")) is False


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        ({"Channeltype": "SIP"}, "SIPpeers"),
        ({"Channeltype": "IAX"}, "IAXpeerlist"),
        ({"Channeltype": "IAX2"}, "IAXpeers"),
        ({"Channeltype": "of a vendor"}, "SIPpeers"),
        ({}, "SIPpeers"),
    ],
)
def test_peers_are_told_apart(
    ami: ModuleType, headers: dict[str, str], kind: str, announced: bool
) -> None:
    sent = [event(ami, "PeerEntry", **headers), complete(ami, "PeerlistComplete", 1)]
    done = add_all(ami.Collector(), [start(ami), *sent] if announced else sent)[0]
    assert done == f"{kind}_Aggregate"
    assert done.valid


@pytest.mark.parametrize("opened", ["SIPpeers", "IAXpeers", "IAXpeerlist"])
@pytest.mark.parametrize("channel_type", ["SIP", "IAX", "IAX2"])
@pytest.mark.parametrize("answered", ["before", "after", "never"])
def test_peers_are_what_was_opened(
    ami: ModuleType, opened: str, channel_type: str, answered: str
) -> None:
    collector = ami.Collector()
    if answered == "never":
        asked = collector.open(aggregate(ami, opened))
    else:
        asked = announce(ami, collector, opened, answered)
    collector.add(event(ami, "PeerEntry", Channeltype=channel_type))
    assert collector.add(complete(ami, "PeerlistComplete", 1)) is asked
    assert asked.valid
    assert len(collector) == 0


def test_a_kind_with_a_mark_takes_no_others(ami: ModuleType) -> None:
    """A Collector for IAX alone makes no IAX list of what chan_sip lists."""
    collector = ami.Collector([ami.core_events.IAXpeers_Aggregate])
    sent = [event(ami, "PeerEntry", Channeltype="SIP"), complete(ami, "PeerlistComplete", 1)]
    done = add_all(collector, [start(ami), *sent])[0]
    assert done == "EventList_Aggregate"
    assert done.valid


def test_a_kind_that_never_ends_is_an_error(ami: ModuleType) -> None:
    class EndlessAggregate(ami.Aggregate):
        members = (ami.core_events.Hangup,)
        finisher = ami.core_events.Hangup

    with pytest.raises(ValueError, match="EndlessAggregate never ends: its finisher is a member"):
        ami.Collector([EndlessAggregate])


def test_a_kind_may_be_made_known_late(ami: ModuleType) -> None:
    """Its events were seen before, when they were of no list."""
    collector = ami.Collector([])
    sent = [event(ami, "AorList"), complete(ami, "AorListComplete", 1)]
    assert add_all(collector, sent) == []
    opened = collector.open(aggregate(ami, "PJSIPShowAors"))
    assert add_all(collector, sent) == [opened]
    assert opened.valid


def test_two_kinds_of_ones_own_may_share_events(ami: ModuleType) -> None:
    class OwnAggregate(ami.core_events.Status_Aggregate):
        """Status, of one's own kind."""

    collector = ami.Collector()
    own = collector.open(OwnAggregate("x"))
    add_all(collector, [event(ami, "Status", "x"), event(ami, "Status", "y")])
    assert collector.add(event(ami, "StatusComplete", "x", Items="1")) is own
    assert own.valid
    assert collector.add(event(ami, "StatusComplete", "y", Items="1")) == "Status_Aggregate"


def test_a_kind_of_ones_own_without_registered_events(ami: ModuleType) -> None:
    """Its events come as plain ones, and are kept under their names."""

    class Extra(ami.Event):
        __slots__ = ()

    class ExtraComplete(ami.Event):
        __slots__ = ()

    class ExtraAggregate(ami.Aggregate):
        members = (Extra,)
        finisher = ExtraComplete

    collector = ami.Collector()
    add_all(collector, [start(ami, "b"), Extra(b"Event: Extra\r\nActionID: c\r\n\r\n")])
    opened = collector.open(ExtraAggregate("a"))
    plain, own = event(ami, "Extra"), Extra(b"Event: Extra\r\nActionID: a\r\n\r\n")
    add_all(collector, [start(ami), plain, own])
    assert opened["Extra"] == opened[Extra] == [plain, own]
    end = ExtraComplete(b"Event: ExtraComplete\r\nActionID: a\r\nListItems: 2\r\n\r\n")
    assert collector.add(end) is opened
    assert opened.valid


ERRORS = {
    "announced": [],
    "of no known kind": ["PhoneEntry"],
    "of a known kind": ["EndpointDetail", "AorDetail"],
}


@pytest.mark.parametrize("word", ["Error", "Unheard"])
@pytest.mark.parametrize("asked", [True, False])
@pytest.mark.parametrize("gathered", ERRORS.values(), ids=ERRORS)
def test_a_refusal_ends_a_list_at_once(
    ami: ModuleType, gathered: list[str], asked: bool, word: str
) -> None:
    collector = ami.Collector()
    if asked:
        collector.open(aggregate(ami, "PJSIPShowEndpoint"))
    sent = [event(ami, name) for name in gathered]
    assert add_all(collector, [start(ami), *sent, response(ami, word, "b", "Not this one")]) == []
    done = collector.add(response(ami, word, "a", "Unable to format endpoint alice"))
    assert done.finished
    assert done.error_message == f"Asterisk answered {word}: Unable to format endpoint alice"
    assert done.events == sent
    assert done.ended_by is None
    assert len(collector) == 0
    # Asterisk sends the finisher all the same.
    assert collector.add(complete(ami, "EndpointDetailComplete", 3)) is None
    assert len(collector) == 0


def test_a_refusal_ends_an_unannounced_list(ami: ModuleType) -> None:
    collector = ami.Collector()
    collector.add(event(ami, "QueueParams"))
    done = collector.add(response(ami, "Error", "a", "no"))
    assert done == "QueueStatus_Aggregate"
    assert done.error_message == "Asterisk answered Error: no"
    assert collector.add(response(ami, "Error", "a", "no")) is None


@pytest.mark.parametrize(
    "began",
    [
        ["start"],
        ["start", "PhoneEntry"],
        ["start", "AorList"],
        ["AorList"],
        ["open", "start"],
        ["open", "AorList"],
        ["start", "open"],
    ],
)
def test_a_second_start_ends_the_list(ami: ModuleType, began: list[str]) -> None:
    """One session's lists come one after another, so the first lost its finisher."""
    collector = ami.Collector(max_open=1)
    for one in began:
        if one == "open":
            collector.open(aggregate(ami, "PJSIPShowAors"))
        else:
            collector.add(start(ami) if one == "start" else event(ami, one))
    done = collector.add(start(ami))
    assert done.error_message == "another list started with its ActionID"
    assert [one.name for one in done.events] == [one for one in began if one[0].isupper()]
    assert len(collector) == 1
    done = add_all(collector, [event(ami, "AorList"), complete(ami, "AorListComplete", 1)])[0]
    assert done.valid
    assert len(collector) == 0


def test_opened_lists_with_one_action_id_are_answered_in_order(ami: ModuleType) -> None:
    collector = ami.Collector()
    first = collector.open(aggregate(ami, "PJSIPShowAors"))
    second = collector.open(aggregate(ami, "PJSIPShowAuths"))
    add_all(collector, [start(ami), event(ami, "AorList"), event(ami, "SecretDetail")])
    assert collector.add(complete(ami, "AorListComplete", 2)) is first
    assert first.valid
    add_all(collector, [start(ami), event(ami, "SecretDetail"), event(ami, "AuthList")])
    assert collector.add(complete(ami, "AuthListComplete", 2)) is second
    assert second.valid


def test_unannounced_lists_with_one_action_id(ami: ModuleType) -> None:
    collector = ami.Collector()
    add_all(collector, [event(ami, "AorList"), event(ami, "AuthList"), event(ami, "AorList")])
    assert collector.add(complete(ami, "AuthListComplete", 1)).valid
    assert collector.add(complete(ami, "AorListComplete", 2)).valid


def test_opening_what_has_begun_is_an_error(ami: ModuleType) -> None:
    collector = ami.Collector()
    add_all(collector, [start(ami), event(ami, "AorList")])
    with pytest.raises(ValueError, match="PJSIPShowAors_Aggregate 'a' is open already"):
        collector.open(aggregate(ami, "PJSIPShowAors"))
    collector.open(aggregate(ami, "Status"))  # another action's, still to be answered
    assert [one.name for one in collector.waiting] == [
        "PJSIPShowAors_Aggregate",
        "Status_Aggregate",
    ]


def test_announced_lists_count_as_open(ami: ModuleType) -> None:
    collector = ami.Collector(max_open=2)
    add_all(collector, [start(ami, "1"), start(ami, "2")])
    for refused in (start(ami, "3"), event(ami, "QueueParams", "3")):
        with pytest.raises(ami.TooManyLists) as caught:
            collector.add(refused)
        assert caught.value.action_id == "3"
    assert collector.add(event(ami, "QueueParams", "1")) is None  # it was open, now it is known
    with pytest.raises(ami.TooManyLists):
        collector.open(aggregate(ami, "Status", "3"))
    collector.open(aggregate(ami, "Status", "2"))
    assert len(collector) == 2


def test_announced_lists_time_out(ami: ModuleType) -> None:
    """In the order they were opened, whatever they became; none gets more time by it."""
    clock = Clock()
    reported: list[Any] = []
    collector = ami.Collector(timeout=5, clock=clock, on_timeout=reported.append)
    for action_id in ("unknown", "known", "opened"):
        collector.add(start(ami, action_id))
        clock.now += 1
    add_all(collector, [event(ami, "PhoneEntry", "unknown"), event(ami, "AorList", "known")])
    collector.open(aggregate(ami, "Status", "opened"))
    clock.now += 2
    collector.add(event(ami, "Hangup", None))
    assert [(one.action_id, one.error_message) for one in reported] == [
        ("unknown", "timed out after 5 s without its Complete")
    ]
    assert len(reported[0]["PhoneEntry"]) == 1
    clock.now += 1
    (known,) = collector.expire()
    assert known == "PJSIPShowAors_Aggregate"
    assert known.error_message == "timed out after 5 s without AorListComplete"
    clock.now += 1
    (opened,) = collector.expire()
    assert opened == "Status_Aggregate"
    assert collector.timed_out == 3
    assert collector.add(complete(ami, "PhonesComplete", 1, "unknown")) is None


def test_many_announced_lists_interleaved(ami: ModuleType) -> None:
    collector = ami.Collector(max_open=3_000)
    ids = [f"id-{i}" for i in range(3_000)]
    names = list(LISTS)
    kinds = {action_id: names[i % len(names)] for i, action_id in enumerate(ids)}
    add_all(collector, [start(ami, action_id) for action_id in ids])
    sent = {action_id: sent_members(ami, LISTS[kinds[action_id]], action_id) for action_id in ids}
    for action_id in ids:
        if not LISTS[kinds[action_id]].anonymous:
            add_all(collector, sent[action_id])
    for action_id in reversed(ids):
        declared = LISTS[kinds[action_id]]
        if declared.anonymous:
            continue
        done = collector.add(end_of(ami, declared, sent[action_id], action_id))
        assert done == f"{kinds[action_id]}_Aggregate"
        assert done.valid
        assert done.events == sent[action_id]
    assert {kinds[one.action_id] for one in collector.waiting} == {"IAXpeers"}


def calls_of(work: Any) -> int:
    """How many functions, of Python and C, are called."""
    if sys.implementation.name != "cpython":
        pytest.skip("what is called in C differs, and changes as it is compiled")
    calls = 0

    def count(frame: Any, what: str, argument: Any) -> None:
        nonlocal calls
        calls += what in ("call", "c_call")

    gc.disable()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
        gc.enable()
    return calls


def test_work_grows_neither_with_lists_nor_with_kinds(ami: ModuleType) -> None:
    few, many = ami.Collector([ami.core_events.QueueStatus_Aggregate]), ami.Collector()
    for collector, lists in ((few, 1), (many, 5_000)):
        add_all(collector, [start(ami, "stays"), *(start(ami, f"id-{i}") for i in range(lists))])
    for action_id in (None, "id-0", "other"):
        for name in ("Hangup", "Unheard", "QueueMember", "QueueStatusComplete"):
            for collector in (few, many):
                collector.add(event(ami, name, "first seen"))
            one, other = event(ami, name, action_id), event(ami, name, action_id)
            assert calls_of(lambda: few.add(one)) == calls_of(lambda: many.add(other))  # noqa: B023
    refused, also = response(ami, "Error", "id-0", "no"), response(ami, "Error", "id-0", "no")
    for collector in (few, many):
        add_all(collector, [start(ami, "id-0")])
    assert calls_of(lambda: few.add(refused)) == calls_of(lambda: many.add(also))


@pytest.mark.parametrize("name", ["PhoneEntry", "PeerStatus", "AorList"])
def test_work_does_not_grow_with_members(ami: ModuleType, name: str) -> None:
    collector = ami.Collector()
    add_all(collector, [start(ami), event(ami, name)])
    second, last = event(ami, name), event(ami, name)
    work = calls_of(lambda: collector.add(second))
    add_all(collector, [event(ami, name) for _ in range(1_000)])
    assert calls_of(lambda: collector.add(last)) == work


def test_a_list_that_ended_is_let_go(ami: ModuleType) -> None:
    collector = ami.Collector()
    for end in (complete(ami, "AorListComplete", 0), response(ami, "Error", "a", "no")):
        held = weakref.ref(add_all(collector, [start(ami), end])[0])
        gc.collect()
        assert held() is None


def test_an_unrelated_event_is_not_read(ami: ModuleType) -> None:
    """With no announced list open, one look at its class is all."""

    class Unread(ami.Event):
        __slots__ = ()

        @property
        def action_id(self) -> str:
            raise AssertionError("read")

    collector = ami.Collector()
    add_all(collector, [event(ami, "QueueParams", "x"), start(ami, "y")])
    collector.add(complete(ami, "PhonesComplete", 0, "y"))
    collector.open(aggregate(ami, "Status", "z"))
    assert collector.add(Unread(b"Event: Unread\r\n\r\n")) is None
    assert len(collector) == 2


# --- bounds, what opens a list, and what ends one ------------------------------------------------


def test_the_bounds_without_any_given(ami: ModuleType) -> None:
    collector = ami.Collector()
    assert (collector.timeout, collector.max_open, collector.max_members) == (
        60.0,
        10_000,
        1_000_000,
    )


def test_the_smallest_bounds(ami: ModuleType) -> None:
    clock = Clock()
    collector = ami.Collector(timeout=0.5, max_open=1, max_members=1, clock=clock)
    add_all(collector, [start(ami), event(ami, "AorList")])
    assert [len(one.events) for one in collector.waiting] == [1]
    clock.now += 0.5
    (overdue,) = collector.expire()
    assert overdue.error_message == "timed out after 0.5 s without AorListComplete"
    with pytest.raises(ValueError, match=r"\Amax_open and max_members must be at least 1\Z"):
        ami.Collector(max_members=0)


def test_a_collector_without_lists_is_true(ami: ModuleType) -> None:
    """It has a length, and `collector or Collector()` must not make another."""
    assert bool(ami.Collector()) is True


def test_an_opened_list_has_the_collectors_bound_unless_its_own(ami: ModuleType) -> None:
    collector = ami.Collector(max_members=2)
    bounded = collector.open(aggregate(ami, "Status", "bounded", max_members=3))
    plain = collector.open(aggregate(ami, "Status", "plain"))
    for action_id in ("bounded", "plain"):
        for _ in range(4):
            collector.add(event(ami, "Status", action_id))
    assert (len(bounded.events), len(plain.events)) == (3, 2)
    done = collector.add(event(ami, "StatusComplete", "plain", Items="4"))
    assert done.error_message == "4 members came; only 2 were kept"


def test_a_list_opened_as_any_makes_no_others(ami: ModuleType) -> None:
    collector = ami.Collector()
    collector.open(ami.core_events.EventList_Aggregate("1"))
    assert collector.add(event(ami, "Unheard", "2")) is None
    assert collector.add(event(ami, "Hangup", "2")) is None
    assert [one.action_id for one in collector.waiting] == ["1"]


def test_a_list_may_be_opened_after_its_announcement_was_told_by_hand(ami: ModuleType) -> None:
    """Then it takes what is new in it, as after an answer that the Collector saw."""
    asked = aggregate(ami, "PJSIPShowAors")
    asked.announce()
    collector = ami.Collector()
    collector.open(asked)
    collector.add(start(ami, "another"))
    assert add_all(collector, [event(ami, "SecretDetail"), event(ami, "AorList")]) == []
    assert collector.add(complete(ami, "AorListComplete", 2)) is asked
    assert asked.valid


def test_a_list_that_ends_leaves_the_others_announced(ami: ModuleType) -> None:
    collector = ami.Collector()
    add_all(collector, [start(ami, "1"), start(ami, "2"), start(ami, "3")])
    add_all(collector, [response(ami, "Error", "1", "no"), complete(ami, "PhonesComplete", 0, "2")])
    assert collector.add(event(ami, "PhoneEntry", "3")) is None
    done = collector.add(complete(ami, "PhonesComplete", 1, "3"))
    assert done.valid
    assert len(done["PhoneEntry"]) == 1


@pytest.mark.parametrize("first", ["QueueParams", "QueueMember", "QueueEntry"])
def test_any_member_of_a_kind_of_its_own_opens_it(ami: ModuleType, first: str) -> None:
    collector = ami.Collector()
    done = add_all(collector, [event(ami, first), event(ami, "QueueStatusComplete")])
    assert [one.name for one in done] == ["QueueStatus_Aggregate"]
    assert len(done[0][first]) == 1


def test_any_member_opens_a_list_after_one_of_its_kind_was_opened(ami: ModuleType) -> None:
    collector = ami.Collector()
    collector.open(aggregate(ami, "QueueStatus", "1"))
    collector.add(event(ami, "QueueMember", "2"))
    assert [one.action_id for one in collector.waiting] == ["1", "2"]


def test_peers_without_an_action_id_are_of_no_list_that_is_not_theirs(ami: ModuleType) -> None:
    """IAXpeers alone sends them so, after its announcement."""
    collector = ami.Collector()
    assert collector.add(event(ami, "PeerEntry", None, Channeltype="IAX2")) is None
    for peers in (collector, ami.Collector([ami.core_events.IAXpeers_Aggregate])):
        peers.add(start(ami))
        assert peers.add(event(ami, "PeerEntry", None, Channeltype="SIP")) is None
        assert [(one.name, one.events) for one in peers.waiting] == [("EventList_Aggregate", [])]


def test_what_ends_a_list_needs_its_action_id(ami: ModuleType) -> None:
    """Also where the members come without."""
    collector = ami.Collector()
    collector.add(start(ami))
    assert collector.add(event(ami, "PeerEntry", None, Channeltype="IAX2")) is None
    assert collector.add(complete(ami, "PeerlistComplete", 1, None, Channeltype="IAX2")) is None
    assert [one.finished for one in collector.waiting] == [False]
    assert collector.add(complete(ami, "PeerlistComplete", 1)).valid

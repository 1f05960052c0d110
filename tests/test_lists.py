"""A Collector gathers every list of Asterisk 22, and any announced list."""

from __future__ import annotations

import pickle
from collections import Counter
from types import ModuleType

import pytest
from support.lists import (
    EVERY,
    LISTS,
    SEED,
    add_all,
    aggregate,
    announce,
    complete,
    end_of,
    event,
    noise,
    response,
    sent_members,
    start,
)

UNASKED_NEVER = ("DBGet", "PJSIPShowEndpoint", "PJSIPShowRegistrationInboundContactStatuses")
SHARED_ENDS = {"PeerlistComplete": "SIPpeers", "RegistrationsComplete": "SIPshowregistry"}

# The members of a list for which there is no class.
UNKNOWN = ("PhoneEntry", "PhoneEntry", "LineEntry", "PhoneEntry")


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
    """Asterisk before 13 announced only a few. The classes say why some lists need announcing."""
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
    """Seven rounds, all complete; ConfBridges and the database entry start in the second."""
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
    """Events that belong to no declared list also have their class as a key."""
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
    """A later Asterisk may list new events: the count must match, and no event be lost."""
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
    """The finisher decides the class of a list, even if the members look like another list."""
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
    """ListItems counts the AuthDetail events of an endpoint, but not those of registrations."""
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
    """This is how Asterisk 22 sends them."""
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
    """An opened list keeps its class; its error message says that members are missing."""
    collector = ami.Collector()
    opened = collector.open(ami.core_events.EventList_Aggregate("1"))
    assert add_all(collector, ami.Parser().feed(IAX_PEERS % {b"id": b"1"})) == [opened]
    assert opened.error_message == "ListItems says 2 members were sent; 0 came"


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


def test_the_lists_of_the_capture(ami: ModuleType, list_actions: bytes) -> None:
    """Seven rounds of the six lists whose finishers are in the capture, all complete."""
    collector = ami.Collector()
    done = [one for m in ami.Parser().feed(list_actions) if (one := collector.add(m)) is not None]
    ends = {name: list_actions.count(f"Event: {s[1]}\r\n".encode()) for name, s in SEED.items()}
    assert {name: sum(one.name == f"{name}_Aggregate" for one in done) for name in SEED} == ends
    assert sum(ends.values()) == 42
    assert all(one.valid for one in done), [one for one in done if not one.valid]
    assert len(collector) == 0
    for member in ("QueueMember", "CoreShowChannel", "Status", "VoicemailUserEntry", "ParkedCall"):
        kept = sum(len(one.get(member, ())) for one in done)
        assert kept == list_actions.count(f"Event: {member}\r\n".encode()), member

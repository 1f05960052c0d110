"""Aggregates without a Collector: which events they take, when they end, when they are valid."""

from __future__ import annotations

import pickle
from collections.abc import Hashable
from types import ModuleType

import pytest
from support.lists import SEED, aggregate, complete, event, start


@pytest.mark.parametrize("name", SEED)
def test_a_list_is_gathered(ami: ModuleType, name: str) -> None:
    members, finisher, count = SEED[name]
    gathered = aggregate(ami, name)
    assert gathered.name == f"{name}_Aggregate"
    assert gathered == f"{name}_Aggregate"
    assert gathered.action_id == "a"
    sent = [event(ami, member, Nr=str(i)) for i, member in enumerate(members * 2)]
    for member in sent:
        assert gathered.evaluate_event(member) is False
    counted = {} if count is None else {count: str(len(sent))}
    end = event(ami, finisher, **counted)
    assert not gathered.finished
    assert gathered.evaluate_event(end) is True
    assert gathered.finished
    assert gathered.valid is True
    assert gathered.error_message is None
    for member in members:
        cls = getattr(ami.core_events, member)
        assert gathered[cls] == [one for one in sent if type(one) is cls]
        assert gathered[member] is gathered[cls]
    assert gathered[finisher] == gathered[getattr(ami.core_events, finisher)] == end


@pytest.mark.parametrize("name", SEED)
def test_what_is_unrelated(ami: ModuleType, name: str) -> None:
    members, finisher, _ = SEED[name]
    gathered = aggregate(ami, name)
    assert gathered.evaluate_event(event(ami, "Hangup")) is None
    assert gathered.evaluate_event(event(ami, members[0], action_id="other")) is None
    assert gathered.evaluate_event(event(ami, members[0], action_id=None)) is None
    assert gathered.evaluate_event(event(ami, finisher, action_id="other")) is None
    assert gathered[members[0]] == []
    assert gathered[finisher] is None
    gathered.evaluate_event(event(ami, finisher))
    assert gathered.evaluate_event(event(ami, members[0])) is None
    assert gathered.evaluate_event(event(ami, finisher)) is None


@pytest.mark.parametrize(("name", "count"), [(name, s[2]) for name, s in SEED.items() if s[2]])
def test_a_wrong_count_is_not_valid(ami: ModuleType, name: str, count: str) -> None:
    members, finisher, _ = SEED[name]
    gathered = aggregate(ami, name)
    gathered.evaluate_event(event(ami, members[0]))
    assert gathered.evaluate_event(event(ami, finisher, **{count: "2"})) is True
    assert gathered.valid is False
    assert gathered.error_message == f"{count} says 2 members were sent; 1 came"


def test_a_cancelled_list_is_not_valid(ami: ModuleType) -> None:
    gathered = aggregate(ami, "QueueStatus")
    gathered.evaluate_event(event(ami, "QueueParams"))
    assert gathered.evaluate_event(event(ami, "QueueStatusComplete", EventList="Cancelled"))
    assert gathered.error_message == "Asterisk cancelled the list after 1 members"


def test_an_aggregate_pickles(ami: ModuleType) -> None:
    gathered = aggregate(ami, "Status")
    gathered.evaluate_event(event(ami, "Status", Seconds="5"))
    again = pickle.loads(pickle.dumps(gathered))
    assert again["Status"] == gathered["Status"]
    assert again["Status"] is again[ami.core_events.Status]
    assert again["Status"][0].seconds == 5
    assert again.evaluate_event(event(ami, "StatusComplete", Items="1")) is True
    assert again.valid


def test_what_the_modules_give(ami: ModuleType) -> None:
    """`import *` gives every aggregate class and nothing else; `core_events` has them too."""
    kinds = {kind.__name__ for kind in (*ami.aggregates.ALL, ami.aggregates.EventList_Aggregate)}
    assert set(ami.aggregates.__all__) == kinds
    assert kinds < set(ami.core_events.__all__)
    assert ami.collector.__all__ == ["Collector"]


def test_an_open_list(ami: ModuleType) -> None:
    for gathered in (aggregate(ami, "Status"), ami.core_events.EventList_Aggregate("a")):
        assert (gathered.finished, gathered.announced, gathered.valid) == (False, False, True)
        assert (gathered.error_message, gathered.ended_by, gathered.events) == (None, None, [])
        gathered.fail("given up")
        assert (gathered.finished, gathered.valid, gathered.ended_by) == (True, False, None)
    assert repr(gathered) == "<EventList_Aggregate 'a': no events; given up>"


def test_an_aggregate_equals_its_name_and_itself_alone(ami: ModuleType) -> None:
    one, other = aggregate(ami, "Status"), aggregate(ami, "Status")
    assert one == one
    assert not one != one  # noqa: SIM202
    assert one != other
    assert not one == other  # noqa: SIM201
    assert one == "Status_Aggregate"
    assert not one != "Status_Aggregate"  # noqa: SIM202
    assert one != "QueueStatus_Aggregate"
    assert not isinstance(one, Hashable)
    with pytest.raises(TypeError, match="unhashable"):
        hash(one)


def test_a_list_of_just_max_members_is_whole(ami: ModuleType) -> None:
    gathered = aggregate(ami, "Status", max_members=2)
    for _ in range(2):
        gathered.evaluate_event(event(ami, "Status"))
    gathered.evaluate_event(event(ami, "StatusComplete", Items="2"))
    assert gathered.valid
    assert len(gathered["Status"]) == 2


def test_members_are_kept_under_their_class_whatever_their_name(ami: ModuleType) -> None:
    class Phone(ami.Event, name="Acme-Phone"):
        __slots__ = ()

    class PhonesComplete(ami.Event, name="Acme-Phones-Complete"):
        __slots__ = ()

    class Phones(ami.Aggregate):
        members = (Phone,)
        finisher = PhonesComplete

    gathered = Phones("1")
    member = Phone(b"Event: Acme-Phone\r\nActionID: 1\r\n\r\n")
    assert gathered.evaluate_event(member) is False
    end = PhonesComplete(b"Event: Acme-Phones-Complete\r\nActionID: 1\r\nListItems: 1\r\n\r\n")
    assert gathered.evaluate_event(end) is True
    assert dict(gathered) == {
        Phone: [member],
        "Phone": [member],
        PhonesComplete: end,
        "PhonesComplete": end,
    }
    assert gathered.valid


def test_what_a_count_leaves_out_is_known_without_the_kind(ami: ModuleType) -> None:
    """The ListItems of PJSIPShowRegistrationsOutbound does not count AuthDetail events."""
    gathered = ami.core_events.EventList_Aggregate("a")
    for name in ("OutboundRegistrationDetail", "AuthDetail", "AuthDetail"):
        gathered.evaluate_event(event(ami, name))
    end = event(ami, "OutboundRegistrationDetailComplete", EventList="Complete", ListItems="1")
    assert gathered.evaluate_event(end) is True
    assert gathered.error_message is None


def test_an_announced_aggregate_by_hand(ami: ModuleType) -> None:
    gathered = ami.core_events.EventList_Aggregate("a")
    assert gathered.evaluate_event(start(ami)) is None
    assert gathered.evaluate_event(event(ami, "PhoneEntry", "b")) is None
    assert gathered.evaluate_event(event(ami, "PhoneEntry", None)) is None
    assert gathered.evaluate_event(event(ami, "PhoneEntry")) is False
    assert gathered.evaluate_event(complete(ami, "PhonesComplete", 1)) is True
    assert gathered.evaluate_event(event(ami, "PhoneEntry")) is None
    assert gathered.valid


def test_iax_peers_by_hand(ami: ModuleType) -> None:
    gathered = aggregate(ami, "IAXpeers")
    assert gathered.evaluate_event(event(ami, "PeerEntry", None, Channeltype="SIP")) is None
    assert gathered.evaluate_event(event(ami, "PeerEntry", None)) is None
    assert gathered.evaluate_event(event(ami, "PeerEntry", "b", Channeltype="IAX2")) is None
    assert gathered.evaluate_event(event(ami, "PeerEntry", None, Channeltype="IAX2")) is False

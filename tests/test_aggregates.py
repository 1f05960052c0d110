"""The 8 aggregates, and the Collector that routes a stream to many of them."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Hashable
from types import ModuleType
from typing import Any

import pytest

# Aggregate: its members, its finisher, the header that counts them.
SEED = {
    "CoreShowChannels": (["CoreShowChannel"], "CoreShowChannelsComplete", "ListItems"),
    "ParkedCalls": (["ParkedCall"], "ParkedCallsComplete", "Total"),
    "QueueStatus": (["QueueParams", "QueueMember", "QueueEntry"], "QueueStatusComplete", None),
    "QueueSummary": (["QueueSummary"], "QueueSummaryComplete", None),
    "SIPpeers": (["PeerEntry"], "PeerlistComplete", "ListItems"),
    "SIPshowregistry": (["RegistryEntry"], "RegistrationsComplete", "ListItems"),
    "Status": (["Status"], "StatusComplete", "Items"),
    "VoicemailUsersList": (["VoicemailUserEntry"], "VoicemailUserEntryComplete", None),
}


def event(ami: ModuleType, name: str, action_id: str | None = "a", **headers: str) -> Any:
    sent = {"Event": name, **({} if action_id is None else {"ActionID": action_id}), **headers}
    data = "".join(f"{key}: {value}\r\n" for key, value in sent.items()) + "\r\n"
    (message,) = ami.Parser().feed(data.encode())
    return message


def response(ami: ModuleType, word: str, action_id: str, text: str) -> Any:
    data = f"Response: {word}\r\nActionID: {action_id}\r\nMessage: {text}\r\n\r\n"
    (message,) = ami.Parser().feed(data.encode())
    return message


def aggregate(ami: ModuleType, name: str, action_id: str = "a", **options: Any) -> Any:
    return getattr(ami.core_events, f"{name}_Aggregate")(action_id, **options)


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


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


def test_the_lists_of_the_capture(ami: ModuleType, list_actions: bytes) -> None:
    """Seven rounds of six lists whose finishers are in the capture, all whole."""
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


def test_many_interleaved_lists(ami: ModuleType) -> None:
    collector = ami.Collector(max_open=10_000)
    ids = [f"id-{i}" for i in range(10_000)]
    for action_id in ids:
        assert collector.add(event(ami, "Status", action_id)) is None
    assert len(collector) == 10_000
    with pytest.raises(ami.TooManyLists) as caught:
        collector.add(event(ami, "Status", "one too many"))
    assert caught.value.action_id == "one too many"
    assert caught.value.limit == 10_000
    assert collector.add(event(ami, "Hangup")) is None
    for action_id in reversed(ids):
        done = collector.add(event(ami, "StatusComplete", action_id, Items="1"))
        assert done.valid
        assert done.action_id == action_id
    assert len(collector) == 0


def test_an_empty_list(ami: ModuleType) -> None:
    done = ami.Collector().add(event(ami, "ParkedCallsComplete", "x", Total="0"))
    assert done.valid
    assert done["ParkedCall"] == []


def test_unasked_events_open_no_list(ami: ModuleType) -> None:
    collector = ami.Collector()
    assert collector.add(event(ami, "ParkedCall", action_id=None)) is None
    assert collector.add(response(ami, "Success", "x", "Queue status will follow")) is None
    assert len(collector) == 0


def test_overdue_lists_are_reported(ami: ModuleType) -> None:
    clock = Clock()
    reported: list[Any] = []
    collector = ami.Collector(timeout=5, clock=clock, on_timeout=reported.append)
    collector.add(event(ami, "Status", "old"))
    clock.now += 4
    collector.add(event(ami, "Status", "young"))
    collector.add(event(ami, "Hangup"))
    assert reported == []
    clock.now += 1
    collector.add(event(ami, "Hangup"))
    assert [one.action_id for one in reported] == ["old"]
    assert reported[0].valid is False
    assert reported[0].error_message == "timed out after 5 s without StatusComplete"
    assert len(reported[0]["Status"]) == 1
    assert [one.action_id for one in collector.waiting] == ["young"]
    clock.now += 5
    assert [one.action_id for one in collector.expire()] == ["young"]
    assert [one.action_id for one in reported] == ["old", "young"]
    assert collector.timed_out == 2
    assert collector.expire() == []


def test_an_overdue_list_is_logged_by_default(
    ami: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    collector = ami.Collector(timeout=5, clock=clock)
    collector.add(event(ami, "QueueParams", "lab-1"))
    clock.now += 6
    with caplog.at_level(logging.WARNING, logger="amistream"):
        collector.expire()
    assert "QueueStatus_Aggregate 'lab-1': 1 QueueParams, 0 QueueMember" in caplog.text
    assert "timed out after 5 s without QueueStatusComplete" in caplog.text
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("amistream", "WARNING")
    assert record.getMessage().startswith("<QueueStatus_Aggregate 'lab-1': ")


def test_no_timeout_waits_for_ever(ami: ModuleType) -> None:
    clock = Clock()
    collector = ami.Collector(timeout=None, clock=clock)
    collector.add(event(ami, "Status", "x"))
    clock.now += 1e9
    assert collector.expire() == []
    assert len(collector) == 1


def test_opened_lists_end_with_an_error_response(ami: ModuleType) -> None:
    collector = ami.Collector()
    waiting = collector.open(aggregate(ami, "SIPpeers", "x"))
    assert collector.add(response(ami, "Success", "x", "Peer status list will follow")) is None
    assert collector.add(response(ami, "Error", "y", "Invalid/unknown command")) is None
    assert collector.add(response(ami, "Error", "x", "Invalid/unknown command")) is waiting
    assert waiting.error_message == "Asterisk answered Error: Invalid/unknown command"
    assert len(collector) == 0


def test_opening_twice_is_an_error(ami: ModuleType) -> None:
    collector = ami.Collector()
    collector.open(aggregate(ami, "Status", "x"))
    with pytest.raises(ValueError, match=r"Status_Aggregate 'x' is open already"):
        collector.open(aggregate(ami, "Status", "x"))


def test_a_list_keeps_at_most_max_members(ami: ModuleType) -> None:
    collector = ami.Collector(max_members=2)
    for _ in range(3):
        collector.add(event(ami, "Status", "x"))
    done = collector.add(event(ami, "StatusComplete", "x", Items="3"))
    assert len(done["Status"]) == 2
    assert done.error_message == "3 members came; only 2 were kept"


def test_a_kind_of_ones_own(ami: ModuleType) -> None:
    class Extra(ami.Event):
        __slots__ = ()

    class ExtraComplete(ami.Event):
        __slots__ = ()

    class ExtraAggregate(ami.Aggregate):
        members = (Extra,)
        finisher = ExtraComplete

    collector = ami.Collector([ExtraAggregate])
    assert collector.add(Extra(b"Event: Extra\r\nActionID: 1\r\n\r\n")) is None
    done = collector.add(ExtraComplete(b"Event: ExtraComplete\r\nActionID: 1\r\n\r\n"))
    assert done.valid
    assert len(done[Extra]) == 1
    assert collector.add(event(ami, "Status", "2")) is None
    assert len(collector) == 0


@pytest.mark.parametrize("options", [{"timeout": 0}, {"timeout": -1}, {"max_open": 0}])
def test_senseless_bounds_are_errors(ami: ModuleType, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be"):
        ami.Collector(**options)


def test_what_the_modules_give(ami: ModuleType) -> None:
    """`import *` has every kind of list and nothing else; core_events passes them on."""
    kinds = {kind.__name__ for kind in (*ami.aggregates.ALL, ami.aggregates.EventList_Aggregate)}
    assert set(ami.aggregates.__all__) == kinds
    assert kinds < set(ami.core_events.__all__)
    assert ami.collector.__all__ == ["Collector"]


# --- aggregates by hand ---------------------------------------------------------------------------


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
    """ListItems of PJSIPShowRegistrationsOutbound counts no AuthDetail."""
    gathered = ami.core_events.EventList_Aggregate("a")
    for name in ("OutboundRegistrationDetail", "AuthDetail", "AuthDetail"):
        gathered.evaluate_event(event(ami, name))
    end = event(ami, "OutboundRegistrationDetailComplete", EventList="Complete", ListItems="1")
    assert gathered.evaluate_event(end) is True
    assert gathered.error_message is None


@pytest.mark.parametrize("channel_type", ["SIP", "IAX", "IAX2"])
def test_kinds_are_told_apart_in_any_order(ami: ModuleType, channel_type: str) -> None:
    wanted = {"SIP": "SIPpeers", "IAX": "IAXpeerlist", "IAX2": "IAXpeers"}[channel_type]
    for kinds in (ami.aggregates.ALL, reversed(ami.aggregates.ALL)):
        collector = ami.Collector(kinds)
        collector.add(event(ami, "PeerEntry", Channeltype=channel_type))
        assert [one.name for one in collector.waiting] == [f"{wanted}_Aggregate"]

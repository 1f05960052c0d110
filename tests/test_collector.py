"""The Collector: which messages open and end a list, its bounds, deadlines and cost."""

from __future__ import annotations

import copy
import gc
import logging
import weakref
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from support.calls import calls_of
from support.lists import (
    LISTS,
    Clock,
    add_all,
    aggregate,
    complete,
    end_of,
    event,
    response,
    sent_members,
    start,
)

# --- what opens a list ------------------------------------------------------------------------


def test_unasked_events_open_no_list(ami: ModuleType) -> None:
    collector = ami.Collector()
    assert collector.add(event(ami, "ParkedCall", action_id=None)) is None
    assert collector.add(response(ami, "Success", "x", "Queue status will follow")) is None
    assert len(collector) == 0


def test_an_empty_list(ami: ModuleType) -> None:
    done = ami.Collector().add(event(ami, "ParkedCallsComplete", "x", Total="0"))
    assert done.valid
    assert done["ParkedCall"] == []


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


def test_opening_twice_is_an_error(ami: ModuleType) -> None:
    collector = ami.Collector()
    collector.open(aggregate(ami, "Status", "x"))
    with pytest.raises(ValueError, match=r"Status_Aggregate 'x' is open already"):
        collector.open(aggregate(ami, "Status", "x"))


def test_opening_what_has_begun_is_an_error(ami: ModuleType) -> None:
    collector = ami.Collector()
    add_all(collector, [start(ami), event(ami, "AorList")])
    with pytest.raises(ValueError, match="PJSIPShowAors_Aggregate 'a' is open already"):
        collector.open(aggregate(ami, "PJSIPShowAors"))
    collector.open(aggregate(ami, "Status"))  # of another action, which has no answer yet
    assert [one.name for one in collector.waiting] == [
        "PJSIPShowAors_Aggregate",
        "Status_Aggregate",
    ]


def test_a_list_opened_as_any_makes_no_others(ami: ModuleType) -> None:
    collector = ami.Collector()
    collector.open(ami.core_events.EventList_Aggregate("1"))
    assert collector.add(event(ami, "Unheard", "2")) is None
    assert collector.add(event(ami, "Hangup", "2")) is None
    assert [one.action_id for one in collector.waiting] == ["1"]


def test_a_list_may_be_opened_after_its_announcement_was_told_by_hand(ami: ModuleType) -> None:
    """It then also takes unknown members, as it does after an answer that the Collector saw."""
    asked = aggregate(ami, "PJSIPShowAors")
    asked.announce()
    collector = ami.Collector()
    collector.open(asked)
    collector.add(start(ami, "another"))
    assert add_all(collector, [event(ami, "SecretDetail"), event(ami, "AorList")]) == []
    assert collector.add(complete(ami, "AorListComplete", 2)) is asked
    assert asked.valid


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


def test_peers_without_an_action_id_are_of_no_list_that_is_not_theirs(ami: ModuleType) -> None:
    """Only IAXpeers sends them without an ActionID, after its announcement."""
    collector = ami.Collector()
    assert collector.add(event(ami, "PeerEntry", None, Channeltype="IAX2")) is None
    for peers in (collector, ami.Collector([ami.core_events.IAXpeers_Aggregate])):
        peers.add(start(ami))
        assert peers.add(event(ami, "PeerEntry", None, Channeltype="SIP")) is None
        assert [(one.name, one.events) for one in peers.waiting] == [("EventList_Aggregate", [])]


# --- what ends a list -------------------------------------------------------------------------


def test_opened_lists_end_with_an_error_response(ami: ModuleType) -> None:
    collector = ami.Collector()
    waiting = collector.open(aggregate(ami, "SIPpeers", "x"))
    assert collector.add(response(ami, "Success", "x", "Peer status list will follow")) is None
    assert collector.add(response(ami, "Error", "y", "Invalid/unknown command")) is None
    assert collector.add(response(ami, "Error", "x", "Invalid/unknown command")) is waiting
    assert waiting.error_message == "Asterisk answered Error: Invalid/unknown command"
    assert len(collector) == 0


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
    # Asterisk sends the finisher even so.
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
    """The lists of one session come one after another, so the finisher of the first was lost."""
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


def test_a_list_that_ends_leaves_the_others_announced(ami: ModuleType) -> None:
    collector = ami.Collector()
    add_all(collector, [start(ami, "1"), start(ami, "2"), start(ami, "3")])
    add_all(collector, [response(ami, "Error", "1", "no"), complete(ami, "PhonesComplete", 0, "2")])
    assert collector.add(event(ami, "PhoneEntry", "3")) is None
    done = collector.add(complete(ami, "PhonesComplete", 1, "3"))
    assert done.valid
    assert len(done["PhoneEntry"]) == 1


def test_what_ends_a_list_needs_its_action_id(ami: ModuleType) -> None:
    """Even if the members come without an ActionID."""
    collector = ami.Collector()
    collector.add(start(ami))
    assert collector.add(event(ami, "PeerEntry", None, Channeltype="IAX2")) is None
    assert collector.add(complete(ami, "PeerlistComplete", 1, None, Channeltype="IAX2")) is None
    assert [one.finished for one in collector.waiting] == [False]
    assert collector.add(complete(ami, "PeerlistComplete", 1)).valid


def test_a_list_that_ended_is_let_go(ami: ModuleType) -> None:
    collector = ami.Collector()
    for end in (complete(ami, "AorListComplete", 0), response(ami, "Error", "a", "no")):
        held = weakref.ref(add_all(collector, [start(ami), end])[0])
        gc.collect()
        assert held() is None


# --- kinds of one's own -----------------------------------------------------------------------


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


@pytest.mark.parametrize("channel_type", ["SIP", "IAX", "IAX2"])
def test_kinds_are_told_apart_in_any_order(ami: ModuleType, channel_type: str) -> None:
    wanted = {"SIP": "SIPpeers", "IAX": "IAXpeerlist", "IAX2": "IAXpeers"}[channel_type]
    for kinds in (ami.aggregates.ALL, reversed(ami.aggregates.ALL)):
        collector = ami.Collector(kinds)
        collector.add(event(ami, "PeerEntry", Channeltype=channel_type))
        assert [one.name for one in collector.waiting] == [f"{wanted}_Aggregate"]


def test_a_kind_with_a_mark_takes_no_others(ami: ModuleType) -> None:
    """A Collector for IAX only does not put the peers of chan_sip into an IAX list."""
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
    """Its events came before too, when they belonged to no list."""
    collector = ami.Collector([])
    sent = [event(ami, "AorList"), complete(ami, "AorListComplete", 1)]
    assert add_all(collector, sent) == []
    opened = collector.open(aggregate(ami, "PJSIPShowAors"))
    assert add_all(collector, sent) == [opened]
    assert opened.valid


def test_two_kinds_of_ones_own_may_share_events(ami: ModuleType) -> None:
    class OwnAggregate(ami.core_events.Status_Aggregate):
        """A user's own version of the list of Status."""

    collector = ami.Collector()
    own = collector.open(OwnAggregate("x"))
    add_all(collector, [event(ami, "Status", "x"), event(ami, "Status", "y")])
    assert collector.add(event(ami, "StatusComplete", "x", Items="1")) is own
    assert own.valid
    assert collector.add(event(ami, "StatusComplete", "y", Items="1")) == "Status_Aggregate"


def test_a_kind_of_ones_own_without_registered_events(ami: ModuleType) -> None:
    """Its events come as plain events, and the list keeps them under their names."""

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


# --- bounds -----------------------------------------------------------------------------------


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


@pytest.mark.parametrize("options", [{"timeout": 0}, {"timeout": -1}, {"max_open": 0}])
def test_senseless_bounds_are_errors(ami: ModuleType, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be"):
        ami.Collector(**options)


def test_a_list_keeps_at_most_max_members(ami: ModuleType) -> None:
    collector = ami.Collector(max_members=2)
    for _ in range(3):
        collector.add(event(ami, "Status", "x"))
    done = collector.add(event(ami, "StatusComplete", "x", Items="3"))
    assert len(done["Status"]) == 2
    assert done.error_message == "3 members came; only 2 were kept"


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


def test_announced_lists_count_as_open(ami: ModuleType) -> None:
    collector = ami.Collector(max_open=2)
    add_all(collector, [start(ami, "1"), start(ami, "2")])
    for refused in (start(ami, "3"), event(ami, "QueueParams", "3")):
        with pytest.raises(ami.TooManyLists) as caught:
            collector.add(refused)
        assert caught.value.action_id == "3"
    assert (
        collector.add(event(ami, "QueueParams", "1")) is None
    )  # the list was open already; now its class is known
    with pytest.raises(ami.TooManyLists):
        collector.open(aggregate(ami, "Status", "3"))
    collector.open(aggregate(ami, "Status", "2"))
    assert len(collector) == 2


def test_a_collector_without_lists_is_true(ami: ModuleType) -> None:
    """A Collector has a length, but `collector or Collector()` must not make another one."""
    assert bool(ami.Collector()) is True


# --- deadlines --------------------------------------------------------------------------------


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


def with_overdue_lists(
    ami: ModuleType, on_timeout: Callable[[Any], object], count: int = 3, **options: Any
) -> Any:
    """A Collector with lists "0", "1", ... that are overdue, and the list "young"."""
    clock = Clock()
    collector = ami.Collector(timeout=5, clock=clock, on_timeout=on_timeout, **options)
    add_all(collector, [event(ami, "Status", str(number)) for number in range(count)])
    clock.now += 4
    collector.add(event(ami, "Status", "young"))
    clock.now += 1
    return collector


def test_an_error_of_on_timeout_is_logged_and_loses_nothing(
    ami: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    reported: list[str] = []

    def report(one: Any) -> None:
        reported.append(one.action_id)
        raise ValueError(f"cannot report {one.action_id}")

    collector = with_overdue_lists(ami, report)
    done = collector.add(event(ami, "StatusComplete", "young", Items="1"))
    assert done.valid
    assert reported == ["0", "1", "2"]
    assert [(one.name, one.levelname) for one in caplog.records] == [("amistream", "ERROR")] * 3
    assert caplog.records[0].getMessage().startswith("on_timeout failed for <Status_Aggregate '0'")
    assert "ValueError: cannot report 2" in caplog.text


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_of_on_timeout_loses_nothing(
    ami: ModuleType, interrupt: type[BaseException]
) -> None:
    reported: list[str] = []

    def report(one: Any) -> None:
        reported.append(one.action_id)
        if one.action_id != "2":
            raise interrupt

    collector = with_overdue_lists(ami, report)
    with pytest.raises(interrupt):
        collector.add(event(ami, "StatusComplete", "young", Items="1"))
    assert reported == ["0"]
    assert len(collector) == 0
    with pytest.raises(interrupt):
        collector.add(event(ami, "Hangup"))
    assert reported == ["0", "1"]
    assert [one.action_id for one in collector.expire()] == ["2"]
    assert reported == ["0", "1", "2"]
    assert collector.expire() == []
    own = collector.add(event(ami, "StatusComplete", "own", Items="0"))
    assert own.action_id == "own"
    kept = collector.add(event(ami, "Hangup"))
    assert (kept.action_id, kept.valid) == ("young", True)
    assert collector.add(event(ami, "Hangup")) is None
    assert collector.timed_out == 3


def test_the_message_of_an_interrupted_add_is_added(ami: ModuleType) -> None:
    def report(one: Any) -> None:
        raise KeyboardInterrupt

    collector = with_overdue_lists(ami, report, count=1)
    with pytest.raises(KeyboardInterrupt):
        collector.add(event(ami, "Status", "young"))
    assert collector.add(event(ami, "StatusComplete", "young", Items="2")).valid


def test_an_interrupt_is_not_hidden_by_a_list_too_many(
    ami: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    def report(one: Any) -> None:
        collector.add(event(ami, "Status", "opened meanwhile"))
        raise KeyboardInterrupt

    collector = with_overdue_lists(ami, report, count=1, max_open=2)
    with pytest.raises(KeyboardInterrupt):
        collector.add(event(ami, "Status", "one too many"))
    (record,) = caplog.records
    assert record.getMessage() == "a message was not added"
    assert "one too many" in caplog.text


def test_the_other_lists_are_reported_also_if_the_timeout_is_gone(ami: ModuleType) -> None:
    reported: list[str] = []

    def report(one: Any) -> None:
        reported.append(one.action_id)
        if one.action_id == "0":
            raise KeyboardInterrupt

    collector = with_overdue_lists(ami, report)
    with pytest.raises(KeyboardInterrupt):
        collector.expire()
    collector.timeout = None
    collector.open(aggregate(ami, "Status", "new"))
    assert reported == ["0", "1", "2"]


def test_on_timeout_comes_before_the_message(ami: ModuleType) -> None:
    """So it can ask for the same list again, and the event belongs to the new one."""
    opened: list[Any] = []

    def ask_again(one: Any) -> None:
        assert collector.add(event(ami, "Status", "young")) is None
        opened.append(collector.open(aggregate(ami, "Status", one.action_id)))

    collector = with_overdue_lists(ami, ask_again, count=1)
    assert collector.add(event(ami, "StatusComplete", "0", Items="0")) is opened[0]
    assert opened[0].valid
    assert [len(one.events) for one in collector.waiting] == [2]


def test_on_timeout_may_use_the_collector(ami: ModuleType) -> None:
    """It is not called in a call of its own, so any number of lists may time out."""
    reported: list[str] = []
    expired: list[str] = []
    running = 0

    def report(one: Any) -> None:
        nonlocal running
        assert running == 0
        running += 1
        reported.append(one.action_id)
        if one.action_id == "0":
            clock.now += 5
        expired.extend(late.action_id for late in collector.expire())
        done = collector.add(event(ami, "StatusComplete", f"again {one.action_id}", Items="0"))
        assert done.valid
        running -= 1

    collector = with_overdue_lists(ami, report, count=2_000)
    clock = collector._clock
    before = [one.action_id for one in collector.waiting[:-1]]
    assert [one.action_id for one in collector.expire()] == before
    assert reported == [*before, "young"]
    assert expired == ["young"]
    assert collector.expire() == []


def test_a_copy_that_on_timeout_makes_reports_the_other_lists(ami: ModuleType) -> None:
    reported: list[str] = []
    copies: list[Any] = []

    def report(one: Any) -> None:
        reported.append(one.action_id)
        if not copies:
            copies.append(copy.deepcopy(collector))

    collector = with_overdue_lists(ami, report)
    collector.expire()
    assert reported == ["0", "1", "2"]
    assert [one.action_id for one in copies[0].expire()] == ["1", "2"]
    assert reported == ["0", "1", "2", "1", "2"]


def test_no_timeout_waits_for_ever(ami: ModuleType) -> None:
    clock = Clock()
    collector = ami.Collector(timeout=None, clock=clock)
    collector.add(event(ami, "Status", "x"))
    clock.now += 1e9
    assert collector.expire() == []
    assert len(collector) == 1


def test_announced_lists_time_out(ami: ModuleType) -> None:
    """They end in the order of opening; a list that gets its class later gets no more time."""
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


# --- many lists, and the work they make -------------------------------------------------------


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


def test_an_unrelated_event_is_not_read(ami: ModuleType) -> None:
    """If no announced list is open, only the class of an event is looked at."""

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

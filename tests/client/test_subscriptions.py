"""The queues of subscriptions: bounds, policies, counters, gaps; no loop is needed."""

from __future__ import annotations

import importlib
from collections import Counter
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

POLICIES = ("error", "drop_oldest", "drop_newest", "coalesce", "wait")


def module(name: str) -> ModuleType:
    return importlib.import_module(f"amistream.client.{name}")


def new_queue(overflow: str, only: Any = None, events: int = 10, size: int = 10**9) -> Any:
    key = (lambda event: event["Number"]) if overflow == "coalesce" else None
    wanted = module("selection").Wanted(only)
    return module("subscriptions").new_queue(wanted, overflow, events, size, key)


def events(ami: ModuleType, *numbers: int, name: str = "Hangup") -> list[Any]:
    data = b"".join(b"Event: %b\r\nNumber: %d\r\n\r\n" % (name.encode(), one) for one in numbers)
    return list(ami.Parser().feed(data))


def offer(queue: Any, batch: list[Any], now: float = 0.0) -> None:
    queue.offer(batch, set(map(type, batch)), None, now)


def taken(queue: Any) -> list[int | str]:
    found: list[int | str] = []
    while batch := queue.take():
        found += [
            one.name if isinstance(one, module("states").Gap) else int(one["Number"])
            for one in batch
        ]
    return found


@pytest.mark.parametrize("overflow", POLICIES)
def test_what_fits_comes_out_in_order(ami: ModuleType, overflow: str) -> None:
    queue = new_queue(overflow)
    offer(queue, events(ami, 1, 2, 3))
    offer(queue, events(ami, 4), 5.0)
    assert (len(queue), queue.oldest, queue.received) == (4, 0.0, 4)
    assert queue.bytes == sum(event.raw_size for event in events(ami, 1, 2, 3, 4))
    assert taken(queue) == [1, 2, 3, 4]
    assert (len(queue), queue.bytes, queue.oldest, queue.dropped) == (0, 0, None, Counter())


@pytest.mark.parametrize(
    ("overflow", "kept", "dropped"),
    [("drop_oldest", [3, 4, 5], 2), ("drop_newest", [1, 2, 3], 2), ("error", [1, 2, 3], 2)],
)
@pytest.mark.parametrize("unit", ["events", "bytes"])
def test_a_full_queue(
    ami: ModuleType, overflow: str, kept: list[int], dropped: int, unit: str
) -> None:
    batch = events(ami, 1, 2, 3, 4, 5)
    size = 10**9 if unit == "events" else sum(event.raw_size for event in batch[:3])
    queue = new_queue(overflow, events=3 if unit == "events" else 10**9, size=size)
    offer(queue, batch[:2])
    offer(queue, batch[2:])
    assert queue.dropped == Counter({"Hangup": dropped})
    assert queue.received == 5
    assert taken(queue) == kept
    if overflow == "error":
        assert queue.ended
        assert isinstance(queue.error, ami.SubscriptionOverflow)
        assert (queue.error.limit, queue.error.unit) == (3 if unit == "events" else size, unit)
        offer(queue, batch)
        assert len(queue) == 0


def test_an_event_that_is_larger_than_the_bound_is_dropped(ami: ModuleType) -> None:
    queue = new_queue("drop_oldest", size=10)
    offer(queue, events(ami, 1))
    assert (len(queue), queue.dropped) == (0, Counter({"Hangup": 1}))


def test_coalescing_keeps_the_newest_of_each_key_at_its_place(ami: ModuleType) -> None:
    queue = module("subscriptions").new_queue(
        module("selection").Wanted(None), "coalesce", 3, 10**9, lambda event: event.name
    )
    for name, number in (("Hangup", 1), ("Newchannel", 2), ("Hangup", 3), ("Hangup", 4)):
        offer(queue, events(ami, number, name=name))
    assert queue.dropped == Counter({"Hangup": 2})
    assert taken(queue) == [4, 2]
    assert queue.bytes == 0
    for number in range(4):
        offer(queue, events(ami, number, name=f"Name{number}"))
    assert isinstance(queue.error, ami.SubscriptionOverflow)
    assert taken(queue) == [0, 1, 2]


def test_a_key_that_fails_ends_its_subscription_only(ami: ModuleType) -> None:
    queue = new_queue("coalesce")
    offer(queue, ami.Parser().feed(b"Event: Hangup\r\n\r\n"))
    assert isinstance(queue.error, KeyError)


def test_waiting_asks_to_stop_reading_and_to_go_on(ami: ModuleType) -> None:
    calls: list[str] = []
    queue = new_queue("wait", events=3)
    queue.on_room = lambda: calls.append("room")
    offer(queue, events(ami, 1, 2))
    assert not queue.is_full
    offer(queue, events(ami, 3, 4))
    assert queue.is_full
    queue.take()
    assert (queue.is_full, calls) == (False, ["room"])
    assert (taken(queue), queue.dropped) == ([3, 4], Counter())


@pytest.mark.parametrize("overflow", POLICIES)
def test_no_policy_drops_a_gap(ami: ModuleType, overflow: str) -> None:
    gap = module("states").Gap(1.0, 2.0)
    queue = new_queue(overflow, only={"Hangup"}, events=2)
    offer(queue, events(ami, 1, 2))
    queue.offer_gap(gap)
    if overflow not in ("error", "coalesce"):
        offer(queue, events(ami, 3, 4))
    expected: dict[str, list[int | str]] = {
        "drop_oldest": ["Gap", 3, 4],
        "drop_newest": [1, 2, "Gap"],
        "wait": [1, 2, "Gap", 3, 4],
    }
    assert taken(queue) == expected.get(overflow, [1, 2, "Gap"])


def test_names_of_dropped_events_do_not_fill_memory(ami: ModuleType) -> None:
    queue = new_queue("drop_newest", events=1)
    for number in range(3000):
        offer(queue, events(ami, number, name=f"Name{number}"))
    assert len(queue.dropped) == 1025
    assert queue.dropped["(other names)"] == 2999 - 1024
    assert queue.dropped.total() == 2999


@pytest.mark.parametrize(("overflow", "key"), [("error", len), ("coalesce", None), ("never", None)])
def test_options_that_make_no_sense(ami: ModuleType, overflow: str, key: Any) -> None:
    wanted = module("selection").Wanted(None)
    with pytest.raises(ValueError, match="overflow"):
        module("subscriptions").new_queue(wanted, overflow, 1, 1, key)
    with pytest.raises(ValueError, match="max_events"):
        module("subscriptions").new_queue(wanted, "error", 0, 1, None)


# --- what a subscription selects -----------------------------------------------------------------

STREAM = (
    b"".join(
        b"Event: %b\r\nUserEvent: %b\r\n\r\n" % (name, name)
        for name in (b"Hangup", b"QueueMember", b"QueueX", b"UserEvent", b"PeerEntry", b"Queue")
    )
    + b"Response: Success\r\n\r\n"
)


@pytest.mark.parametrize(
    ("only", "selected"),
    [
        (None, ["Hangup", "QueueMember", "QueueX", "UserEvent", "PeerEntry", "Queue"]),
        ({"Queue*"}, ["QueueMember", "QueueX", "Queue"]),
        (["Hangup", "UserEvent"], ["Hangup", "UserEvent"]),
        ("QueueX", ["QueueX"]),
        ("*e*", ["QueueMember", "QueueX", "UserEvent", "PeerEntry", "Queue"]),
    ],
    ids=str,
)
def test_a_subscription_selects_what_a_parser_selects(
    ami: ModuleType, only: Any, selected: list[str]
) -> None:
    registry = ami._registry
    checked = only if only is None else registry.Checked(registry.frozen(registry.items(only)))
    messages = ami.Parser().feed(STREAM)
    wanted = module("selection").Wanted(checked)
    for _ in range(2):
        found = wanted.select(messages, set(map(type, messages)))
        assert [message.name for message in found] == selected
    parsed = [one for one in ami.Parser(only=checked).feed(STREAM) if "Event" in one]
    assert [message.name for message in parsed] == selected


def test_what_can_be_iterated_over_once_selects_too(ami: ModuleType) -> None:
    messages = ami.Parser().feed(STREAM)
    with pytest.warns(ami.UnknownEventName, match="Hangpu"):
        wanted = module("selection").Wanted(iter(["Hangup", "Hangpu"]))
    found = wanted.select(messages, set(map(type, messages)))
    assert [one.name for one in found] == ["Hangup"]


def test_classes_select_too(ami: ModuleType) -> None:
    messages = ami.Parser().feed(STREAM)
    kinds = set(map(type, messages))
    wanted = module("selection").Wanted({ami.core_events.Hangup, ami.core_events.UserEvent})
    assert [one.name for one in wanted.select(messages, kinds)] == ["Hangup", "UserEvent"]
    everything = module("selection").Wanted(ami.Event)
    assert everything.everything
    assert len(everything.select(messages, kinds)) == 6
    with pytest.raises(ValueError, match="not responses"):
        module("selection").Wanted({ami.Response})


def test_a_user_event_with_a_class_of_its_own(ami: ModuleType) -> None:
    @ami.user_event("Sold")
    class Sold(ami.core_events.UserEvent):  # type: ignore[misc, name-defined]
        __slots__ = ()

    try:
        sold, other = ami.Parser().feed(
            b"Event: UserEvent\r\nUserEvent: Sold\r\n\r\nEvent: UserEvent\r\nUserEvent: X\r\n\r\n"
        )
        batch, kinds = [sold, other], {type(sold), type(other)}
        for only, expected in (
            (Sold, [sold]),
            ("UserEvent", batch),
            ("User*", batch),
            (ami.core_events.UserEvent, batch),
            ("Hangup", []),
        ):
            assert module("selection").Wanted(only).select(batch, kinds) == expected
    finally:
        del ami._registry.user_events[b"Sold"]


@given(st.lists(st.tuples(st.sampled_from("pgt"), st.integers(1, 5)), max_size=40))
def test_counters_agree_whatever_happens(ami: ModuleType, steps: list[tuple[str, int]]) -> None:
    """put, gap, take in any order: nothing is lost that is not counted."""
    batch = events(ami, 1, 2, 3, 4, 5)
    for overflow in ("error", "drop_oldest", "drop_newest", "wait"):
        queue, put, came, gaps = new_queue(overflow, events=7), 0, 0, 0
        for what, count in steps:
            if what == "p" and not queue.ended:
                put += count
                offer(queue, batch[:count])
            elif what == "g" and not queue.ended:
                gaps += 1
                queue.offer_gap(module("states").Gap(0.0, 1.0))
            elif what == "t":
                got = queue.take()
                came += sum(isinstance(one, ami.Event) for one in got)
                gaps -= sum(not isinstance(one, ami.Event) for one in got)
        assert queue.received == put
        assert came + len(queue) + queue.dropped.total() == put
        while got := queue.take():
            gaps -= sum(not isinstance(one, ami.Event) for one in got)
        assert (gaps, queue.bytes) == (0, 0)

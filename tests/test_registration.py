"""Users' own classes for a vendor's events and for their own UserEvents."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from support.feeding import cut

pytestmark = pytest.mark.quick

STREAM = (
    b"Event: UserEvent\r\nUserEvent: CallStart\r\nTier: gold\r\nPosition: 3\r\n\r\n"
    b"Event: UserEvent\r\nUserEvent: Other\r\n\r\n"
    b"Event: Hangup\r\nCause: 16\r\n\r\n"
    b"Event: UserEvent\r\n\r\n"
    b"Event: UserEvent\nuserevent: CallStart\n\n"
    b"Event: UserEvent\r\nUserEvent: Other\r\nUserEvent: CallStart\r\n\r\n"
    b"Event: UserEvent\r\nChannel: SIP/1\r\nUserEvent:CallStart \r\nNote: a\n\r\n\r\n"
    b"Response: Success\r\nUserEvent: CallStart\r\n\r\n"
)


@pytest.fixture(autouse=True)
def _registry(ami: ModuleType) -> Iterator[None]:
    """Undo the registrations of a test."""
    classes, user_events = dict(ami._registry.classes), dict(ami._registry.user_events)
    yield
    for names, before in (
        (ami._registry.classes, classes),
        (ami._registry.user_events, user_events),
    ):
        for name in names.keys() - before.keys():
            del names[name]


def call_start(ami: ModuleType, base: str = "core_events.UserEvent") -> Any:
    from operator import attrgetter

    from amistream.headers import Int, Text

    @ami.user_event("CallStart")
    class CallStart(attrgetter(base)(ami)):  # type: ignore[misc]
        """A call began."""

        __slots__ = ()

        tier = Text("Tier")
        position = Int("Position")

    return CallStart


def kinds(messages: list[Any]) -> list[str]:
    return [type(message).__name__ for message in messages]


def test_a_user_event_of_ones_own(ami: ModuleType) -> None:
    cls = call_start(ami)
    event = ami.Parser().feed(STREAM)[0]
    assert type(event) is cls
    assert isinstance(event, ami.core_events.UserEvent)
    assert (event.tier, event.position) == ("gold", 3)
    assert event.user_event == "CallStart"
    assert event.name == "UserEvent"
    assert event.to_dict(typed=True)["Position"] == 3


@pytest.mark.parametrize("size", [1, 7, 50, 100_000])
def test_every_way_a_user_event_may_come(ami: ModuleType, size: int) -> None:
    call_start(ami)
    parser = ami.Parser()
    found = [message for chunk in cut(STREAM, size) for message in parser.feed(chunk)]
    found += parser.close()
    assert kinds(found) == [
        "CallStart",
        "UserEvent",
        "Hangup",
        "UserEvent",
        "CallStart",
        "CallStart",
        "CallStart",
        "Response",
    ]
    assert b"".join(message.raw for message in found) == STREAM


@pytest.mark.parametrize(
    ("only", "expected", "skipped"),
    [
        ("{CallStart}", ["CallStart"] * 4, 4),
        ("{CallStart, Hangup}", ["CallStart", "Hangup"] + ["CallStart"] * 3, 3),
        ("{UserEvent}", ["CallStart", "UserEvent", "UserEvent"] + ["CallStart"] * 3, 2),
        ("{'UserEvent'}", ["CallStart", "UserEvent", "UserEvent"] + ["CallStart"] * 3, 2),
        ("{CallStart, UserEvent}", ["CallStart", "UserEvent", "UserEvent"] + ["CallStart"] * 3, 2),
        ("{Hangup}", ["Hangup"], 7),
        ("{Response}", ["Response"], 7),
        (
            "{Event}",
            ["CallStart", "UserEvent", "Hangup", "UserEvent"] + ["CallStart"] * 3,
            1,
        ),
    ],
)
@pytest.mark.parametrize("size", [1, 100_000])
def test_only(ami: ModuleType, only: str, expected: list[str], skipped: int, size: int) -> None:
    names = {**vars(ami.core_events), "CallStart": call_start(ami), "Response": ami.Response}
    parser = ami.Parser(only=eval(only, {**names, "Event": ami.Event}))
    found = [message for chunk in cut(STREAM, size) for message in parser.feed(chunk)]
    assert kinds(found) == expected
    assert parser.skipped == skipped
    assert parser.messages == len(expected)


def test_a_class_registered_while_a_parser_runs(ami: ModuleType) -> None:
    parser = ami.Parser()
    assert kinds(parser.feed(STREAM)[:2]) == ["UserEvent", "UserEvent"]
    call_start(ami)
    assert kinds(parser.feed(STREAM)[:2]) == ["CallStart", "UserEvent"]


def test_a_user_event_need_not_derive_from_userevent(ami: ModuleType) -> None:
    cls = call_start(ami, base="Event")
    assert type(ami.Parser().feed(STREAM)[0]) is cls


def test_a_vendors_event(ami: ModuleType) -> None:
    from amistream.headers import Int

    @ami.register
    class Sold(ami.Event, name="Shop-Sold"):  # type: ignore[misc]
        """An event of a vendor's own."""

        __slots__ = ()

        price = Int("Price")

    stream = b"Event: Shop-Sold\r\nPrice: 5\r\n\r\nEvent: Sold\r\nPrice: 6\r\n\r\n"
    sold, other = ami.Parser().feed(stream)
    assert (type(sold), sold.price) == (Sold, 5)
    assert type(other) is ami.Event
    assert ami.Parser(only=Sold).feed(stream) == [sold]
    assert ami.register(Sold) is Sold


def test_a_vendors_class_serves_the_name_it_has(ami: ModuleType) -> None:
    class Sold(ami.Event):  # type: ignore[misc]
        """An event of a vendor's own."""

        __slots__ = ()

    assert type(ami.Parser().feed(b"Event: Sold\r\n\r\n")[0]) is ami.Event
    ami.register(Sold)
    assert type(ami.Parser().feed(b"Event: Sold\r\n\r\n")[0]) is Sold


def test_a_name_has_one_class(ami: ModuleType) -> None:
    class Hangup(ami.Event):  # type: ignore[misc]
        """Not Asterisk's."""

        __slots__ = ()

    with pytest.raises(ami.EventNameTaken, match="'Hangup' are served by Hangup already") as caught:
        ami.register(Hangup)
    assert caught.value.name == "Hangup"
    assert caught.value.serving is ami.core_events.Hangup
    assert isinstance(caught.value, ami.AMIError)
    assert isinstance(caught.value, ValueError)
    call_start(ami)
    with pytest.raises(ami.EventNameTaken, match="'CallStart'"):
        call_start(ami)


@pytest.mark.parametrize("what", [None, 3, "Hangup", dict, object()])
def test_only_event_classes_are_registered(ami: ModuleType, what: Any) -> None:
    for call in (ami.register, ami.user_event("X")):
        with pytest.raises(TypeError, match="derive from Event"):
            call(what)
    with pytest.raises(TypeError, match="derive from Event"):
        ami.register(ami.Response)


@pytest.mark.parametrize("name", ["", " CallStart", "CallStart ", None, 3])
def test_a_user_event_needs_a_name(ami: ModuleType, name: Any) -> None:
    with pytest.raises(ValueError, match="needs its name"):
        ami.user_event(name)


def test_a_class_that_is_not_registered_is_no_selection(ami: ModuleType) -> None:
    class Sold(ami.core_events.UserEvent):  # type: ignore[misc]
        """Not registered."""

        __slots__ = ()

    with pytest.raises(ValueError, match="no event name is registered for Sold"):
        ami.Parser(only=Sold)

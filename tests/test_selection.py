"""What a parser builds: patterns, unknown names, a replaced selection, and kept ActionIDs."""

from __future__ import annotations

import re
import threading
import warnings
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st


def event(name: str, *headers: str) -> bytes:
    return "".join(f"{line}\r\n" for line in (f"Event: {name}", *headers, "")).encode()


def names(messages: list[Any]) -> list[str]:
    return [message.name for message in messages]


QUEUES = event("QueueMemberAdded") + event("Hangup") + event("QueueXyz") + event("Queue")


# --- patterns ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("only", "selected"),
    [
        ("Queue*", ["QueueMemberAdded", "QueueXyz", "Queue"]),
        ({"Queue?*"}, ["QueueMemberAdded", "QueueXyz"]),
        (["QueueMemb?rAdded"], ["QueueMemberAdded"]),
        ({"*a*"}, ["Hangup"]),
        ({"*"}, ["QueueMemberAdded", "Hangup", "QueueXyz", "Queue"]),
        (["?angup", "*z"], ["Hangup", "QueueXyz"]),
        ({"*Queue"}, ["Queue"]),
        ({"Q*e*Added*"}, ["QueueMemberAdded"]),
    ],
    ids=str,
)
def test_a_pattern_selects_known_and_unknown_names(
    ami: ModuleType, only: Any, selected: list[str]
) -> None:
    parser = ami.Parser(only=ami._registry.Checked(ami._registry.frozen(ami._registry.items(only))))
    assert names(parser.feed(QUEUES + QUEUES)) == selected * 2
    assert parser.skipped == 2 * (4 - len(selected))
    assert names(parser.feed(b"\n" + QUEUES.replace(b"\r\n", b"\n"))) == selected


def test_a_pattern_builds_the_class_of_each_name(ami: ModuleType) -> None:
    first, second, _ = ami.Parser(only="Queue*").feed(QUEUES)
    assert type(first) is ami.core_events.QueueMemberAdded
    assert type(second) is ami.Event


def test_patterns_differ_by_case(ami: ModuleType) -> None:
    with pytest.warns(ami.UnknownEventName, match="did you mean"):
        parser = ami.Parser(only="queue*")
    assert parser.feed(QUEUES) == []


def test_a_pattern_selects_user_events_by_the_name_on_the_wire(ami: ModuleType) -> None:
    data = event("UserEvent", "UserEvent: Sold") + event("Hangup")
    assert names(ami.Parser(only="User*").feed(data)) == ["UserEvent"]
    assert names(ami.Parser(only="Hang*").feed(data)) == ["Hangup"]


def test_a_class_that_is_registered_later_serves_the_pattern(ami: ModuleType) -> None:
    parser = ami.Parser(only="Queue*")
    data = event("QueueLateComer", "Price: 5")
    assert type(parser.feed(data)[0]) is ami.Event

    class QueueLateComer(ami.Event):  # type: ignore[misc, name-defined]
        __slots__ = ()

    ami.register(QueueLateComer)
    try:
        assert type(parser.feed(data)[0]) is QueueLateComer
    finally:
        del ami._registry.classes[b"QueueLateComer"]


@given(
    pattern=st.text("ab*?", max_size=8).filter(lambda text: set(text) & set("*?")),
    called=st.text("ab", max_size=10),
)
def test_patterns_mean_what_a_regular_expression_means(
    ami: ModuleType, pattern: str, called: str
) -> None:
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    expected = re.fullmatch(expression, called) is not None
    assert ami._registry.Patterns([pattern]).match(called.encode()) is expected


def test_a_long_name_and_many_stars_take_no_time(ami: ModuleType) -> None:
    """Backtracking would take years for this."""
    only = ami._registry.Checked({"*a*a*a*a*a*a*a*a*a*a*b"})
    parser = ami.Parser(only=only)
    assert parser.feed(event(200_000 * "a")) == []
    assert parser.skipped == 1


def test_a_flood_of_names_does_not_fill_the_caches(ami: ModuleType) -> None:
    parser = ami.Parser(only="Queue*")
    for number in range(6000):
        parser.feed(event(f"Name{number}"))
    patterns = ami._registry.select("Queue*").patterns
    for number in range(6000):
        patterns.class_for(b"Name%d" % number)
    assert len(patterns._decisions) <= 4096
    assert parser.skipped == 6000


# --- unknown names -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("Hangpu", "Hangup"), ("hangup", "Hangup"), ("Quue*", None), ("Zzzzzzzzzzz", None)],
)
def test_a_name_that_no_class_serves_gives_a_warning(
    ami: ModuleType, name: str, nearest: str | None
) -> None:
    with pytest.warns(ami.UnknownEventName) as warned:
        ami.Parser(only={name, "Newchannel"})
    (warning,) = warned
    assert warning.filename == __file__
    assert isinstance(warning.message, ami.UnknownEventName)
    assert warning.message.name == name
    if nearest is None:
        assert "did you mean" not in str(warning.message)
    else:
        assert str(warning.message.nearest).startswith(nearest)
        assert f"did you mean {warning.message.nearest!r}?" in str(warning.message)


def test_the_event_of_an_unknown_name_is_selected_all_the_same(ami: ModuleType) -> None:
    with pytest.warns(ami.UnknownEventName):
        parser = ami.Parser(only="VendorThing")
    assert names(parser.feed(event("VendorThing") + event("Hangup"))) == ["VendorThing"]


def test_known_names_and_patterns_give_no_warning(ami: ModuleType) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ami.Parser(only={"Hangup", "Queue*", ami.Response, ami.core_events.Newchannel})


# --- a replaced selection ------------------------------------------------------------------------


def test_the_selection_can_be_replaced_between_messages(ami: ModuleType) -> None:
    parser = ami.Parser(only={"Hangup"})
    assert parser.only == {"Hangup"}
    both_events = event("Hangup") + event("Newchannel")
    assert names(parser.feed(both_events)) == ["Hangup"]
    parser.only = "New*"
    assert names(parser.feed(both_events)) == ["Newchannel"]
    parser.only = None
    assert names(parser.feed(both_events)) == ["Hangup", "Newchannel"]
    assert parser.only is None


@pytest.mark.parametrize("at", [1, 8, 15, 16])
def test_it_applies_to_a_message_that_has_begun(ami: ModuleType, at: int) -> None:
    data = event("Hangup")
    parser = ami.Parser(only={"Newchannel"})
    assert parser.feed(data[:at]) == []
    parser.only = {"Hangup"}
    assert names(parser.feed(data[at:])) == ["Hangup"]


def test_it_applies_to_what_waits_after_an_error(ami: ModuleType) -> None:
    parser = ami.Parser(only={"Newchannel"}, max_message=100)
    with pytest.raises(ami.MessageTooLarge):
        parser.feed(event("Newchannel", "X: " + 200 * "x") + event("Hangup"))
    parser.only = {"Hangup"}
    assert names(parser.feed(b"")) == ["Hangup"]


def test_a_wrong_selection_changes_nothing(ami: ModuleType) -> None:
    parser = ami.Parser(only={"Hangup"})
    with pytest.raises(TypeError, match="only= takes"):
        parser.only = 5
    assert parser.only == {"Hangup"}
    assert names(parser.feed(QUEUES)) == ["Hangup"]


def test_another_thread_at_work_refuses_the_change(ami: ModuleType) -> None:
    """`items` of a selection runs the program's code while the parser is busy."""
    parser = ami.Parser()
    refused: list[Exception] = []

    class Meddling(list[str]):
        def __iter__(self) -> Iterator[str]:
            def feed() -> None:
                try:
                    parser.feed(b"")
                except ami.ParserInUse as error:
                    refused.append(error)

            other = threading.Thread(target=feed)
            other.start()
            other.join()
            return super().__iter__()

    parser.only = Meddling(["Hangup"])
    assert len(refused) == 1
    assert names(parser.feed(QUEUES)) == ["Hangup"]


# --- ActionIDs that are kept ---------------------------------------------------------------------

KEPT = {
    "first": event("QueueMember", "ActionID: ~k1-7", "Queue: x"),
    "last": event("QueueParams", "Queue: x", "ActionID: ~k1-8"),
    "no space": event("QueueParams", "ActionID:~k1-9"),
    "response": b"Response: Success\r\nActionID: ~k1-1\r\n\r\n",
    "bare LF": b"Event: Odd\nActionID: ~k1-1\n\n",
    "user event": event("UserEvent", "UserEvent: Sold", "ActionID: ~k1-2"),
}
NOT_KEPT = {
    "another prefix": event("QueueParams", "ActionID: ~k2-8"),
    "inside": event("QueueParams", "ActionID: x~k1-8"),
    "another header": event("VarSet", "Value: ~k1-8", "AppData: ActionID: ~k1-8"),
    "a longer name": event("VarSet", "XActionID: ~k1-8"),
    "no ActionID": event("Hangup"),
    "neither event nor response": b"ActionID: ~k1-8\r\n\r\n",
    "output": b"Response: Follows\r\nPrivilege: Command\r\nActionID: 5\r\n"
    b"a table\nActionID: ~k1-1\n--END COMMAND--\r\n\r\n",
}


@pytest.mark.parametrize("data", KEPT.values(), ids=KEPT)
@pytest.mark.parametrize("size", [1, 7, 1 << 16])
def test_events_with_the_action_id_are_built_whatever_is_selected(
    ami: ModuleType, data: bytes, size: int
) -> None:
    parser = ami.Parser(only={"Newchannel"}, keep_action_ids="~k1-")
    stream = event("Hangup") + data + event("Hangup") + event("Newchannel")
    found = [
        message
        for start in range(0, len(stream), size)
        for message in parser.feed(stream[start : start + size])
    ]
    assert [message.raw for message in found] == [data, event("Newchannel")]
    assert (parser.kept, parser.skipped, parser.messages) == (1, 2, 2)
    whole = ami.Parser().feed(data)
    assert [type(message) for message in found[:1]] == [type(message) for message in whole]


@pytest.mark.parametrize("data", NOT_KEPT.values(), ids=NOT_KEPT)
def test_other_messages_stay_skipped(ami: ModuleType, data: bytes) -> None:
    parser = ami.Parser(only={"Newchannel"}, keep_action_ids="~k1-")
    assert parser.feed(data + data) == []
    assert (parser.kept, parser.skipped) == (0, 2)


def test_what_is_selected_anyway_is_counted_too(ami: ModuleType) -> None:
    parser = ami.Parser(keep_action_ids="~k1-")
    data = b"".join(KEPT.values()) + b"".join(NOT_KEPT.values())
    assert len(parser.feed(data)) == len(KEPT) + len(NOT_KEPT)
    assert parser.kept == len(KEPT)


def test_a_registered_user_event_that_is_kept_has_its_class(ami: ModuleType) -> None:
    @ami.user_event("KeptSale")
    class KeptSale(ami.core_events.UserEvent):  # type: ignore[misc, name-defined]
        __slots__ = ()

    try:
        data = event("UserEvent", "UserEvent: KeptSale", "ActionID: ~k1-2")
        (found,) = ami.Parser(only={"Hangup"}, keep_action_ids="~k1-").feed(data)
        assert type(found) is KeptSale
    finally:
        del ami._registry.user_events[b"KeptSale"]


@pytest.mark.parametrize("prefix", ["a b", "é", "a\r", "\x7f", 65 * "x"])
def test_a_prefix_that_no_action_id_has_is_refused(ami: ModuleType, prefix: str) -> None:
    with pytest.raises(ValueError, match="printable ASCII"):
        ami.Parser(keep_action_ids=prefix)


def test_the_prefix_can_be_read_and_is_a_str(ami: ModuleType) -> None:
    assert ami.Parser().keep_action_ids == ""
    assert ami.Parser(keep_action_ids="~a-").keep_action_ids == "~a-"
    with pytest.raises(TypeError, match="is a str"):
        ami.Parser(keep_action_ids=b"~a-")


def test_raw_size_is_the_size_of_raw(ami: ModuleType) -> None:
    for data in (*KEPT.values(), *NOT_KEPT.values()):
        for message in ami.Parser().feed(data):
            assert message.raw_size == len(message.raw) > 0

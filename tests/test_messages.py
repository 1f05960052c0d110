"""Messages: immutable mappings of texts, which match, compare, copy and pickle."""

from __future__ import annotations

import copy
import gc
import itertools
import mmap
import pickle
import sys
import weakref
from collections.abc import Callable, Hashable, Mapping
from enum import Enum
from types import ModuleType
from typing import Any

import pytest

pytestmark = pytest.mark.quick

HANGUP = b"Event: Hangup\r\nUniqueid: 1795427317.0\r\nCause: 16\r\nCause-txt: Normal\r\n\r\n"
HEADERS = {"Event": "Hangup", "Uniqueid": "1795427317.0", "Cause": "16", "Cause-txt": "Normal"}
PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
NAMES = itertools.count()


@pytest.fixture(params=["parsed", "made"])
def hangup(ami: ModuleType, request: pytest.FixtureRequest) -> Any:
    """The same event, once from the parser and once made from its bytes."""
    if request.param == "made":
        return ami.core_events.Hangup(HANGUP)
    (event,) = ami.Parser().feed(HANGUP)
    return event


# --- a mapping --------------------------------------------------------------------------------


def test_a_message_is_a_mapping(hangup: Any) -> None:
    assert isinstance(hangup, Mapping)
    assert dict(hangup) == {**hangup} == HEADERS
    assert list(hangup) == list(hangup.keys()) == list(HEADERS)
    assert list(hangup.values()) == list(HEADERS.values())
    assert list(hangup.items()) == list(HEADERS.items())
    assert len(hangup) == 4
    assert ("Cause", "16") in hangup.items()
    assert hangup.keys() >= {"Event", "Cause"}


def test_looking_up(hangup: Any) -> None:
    assert "Cause" in hangup
    assert hangup["Cause"] == hangup.get("Cause") == hangup.get("Cause", "x") == "16"
    assert hangup.get_all("Cause") == ["16"]


@pytest.mark.parametrize(
    "name", ["cause", "Caus", "Cause ", " Cause", "Cause:", "16", "", "é", "\ud800"]
)
def test_looking_up_what_is_not_there(hangup: Any, name: str) -> None:
    assert name not in hangup
    assert hangup.get(name) is None
    assert hangup.get(name, "x") == "x"
    assert hangup.get(name, default=7) == 7
    assert hangup.get_all(name) == []
    with pytest.raises(KeyError) as caught:
        hangup[name]
    assert caught.value.args == (name,)


@pytest.mark.parametrize("name", [None, 1, b"Cause", ("Cause",), ["Cause"]], ids=repr)
def test_names_are_str(hangup: Any, name: Any) -> None:
    assert name not in hangup
    for look in (hangup.__getitem__, hangup.get, hangup.get_all):
        with pytest.raises(TypeError, match=f"a header's name is a str, not {type(name).__name__}"):
            look(name)


def test_names_may_be_of_a_class_made_from_str(hangup: Any) -> None:
    name = Enum("Key", {"CAUSE": "Cause"}, type=str).CAUSE
    assert name in hangup
    assert (hangup[name], hangup.get(name), hangup.get_all(name)) == ("16", "16", ["16"])


def test_a_message_without_headers(ami: ModuleType) -> None:
    message = ami.Message(b"")
    assert (dict(message), len(message), message.data, message.raw) == ({}, 0, [], b"")
    assert bool(message) is True
    assert message.to_dict() == {}
    assert message.process() == ({}, [])


# --- what every message tells -----------------------------------------------------------------


def test_raw_is_bytes(hangup: Any) -> None:
    assert type(hangup.raw) is bytes
    assert hangup.raw == HANGUP


@pytest.mark.parametrize(
    ("kind", "sent", "name"),
    [
        ("Event", b"Event: Unheard Of\r\n\r\n", "Unheard Of"),
        ("Response", b"Response: Success\r\n\r\n", "Success"),
        ("Response", b"Message: x\r\n\r\n", None),
        ("Message", b"Foo: 1\r\n\r\n", None),
    ],
)
def test_names(ami: ModuleType, kind: str, sent: bytes, name: str | None) -> None:
    assert getattr(ami, kind)(sent).name == name


@pytest.mark.parametrize("end", [b"", b"\r", b"\n", b"\r\n"])
def test_a_message_may_lack_its_end(ami: ModuleType, end: bytes) -> None:
    event = ami.Event(b"Event: Unheard Of" + end)
    assert (event.name, event["Event"], event.raw) == ("Unheard Of",) * 2 + (
        b"Event: Unheard Of" + end,
    )
    response = ami.Response(b"Response: Follows\r\none\n\ntwo" + end)
    assert (response.name, response.data) == ("Follows", ["one", "", "two"])


def test_what_every_event_has(ami: ModuleType) -> None:
    (event,) = ami.Parser().feed(
        b"Event: X\r\nPrivilege: call,all\r\nSequenceNumber: 12\r\nSystemName: pbx\r\n"
        b"Timestamp: 1795427317.188173\r\nActionID: a:1\r\n\r\n"
    )
    assert (event.privilege, event.sequence_number, event.system_name) == ("call,all", 12, "pbx")
    assert (event.timestamp, event.action_id) == (1795427317.188173, "a:1")
    bare = ami.Event(b"Event: X\r\n\r\n")
    assert (bare.privilege, bare.sequence_number, bare.system_name) == (None, None, None)
    assert (bare.timestamp, bare.action_id) == (None, None)


@pytest.mark.parametrize(
    ("word", "success"),
    [
        *(("Success", True), ("Follows", True), ("Goodbye", True), ("Error", False)),
        *(("success", False), ("", False), ("Failure", False)),
    ],
)
def test_whether_an_action_was_accepted(ami: ModuleType, word: str, success: bool) -> None:
    sent = f"Response: {word}\r\nMessage: so it is\r\nEventList: start\r\n\r\n"
    response = ami.Response(sent.encode())
    assert response.success is success
    assert (response.name, response.message, response.event_list) == (word, "so it is", "start")


def test_process_gives_texts_and_data_lines(ami: ModuleType) -> None:
    event = ami.Event(b"Event: X\r\nA: 1\r\nno colon\r\nA: 2\r\n\r\n")
    assert event.process() == ({"Event": "X", "A": "2"}, ["no colon"])
    response = ami.Response(b"Response: Success\r\nOutput: a\r\nOutput:  b\r\n\r\n")
    assert response.process() == ({"Response": "Success", "Output": "b"}, ["a", " b"])
    follows = ami.Response(b"Response: Follows\r\na\n\n b: c\n--END COMMAND--\r\n")
    assert follows.process() == ({"Response": "Follows"}, ["a", "", " b: c"])


def test_to_dict(hangup: Any) -> None:
    assert hangup.to_dict() == hangup.to_dict(typed=False) == HEADERS
    assert hangup.to_dict(typed=True) == {**HEADERS, "Cause": 16}


def test_what_it_gives_is_ones_own(hangup: Any) -> None:
    hangup.to_dict()["Cause"] = hangup.process()[0]["Cause"] = "17"
    hangup.get_all("Cause").append("17")
    hangup.data.append("x")
    assert (hangup["Cause"], hangup.get_all("Cause"), hangup.data) == ("16", ["16"], [])


# --- headers of the same order ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "headers", "data"),
    [
        (b"A: 3\r\nB: 4\r\n\r\n", {"A": "3", "B": "4"}, []),
        (b"A: 1\r\nB: 2\r\n\r\nC: 3", {"A": "1", "B": "2", "C": "3"}, []),
        (b"A: 1\r\nB: 2\r\n\r\nC: 3\rx", {"A": "1", "B": "2", "C": "3\rx"}, []),
        (b"A: 1\r\nB: 2\r\n\r\nx", {"A": "1", "B": "2"}, ["x"]),
        (b"A: 1\r\nB: 2\r\n", {"A": "1", "B": "2"}, []),
        (b"A: 1\r\nB: 2", {"A": "1", "B": "2"}, []),
        (b"A: 1\r\nB: 2\r\nx\n", {"A": "1", "B": "2"}, ["x"]),
        (b"A: 1\r\nB: 2\r\n:\n", {"A": "1", "B": "2", "": ""}, []),
        (b"A: 1\r\nB: 2\r\nx\r\n\r\n", {"A": "1", "B": "2"}, ["x"]),
        (b"A: 1\r\nx\r\nB: 2\r\n\r\n", {"A": "1", "B": "2"}, ["x"]),
        (b"A: 1\nB: 2\n\n", {"A": "1", "B": "2"}, []),
        (b"A: 1\nB: 2\r\n\r\n", {"A": "1", "B": "2"}, []),
        (b"A: 1\r\n\r\nB: 2\r\n\r\n", {"A": "1", "B": "2"}, []),
        (b"A:1\r\nB:  2 \r\n\r\n", {"A": "1", "B": "2"}, []),
        (b"A : 1\r\n B: 2\r\n\r\n", {"A": "1", "B": "2"}, []),
        (b"B: 2\r\nA: 1\r\n\r\n", {"B": "2", "A": "1"}, []),
        (b"A: 1\r\nA: 2\r\n\r\n", {"A": "2"}, []),
        (b"a: 1\r\nB: 2\r\n\r\n", {"a": "1", "B": "2"}, []),
        (b"AA: 1\r\nB: 2\r\n\r\n", {"AA": "1", "B": "2"}, []),
        (b"A: 1\r\n\r\n", {"A": "1"}, []),
        (b"A: 1\r\nB: 2\r\nC: 3\r\n\r\n", {"A": "1", "B": "2", "C": "3"}, []),
        (b"A: \xc3\xab\r\nB: \xeb\r\n\r\n", {"A": "ë", "B": "\udceb"}, []),
        (b"A: a: b\r\nB:\r\n\r\n", {"A": "a: b", "B": ""}, []),
    ],
)
def test_nothing_is_guessed_from_the_event_before(
    ami: ModuleType, lines: bytes, headers: dict[str, str], data: list[str]
) -> None:
    """Usually an event has the same headers, in the same order, as the one before it."""
    name = f"Same{next(NAMES)}"
    head = f"Event: {name}\r\n".encode()
    for before in (b"A: 1\r\nB: 2\r\n\r\n", lines, b"A: 1\r\nB: 2\r\n\r\n"):
        event = ami.Event(head + before)
        assert len(event.to_dict()) == len(event)
    for _ in range(2):
        event = ami.Event(head + lines)
        wanted = {"Event": name, **headers}
        assert list(event.items()) == list(wanted.items())
        assert event.process() == (wanted, data)
        assert event.data == data
        assert event.raw == head + lines
        assert {key: event[key] for key in wanted} == wanted


def test_a_text_is_not_taken_from_the_event_before(ami: ModuleType) -> None:
    """`\\xeb` is not UTF-8; its text takes one byte in memory, like the letter it is in Latin-1."""
    name = f"Letter{next(NAMES)}"
    for _ in range(3):
        for sent, text in [("ë".encode(), "ë"), (b"\xeb", "\udceb"), (b"\xc3\xabx", "ëx")]:
            event = ami.Event(b"Event: " + name.encode() + b"\r\nN: " + sent + b"\r\n\r\n")
            assert dict(event.items()) == {"Event": name, "N": text}


def test_a_response_is_read_as_one_after_an_event_that_looks_the_same(ami: ModuleType) -> None:
    name = f"H{next(NAMES)}"
    sent = f"Response: Follows\r\n{name}: 1\r\n\r\n".encode()
    for _ in range(2):
        assert ami.Event(sent).process() == ({"Response": "Follows", name: "1"}, [])
        assert ami.Response(sent).process() == ({"Response": "Follows", name: "1"}, [""])


# --- match ------------------------------------------------------------------------------------


def test_match_by_class_and_attributes(ami: ModuleType, hangup: Any) -> None:
    core_events = ami.core_events
    match hangup:
        case core_events.Newchannel() | core_events.Hangup(cause=17):
            pytest.fail("another class, another cause")
        case core_events.Hangup(cause=16, cause_txt=text, name="Hangup"):
            assert text == "Normal"
        case _:
            pytest.fail("no case matched")


def test_match_by_mapping(hangup: Any) -> None:
    match hangup:
        case {"Cause": "17"} | {"cause": "16"} | {"Missing": _}:
            pytest.fail("another cause, another name")
        case {"Event": "Hangup", "Cause": cause, **rest}:
            assert cause == "16"
            assert rest == {"Uniqueid": "1795427317.0", "Cause-txt": "Normal"}
        case _:
            pytest.fail("no case matched")


def test_match_by_mapping_for_a_class_of_ones_own(ami: ModuleType) -> None:
    class Mine(ami.Event):
        pass

    match Mine(HANGUP):
        case {"Cause": cause}:
            assert cause == "16"
        case _:
            pytest.fail("no case matched")


# --- equality ---------------------------------------------------------------------------------


def test_equality(ami: ModuleType, hangup: Any) -> None:
    cls = ami.core_events.Hangup
    assert hangup == "Hangup"
    assert "Hangup" == hangup  # noqa: SIM300 - the other way round
    assert hangup == cls(HANGUP)
    assert not hangup != cls(HANGUP)  # noqa: SIM202 - both operators
    others = ["hangup", "", b"Hangup", None, 16, HEADERS, HANGUP]
    others += [ami.Event(HANGUP), cls(HANGUP[:-2]), cls(HANGUP.replace(b"16", b"17"))]
    for other in others:
        assert hangup != other
        assert not hangup == other  # noqa: SIM201 - both operators


def test_a_response_equals_its_word(ami: ModuleType) -> None:
    assert ami.Response(b"Response: Success\r\n\r\n") == "Success"
    assert ami.Message(b"Foo: 1\r\n\r\n") != "Foo"


def test_no_order_and_no_hash(hangup: Any) -> None:
    with pytest.raises(TypeError):
        hash(hangup)
    with pytest.raises(TypeError):
        _ = hangup < hangup


# --- repr and size ----------------------------------------------------------------------------


def test_repr_says_class_and_values(ami: ModuleType, hangup: Any) -> None:
    assert repr(hangup).startswith("<Hangup ")
    for shown in ("Uniqueid='1795427317.0'", "Cause='16'"):
        assert shown in repr(hangup)
    assert repr(ami.Event(b"Event: Unheard Of\r\n\r\n")).startswith("<Event 'Unheard Of'")
    assert repr(ami.Response(b"Response: Error\r\n\r\n")).startswith("<Response 'Error'")
    assert repr(ami.Message(b"Foo: 1\r\n\r\n")).startswith("<Message Foo='1'")


def test_headers_named_as_python_names(ami: ModuleType) -> None:
    names = ["__class__", "__slots__", "_headers", "process", "raw", "data", "name"]
    lines = "".join(f"{name}: sent\r\n" for name in names)
    event = ami.Event(f"Event: X\r\n{lines}\r\n".encode())
    assert [event[name] for name in names] == len(names) * ["sent"]
    assert event.process() == ({"Event": "X", **dict.fromkeys(names, "sent")}, [])
    assert (type(event), event.__class__, event.name, event.data) == (ami.Event, ami.Event, "X", [])
    assert not hasattr(event, "X")


SECRETS = [
    *("Password", "NewPassword", "password", "PasswordDigest", "OauthSecret", "Md5Cred"),
    *(
        "RefreshToken",
        "ReceivedHash",
        "ExpectedResponse",
        "X-Api-Token",
        "Passwd",
        "Pwd",
        "AuthKey",
    ),
]


@pytest.mark.parametrize("name", SECRETS)
def test_repr_keeps_secrets(ami: ModuleType, name: str) -> None:
    raw = f"Event: AuthDetail\r\nUsername: alice\r\n{name}: wonderland\r\n\r\n".encode()
    event = ami.Event(raw)
    assert repr(event) == f"<Event 'AuthDetail' Username='alice' {name}=***>"
    assert event[name] == "wonderland"
    assert repr(ami.Event(raw.replace(b"wonderland", b""))).endswith(f" {name}=''>")


def test_errors_repr_keeps_secrets(ami: ModuleType) -> None:
    raw = b"Event: AuthDetail\r\nPassword: wonderland\r\n"
    parser = ami.Parser()
    parser.feed(raw)
    with pytest.raises(ami.TruncatedMessage) as caught:
        parser.close()
    assert caught.value.raw == raw
    told = "the stream ends inside the message at byte 0, after 41 bytes of it"
    assert (repr(caught.value), str(caught.value)) == (f"TruncatedMessage('{told}')", told)
    assert caught.value.args == (0,)
    with pytest.raises(ami.MessageTooLarge) as large:
        ami.Parser(max_message=len(raw) + 2).feed(raw + b"\r\n" + raw + b"X: 1\r\n\r\n")
    assert [message.raw for message in large.value.messages] == [raw + b"\r\n"]
    assert large.value.args == (43, 43, "max_message")


def test_repr_is_short_and_one_line(ami: ModuleType) -> None:
    lines = "".join(f"H{number}: {1000 * 'x'}\r\n" for number in range(100))
    shown = repr(ami.Event(f"Event: X\r\n{lines}line\rend: a\rb\r\n\r\n".encode()))
    assert len(shown) < 400
    assert "\n" not in shown
    assert "\r" not in shown
    assert "+97 headers" in shown  # of 101 besides Event, as the label says


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"X\x1b[2J", r"X\x1b[2J"),
        (b"X\rCause", r"X\rCause"),
        (b"X\xff", r"X\udcff"),
        ("X\u202e".encode(), r"X\u202e"),
        (1000 * b"X", 59 * "X" + "\u2026"),
    ],
)
def test_repr_of_a_name_that_would_forge_a_line(ami: ModuleType, name: bytes, shown: str) -> None:
    """Names are shown as values are: what is not printable is an escape, what is long is cut."""
    label = "'" + shown + "'"
    event = ami.Event(b"Event: " + name + b"\r\n" + name + b": 1\r\n\r\n")
    assert repr(event) == f"<Event {label} {shown}='1'>"
    assert repr(event).isprintable()


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="PyPy tells no sizes")
def test_a_message_knows_its_size(ami: ModuleType) -> None:
    """The compiled twin owns its bytes; the pure twin refers to them as any object does."""
    small, large = (ami.Event(b"Event: X\r\nA: " + size * b"x" + b"\r\n\r\n") for size in (1, 9000))
    held = 8999 if ami.IMPLEMENTATION == "compiled" else 0
    assert sys.getsizeof(large) - sys.getsizeof(small) == held
    assert 16 < sys.getsizeof(small) < 200
    before = sys.getsizeof(small)
    assert small["A"] == "x"
    assert before <= sys.getsizeof(small) < before + 200


# --- making and not changing ------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrap",
    [
        bytes,
        bytearray,
        memoryview,
        lambda raw: memoryview(b"__" + raw)[2:],
        lambda raw: memoryview(raw[::-1])[::-1],
    ],
)
def test_made_from_bytes(ami: ModuleType, wrap: Callable[[bytes], Any]) -> None:
    event = ami.core_events.Hangup(wrap(HANGUP))
    assert type(event) is ami.core_events.Hangup
    assert (event.raw, event.cause, dict(event)) == (HANGUP, 16, HEADERS)


def test_a_message_has_bytes_of_its_own(ami: ModuleType) -> None:
    buffer = bytearray(HANGUP)
    event = ami.Event(buffer)
    buffer[:] = len(buffer) * b"!"
    buffer.clear()
    assert event.raw == HANGUP


@pytest.mark.parametrize("raw", ["Event: X", None, 7, [69], {"Event": "X"}], ids=repr)
def test_made_from_nothing_else(ami: ModuleType, raw: Any) -> None:
    wanted = rf"Hangup\(\) takes the bytes of one message, not {type(raw).__name__}"
    with pytest.raises(TypeError, match=wanted):
        ami.core_events.Hangup(raw)
    for arguments in ((), (HANGUP, HANGUP)):
        with pytest.raises(TypeError):
            ami.Event(*arguments)


@pytest.mark.parametrize(
    "attribute", ["raw", "name", "data", "action_id", "cause", "privilege", "unheard_of", "get"]
)
def test_no_attribute_can_be_set(hangup: Any, attribute: str) -> None:
    with pytest.raises(AttributeError):
        setattr(hangup, attribute, "x")
    with pytest.raises(AttributeError):
        delattr(hangup, attribute)
    assert (hangup.raw, hangup.name, hangup.cause) == (HANGUP, "Hangup", 16)


def test_no_header_can_be_set(hangup: Any) -> None:
    with pytest.raises(TypeError):
        hangup["Cause"] = "17"
    with pytest.raises(TypeError):
        del hangup["Cause"]
    assert hangup["Cause"] == "16"


# --- copies -----------------------------------------------------------------------------------

COPIES: dict[str, Callable[[Any], Any]] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    **{
        f"pickle {protocol}": lambda message, protocol=protocol: pickle.loads(
            pickle.dumps(message, protocol)
        )
        for protocol in PROTOCOLS
    },
}
each_way = pytest.mark.parametrize("duplicate", COPIES.values(), ids=COPIES)


@each_way
def test_copies(ami: ModuleType, hangup: Any, duplicate: Callable[[Any], Any]) -> None:
    for read_before in (False, True):
        if read_before:
            assert hangup.cause == 16
        copied = duplicate(hangup)
        assert type(copied) is ami.core_events.Hangup
        assert copied == hangup
        assert (copied.raw, copied.cause, dict(copied)) == (HANGUP, 16, HEADERS)


@each_way
@pytest.mark.parametrize("kind", ["Message", "Event", "Response"])
def test_copies_of_the_bases(ami: ModuleType, kind: str, duplicate: Callable[[Any], Any]) -> None:
    message = getattr(ami, kind)(b"Response: Follows\r\nN\xe9: \xff\r\n\na\n--END COMMAND--\r\n")
    copied = duplicate(message)
    assert type(copied) is getattr(ami, kind)
    assert (copied.raw, dict(copied), copied.data) == (message.raw, dict(message), message.data)


@pytest.fixture
def shop(ami: ModuleType, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """An importable module with a user's classes, each registered under its own name."""
    module = ModuleType("shop")
    hangup = ami.core_events.Hangup

    class WithDict(hangup):
        pass

    class WithSlots(hangup):
        __slots__ = ("__mine", "__weakref__", "note", "tag")

        def keep(self, mine: str) -> None:
            self.__mine = mine

        def kept(self) -> str:
            return self.__mine

    class WithBoth(WithSlots):
        pass

    for cls in (WithDict, WithSlots, WithBoth):
        cls.__module__ = "shop"
        cls.__qualname__ = cls.__name__
        cls.wire_name = f"{cls.__name__}{next(NAMES)}"
        ami._registry.register(cls, cls.wire_name)
        setattr(module, cls.__name__, cls)
    monkeypatch.setitem(sys.modules, "shop", module)
    return module


each_class = pytest.mark.parametrize("kind", ["WithDict", "WithSlots", "WithBoth"])


def made(ami: ModuleType, cls: Any, how: str) -> Any:
    raw = f"Event: {cls.wire_name}\r\nCause: 16\r\n\r\n".encode()
    (event,) = ami.Parser().feed(raw) if how == "parsed" else [cls(raw)]
    assert type(event) is cls
    return event


@each_way
@each_class
@pytest.mark.parametrize("how", ["parsed", "made"])
def test_a_subclass_keeps_its_state(
    ami: ModuleType, shop: ModuleType, kind: str, how: str, duplicate: Callable[[Any], Any]
) -> None:
    event = made(ami, getattr(shop, kind), how)
    plain = duplicate(event)
    assert (plain.raw, hasattr(plain, "tag")) == (event.raw, False)
    event.tag = ["a"]
    if kind != "WithDict":
        event.keep("c")
    if kind != "WithSlots":
        event.own = "b"
    copied = duplicate(event)
    assert type(copied) is type(event)
    assert (copied.raw, copied.cause, copied.tag) == (event.raw, 16, ["a"])
    assert getattr(copied, "own", None) == getattr(event, "own", None)
    assert kind == "WithDict" or copied.kept() == "c"
    assert not hasattr(copied, "note")
    assert (copied.tag is event.tag) == (duplicate is copy.copy)


@each_class
@pytest.mark.parametrize("how", ["parsed", "made"])
def test_a_subclass_in_a_cycle_is_collected(
    ami: ModuleType, shop: ModuleType, kind: str, how: str
) -> None:
    class Witness:
        pass

    event, witness = made(ami, getattr(shop, kind), how), Witness()
    event.tag = [event, witness]
    gone = weakref.ref(witness)
    del event, witness
    gc.collect()
    assert gone() is None


@each_class
@pytest.mark.parametrize("how", ["parsed", "made"])
def test_no_bytes_are_left_behind(ami: ModuleType, shop: ModuleType, kind: str, how: str) -> None:
    cls = getattr(shop, kind)
    padding = 20_000 * "x"
    raw = f"Event: {cls.wire_name}\r\nText: {padding}\r\n\r\n".encode()
    parser = ami.Parser()

    def make(count: int) -> None:
        for _ in range(count):
            (event,) = parser.feed(raw) if how == "parsed" else [cls(raw)]
            assert event["Text"] == padding

    tracemalloc = pytest.importorskip("tracemalloc", reason="PyPy has none")
    tracemalloc.start()
    try:
        make(5)
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        make(50)
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 10 * len(raw)  # one kept byte of each would make 50


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.usefixtures("both")
def test_a_pickle_of_one_twin_is_read_by_the_other(
    use: Callable[[str], ModuleType], protocol: int
) -> None:
    for writer, reader in [("compiled", "pure"), ("pure", "compiled")]:
        pickled = pickle.dumps(use(writer).core_events.Hangup(HANGUP), protocol)
        read = use(reader)
        event = pickle.loads(pickled)
        assert type(event) is read.core_events.Hangup
        assert (event.raw, event.cause) == (HANGUP, 16)


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="PyPy has no such collector")
def test_a_finalizer_that_reads_messages_of_the_same_shape(ami: ModuleType) -> None:
    """The GC may run in the middle of a read. No read may take another read's values."""
    sent = [{"Event": "X", "Nr": str(i % 7), "Same": "s" * (i % 3)} for i in range(50)]
    events = [
        ami.Event("".join(f"{name}: {value}\r\n" for name, value in one.items()).encode() + b"\r\n")
        for one in sent
    ]

    kept = []  # keeps dicts alive, so that a read needs a new dict, at which the GC runs

    class Reader:
        def __init__(self) -> None:
            self.itself = self

        def __del__(self) -> None:
            kept.extend(event.to_dict() for event in events)

    threshold = gc.get_threshold()
    gc.set_threshold(1)
    try:
        for _ in range(20):
            for event, wanted in zip(events, sent, strict=True):
                Reader()
                read = [event.to_dict(), event.to_dict()]
                assert read == [wanted] * 2
                kept.extend(read)
    finally:
        gc.set_threshold(*threshold)
    assert all(one["Nr"].isdigit() and set(one["Same"]) <= {"s"} for one in kept)


def test_what_the_module_gives(ami: ModuleType) -> None:
    assert sorted(ami.messages.__all__) == ["Event", "Message", "Response"]


@pytest.mark.parametrize("size", [60, 61])
def test_repr_of_a_long_text(ami: ModuleType, size: int) -> None:
    """At most 60 characters are shown; the last one shows that there are more."""
    shown = 60 * "x" if size == 60 else 59 * "x" + "\N{HORIZONTAL ELLIPSIS}"
    event = ami.Event(b"Event: X\r\nA: " + size * b"x" + b"\r\n\r\n")
    assert repr(event) == f"<Event 'X' A='{shown}'>"


@pytest.mark.parametrize(
    ("kind", "lines", "shown"),
    [
        ("Event", "Event: X\r\nPrivilege: p\r\nTimestamp: 1.5\r\nA: 1\r\nB: 2", "'X' A='1' B='2'"),
        ("Event", "Event: Event\r\nA: 1\r\nB: 2\r\nC: 3\r\nD: 4", "A='1' B='2' C='3' D='4'"),
        (
            "Event",
            "Event: X\r\nA: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\nE: 5",
            "'X' A='1' B='2' C='3' D='4' +1 headers",
        ),
        ("Response", "Response: Error\r\nMessage: no", "'Error' Message='no'"),
        ("Message", "privilege: p", "privilege='p'"),
    ],
)
def test_repr_leaves_out_what_every_message_has(
    ami: ModuleType, kind: str, lines: str, shown: str
) -> None:
    message = getattr(ami, kind)(f"{lines}\r\n\r\n".encode())
    assert repr(message) == f"<{kind} {shown}>"


def test_a_bare_message_has_nothing_to_type(ami: ModuleType) -> None:
    message = ami.Message(b"Cause: 16\r\nCause: 17\r\n\r\n")
    assert message.to_dict(typed=True) == message.to_dict() == {"Cause": ["16", "17"]}


def test_headers_are_declared_as_asterisk_spells_them(ami: ModuleType) -> None:
    """The exact spelling needs one search of the bytes; another case would need several."""
    every = [header.names for header in ami.Event.headers().values()]
    assert every == [("Privilege",), ("Timestamp",), ("SequenceNumber",), ("SystemName",)]
    assert [header.names for header in ami.Response.headers().values()] == [
        ("Message",),
        ("EventList",),
    ]


def test_a_message_is_not_hashable_and_has_no_state_of_its_own(hangup: Any) -> None:
    """So a pickle holds the bytes and nothing else."""
    assert not isinstance(hangup, Hashable)
    make, arguments, state = hangup.__reduce__()
    assert (arguments, state) == ((type(hangup), HANGUP), None)
    assert make(*arguments) == hangup


@pytest.mark.skipif(sys.maxsize < 1 << 31, reason="nothing is that large in 32 bits")
def test_a_message_has_an_index_of_31_bits(ami: ModuleType) -> None:
    untouched = mmap.mmap(-1, 1 << 31)  # takes no memory until it is written
    with pytest.raises(ValueError, match=r"\Aa message has at most 2147483647 bytes\Z"):
        ami.Message(memoryview(untouched))

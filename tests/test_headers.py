"""Typed headers: the values that each type accepts and refuses, and how they are declared."""

from __future__ import annotations

import enum
import math
import pickle
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

pytestmark = pytest.mark.quick

MISSING = object()
Declare = Callable[[ModuleType], Any]


def event_class(ami: ModuleType, **declared: Any) -> Any:
    return type("Custom", (ami.Event,), {"__slots__": (), **declared})


def custom(ami: ModuleType, lines: str | bytes, **declared: Any) -> Any:
    """An event of a new class that declares these headers, read from these lines."""
    sent = lines if isinstance(lines, bytes) else lines.encode()
    return event_class(ami, **declared)(b"Event: Custom\r\n" + sent + b"\r\n")


def read(ami: ModuleType, declare: Declare, value: str | bytes) -> Any:
    """The value that a header reads from an event; the value's bytes alone must give the same."""
    header = declare(ami.headers)
    sent = value if isinstance(value, bytes) else value.encode()
    found = custom(ami, b"X: " + sent + b"\r\n", x=header).x
    assert repr(header.coerce(sent)) == repr(found)
    return found


# --- numbers ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        *("0", "7", "-7", "+7", "007", "-0", "1795427317"),
        *("9" * 18, "-" + "9" * 17, "9" * 19, "-" + "9" * 18, "-" + "9" * 19),
        *("9223372036854775807", "9223372036854775808", "-9223372036854775809"),
        *("9" * 64, "-" + "9" * 63, "0" * 63 + "1"),
    ],
)
def test_int(ami: ModuleType, value: str) -> None:
    found = read(ami, lambda headers: headers.Int("X"), value)
    assert type(found) is int
    assert found == int(value)


@pytest.mark.parametrize(
    "value",
    [
        *("", "-", "+", "+-1", "--1", "1-", "1 2", "- 1", "1_000", "_1", "1,000", "1.0", "1e3"),
        *("0x10", "1x", "x1", "1\x00", "\x001", "1\x0b2", "1:", "none", "unknown"),
        *("\N{ARABIC-INDIC DIGIT THREE}", "\N{FULLWIDTH DIGIT ONE}", "\N{SUPERSCRIPT TWO}"),
        *("9" * 65, "-" + "9" * 64, "9" * 5000, "16 (Normal Clearing)", b"\xff", b"1\xff"),
    ],
)
def test_not_an_int(ami: ModuleType, value: str | bytes) -> None:
    assert read(ami, lambda headers: headers.Int("X"), value) is None
    assert read(ami, lambda headers: headers.Int("X", failure=-1), value) == -1
    assert read(ami, lambda headers: headers.Int("X", failure=None), value) is None


@pytest.mark.parametrize(
    ("value", "number"),
    [
        *(("0.25", 0.25), ("-1e3", -1000.0), ("3", 3.0), (".5", 0.5), ("5.", 5.0), ("-.5E1", -5.0)),
        *(("+1.5E-3", 0.0015), ("1795427317.188173", 1795427317.188173), ("00.10", 0.1)),
        *(("inf", math.inf), ("-inf", -math.inf), ("+inf", math.inf), ("1e400", math.inf)),
        *(("1e-400", 0.0), ("9" * 64, 1e64), ("0." + "0" * 61 + "1", 1e-62), ("1.e2", 100.0)),
    ],
)
def test_float(ami: ModuleType, value: str, number: float) -> None:
    found = read(ami, lambda headers: headers.Float("X"), value)
    assert type(found) is float
    assert found == number


@pytest.mark.parametrize("value", ["nan", "-nan", "+nan"])
def test_not_a_number_is_a_float_too(ami: ModuleType, value: str) -> None:
    assert math.isnan(read(ami, lambda headers: headers.Float("X"), value))


@pytest.mark.parametrize(
    "value",
    [
        *("", ".", "-", "+.", "e5", ".e5", "1e", "1e+", "1e5.", "1.2.3", "1,5", "1_0.0", "1e1_0"),
        *("0x1p3", "infinity", "NaN", "INF", "Inf", "nan1", "--1", "1 .0", "1.0 (sec)", "(sec)"),
        *("\N{ARABIC-INDIC DIGIT THREE}.5", "1.0\x00", "9" * 65, "0." + "0" * 63, b"1.\xff"),
    ],
)
def test_not_a_float(ami: ModuleType, value: str | bytes) -> None:
    assert read(ami, lambda headers: headers.Float("X"), value) is None
    assert read(ami, lambda headers: headers.Float("X", failure=-1.0), value) == -1.0


@pytest.mark.parametrize(
    ("value", "number"),
    [
        *(("0.1230(sec)", 0.123), ("0.1230 (sec)", 0.123), ("0.1230 \t (sec)", 0.123)),
        *(("0.5", 0.5), ("9" * 64 + " (sec)", 1e64), ("nothing (sec)", -1), ("(sec)", -1)),
        *(("", -1), (" (sec)", -1), ("1 (sec) x", -1), ("1 (sec) (sec)", -1), ("1 (SEC)", -1)),
        *(("1 sec", -1), ("1 (sec", -1), ("1 (ms)", -1), ("1X (sec)", -1)),
        *(("1\x0b (sec)", -1), ("1\x0c(sec)", -1)),
    ],
)
def test_float_with_a_unit(ami: ModuleType, value: str, number: float) -> None:
    found = read(ami, lambda headers: headers.Float("X", unit="(sec)", failure=-1), value.strip())
    assert found == number


@pytest.mark.parametrize("value", [b" 7", b"7 ", b"7\r", b"\t7"])
@pytest.mark.parametrize("kind", ["Int", "Float"])
def test_a_value_is_its_bytes_without_spaces_around(
    ami: ModuleType, kind: str, value: bytes
) -> None:
    """Spaces around a value belong to the line, so they are removed before the value is read."""
    header = getattr(ami.headers, kind)("X", failure=-1)
    assert header.coerce(value) == -1
    assert custom(ami, b"X:" + value + b"\r\n", x=header).x == 7
    assert ami.headers.Float("X", failure=-1, unit="(sec)").coerce(value) == -1


# --- truths -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "truth"),
    [
        *(("Yes", True), ("yes", False), ("YES", False), ("No", False), ("", False), ("1", False)),
        *(("Yes!", False), ("Ye", False), ("Y", False), (b"Yes\x00", False), (b"\xff", False)),
    ],
)
@pytest.mark.parametrize("failure", [False, True])
def test_bool_of_one_word(ami: ModuleType, value: str | bytes, truth: bool, failure: bool) -> None:
    """Any other word means False; `failure` is for a missing header."""
    header = read(ami, lambda headers: headers.Bool("X", true="Yes", failure=failure), value)
    assert header is truth


@pytest.mark.parametrize(
    ("value", "truth"),
    [("on", True), ("off", False), ("On", None), ("", None), ("1", None), ("offf", None)],
)
def test_bool_of_two_words(ami: ModuleType, value: str, truth: bool | None) -> None:
    assert read(ami, lambda headers: headers.Bool("X", true="on", false="off"), value) is truth


# --- times and addresses ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        *(("00:00:00", 0), ("00:00:59", 59), ("01:02:03", 3723), ("1:00:00", 3600)),
        *(("100:59:59", 363_599), ("999999999:59:59", 3_599_999_999_999)),
        *(("1000000000:00:00", -1), ("00:60:00", -1), ("00:00:60", -1), ("00:99:00", -1)),
        *(("0:0:0", -1), ("00:00", -1), ("::", -1), (":00:00", -1), ("-1:00:00", -1), ("", -1)),
        *(("+1:00:00", -1), ("00:00:00.5", -1), ("00:00:000", -1), ("00-00-00", -1), ("7", -1)),
        *(("00:00:00:00", -1), ("00: 1:00", -1), ("1_0:00:00", -1), ("00:00:0\x00", -1)),
        *(("\N{ARABIC-INDIC DIGIT THREE}:00:00", -1), ("00:00:0\N{SUPERSCRIPT TWO}", -1)),
    ],
)
def test_duration(ami: ModuleType, value: str, seconds: int) -> None:
    assert read(ami, lambda headers: headers.Duration("X"), value) == seconds


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("192.0.2.7:5061", ("192.0.2.7", 5061)),
        ("pbx.example:65535", ("pbx.example", 65535)),
        ("pbx:0", ("pbx", 0)),
        ("pbx:00080", ("pbx", 80)),
        ("[2001:db8::1]:10000", ("2001:db8::1", 10000)),
        ("2001:db8::1:10000", ("2001:db8::1", 10000)),
        ("[::]:1", ("::", 1)),
        (b"n\xe9:1", ("n\udce9", 1)),
        ("(null):0", ("(null)", 0)),
    ],
)
def test_hostport(ami: ModuleType, value: str | bytes, address: tuple[str, int]) -> None:
    assert read(ami, lambda headers: headers.HostPort("X"), value) == address


@pytest.mark.parametrize(
    "value",
    [
        *("", ":", "pbx", "pbx:", ":5060", "pbx:65536", "pbx:99999", "pbx:000080", "pbx:-1"),
        *("pbx:+1", "pbx: 1", "pbx:1_0", "pbx:x", "pbx:1x", "pbx:\N{ARABIC-INDIC DIGIT THREE}"),
        *("[]:1", "[:1", "]:1", "[::1:5060", "::1]:5060", "[::1]", "[::1]5060", b"pbx:1\x00"),
    ],
)
def test_not_a_hostport(ami: ModuleType, value: str | bytes) -> None:
    assert read(ami, lambda headers: headers.HostPort("X"), value) is None


@pytest.mark.parametrize(
    ("value", "milliseconds"),
    [
        *(("OK (31 ms)", 31), ("OK (0 ms)", 0), ("OK (007 ms)", 7), ("Unmonitored", -2)),
        *((f"OK ({'9' * 18} ms)", 10**18 - 1), (f"OK ({'9' * 19} ms)", -1)),
        *(("OK (-1 ms)", -1), ("OK ( 31 ms)", -1), ("OK (31ms)", -1), ("OK (31  ms)", -1)),
        *(("ok (31 ms)", -1), ("OK (31 MS)", -1), ("OK (31 ms) x", -1), ("OK ( ms)", -1)),
        *(("OK", -1), ("", -1), ("31", -1), ("OK (3.1 ms)", -1), ("OK (31 ms", -1)),
        *(("LAGGED (3001 ms)", -1), ("UNREACHABLE", -1), ("UNKNOWN", -1), ("unmonitored", -1)),
        *(("Unmonitored ()", -1), ("OK (\N{ARABIC-INDIC DIGIT THREE} ms)", -1)),
    ],
)
def test_milliseconds(ami: ModuleType, value: str, milliseconds: int) -> None:
    assert read(ami, lambda headers: headers.Milliseconds("X"), value) == milliseconds


# --- text -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [("7", "7"), ("", ""), ("Chloë", "Chloë"), (b"\xe9", "\udce9"), ("a: b", "a: b")],
)
def test_text(ami: ModuleType, value: str | bytes, text: str) -> None:
    assert read(ami, lambda headers: headers.Text("X"), value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *(("<unknown>", None), ("(null)", None), ("", None), ("unknown", "unknown")),
        *(("<Unknown>", "<Unknown>"), ("<unknown> ", None), ("x<unknown>", "x<unknown>")),
    ],
)
def test_text_with_words_for_unknown(ami: ModuleType, value: str, text: str | None) -> None:
    def declare(headers: Any) -> Any:
        return headers.Text("X", unknown=("<unknown>", "(null)", ""))

    assert read(ami, declare, value.strip()) == text


# --- which header it is -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("declare", "failure"),
    [
        (lambda headers: headers.Text("X"), None),
        (lambda headers: headers.Text("X", unknown=("",)), None),
        (lambda headers: headers.Int("X"), None),
        (lambda headers: headers.Int("X", failure=None), None),
        (lambda headers: headers.Int("X", failure=-1), -1),
        (lambda headers: headers.Int("X", failure=7, optional=True), 7),
        (lambda headers: headers.Float("X"), None),
        (lambda headers: headers.Float("X", failure=-1.5), -1.5),
        (lambda headers: headers.Bool("X", true="1", failure=False), False),
        (lambda headers: headers.Bool("X", true="1", failure=True), True),
        (lambda headers: headers.Bool("X", true="1", false="0"), None),
        (lambda headers: headers.Duration("X"), -1),
        (lambda headers: headers.HostPort("X"), None),
        (lambda headers: headers.Milliseconds("X"), -1),
    ],
)
def test_a_missing_header_is_the_failure_value(
    ami: ModuleType, declare: Declare, failure: Any
) -> None:
    event = custom(ami, "Y: 1\r\nno colon\r\nXX: 1\r\n", x=declare(ami.headers))
    assert event.x == failure
    assert type(event.x) is type(failure)


@pytest.mark.parametrize(
    ("lines", "value"),
    [
        ("Old: 1\r\n", 1),
        ("New: 2\r\nOld: 1\r\n", 2),
        ("Old: 1\r\nNew: 2\r\n", 2),
        ("OLD: 1\r\n", 1),
        ("OLD: 1\r\nnew: 2\r\n", 2),
        ("NEW: 2\r\nOld: 1\r\n", 1),  # the exact spelling takes precedence over another case
        ("New: 2\r\nNew: 3\r\n", 3),
        ("New: x\r\nOld: 1\r\n", None),  # it was sent, so the other name is not looked up
        ("Newer: 1\r\nxOld: 1\r\n", None),
        (" New : 2\r\nOld: 1\r\n", 1),
        (" New : 2\r\n", 2),
        ("New:2\r\n", 2),
    ],
)
def test_other_names_of_a_header(ami: ModuleType, lines: str, value: int | None) -> None:
    assert custom(ami, lines, x=ami.headers.Int("New", "Old")).x == value


def test_a_value_at_the_end_of_a_cut_message(ami: ModuleType) -> None:
    cls = event_class(ami, x=ami.headers.Int("X"))
    assert [cls(raw).x for raw in (b"X: 1", b"X: 1\r", b"Y: 2\nX: 1", b"X:1\n")] == [1, 1, 1, 1]
    assert cls(b"").x is None


def test_a_header_of_a_response(ami: ModuleType) -> None:
    class Custom(ami.Response):
        __slots__ = ()
        items_sent = ami.headers.Int("ListItems", failure=-1)

    assert Custom(b"Response: Success\r\nListItems: 4\r\n\r\n").items_sent == 4
    follows = b"Response: Follows\r\nPrivilege: Command\r\nx\nListItems: 4\n--END COMMAND--\r\n"
    assert Custom(follows).items_sent == -1  # that line is command output


# --- process() and to_dict() ------------------------------------------------------------------


def test_process_translates_what_states_a_failure_value(ami: ModuleType) -> None:
    headers = ami.headers
    event = custom(
        ami,
        "Stated: 7\r\nUnstated: 7\r\nBad: x\r\nNone: x\r\nUnknown: 7\r\nstray\r\n",
        stated=headers.Int("Stated", failure=-1),
        unstated=headers.Int("Unstated"),
        bad=headers.Int("Bad", failure=-1),
        none=headers.Int("None", failure=None),
        missing=headers.Int("Missing", failure=-1),
        missing_none=headers.Int("MissingNone", failure=None),
        missing_unstated=headers.Int("MissingUnstated"),
        missing_optional=headers.Int("MissingOptional", failure=-1, optional=True),
    )
    assert event.process() == (
        {
            "Event": "Custom",
            "Stated": 7,
            "Unstated": "7",
            "Bad": -1,
            "None": None,
            "Unknown": "7",
            "Missing": -1,
            "MissingNone": None,
        },
        ["stray"],
    )
    assert (event.unstated, event.missing_optional) == (7, -1)


def test_process_gives_an_optional_header_that_was_sent(ami: ModuleType) -> None:
    optional = ami.headers.Int("X", failure=-1, optional=True)
    assert custom(ami, "X: 7\r\n", x=optional).process()[0]["X"] == 7
    assert custom(ami, "X: x\r\n", x=optional).process()[0]["X"] == -1


@pytest.mark.parametrize("sent_as", ["Old", "new", "OLD"])
def test_process_gives_both_names_of_a_header(ami: ModuleType, sent_as: str) -> None:
    event = custom(ami, f"{sent_as}: 7\r\n", x=ami.headers.Int("New", "Old", failure=-1))
    assert event.process()[0] == {"Event": "Custom", "New": 7, sent_as: 7}


def test_process_gives_a_value_under_a_key_of_its_own(ami: ModuleType) -> None:
    received = ami.headers.Bool("Direction", true="Received", failure=False, key="Received")
    event = custom(ami, "Direction: Received\r\n", received=received)
    assert event.process()[0] == {"Event": "Custom", "Direction": "Received", "Received": True}
    assert custom(ami, "", received=received).process()[0]["Received"] is False


def test_to_dict_with_typed_values(ami: ModuleType) -> None:
    event = custom(
        ami,
        "X: 7\r\nx: 8\r\nBad: x\r\nDelay: 1.5\r\nDelay: 2.5\r\nDelay: 3\r\nOther: 7\r\n",
        x=ami.headers.Int("X"),
        bad=ami.headers.Int("Bad", failure=-1),
        delay=ami.headers.Float("Delay"),
        missing=ami.headers.Int("Missing", failure=-1),
    )
    assert event.to_dict(typed=True) == {
        "Event": "Custom",
        "X": 7,
        "x": 8,
        "Bad": -1,
        "Delay": [1.5, 2.5, 3.0],
        "Other": "7",
    }
    assert event.to_dict()["Delay"] == ["1.5", "2.5", "3"]
    assert (event.delay, event["Delay"]) == (3.0, "3")


# --- declarations -----------------------------------------------------------------------------


def test_a_class_of_ones_own(ami: ModuleType) -> None:
    class Weather(ami.Event):
        __slots__ = ()
        degrees = ami.headers.Int("Degrees", "Temp", failure=-273)

    class Forecast(Weather):
        __slots__ = ()
        degrees = ami.headers.Float("Degrees")
        day = ami.headers.Text("Day")

    sent = b"Event: Forecast\r\nPrivilege: user,all\r\nDegrees: 21.5\r\nDay: Mon\r\n\r\n"
    assert (Weather(sent).degrees, Forecast(sent).degrees) == (-273, 21.5)
    assert Forecast(sent).day == "Mon"
    assert Forecast(sent).privilege == "user,all"
    assert Weather(sent).process()[0]["Degrees"] == -273
    assert Forecast(sent).process()[0]["Degrees"] == "21.5"
    assert list(Weather.headers()) == [
        *("privilege", "timestamp", "sequence_number", "system_name", "degrees")
    ]
    assert list(Forecast.headers())[-1] == "day"
    assert Forecast.headers()["degrees"].kind == "float"


def test_a_class_gives_the_declaration(ami: ModuleType) -> None:
    cls = event_class(ami, x=ami.headers.Int("X", "Y", failure=-1))
    assert isinstance(cls.x, ami.headers.Int)
    assert isinstance(cls.x, ami.headers.TypedHeader)
    assert (cls.x.names, cls.x.kind, cls.x.attribute) == (("X", "Y"), "int", "x")
    assert (cls.x.failure, cls.x.processed, cls.x.optional, cls.x.key) == (-1, True, False, "X")
    assert repr(cls.x) == "<int header X>"


@pytest.mark.parametrize(
    "attribute",
    [
        *("name", "raw", "data", "action_id", "get", "get_all", "keys", "values", "items"),
        *("process", "to_dict", "headers"),
    ],
)
@pytest.mark.parametrize("base", ["Message", "Event", "Response"])
def test_no_header_hides_what_every_message_has(ami: ModuleType, attribute: str, base: str) -> None:
    with pytest.raises(TypeError, match=rf"Mine\.{attribute} would hide what every message has"):
        type("Mine", (getattr(ami, base),), {attribute: ami.headers.Text("X")})


@pytest.mark.parametrize("names", [(), ("",), ("a:b",), ("a\nb",), (" X",), ("X\t",), ("X", "")])
@pytest.mark.parametrize("kind", ["Text", "Int", "Float", "Duration", "HostPort", "Milliseconds"])
def test_names_that_no_header_has(ami: ModuleType, kind: str, names: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="a header needs names") as caught:
        getattr(ami.headers, kind)(*names)
    needed = "a header needs names without colon, line end or spaces around"
    assert str(caught.value) == f"{needed}, not {', '.join(map(repr, names)) or 'none'}"


def test_no_such_kind(ami: ModuleType) -> None:
    with pytest.raises(ValueError, match=r"kind must be one of text, .*, not 'complex'"):
        ami._impl.Header("X", kind="complex")


@pytest.mark.parametrize("other", [1, {"X": "1"}, b"X: 1"], ids=repr)
def test_only_messages_have_headers(ami: ModuleType, other: Any) -> None:
    header = ami.headers.Int("X")
    with pytest.raises(TypeError, match=f"reads messages, not {type(other).__name__}"):
        header.__get__(other, type(other))


def test_a_header_in_a_class_of_another_kind(ami: ModuleType) -> None:
    class Other:
        x = ami.headers.Int("X")

    with pytest.raises(TypeError, match="<int header X> reads messages, not Other"):
        _ = Other().x


# --- enumerations, and headers that come many times ---------------------------------------------


@pytest.mark.parametrize(
    ("value", "member"),
    [
        ("16", "NORMAL_CLEARING"),
        (" 17 ", "USER_BUSY"),
        ("+16", "NORMAL_CLEARING"),
        ("016", "NORMAL_CLEARING"),
        ("0", "NOT_DEFINED"),
        ("127", "INTERWORKING"),
        ("200", "UNKNOWN_200"),
        ("-5", "UNKNOWN_-5"),
        ("9" * 30, "UNKNOWN_" + "9" * 30),
    ],
)
def test_a_number_of_an_enumeration(ami: ModuleType, value: str, member: str) -> None:
    declaration = ami.headers.Enumeration("X", of=ami.enums.HangupCause)
    event = custom(ami, f"X: {value}\r\n", x=declaration)
    assert isinstance(event.x, ami.enums.HangupCause)
    assert event.x.name == member
    assert event.x == int(value)
    assert hash(event.x) == hash(int(value))
    assert (str(event.x), f"{event.x}", f"{event.x:4d}") == (
        str(int(value)),
        str(int(value)),
        f"{int(value):4d}",
    )
    assert pickle.loads(pickle.dumps(event.x)) == event.x


@pytest.mark.parametrize(
    ("value", "member"),
    [("INUSE", "INUSE"), ("UNKNOWN", "UNKNOWN"), ("ODD ONE", "ODD ONE"), ("Chlo\xeb", "Chlo\xeb")],
)
def test_a_word_of_an_enumeration(ami: ModuleType, value: str, member: str) -> None:
    declaration = ami.headers.Enumeration("X", of=ami.enums.DeviceState)
    event = custom(ami, f"X: {value}\r\n", x=declaration)
    assert isinstance(event.x, ami.enums.DeviceState)
    assert (event.x.name, str(event.x), f"{event.x}") == (member, value, value)
    assert event.x == value
    assert pickle.loads(pickle.dumps(event.x)) == event.x
    assert hash(event.x) == hash(value)


def test_members_are_one_each_but_what_is_outside_is_not_kept(ami: ModuleType) -> None:
    cause = ami.enums.HangupCause
    declaration = ami.headers.Enumeration("X", of=cause)
    assert custom(ami, "X: 16\r\n", x=declaration).x is cause.NORMAL_CLEARING
    known = len(cause)
    assert [cause(number) for number in range(1000, 2000)] == list(range(1000, 2000))
    assert len(cause) == known
    assert cause(1000) is not cause(1000)
    with pytest.raises(ValueError, match="x"):
        cause("x")


@pytest.mark.parametrize("value", ["", "x", "1.5", "1" * 65, "None"])
def test_not_of_an_enumeration(ami: ModuleType, value: str) -> None:
    cause = ami.enums.HangupCause
    event = custom(
        ami,
        f"X: {value}\r\n",
        x=ami.headers.Enumeration("X", of=cause),
        y=ami.headers.Enumeration("X", of=cause, failure=-1),
        z=ami.headers.Enumeration("Z", of=ami.enums.DeviceState),
    )
    assert event.x is None
    assert event.y == -1
    assert event.z is None
    assert (
        custom(ami, "Z: \r\n", z=ami.headers.Enumeration("Z", of=ami.enums.DeviceState)).z is None
    )


def test_dicts_have_the_plain_value_of_an_enumeration(ami: ModuleType) -> None:
    event = custom(
        ami,
        "X: 16\r\nY: INUSE\r\n",
        x=ami.headers.Enumeration("X", of=ami.enums.HangupCause, failure=None),
        y=ami.headers.Enumeration("Y", of=ami.enums.DeviceState),
    )
    for made in (event.to_dict(typed=True), event.process()[0]):
        assert (type(made["X"]), made["X"]) == (int, 16)
        assert (type(made["Y"]), made["Y"]) == (str, "INUSE")


def test_an_enumeration_of_ones_own(ami: ModuleType) -> None:
    class Colour(enum.IntEnum):
        RED = 1

    declaration = ami.headers.Enumeration("X", of=Colour)
    assert custom(ami, "X: 1\r\n", x=declaration).x is Colour.RED
    assert custom(ami, "X: 2\r\n", x=declaration).x is None

    for wrong in (enum.Enum("Plain", "A"), enum.IntEnum("Empty", [])):
        with pytest.raises(TypeError, match="enumeration of int or of str"):
            ami.headers.Enumeration("X", of=wrong)


@pytest.mark.parametrize(
    ("value", "truth"),
    [
        *(
            (word, True)
            for word in ["true", "True", "Yes", "yes", "on", "1", "Enabled", "enabled", "Y"]
        ),
        *(
            (word, False)
            for word in ["false", "False", "No", "no", "off", "0", "Disabled", "disabled", "N"]
        ),
        *((word, None) for word in ("", "2", "YES", "oui", "yes.", "ja")),
    ],
)
def test_bool_in_all_of_asterisks_words(ami: ModuleType, value: str, truth: bool | None) -> None:
    assert read(ami, lambda headers: headers.Bool("X"), value) is truth


def test_int_with_words_for_unknown(ami: ModuleType) -> None:
    assert read(ami, lambda headers: headers.Int("X", unknown=("N/A",)), "N/A") is None
    assert read(ami, lambda headers: headers.Int("X", unknown=("N/A",)), "7") == 7


def test_repeated(ami: ModuleType) -> None:
    header = ami.headers.Repeated("X")
    assert custom(ami, "X: a\r\nY: b\r\nX:\r\nX: a\r\n", x=header).x == ("a", "", "a")
    assert custom(ami, "Y: b\r\n", x=header).x == ()


def test_variables(ami: ModuleType) -> None:
    header = ami.headers.Variables("ChanVariable")
    lines = (
        "ChanVariable: a=1\r\nChanVariable: b=x=y\r\nChanVariable: c\r\nChanVariables: no=1\r\n"
        "ChanVariable(SIP/1): d= 2\r\nChanVariable: a=3\r\n"
    )
    assert custom(ami, lines, x=header).x == {"a": "3", "b": "x=y", "c": "", "d": " 2"}
    assert custom(ami, "Y: b\r\n", x=header).x == {}


def test_numbered(ami: ModuleType) -> None:
    header = ami.headers.Numbered(ami.headers.Int("Report<N>LSR"))
    event = custom(ami, "Report0LSR: 5\r\nReport1LSR: x\r\nReport3LSR: 7\r\n", x=header)
    assert event.x == (5, None)
    assert event.to_dict(typed=True)["Report3LSR"] == 7
    many = "".join(f"Report{number}LSR: {number}\r\n" for number in range(40))
    assert custom(ami, many, x=header).x == tuple(range(31))
    for name in ("LSR", "Report<N>LSR<N>"):
        with pytest.raises(ValueError, match="has <N> in its name once"):
            ami.headers.Numbered(ami.headers.Int(name))


# --- several declarations of one header, and what a module gives ----------------------------------


def test_what_the_module_gives(ami: ModuleType) -> None:
    classes = {
        name
        for name, value in vars(ami.headers).items()
        if isinstance(value, type) and value.__module__ == "amistream.headers"
    }
    assert set(ami.headers.__all__) == {name for name in classes if name[0] != "_"}


def test_names_that_differ_in_case_are_typed_each_as_declared(ami: ModuleType) -> None:
    """A spelling that matches neither declaration has the type of the first."""
    event = custom(
        ami,
        "Size: 5\r\nSIZE: 6\r\nsize: 7\r\n",
        number=ami.headers.Int("Size"),
        text=ami.headers.Text("SIZE"),
    )
    assert (event.number, event.text) == (5, "6")
    assert event.to_dict(typed=True) == {"Event": "Custom", "Size": 5, "SIZE": "6", "size": 7}


def test_a_header_is_typed_by_the_declaration_under_its_own_key(ami: ModuleType) -> None:
    received = ami.headers.Bool("Direction", true="Received", failure=False, key="Received")
    typed = custom(ami, "Direction: Received\r\n", received=received).to_dict(typed=True)
    assert typed["Direction"] is True
    both = custom(
        ami, "Direction: Received\r\n", received=received, sent=ami.headers.Text("Direction")
    )
    assert both.to_dict(typed=True)["Direction"] == "Received"


def test_a_class_gives_the_declaration_of_what_comes_many_times(ami: ModuleType) -> None:
    headers = ami.headers
    made = (headers.Repeated("X"), headers.Variables("X"), headers.Numbered(headers.Int("X<N>")))
    for header in made:
        assert event_class(ami, x=header).x is header


def test_numbered_texts_that_are_not_utf_8(ami: ModuleType) -> None:
    header = ami.headers.Numbered(ami.headers.Text("X<N>"))
    assert custom(ami, b"X0: Chlo\xc3\xab\r\nX1: \xff\r\n", x=header).x == ("Chlo\xeb", "\udcff")


def test_false_words_need_true_words(ami: ModuleType) -> None:
    with pytest.raises(TypeError, match=r"\Afalse words need true words\Z"):
        ami.headers.Bool("X", false="no")


def test_a_snapshot_under_a_prefix_is_processed_as_it_is_without(ami: ModuleType) -> None:
    """A header that was not sent is absent: the headers of a snapshot have no failure values."""
    sent = b"Event: DialBegin\r\nChannelState: 4\r\nDestChannelState: 5\r\n\r\n"
    event = ami.core_events.DialBegin(sent)
    texts = {"Event": "DialBegin", "ChannelState": "4", "DestChannelState": "5"}
    assert event.process() == (texts, [])
    assert (event.channel_state, event.dest_channel_state) == (4, 5)
    stated = ami.headers.Int("Weight", "Mass", failure=-1, optional=True)._prefixed("Dest")
    assert (stated.names, stated.failure, stated.key) == (
        ("DestWeight", "DestMass"),
        -1,
        "DestWeight",
    )
    assert (stated.processed, stated.optional) == (True, True)


def test_a_number_may_stand_for_unknown(ami: ModuleType) -> None:
    assert read(ami, lambda headers: headers.Int("X", unknown=("-1", "0")), "-1") is None
    assert read(ami, lambda headers: headers.Int("X", unknown=("-1", "0")), "0") is None
    assert read(ami, lambda headers: headers.Int("X", unknown=("-1", "0")), "1") == 1


def test_a_header_unless_told_otherwise(ami: ModuleType) -> None:
    header = ami._impl.Header("X")
    assert (header.names, header.kind, header.key, header.attribute) == (("X",), "text", "X", "")
    assert (header.failure, header.processed, header.optional) == (None, False, False)
    assert header.members is None
    assert header.coerce(b"a b") == "a b"


def test_a_name_as_declared_goes_before_one_in_another_case(ami: ModuleType) -> None:
    """Also with spaces around the name, and if the other name comes later."""
    for lines in ("X : 1\r\nx: 2\r\n", " X: 1\r\nx: 2\r\n", "x: 2\r\nX: 0\r\nX: 1\r\nX : 3\r\n"):
        event = custom(ami, lines, x=ami.headers.Int("X", failure=-1))
        assert event.x == 1
        assert event.process()[0]["X"] == 1


def test_process_leaves_the_text_of_a_header_with_a_key_of_its_own(ami: ModuleType) -> None:
    received = ami.headers.Bool("Direction", "Dir", true="In", failure=False, key="Received")
    for sent_as in ("Direction", "Dir", "dir"):
        made = custom(ami, f"{sent_as}: In\r\n", received=received).process()[0]
        assert made == {"Event": "Custom", sent_as: "In", "Received": True}


def test_what_is_unreadable_is_of_no_enumeration_that_takes_anything(ami: ModuleType) -> None:
    class Colour(enum.IntEnum):
        RED = 1
        OTHER = 9

        @classmethod
        def _missing_(cls, value: object) -> Colour:
            return cls.OTHER

    declaration = ami.headers.Enumeration("X", of=Colour)
    found = [custom(ami, f"X: {value}\r\n", x=declaration).x for value in ("1", "2", "x", "")]
    assert found == [Colour.RED, Colour.OTHER, None, None]


def test_an_empty_text_may_be_of_an_enumeration(ami: ModuleType) -> None:
    class Colour(str, enum.Enum):
        NONE = ""
        RED = "red"

    declaration = ami.headers.Enumeration("X", of=Colour)
    found = [custom(ami, f"X: {value}\r\n", x=declaration).x for value in ("red", "", "blue")]
    assert found == [Colour.RED, Colour.NONE, None]

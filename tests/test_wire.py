"""The wire as Asterisk really sends it: each fact in literal bytes, at every chunk size."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
from support.feeding import parse_at_every_size

pytestmark = [
    pytest.mark.quick,
    pytest.mark.filterwarnings("ignore:no event is named:UserWarning"),
]

BANNER = b"Asterisk Call Manager/11.0.0\r\n"
HANGUP = b"Event: Hangup\r\nUniqueid: 1795427317.0\r\nCause: 16\r\n\r\n"
PONG = b"Response: Success\r\nPing: Pong\r\n\r\n"


def only_one(ami: ModuleType, data: bytes) -> Any:
    (message,) = parse_at_every_size(ami, data)
    return message


# --- the banner -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "banner"),
    [
        (BANNER, "Asterisk Call Manager/11.0.0"),
        (b"Asterisk Call Manager/1.1\r\n", "Asterisk Call Manager/1.1"),
        (b"Asterisk Call Manager/11.0.0\n", "Asterisk Call Manager/11.0.0"),
        (b"Asterisk Call Manager Proxy/1.24\r\n", "Asterisk Call Manager Proxy/1.24"),
        (b"OpenProxy 2 ready\r\n", "OpenProxy 2 ready"),
        (b"\r\nAsterisk Call Manager/2.10.6\r\n", "Asterisk Call Manager/2.10.6"),
        # A proxy whose banner is followed by a blank line, unlike Asterisk's.
        (b"AMI Gateway\r\n\r\n", "AMI Gateway"),
        # Asterisk's own banner, although it contains a colon.
        (b"Asterisk Call Manager/11.0.0: ready\r\n", "Asterisk Call Manager/11.0.0: ready"),
    ],
)
def test_a_banner_is_not_part_of_the_first_message(
    ami: ModuleType, sent: bytes, banner: str
) -> None:
    parser = ami.Parser()
    assert [message.raw for message in parser.feed(sent + PONG)] == [PONG]
    assert parser.banner == banner
    assert [message.raw for message in parse_at_every_size(ami, sent + PONG + HANGUP)] == [
        PONG,
        HANGUP,
    ]


def test_a_stream_without_a_banner(ami: ModuleType) -> None:
    parser = ami.Parser()
    assert [message.raw for message in parser.feed(HANGUP)] == [HANGUP]
    assert parser.banner is None
    assert only_one(ami, HANGUP).raw == HANGUP


def test_a_stream_that_starts_inside_a_message(ami: ModuleType) -> None:
    first, second = parse_at_every_size(ami, b"ndCallerID: 1\r\nCause: 16\r\n\r\n" + HANGUP)
    assert (type(first), first.name, first["Cause"]) == (ami.Message, None, "16")
    assert second.raw == HANGUP


def test_a_banner_again_in_the_middle_of_a_stream(ami: ModuleType) -> None:
    stream = BANNER + PONG + b"Asterisk Call Manager/12.0.0\r\n" + HANGUP
    parser = ami.Parser()
    parser.feed(stream)
    assert parser.banner == "Asterisk Call Manager/12.0.0"
    assert [message.raw for message in parse_at_every_size(ami, stream)] == [PONG, HANGUP]


@pytest.mark.parametrize("before", [PONG, HANGUP])
def test_only_asterisks_own_banner_is_known_later_on(ami: ModuleType, before: bytes) -> None:
    """There a line without a colon starts a message; the parser does not guess."""
    first, second = parse_at_every_size(ami, before + b"Whatever 1.0\r\n" + HANGUP)
    assert first.raw == before
    assert second.raw == b"Whatever 1.0\r\n" + HANGUP
    assert (second.name, second["Cause"], second.data) == ("Hangup", "16", ["Whatever 1.0"])


# --- Command, new style -----------------------------------------------------------------------

QUEUE_SHOW = (
    b"Response: Success\r\nActionID: lab-44\r\nMessage: Command output follows\r\n"
    b"Output: sales has 0 calls (max unlimited) in 'ringall' strategy, SL:0.0%\r\n"
    b"Output:    Members: \r\n"
    b"Output:       Chlo\xc3\xab (Local/103@agents/n) with penalty 2\r\n"
    b"Output: \r\n"
    b"Output:\r\n"
    b"Output:No Callers\r\n\r\n"
)


def test_new_style_command_output(ami: ModuleType) -> None:
    answer = only_one(ami, QUEUE_SHOW)
    assert isinstance(answer, ami.Response)
    assert answer.data == [
        "sales has 0 calls (max unlimited) in 'ringall' strategy, SL:0.0%",
        "   Members: ",
        "      Chloë (Local/103@agents/n) with penalty 2",
        "",
        "",
        "No Callers",
    ]
    assert answer.get_all("Output") == [line.strip() for line in answer.data]
    assert answer["Message"] == "Command output follows"
    assert answer.success


def test_a_refused_command_has_its_output_too(ami: ModuleType) -> None:
    answer = only_one(
        ami,
        b"Response: Error\r\nActionID: lab-45\r\nMessage: Command output follows\r\n"
        b"Output: No such command 'no such' (type 'core show help no' for more)\r\n\r\n",
    )
    assert answer.data == ["No such command 'no such' (type 'core show help no' for more)"]
    assert not answer.success


def test_an_events_output_header_is_no_command_output(ami: ModuleType) -> None:
    event = only_one(ami, b"Event: X\r\nOutput: a\r\nOutput: b\r\n\r\n")
    assert (event.data, event.get_all("Output")) == ([], ["a", "b"])


# --- Command, old style -----------------------------------------------------------------------

FOLLOWS = b"Response: Follows\r\nPrivilege: Command\r\nActionID: 7\r\n"


@pytest.mark.parametrize(
    ("output", "data"),
    [
        (b"one\ntwo\n--END COMMAND--\r\n", ["one", "two"]),
        (b"one\n\n\nfour\n--END COMMAND--\r\n", ["one", "", "", "four"]),
        (b"\nindented:\n   yes\n--END COMMAND--\r\n", ["", "indented:", "   yes"]),
        (b"\r\n\r\none\r\n\r\n--END COMMAND--\r\n", ["", "", "one", ""]),
        (b"System uptime: 1 hour\nEvent: none\n--END COMMAND--\r\n",
         ["System uptime: 1 hour", "Event: none"]),
        (b"two columns\nName: x\r\nResponse: y\r\n--END COMMAND--\r\n",
         ["two columns", "Name: x", "Response: y"]),
        (b"one\n --END COMMAND--\r\n", ["one"]),
        (b"one\n\t --END COMMAND--\n", ["one"]),
        (b"one\ntwo--END COMMAND--\r\n", ["one", "two"]),
        (b"  one: 1 --END COMMAND--\n", ["  one: 1 "]),
        (b"one: 1--END COMMAND--\r\n", ["one: 1"]),
        (b"one\n--END COMMAND\n--end command--\n--END COMMAND-- not\n--END COMMAND--\r\n",
         ["one", "--END COMMAND", "--end command--", "--END COMMAND-- not"]),
        (b"--END COMMAND--\r\n", []),
    ],
)  # fmt: skip
def test_old_style_command_output(ami: ModuleType, output: bytes, data: list[str]) -> None:
    answer = only_one(ami, FOLLOWS + output)
    assert type(answer) is ami.Response
    assert answer.raw == FOLLOWS + output
    assert answer.data == data
    assert dict(answer) == {"Response": "Follows", "Privilege": "Command", "ActionID": "7"}
    assert answer.success


@pytest.mark.parametrize("blank", [b"", b"\r\n", b"\n"])
@pytest.mark.parametrize("following", [HANGUP, PONG, FOLLOWS + b"x\n--END COMMAND--\r\n"])
def test_what_comes_after_the_marker_is_a_message(
    ami: ModuleType, blank: bytes, following: bytes
) -> None:
    answer = FOLLOWS + b"one\n\ntwo: 2\n--END COMMAND--\r\n"
    assert [message.raw for message in parse_at_every_size(ami, answer + blank + following)] == [
        answer,
        following,
    ]


@pytest.mark.parametrize(
    "head",
    [
        b"Response: Follows\r\nActionID: 7\r\nPrivilege: Command\r\n",
        b"ActionID: 7\r\nResponse: Follows\r\nPrivilege: Command\r\n",
        b"Response: Follows\nActionID: 7\nPrivilege: Command\n",
        b"Response:Follows\r\nActionID:7\r\nPrivilege:Command\r\n",
        b"Response : Follows \r\nActionID :7\r\n Privilege: Command\r\n",
    ],
)
def test_headers_before_old_style_output(ami: ModuleType, head: bytes) -> None:
    answer = only_one(ami, head + b"one: 1\n--END COMMAND--\r\n")
    assert dict(answer) == {"Response": "Follows", "ActionID": "7", "Privilege": "Command"}
    assert answer.data == ["one: 1"]
    assert answer.action_id == "7"


def test_a_marker_elsewhere_ends_nothing(ami: ModuleType) -> None:
    event = b"Event: X\r\nResponse: Follows\r\nText: --END COMMAND--\r\nCause: 1\r\n\r\n"
    assert only_one(ami, event)["Cause"] == "1"
    answer = b"Response: Success\r\nText: --END COMMAND--\r\nCause: 1\r\n\r\n"
    assert only_one(ami, answer)["Text"] == "--END COMMAND--"


# --- names, values, line ends -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        (b"AccountCode: \r\n", "AccountCode", ""),
        (b"AccountCode:\r\n", "AccountCode", ""),
        (b"AccountCode:7\r\n", "AccountCode", "7"),
        (b"AccountCode:  7 \t \r\n", "AccountCode", "7"),
        (b"AccountCode : 7\r\n", "AccountCode", "7"),
        (b"\tAccountCode\t:\t7\r\n", "AccountCode", "7"),
        (b"AppData: NAME=Pat: \"VIP\": yes\r\n", "AppData", 'NAME=Pat: "VIP": yes'),
        (b"RequestType: Action: DAHDIShowChannels\r\n",
         "RequestType", "Action: DAHDIShowChannels"),
        (b"RemoteAddress: IPV4/TCP/127.0.0.1/40014\r\n",
         "RemoteAddress", "IPV4/TCP/127.0.0.1/40014"),
        (b"From: [2001:db8::1]:5060\r\n", "From", "[2001:db8::1]:5060"),
        (b"Cause-txt: Normal Clearing\r\n", "Cause-txt", "Normal Clearing"),
        (b"AppData: two  spaces\r\n", "AppData", "two  spaces"),
        (b"AppData: a\rb\r\n", "AppData", "a\rb"),
        (b"AppData: a\r\r\n", "AppData", "a"),
        (b"AppData: a\x00b\r\n", "AppData", "a\x00b"),
        (b": nameless\r\n", "", "nameless"),
        (b"::\r\n", "", ":"),
        (b"A:b: c\r\n", "A", "b: c"),
        (b"A: \rb\r\n", "A", "b"),
        (b"A: b\t\r\n", "A", "b"),
        (b"A:  b\r\n", "A", "b"),
        (b"A: b \r\n", "A", "b"),
        (b"A\rB: c\r\n", "A\rB", "c"),
        (b"A\tB: c\r\n", "A\tB", "c"),
        (b"Value: say \\\"hi\\\"\\r\\n\\x7f\r\n", "Value", r"say \"hi\"\r\n\x7f"),
    ],
)  # fmt: skip
def test_one_header(ami: ModuleType, line: bytes, name: str, value: str) -> None:
    event = only_one(ami, b"Event: X\r\n" + line + b"Last: 1\r\n\r\n")
    wanted = [("Event", "X"), (name, value), ("Last", "1")]
    assert list(event.items()) == list(event.to_dict().items()) == wanted
    assert dict(event) == event.process()[0] == dict(wanted)
    assert (event[name], event.get_all(name), event.data) == (value, [value], [])


def test_a_value_that_ends_in_a_bare_line_feed(ami: ModuleType) -> None:
    sent = b"Response: Error\r\nActionID: lab-11\r\nMessage: No Contacts found\n\r\n\r\n"
    first, second = parse_at_every_size(ami, sent + PONG)
    assert first.raw == sent
    assert dict(first) == {
        "Response": "Error",
        "ActionID": "lab-11",
        "Message": "No Contacts found",
    }
    assert first.data == []
    assert second.raw == PONG


@pytest.mark.parametrize(
    "sent",
    [
        b"Event: X\r\nCause: 16\r\n\n",
        b"Event: X\r\nText: a\nCause: 16\r\n\r\n",
        b"Event: X\r\nText: a\n\nCause: 16\r\n\r\n",
        b"Event: X\r\nText: a\n\r\nCause: 16\r\n\r\n",
        b"Event: X\nCause: 16\n\n",
        b"Event: X\nCause: 16\n\r\n",
        b"Event: X\nText: a\r\nCause: 16\r\n\n",
    ],
    ids=[
        "crlf lf",
        "lf between headers",
        "two lf in a value",
        "lf crlf in a value",
        "lf only",
        "lf, crlf at the end",
        "lf first, then mixed",
    ],
)
def test_line_ends_of_every_make(ami: ModuleType, sent: bytes) -> None:
    event, after = parse_at_every_size(ami, sent + HANGUP)
    assert event.raw == sent
    assert (event.name, event["Cause"], event.get("Text", "a"), event.data) == ("X", "16", "a", [])
    assert after.raw == HANGUP


def test_a_stream_with_line_feeds_only(ami: ModuleType) -> None:
    sent = [
        b"Response: Success\nMessage: Hello\n\n",
        b"Event: Hangup\nCause: 16\n\n",
        b"Response: Follows\nPrivilege: Command\none\n\n--END COMMAND--\n",
        b"Event: Hangup\nCause: 17\n\n",
    ]
    messages = parse_at_every_size(ami, b"Asterisk Call Manager/1.0\n" + b"".join(sent))
    assert [message.raw for message in messages] == sent
    assert [message.data for message in messages] == [[], [], ["one", ""], []]
    assert [message.cause for message in (messages[1], messages[3])] == [16, 17]


@pytest.mark.parametrize("extra", [b"\r\n", b"\n", b"\r\n\r\n\r\n", b"\n\r\n\n"])
def test_extra_blank_lines_between_messages(ami: ModuleType, extra: bytes) -> None:
    stream = extra + BANNER + extra + PONG + extra + HANGUP + extra
    assert [message.raw for message in parse_at_every_size(ami, stream)] == [PONG, HANGUP]


def test_a_first_chunk_of_blank_lines(ami: ModuleType) -> None:
    parser = ami.Parser()
    assert parser.feed(b"\r\n\n") == []
    (message,) = parser.feed(b"\n\r\nEvent: Hangup\r\n\r\n")
    assert (message.name, parser.bytes) == ("Hangup", 23)
    assert parser.close() == []


def test_a_test_event_and_the_blank_line_after_it(ami: ModuleType) -> None:
    sent = b"Event: TestEvent\r\nType: StateChange\r\nNewState: SINGLE\r\n\r\n"
    assert [one.raw for one in parse_at_every_size(ami, sent + b"\r\n" + HANGUP)] == [sent, HANGUP]


def test_a_line_without_a_colon(ami: ModuleType) -> None:
    event = only_one(ami, b"Event: X\r\nno colon here\r\n  nor here \r\nCause: 16\r\n\r\n")
    assert dict(event) == {"Event": "X", "Cause": "16"}
    assert event.data == ["no colon here", "  nor here "]


def test_a_carriage_return_before_the_lines_end(ami: ModuleType) -> None:
    """One CR belongs to the terminator of a line; a second CR belongs to the line."""
    for sent, data in [(b"\r\r\n", ["\r"]), (b"x\r\r\n", ["x\r"]), (b"\rx\r\n", ["\rx"])]:
        event, after = parse_at_every_size(ami, b"Event: Hangup\r\n" + sent + b"\r\n" + HANGUP)
        assert (event.data, event.raw) == (data, b"Event: Hangup\r\n" + sent + b"\r\n")
        assert after.raw == HANGUP


# --- repeated headers -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["Event", "Response", "Neither"])
@pytest.mark.parametrize("name", ["ChanVariable", "Variable", "Output", "State"])
def test_a_repeated_header(ami: ModuleType, name: str, kind: str) -> None:
    head = f"{kind}: X\r\n{name}: a=1\r\nUniqueid: 1.0\r\n{name}: b=2\r\n{name}:\r\n{name}: a=3\r\n"
    event = only_one(ami, head.encode() + b"\r\n")
    assert event.get_all(name) == ["a=1", "b=2", "", "a=3"]
    assert event[name] == "a=3"
    assert list(event.items()) == [(kind, "X"), (name, "a=3"), ("Uniqueid", "1.0")]
    assert event.to_dict() == {
        kind: "X",
        name: ["a=1", "b=2", "", "a=3"],
        "Uniqueid": "1.0",
    }


def test_variables_of_several_channels(ami: ModuleType) -> None:
    event = only_one(
        ami,
        b"Event: DialBegin\r\nChanVariable: CUSTOMER=7\r\nDestChanVariable: CUSTOMER=8\r\n"
        b"DestChanVariable: LEG=b\r\nChanVariable(Local/x): k=v\r\n"
        b"ChanVariable(PJSIP/9-0001): u=http://x:1/\r\n\r\n",
    )
    assert event.get_all("ChanVariable") == ["CUSTOMER=7"]
    assert event.get_all("DestChanVariable") == ["CUSTOMER=8", "LEG=b"]
    assert event["ChanVariable(Local/x)"] == "k=v"
    assert event["ChanVariable(PJSIP/9-0001)"] == "u=http://x:1/"
    assert len(event) == 5


# --- bytes and characters ---------------------------------------------------------------------


def test_bytes_that_are_not_utf_8(ami: ModuleType) -> None:
    sent = b"Event: X\r\nName: Chlo\xeb \xff\xfe\r\nN\xe9: 1\r\n\xc3 no colon\r\n\r\n"
    event = only_one(ami, sent)
    assert event["Name"] == "Chlo\udceb \udcff\udcfe"
    assert event["N\udce9"] == "1"
    assert event.data == ["\udcc3 no colon"]
    assert event["Name"].encode("utf-8", "surrogateescape") == b"Chlo\xeb \xff\xfe"
    assert event.raw == sent


@pytest.mark.parametrize("name", ["Chloë", "Ågren", "日本", "\N{TELEPHONE RECEIVER}", "e\u0301"])
def test_a_character_cut_by_a_chunks_edge(ami: ModuleType, name: str) -> None:
    event = only_one(ami, f"Event: QueueMember\r\nName: {name}\r\n{name}: 1\r\n\r\n".encode())
    assert (event["Name"], event[name]) == (name, "1")


# --- what a message is ------------------------------------------------------------------------


def test_an_event_that_carries_a_response_is_an_event(ami: ModuleType) -> None:
    for word in (b"Success", b"Failure", b"Follows"):
        event = only_one(
            ami,
            b"Event: OriginateResponse\r\nPrivilege: call,all\r\nActionID: lab-1\r\n"
            b"Response: " + word + b"\r\nReason: 4\r\n\r\n",
        )
        assert type(event) is ami.core_events.OriginateResponse
        assert (event.name, event["Response"]) == ("OriginateResponse", word.decode())


def test_event_need_not_come_first(ami: ModuleType) -> None:
    event = only_one(ami, b"Response: Success\r\nPrivilege: a\r\nEvent: Hangup\r\n\r\n")
    assert type(event) is ami.core_events.Hangup
    assert event.name == "Hangup"


def test_the_first_of_two_event_headers_names_the_event(ami: ModuleType) -> None:
    event = only_one(ami, b"Event: Hangup\r\nEvent: Newchannel\r\n\r\n")
    assert type(event) is ami.core_events.Hangup
    assert (event.name, event["Event"]) == ("Hangup", "Newchannel")


def test_action_id_before_response(ami: ModuleType) -> None:
    answer = only_one(ami, b"ActionID: 9\r\nResponse: Success\r\nMessage: ok\r\n\r\n")
    assert type(answer) is ami.Response
    assert (answer.name, answer.action_id, answer.message) == ("Success", "9", "ok")


def test_unrelated_messages_between_list_events(ami: ModuleType) -> None:
    stream = [
        b"Response: Success\r\nActionID: a\r\nEventList: start\r\n\r\n",
        b"Event: QueueMember\r\nQueue: q\r\nActionID: a\r\n\r\n",
        HANGUP,
        PONG,
        b"Event: QueueMember\r\nQueue: q\r\nActionID: b\r\n\r\n",
        b"Event: QueueStatusComplete\r\nActionID: a\r\nEventList: Complete\r\n\r\n",
    ]
    messages = parse_at_every_size(ami, b"".join(stream))
    assert [message.raw for message in messages] == stream
    assert [message.action_id for message in messages] == ["a", "a", None, None, "b", "a"]


def test_goodbye(ami: ModuleType) -> None:
    answer = only_one(ami, b"Response: Goodbye\r\nActionID: 3\r\nMessage: Thanks.\r\n\r\n")
    assert type(answer) is ami.Response
    assert (answer.name, answer.message, answer.success) == ("Goodbye", "Thanks.", True)


def test_neither_event_nor_response(ami: ModuleType) -> None:
    message = only_one(ami, b"Foo: 1\r\nevent: Hangup\r\n\r\n")
    assert type(message) is ami.Message
    assert (message.name, dict(message)) == (None, {"Foo": "1", "event": "Hangup"})


def test_an_event_without_a_name(ami: ModuleType) -> None:
    event = only_one(ami, b"Event:\r\nCause: 1\r\n\r\n")
    assert (type(event), event.name, event["Cause"]) == (ami.Event, "", "1")


@pytest.mark.parametrize(
    "sent",
    [b"Event:Hangup", b"Event:  Hangup ", b"Event : Hangup", b" Event: Hangup", b"Event:\tHangup"],
)
def test_spaces_around_an_events_name(ami: ModuleType, sent: bytes) -> None:
    event = only_one(ami, sent + b"\r\nCause: 16\r\n\r\n")
    assert type(event) is ami.core_events.Hangup
    assert (event.name, event.cause) == ("Hangup", 16)


# --- header case and sentinels ----------------------------------------------------------------


@pytest.mark.parametrize("spelling", ["Uniqueid", "UniqueID", "UniqueId", "uniqueid"])
def test_header_case_differs_by_event(ami: ModuleType, spelling: str) -> None:
    event = only_one(ami, f"Event: Hangup\r\n{spelling}: 1795427317.0\r\n\r\n".encode())
    assert event[spelling] == "1795427317.0"
    assert event.uniqueid == "1795427317.0"
    for other in {"Uniqueid", "UniqueID", "UniqueId", "uniqueid"} - {spelling}:
        assert other not in event
        assert event.get(other) is None
        assert event.get_all(other) == []
        assert event.get(other, ignore_case=True) == "1795427317.0"
        with pytest.raises(KeyError):
            event[other]


@pytest.mark.parametrize("lines", [b"A: 1\r\n A : 2\r\n", b" A : 2\r\nA: 1\r\n"])
@pytest.mark.parametrize("kind", [b"Event: X", b"Response: Success"])
def test_a_name_sent_without_spaces_goes_first(ami: ModuleType, kind: bytes, lines: bytes) -> None:
    message = only_one(ami, kind + b"\r\n" + lines + b"\r\n")
    assert message["A"] == message.get("A") == "1"
    assert dict(message.items())["A"] == message.process()[0]["A"] == "1"
    assert sorted(message.get_all("A")) == ["1", "2"]
    for spaced in (" A", "A ", " A "):
        assert spaced not in message
        assert message.get(spaced, ignore_case=True) is None
        assert message.get_all(spaced) == []


def test_the_exact_spelling_goes_first(ami: ModuleType) -> None:
    event = only_one(ami, b"Event: Hangup\r\nUniqueID: a\r\nUniqueid: b\r\nUNIQUEID: c\r\n\r\n")
    assert event.uniqueid == "b"
    assert [event.get(name, ignore_case=True) for name in ("UniqueID", "Uniqueid", "UNIQUEID")] == [
        *("a", "b", "c")
    ]
    assert event.get("uniqueid", ignore_case=True) == "c"


@pytest.mark.parametrize("sentinel", ["<unknown>", "unknown", "(null)"])
def test_sentinels_stay_in_the_raw_text(ami: ModuleType, sentinel: str) -> None:
    event = only_one(ami, f"Event: Hangup\r\nCallerIDNum: {sentinel}\r\n\r\n".encode())
    assert event["CallerIDNum"] == event.get_all("CallerIDNum")[0] == sentinel
    assert dict(event)["CallerIDNum"] == event.to_dict()["CallerIDNum"] == sentinel
    assert event.caller_id_num is None


# --- what is at the edges, and what only looks like a space ---------------------------------------


@pytest.mark.parametrize("edge", [b"X", b"\x0b", b"\x0c", b"\x00"], ids=repr)
def test_only_spaces_and_tabs_are_removed(ami: ModuleType, edge: bytes) -> None:
    """Around names and values; vertical tabs and form feeds do not count as spaces on the wire."""
    sent = edge + b"a" + edge
    text = sent.decode()

    class Custom(ami.Event):
        __slots__ = ()
        named = ami.headers.Text(text)

    for begin, end in ((b"", b": "), (b" \t", b"\t : \t")):
        lines = b"Event: " + sent + b"\r\n" + begin + sent + end + sent + b" \t\r\n\r\n"
        event = only_one(ami, lines)
        wanted = {"Event": text, text: text}
        assert (event.name, dict(event), event.to_dict()) == (text, wanted, wanted)
        assert event.process() == (wanted, [])
        assert (event[text], event.get_all(text), Custom(lines).named) == (text, [text], text)
        assert event.get(text[1:-1]) is None
        answer = only_one(ami, lines.replace(b"Event:", b"Response:"))
        assert (answer.name, dict(answer)) == (text, {"Response": text, text: text})


@pytest.mark.parametrize("edge", [b"X", b"\x0b", b"\x0c"], ids=repr)
def test_an_events_name_is_served_with_what_is_at_its_edges(ami: ModuleType, edge: bytes) -> None:
    """Also if it is not the first header, and contains unusual characters."""
    name = (edge + b"a-b" + edge).decode()
    for head in (b"", b"A: 1\r\n"):
        stream = head + b"Event: " + name.encode() + b"\r\n\r\n"
        assert [one.raw for one in ami.Parser(only={name}).feed(stream)] == [stream]
        assert ami.Parser(only={"a-b"}).feed(stream) == []


@pytest.mark.parametrize("edge", [b"X", b"\x0b", b"\x0c"], ids=repr)
def test_what_is_at_the_edges_of_a_word_makes_another(ami: ModuleType, edge: bytes) -> None:
    """Then it is neither Event, Response nor Follows."""
    for word in (b"Event", b"Response"):
        for name in (edge + word, word + edge):
            assert only_one(ami, name + b": a\r\n\r\n").__class__ is ami.Message
    for word in (edge + b"Follows", b"Follows" + edge):
        answer = only_one(ami, b"Response: " + word + b"\r\nA: 1\r\n\r\n")
        assert (dict(answer), answer.data) == ({"Response": word.decode(), "A": "1"}, [])


@pytest.mark.parametrize("before", [b"X", b"\x0b", b"\x0c", b"\r"], ids=repr)
def test_what_stands_before_the_marker_is_output(ami: ModuleType, before: bytes) -> None:
    answer = only_one(ami, FOLLOWS + b"one\n" + before + b"--END COMMAND--\r\n")
    assert answer.data == ["one", before.decode()]


@pytest.mark.parametrize("name", ["ActionID", "Privilege", "Message"])
def test_the_headers_of_old_style_output_may_end_in_a_bare_line_feed(
    ami: ModuleType, name: str
) -> None:
    head = f"Response: Follows\r\n{name}: 7\n".encode()
    answer = only_one(ami, head + b"Other: 1\n--END COMMAND--\r\n")
    assert (dict(answer), answer.data) == ({"Response": "Follows", name: "7"}, ["Other: 1"])


def test_a_name_ends_at_the_first_colon(ami: ModuleType) -> None:
    for kind in (b"Event", b"Response"):
        message = only_one(ami, kind + b": Unheard\r\nA:b: c\r\nA: d: e\r\n\r\n")
        assert message.get_all("A") == ["b: c", "d: e"]
        for name in ("A:b", "A: d", "A:", ":"):
            assert name not in message
            assert message.get_all(name) == []


def test_an_events_name_may_have_a_colon(ami: ModuleType) -> None:
    for head in (b"", b"A: 1\r\n"):
        event = only_one(ami, head + b"Event: a:b: c\r\n\r\n")
        assert (type(event), event.name, event["Event"]) == (ami.Event, "a:b: c", "a:b: c")


def test_of_names_with_spaces_around_the_last_goes_first(ami: ModuleType) -> None:
    for kind in (b"Event", b"Response"):
        message = only_one(ami, kind + b": Unheard\r\nA : 1\r\n A: 2\r\nA\t: 3\r\nB: 4\r\n\r\n")
        assert (message["A"], message.get_all("A")) == ("3", ["1", "2", "3"])
        assert message.get("a", ignore_case=True) == "3"


def test_a_name_holds_no_line_end(ami: ModuleType) -> None:
    for kind in (b"Event", b"Response"):
        message = only_one(ami, kind + b": Unheard\r\na\nb: 1\r\n\r\n")
        assert (message.data, message["b"]) == (["a"], "1")
        for name in ("a\nb", "\nb", "b\n"):
            assert name not in message
            assert message.get_all(name) == []

"""What the Simulator answers, as an Asterisk 22 was seen to answer."""

from __future__ import annotations

import hashlib
import importlib
import re
from types import ModuleType
from typing import Any

import pytest
from support.blocking import connected, logged_in
from support.paths import DATA


@pytest.fixture(scope="module")
def testing() -> ModuleType:
    return importlib.import_module("amistream.testing")


def events_of(client: Any, action: str, *lines: str) -> list[bytes]:
    """The answer to a list action in messages, up to its finisher."""
    client.send(f"Action: {action}", "ActionID: L", *lines)
    found = client.read_until(b"EventList: Complete\r\n") + client.read_until(b"\r\n\r\n")
    return found.removesuffix(b"\r\n\r\n").split(b"\r\n\r\n")


# --- login ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (["Action: Challenge"], b"Must specify AuthType"),
        (["Action: Challenge", "AuthType: SHA"], b"Must specify AuthType"),
        (["Action: Login", "Username: nobody", "Secret: labsecret"], b"Authentication failed"),
        (["Action: Login", "Username: lab", "AuthType: MD5", "Key: 0"], b"Authentication failed"),
        (["Action: Login"], b"Authentication failed"),
        (["Action: QueueStatus"], b"Permission denied"),
        (["Action: NoSuchAction"], b"Permission denied"),
        (["X: " + 2000 * "x"], b"Failed to parse message: line too long"),
        ([f"H{number}: x" for number in range(200)], b"Too many lines in message"),
    ],
)
def test_before_a_login(testing: ModuleType, lines: list[str], text: bytes) -> None:
    with testing.Simulator() as pbx, connected(pbx) as client:
        client.read_until(b"\r\n")
        answer = client.ask(*lines)
        assert answer.startswith(b"Response: Error\r\n")
        assert text in answer
        if text == b"Authentication failed":
            assert client.rest() == b""
        else:
            assert b"accepted" in client.login()


def test_a_key_without_a_challenge_is_wrong(testing: ModuleType) -> None:
    with testing.Simulator() as pbx, connected(pbx) as client:
        client.read_until(b"\r\n")
        key = hashlib.md5(b"labsecret").hexdigest()
        login = ("Action: Login", "Username: lab", "AuthType: MD5", f"Key: {key}")
        assert b"Authentication failed" in client.ask(*login)


def test_a_key_counts_for_its_challenge_only(testing: ModuleType) -> None:
    with testing.Simulator() as pbx, connected(pbx) as client:
        challenges = []
        for _ in range(2):
            answer = client.ask("Action: Challenge", "AuthType: md5")
            challenges += re.findall(rb"Challenge: (\d+)\r\n", answer)
        key = hashlib.md5(challenges[0] + b"labsecret").hexdigest()
        login = ("Action: Login", "Username: lab", "AuthType: MD5", f"Key: {key}")
        assert b"Authentication failed" in client.ask(*login)


@pytest.mark.parametrize(
    ("events", "booted"),
    [
        (None, True),
        ("", True),
        ("on", True),
        ("system,call", True),
        ("call", False),
        ("off", False),
    ],
)
def test_fully_booted_comes_if_the_mask_has_its_class(
    testing: ModuleType, events: str | None, booted: bool
) -> None:
    with testing.Simulator() as pbx, connected(pbx) as client:
        client.read_until(b"\r\n")
        client.login(*([] if events is None else [f"Events: {events}"]))
        client.send("Action: Ping")
        assert (b"Event: FullyBooted" in client.read_until(b"Ping: Pong")) == booted
        client.read_until(b"\r\n\r\n")
        assert b"Already authenticated" in client.login()


def test_a_server_that_never_tells_that_it_has_booted(testing: ModuleType) -> None:
    with testing.Simulator(boots=False) as pbx, logged_in(pbx) as client:
        assert b"Pong" in client.ask("Action: Ping")


@pytest.mark.parametrize(
    ("write", "denied"),
    [
        ("all", set()),
        ("", {"Originate", "Command", "Getvar", "CoreSettings", "Filter", "UserEvent"}),
        ("reporting", {"Originate", "Command", "Filter", "UserEvent"}),
        ("call, user", {"Command", "CoreSettings", "Filter"}),
        ("system", {"Originate", "Command", "Getvar", "UserEvent"}),
    ],
)
def test_permissions_of_actions(testing: ModuleType, write: str, denied: set[str]) -> None:
    actions = {"Originate", "Command", "Getvar", "CoreSettings", "Filter", "UserEvent"}
    users = {"x": testing.User("x", write=write)}
    account = ("Username: x", "Secret: x", "Events: off")
    with testing.Simulator(users=users) as pbx, logged_in(pbx, *account) as client:
        found = {
            name
            for name in actions
            if b"Permission denied" in client.ask(f"Action: {name}", "ActionID: 1")
        }
        assert found == denied
        assert b"Pong" in client.ask("Action: Ping")


# --- the order of answers and events -------------------------------------------------------------


def test_answers_come_in_order_and_no_event_comes_inside_an_action(testing: ModuleType) -> None:
    with testing.Simulator() as pbx, logged_in(pbx) as client:

        @pbx.on("Emits")
        def emits(headers: Any) -> None:
            pbx.emit("Hangup", {"Number": headers["Number"]})

        for number in range(200):
            client.send("Action: Emits", f"Number: {number}", f"ActionID: {number}")
        for number in range(200):
            assert b"ActionID: %d\r\n" % number in client.read_until(b"\r\n\r\n")
            assert b"Number: %d\r\n" % number in client.read_until(b"\r\n\r\n")


def test_a_delayed_answer_holds_the_events_back(testing: ModuleType) -> None:
    with testing.Simulator(answer_delay=0.2) as pbx, connected(pbx) as client:
        client.login()
        client.read_until(b"FullyBooted")
        client.read_until(b"\r\n\r\n")
        client.send("Action: Ping")
        while not any(one.get("Action") == "Ping" for one in pbx.actions):
            pass
        pbx.emit("Hangup")
        assert b"Pong" in client.read_until(b"\r\n\r\n")
        assert b"Hangup" in client.read_until(b"\r\n\r\n")


def test_a_handler_may_give_a_list_headers_or_bytes(testing: ModuleType) -> None:
    with testing.Simulator() as pbx, logged_in(pbx) as client:
        members = [("ParkedCall", {"ParkeeChannel": "a"}), ("ParkedCall", {"X": ["1", "2"]})]
        pbx.on("ParkedCalls")(lambda headers: members)
        pbx.on("MyList")(lambda headers: members)
        pbx.on("Refused")(lambda headers: {"Response": "Error", "Message": "no"})
        pbx.on("Raw")(lambda headers: b"Response: Odd\r\n\r\n")
        pbx.on("Nothing")(lambda headers: None)
        for action, finisher in (("ParkedCalls", b"ParkedCallsComplete"), ("mylist", b"mylist")):
            start, first, second, end = events_of(client, action)
            assert b"EventList: start" in start
            assert b"ParkeeChannel: a\r\nActionID: L" in first
            assert b"X: 1\r\nX: 2\r\n" in second
            assert b"Event: " + finisher in end
            assert b"ListItems: 2" in end
        refused = client.ask("Action: refused", "ActionID: 1")
        assert refused == b"Response: Error\r\nActionID: 1\r\nMessage: no\r\n\r\n"
        assert client.ask("Action: Raw") == b"Response: Odd\r\n\r\n"
        assert client.ask("Action: Nothing") == b"Response: Success\r\n\r\n"


def test_emit_refuses_what_would_be_two_headers(testing: ModuleType) -> None:
    with testing.Simulator() as pbx:
        for headers in ({"A": "x\r\nB: y"}, {"A\n": "x"}, {"A": ["x", "y\r"]}):
            with pytest.raises(ValueError, match="line end"):
                pbx.emit("Hangup", headers)


# --- events --------------------------------------------------------------------------------------


def test_a_source_is_played_only_to_who_takes_events(testing: ModuleType) -> None:
    classes = ("call", "agent", "call", "system")
    numbered = enumerate(classes)
    source = b"".join(
        b"Event: E%d\r\nPrivilege: %b,all\r\n\r\n" % (n, c.encode()) for n, c in numbered
    )
    with testing.Simulator(source, boots=False) as pbx, connected(pbx) as client:
        client.read_until(b"\r\n")
        client.login("Events: off")
        assert b"Pong" in client.ask("Action: Ping")
        client.send("Action: Events", "EventMask: call,system")
        assert b"Events: On" in client.read_until(b"\r\n\r\n")
        found = client.read_until(b"Event: E3\r\n")
        assert re.findall(rb"Event: (\w+)", found) == [b"E0", b"E2", b"E3"]
        client.read_until(b"\r\n\r\n")
        assert b"Events: Off" in client.ask("Action: Events", "EventMask: off")
        pbx.emit("Hangup")
        assert b"Pong" in client.ask("Action: Ping")


def test_what_is_played_at_full_speed_waits_while_events_are_off(testing: ModuleType) -> None:
    event = b"Event: Hangup\r\nPrivilege: call,all\r\nX: " + 500 * b"x" + b"\r\n\r\n"
    number = 20_000
    with testing.Simulator(number * event, one_by_one=True) as pbx, logged_in(pbx) as client:
        client.send("Action: Events", "EventMask: off")
        sent = client.read_until(b"Events: Off\r\n\r\n").count(event)
        assert b"Pong" in client.ask("Action: Ping")
        assert pbx.sent["messages"] == sent < number
        on = client.ask("Action: Events", "EventMask: on")
        assert on.endswith(b"Events: On\r\n\r\n")
        assert client.read_size((number - sent) * len(event)).count(event) == number - sent
        assert pbx.wait_played()


def test_filters(testing: ModuleType) -> None:
    names = ("Hangup", "HangupRequest", "Newchannel", "Newstate")
    cases = [
        (["Filter: Event: Hangup"], {"Hangup", "HangupRequest"}),
        (["MatchCriteria: name(Hangup),method(none)"], {"Hangup"}),
        (["Filter: !Event: New"], {"Hangup", "HangupRequest"}),
        (["Filter: Event: Hangup", "Filter: !Request", "Filter: Newstate"], {"Hangup", "Newstate"}),
        (["Filter: ^Event: Hangup$"], set()),
    ]
    with testing.Simulator() as pbx:
        for filters, passed in cases:
            with logged_in(pbx) as client:
                for one in filters:
                    done = client.ask("Action: Filter", "Operation: Add", one)
                    assert done == b"Response: Success\r\nMessage: Success\r\n\r\n"
                for name in names:
                    pbx.emit(name)
                client.send("Action: QueueSummary")
                client.send("Action: Ping")
                data = client.read_until(b"Ping: Pong")
                assert {
                    name for name in names if b"Event: %b\r\n" % name.encode() in data
                } == passed
                assert b"Event: QueueSummary\r\n" in data


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (["Operation: Add", "Filter: ("], b"did not compile"),
        (["Operation: Add", "Filter: "], b"formatted incorrectly"),
        (["Operation: Add", "MatchCriteria: name(Hangup)"], b"formatted incorrectly"),
        (["Operation: List"], b"Unknown operation"),
    ],
)
def test_filters_that_are_refused(testing: ModuleType, lines: list[str], text: bytes) -> None:
    with testing.Simulator() as pbx, logged_in(pbx) as client:
        assert text in client.ask("Action: Filter", *lines)


def test_a_user_event_has_its_headers(testing: ModuleType) -> None:
    with testing.Simulator() as pbx, logged_in(pbx) as client:
        client.send("Action: UserEvent", "UserEvent: Test", "ActionID: 1", "X: y")
        assert b"Message: Event Sent" in client.read_until(b"\r\n\r\n")
        event = client.read_until(b"\r\n\r\n")
        assert event.startswith(b"Event: UserEvent\r\nPrivilege: user,all\r\n")
        assert b"UserEvent: Test\r\n" in event
        assert b"X: y\r\n" in event
        assert b"Action: " not in event


# --- calls ---------------------------------------------------------------------------------------


def test_a_call_from_originate_to_hangup(testing: ModuleType) -> None:
    with testing.Simulator(originate_delay=0.05) as pbx, logged_in(pbx) as client:
        originate = ["Action: Originate", "ActionID: o", "Channel: Local/1@x/n", "Async: true"]
        variables = ['Variable: A="1,2\\\\ \\"x\\""', "Variable: B=plain"]
        queued = client.ask(*originate, *variables)
        assert b"Response: Success\r\nActionID: o\r\n" in queued
        assert b"Event: Newchannel" in client.read_until(b"\r\n\r\n")
        response = client.read_until(b"\r\n\r\n")
        assert b"Event: OriginateResponse\r\n" in response
        assert b"ActionID: o\r\nResponse: Success\r\n" in response
        assert b"Reason: 4\r\n" in response
        channel = re.findall(rb"Channel: (.*)\r\n", response)[0].decode()
        place = f"Channel: {channel}"
        assert b'Value: 1,2\\ "x"\r\n' in client.ask("Action: Getvar", place, "Variable: A")
        assert b"Value: plain\r\n" in client.ask("Action: Getvar", place, "Variable: B")
        assert b"Value: \r\n" in client.ask("Action: Getvar", "Variable: A")
        client.ask("Action: Setvar", place, "Variable: A", "Value: (new) ")
        assert b"Value: (new) \r\n" in client.ask("Action: Getvar", place, "Variable: A")
        for action in ("CoreShowChannels", "Status"):
            _, member, end = events_of(client, action)
            assert f"Channel: {channel}\r\n".encode() in member
            assert b"ListItems: 1" in end
        assert b"successful" in client.ask("Action: Redirect", place, "Context: c", "Exten: 1")
        assert b"Channel Hungup" in client.ask("Action: Hangup", place)
        hangup = client.read_until(b"\r\n\r\n")
        assert b"Event: Hangup\r\n" in hangup
        assert b"Cause: 16\r\n" in hangup
        for action in ("Hangup", "Getvar", "Setvar"):
            assert b"No such channel" in client.ask(f"Action: {action}", place, "Variable: A")
        assert b"does not exist" in client.ask("Action: Redirect", place)
        assert len(events_of(client, "CoreShowChannels")) == 2


def test_hanging_up_by_pattern(testing: ModuleType) -> None:
    with testing.Simulator() as pbx, logged_in(pbx) as client:
        for number in (1, 2, 3):
            client.ask("Action: Originate", f"Channel: PJSIP/10{number}", "Async: 1")
            client.read_until(b"Event: OriginateResponse")
            client.read_until(b"\r\n\r\n")
        _, *members, end = events_of(client, "Hangup", "Channel: /10[12]/")
        assert [b"PJSIP/101" in members[0], b"PJSIP/102" in members[1]] == [True, True]
        assert b"ListItems: 2" in end
        assert [name[:9] for name in pbx.pbx.channels] == ["PJSIP/103"]
        assert client.read_until(b"\r\n\r\n").startswith(b"Event: Hangup\r\n")
        assert client.read_until(b"\r\n\r\n").startswith(b"Event: Hangup\r\n")
        assert b"Regex compile failed" in client.ask("Action: Hangup", "Channel: /(/")


@pytest.mark.parametrize(("word", "reason"), [("nosuch", 0), ("busy", 5), ("noanswer", 3)])
def test_calls_that_fail(testing: ModuleType, word: str, reason: int) -> None:
    channel = f"Channel: PJSIP/{word}"
    with testing.Simulator() as pbx, logged_in(pbx) as client:
        client.ask("Action: Originate", channel, "Async: true", "ActionID: 1")
        response = client.read_until(b"\r\n\r\n")
        assert b"Response: Failure\r\n" in response
        assert b"Reason: %d\r\nUniqueid: <unknown>\r\n" % reason in response
        assert b"Originate failed" in client.ask("Action: Originate", channel)


def test_originate_that_is_refused(testing: ModuleType) -> None:
    with testing.Simulator() as pbx, logged_in(pbx) as client:
        assert b"Channel not specified" in client.ask("Action: Originate", "Async: true")
        bad = ("Channel: PJSIP/1", "Timeout: soon")
        assert b"Invalid timeout" in client.ask("Action: Originate", *bad)


def test_who_may_not_read_call_gets_no_originate_response(testing: ModuleType) -> None:
    users = {"lab": "labsecret", "x": testing.User("x", read="system")}
    account = ("Username: x", "Secret: x")
    with (
        testing.Simulator(users=users) as pbx,
        logged_in(pbx, *account) as client,
        logged_in(pbx) as other,
    ):
        client.read_until(b"Booted\r\n\r\n")
        client.ask("Action: Originate", "Channel: PJSIP/1", "Async: true", "ActionID: 1")
        assert b"Pong" in client.ask("Action: Ping")
        other.read_until(b"OriginateResponse")
        assert b"ActionID: 1\r\n" in other.read_until(b"\r\n\r\n")


def test_what_clients_can_make_is_bounded(
    testing: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("amistream.testing.answers.MOST_KEPT", 3)
    with testing.Simulator() as pbx, logged_in(pbx) as client:
        for number in range(5):
            client.ask("Action: Setvar", f"Variable: V{number}", "Value: x")
            client.ask("Action: QueueAdd", "Queue: sales", f"Interface: Local/{number}")
            client.ask("Action: Originate", "Channel: PJSIP/1", "Async: 1", "ActionID: 1")
            client.read_until(b"OriginateResponse")
            client.read_until(b"\r\n\r\n")
        assert [name for _, name in pbx.variables] == ["V2", "V3", "V4"]
        assert len(pbx.queues["sales"]) == 3
        assert len(pbx.pbx.channels) == 3


# --- lists and queues ----------------------------------------------------------------------------


def test_queues(testing: ModuleType) -> None:
    with testing.Simulator() as pbx, logged_in(pbx) as client:
        where = ("Queue: support", "Interface: Local/9@x")
        add = client.ask("Action: QueueAdd", *where, "MemberName: New", "Penalty: 3")
        assert b"Added interface to queue" in add
        assert b"Already there" in client.ask("Action: QueueAdd", *where)
        assert b"No such queue" in client.ask("Action: QueueAdd", "Queue: x", "Interface: y")
        assert b"not specified" in client.ask("Action: QueueAdd", "Queue: support")
        paused = client.ask("Action: QueuePause", "Interface: Local/9@x", "Paused: true")
        assert b"Interface paused successfully" in paused
        _, params, *members, end = events_of(client, "QueueStatus", "Queue: support")
        assert b"Event: QueueParams\r\nQueue: support\r\n" in params
        assert len(members) == 3
        assert b"Name: New\r\nLocation: Local/9@x\r\n" in members[-1]
        assert b"Paused: 1\r\nPenalty: 3\r\n" in members[-1]
        assert b"ListItems: 4" in end
        _, summary, end = events_of(client, "QueueSummary", "Queue: support")
        assert b"LoggedIn: 3\r\nAvailable: 2\r\n" in summary
        assert b"Removed interface" in client.ask("Action: QueueRemove", *where)
        assert b"Not there" in client.ask("Action: QueueRemove", *where)
        not_found = client.ask("Action: QueuePause", "Interface: Local/9@x", "Paused: true")
        assert b"Interface not found" in not_found


def test_the_queues_of_a_call_centre_are_those_that_its_events_name(testing: ModuleType) -> None:
    options = testing.Options(seconds=3, calls_per_second=5, queues=3, agents=20, utf8=False)
    with testing.Simulator(options) as pbx:
        stream = b"".join(testing.Workload(options).events())
        assert set(re.findall(rb"^Queue: (.*)\r", stream, re.MULTILINE)) <= {
            name.encode() for name in pbx.queues
        }
        interfaces = {one.interface.encode() for row in pbx.queues.values() for one in row}
        assert set(re.findall(rb"^Interface: (.*)\r", stream, re.MULTILINE)) <= interfaces


def test_every_empty_list_is_as_asterisk_sent_it(ami: ModuleType, testing: ModuleType) -> None:
    """But for the texts of Message in successes, and DeviceStateList, which has members here."""
    recorded = (DATA / "empty-lists.ami").read_bytes()
    parser = ami.Parser()
    theirs = parser.feed(recorded) + parser.close()
    answers = [one for one in theirs if isinstance(one, ami.Response)]
    named = {"DeviceStateList", "PJSIPShowEndpoints", "QueueStatus", "QueueSummary"}
    asked = [one.action_id for one in answers if one.action_id not in named]
    assert len(asked) > 30
    with testing.Simulator() as pbx, logged_in(pbx) as client:
        given = {"Hangup": ["Channel: /nosuch/"], "PJSIPShowEndpoint": ["Endpoint: carol"]}
        for action in asked:
            client.send(f"Action: {action}", f"ActionID: {action}", *given.get(action, []))
        client.send("Action: Logoff")
        ours = ami.Parser().feed(client.rest())
    for action in asked:
        first, second = (
            [
                (one.name, one.get("Response"), one.get("EventList"), one.get("ListItems"))
                for one in messages
                if one.get("ActionID") == action
            ]
            for messages in (ours, theirs)
        )
        assert first == second, action


# --- commands ------------------------------------------------------------------------------------


def test_commands_in_both_styles(testing: ModuleType) -> None:
    version = ("Action: Command", "Command: core show version", "ActionID: 1")
    with testing.Simulator() as pbx, logged_in(pbx) as client:
        answer = client.ask(*version)
        assert answer.startswith(b"Response: Success\r\nActionID: 1\r\nMessage: Command output fol")
        assert b"\r\nOutput: Asterisk 22" in answer
        unknown = client.ask("Action: Command", "Command: nope")
        assert unknown.startswith(b"Response: Error\r\n")
        assert b"Output: No such command 'nope' (type 'core show help nope'" in unknown
        assert b"No command provided" in client.ask("Action: Command")
    with testing.Simulator(old_style=True) as pbx, logged_in(pbx) as client:
        answer = client.ask(*version)
        head = b"Response: Follows\r\nPrivilege: Command\r\nActionID: 1\r\nAsterisk 22"
        assert answer.startswith(head)
        assert answer.endswith(b"\n--END COMMAND--\r\n\r\n")

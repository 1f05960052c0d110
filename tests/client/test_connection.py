"""The session without socket and clock: login, answers, lists, deadlines, keepalive, the end."""

from __future__ import annotations

import hashlib
import importlib
from types import ModuleType
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from support.twins import Both

BANNER = b"Asterisk Call Manager/11.0.0\r\n"


def module(name: str) -> ModuleType:
    return importlib.import_module(f"amistream.client.{name}")


def new_session(**options: Any) -> Any:
    secret = module("settings").Secret(options.pop("secret", "s3cret"))
    given = {"host": "pbx", "port": 5038, "username": "lab", "prefix": "~k-", **options}
    return module("connection").Connection(secret=secret, **given)


def response(action_id: str, *headers: str, word: str = "Success") -> bytes:
    lines = (f"Response: {word}", f"ActionID: {action_id}", *headers, "", "")
    return "\r\n".join(lines).encode()


def event(name: str, *headers: str) -> bytes:
    return "\r\n".join((f"Event: {name}", *headers, "", "")).encode()


def sent(session: Any) -> list[dict[str, str]]:
    """The actions that the session wants sent, as dicts."""
    actions = session.take_output().decode().split("\r\n\r\n")
    assert actions.pop() == ""
    return [dict(line.split(": ", 1) for line in action.split("\r\n")) for action in actions]


def phase(session: Any) -> str:
    return str(session.phase.name)


def logged_in(now: float = 0.0, **options: Any) -> Any:
    """A session that is ready."""
    session = new_session(auth="plain", now=now, **options)
    session.receive(BANNER, now)
    (login, *_) = sent(session)
    booted = event("FullyBooted", "Status: Fully Booted")
    session.receive(response(login["ActionID"]) + booted, now)
    assert phase(session) == "READY"
    return session


# --- login ---------------------------------------------------------------------------------------


def test_the_login_proves_the_secret_without_sending_it(ami: ModuleType) -> None:
    session = new_session()
    assert sent(session) == []
    session.receive(BANNER, 0.0)
    (challenge,) = sent(session)
    assert challenge == {"Action": "Challenge", "ActionID": "~k-1", "AuthType": "MD5"}
    session.receive(response("~k-1", "Challenge: 12345"), 0.0)
    (login,) = sent(session)
    assert login == {
        "Action": "Login",
        "ActionID": "~k-2",
        "Username": "lab",
        "Events": "on",
        "AuthType": "MD5",
        "Key": hashlib.md5(b"12345s3cret").hexdigest(),
    }
    assert not session.logged_in
    session.receive(response("~k-2"), 0.0)
    assert (session.logged_in, phase(session)) == (True, "BOOT")
    session.receive(event("FullyBooted", "Uptime: 5"), 0.0)
    assert (phase(session), session.booted.uptime) == ("READY", 5)


def test_the_secret_is_sent_as_text_only_if_asked_for_or_over_tls(ami: ModuleType) -> None:
    plain = new_session(auth="plain")
    plain.receive(BANNER, 0.0)
    assert sent(plain)[0]["Secret"] == "s3cret"
    refusal = response("~k-1", "Message: Must specify AuthType", word="Error")
    over_tls = new_session(secure=True)
    over_tls.receive(BANNER, 0.0)
    sent(over_tls)
    over_tls.receive(refusal, 0.0)
    assert sent(over_tls)[0]["Secret"] == "s3cret"
    in_the_clear = new_session()
    in_the_clear.receive(BANNER, 0.0)
    sent(in_the_clear)
    in_the_clear.receive(refusal, 0.0)
    assert sent(in_the_clear) == []
    assert isinstance(in_the_clear.failure, ami.LoginFailed)
    assert "auth='plain'" in str(in_the_clear.failure)


def test_a_refused_login(ami: ModuleType) -> None:
    session = new_session(auth="plain")
    session.receive(BANNER, 0.0)
    sent(session)
    session.receive(response("~k-1", "Message: Authentication failed", word="Error"), 0.0)
    assert isinstance(session.failure, ami.LoginFailed)
    assert str(session.failure) == "the login of 'lab' failed: Authentication failed"
    session.end("the server closed the connection")
    assert isinstance(session.failure, ami.LoginFailed)


def test_fully_booted_is_waited_for_only_so_long(ami: ModuleType) -> None:
    session = new_session(auth="plain", boot_timeout=3.0)
    session.receive(BANNER, 0.0)
    session.receive(response("~k-1"), 1.0)
    assert session.deadline == 4.0
    session.tick(3.9)
    assert phase(session) == "BOOT"
    session.tick(4.0)
    assert (phase(session), session.booted) == ("READY", None)
    session.receive(event("FullyBooted"), 60.0)
    assert session.booted is not None


@pytest.mark.parametrize("events", ["off", "call,agent"])
def test_without_the_events_nothing_is_waited_for(ami: ModuleType, events: str) -> None:
    session = new_session(auth="plain", events=events)
    session.receive(BANNER, 0.0)
    session.receive(response("~k-1"), 0.0)
    assert phase(session) == "READY"


def test_filters_come_before_the_events(ami: ModuleType) -> None:
    session = new_session(auth="plain", filters=("Event: Queue",), events="call,agent")
    session.receive(BANNER, 0.0)
    assert sent(session)[0]["Events"] == "system"
    session.receive(response("~k-1"), 0.0)
    *filters, mask = sent(session)
    assert [one["Filter"] for one in filters] == [
        "Event: Queue",
        "Event: (FullyBooted|OriginateResponse|Shutdown)",
        "ActionID: ~k-",
    ]
    assert mask == {"Action": "Events", "ActionID": "~k-5", "EventMask": "call,agent"}
    session.receive(response("~k-2", "Message: Permission denied", word="Error"), 0.0)
    assert isinstance(session.failure, ami.PermissionDenied)


@pytest.mark.parametrize(
    "data",
    [b"SSH-2.0-OpenSSH_9.6\r\n", b"HTTP/1.1 400 Bad Request\r\n", 1025 * b"x", event("X: 1")],
    ids=["ssh", "http", "no line end", "a message"],
)
def test_another_server_is_told_apart(ami: ModuleType, data: bytes) -> None:
    session = new_session()
    session.receive(data, 0.0)
    assert isinstance(session.failure, ami.NotAnAMI)
    assert "pbx:5038" in str(session.failure)
    assert sent(session) == []


def test_the_banner_of_a_proxy_is_accepted(ami: ModuleType) -> None:
    session = new_session()
    session.receive(b"Asterisk Call Manager Proxy/1.22\r\n", 0.0)
    assert phase(session) == "LOGIN"


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        (b"", "ConnectTimeout", "no banner in time"),
        (BANNER, "ConnectTimeout", "did not answer the login"),
    ],
)
def test_a_silent_server_is_given_up(ami: ModuleType, data: bytes, error: str, words: str) -> None:
    session = new_session(timeout=5.0, now=100.0)
    session.receive(data, 100.0)
    assert session.deadline == 105.0
    session.tick(105.0)
    assert type(session.failure).__name__ == error
    assert words in str(session.failure)
    assert isinstance(session.failure, TimeoutError)


def test_a_server_that_leaves_before_the_login(ami: ModuleType) -> None:
    for data, where in ((b"", "before it sent a banner"), (BANNER, "before it answered the login")):
        session = new_session()
        session.receive(data, 0.0)
        session.end("the server closed the connection")
        assert type(session.failure) is ami.CannotConnect
        assert f"the server closed the connection {where}" in str(session.failure)


# --- answers -------------------------------------------------------------------------------------


def test_an_answer_goes_to_its_action(ami: ModuleType) -> None:
    session = logged_in()
    first, second = (session.request("Ping", {}, 0.0, None) for _ in range(2))
    session.receive(response(second.action_id, "Ping: Pong"), 0.0)
    assert (first.finished, second.finished) == (False, True)
    assert second.result["Ping"] == "Pong"
    session.receive(response("~other-1") + response(first.action_id), 0.0)
    assert first.finished
    assert session.open_actions == 0


def test_errors_say_what_asterisk_said(ami: ModuleType) -> None:
    session = logged_in()
    denied, failed, command = (session.request(name, {}, 0.0, None) for name in ("A", "B", "C"))
    session.receive(response(denied.action_id, "Message: Permission denied", word="Error"), 0.0)
    session.receive(response(failed.action_id, "Message: No such queue", word="Error"), 0.0)
    follows = ("Message: Command output follows", "Output: No such command 'x'")
    session.receive(response(command.action_id, *follows, word="Error"), 0.0)
    assert type(denied.error) is ami.PermissionDenied
    assert str(failed.error) == "B failed: No such queue"
    assert failed.error.response["Message"] == "No such queue"
    assert str(command.error) == "C failed: No such command 'x'"


def list_of(
    action_id: str, members: int, stated: int | None = None, word: str = "Complete"
) -> bytes:
    member = event("QueueMember", "Queue: q", f"ActionID: {action_id}")
    stated = members if stated is None else stated
    end = (f"ActionID: {action_id}", f"EventList: {word}", f"ListItems: {stated}")
    begin = response(action_id, "EventList: start")
    return begin + members * member + event("QueueStatusComplete", *end)


def test_a_list_becomes_its_aggregate(ami: ModuleType) -> None:
    session = logged_in()
    session.select(frozenset(module("connection").NEEDED))
    exchange = session.request("queuestatus", {}, 0.0, None)
    data = list_of(exchange.action_id, 3)
    for start in range(0, len(data), 50):
        session.receive(data[start : start + 50], 0.0)
    assert type(exchange.result) is ami.core_events.QueueStatus_Aggregate
    assert len(exchange.result["QueueMember"]) == 3


@pytest.mark.parametrize(("stated", "word"), [(4, "Complete"), (3, "Cancelled")])
def test_a_list_that_is_not_whole_is_an_error(ami: ModuleType, stated: int, word: str) -> None:
    session = logged_in()
    exchange = session.request("QueueStatus", {}, 0.0, None)
    session.receive(list_of(exchange.action_id, 3, stated, word), 0.0)
    assert isinstance(exchange.error, ami.ListIncomplete)
    assert len(exchange.error.aggregate["QueueMember"]) == 3


def test_a_success_without_a_list_ends_a_list_at_once(ami: ModuleType) -> None:
    session = logged_in()
    users = session.request("VoicemailUsersList", {}, 0.0, None)
    hangup = session.request("Hangup", {"Channel": "x"}, 0.0, None)
    many = session.request("Hangup", {"Channel": "/x/"}, 0.0, None)
    session.receive(response(users.action_id, "Message: There are none."), 0.0)
    session.receive(response(hangup.action_id, "Message: Channel Hungup"), 0.0)
    session.receive(response(many.action_id, "EventList: start"), 0.0)
    end = (f"ActionID: {many.action_id}", "EventList: Complete", "ListItems: 0")
    session.receive(event("ChannelsHungupListComplete", *end), 0.0)
    assert users.result == "VoicemailUsersList_Aggregate"
    assert users.result.valid
    assert isinstance(hangup.result, ami.Response)
    assert many.result == "Hangup_Aggregate"


def test_an_old_asterisk_announces_no_lists(ami: ModuleType) -> None:
    session = new_session(auth="plain")
    session.receive(b"Asterisk Call Manager/1.1\r\n", 0.0)
    session.receive(response("~k-1") + event("FullyBooted"), 0.0)
    exchange = session.request("QueueStatus", {}, 0.0, None)
    session.receive(response(exchange.action_id, "Message: Queue status will follow"), 0.0)
    assert not exchange.finished
    session.receive(list_of(exchange.action_id, 2).partition(b"\r\n\r\n")[2], 0.0)
    assert len(exchange.result["QueueMember"]) == 2


def test_a_list_of_an_unknown_action(ami: ModuleType) -> None:
    session = logged_in()
    exchange = session.request("VendorList", {}, 0.0, None)
    session.receive(list_of(exchange.action_id, 2), 0.0)
    assert exchange.result == "EventList_Aggregate"
    assert exchange.result.received == 2


def test_members_without_an_action_id(ami: ModuleType) -> None:
    """IAXpeers sends its members so."""
    session = logged_in()
    exchange = session.request("IAXpeers", {}, 0.0, None)
    member = event("PeerEntry", "Channeltype: IAX2", "ObjectName: far")
    end = (f"ActionID: {exchange.action_id}", "EventList: Complete", "ListItems: 1")
    session.receive(response(exchange.action_id, "EventList: start") + member, 0.0)
    session.receive(event("PeerlistComplete", *end), 0.0)
    assert exchange.result.valid
    assert len(exchange.result["PeerEntry"]) == 1


@pytest.mark.parametrize("order", [1, -1])
def test_an_outcome_event_ends_the_action(ami: ModuleType, order: int) -> None:
    """OriginateResponse may come before the response: another thread of Asterisk sends it."""
    session = logged_in()
    exchange = session.request("Originate", {}, 0.0, None, outcome="OriginateResponse")
    told = event("OriginateResponse", f"ActionID: {exchange.action_id}", "Response: Failure")
    for data in [response(exchange.action_id), told][::order]:
        session.receive(data, 0.0)
    assert exchange.result.response == "Failure"
    assert session.open_actions == 0


def test_a_message_over_a_bound_is_skipped_and_counted(ami: ModuleType) -> None:
    session = logged_in()
    exchange = session.request("Ping", {}, 0.0, None)
    huge = event("Huge", "X: " + 300_000 * "x")
    found = session.receive(huge + huge + event("After") + response(exchange.action_id), 0.0)
    assert [message.name for message in found] == ["After", "Success"]
    assert (session.too_large, exchange.finished) == (2, True)


# --- time ----------------------------------------------------------------------------------------


def test_an_action_has_a_deadline(ami: ModuleType) -> None:
    session = logged_in()
    late = session.request("A", {}, 0.0, 10.0, hint="a hint")
    soon = session.request("B", {}, 0.0, 5.0)
    assert session.deadline == 5.0
    session.tick(5.0)
    assert (soon.finished, late.finished) == (True, False)
    assert str(soon.error) == "B was not answered within 5 s"
    session.tick(10.0)
    assert str(late.error) == "A was not answered within 10 s: a hint"
    session.receive(response(late.action_id), 11.0)
    assert session.deadline is None


def test_deadlines_of_answered_actions_do_not_pile_up(ami: ModuleType) -> None:
    session = logged_in()
    session.request("Slow", {}, 0.0, 5.0)
    for _ in range(5000):
        exchange = session.request("Ping", {}, 0.0, 30.0)
        session.receive(response(exchange.action_id), 0.0)
    assert len(session._deadlines) < 200


def test_silence_is_broken_by_a_ping(ami: ModuleType) -> None:
    session = logged_in(keepalive=20.0, keepalive_timeout=10.0)
    assert session.deadline == 20.0
    session.receive(event("Hangup"), 15.0)
    session.tick(20.0)
    assert sent(session) == []
    session.tick(35.0)
    (ping,) = sent(session)
    assert ping["Action"] == "Ping"
    assert session.deadline == 45.0
    session.receive(response(ping["ActionID"], "Ping: Pong"), 36.0)
    assert session.deadline == 56.0


def test_a_peer_that_died_without_a_word_is_noticed(ami: ModuleType) -> None:
    session = logged_in(keepalive=20.0, keepalive_timeout=10.0)
    session.tick(20.0)
    session.tick(29.9)
    assert session.failure is None
    session.tick(30.0)
    assert isinstance(session.failure, ami.ConnectionLost)
    assert "silent for 30.0 s" in str(session.failure)
    assert not session.failure.shutdown


def test_no_silence_counts_while_an_action_is_inside_its_timeout(ami: ModuleType) -> None:
    session = logged_in(keepalive=20.0, keepalive_timeout=10.0)
    session.request("Long", {}, 0.0, 100.0)
    sent(session)
    assert session.deadline == 100.0
    session.tick(99.0)
    assert (sent(session), session.failure) == ([], None)
    session.tick(100.0)
    assert session.deadline == 120.0
    session.tick(120.0)
    assert sent(session)[0]["Action"] == "Ping"
    during = session.request("Long", {}, 125.0, 50.0)
    session.tick(140.0)
    assert session.failure is None
    session.receive(response(during.action_id), 170.0)
    session.tick(180.0)
    assert session.failure is not None


def test_silence_does_not_count_while_nobody_reads(ami: ModuleType) -> None:
    session = logged_in(keepalive=20.0)
    session.pause()
    assert session.deadline is None
    session.resume(500.0)
    assert session.deadline == 520.0


# --- the end -------------------------------------------------------------------------------------


def test_the_end_of_the_stream_ends_every_action(ami: ModuleType) -> None:
    session = logged_in()
    open_actions = [session.request("Ping", {}, 0.0, None) for _ in range(3)]
    session.receive(b"Event: Hangup\r\nCau", 0.0)
    session.end("the server closed the connection")
    errors = [exchange.error for exchange in open_actions]
    assert all(type(error) is ami.ConnectionLost for error in errors)
    assert len(set(map(id, errors))) == 3
    assert sent(session) == []
    with pytest.raises(ami.ConnectionLost):
        session.request("Ping", {}, 0.0, None)


def test_a_shutdown_is_told_apart_from_a_fault(ami: ModuleType) -> None:
    session = logged_in()
    exchange = session.request("Ping", {}, 0.0, None)
    session.receive(event("Shutdown", "Shutdown: Cleanly"), 0.0)
    session.end("the server closed the connection")
    assert session.failure.shutdown
    assert exchange.error.shutdown
    assert str(session.failure) == "the connection is lost: Asterisk has shut down"


def test_an_abandoned_action_is_forgotten(ami: ModuleType) -> None:
    session = logged_in()
    exchange = session.request("Ping", {}, 0.0, 5.0)
    session.abandon(exchange)
    assert (session.open_actions, session.deadline) == (0, None)
    session.receive(response(exchange.action_id), 0.0)
    assert exchange.result is None


# --- every order of things -----------------------------------------------------------------------


class Life(RuleBasedStateMachine):
    """A session beside a model of Asterisk: answers in order, cut anywhere, time, and losses."""

    @initialize()
    def log_in(self) -> None:
        self.now = 0.0
        self.session = logged_in(keepalive=20.0, keepalive_timeout=10.0)
        self.requested: list[Any] = []
        self.finished: list[Any] = []
        self.unanswered: list[tuple[str, str]] = []  # action, ActionID: in Asterisk's queue
        self.stream = b""  # written by Asterisk, not yet arrived
        self.written: list[str] = []
        self.arrived: list[str] = []
        self.ids: list[str] = []

    def note_sent(self) -> None:
        for action in sent(self.session):
            self.ids.append(action["ActionID"])
            self.unanswered.append((action["Action"], action["ActionID"]))

    @precondition(lambda self: self.session.logged_in)
    @rule(
        action=st.sampled_from(["Ping", "QueueStatus", "Originate"]),
        timeout=st.sampled_from([None, 3.0, 60.0]),
    )
    def request(self, action: str, timeout: float | None) -> None:
        outcome = "OriginateResponse" if action == "Originate" else ""
        exchange = self.session.request(action, {}, self.now, timeout, outcome=outcome)
        exchange.on_finish = self.finished.append
        self.requested.append(exchange)
        self.note_sent()

    @precondition(lambda self: self.unanswered)
    @rule(refuse=st.booleans(), members=st.integers(0, 3))
    def answer(self, refuse: bool, members: int) -> None:
        action, action_id = self.unanswered.pop(0)
        if refuse and action != "Ping":
            self.stream += response(action_id, "Message: No", word="Error")
        elif action == "QueueStatus":
            self.stream += list_of(action_id, members)
            self.written += members * ["QueueMember"] + ["QueueStatusComplete"]
        elif action == "Originate":
            self.stream += response(action_id)
            self.stream += event("OriginateResponse", f"ActionID: {action_id}")
            self.written.append("OriginateResponse")
        else:
            self.stream += response(action_id, "Ping: Pong")

    @rule(name=st.sampled_from(["Hangup", "Newchannel", "VarSet"]), mark=st.booleans())
    def write_event(self, name: str, mark: bool) -> None:
        self.stream += event(name, "AppData: ~k-1" if mark else "AppData: x")
        self.written.append(name)

    @precondition(lambda self: self.session.failure is None)
    @rule(share=st.floats(0.0, 1.0))
    def arrive(self, share: float) -> None:
        size = round(share * len(self.stream))
        piece, self.stream = self.stream[:size], self.stream[size:]
        found = self.session.receive(piece, self.now)
        self.arrived += [message.name for message in found if "Event" in message]
        self.note_sent()

    @rule(seconds=st.sampled_from([0.1, 4.0, 11.0, 25.0]))
    def wait(self, seconds: float) -> None:
        deadline = self.session.deadline
        self.now += seconds
        if deadline is not None and self.now >= deadline:
            self.session.tick(self.now)
            self.note_sent()
            after = self.session.deadline
            assert after is None or after > self.now

    @rule()
    def lose(self) -> None:
        if self.session.failure is None:
            self.session.end("the server closed the connection")

    @invariant()
    def each_action_ends_once(self) -> None:
        if not hasattr(self, "session"):
            return
        assert len(set(map(id, self.finished))) == len(self.finished)
        for exchange in self.requested:
            assert exchange.finished == (exchange in self.finished)
            assert not exchange.finished or (exchange.result is None) != (exchange.error is None)
        still_open = [one for one in self.requested if not one.finished]
        if self.session.failure is not None:
            assert still_open == []
            assert self.session.deadline is None
        else:
            assert self.session.open_actions - len(still_open) in (0, 1)  # a Ping of its own

    @invariant()
    def nothing_is_sent_twice(self) -> None:
        assert len(set(getattr(self, "ids", []))) == len(getattr(self, "ids", []))

    @invariant()
    def events_arrive_in_order_and_none_is_lost(self) -> None:
        arrived = getattr(self, "arrived", [])
        assert arrived == getattr(self, "written", [])[: len(arrived)]
        if getattr(self, "session", None) and not self.stream and self.session.failure is None:
            assert arrived == self.written


def test_every_order_of_things_on_the_compiled_twin(both: Both, use: Any) -> None:
    use("compiled")
    run_state_machine()


def test_every_order_of_things_on_the_pure_twin(use: Any) -> None:
    use("pure")
    run_state_machine()


def run_state_machine() -> None:
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(Life)

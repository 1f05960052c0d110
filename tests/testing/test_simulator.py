"""The Simulator: what it sends byte for byte, how it answers, and its faults, over real sockets."""

from __future__ import annotations

import hashlib
import importlib
import re
import subprocess
import sys
import threading
import time
from types import ModuleType
from typing import Any

import pytest
from support.blocking import Client, connected

BANNER = b"Asterisk Call Manager/11.0.0\r\n"


@pytest.fixture(scope="module")
def testing() -> ModuleType:
    return importlib.import_module("amistream.testing")


def test_login_as_asterisk_does_it(testing: ModuleType) -> None:
    with testing.Simulator() as pbx:
        with connected(pbx) as client:
            assert client.read_until(b"\r\n") == BANNER
            assert b"Permission denied" in client.ask("Action: Ping", "ActionID: 1")
            assert b"Missing action in request" in client.ask("ActionID: 1")
            answer = client.ask("Action: Challenge", "ActionID: 2", "AuthType: MD5")
            challenge = re.search(rb"Challenge: (\d+)", answer)
            assert challenge is not None
            key = hashlib.md5(challenge[1] + b"labsecret").hexdigest()
            login = ("Action: Login", "Username: lab", "AuthType: MD5", f"Key: {key}")
            assert b"Message: Authentication accepted\r\n" in client.ask(*login)
            assert client.read_until(b"\r\n\r\n").startswith(b"Event: FullyBooted\r\n")
            assert b"Ping: Pong\r\n" in client.ask("Action: Ping", "ActionID: 3")
            assert pbx.clients == 1
            assert client.ask("Action: Logoff").startswith(b"Response: Goodbye\r\n")
            assert client.rest() == b""
        with connected(pbx) as client:
            client.read_until(b"\r\n")
            refused = client.ask("Action: Login", "Username: lab", "Secret: wrong", "ActionID: 9")
            text = b"Response: Error\r\nActionID: 9\r\nMessage: Authentication failed\r\n\r\n"
            assert (refused, client.rest()) == (text, b"")
        sent = [action.get("Action") for action in pbx.actions]
        assert sent[-3:] == ["Ping", "Logoff", "Login"]
        assert "wrong" not in str(pbx.actions)


@pytest.mark.parametrize("rate", [None, 50_000.0])
@pytest.mark.parametrize("one_by_one", [True, False])
def test_a_capture_is_played_byte_for_byte(
    testing: ModuleType, list_actions: bytes, rate: float | None, one_by_one: bool
) -> None:
    banner, _, body = list_actions.partition(b"\n")
    options = {"rate": rate, "one_by_one": one_by_one, "boots": False, "record": True}
    with testing.Simulator(list_actions, **options) as pbx, connected(pbx) as client:
        assert client.read_until(b"\n") == banner + b"\n"
        login = client.login()
        assert client.read_size(len(body)) == body
        assert pbx.wait_played(5.0)
        assert pbx.recorded[0] == banner + b"\n" + login + body


def test_it_repeats_and_waits_when_told(testing: ModuleType) -> None:
    event = b"Event: Hangup\r\n\r\n"
    options = {"repeat": 3, "autoplay": False, "boots": False}
    with testing.Simulator(event, **options) as pbx, connected(pbx) as client:
        client.read_until(b"\r\n")
        client.login()
        assert b"Pong" in client.ask("Action: Ping")
        client.ask("Action: SimulatorPlay")
        assert client.read_size(3 * len(event)) == 3 * event
        assert pbx.wait_played(5.0)
        assert pbx.sent["messages"] == 3


def test_events_come_at_their_recorded_times(testing: ModuleType) -> None:
    times = (100.0, 100.1, 100.1, 100.3)
    stream = b"".join(b"Event: A\r\nTimestamp: %.6f\r\n\r\n" % moment for moment in times)
    sources = importlib.import_module("amistream.testing.source")
    source = sources.Source(stream + b"Event: B\r\n\r\n")
    assert [round(offset, 3) for offset, _ in source.timed()] == [0.0, 0.1, 0.1, 0.3, 0.3]
    with testing.Simulator(stream, rate="recorded", boots=False) as pbx, connected(pbx) as client:
        client.read_until(b"\r\n")
        start = time.monotonic()
        client.login()
        client.read_size(len(stream))
        assert time.monotonic() - start >= 0.29


def test_the_call_centre_keeps_its_plan(testing: ModuleType) -> None:
    workload = testing.Workload(testing.Options(calls_per_second=20, seconds=1))
    plan = workload.plan()
    with testing.Simulator(workload, boots=False) as pbx, connected(pbx) as client:
        client.read_until(b"\r\n")
        client.login()
        assert pbx.wait_played(30.0)
        assert pbx.sent["messages"] == plan.events
        pbx.cut()
        names = re.findall(rb"^Event: (\w+)", client.rest(), re.MULTILINE)
    assert len(names) == plan.events
    assert names.count(b"Hangup") == plan.by_name["Hangup"]


def test_events_only_for_those_who_ask_and_may(testing: ModuleType) -> None:
    users = {"all": "x", "calls": testing.User("x", read="call")}
    with (
        testing.Simulator(users=users, boots=False) as pbx,
        connected(pbx) as one,
        connected(pbx) as two,
        connected(pbx) as silent,
    ):
        masks = ((one, "all", "on"), (two, "calls", "on"), (silent, "all", "off"))
        for client, name, mask in masks:
            client.read_until(b"\r\n")
            client.ask("Action: Login", f"Username: {name}", "Secret: x", f"Events: {mask}")
        pbx.emit("PeerStatus", {"Privilege": "system,all"})
        pbx.emit("Hangup")
        assert b"PeerStatus" in one.read_until(b"Event: Hangup")
        assert b"PeerStatus" not in two.read_until(b"Event: Hangup")
        assert b"Hangup" not in silent.ask("Action: Ping")
        silent.ask("Action: Events", "EventMask: call")
        pbx.emit("Hangup")
        silent.read_until(b"Event: Hangup")


def test_a_handler_answers_an_action(testing: ModuleType) -> None:
    with testing.Simulator() as pbx:

        @pbx.on("Weather")
        def weather(headers: Any) -> Any:
            return {"City": headers["City"]}

        with connected(pbx) as client:
            client.read_until(b"\r\n")
            client.login()
            client.read_until(b"\r\n\r\n")
            assert b"City: Oslo\r\n" in client.ask("Action: Weather", "City: Oslo")
            assert b"Invalid/unknown command: Nope." in client.ask("Action: Nope")


def test_it_refuses_what_makes_no_sense(testing: ModuleType) -> None:
    with pytest.raises(ValueError, match="rate is"):
        testing.Simulator(rate=0)
    with pytest.raises(TypeError, match="source is"):
        testing.Simulator(5)


def test_it_stops_with_many_clients_and_leaves_no_thread(testing: ModuleType) -> None:
    before = threading.active_count()
    pbx = testing.Simulator(b"Event: A\r\n\r\n", rate=10, repeat=None).start()
    clients = [Client(pbx.port) for _ in range(50)]
    for client in clients:
        client.read_until(b"\r\n")
        client.login()
    assert pbx.clients == 50
    pbx.stall()
    pbx.stop()
    assert threading.active_count() == before
    for client in clients:
        client.rest()
        client.socket.close()


def test_importing_it_starts_nothing_and_the_plugin_imports_only_pytest() -> None:
    code = (
        "import sys, pytest; before = set(sys.modules); import amistream_pytest; "
        "print(sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, timeout=60)
    assert done.stdout.decode().strip() == "['amistream_pytest']"


def test_the_fixtures_of_pytest(ami_simulator: Any, make_ami_simulator: Any) -> None:
    with connected(ami_simulator) as client:
        client.read_until(b"\r\n")
        assert b"accepted" in client.login()
    other = make_ami_simulator(old_style=True)
    assert other.port != ami_simulator.port

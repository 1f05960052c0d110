"""The Simulator's faults, limits and threads, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import importlib
import logging
import socket
import subprocess
import sys
import threading
import time
from types import ModuleType
from typing import Any

import pytest
from support.blocking import BANNER, Client, connected, logged_in

HANGUP = b"Event: Hangup\r\nPrivilege: call,all\r\n\r\n"
HALF = b"Event: Newchannel\r\nPrivilege: ca"


@pytest.fixture(scope="module")
def testing() -> ModuleType:
    return importlib.import_module("amistream.testing")


def refused(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == errno.ECONNREFUSED


# --- the end of connections ----------------------------------------------------------------------


def test_a_cut_comes_after_what_was_sent_before_and_inside_a_message(testing: ModuleType) -> None:
    with testing.Simulator(record=True) as pbx, logged_in(pbx) as client:
        for _ in range(100):
            pbx.emit("Hangup")
        pbx.cut(mid_message=True)
        assert client.rest() == 100 * HANGUP + HALF
        assert pbx.recorded[0].endswith(100 * HANGUP + HALF)
        assert pbx.sessions == []


def test_a_cut_inside_a_message_of_a_playing_source(testing: ModuleType) -> None:
    with testing.Simulator(HANGUP, repeat=None) as pbx, logged_in(pbx) as client:
        client.read_size(1_000_000)
        cutting = threading.Thread(target=pbx.cut, kwargs={"mid_message": True})
        cutting.start()
        assert client.rest().replace(HANGUP, b"").endswith(HALF)
        cutting.join()


def test_a_reset_is_a_reset(testing: ModuleType) -> None:
    with testing.Simulator() as pbx, logged_in(pbx) as client:
        pbx.reset()
        with pytest.raises(ConnectionResetError):
            client.socket.recv(1)


def test_a_restart_sends_shutdown_to_those_who_may_see_it_and_comes_back(
    testing: ModuleType,
) -> None:
    users = {"lab": "labsecret", "calls": testing.User("x", read="call")}
    with (
        testing.Simulator(users=users) as pbx,
        logged_in(pbx) as client,
        logged_in(pbx, "Username: calls", "Secret: x") as other,
    ):
        port = pbx.port
        pbx.restart(down=0.3)
        assert refused(port)
        assert client.rest().startswith(b"Event: Shutdown\r\nPrivilege: system,all\r\n")
        assert other.rest() == b""
        assert pbx.wait_up()
        assert pbx.port == port
        with logged_in(pbx) as again:
            assert b"Pong" in again.ask("Action: Ping")


def test_a_kill_says_nothing_and_accept_comes_back(testing: ModuleType) -> None:
    with testing.Simulator() as pbx, logged_in(pbx) as client:
        pbx.kill(down=None)
        assert client.rest() == b""
        assert refused(pbx.port)
        pbx.accept()
        pbx.accept()
        with logged_in(pbx):
            assert pbx.clients == 1


def test_a_stop_while_the_server_is_down_ends_the_wait(testing: ModuleType) -> None:
    before = threading.active_count()
    with testing.Simulator() as pbx:
        pbx.kill(down=3600)
    assert threading.active_count() == before


def test_refused_connections_and_connected_clients(testing: ModuleType) -> None:
    with testing.Simulator() as pbx, logged_in(pbx) as client:
        pbx.refuse()
        assert refused(pbx.port)
        assert b"Pong" in client.ask("Action: Ping")
        pbx.accept()
        assert not refused(pbx.port)


def test_no_client_survives_a_kill_amid_connecting(testing: ModuleType) -> None:
    with testing.Simulator() as pbx:
        for _ in range(20):
            clients = [Client(pbx.port) for _ in range(3)]
            pbx.kill(down=None)
            assert pbx.sessions == []
            for client in clients:
                assert client.rest() in (b"", BANNER)
                client.socket.close()
            pbx.accept()


# --- a server that is there and says nothing -----------------------------------------------------


def test_a_stall_keeps_the_connection_and_holds_everything_back(testing: ModuleType) -> None:
    with testing.Simulator() as pbx, logged_in(pbx) as client:
        pbx.stall()
        pbx.emit("Hangup")  # does not wait
        client.send("Action: Ping", "ActionID: 1")
        client.socket.settimeout(0.1)
        with pytest.raises(TimeoutError):
            client.socket.recv(1)
        with connected(pbx) as other:  # the kernel takes it
            other.socket.settimeout(0.1)
            with pytest.raises(TimeoutError):
                other.socket.recv(1)
            client.socket.settimeout(10)
            other.socket.settimeout(10)
            pbx.resume()
            assert client.read_until(b"\r\n\r\n") == HANGUP
            assert b"Pong" in client.read_until(b"\r\n\r\n")
            assert other.read_until(b"\r\n") == BANNER


def test_a_stalled_server_can_be_cut_and_stopped(testing: ModuleType) -> None:
    with testing.Simulator() as pbx, logged_in(pbx) as client, logged_in(pbx):
        pbx.stall()
        pbx.emit("Hangup")
        pbx.cut()
        assert client.rest() == b""


def test_a_slow_line_loses_nothing(testing: ModuleType) -> None:
    with testing.Simulator() as pbx, logged_in(pbx) as client:
        pbx.slow(1000)
        pbx.emit("Hangup", {"X": 5000 * "x"})
        pbx.emit("Hangup")
        start = time.monotonic()
        client.read_size(500)
        assert time.monotonic() - start >= 0.4
        pbx.slow(None)
        assert client.read_until(b"\r\n\r\n").endswith(b"x\r\n\r\n")
        assert client.read_until(b"\r\n\r\n") == HANGUP
        with pytest.raises(ValueError, match="must be positive"):
            pbx.slow(0)


def test_garbage_reaches_every_client_as_it_is(testing: ModuleType) -> None:
    with testing.Simulator() as pbx, logged_in(pbx) as client, connected(pbx) as stranger:
        assert stranger.read_until(b"\r\n") == BANNER
        pbx.garbage(b"\x00\xff\r\n")
        assert client.read_size(4) == stranger.read_size(4) == b"\x00\xff\r\n"


def test_a_changed_secret_counts_from_the_next_login(testing: ModuleType) -> None:
    with testing.Simulator() as pbx, logged_in(pbx) as client:
        pbx.change_secret("lab", "new")
        assert b"Pong" in client.ask("Action: Ping")
        with connected(pbx) as other:
            other.read_until(b"\r\n")
            assert b"Authentication failed" in other.login()
            assert other.rest() == b""
        with connected(pbx) as other:
            other.read_until(b"\r\n")
            assert b"accepted" in other.ask("Action: Login", "Username: lab", "Secret: new")


# --- bounds --------------------------------------------------------------------------------------


def test_who_does_not_log_in_is_cut_off(testing: ModuleType) -> None:
    with testing.Simulator(login_timeout=0.1) as pbx:
        with connected(pbx) as client:
            client.ask("Action: Ping")
            assert client.rest() == b""
        with logged_in(pbx) as client:
            time.sleep(0.2)
            assert b"Pong" in client.ask("Action: Ping")


def test_who_does_not_read_is_cut_off_and_hurts_no_one(testing: ModuleType) -> None:
    with (
        testing.Simulator(HANGUP, repeat=None, autoplay=False, write_timeout=0.1) as pbx,
        logged_in(pbx) as deaf,
        logged_in(pbx) as client,
    ):
        deaf.send("Action: SimulatorPlay")
        deadline = time.monotonic() + 20
        while len(pbx.sessions) == 2 and time.monotonic() < deadline:
            assert b"Pong" in client.ask("Action: Ping")
        assert len(pbx.sessions) == 1
        assert len(deaf.rest()) > 100_000


def test_who_asks_and_does_not_read_has_to_wait(testing: ModuleType) -> None:
    sessions = importlib.import_module("amistream.testing.session")
    with testing.Simulator() as pbx, logged_in(pbx) as deaf:
        answer = b"x" * 100_000 + b"\r\n\r\n"
        pbx.on("Big")(lambda headers: answer)
        deaf.socket.settimeout(0.2)
        with contextlib.suppress(TimeoutError):
            while True:
                deaf.socket.sendall(b"Action: Big\r\n\r\n" * 1000)
        (session,) = pbx.sessions
        assert session._waiting <= sessions.MOST_ANSWERS + len(answer)


def test_events_for_who_does_not_read_are_bounded(
    testing: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    with testing.Simulator() as pbx, logged_in(pbx):
        pbx.stall()
        big = "x" * (1 << 20)
        for _ in range(70):
            pbx.emit("Hangup", {"X": big})
        assert pbx.sessions == []
    assert "cut off" in caplog.text


def test_more_clients_than_it_serves_are_turned_away(
    testing: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("amistream.testing.simulator.MOST_CLIENTS", 2)
    with testing.Simulator() as pbx, logged_in(pbx), logged_in(pbx) as second:
        with connected(pbx) as third:
            assert third.rest() == b""
        assert b"Pong" in second.ask("Action: Ping")


def test_the_record_of_actions_is_bounded(
    testing: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("amistream.testing.simulator.MOST_ACTIONS", 5)
    monkeypatch.setattr("amistream.testing.simulator.MOST_ACTION_BYTES", 2000)
    with testing.Simulator() as pbx, logged_in(pbx) as client:
        for number in range(10):
            client.ask("Action: Ping", f"ActionID: {number}")
        assert [one["ActionID"] for one in pbx.actions] == list("56789")
        pbx.forget_actions()
        assert pbx.actions == []
        client.ask("Action: Ping", "ActionID: a", "X: " + 900 * "x")
        client.ask("Action: Ping", "ActionID: b", "X: " + 900 * "x")
        client.ask("Action: Ping", "ActionID: c", "X: " + 900 * "x")
        assert [one["ActionID"] for one in pbx.actions] == ["b", "c"]


def test_a_full_record_of_bytes_is_an_error(testing: ModuleType) -> None:
    errors = importlib.import_module("amistream.errors")
    with testing.Simulator(record=True) as pbx, logged_in(pbx) as client:
        pbx.most_recorded = 500
        assert pbx.recorded[0].startswith(BANNER)
        pbx.emit("Hangup", {"X": 500 * "x"})
        client.read_until(b"\r\n\r\n")
        client.ask("Action: Ping")
        with pytest.raises(errors.AMIError, match="500 bytes"):
            _ = pbx.recorded


@pytest.mark.parametrize(
    "data",
    [
        b"\x00",
        b"\r\n" * 500,
        b"GET / HTTP/1.0\r\n\r\n",
        b"\x16\x03\x01\x00\xa5\x01",
        b"Action: \r\n\r\n",
    ],
)
def test_a_client_that_speaks_nonsense_hurts_no_one(testing: ModuleType, data: bytes) -> None:
    with testing.Simulator() as pbx, logged_in(pbx) as client:
        with connected(pbx) as stranger:
            stranger.socket.sendall(data)
            stranger.socket.shutdown(socket.SHUT_WR)
            assert stranger.rest().startswith(BANNER)
        assert b"Pong" in client.ask("Action: Ping")
    assert not pbx.errors


def test_repeated_headers_are_no_trap(testing: ModuleType) -> None:
    twice = ("Action: Login", "Action: Ping", "Username: lab", "Username: x", "Secret: labsecret")
    with testing.Simulator() as pbx, connected(pbx) as client:
        client.read_until(b"\r\n")
        assert b"ActionID: 1\r\n" in client.ask(*twice, "ActionID: 1", "ActionID: 2")


# --- threads and TLS -----------------------------------------------------------------------------


def test_a_hundred_clients_at_once(testing: ModuleType, queue_events: bytes) -> None:
    banner, _, body = queue_events[:200_000].partition(b"\n")
    before = threading.active_count()
    with testing.Simulator(banner + b"\n" + body, boots=False) as pbx:
        clients = [Client(pbx.port) for _ in range(100)]
        for client in clients:
            client.send("Action: Login", "Username: lab", "Secret: labsecret")
        for client in clients:
            client.read_until(b"accepted\r\n\r\n")
            assert client.read_size(len(body)) == body
        assert pbx.clients == 100
        for client in clients[:50]:
            client.socket.close()
    assert threading.active_count() == before
    for client in clients:
        client.socket.close()


def test_what_was_sent_reaches_a_client_before_the_stop(testing: ModuleType) -> None:
    with testing.Simulator() as pbx:
        client = Client(pbx.port)
        client.read_until(b"\r\n")
        client.login()
        client.read_until(b"\r\n\r\n")
        pbx.emit("Hangup")
    assert client.rest() == HANGUP
    client.socket.close()


def test_a_stop_does_not_wait_for_a_client_that_does_not_read(testing: ModuleType) -> None:
    before = threading.active_count()
    with testing.Simulator(HANGUP, repeat=None) as pbx, connected(pbx) as deaf:
        deaf.send("Action: Login", "Username: lab", "Secret: labsecret")
        assert pbx.wait_clients()
        time.sleep(0.2)
        pbx.stop()
        assert threading.active_count() == before


def test_it_starts_again_after_a_stop(testing: ModuleType) -> None:
    pbx = testing.Simulator()
    for _ in range(2):
        with pbx, logged_in(pbx) as client:
            assert b"Pong" in client.ask("Action: Ping")


def test_it_serves_programs_with_asyncio(testing: ModuleType) -> None:
    async def main() -> bytes:
        async with testing.Simulator() as pbx:
            reader, writer = await asyncio.open_connection(pbx.host, pbx.port)
            writer.write(b"Action: Login\r\nUsername: lab\r\nSecret: labsecret\r\n\r\n")
            await reader.readuntil(b"Fully Booted\r\n\r\n")
            pbx.emit("Hangup")
            pbx.cut()
            rest = await reader.read()
            writer.close()
            await writer.wait_closed()
            return rest

    assert asyncio.run(main()) == HANGUP


def test_tls_and_what_is_not_tls(testing: ModuleType, list_actions: bytes) -> None:
    banner, _, body = list_actions.partition(b"\n")
    with testing.Simulator(list_actions, tls=True, boots=False, record=True) as pbx:
        with connected(pbx) as plain:
            plain.send("Action: Ping")
            assert not plain.rest().startswith(BANNER)
        with connected(pbx) as client:
            client.socket = pbx.trust().wrap_socket(client.socket, server_hostname="localhost")
            assert client.read_until(b"\n") == banner + b"\n"
            login = client.login()
            assert client.read_size(len(body)) == body
            for number in range(50):
                client.send("Action: Ping", f"ActionID: {number}")
                pbx.emit("Hangup")
            for number in range(50):
                assert b"ActionID: %d\r\n" % number in client.read_until(b"Ping: Pong\r\n")
            pbx.cut()
            client.rest()
            assert pbx.recorded[1].startswith(banner + b"\n" + login + body)


def test_plain_connections_load_no_ssl() -> None:
    code = (
        "import sys; from amistream.testing import Simulator\n"
        "with Simulator(): print(sorted({'ssl', 'asyncio'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, timeout=60)
    assert done.stdout.decode().strip() == "[]"


def test_a_handler_that_fails_answers_an_error_and_tells_the_test(
    testing: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    with testing.Simulator() as pbx, logged_in(pbx) as client:
        pbx.on("Bad")(lambda headers: 1 / 0)
        assert b"The handler of Bad failed: ZeroDivisionError" in client.ask("Action: Bad")
        assert [type(error) for error in pbx.errors] == [ZeroDivisionError]
        assert b"Pong" in client.ask("Action: Ping")


def test_a_handler_may_cut_its_own_connection(testing: ModuleType) -> None:
    with testing.Simulator() as pbx, logged_in(pbx) as client:

        @pbx.on("Core stop")
        def stop(headers: Any) -> None:
            pbx.cut(mid_message=True)

        client.send("Action: Core stop")
        assert client.rest() == HALF

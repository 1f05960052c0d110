"""The client beside a Simulator that misbehaves, and beside servers that are no AMI."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from types import ModuleType
from typing import Any

import pytest
from support.clients import in_thread, run, take, until


@contextlib.asynccontextmanager
async def pair(
    ami: ModuleType, testing: ModuleType, source: Any = None, **options: Any
) -> AsyncIterator[tuple[Any, Any]]:
    """A Simulator, and a client that is connected to it."""
    ours = {"username": "lab", "secret": "labsecret", "max_backoff": 0.2}
    theirs = {
        name: options.pop(name)
        for name in ("rate", "autoplay", "repeat", "answer_delay", "old_style", "record", "users")
        if name in options
    }
    async with (
        testing.Simulator(source, **theirs) as pbx,
        ami.connect(pbx.host, pbx.port, **{**ours, **options}) as client,
    ):
        yield pbx, client


# --- other servers -------------------------------------------------------------------------------


@contextlib.contextmanager
def listener() -> Any:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server, server.getsockname()[1]


def failure(ami: ModuleType, port: int, **options: Any) -> Exception:
    async def main() -> None:
        given = {"username": "lab", "secret": "x", "timeout": 0.3, **options}
        await ami.connect("127.0.0.1", port, **given)

    with pytest.raises(ami.AMIError) as caught:
        run(main())
    assert isinstance(caught.value, ami.CannotConnect)
    assert f"127.0.0.1:{port}" in str(caught.value)
    return caught.value


def test_a_refused_connection(ami: ModuleType) -> None:
    with listener() as (_, port):
        pass
    error = failure(ami, port)
    assert type(error) is ami.ConnectionRefused
    assert isinstance(error, ConnectionError)


def test_a_server_that_says_nothing(ami: ModuleType) -> None:
    with listener() as (_, port):
        error = failure(ami, port)
    assert type(error) is ami.ConnectTimeout
    assert isinstance(error, TimeoutError)
    assert "no banner" in str(error)


@pytest.mark.parametrize("data", [b"SSH-2.0-OpenSSH_9.6\r\n", b"HTTP/1.1 400 Bad Request\r\n"])
def test_a_server_that_is_no_ami(ami: ModuleType, data: bytes) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await reader.read()
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(greet, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        try:
            with pytest.raises(ami.NotAnAMI, match="its first line is"):
                await ami.connect("127.0.0.1", port, username="lab", secret="x")
        finally:
            server.close()

    run(main())


def test_a_name_that_does_not_exist(ami: ModuleType) -> None:
    async def main() -> None:
        with pytest.raises(ami.CannotConnect):
            await ami.connect("no-such-host.invalid", username="lab", secret="x", timeout=5.0)

    run(main())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"port": 0}, "port must be"),
        ({"port": "5038"}, "port is a number"),
        ({"timeout": 0}, "timeout must be"),
        ({"boot_timeout": -1.0}, "boot_timeout must be"),
        ({"auth": "none"}, "auth is"),
        ({"tls": False}, "tls is"),
        ({"username": "a\r\nb"}, "contains a CR"),
        ({"username": " a"}, "Asterisk drops the spaces"),
        ({"username": 1020 * "a"}, "Asterisk reads at most 1,024"),
        ({"username": 5}, "not a str"),
        ({"filters": ["Event: " + 1020 * "a"]}, "Asterisk reads at most 1,024"),
        ({"secret": 5}, "secret is a str"),
        ({"keepalive": "5"}, "keepalive is a number"),
        ({"host": ""}, "host is the name"),
    ],
)
def test_settings_that_make_no_sense(ami: ModuleType, options: dict[str, Any], words: str) -> None:
    given = {"host": "pbx", "username": "lab", "secret": "x", **options}
    with pytest.raises((ValueError, TypeError), match=words):
        ami.connect(given.pop("host"), **given)


# --- faults --------------------------------------------------------------------------------------


def test_a_secret_that_is_wrong_by_then_ends_every_subscription(
    ami: ModuleType, testing: ModuleType
) -> None:
    async def main() -> None:
        async with pair(ami, testing) as (pbx, client):
            first, second = client.events(), client.events(only="Hangup")
            pbx.emit("Hangup", {"Cause": 16})
            await until(lambda: len(second) == 1)
            pbx.change_secret("lab", "another")
            pbx.cut(mid_message=True)
            for subscription in (first, second):
                assert (await take(subscription, 1))[0].cause == 16
                with pytest.raises(ami.LoginFailed):
                    await take(subscription, 1)
            assert client.state is ami.State.CLOSED
            with pytest.raises(ami.LoginFailed):
                await client.ping()
            with pytest.raises(ami.LoginFailed):
                client.events()

    run(main())


@pytest.mark.parametrize("fault", ["cut", "reset", "kill", "restart"])
def test_each_interruption_is_one_gap(ami: ModuleType, testing: ModuleType, fault: str) -> None:
    async def main() -> None:
        states: list[str] = []
        async with pair(ami, testing) as (pbx, client):
            client.on_state(lambda change: states.append(change.state.name))
            subscriptions = [
                client.events(only="Newstate", overflow=overflow, max_events=1)
                for overflow in ("error", "drop_oldest", "drop_newest", "wait")
            ]
            for _ in range(3):
                act = getattr(pbx, fault)
                await in_thread(*([act, 0.05] if fault in ("kill", "restart") else [act]))
                await until(lambda: states[-1:] == ["READY"])
                states.clear()
                await client.ping()
            for subscription in subscriptions:
                found = await take(subscription, 3)
                found += await take(subscription, len(subscription))
                assert sum(isinstance(one, ami.Gap) for one in found) == 3
                shutdowns = [gap.shutdown for gap in found if isinstance(gap, ami.Gap)]
                assert shutdowns == 3 * [fault == "restart"]

    run(main())


def test_actions_in_flight_fail_and_are_not_sent_again(
    ami: ModuleType, testing: ModuleType
) -> None:
    async def main() -> None:
        async with pair(ami, testing, answer_delay=0.01) as (pbx, client):
            pbx.stall()
            open_actions = [asyncio.ensure_future(client.send("Ping")) for _ in range(20)]
            await asyncio.sleep(0.1)
            pbx.cut()
            pbx.resume()
            results = await asyncio.gather(*open_actions, return_exceptions=True)
            assert all(isinstance(one, ami.ConnectionLost | ami.Response) for one in results)
            assert any(isinstance(one, ami.ConnectionLost) for one in results)
            await until(lambda: client.state is ami.State.READY)
            await client.ping()
            pings = [one["ActionID"] for one in pbx.actions if one["Action"] == "Ping"]
            assert len(pings) == len(set(pings)) <= 21

    run(main())


def test_a_peer_that_died_without_a_word(ami: ModuleType, testing: ModuleType) -> None:
    async def main() -> None:
        options = {"keepalive": 0.1, "keepalive_timeout": 0.2}
        async with pair(ami, testing, **options) as (pbx, client):
            await asyncio.sleep(0.5)
            assert client.state is ami.State.READY
            lost: list[Any] = []
            client.on_state(lost.append)
            pbx.stall()
            await until(lambda: lost, 5.0)
            assert "silent" in str(lost[0].reason)
            pbx.resume()
            await client.wait_ready(10.0)

    run(main())


def test_a_long_action_is_no_silence(ami: ModuleType, testing: ModuleType) -> None:
    async def main() -> None:
        options = {"keepalive": 0.05, "keepalive_timeout": 0.05}
        async with pair(ami, testing, **options) as (pbx, client):

            @pbx.on("Long")
            def long(headers: Any) -> None:
                time.sleep(0.6)

            assert (await client.send("Long", timeout=5.0)).success
            with pytest.raises(ami.ActionTimeout):
                await client.send("Long", timeout=0.05)

    run(main())


def test_garbage_and_a_slow_line(ami: ModuleType, testing: ModuleType, queue_events: bytes) -> None:
    """Bytes that are no message stay without effect on those that are."""

    async def main() -> None:
        async with pair(ami, testing) as (pbx, client):
            subscription = client.events()
            pbx.garbage()
            pbx.slow(20_000)
            pbx.emit("Hangup", {"Cause": 16, "AppData": 900 * "x"})
            pbx.garbage(b"\xff\xfe: \x00\r\n\r\n")
            pbx.slow(None)
            pbx.emit("Hangup", {"Cause": 17})
            found = await take(subscription, 2)
            assert [event.cause for event in found] == [16, 17]
            await client.ping()

    run(main())


def test_every_message_before_a_cut_arrives(
    ami: ModuleType, testing: ModuleType, queue_events: bytes
) -> None:
    """The capture is cut in mid message."""

    async def main() -> None:
        half = queue_events[: len(queue_events) // 8 + 11]
        async with pair(ami, testing, half, autoplay=False, record=True) as (pbx, client):
            subscription = client.events()
            await client.send("SimulatorPlay")
            await in_thread(pbx.wait_played)
            pbx.cut()
            received: list[Any] = []
            async for event in subscription:
                if isinstance(event, ami.Gap):
                    break
                received.append(event.raw)
            messages = ami.Parser().feed(pbx.recorded[0])
            written = [one.raw for one in messages if isinstance(one, ami.Event)]
            assert received == written[1:]  # the first is FullyBooted
            assert len(received) > 3000

    run(main())


def test_what_came_before_a_failed_write_is_still_read(
    ami: ModuleType, testing: ModuleType
) -> None:
    """asyncio stops reading when a write fails. The kernel still holds what came before."""

    async def main() -> None:
        async with pair(ami, testing) as (pbx, client):
            subscription = client.events(overflow="wait", max_events=1)
            pbx.emit("Hangup", {"Cause": 1})
            await until(lambda: len(subscription) == 1)
            for cause in range(2, 22):
                pbx.emit("Hangup", {"Cause": cause})
            await asyncio.sleep(0.1)
            assert len(subscription) == 1
            pbx.reset()
            await asyncio.sleep(0.1)
            with pytest.raises(ami.ConnectionLost):
                await client.ping()
            *events, gap = await take(subscription, 22)
            assert [event.cause for event in events] == list(range(1, 22))
            assert isinstance(gap, ami.Gap)

    run(main())


def test_a_client_that_does_not_reconnect_ends(ami: ModuleType, testing: ModuleType) -> None:
    async def main() -> None:
        async with pair(ami, testing, reconnect=False) as (pbx, client):
            subscription = client.events()
            pbx.cut()
            with pytest.raises(ami.ConnectionLost):
                await take(subscription, 1)
            assert client.state is ami.State.CLOSED

    run(main())


# --- subscriptions -------------------------------------------------------------------------------


def test_a_subscription_that_nobody_refers_to_ends(ami: ModuleType, testing: ModuleType) -> None:
    async def main() -> None:
        async with pair(ami, testing) as (pbx, client):
            async for _ in subscription_of(client, pbx):
                break
            gc.collect()
            # asyncio closes the iterator of a loop that was left in a task of its own.
            await until(lambda: client._router.queues == ())
            with_block = client.events()
            async with with_block:
                assert len(client._router.queues) == 1
            assert client._router.queues == ()

    def subscription_of(client: Any, pbx: Any) -> Any:
        subscription = client.events(only="Hangup")
        pbx.emit("Hangup")
        return subscription

    run(main())


def test_the_parser_builds_only_what_subscriptions_want(
    ami: ModuleType, testing: ModuleType, queue_events: bytes
) -> None:
    async def main() -> None:
        async with pair(ami, testing, queue_events, autoplay=False) as (pbx, client):
            parser = client._link.session.parser
            hangups = client.events(only={ami.core_events.Hangup})
            queue = client.events(only="Queue*")
            await client.send("SimulatorPlay")
            await in_thread(pbx.wait_played)
            await until(lambda: parser.bytes > len(queue_events))
            await client.ping()
            whole = ami.Parser().feed(queue_events)
            names = [one.name for one in whole if isinstance(one, ami.Event)]
            assert hangups.received == names.count("Hangup")
            assert queue.received == sum(name.startswith("Queue") for name in names)
            assert parser.messages < len(whole) / 3
            found = await client.send("QueueStatus")
            assert found.valid
            assert found.received >= 5

    run(main())


def test_wait_stops_reading_and_loses_nothing(
    ami: ModuleType, testing: ModuleType, queue_events: bytes
) -> None:
    async def main() -> None:
        async with pair(ami, testing, queue_events, autoplay=False) as (_, client):
            subscription = client.events(overflow="wait", max_events=500)
            await client.send("SimulatorPlay")
            await asyncio.sleep(0.3)
            assert 500 <= len(subscription) < 2000
            assert subscription.lag > 0.1
            count = 0
            async for _ in subscription:
                count += 1
                if count == 24_571:
                    break
            assert subscription.dropped.total() == 0
            await client.ping()

    run(main())


def test_two_tasks_cannot_wait_for_one_subscription(ami: ModuleType, testing: ModuleType) -> None:
    async def main() -> None:
        async with pair(ami, testing) as (_, client):
            subscription = client.events()
            waiting = asyncio.ensure_future(anext(subscription))
            await asyncio.sleep(0)
            with pytest.raises(ami.SubscriptionInUse):
                await anext(subscription)
            await client.close()
            with pytest.raises(StopAsyncIteration):
                await waiting

    run(main())


def test_a_cancelled_wait_loses_no_event(ami: ModuleType, testing: ModuleType) -> None:
    async def main() -> None:
        async with pair(ami, testing) as (pbx, client):
            subscription = client.events()
            for _ in range(20):
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(anext(subscription), 0.001)
            for number in range(50):
                pbx.emit("Hangup", {"Cause": number})
            found = [event.cause for event in await take(subscription, 50)]
            assert found == list(range(50))

    run(main())


def test_a_consumer_that_never_waits_lets_the_reader_work(
    ami: ModuleType, testing: ModuleType, queue_events: bytes
) -> None:
    """Its loop has no other await. Without turns the reader would see nothing until its end."""

    async def main() -> None:
        options: dict[str, Any] = {"autoplay": False, "repeat": 20}  # there is always more
        async with pair(ami, testing, queue_events, **options) as (_, client):
            subscription = client.events(max_events=10**7)
            await client.send("SimulatorPlay")
            await until(lambda: len(subscription) > 2000)
            before = client._link.session.parser.bytes
            taken = 0
            async for _ in subscription:
                time.sleep(0.0005)
                taken += 1
                if taken == 500:
                    break
            assert client._link.session.parser.bytes > before

    run(main())


def test_a_thousand_actions_in_flight(ami: ModuleType, testing: ModuleType) -> None:
    async def main() -> None:
        async with pair(ami, testing) as (pbx, client):
            answers = await asyncio.gather(*(client.send("Ping") for _ in range(1000)))
            assert all(answer["Ping"] == "Pong" for answer in answers)
            assert len({answer.action_id for answer in answers}) == 1000
            assert len([one for one in pbx.actions if one["Action"] == "Ping"]) == 1000

    run(main())


def test_a_cancelled_action_is_forgotten(ami: ModuleType, testing: ModuleType) -> None:
    async def main() -> None:
        async with pair(ami, testing, answer_delay=0.05) as (_, client):
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(client.ping(), 0.01)
            assert client.open_actions == 0
            await client.ping()

    run(main())


def test_a_client_that_is_closed_inside_a_callback(ami: ModuleType, testing: ModuleType) -> None:
    async def main() -> None:
        async with pair(ami, testing) as (pbx, client):

            @client.on("Hangup")
            async def close(event: Any) -> None:
                await client.close()

            pbx.emit("Hangup")
            await until(lambda: client.state is ami.State.CLOSED)

    run(main())


def test_old_style_output_of_a_command(ami: ModuleType, testing: ModuleType) -> None:
    async def main() -> None:
        async with pair(ami, testing, old_style=True) as (_, client):
            assert (await client.command("core show uptime"))[0] == "System uptime: 1 minute"

    run(main())


def test_an_unknown_name_gives_a_warning_at_the_line_of_the_program(
    ami: ModuleType, testing: ModuleType
) -> None:
    async def main() -> None:
        async with pair(ami, testing) as (_, client):
            with pytest.warns(ami.UnknownEventName, match="did you mean 'Hangup'") as warned:
                subscription = client.events(only={"Hangpu"})
            assert warned[0].filename == __file__
            await client.ping()
            del subscription

    run(main())


# --- imports -------------------------------------------------------------------------------------


def test_importing_the_package_loads_neither_asyncio_nor_ssl() -> None:
    unwanted = "{'asyncio', 'ssl', 'socket', 'selectors', 'difflib', 'concurrent.futures'}"
    code = f"import sys, amistream; print(sorted({unwanted} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, timeout=60)
    assert done.stdout.decode().strip() == "[]"

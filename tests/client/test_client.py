"""The client on a server: the Simulator, or with --asterisk a real Asterisk."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import traceback
from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from support.clients import connect, in_thread, run, send_user_events, take, until
from support.servers import Server

# --- connecting ----------------------------------------------------------------------------------


def test_three_lines_from_host_and_secret_to_a_list(ami: ModuleType, server: Server) -> None:
    async def main() -> None:
        async with connect(ami, server) as client:
            queues = await client.send("QueueStatus")
            assert queues == "QueueStatus_Aggregate"
            assert queues.valid
            assert len(queues["QueueMember"]) >= 3
            only = await client.send("QueueStatus", Queue="support")
            assert {params["Queue"] for params in only["QueueParams"]} == {"support"}
            assert client.state is ami.State.READY
            assert client.booted.status == "Fully Booted"
            assert client.banner.startswith("Asterisk Call Manager/")
            assert "lab@127.0.0.1" in repr(client)
        assert client.state is ami.State.CLOSED
        with pytest.raises(ami.ClientClosed):
            await client.ping()

    run(main())


@pytest.mark.parametrize("auth", ["md5", "plain"])
def test_it_can_be_awaited_too(ami: ModuleType, server: Server, auth: str) -> None:
    async def main() -> None:
        client = await connect(ami, server, auth=auth)
        assert (await client.ping())["Ping"] == "Pong"
        await client.close()
        await client.close()

    run(main())


def test_a_wrong_secret(ami: ModuleType, server: Server) -> None:
    async def main() -> None:
        with pytest.raises(ami.LoginFailed, match="'lab' failed: Authentication failed"):
            await connect(ami, server, secret="wrong")

    run(main())


def test_the_secret_may_come_from_a_function(ami: ModuleType, server: Server) -> None:
    calls: list[str] = []

    def secret() -> str:
        calls.append("plain")
        return "labsecret"

    async def async_secret() -> str:
        calls.append("async")
        return "labsecret"

    async def main() -> None:
        for function in (secret, async_secret):
            async with connect(ami, server, secret=function) as client:
                await client.ping()

    run(main())
    assert calls == ["plain", "async"]


def is_of_client(filename: str) -> bool:
    """Whether a file belongs to the client, and not to its tests."""
    return Path(filename).parent.name == "client" and "tests" not in Path(filename).parts


@pytest.mark.parametrize(
    "secret", ["a\r\nAction: Originate", "a\0", " hidden", "\x01hidden", 1001 * "x"]
)
def test_a_secret_that_no_line_can_have(ami: ModuleType, server: Server, secret: str) -> None:
    async def main() -> None:
        for given in (secret, lambda: secret):
            with pytest.raises(ami.Unsendable) as caught:
                await connect(ami, server, secret=given, auth="plain")
            frames = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
            own = [frame.locals for frame in frames.stack if is_of_client(frame.filename)]
            assert repr(secret)[1:-1] not in str(own)

    run(main())


def test_nothing_shows_the_secret(
    ami: ModuleType, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    async def main() -> str:
        shown = ""
        for options in ({"secret": "topsecret"}, {"secret": "topsecret", "auth": "plain"}):
            for more in ({}, {"boot_timeout": -1}):
                connecting: Any = None
                try:
                    connecting = connect(ami, server, **options, **more)
                    shown += repr(connecting) + repr(vars(connecting))
                    await connecting
                except (ami.AMIError, ValueError) as error:
                    frames = traceback.TracebackException.from_exception(error, capture_locals=True)
                    own = [frame for frame in frames.stack if is_of_client(frame.filename)]
                    shown += f"{error!r}{[frame.locals for frame in own]}"
        return shown

    shown = run(main())
    assert "Secret('***')" in shown
    assert "topsecret" not in shown
    assert "topsecret" not in caplog.text


def test_fully_booted_does_not_come_without_the_class_system(
    ami: ModuleType, server: Server
) -> None:
    async def main() -> None:
        async with connect(ami, server, "nosystem", boot_timeout=0.3) as client:
            assert client.booted is None
            await client.ping()
        async with connect(ami, server, events="off", boot_timeout=50.0) as client:
            assert client.booted is None

    run(main())


def test_tls_verifies_the_server(ami: ModuleType, server: Server) -> None:
    async def main() -> None:
        account = {**server.account(), "port": server.tls_port}
        for auth in ("md5", "plain"):
            options = {**account, "tls": server.trust(), "auth": auth}
            async with ami.connect("localhost", **options) as client:
                assert (await client.send("QueueStatus")).valid
        with pytest.raises(ami.TLSFailed, match="certificate is not trusted"):
            await ami.connect("localhost", **account, tls=True)
        with pytest.raises(ami.TLSFailed):
            await connect(ami, server, tls=server.trust())

    run(main())


# --- actions -------------------------------------------------------------------------------------


def test_errors_of_actions(ami: ModuleType, server: Server) -> None:
    async def main() -> None:
        async with connect(ami, server) as client:
            with pytest.raises(ami.ActionFailed, match="Invalid/unknown command") as caught:
                await client.send("NoSuchAction")
            assert caught.value.response["Response"] == "Error"
            with pytest.raises(ami.ActionFailed, match="No such command 'nope'"):
                await client.command("nope")
            with pytest.raises(ami.Unsendable):
                await client.send("Ping", Evil="a\r\nAction: Originate")
        async with connect(ami, server, "noperm", boot_timeout=0.0) as client:
            with pytest.raises(ami.PermissionDenied):
                await client.command("core show version")
        with pytest.raises(ami.PermissionDenied):
            await connect(ami, server, "noperm", filters=["Event: Hangup"])

    run(main())


def test_the_lines_of_a_command(ami: ModuleType, server: Server) -> None:
    async def main() -> None:
        async with connect(ami, server) as client:
            (version,) = await client.command("core show version")
            assert version.startswith("Asterisk 22")

    run(main())


VALUES = {
    "COMMA": "1,2",
    "QUOTE": 'say "hello"',
    "BACKSLASH": "c:\\x\\",
    "PARENTHESIS": "a(b",
    "SPACES": "  around  ",
    "UTF": "Zoë 美咲",
    "EQUALS": "a=b=c",
    "EMPTY": "",
    "DOLLAR": "${X} $[1+1]",
    "ALL": "\\\",='();|&[]{} ",
}


def test_variables_arrive_exactly(ami: ModuleType, server: Server) -> None:
    async def main() -> None:
        async with connect(ami, server) as client:
            called = await client.originate(
                server.a_channel, application="Wait", data="20", variables=VALUES
            )
            assert called.response == "Success"
            for name, value in VALUES.items():
                assert await client.getvar(name, called.channel) == value
            for name, value in VALUES.items():
                if not value.startswith(" "):
                    await client.setvar(f"G_{name}", value)
                    assert await client.getvar(f"G_{name}") == value
            await client.hangup(called.channel)

    run(main())


def test_a_line_of_1024_bytes_arrives_and_a_longer_one_is_refused(
    ami: ModuleType, server: Server
) -> None:
    async def main() -> None:
        async with connect(ami, server) as client:
            value = (1024 - 2 - len("Value: ")) * "x"
            await client.setvar("LONG", value)
            assert await client.getvar("LONG") == value
            with pytest.raises(ami.Unsendable, match="1,025 bytes"):
                await client.setvar("LONG", value + "x")
            padding = {f"H{number}": 1 for number in range(126)}
            await client.send("Ping", **padding)

    run(main())


def test_originate_tells_its_outcome(ami: ModuleType, server: Server) -> None:
    async def main() -> None:
        async with connect(ami, server) as client:
            failed = await client.originate(server.no_channel, application="Wait", data="1")
            assert (failed.response, failed.name) == ("Failure", "OriginateResponse")
            with pytest.raises(ami.ActionFailed, match="Channel not specified"):
                await client.originate("", application="Wait", data="1")
        async with connect(ami, server, events="off") as client:
            with pytest.raises(ami.Unsendable, match="events='off' asks for none"):
                await client.originate(server.a_channel, application="Wait", data="1")
        async with connect(ami, server, "nocall") as client:
            with pytest.raises(ami.ActionTimeout, match="the class `call`"):
                await client.originate(server.a_channel, application="Wait", data="1", timeout=0.5)

    run(main())


def test_helpers_of_queues(ami: ModuleType, server: Server) -> None:
    async def main() -> None:
        async with connect(ami, server) as client:
            await client.queue_add("support", "Local/999@agents", member_name="New", penalty=3)
            await client.queue_pause("Local/999@agents", reason="lunch")
            status = await client.send("QueueStatus", Queue="support")
            assert "Local/999@agents" in [one["Location"] for one in status["QueueMember"]]
            await client.queue_remove("support", "Local/999@agents")
            with pytest.raises(ami.ActionFailed, match="Unable to remove interface"):
                await client.queue_remove("support", "Local/999@agents")

    run(main())


def test_two_hundred_lists_at_once(ami: ModuleType, server: Server) -> None:
    async def main() -> None:
        async with connect(ami, server) as client:
            asked = (client.send(name) for name in ("QueueStatus", "QueueSummary") * 100)
            lists = await asyncio.gather(*asked)
            assert len(lists) == 200
            assert all(one.valid and one.received >= 2 for one in lists)
            assert client.open_actions == 0

    run(main())


def test_an_empty_list_is_no_error(ami: ModuleType, server: Server) -> None:
    async def main() -> None:
        async with connect(ami, server) as client:
            for action in ("ConfbridgeListRooms", "ParkedCalls"):
                found = await client.send(action)
                assert (found.valid, found.received) == (True, 0), action

    run(main())


# --- events --------------------------------------------------------------------------------------


def test_a_subscription_begins_when_it_is_made(ami: ModuleType, server: Server) -> None:
    async def main() -> None:
        async with connect(ami, server) as client:
            await send_user_events(client, "Before")
            subscription = client.events(only={"UserEvent"})
            everything = client.events()
            await send_user_events(client, "First", "Second")
            found = await take(subscription, 2)
            assert [event["UserEvent"] for event in found] == ["First", "Second"]
            await until(lambda: len(everything) >= 2)
            names = [event.get("UserEvent") for event in await take(everything, len(everything))]
            assert [name for name in names if name] == ["First", "Second"]
            assert subscription.received == 2

    run(main())


def test_iterating_wait_for_and_callbacks(
    ami: ModuleType, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    got: list[str] = []

    async def main() -> None:
        async with connect(ami, server) as client:

            @client.on("UserEvent")
            async def collect(event: Any) -> None:
                got.append(event["UserEvent"])

            @client.on("User*")
            def fail(event: Any) -> None:
                raise RuntimeError("a callback that fails")

            subscription = client.events(only="UserEvent")
            waiting = asyncio.ensure_future(
                client.wait_for("UserEvent", lambda event: event["UserEvent"] == "B", timeout=10)
            )
            await asyncio.sleep(0)
            await send_user_events(client, "A", "B", "C")
            assert (await waiting)["UserEvent"] == "B"
            async for event in subscription:
                if event["UserEvent"] == "C":
                    break
            await until(lambda: got == ["A", "B", "C"])
            client.off(collect)
            await send_user_events(client, "D")
            with pytest.raises(TimeoutError, match="no such event"):
                await client.wait_for(ami.core_events.Hangup, timeout=0.05)
            with pytest.raises(ZeroDivisionError):
                await asyncio.gather(
                    client.wait_for("UserEvent", lambda event: 1 / 0, timeout=10),
                    send_user_events(client, "E"),
                )

    run(main())
    assert got == ["A", "B", "C"]
    assert "fail failed on UserEvent" in caplog.text


# --- losses --------------------------------------------------------------------------------------


async def pump(
    source: asyncio.StreamReader, target: asyncio.StreamWriter, passed: bytearray
) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(1 << 16):
            passed.extend(data)
            target.write(data)
            await target.drain()
    target.close()


@contextlib.asynccontextmanager
async def tap(server: Server) -> AsyncIterator[tuple[int, list[bytearray]]]:
    """A proxy that keeps what it passed to each client: its port, and the bytes."""
    passed: list[bytearray] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(server.host, server.port)
        except OSError:
            writer.close()
            return
        kept = bytearray()
        passed.append(kept)

        async def pump(
            source: asyncio.StreamReader, target: asyncio.StreamWriter, keep: bool
        ) -> None:
            with contextlib.suppress(OSError):
                while data := await source.read(1 << 16):
                    if keep:
                        kept.extend(data)
                    target.write(data)
                    await target.drain()
            target.close()

        await asyncio.gather(pump(far_reader, writer, True), pump(reader, far_writer, False))

    proxy = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield proxy.sockets[0].getsockname()[1], passed
    finally:
        proxy.close()


async def make_traffic(client: Any, server: Server) -> None:
    """Twenty calls a second, until the connection is lost; and as many events on a Simulator."""
    sent = 0
    calls: list[asyncio.Future[Any]] = []
    start = time.monotonic()
    while client.state.name == "READY":
        call = client.originate(server.no_channel, application="Wait", data="1", timeout=20)
        calls.append(asyncio.ensure_future(call))
        sent += 1
        if hasattr(server, "simulator"):
            for name in ("Newchannel", "VarSet", "Hangup"):
                server.simulator.emit(name, {"Number": sent})
        await asyncio.sleep(max(0.0, start + sent / 20 - time.monotonic()))
    await asyncio.gather(*calls, return_exceptions=True)


def test_a_server_that_is_killed_and_comes_back(ami: ModuleType, server: Server) -> None:
    async def main() -> None:
        states: list[Any] = []
        async with tap(server) as (port, passed), connect(ami, server, port=port) as client:
            client.on_state(states.append)
            everything = client.events(max_events=10**6)
            hangups = client.events(only={ami.core_events.Hangup}, overflow="drop_newest")
            nothing = client.events(only="Shutdown")
            traffic = asyncio.ensure_future(make_traffic(client, server))
            await asyncio.sleep(1.5)
            lost = asyncio.ensure_future(client.wait_for("Shutdown"))
            await asyncio.sleep(0)
            before = time.time()
            await in_thread(server.kill)
            await until(lambda: client.state is ami.State.LOST)
            with pytest.raises(ami.ConnectionLost):
                await lost
            with pytest.raises(ami.ConnectionLost):
                await client.ping()
            await traffic
            await in_thread(server.start)
            await client.wait_ready(20.0)
            back = time.monotonic()
            lists = await client.send("QueueStatus")
            assert lists.valid
            assert time.monotonic() - back < 5.0
            assert [change.state.name for change in states] == ["LOST", "READY"]
            assert not states[0].shutdown
            gaps = []
            for subscription in (everything, hangups, nothing):
                waiting = await take(subscription, len(subscription) + 1)
                gaps += [one for one in waiting if isinstance(one, ami.Gap)]
                if subscription is everything:
                    end = next(at for at, one in enumerate(waiting) if isinstance(one, ami.Gap))
                    received = [event.raw for event in waiting[:end]]
            assert len(gaps) == 3
            assert len(set(gaps)) == 1
            assert before - 1 < gaps[0].lost_at <= gaps[0].back_at <= time.time()
            written = [one for one in ami.Parser().feed(passed[0]) if isinstance(one, ami.Event)]
            # The first events came before the subscription began.
            first = next(at for at, one in enumerate(written) if one.raw == received[0])
            assert received == [event.raw for event in written[first:]]
            assert len(received) > 20

    run(main())


def test_a_shutdown_is_told_apart_from_a_fault(ami: ModuleType, server: Server) -> None:
    async def main() -> None:
        states: list[Any] = []
        async with connect(ami, server) as client:
            client.on_state(states.append)
            subscription = client.events(only="Hangup")
            await in_thread(server.shut_down)
            await until(lambda: client.state is ami.State.LOST, 20.0)
            assert states[0].shutdown
            assert states[0].reason.shutdown
            await in_thread(server.start)
            await client.wait_ready(20.0)
            *_, gap = await take(subscription, len(subscription) + 1)
            assert gap.shutdown

    run(main())

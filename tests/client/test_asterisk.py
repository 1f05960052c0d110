"""What only a real Asterisk does: `python -m pytest tests/client --asterisk DIR`.

The context `quick` of Asterisk's dialplan has the short calls: `answer`, `busy`, `ring`, `wait`,
and `events`, which makes a flood of events.
"""

from __future__ import annotations

import asyncio
import contextlib
from types import ModuleType
from typing import Any

import pytest
from support.clients import connect, in_thread, run, send_user_events, take, until
from support.servers import RealServer, Server
from support.tap import Tap

FLOOD = 1000
"""How many UserEvents a call of the extension `events@quick` makes."""


def test_filters_keep_what_the_client_needs(ami: ModuleType, server: Server) -> None:
    async def main() -> None:
        async with connect(ami, server, filters=["Event: UserEvent"]) as client:
            assert client.booted is not None
            subscription = client.events()
            called = await client.originate(server.no_channel, application="Wait", data="1")
            assert called.response == "Failure"
            await send_user_events(client, "Seen")
            assert (await client.send("QueueStatus")).valid
            await until(lambda: len(subscription) >= 2)
            names = {event.name for event in await take(subscription, len(subscription))}
            assert names - {"QueueParams", "QueueMember", "QueueEntry", "QueueStatusComplete"} == {
                "OriginateResponse",
                "UserEvent",
            }
        async with connect(ami, server, filters=["!Event: Newchannel"]) as client:
            subscription = client.events()
            await client.originate(server.no_channel, application="Wait", data="1")
            names = {event.name for event in await take(subscription, len(subscription))}
            assert "Newchannel" not in names
            assert "Hangup" in names or "OriginateResponse" in names

    run(main())


def test_a_slow_consumer_does_not_cost_the_connection(ami: ModuleType, server: Server) -> None:
    """Asterisk cuts off a client that blocks it for writetimeout = 100 ms."""

    async def main() -> None:
        async with (
            connect(ami, server) as caller,
            connect(ami, server, "slow") as client,
            connect(ami, server, "slow") as waiting,
        ):
            stalled = client.events(max_events=50)
            dropping = client.events(overflow="drop_oldest", max_events=10)
            risky = waiting.events(overflow="wait", max_events=1)
            big = 900 * "x"
            for _ in range(40):
                await asyncio.gather(
                    *(
                        caller.send("UserEvent", UserEvent="Big", A=big, B=big, C=big)
                        for _ in range(250)
                    )
                )
                if waiting.state is not ami.State.READY:
                    break
            assert client.state is ami.State.READY
            assert (await client.send("QueueStatus")).valid
            assert len(dropping) == 10
            assert dropping.dropped["UserEvent"] > 100
            assert len(await take(stalled, 50)) == 50
            with pytest.raises(ami.SubscriptionOverflow, match="50 events"):
                await anext(stalled)
            del risky

    run(main())


async def pass_marker(client: Any, marker: str) -> None:
    """Have Asterisk send an event, and wait until the client has read it and all before it."""
    waiting = client.wait_for("UserEvent", lambda event: event["UserEvent"] == marker, timeout=20)
    seen = asyncio.create_task(waiting)
    await asyncio.sleep(0)
    await client.send("UserEvent", UserEvent=marker)
    await seen


def next_change(client: Any) -> asyncio.Future[Any]:
    """The next change of a client's state."""
    changed = asyncio.get_running_loop().create_future()
    client.on_state(lambda change: changed.done() or changed.set_result(change))
    return changed


async def take_all(subscription: Any) -> list[Any]:
    """What waits in a subscription; it ends."""
    subscription.close()
    return [event async for event in subscription]


def test_a_second_login_of_a_user_who_may_log_in_once_says_so(
    ami: ModuleType, server: RealServer
) -> None:
    async def main() -> None:
        async with connect(ami, server, "once") as first:
            with pytest.raises(ami.LoginFailed, match="Login Already In Use"):
                await connect(ami, server, "once")
            await first.ping()

    run(main())


def test_the_most_headers_arrive(ami: ModuleType, server: RealServer) -> None:
    async def main() -> None:
        most = [f"x{number}" for number in range(126)]  # and Action and ActionID
        async with connect(ami, server) as client:
            assert (await client.send("Ping", Extra=most)).success
            with pytest.raises(ami.Unsendable):
                await client.send("Ping", Extra=[*most, "x"])

    run(main())


def test_other_actions_go_on_while_a_call_rings(ami: ModuleType, server: RealServer) -> None:
    async def main() -> None:
        async with connect(ami, server) as client:
            call = asyncio.create_task(
                client.originate(
                    "Local/ring@quick/n", application="Wait", data="1", ring_timeout=1.5
                )
            )
            await client.wait_for("DialBegin", timeout=10)
            assert (await client.send("CoreShowChannels")).valid
            assert not call.done()
            assert (await call).response == "Failure"

    run(main())


def test_an_originate_that_is_refused_at_once_fails(ami: ModuleType, server: RealServer) -> None:
    async def main() -> None:
        async with connect(ami, server) as client:
            with pytest.raises(ami.ActionFailed, match="Extension does not exist"):
                await client.originate("Local/answer@quick/n", context="nosuch", exten="x")

    run(main())


def test_an_originate_whose_result_does_not_come_names_the_likely_cause(
    ami: ModuleType, server: RealServer
) -> None:
    async def main() -> None:
        async with connect(ami, server, "nocall") as client:
            with pytest.raises(ami.ActionTimeout, match="`call`"):
                await client.originate(
                    "Local/answer@quick/n", application="Wait", data="0.1", timeout=0.5
                )

    run(main())


def test_a_shutdown_is_told_apart_under_filters_too(ami: ModuleType, server: RealServer) -> None:
    async def main() -> None:
        async with connect(ami, server, filters=["Event: Hangup"]) as client:
            lost = next_change(client)
            await in_thread(server.shut_down)
            assert (await lost).shutdown

    run(main())


async def place_calls(client: Any, rate: float) -> None:
    """Place calls for ever; while the connection is lost they fail."""
    placed: set[asyncio.Task[Any]] = set()
    try:
        while True:
            call = client.send(
                "Originate",
                Channel="Local/answer@quick/n",
                Application="Wait",
                Data="1",
                Async=True,
            )
            placed.add(asyncio.create_task(call))
            await asyncio.sleep(1 / rate)
    finally:
        answers = await asyncio.gather(*placed, return_exceptions=True)
        assert all(
            not isinstance(answer, Exception) or isinstance(answer, ConnectionError)
            for answer in answers
        )


def test_a_kill_amid_calls_loses_nothing_that_came_and_everyone_is_told(
    ami: ModuleType, server: RealServer
) -> None:
    def sent(streams: list[bytearray], *names: str) -> list[Any]:
        """The bytes of the events that were sent, with a None for each interruption."""
        found: list[Any] = []
        for stream in streams:
            events = ami.Parser(only=names or None).feed(bytes(stream))
            found += [event.raw for event in events if isinstance(event, ami.Event)] + [None]
        return found[:-1]

    def taken(events: list[Any]) -> list[Any]:
        return [None if isinstance(event, ami.Gap) else event.raw for event in events]

    def between_markers(events: list[Any]) -> list[Any]:
        (begin, end) = (
            next(
                n
                for n, raw in enumerate(events)
                if raw and b"\r\nUserEvent: %b\r\n" % marker in raw
            )
            for marker in (b"Begin", b"End")
        )
        return events[begin : end + 1]

    async def main() -> None:
        async with (
            Tap(server.host, server.port) as tap,
            connect(ami, server, port=tap.port) as client,
        ):
            everything = client.events()
            hangups = client.events(only={"Hangup", "UserEvent"})
            newest = client.events(only="Newchannel", overflow="drop_oldest", max_events=5)
            await pass_marker(client, "Begin")
            calls = asyncio.create_task(place_calls(client, 20))
            await asyncio.sleep(2)
            await in_thread(server.kill)
            await in_thread(server.start)
            await client.wait_ready(5)
            assert (await client.send("QueueStatus", timeout=5)).valid
            await asyncio.sleep(1)
            calls.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await calls
            await pass_marker(client, "End")

            assert len(tap.streams) == 2
            events = between_markers(sent(tap.streams))
            assert between_markers(taken(await take_all(everything))) == events
            assert (len(events) > 1000, events.count(None)) == (True, 1)
            expected = between_markers(sent(tap.streams, "Hangup", "UserEvent"))
            assert between_markers(taken(await take_all(hangups))) == expected
            last = await take_all(newest)
            assert [type(event) for event in last].count(ami.Gap) == 1
            assert newest.dropped["Newchannel"] > 0

    run(main())


@pytest.mark.parametrize("how", ["core stop now", "core restart now"])
def test_what_a_shutdown_says_reaches_every_other_client(
    ami: ModuleType, server: RealServer, how: str
) -> None:
    async def main() -> None:
        async with connect(ami, server) as client, connect(ami, server) as other:
            lost = next_change(client)
            events = client.events(only="Shutdown")
            with pytest.raises(ami.ConnectionLost):  # it gets neither an answer nor the event
                await other.command(how)
            assert (await lost).shutdown
            if how == "core stop now":
                await in_thread(server.asterisk.wait)
                await in_thread(server.start)
            await client.wait_ready(20)
            shutdown, gap = await take_all(events)
            assert (shutdown.name, gap.shutdown) == ("Shutdown", True)
            assert shutdown["Restart"] == str(how == "core restart now")

    run(main())


def test_keepalive_notices_a_peer_that_says_nothing(ami: ModuleType, server: RealServer) -> None:
    async def main() -> None:
        async with connect(ami, server, keepalive=0.5, keepalive_timeout=0.5, timeout=1) as client:
            events = client.events(only="UserEvent")
            lost = next_change(client)
            await in_thread(server.asterisk.freeze)
            assert (await lost).state is ami.State.LOST
            await in_thread(server.asterisk.thaw)
            await client.wait_ready(20)
            assert [type(event) for event in await take_all(events)] == [ami.Gap]

    run(main())


def test_no_silence_counts_while_an_action_takes_its_time(
    ami: ModuleType, server: RealServer
) -> None:
    async def main() -> None:
        async with connect(ami, server, keepalive=0.2, keepalive_timeout=0.2) as client:
            changes: list[Any] = []
            client.on_state(changes.append)
            # Without Async, Asterisk sends nothing until the call was answered or given up.
            with pytest.raises(ami.ActionFailed, match="Originate failed"):
                await client.send(
                    "Originate",
                    Channel="Local/ring@quick/n",
                    Application="Wait",
                    Data="1",
                    Timeout=2000,
                )
            await client.ping()
            assert changes == []

    run(main())


async def flood(client: Any, calls: int) -> None:
    """Have Asterisk send some thousand events as fast as it can."""
    for _ in range(calls):
        call = await client.originate("Local/events@quick/n", application="Wait", data="60")
        assert call.response == "Success"


def test_a_consumer_that_stalls_does_not_cost_the_connection(
    ami: ModuleType, server: RealServer
) -> None:
    async def main() -> None:
        async with connect(ami, server, "slow") as client, connect(ami, server) as other:
            changes: list[Any] = []
            client.on_state(changes.append)
            events = client.events()  # no one takes its events
            ends = other.events(only="Hangup")
            await flood(other, 8)
            for _ in range(8):
                async for hangup in ends:
                    if hangup["Channel"].endswith(";2"):
                        break
            await pass_marker(client, "End")
            got = [event["Left"] for event in await take_all(events) if "Left" in event]
            assert sorted(got) == sorted(8 * [str(left) for left in range(1, FLOOD + 1)])
            assert changes == []

    run(main())


def test_a_consumer_for_whom_reading_waits_may_cost_the_connection_and_is_told(
    ami: ModuleType, server: RealServer
) -> None:
    async def main() -> None:
        async with connect(ami, server, "slow") as client, connect(ami, server) as other:
            events = client.events(overflow="wait", max_events=10)
            await flood(other, 12)
            await asyncio.sleep(6)
            names = []
            async for event in events:
                names.append(event.name)
                if event.name == "Gap":
                    break
            assert names.count("UserEvent") < 12 * FLOOD
            await client.wait_ready(20)

    run(main())

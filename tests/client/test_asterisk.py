"""What only a real Asterisk does: `python -m pytest -n 0 tests/client --asterisk DIR`."""

from __future__ import annotations

import asyncio
from types import ModuleType

import pytest
from support.clients import connect, run, send_user_events, take, until
from support.servers import Server


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

"""What the tests of the client share: a loop for each test, connecting, waiting."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from types import ModuleType
from typing import Any

from support.servers import Server

LIMIT = 60.0


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a test's coroutine in a loop of its own."""
    return asyncio.run(asyncio.wait_for(coroutine, LIMIT))


def connect(ami: ModuleType, server: Server, username: str = "lab", **options: Any) -> Any:
    given = {"max_backoff": 0.5, **server.account(username), **options}
    return ami.connect(server.host, **given)


async def in_thread(function: Any, *arguments: Any) -> Any:
    return await asyncio.get_running_loop().run_in_executor(None, function, *arguments)


async def until(condition: Any, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not become true in time"
        await asyncio.sleep(0.01)


async def send_user_events(client: Any, *names: str) -> None:
    for name in names:
        await client.send("UserEvent", UserEvent=name)


async def take(subscription: Any, count: int) -> list[Any]:
    return [await asyncio.wait_for(anext(subscription), 10.0) for _ in range(count)]

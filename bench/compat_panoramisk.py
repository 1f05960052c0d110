"""Compares panoramisk with and without the drop-in, end to end over a loopback socket.

`python -m bench.compat_panoramisk` prints the table. Each round is a plain panoramisk program
in its own process, on asyncio's event loop or on uvloop's.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from typing import Any

from bench import compat

REPEATS = {"panoramisk": 1, "compiled": 12, "pure": 4}
"""How many times the capture is sent. A round must be long enough to be measured."""
LOOPS = ("asyncio", "uvloop")
TARGET = 10.0
"""The targets: the speed divided by that of panoramisk without the drop-in."""


class Program:
    """The callbacks of the measured program."""

    def __init__(self, manager: Any) -> None:
        self.manager = manager
        self.seen: Counter[Any] = Counter()

    def hangups(self) -> None:
        """callbacks on Hangup only, which read the cause"""

        def heard(manager: Any, event: Any) -> None:
            self.seen[event.cause] += 1

        self.manager.register_event("Hangup", heard)

    def all(self) -> None:
        """callbacks on all events, which count them by name"""

        def heard(manager: Any, event: Any) -> None:
            self.seen[event.event] += 1

        self.manager.register_event("*", heard)

    def headers(self) -> None:
        """callbacks on all events, which read three headers"""

        def heard(manager: Any, event: Any) -> None:
            self.seen[event.event, event["Privilege"], event.channelstate] += 1

        self.manager.register_event("*", heard)

    def dicts(self) -> None:
        """callbacks on all events, which make a dict of each"""

        def heard(manager: Any, event: Any) -> None:
            self.seen[event.event, len(dict(event))] += 1

        self.manager.register_event("*", heard)


WORK = {
    name: getattr(Program, name).__doc__ or "" for name in ("hangups", "all", "headers", "dicts")
}
JOBS = {f"{name}, {loop}": f"{what}, {loop}" for name, what in WORK.items() for loop in LOOPS}
TARGETS = {job: TARGET for job in JOBS if job.startswith(("hangups", "all"))}


def run(contender: str, port: int, job: str) -> None:
    """Run one round in this process, and print its figures as JSON."""
    if contender != "panoramisk":
        import amistream
        from amistream.compat import panoramisk

        assert contender == amistream.IMPLEMENTATION, amistream.IMPLEMENTATION
        panoramisk.install()
    work, _, loop = job.partition(", ")
    if loop == "asyncio":
        wall, processor, seen = asyncio.run(_read(port, work))
    else:
        import uvloop

        wall, processor, seen = uvloop.run(_read(port, work))
    counts = {str(key): count for key, count in seen.items() if compat.LAST_NAME not in key}
    print(json.dumps([wall, processor, counts]))


async def _read(port: int, work: str) -> tuple[float, float, Counter[Any]]:
    """Run a program on the stream: the seconds of wall time and CPU time, and its counts."""
    from panoramisk import Manager

    loop = asyncio.get_running_loop()
    connected, over = loop.create_future(), loop.create_future()
    manager = Manager(loop=loop, host="127.0.0.1", port=port, on_connect=connected.set_result)
    program = Program(manager)
    getattr(program, work)()
    manager.register_event(compat.LAST_NAME, lambda manager, event: over.set_result(None))
    await manager.connect()
    await connected
    wall, processor = time.perf_counter(), time.process_time()
    # Not send_action(): while it waits for an answer, every message must be checked for it.
    manager.protocol.transport.write(b"Action: Ping\r\n\r\n")
    await over
    figures = time.perf_counter() - wall, time.process_time() - processor
    manager.close()
    return *figures, program.seen


if __name__ == "__main__":
    sys.exit(compat.run_program("bench.compat_panoramisk", run, REPEATS, JOBS, TARGETS))

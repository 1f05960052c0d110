"""Compares pystrix with and without the drop-in, end to end over a loopback socket.

`python -m bench.compat_pystrix` prints the table. Each round is a plain pystrix program in
its own process. pystrix's two threads share one interpreter; the figures include this cost.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import Counter
from typing import Any

from bench import compat

REPEATS = {"pystrix": 1, "compiled": 20, "pure": 8}
"""How many times the capture is sent. A round must be long enough to be measured."""
TARGETS = {"hangups": 20.0, "all": 20.0}
"""The targets: the speed divided by that of pystrix without the drop-in."""


class Program:
    """The callbacks of the measured program."""

    def __init__(self, manager: Any) -> None:
        self.manager = manager
        self.seen: Counter[object] = Counter()

    def hangups(self) -> None:
        """callbacks on Hangup only, which read the cause"""
        from pystrix.ami import core_events

        self._listen(core_events.Hangup, lambda event: event["Cause"])

    def all(self) -> None:
        """callbacks on all events, which count them"""
        self._listen("", lambda event: "events")

    def headers(self) -> None:
        """callbacks on all events, which read three headers"""
        self._listen("", lambda event: (event["Event"], event["Privilege"], event.get("Channel")))

    def dicts(self) -> None:
        """callbacks on all events, which make a dict of each"""
        self._listen("", lambda event: len(dict(event)))

    def process(self) -> None:
        """callbacks on all events, which call `process()`"""
        self._listen("", lambda event: len(event.process()[0]))

    def _listen(self, what: Any, read: Any) -> None:
        seen = self.seen

        def heard(event: Any, manager: Any) -> None:
            seen[read(event)] += 1

        self.manager.register_callback(what, heard)


JOBS = {
    name: getattr(Program, name).__doc__ or ""
    for name in ("hangups", "all", "headers", "dicts", "process")
}


def run(contender: str, port: int, job: str) -> None:
    """Run one round in this process, and print its figures as JSON."""
    if contender != "pystrix":
        import amistream
        from amistream.compat import pystrix

        assert contender == amistream.IMPLEMENTATION, amistream.IMPLEMENTATION
        pystrix.install()
    from pystrix.ami import Manager

    over = threading.Event()
    manager = Manager()
    program = Program(manager)
    getattr(program, job)()
    manager.register_callback(compat.LAST_NAME, lambda event, manager: over.set())
    manager.connect("127.0.0.1", port)
    wall, processor = time.perf_counter(), time.process_time()
    # Not send_action(): it waits for the answer, and pystrix polls for it every 50 ms.
    manager.get_connection().send_message("Action: Ping\r\n\r\n")
    if not over.wait(240):
        raise TimeoutError("the last event did not come")
    figures = (time.perf_counter() - wall, time.process_time() - processor)
    seen = Counter({str(what): count for what, count in program.seen.items()})
    seen.subtract(_of_the_last(job))
    print(json.dumps([*figures, {what: count for what, count in seen.items() if count}]))
    sys.stdout.flush()
    # At the end of the stream pystrix's reader loops, and Python would wait for its thread.
    manager._message_reader.kill()


def _of_the_last(job: str) -> dict[str, int]:
    """The counts of the last event, which is not part of the capture."""
    last = {"Event": compat.LAST_NAME, "Privilege": "call,all"}
    of_a_job = {
        "all": "events",
        "headers": str((*last.values(), None)),
        "dicts": str(len(last)),
        "process": str(len(last)),
    }
    return {of_a_job[job]: 1} if job in of_a_job else {}


if __name__ == "__main__":
    sys.exit(compat.run_program("bench.compat_pystrix", run, REPEATS, JOBS, TARGETS))

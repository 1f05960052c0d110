"""A soak of the client: `python -m bench.soak --minutes 10` reads a call centre for long.

`amistream simulate` plays the call centre of a seed in its own process, at a fixed rate and with
one write for each event. The client must get exactly the events that the plan counts, by name; an
action is sent each second; the program prints the resident memory meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import subprocess
import sys
import time
from collections import Counter
from typing import Any

from amistream.testing import Options, Workload

CALLS_PER_SECOND = 100


def resident() -> float:
    """The resident memory of this process, in MiB."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * 4096 / 2**20


async def soak(port: int, expected: dict[str, int]) -> int:
    """Read until the whole plan came. Returns the exit code."""
    import amistream

    seen: Counter[str] = Counter()
    total = sum(expected.values())
    shown = start = time.monotonic()
    account: Any = {"username": "lab", "secret": "labsecret", "reconnect": False}
    async with amistream.connect("127.0.0.1", port, **account) as ami:
        events = ami.events()
        await ami.send("SimulatorPlay")
        worst = first = 0.0
        count = 0
        async for event in events:
            seen[event.name] += 1
            count += 1
            if count == total:
                break
            now = time.monotonic()
            if now - shown >= 1.0:
                shown = now
                worst = max(worst, events.lag)
                await ami.ping()
                memory = resident()
                first = first or memory
                if round(now - start) % 10 == 0:
                    told = f"{count:,} of {total:,} events, {memory:.1f} MiB, lag {worst:.3f} s"
                    print(f"{now - start:6.0f} s  {told}", flush=True)
    lost = {name: expected[name] - seen[name] for name in expected if expected[name] != seen[name]}
    seconds = time.monotonic() - start
    print(
        f"{seen.total():,} events in {seconds:.0f} s, {seen.total() / seconds:,.0f} a second; "
        f"lost: {lost or 'none'}; memory {first:.1f} to {resident():.1f} MiB; "
        f"worst lag {1000 * worst:.1f} ms"
    )
    return 1 if lost else 0


def main() -> int:
    """Start the simulator, and soak."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--rate", type=int, default=20_000, help="events a second (20000)")
    options = parser.parse_args()
    seconds = options.minutes * 60 * options.rate / (CALLS_PER_SECOND * 114)
    plan = Workload(Options(seconds=seconds, calls_per_second=CALLS_PER_SECOND)).plan()
    command = [sys.executable, "-m", "amistream", "simulate", "--port", "0", "--wait"]
    command += ["--seconds", str(seconds), "--calls-per-second", str(CALLS_PER_SECOND)]
    command += ["--rate", str(options.rate), "--one-by-one"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr is not None
            found = re.search(r"127\.0\.0\.1:(\d+)", server.stderr.readline())
            assert found is not None
            return asyncio.run(soak(int(found[1]), plan.by_name))
        finally:
            server.kill()


if __name__ == "__main__":
    sys.exit(main())

"""What the drop-ins are measured with: a capture replayed over loopback, a process for each round.

The server sends a recorded call centre as fast as it is read, so many times, once it is sent an
action. What it is read with is measured in a process of its own, from that action to the callback
of the stream's last event.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
CAPTURE = ROOT / "tests" / "data" / "queue-events.ami.gz"
BANNER = b"Asterisk Call Manager/11.0.0\r\n"
LAST_NAME = "BenchOver"
LAST = f"Event: {LAST_NAME}\r\nPrivilege: call,all\r\n\r\n".encode()
SWITCHES = {
    "compiled": {"AMISTREAM_REQUIRE_EXTENSIONS": "1"},
    "pure": {"AMISTREAM_NO_EXTENSIONS": "1"},
}
"""What makes a process have one twin or the other."""


class Figure(NamedTuple):
    """Nanoseconds a message, by the wall clock and of the processor; and what was counted."""

    wall: float
    processor: float
    seen: dict[str, float]


def measure(module: str, contender: str, job: str, repeats: int) -> Figure:
    """One round: `python -m MODULE --run CONTENDER PORT JOB` reads the capture so many times.

    It prints the seconds by the wall clock, those of the processor, and what it counted, as JSON.
    """
    kept = {name: value for name, value in os.environ.items() if "AMISTREAM" not in name}
    with serving(repeats) as (port, messages):
        done = subprocess.run(
            [sys.executable, "-m", module, "--run", contender, str(port), job],
            cwd=ROOT,
            env=kept | SWITCHES.get(contender, {}),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=300,
        )
    wall, processor, seen = json.loads(done.stdout)
    scale = 1e9 / (messages * repeats)
    return Figure(
        wall * scale, processor * scale, {name: count / repeats for name, count in seen.items()}
    )


def measure_all(
    module: str, repeats: dict[str, int], jobs: Iterable[str], rounds: int
) -> dict[str, dict[str, Figure]]:
    """By job the fastest round of each contender of `repeats`; the rounds take turns."""
    best: dict[str, dict[str, Figure]] = {}
    for _ in range(rounds):
        for job in jobs:
            figures = best.setdefault(job, {})
            for contender, count in repeats.items():
                figure = measure(module, contender, job, count)
                if contender not in figures or figure.wall < figures[contender].wall:
                    figures[contender] = figure
    return best


def times(
    module: str, repeats: dict[str, int], peer: str, twin: str, titles: dict[str, str], rounds: int
) -> dict[str, float]:
    """By title, how many times the peer's speed the twin reaches."""
    contenders = {name: repeats[name] for name in (peer, twin)}
    best = measure_all(module, contenders, titles, rounds)
    for figures in best.values():
        check(figures)
    return {titles[job]: found[peer].wall / found[twin].wall for job, found in best.items()}


def check(figures: dict[str, Figure]) -> None:
    """All contenders must have seen the same; ValueError if not."""
    (name, expected), *others = ((name, figure.seen) for name, figure in figures.items())
    for other, seen in others:
        if seen != expected:
            raise ValueError(f"{other} counts {seen}, but {name} {expected}")


def table(
    best: dict[str, dict[str, Figure]], peer: str, titles: dict[str, str], targets: dict[str, float]
) -> str:
    """The figures for people: nanoseconds a message, and how many times the peer's speed."""
    lines = [
        f"| end to end over loopback | {peer}, ns | compiled, ns | times | pure, ns | times |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for job, figures in best.items():
        check(figures)
        cells = [titles[job], f"{figures[peer].wall:,.0f}"]
        for twin in SWITCHES:
            times = figures[peer].wall / figures[twin].wall
            mark = "" if job not in targets else " ✓" if times >= targets[job] else " ✗"
            cells += [f"{figures[twin].wall:,.0f}", f"{times:.1f}{mark}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def run_program(
    module: str,
    run: Callable[[str, int, str], None],
    repeats: dict[str, int],
    titles: dict[str, str],
    targets: dict[str, float],
) -> int:
    """What `python -m MODULE` does: measure and print the table, or be one measurement's process.

    The peer is the first of `repeats`.
    """
    parser = argparse.ArgumentParser(
        prog=f"python -m {module}", description=sys.modules["__main__"].__doc__
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--job", choices=titles, action="append", help="one of them; repeatable")
    parser.add_argument("--run", nargs=3, help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.run:
        contender, port, job = told.run
        run(contender, int(port), job)
        return 0
    best = measure_all(module, repeats, told.job or titles, told.rounds)
    print(table(best, next(iter(repeats)), titles, targets))
    return 0


# --- the server -------------------------------------------------------------------------------


@contextlib.contextmanager
def serving(repeats: int) -> Iterator[tuple[int, int]]:
    """A server in a process of its own: its port, and the messages of one repeat."""
    command = [sys.executable, "-m", "bench.compat", "--serve", str(repeats)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        port, messages = map(int, server.stdout.readline().split())
        try:
            yield port, messages
        finally:
            server.terminate()


def serve(repeats: int) -> None:
    """Send the capture so many times to the first who connects and sends an action."""
    stream = gzip.decompress(CAPTURE.read_bytes())
    stream = stream[stream.index(b"\r\n\r\n", len(BANNER)) + 4 :]  # from its first event on
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(server.getsockname()[1], stream.count(b"\r\n\r\n"), flush=True)
        connection, _ = server.accept()
    with connection:
        connection.sendall(BANNER)
        asked = b""
        while b"\r\n\r\n" not in asked:
            asked += connection.recv(4096)
        for _ in range(repeats):
            connection.sendall(stream)
        connection.sendall(LAST)
        connection.recv(1)


def main() -> None:
    """Be the server."""
    parser = argparse.ArgumentParser(prog="python -m bench.compat", description=__doc__)
    parser.add_argument("--serve", type=int, required=True, metavar="REPEATS")
    serve(parser.parse_args().serve)


if __name__ == "__main__":
    main()

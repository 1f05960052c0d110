"""What the benchmarks of the drop-ins share: a capture is replayed over loopback.

A server sends the capture of a call centre, repeated, as fast as the client reads it. It starts
when the client sends an action. Each round of a client runs in its own process. The time is
measured from that action to the callback of the last event.
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
"""The environment variables that choose a twin."""


class Figure(NamedTuple):
    """Nanoseconds a message, of wall time and of CPU time; and the counts of the program."""

    wall: float
    processor: float
    seen: dict[str, float]


def measure(module: str, contender: str, job: str, repeats: int) -> Figure:
    """One round: `python -m MODULE --run CONTENDER PORT JOB` reads the capture `repeats` times.

    It prints JSON: the seconds of wall time, the seconds of CPU time, and its counts.
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
    """By job, the fastest round of each contender in `repeats`; the contenders take turns."""
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
    """By title, the twin's speed divided by the peer's."""
    contenders = {name: repeats[name] for name in (peer, twin)}
    best = measure_all(module, contenders, titles, rounds)
    for figures in best.values():
        check(figures)
    return {titles[job]: found[peer].wall / found[twin].wall for job, found in best.items()}


def check(figures: dict[str, Figure]) -> None:
    """ValueError unless all contenders counted the same."""
    (name, expected), *others = ((name, figure.seen) for name, figure in figures.items())
    for other, seen in others:
        if seen != expected:
            raise ValueError(f"{other} counts {seen}, but {name} {expected}")


def table(
    best: dict[str, dict[str, Figure]], peer: str, titles: dict[str, str], targets: dict[str, float]
) -> str:
    """The figures as a table: nanoseconds a message, and the speed divided by the peer's."""
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
    """Run `python -m MODULE`: measure and print the table, or run one round in this process.

    The first contender in `repeats` is the peer.
    """
    parser = argparse.ArgumentParser(
        prog=f"python -m {module}", description=sys.modules["__main__"].__doc__
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--job", choices=titles, action="append", help="measure only this job; may be repeated"
    )
    parser.add_argument("--run", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        contender, port, job = options.run
        run(contender, int(port), job)
        return 0
    best = measure_all(module, repeats, options.job or titles, options.rounds)
    print(table(best, next(iter(repeats)), titles, targets))
    return 0


# --- the server -------------------------------------------------------------------------------


@contextlib.contextmanager
def serving(repeats: int) -> Iterator[tuple[int, int]]:
    """A server in its own process: its port, and the number of messages in one repeat."""
    command = [sys.executable, "-m", "bench.compat", "--serve", str(repeats)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        port, messages = map(int, server.stdout.readline().split())
        try:
            yield port, messages
        finally:
            server.terminate()


def serve(repeats: int) -> None:
    """Send the capture `repeats` times to the first client, after it sent an action."""
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
    """Run the server."""
    parser = argparse.ArgumentParser(prog="python -m bench.compat", description=__doc__)
    parser.add_argument("--serve", type=int, required=True, metavar="REPEATS")
    serve(parser.parse_args().serve)


if __name__ == "__main__":
    main()

"""A live feed: `python -m bench.live CONTENDER` reads it while another thread computes.

A separate process plays the call centre of amistream.testing at a fixed rate and sends once each
millisecond. A delay counts from the moment when an event was due, so a reader gains nothing by
making the sender wait. The program prints the delays' centiles in milliseconds as JSON.
"""

from __future__ import annotations

import argparse
import itertools
import json
import socket
import subprocess
import sys
import threading
import time

from amistream.testing import workload
from bench import contenders

RATE = 11_000
SECONDS = 5.0
CENTILES = (50.0, 99.0, 99.9)
TICK = 0.001


def play(rate: int, seconds: float) -> None:
    """Send the events to the first client; print the port, then the start time."""
    count = int(rate * seconds)
    calls = count // 80 + 1  # a call has about 110 events
    options = workload.Options(calls_per_second=100, seconds=calls / 100)
    events = list(itertools.islice(workload.Workload(options).events(), count))
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(server.getsockname()[1], flush=True)
        connection, _ = server.accept()
    with connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(workload.BANNER)
        # The half second gives the reader time to get ready.
        start = time.monotonic() + 0.5
        print(start, flush=True)
        sent = 0
        while sent < count:
            time.sleep(max(0.0, TICK - time.monotonic() % TICK))
            due = min(count, max(0, int((time.monotonic() - start) * rate)))
            connection.sendall(b"".join(events[sent:due]))
            sent = due
        connection.recv(1)


def read(name: str, rate: int, seconds: float) -> dict[str, float]:
    """Read the feed with one contender; return the centiles of the delays."""
    parser = contenders.load(name)
    command = [sys.executable, "-m", "bench.live", "--play", str(rate), str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as player:
        assert player.stdout is not None
        port = int(player.stdout.readline())
        arrivals: list[float] = []
        worker = threading.Thread(target=_compute, args=(done := threading.Event(),))
        worker.start()
        try:
            count = int(rate * seconds)
            parser.receive(port, count, lambda message: arrivals.append(time.monotonic()))
        finally:
            done.set()
            worker.join()
        start = float(player.stdout.readline())
    delays = sorted(moment - start - number / rate for number, moment in enumerate(arrivals))
    return {f"{centile:g}th centile": 1000 * _centile(delays, centile) for centile in CENTILES}


def _compute(done: threading.Event) -> None:
    """Run plain Python that never waits, until `done` is set."""
    total = 0
    while not done.is_set():
        for number in range(10_000):
            total += number * number


def _centile(ordered: list[float], centile: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * centile / 100))]


def main() -> None:
    """Play the feed, or read it."""
    parser = argparse.ArgumentParser(description="Delays of a live feed, in milliseconds.")
    parser.add_argument("contender", nargs="?", choices=contenders.NAMES, default="compiled")
    parser.add_argument("--rate", type=int, default=RATE, help=f"events per second ({RATE})")
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, help=f"length of the feed ({SECONDS:g})"
    )
    parser.add_argument("--play", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.play:
        play(int(options.play[0]), float(options.play[1]))
    else:
        print(json.dumps(read(options.contender, options.rate, options.seconds)))


if __name__ == "__main__":
    main()

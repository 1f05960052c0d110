"""A live feed: `python -m bench.live CONTENDER` reads it while another thread computes.

The call centre of workload.py is played by a process of its own at a fixed rate, a send each
millisecond. A delay counts from when an event was due, so that a reader which makes the sender
wait does not look good by it. Prints the delays' centiles in milliseconds as JSON.
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

from bench import contenders, workload

RATE = 11_000
SECONDS = 5.0
CENTILES = (50.0, 99.0, 99.9)
TICK = 0.001


def play(rate: int, seconds: float) -> None:
    """Send the events to the first who connects; say on which port, and when it began."""
    count = int(rate * seconds)
    calls = count // 80 + 1  # of some 110 events
    options = workload.Options(calls_per_second=100, seconds=calls / 100)
    events = list(itertools.islice(workload.Workload(options).events(), count))
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(server.getsockname()[1], flush=True)
        connection, _ = server.accept()
    with connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(workload.BANNER)
        # The reader gets ready meanwhile.
        began = time.monotonic() + 0.5
        print(began, flush=True)
        sent = 0
        while sent < count:
            time.sleep(max(0.0, TICK - time.monotonic() % TICK))
            due = min(count, max(0, int((time.monotonic() - began) * rate)))
            connection.sendall(b"".join(events[sent:due]))
            sent = due
        connection.recv(1)


def read(name: str, rate: int, seconds: float) -> dict[str, float]:
    """Read the feed with one contender; the centiles of the delays."""
    parser = contenders.load(name)
    command = [sys.executable, "-m", "bench.live", "--play", str(rate), str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as player:
        assert player.stdout is not None
        port = int(player.stdout.readline())
        seen: list[float] = []
        worker = threading.Thread(target=_compute, args=(done := threading.Event(),))
        worker.start()
        try:
            count = int(rate * seconds)
            parser.receive(port, count, lambda message: seen.append(time.monotonic()))
        finally:
            done.set()
            worker.join()
        began = float(player.stdout.readline())
    delays = sorted(moment - began - number / rate for number, moment in enumerate(seen))
    return {f"{centile:g}th centile": 1000 * _at(delays, centile) for centile in CENTILES}


def _compute(done: threading.Event) -> None:
    """Plain Python that never waits for anything."""
    total = 0
    while not done.is_set():
        for number in range(10_000):
            total += number * number


def _at(ordered: list[float], centile: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * centile / 100))]


def main() -> None:
    """Play the feed, or read it."""
    arguments = argparse.ArgumentParser(description="Delays of a live feed, in milliseconds.")
    arguments.add_argument("contender", nargs="?", choices=contenders.NAMES, default="compiled")
    arguments.add_argument("--rate", type=int, default=RATE, help=f"events a second ({RATE})")
    arguments.add_argument("--seconds", type=float, default=SECONDS, help=f"({SECONDS:g})")
    arguments.add_argument("--play", nargs=2, help=argparse.SUPPRESS)
    told = arguments.parse_args()
    if told.play:
        play(int(told.play[0]), float(told.play[1]))
    else:
        print(json.dumps(read(told.contender, told.rate, told.seconds)))


if __name__ == "__main__":
    main()

"""Clients side by side, end to end over a loopback socket; the sender is another process.

`python -m bench.client` prints the table: this client, a sketch of a client of 40 lines,
panoramisk, pystrix and asterisk-ami read the capture of a call centre from `amistream simulate`,
which writes 64 KiB at a time as fast as they read. Each round runs in a process of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench import compat

LAST_NAME, LAST = compat.LAST_NAME, compat.LAST
LOGIN = b"Action: Login\r\nUsername: lab\r\nSecret: labsecret\r\nEvents: on\r\n\r\n"
PLAY = b"Action: SimulatorPlay\r\n\r\n"
WORK = {"reads": "three headers of each event", "hangups": "only={Hangup}"}
REPEATS = {
    ("sketch", "reads"): 10,
    ("client", "reads"): 10,
    ("open", "reads"): 10,
    ("sketch", "hangups"): 60,
    ("client", "hangups"): 60,
    ("open", "hangups"): 60,
    ("panoramisk", "reads"): 1,
    ("pystrix", "reads"): 1,
    ("asterisk-ami", "reads"): 1,
}
"""How often each contender gets the capture in a round, which must be long enough to measure.
"open" is the client with an action in flight all the time."""
OF_SKETCH = 0.85
TIMES_PEER = {"panoramisk": 14.0, "pystrix": 14.0, "asterisk-ami": 6.0}
RATE = 11_000
MOST_DELAY = 2.0
"""The limit of the added delay at the 99.9th centile, in milliseconds."""
ANSWERS = 20_000
"""The target of answers a second with 1,000 actions in flight."""


# --- the sketch ----------------------------------------------------------------------------------


class Sketch(asyncio.BufferedProtocol):
    """The least that a client can be: a buffer, a parser, a deque and an iterator."""

    def __init__(self, only: Any) -> None:
        import amistream

        self.parser = amistream.Parser(only=only)
        self.buffer = bytearray(1 << 18)
        self.view = memoryview(self.buffer)
        self.events: deque[Any] = deque()
        self.waiter: asyncio.Future[None] | None = None

    def get_buffer(self, sizehint: int) -> memoryview:
        return self.view

    def buffer_updated(self, size: int) -> None:
        self.events.extend(self.parser.feed(self.view[:size]))
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)

    def __aiter__(self) -> Sketch:
        return self

    async def __anext__(self) -> Any:
        while not self.events:
            self.waiter = asyncio.get_running_loop().create_future()
            await self.waiter
        return self.events.popleft()


# --- one round -----------------------------------------------------------------------------------


async def consume(events: Any, work: str, repeats: int) -> int:
    """Read events up to the last one; their number."""
    count = ends = 0
    if work == "hangups":
        async for event in events:
            count += 1
            if event.name == LAST_NAME:
                ends += 1
                if ends == repeats:
                    return count
    async for event in events:
        count += 1
        event.get("Channel")
        event.get("Uniqueid")
        if event.get("Event") == LAST_NAME:
            ends += 1
            if ends == repeats:
                return count
    return count


def selection(work: str) -> Any:
    from amistream.core_events import Hangup

    return {Hangup, LAST_NAME} if work == "hangups" else None


async def run_sketch(port: int, work: str, repeats: int) -> tuple[float, int]:
    loop = asyncio.get_running_loop()
    transport, sketch = await loop.create_connection(
        lambda: Sketch(selection(work)), "127.0.0.1", port
    )
    transport.write(LOGIN)
    await asyncio.sleep(0.2)
    sketch.events.clear()
    start = time.perf_counter()
    transport.write(PLAY)
    count = await consume(sketch, work, repeats)
    seconds = time.perf_counter() - start
    transport.close()
    return seconds, count


async def run_client(port: int, work: str, repeats: int, open_action: bool) -> tuple[float, int]:
    import amistream

    account: Any = {"username": "lab", "secret": "labsecret"}
    async with amistream.connect("127.0.0.1", port, **account, reconnect=False) as ami:
        events = ami.events(selection(work), max_events=10**7, max_bytes=2**34)
        if open_action:
            waiting = ami._send_until("Ping", "NeverSent", "", 600.0, {})
            open_task = asyncio.ensure_future(waiting)
            await asyncio.sleep(0.1)
            assert ami.open_actions == 1
        start = time.perf_counter()
        await ami.send("SimulatorPlay", timeout=None)
        count = await consume(events, work, repeats)
        seconds = time.perf_counter() - start
        if open_action:
            open_task.cancel()
        return seconds, count


def run_panoramisk(port: int, work: str, repeats: int) -> tuple[float, int]:
    from panoramisk import Manager

    async def main() -> tuple[float, int]:
        loop = asyncio.get_running_loop()
        over = loop.create_future()
        seen = [0, 0]

        def heard(manager: Any, event: Any) -> None:
            seen[0] += 1
            event.channel, event.uniqueid  # noqa: B018
            if event.event == LAST_NAME:
                seen[1] += 1
                if seen[1] == repeats:
                    over.set_result(None)

        manager = Manager(
            loop=loop, host="127.0.0.1", port=port, username="lab", secret="labsecret"
        )
        manager.register_event("*", heard)
        await manager.connect()
        await asyncio.sleep(0.5)
        start = time.perf_counter()
        manager.protocol.transport.write(PLAY)
        await over
        seconds = time.perf_counter() - start
        manager.close()
        return seconds, seen[0]

    return asyncio.run(main())


def run_pystrix(port: int, work: str, repeats: int) -> tuple[float, int]:
    from pystrix.ami import Manager

    over, seen = threading.Event(), [0, 0]

    def heard(event: Any, manager: Any) -> None:
        seen[0] += 1
        event.get("Channel")
        event.get("Uniqueid")
        if event["Event"] == LAST_NAME:
            seen[1] += 1
            if seen[1] == repeats:
                over.set()

    manager = Manager()
    manager.register_callback("", heard)
    manager.connect("127.0.0.1", port)
    manager.get_connection().send_message(LOGIN.decode())
    time.sleep(0.5)
    start = time.perf_counter()
    manager.get_connection().send_message(PLAY.decode())
    over.wait(240)
    seconds = time.perf_counter() - start
    manager._message_reader.kill()
    return seconds, seen[0]


def run_asterisk_ami(port: int, work: str, repeats: int) -> tuple[float, int]:
    from asterisk.ami import AMIClient, SimpleAction

    over, seen = threading.Event(), [0, 0]

    def heard(source: Any, event: Any) -> None:
        seen[0] += 1
        event.keys.get("Channel")
        event.keys.get("Uniqueid")
        if event.name == LAST_NAME:
            seen[1] += 1
            if seen[1] == repeats:
                over.set()

    client = AMIClient(address="127.0.0.1", port=port, timeout=30)
    client.add_listener(on_event=heard)
    client.login("lab", "labsecret")
    time.sleep(0.5)
    start = time.perf_counter()
    client.send_action(SimpleAction("SimulatorPlay"))
    over.wait(240)
    seconds = time.perf_counter() - start
    client.finished.set()
    return seconds, seen[0]


def run_round(contender: str, port: int, work: str, repeats: int) -> tuple[float, int]:
    """Read the capture with one contender: the seconds, and the events seen."""
    warnings.simplefilter("ignore")  # LAST_NAME is no event of Asterisk
    runs: dict[str, Callable[[], tuple[float, int]]] = {
        "sketch": lambda: asyncio.run(run_sketch(port, work, repeats)),
        "client": lambda: asyncio.run(run_client(port, work, repeats, False)),
        "open": lambda: asyncio.run(run_client(port, work, repeats, True)),
        "panoramisk": lambda: run_panoramisk(port, work, repeats),
        "pystrix": lambda: run_pystrix(port, work, repeats),
        "asterisk-ami": lambda: run_asterisk_ami(port, work, repeats),
    }
    return runs[contender]()


# --- the servers ---------------------------------------------------------------------------------


@contextmanager
def simulating(repeats: int) -> Iterator[tuple[int, int]]:
    """`amistream simulate` in its own process: its port, and the events of one repeat."""
    stream = gzip.decompress(compat.CAPTURE.read_bytes()) + LAST
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "stream.ami")
        path.write_bytes(stream)
        options = ["--full-speed", "--wait", "--repeat", str(repeats), "--port", "0", str(path)]
        command = [sys.executable, "-m", "amistream", "simulate", *options]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
            assert server.stderr is not None
            found = re.search(r"127\.0\.0\.1:(\d+)", server.stderr.readline())
            assert found is not None
            try:
                yield int(found[1]), stream.count(b"\r\n\r\n")
            finally:
                server.kill()


def serve(answer: Callable[[socket.socket, bytes], None]) -> None:
    """Serve one client: log it in, and leave the rest to a function. Prints the port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(server.getsockname()[1], flush=True)
        connection, _ = server.accept()
    with connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(compat.BANNER)
        data = b""
        while b"\r\n\r\n" not in data:
            data += connection.recv(4096)
        login, _, rest = data.partition(b"\r\n\r\n")
        action_id = re.search(rb"ActionID: (\S+)", login)
        assert action_id is not None
        booted = b"Event: FullyBooted\r\nPrivilege: system,all\r\n\r\n"
        connection.sendall(b"Response: Success\r\nActionID: %b\r\n\r\n%b" % (action_id[1], booted))
        answer(connection, rest)


def serve_answers(connection: socket.socket, data: bytes) -> None:
    """Answer every action at once."""
    find = re.compile(rb"ActionID: (\S+)\r\n\r\n").findall
    while True:
        whole, mark, rest = data.rpartition(b"\r\n\r\n")
        if mark:
            ids = find(whole + mark)
            template = b"Response: Success\r\nActionID: %b\r\nPing: Pong\r\n\r\n"
            connection.sendall(b"".join([template % one for one in ids]))
            data = rest
        piece = connection.recv(1 << 16)
        if not piece:
            return
        data += piece


def serve_pace(connection: socket.socket, data: bytes, seconds: float = 5.0) -> None:
    """Write one event at a time, RATE a second, each with the moment when it is written."""
    while b"\r\n\r\n" not in data:
        data += connection.recv(4096)
    events = gzip.decompress(compat.CAPTURE.read_bytes()).split(b"\r\n\r\n")[1:-1]
    start = time.monotonic()
    for number in range(int(RATE * seconds)):
        due = start + number / RATE
        while (now := time.monotonic()) < due:
            if due - now > 0.0005:
                time.sleep(0.0002)
        body = events[number % len(events)]
        connection.sendall(b"%b\r\nSent: %.6f\r\n\r\n" % (body, time.monotonic()))
    connection.sendall(LAST)
    connection.recv(1)


@contextmanager
def serving(what: str) -> Iterator[int]:
    """One of the servers above in its own process: its port."""
    command = [sys.executable, "-m", "bench.client", "--serve", what]
    with subprocess.Popen(command, cwd=compat.ROOT, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield int(server.stdout.readline())
        finally:
            server.kill()


# --- the figures ---------------------------------------------------------------------------------


def measure(contender: str, work: str, twin: str) -> float:
    """Events a second of one round."""
    repeats = REPEATS[contender, work]
    if twin == "pure" and contender in ("sketch", "client", "open"):
        repeats = max(1, repeats // 6)
    kept = {name: value for name, value in os.environ.items() if "AMISTREAM" not in name}
    with simulating(repeats) as (port, messages):
        arguments = ["--run", contender, str(port), work, str(repeats)]
        done = subprocess.run(
            [sys.executable, "-m", "bench.client", *arguments],
            cwd=compat.ROOT,
            env=kept | compat.SWITCHES[twin],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=300,
        )
    seconds, seen = json.loads(done.stdout)
    if work == "reads" and seen < 0.99 * messages * repeats:
        raise ValueError(f"{contender} saw {seen} of {messages * repeats} events")
    return messages * repeats / float(seconds)


def speeds(twin: str, rounds: int) -> dict[tuple[str, str], float]:
    """Events a second of each contender's fastest round; the contenders take turns."""
    best: dict[tuple[str, str], float] = {}
    for _ in range(rounds):
        for contender, work in REPEATS:
            speed = measure(contender, work, twin)
            best[contender, work] = max(best.get((contender, work), 0.0), speed)
    return best


def delays(twin: str) -> list[float]:
    """The added delay of each event in milliseconds, sorted: from its write to the program."""
    return sorted(json.loads(_run_own("--delays", "pace", twin)))


def answers_per_second(twin: str) -> float:
    """Answers a second with 1,000 actions in flight."""
    return float(json.loads(_run_own("--answers", "answers", twin)))


def _run_own(option: str, server: str, twin: str) -> str:
    kept = {name: value for name, value in os.environ.items() if "AMISTREAM" not in name}
    with serving(server) as port:
        done = subprocess.run(
            [sys.executable, "-m", "bench.client", option, str(port)],
            cwd=compat.ROOT,
            env=kept | compat.SWITCHES[twin],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=300,
        )
    return done.stdout


async def _measure_delays(port: int) -> list[float]:
    import amistream

    found: list[float] = []
    account: Any = {"username": "lab", "secret": "x", "auth": "plain", "reconnect": False}
    async with amistream.connect("127.0.0.1", port, **account) as ami:
        events = ami.events()
        go = asyncio.ensure_future(ami.send("Go", timeout=None))
        async for event in events:
            sent = None if isinstance(event, amistream.Gap) else event.get("Sent")
            if sent is not None:
                found.append(1000 * (time.monotonic() - float(sent)))
            elif event.name == LAST_NAME:
                break
        go.cancel()
    return found


async def _measure_answers(port: int) -> float:
    import amistream

    count, in_flight = 40_000, 1000
    account: Any = {"username": "lab", "secret": "x", "auth": "plain", "reconnect": False}
    async with amistream.connect("127.0.0.1", port, **account) as ami:

        async def worker() -> None:
            for _ in range(count // in_flight):
                await ami.send("Ping")

        start = time.perf_counter()
        await asyncio.gather(*(worker() for _ in range(in_flight)))
        seconds = time.perf_counter() - start
    return count / seconds


def centile(ordered: list[float], share: float) -> float:
    """The value below which that share of the values lies, in percent."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share / 100))]


def figures(twin: str, rounds: int) -> dict[str, float]:
    """Every figure of the row, by case."""
    speed = speeds(twin, rounds)
    found: dict[str, float] = {}
    for work, title in WORK.items():
        for contender, extra in (("client", ""), ("open", ", an action open")):
            share = speed[contender, work] / speed["sketch", work]
            found[f"{title}{extra}: times the sketch"] = share
    for peer in TIMES_PEER:
        found[f"{WORK['reads']}: times {peer}"] = speed["client", "reads"] / speed[peer, "reads"]
    found["million events a second, three headers of each"] = speed["client", "reads"] / 1e6
    found["million events a second, only={Hangup}"] = speed["client", "hangups"] / 1e6
    found["added delay at 11,000 a second, 99.9th centile, ms"] = centile(delays(twin), 99.9)
    found["thousand answers a second, 1,000 in flight"] = answers_per_second(twin) / 1000
    return found


def main() -> int:
    """Measure and print the figures, or do one part of that in this process."""
    parser = argparse.ArgumentParser(prog="python -m bench.client", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--twin", choices=compat.SWITCHES, default="compiled")
    parser.add_argument("--run", nargs=4, help=argparse.SUPPRESS)
    parser.add_argument("--serve", choices=("answers", "pace"), help=argparse.SUPPRESS)
    parser.add_argument("--delays", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--answers", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        contender, port, work, repeats = options.run
        print(json.dumps(run_round(contender, int(port), work, int(repeats))), flush=True)
        os._exit(0)  # the peers leave threads that would go on
    elif options.serve:
        serve(serve_answers if options.serve == "answers" else serve_pace)
    elif options.delays:
        print(json.dumps(asyncio.run(_measure_delays(options.delays))))
    elif options.answers:
        print(json.dumps(asyncio.run(_measure_answers(options.answers))))
    else:
        for case, value in figures(options.twin, options.rounds).items():
            print(f"{value:8.3f}  {case}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

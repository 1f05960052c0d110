"""`amistream simulate`: an AMI server that plays a call centre or a recorded stream."""

from __future__ import annotations

import argparse
import contextlib
import math
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import amistream
from amistream.cli._output import report

if TYPE_CHECKING:
    from ssl import SSLContext

EPILOG = """\
examples:
  amistream simulate
      a call centre of 5 calls a second, 550 events a second, until Ctrl-C, on 127.0.0.1:5038
  amistream simulate --calls-per-second 100 --seed 7 --seconds 600
      eleven thousand events a second, for ten minutes; the same seed plays the same calls
  amistream simulate monday.ami.gz --recorded
      a recorded stream at its own times
  amistream simulate monday.ami.gz --full-speed --repeat 0
      as fast as the client reads, again and again
  amistream simulate --restart-every 30
      a server that restarts, to see how a program bears it
  amistream simulate --seconds 10 --calls-per-second 100 --output calls.ami
      write the stream of a call centre to a file, and serve nothing

A client logs in as "lab" with the secret "labsecret":

  async with amistream.connect("127.0.0.1", username="lab", secret="labsecret") as ami:
      async for event in ami.events():
          print(event)

The simulator answers login, ping, events, filter, originate, hangup, redirect, getvar, setvar,
command, the queue actions and all lists; what it does not know is an empty list or an error, as
from Asterisk. It is made for tests, not for strangers: do not let them reach it.
"""


def add_to(commands: Any) -> None:
    """Add the subcommand."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "simulate",
        help="serve a simulated Manager Interface",
        description="Serve a Manager Interface that plays a call centre or a recorded stream.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = parser.add_argument_group("what is played")
    what.add_argument("file", metavar="FILE", nargs="?", help="a recorded stream")
    what.add_argument("--sample", action="store_true", help="play the sample of amistream")
    what.add_argument("--seed", type=int, default=1, help="seed of the call centre (1)")
    what.add_argument(
        "--calls-per-second",
        metavar="N",
        type=_positive,
        default=5.0,
        help="new calls a second; a call has about 110 events (5)",
    )
    what.add_argument(
        "--seconds", metavar="N", type=_positive, default=math.inf, help="how long calls start"
    )
    what.add_argument("--agents", metavar="N", type=_count, default=200, help="agents (200)")
    what.add_argument("--queues", metavar="N", type=_count, default=8, help="queues (8)")
    what.add_argument("--callers", metavar="N", type=_count, default=5000, help="callers (5000)")
    what.add_argument(
        "--skew",
        metavar="N",
        type=float,
        default=1.1,
        help="how unevenly callers call: the exponent of Zipf's law (1.1)",
    )
    what.add_argument("--rtcp", action="store_true", help="add RTCP reports for each leg")
    what.add_argument("--ascii", action="store_true", help="use only names in plain ASCII")
    what.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="write the call centre's stream to FILE, - for stdout",
    )
    pace = parser.add_argument_group("how fast")
    speed = pace.add_mutually_exclusive_group()
    speed.add_argument("--rate", metavar="N", type=_positive, help="events a second")
    speed.add_argument("--recorded", action="store_true", help="at the times of the events")
    speed.add_argument("--full-speed", action="store_true", help="as fast as the client reads")
    pace.add_argument(
        "--repeat", metavar="N", type=_number, default=1, help="play FILE N times, 0 for ever (1)"
    )
    pace.add_argument(
        "--one-by-one", action="store_true", help="write each event by itself, as Asterisk does"
    )
    pace.add_argument(
        "--wait", action="store_true", help="play when the client sends the action SimulatorPlay"
    )
    server = parser.add_argument_group("the server")
    server.add_argument("--host", default="127.0.0.1", help="the address to listen on (127.0.0.1)")
    server.add_argument(
        "--port",
        metavar="N",
        type=_port,
        help="the port: 5038, with TLS 5039; 0 takes a free one",
    )
    server.add_argument("--username", default="lab", help="the manager user (lab)")
    server.add_argument("--secret", default="labsecret", help="the user's secret (labsecret)")
    server.add_argument(
        "--tls",
        metavar="PEM",
        nargs="?",
        const="",
        help="serve TLS, with this certificate and key, or with one that only tests trust",
    )
    server.add_argument("--once", action="store_true", help="end when the first client has left")
    faults = parser.add_argument_group("faults")
    for name, what_happens in (
        ("cut", "cut every connection, inside a message"),
        ("restart", "shut down and come back after a second"),
        ("stall", "stand still for ten seconds"),
    ):
        faults.add_argument(f"--{name}-every", metavar="SECONDS", type=_positive, help=what_happens)
    parser.set_defaults(run=run, error=parser.error)


def run(arguments: argparse.Namespace) -> int:
    """Serve until Ctrl-C. Returns the exit code."""
    from amistream.testing import Options, Simulator, Workload

    path = str(amistream.sample()) if arguments.sample else arguments.file
    try:
        options = Options(
            seed=arguments.seed,
            seconds=arguments.seconds,
            calls_per_second=arguments.calls_per_second,
            agents=arguments.agents,
            queues=arguments.queues,
            callers=arguments.callers,
            skew=arguments.skew,
            rtcp=arguments.rtcp,
            utf8=not arguments.ascii,
        )
        if arguments.output is None:
            options = options._replace(epoch=int(time.time()))
        workload = Workload(options)
    except ValueError as error:
        report(error)
        return 2
    if arguments.output is not None:
        return _write(arguments, path, workload)
    rate: Any = arguments.rate
    if rate is None and not arguments.full_speed and (arguments.recorded or path is None):
        rate = "recorded"
    tls: Any = None
    if arguments.tls is not None:
        tls = _context(arguments.tls) if arguments.tls else True
    usual = 5038 if tls is None else 5039
    simulator = Simulator(
        workload if path is None else path,
        rate=rate,
        repeat=None if arguments.repeat == 0 else arguments.repeat,
        one_by_one=arguments.one_by_one,
        autoplay=not arguments.wait,
        users={arguments.username: arguments.secret},
        tls=tls,
        host=arguments.host,
        port=usual if arguments.port is None else arguments.port,
    )
    try:
        simulator.start()
    except OSError as error:
        report(f"cannot listen on {simulator.host}:{simulator.port}: {error.strerror}")
        return 2
    played = path or f"a call centre of {arguments.calls_per_second:g} calls a second"
    print(
        f"amistream: {played} on {simulator.host}:{simulator.port}, "
        f"user {arguments.username!r}, secret {arguments.secret!r}. Ctrl-C ends it.",
        file=sys.stderr,
        flush=True,
    )
    try:
        _serve(simulator, arguments)
    finally:
        simulator.stop()
        sent = simulator.sent
        print(
            f"amistream: {sent['messages']:,} messages, {sent['bytes']:,} bytes sent",
            file=sys.stderr,
        )
    return 0


def _serve(simulator: Any, arguments: argparse.Namespace) -> None:
    """Cause the faults, and show what happens, until Ctrl-C, SIGTERM or the first client's end."""
    ended = threading.Event()
    if threading.current_thread() is threading.main_thread():
        with contextlib.suppress(AttributeError, ValueError):
            signal.signal(signal.SIGTERM, lambda *_: ended.set())
    faults: dict[str, Callable[[], object]] = {
        "cut": lambda: simulator.cut(mid_message=True),
        "restart": lambda: simulator.restart(1.0),
        "stall": lambda: (simulator.stall(), ended.wait(10.0), simulator.resume()),
    }
    start = time.monotonic()
    due = {name: start + every for name in faults if (every := _every(arguments, name))}
    shown, last = start, 0
    while not ended.wait(0.05):
        now = time.monotonic()
        if arguments.once and simulator.served:
            return
        for name in due:
            if now >= due[name]:
                print(f"amistream: {name}", file=sys.stderr, flush=True)
                faults[name]()
                due[name] = time.monotonic() + (_every(arguments, name) or math.inf)
        if now - shown >= 5.0 and simulator.sessions:
            sent = simulator.sent["messages"]
            rate = (sent - last) / (now - shown)
            told = f"{simulator.clients} clients, {sent:,} messages, {rate:,.0f} a second"
            print(f"amistream: {told}", file=sys.stderr, flush=True)
            shown, last = now, sent


def _every(arguments: argparse.Namespace, name: str) -> float | None:
    seconds: float | None = getattr(arguments, f"{name}_every")
    return seconds


def _write(arguments: argparse.Namespace, path: str | None, workload: Any) -> int:
    """Write the stream of the call centre to a file."""
    if path is not None or math.isinf(arguments.seconds):
        arguments.error("--output writes a call centre with --seconds, not a recorded stream")
    plan = workload.plan()
    to_stdout = arguments.output == "-"
    with (
        contextlib.nullcontext(sys.stdout.buffer) if to_stdout else open(arguments.output, "wb")
    ) as output:
        for chunk in workload.chunks():
            output.write(chunk)
    print(f"amistream: {plan.calls:,} calls, {plan.events:,} events", file=sys.stderr)
    return 0


def _context(path: str) -> SSLContext:
    import ssl  # the other commands do not need it

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(path)
    except ssl.SSLError:
        raise OSError(f"{path}: it has no certificate with its key in PEM") from None
    except FileNotFoundError as error:
        raise FileNotFoundError(error.errno, error.strerror, path) from None
    return context


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not (value > 0 and math.isfinite(value)):
        raise argparse.ArgumentTypeError(f"must be a positive number, not {text!r}")
    return value


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"must be a whole number, not {text!r}")
    return int(text)


def _port(text: str) -> int:
    port = _number(text)
    if port > 0xFFFF:
        raise argparse.ArgumentTypeError(f"must be 65535 at most, not {text!r}")
    return port


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"must be a positive whole number, not {text!r}")
    return int(text)

"""Puts up a real Asterisk on loopback, drives it hard, and checks that all of it is read right.

    python ci/asterisk                        all of it, in a Debian root made for the run
    python ci/asterisk --keep                 keep the root: the next run starts in seconds
    python ci/asterisk --save captures        write what was on the wire as captures/*.ami.gz
    python ci/asterisk --check captures       no Asterisk: check such files again, on both twins
    python ci/asterisk --beside "python ci/compat --port {port}"
                                              then start it again for a command, which may fail too

The root is made with debootstrap from the mirror that this machine's own apt uses (DEBIAN_MIRROR
names another), with Debian's packages of Asterisk and sipp. That takes root rights on Linux.
Nothing outside of the root is changed, nothing is mounted when it ends, and Asterisk listens on
127.0.0.1 only, on ports that were free.

Exit codes: 0 all is well, or Asterisk cannot be had here (then it says SKIPPED and why); 1 what
ran found a problem, or Asterisk was installed and did not run. An Asterisk that crashes is driven
once more.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, NoReturn

import doctored
import lists
import media
import report
import scenario
from ami import Connection
from checks import Problems
from lab import Lab, NotSeenError
from replay import identify
from root import LabError, Progress, Root, UnavailableError

import amistream

HERE = Path(__file__).resolve().parent
AFTER_TIME = 90.0
"""How long acts may go on when the time is up, in seconds."""
REPLAY_LIMIT = 600.0
USUAL_PORT = 5038
TWINS = {"compiled": "0", "pure": "1"}


def main() -> int:
    options = parse_arguments()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end_by_signal)
    problems = Problems()
    try:
        doctored.run()
        if options.check:
            seen, _ = replay_all(options.check, options.seed, problems)
            report.show_events(seen)
            return verdict(problems)
        root = Root(options.root)
        with root.reserved():
            return run(root, options, problems)
    except UnavailableError as reason:
        loudly("SKIPPED: no real Asterisk was run, because", str(reason))
        return run_command(options.beside, USUAL_PORT) if options.beside else 0
    except (LabError, NotSeenError) as reason:
        print(f"\nFAILED: {reason}", flush=True)
        return 1


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python ci/asterisk",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    default = Path(tempfile.gettempdir()) / "amistream-asterisk"
    parser.add_argument(
        "--root",
        type=Path,
        default=default,
        metavar="DIR",
        help="the Debian root; one that is there already is used again (default: %(default)s)",
    )
    parser.add_argument(
        "--keep", action="store_true", help="leave a root that this run has made for the next one"
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=60.0,
        help="how long to drive at least; the acts are played to their end (default: %(default)g)",
    )
    parser.add_argument(
        "--rate",
        type=float,
        default=3.0,
        help="calls a second of the call centre behind the acts (default: %(default)g)",
    )
    parser.add_argument("--seed", type=int, default=1, help="of everything that is random")
    parser.add_argument("--save", type=Path, metavar="DIR", help="write the captured streams there")
    parser.add_argument(
        "--check", type=Path, metavar="DIR", help="check saved streams and start no Asterisk"
    )
    parser.add_argument(
        "--beside",
        metavar="COMMAND",
        help="run it afterwards beside Asterisk, with AMI's port for {port}; 5038 if SKIPPED",
    )
    options = parser.parse_args()
    if options.seconds < 0 or options.rate <= 0:
        parser.error("--seconds must not be negative, --rate must be positive")
    if options.check and not any(options.check.glob("*.ami*")):
        parser.error(f"--check: no *.ami or *.ami.gz in {options.check}")
    options.root = options.root.absolute()
    return options


def run(root: Root, options: argparse.Namespace, problems: Problems) -> int:
    """Make the root, start Asterisk, drive it, check what it said."""
    begun = time.monotonic()
    made = not root.filled
    say = Say(begun)
    try:
        say(f"{'making' if made else 'using'} the root {root.folder}")
        root.fill(say)
        lab = drive(root, options, problems, say)
        if root.crashed:
            loudly("ASTERISK ITSELF CRASHED; it is driven once more", root.log_tail())
            problems.found.clear()
            lab = drive(root, options, problems, say)
        say("checking")
        seen, outcomes = check(lab, options, problems)
        report.show_events(seen)
        report.show_lists(outcomes)
        if options.beside:
            run_beside(root, options.beside, problems, say)
        return verdict(problems)
    finally:
        root.stop()
        if made and root.filled and not options.keep:
            say("removing the root")
            root.remove()


class Say:
    """Progress: each line with the seconds that have passed."""

    def __init__(self, begun: float) -> None:
        self._begun = begun

    def __call__(self, what: str) -> None:
        print(f"[{time.monotonic() - self._begun:5.1f} s] {what}", flush=True)


def drive(root: Root, options: argparse.Namespace, problems: Problems, say: Progress) -> Lab:
    """Start Asterisk and play the scenario to its end, Asterisk's own included."""
    root.configure(media.files())
    say("starting Asterisk")
    root.start()
    try:
        lab = Lab(root, time.monotonic() + options.seconds + AFTER_TIME)
        try:
            lab.login()
            say(f"driving {amistream.IMPLEMENTATION} amistream for {options.seconds:g} s")
            play = scenario.Scenario(lab, options.seconds, options.rate, options.seed)
            play.run(say)
            say(f"{play.calls} calls of the call centre; stopping Asterisk")
            for name, reason in play.failed.items():
                problems.add(f"{name}: {reason}")
            end(lab, problems)
        finally:
            lab.close()
    finally:
        root.stop()
    return lab


def end(lab: Lab, problems: Problems) -> None:
    """Let Asterisk end by itself, and see that it does."""
    try:
        scenario.settle(lab, 10)
        scenario.stop(lab)
        if not lab.root.wait_ended(20):
            problems.add("Asterisk did not end when told to")
    except (NotSeenError, OSError) as reason:
        state = "still runs" if lab.root.running else "has ended by itself"
        problems.add(f"at the end: {reason}; Asterisk {state}")
    if problems:
        report.heading("Asterisk's log ends with")
        print(lab.root.log_tail())


def run_beside(root: Root, command: str, problems: Problems, say: Progress) -> None:
    """Start Asterisk again and let the command have it."""
    say(f"starting Asterisk again for: {command}")
    root.start()
    try:
        code = run_command(command, root.ports.ami)
    finally:
        root.stop()
    if code != 0:
        problems.add(f"{command}: exit code {code}")


def run_command(command: str, port: int) -> int:
    """The exit code of a command that is told AMI's port."""
    words = [word.format(port=port) for word in shlex.split(command)]
    return subprocess.run(words, check=False).returncode


def check(
    lab: Lab, options: argparse.Namespace, problems: Problems
) -> tuple[Counter[str], dict[str, lists.Outcome]]:
    """Check what was parsed live, then all bytes again on both twins."""
    streams = lab.connections
    outcomes = lists.verify(lab.worker.messages, lab.asked, problems)
    for connection in streams:
        if connection.failure is not None:
            problems.add(f"the live parser of {connection.name} raised", repr(connection.failure))
    with contextlib.ExitStack() as stack:
        folder = options.save or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        save(streams, folder)
        seen, found = replay_all(folder, options.seed, problems)
    for connection in streams:
        digest = found[f"{connection.name}.ami.gz"]["messages"]
        if identify(connection.messages) != digest:
            problems.add(f"{connection.name}: read live, the messages are others")
    return seen, outcomes


def save(streams: list[Connection], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for stream in streams:
        packed = gzip.compress(bytes(stream.data), 6, mtime=0)
        (folder / f"{stream.name}.ami.gz").write_bytes(packed)


def replay_all(
    folder: Path, seed: int, problems: Problems
) -> tuple[Counter[str], dict[str, dict[str, Any]]]:
    """Check saved streams with each twin in an interpreter of its own, and compare the twins."""
    running = {twin: start_replay(folder, seed, pure) for twin, pure in TWINS.items()}
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for twin, process in running.items():
        try:
            out, _ = process.communicate(timeout=REPLAY_LIMIT)
        except subprocess.TimeoutExpired:
            process.kill()
            raise LabError(f"the {twin} twin took more than {REPLAY_LIMIT:g} s") from None
        if process.returncode != 0:
            raise LabError(f"the {twin} twin failed on the saved streams")
        said = json.loads(out)
        if said["twin"] != twin:
            print(f"the {twin} twin is not there; {said['twin']} was checked instead", flush=True)
        found[twin] = said["streams"]
    compare_twins(found, problems)
    seen: Counter[str] = Counter()
    for stream in found["compiled"].values():
        for name, count in stream["kinds"].items():
            if name.startswith("Event "):
                seen[name.removeprefix("Event ")] += count
    return seen, found["compiled"]


def start_replay(folder: Path, seed: int, pure: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, str(HERE / "replay.py"), str(folder), str(seed)],
        env={**os.environ, "AMISTREAM_NO_EXTENSIONS": pure},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )


def compare_twins(found: dict[str, dict[str, dict[str, Any]]], problems: Problems) -> None:
    mine = {twin: merge_problems(streams) for twin, streams in found.items()}
    for twin, others in (("compiled", mine["pure"]), ("pure", mine["compiled"])):
        for what, (count, example) in mine[twin].found.items():
            if what not in others.found:
                problems.add(f"{twin} twin: {what}", example, count)
            elif twin == "compiled":
                problems.add(what, example, count)
    for name, stream in found["compiled"].items():
        for what in ("kinds", "malformed", "messages", "values"):
            if stream[what] != found["pure"][name][what]:
                problems.add(f"{name}: the twins differ in the {what}")


def merge_problems(streams: dict[str, dict[str, Any]]) -> Problems:
    merged = Problems()
    for stream in streams.values():
        for what, (count, example) in stream["problems"].items():
            merged.add(what, example, count)
    return merged


def verdict(problems: Problems) -> int:
    report.show_problems(problems.lines())
    if problems:
        print(f"\nFAILED: {report.count(len(problems), 'problem')}", flush=True)
        return 1
    print("\nAll was read right.", flush=True)
    return 0


def loudly(what: str, details: str) -> None:
    line = "=" * 78
    print(f"\n{line}\n{what}\n  {details}\n{line}", flush=True)


def end_by_signal(number: int, frame: object) -> NoReturn:
    raise SystemExit(f"ended by {signal.Signals(number).name}")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("ended by Ctrl-C")

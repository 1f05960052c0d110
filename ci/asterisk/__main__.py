"""Runs a real Asterisk on loopback, puts it under load, and checks that the library reads it right.

    python ci/asterisk                        the whole check, in a chroot made for this run
    python ci/asterisk --keep                 keep the chroot: the next run starts in seconds
    python ci/asterisk --save captures        write the captured streams as captures/*.ami.gz
    python ci/asterisk --check captures       no Asterisk: check saved streams again on both twins
    python ci/asterisk --beside "python ci/compat --port {port}"
                                              afterwards start Asterisk again for this command
    python ci/asterisk --then "python -m pytest tests/client -m asterisk --asterisk {root}"
                                              at the end run a command that starts Asterisk itself
    python ci/asterisk --serve                no check: serve Asterisk to a program, see serve.py

The chroot is a Debian root directory. debootstrap makes it from the mirror that this machine's apt
uses (DEBIAN_MIRROR names another one) and installs Debian's packages of Asterisk and sipp. This
needs Linux and the user root. Nothing outside the chroot changes, nothing stays mounted, and
Asterisk listens only on 127.0.0.1 and ::1, on ports that were free.

Exit codes: 0 if no problem was found, or if Asterisk is not available here (the output then says
SKIPPED and why); 1 if the run found a problem, if Asterisk was installed but did not run, or if
a command of --beside or --then failed. If Asterisk crashes, the scenario is run a second time.
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

import lists
import media
import report
import scenario
import selftest
import serve
from ami import Connection
from checks import Problems
from chroot import RESERVED, Chroot, LabError, Progress, UnavailableError
from lab import Lab, NotSeenError
from replay import identify

import amistream

HERE = Path(__file__).resolve().parent
EXTRA_TIME = 90.0
"""How long cases may continue when the time is up, in seconds."""
REPLAY_LIMIT = 600.0
USUAL_PORT = 5038
TWINS = {"compiled": "0", "pure": "1"}


def main() -> int:
    options = parse_arguments()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end_by_signal)
    problems = Problems()
    try:
        if not options.serve:
            selftest.run()
        if options.check:
            seen, _ = replay_all(options.check, options.seed, problems)
            report.show_events(seen)
            return print_result(problems)
        chroot = Chroot(options.root)
        with chroot.reserved():
            if options.serve:
                return serve.serve(chroot, print_to_stderr, sys.stdin)
            return run(chroot, options, problems)
    except UnavailableError as reason:
        print_banner("SKIPPED: no real Asterisk was run, because", str(reason))
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
        help="the chroot; an existing one is used again (default: %(default)s)",
    )
    parser.add_argument(
        "--keep", action="store_true", help="keep the chroot of this run for the next run"
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=60.0,
        help="shortest time of the scenario; all cases run to their end (default: %(default)g)",
    )
    parser.add_argument(
        "--rate",
        type=float,
        default=3.0,
        help="calls per second of the call centre in the background (default: %(default)g)",
    )
    parser.add_argument("--seed", type=int, default=1, help="seed of all random choices")
    parser.add_argument(
        "--save", type=Path, metavar="DIR", help="write the captured streams to this folder"
    )
    parser.add_argument(
        "--check", type=Path, metavar="DIR", help="check saved streams and start no Asterisk"
    )
    parser.add_argument(
        "--then",
        metavar="COMMAND",
        help="at last run this command, which may start Asterisk; {root} becomes the chroot. It is "
        "not run if no Asterisk is available",
    )
    parser.add_argument(
        "--beside",
        metavar="COMMAND",
        help="afterwards run this command beside Asterisk; {port} becomes AMI's port, or 5038 "
        "if no Asterisk is available",
    )
    parser.add_argument(
        "--serve",
        action="store_true",
        help="start Asterisk and obey the commands that come as lines on stdin: "
        + ", ".join(serve.COMMANDS),
    )
    options = parser.parse_args()
    if options.seconds < 0 or options.rate <= 0:
        parser.error("--seconds must not be negative, --rate must be positive")
    if options.check and not any(options.check.glob("*.ami*")):
        parser.error(f"--check: no *.ami or *.ami.gz in {options.check}")
    options.root = options.root.absolute()
    return options


def run(chroot: Chroot, options: argparse.Namespace, problems: Problems) -> int:
    """Build the chroot, run the scenario on Asterisk, check what came, and return the exit code."""
    progress = ProgressPrinter()
    is_new = not chroot.complete
    try:
        progress(f"{'building' if is_new else 'using'} the chroot {chroot.folder}")
        chroot.build(progress)
        lab = run_scenario(chroot, options, problems, progress)
        if chroot.crashed:
            print_banner("ASTERISK ITSELF CRASHED; the scenario runs again", chroot.log_tail())
            problems.found.clear()
            lab = run_scenario(chroot, options, problems, progress)
        progress("checking")
        seen, outcomes = check(lab, options, problems)
        report.show_events(seen)
        report.show_lists(outcomes)
        if options.beside:
            run_beside(chroot, options.beside, problems, progress)
        if options.then:
            run_then(chroot, options.then, problems, progress)
        return print_result(problems)
    finally:
        chroot.stop()
        if is_new and chroot.complete and not options.keep:
            progress("removing the chroot")
            chroot.remove()


def print_to_stderr(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


class ProgressPrinter:
    """Prints each line of progress with the seconds since the start."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def __call__(self, what: str) -> None:
        print(f"[{time.monotonic() - self._started:5.1f} s] {what}", flush=True)


def run_scenario(
    chroot: Chroot, options: argparse.Namespace, problems: Problems, progress: Progress
) -> Lab:
    """Start Asterisk, run the whole scenario, and stop Asterisk."""
    chroot.configure(media.files())
    progress("starting Asterisk")
    chroot.start()
    try:
        lab = Lab(chroot, time.monotonic() + options.seconds + EXTRA_TIME)
        try:
            lab.login()
            progress(
                f"running the scenario for {options.seconds:g} s, "
                f"read by {amistream.IMPLEMENTATION} amistream"
            )
            current = scenario.Scenario(lab, options.seconds, options.rate, options.seed)
            current.run(progress)
            progress(f"{current.calls} calls of the call centre; stopping Asterisk")
            for name, reason in current.failed.items():
                problems.add(f"{name}: {reason}")
            shut_down(lab, problems)
        finally:
            lab.close()
    finally:
        chroot.stop()
    return lab


def shut_down(lab: Lab, problems: Problems) -> None:
    """Ask Asterisk to end, and check that it does."""
    try:
        scenario.hang_up_all(lab, 10)
        scenario.stop_asterisk(lab)
        if not lab.chroot.wait_ended(20):
            problems.add("Asterisk did not end when told to")
    except (NotSeenError, OSError) as reason:
        state = "still runs" if lab.chroot.running else "has ended by itself"
        problems.add(f"at the end: {reason}; Asterisk {state}")
    if problems:
        report.heading("Asterisk's log ends with")
        print(lab.chroot.log_tail())


def run_beside(chroot: Chroot, command: str, problems: Problems, progress: Progress) -> None:
    """Start Asterisk again and run the command while Asterisk runs."""
    progress(f"starting Asterisk again for: {command}")
    chroot.start()
    try:
        code = run_command(command, chroot.ports.ami)
    finally:
        chroot.stop()
    if code != 0:
        problems.add(f"{command}: exit code {code}")


def run_then(chroot: Chroot, command: str, problems: Problems, progress: Progress) -> None:
    """Run the command, which may start Asterisk itself: the chroot stays locked for this run."""
    progress(f"running: {command}")
    words = [word.format(root=chroot.folder) for word in shlex.split(command)]
    environment = {**os.environ, RESERVED: str(chroot.folder)}
    code = subprocess.run(words, env=environment, check=False).returncode
    if code != 0:
        problems.add(f"{command}: exit code {code}")


def run_command(command: str, port: int) -> int:
    """Run a command with AMI's port in place of {port}, and return its exit code."""
    words = [word.format(port=port) for word in shlex.split(command)]
    return subprocess.run(words, check=False).returncode


def check(
    lab: Lab, options: argparse.Namespace, problems: Problems
) -> tuple[Counter[str], dict[str, lists.Outcome]]:
    """Check the messages parsed live, then parse and check all bytes again on both twins."""
    streams = lab.connections
    outcomes = lists.verify(lab.worker.messages, lab.requested, problems)
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
            problems.add(f"{connection.name}: the messages differ from those that were read live")
    return seen, outcomes


def save(streams: list[Connection], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for stream in streams:
        compressed = gzip.compress(bytes(stream.data), 6, mtime=0)
        (folder / f"{stream.name}.ami.gz").write_bytes(compressed)


def replay_all(
    folder: Path, seed: int, problems: Problems
) -> tuple[Counter[str], dict[str, dict[str, Any]]]:
    """Check saved streams with each twin in a separate process, and compare the twins."""
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
        result = json.loads(out)
        if result["twin"] != twin:
            print(
                f"the {twin} twin is missing; the {result['twin']} one was checked instead",
                flush=True,
            )
        found[twin] = result["streams"]
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
    merged = {twin: merge_problems(streams) for twin, streams in found.items()}
    for twin, other in (("compiled", merged["pure"]), ("pure", merged["compiled"])):
        for what, (count, example) in merged[twin].found.items():
            if what not in other.found:
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


def print_result(problems: Problems) -> int:
    """Print the problems, and return the exit code."""
    report.show_problems(problems.lines())
    if problems:
        print(f"\nFAILED: {report.count(len(problems), 'problem')}", flush=True)
        return 1
    print("\nEverything was read correctly.", flush=True)
    return 0


def print_banner(what: str, details: str) -> None:
    line = "=" * 78
    print(f"\n{line}\n{what}\n  {details}\n{line}", flush=True)


def end_by_signal(number: int, frame: object) -> NoReturn:
    raise SystemExit(f"ended by {signal.Signals(number).name}")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("ended by Ctrl-C")

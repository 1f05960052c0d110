"""Checks the drop-in for pystrix: with pystrix's own suite, and beside a real Asterisk.

The suite comes from pystrix's sdist, which is downloaded for the run and then deleted. After the
suite, one program runs three times beside one Asterisk: without the drop-in, compiled and pure. All
three must see the same: every event between two marks, with its class and the typed headers of
`process()`, and every answer.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from suites import (
    TWINS,
    CheckFailed,
    Client,
    NotAvailable,
    compare_suites,
    environment,
    fetch_sdist,
    options_of,
    read_outcomes,
    summary,
)

HERE = Path(__file__).resolve().parent
VERSION: Final = "1.3.0"

DEVIATIONS: Final[dict[str, str]] = {}
"""Tests of pystrix's suite that end differently with the drop-in, and why."""

RUN_SUITE: Final = """\
import sys
import pytest
if sys.argv[1] != "without":
    import amistream
    import amistream.compat.pystrix
    assert amistream.IMPLEMENTATION == sys.argv[1], amistream.IMPLEMENTATION
    amistream.compat.pystrix.install()
    import pystrix.ami.ami
    assert "amistream" in vars(pystrix.ami.ami._Message)
code = pytest.main(sys.argv[2:])
assert sys.argv[1] == "without" or amistream.compat.pystrix.is_installed()
sys.exit(code)
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the checks, and return the exit code."""
    options = parse(arguments)
    failed = False
    for what, check in (("its own suite", check_suite), ("a real Asterisk", check_asterisk)):
        if options.no_suite and check is check_suite:
            continue
        try:
            check(options)
        except NotAvailable as missing:
            print(f"pystrix: SKIPPED, NOT CHECKED with {what}: {missing}", flush=True)
        except CheckFailed as failure:
            print(f"pystrix: FAILED with {what}: {failure}", file=sys.stderr, flush=True)
            failed = True
    return int(failed)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = options_of("pystrix", __doc__)
    parser.add_argument(
        "--seconds", type=float, default=12.0, help="how long Asterisk makes calls (%(default)g)"
    )
    return parser.parse_args(arguments)


# --- its own suite ----------------------------------------------------------------------------


def check_suite(options: argparse.Namespace) -> None:
    """Each test must end the same with the drop-in, unless it is a listed deviation."""
    with tempfile.TemporaryDirectory() as name:
        sdist = fetch_sdist(sys.executable, "pystrix", VERSION, Path(name))
        before = run_suite(sdist, "without")
        print(f"pystrix's suite without the drop-in: {summary(before)}", flush=True)
        for twin, switches in TWINS.items():
            after = run_suite(sdist, twin, **switches)
            print(f"pystrix's suite with the drop-in, {twin}: {summary(after)}", flush=True)
            compare_suites(twin, before, after, DEVIATIONS)


def run_suite(sdist: Path, how: str, **switches: str) -> dict[str, str]:
    """The outcome of each test; the tested package is that of the sdist."""
    report = sdist / "report.xml"
    report.unlink(missing_ok=True)
    options = ("-q", "-p", "no:cacheprovider", f"--junitxml={report}", "tests")
    done = subprocess.run(
        [sys.executable, "-c", RUN_SUITE, how, *options],
        cwd=sdist,
        env=environment(PYTHONPATH=str(sdist), **switches),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode not in (0, 1) or not report.exists():
        raise CheckFailed(f"the suite did not run ({how}):\n{done.stdout}")
    return read_outcomes(report)


# --- a real Asterisk --------------------------------------------------------------------------


def check_asterisk(options: argparse.Namespace) -> None:
    """The program must see the same events and answers with and without the drop-in."""
    try:
        driver = Driver(options.host, options.port, options.user, options.secret)
    except OSError as error:
        raise NotAvailable(f"no answer at {options.host}:{options.port} ({error})") from error
    with tempfile.TemporaryDirectory() as name:
        seen = run_programs(options, driver, Path(name))
    expected = seen.pop("without")
    for twin, found in seen.items():
        compare(twin, expected, found)
    names = {event[0] for event in expected["events"]}
    print(
        f"a real Asterisk: {len(expected['events'])} events of {len(names)} kinds and "
        f"{len(expected['answers'])} answers are the same without the drop-in, compiled and pure",
        flush=True,
    )


def run_programs(options: argparse.Namespace, driver: Driver, folder: Path) -> dict[str, Any]:
    """The record that each program wrote."""
    ways: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {"without": ((), {})}
    for twin, switches in TWINS.items():
        ways[twin] = (("-m", "amistream.compat.pystrix"), switches)
    address = (options.host, str(options.port), options.user, options.secret)
    program = shutil.copy(HERE / "listen_pystrix.py", folder / "program.py")
    running = {
        way: subprocess.Popen(
            [sys.executable, *python, program, *address, folder / way],
            cwd=folder,
            env=environment(**switches),
            stdout=subprocess.PIPE,
            text=True,
        )
        for way, (python, switches) in ways.items()
    }
    try:
        for way, process in running.items():
            assert process.stdout is not None
            if process.stdout.readline().strip() != "listening":
                raise CheckFailed(f"the program could not start ({way})")
        driver.drive(options.seconds)
        for way, process in running.items():
            if process.wait(timeout=120) != 0:
                raise CheckFailed(f"the program failed ({way})")
    except subprocess.TimeoutExpired as expired:
        raise CheckFailed(f"a program did not end: {expired}") from expired
    finally:
        for process in running.values():
            process.kill()
            process.wait()
    return {way: json.loads((folder / way).read_text("utf-8")) for way in ways}


def compare(twin: str, expected: dict[str, Any], found: dict[str, Any]) -> None:
    for kind in ("events", "answers"):
        for number, (one, other) in enumerate(zip(expected[kind], found[kind], strict=False)):
            if one != other:
                raise CheckFailed(
                    f"{twin}: number {number} of the {kind} is\n{other}\nwithout the drop-in\n{one}"
                )
        if len(expected[kind]) != len(found[kind]):
            raise CheckFailed(f"{twin}: {len(found[kind])} {kind}, not {len(expected[kind])}")


class Driver(Client):
    """Makes Asterisk send events, some of which are hard to read."""

    def drive(self, seconds: float) -> None:
        """Calls, user events and a reload between the two marks."""
        self.do(Action="UserEvent", UserEvent="ProofBegins")
        end = time.monotonic() + seconds
        number = 0
        while time.monotonic() < end:
            number += 1
            self.do(
                Action="UserEvent",
                UserEvent="Proof",
                Number=str(number),
                Text="\N{LATIN SMALL LETTER O WITH DIAERESIS}" * (number % 300 + 1) + " a: b",
                Empty="",
                Variable="one",
            )
            if number % 10 == 0:
                self.call(number // 10)
            time.sleep(0.05)
        self.do(Action="Reload", Module="app_queue.so")
        time.sleep(3)
        self.do(Action="UserEvent", UserEvent="ProofEnds")

    def call(self, number: int) -> None:
        """Call between two of Asterisk's own channels; without the extension, other events come."""
        places = ("support@inbound/n", "sales@inbound/n", "tone@lab", "hold@inbound", "s@nowhere")
        self.do(
            Action="Originate",
            Channel=f"Local/{places[number % len(places)]}",
            Application="Wait",
            Data="2",
            CallerID='"Zo\N{LATIN SMALL LETTER E WITH DIAERESIS} \\"A\\"" <100>',
            Timeout="3000",
            Async="true",
            Variable="CAMPAIGN=x: 1",
        )


if __name__ == "__main__":
    sys.exit(main())

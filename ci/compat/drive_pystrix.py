"""Proves the drop-in for pystrix: its own suite with it, and a real Asterisk, with and without.

The suite comes from pystrix's sdist, which is fetched for the run and not kept. Then programs that
are the same but for the drop-in listen to one Asterisk at once; what they saw is compared: every
event between two marks, with its class and the typed headers of `process()`, and every answer.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent.parent
HERE = Path(__file__).resolve().parent
VERSION: Final = "1.3.0"
TWINS: Final = {
    "compiled": {"AMISTREAM_REQUIRE_EXTENSIONS": "1"},
    "pure": {"AMISTREAM_NO_EXTENSIONS": "1"},
}

DEVIATIONS: Final[dict[str, str]] = {}
"""Tests of pystrix's suite that end otherwise with the drop-in, by name, each with its reason."""

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


class DoesNotHold(Exception):  # noqa: N818 - it tells the fact
    """What was to be proved does not hold."""


class CannotBeHad(Exception):  # noqa: N818
    """What the proof needs is not here."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Prove it; the exit code."""
    told = parse(arguments)
    failed = False
    for what, prove in (("its own suite", prove_suite), ("a real Asterisk", prove_asterisk)):
        if told.no_suite and prove is prove_suite:
            continue
        try:
            prove(told)
        except CannotBeHad as missing:
            print(f"pystrix: SKIPPED, NOT PROVED with {what}: {missing}", flush=True)
        except DoesNotHold as failure:
            print(f"pystrix: FAILED with {what}: {failure}", file=sys.stderr, flush=True)
            failed = True
    return int(failed)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python ci/compat pystrix", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="of Asterisk's AMI (%(default)s)")
    parser.add_argument("--port", type=int, default=5038, help="(%(default)s)")
    parser.add_argument("--user", default="lab", help="who may read and write all (%(default)s)")
    parser.add_argument("--secret", default="labsecret", help="(%(default)s)")
    parser.add_argument("--no-suite", action="store_true", help="leave pystrix's suite out")
    parser.add_argument(
        "--seconds", type=float, default=12.0, help="how long Asterisk is driven (%(default)g)"
    )
    return parser.parse_args(arguments)


def environment(**switches: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if "AMISTREAM" not in name} | switches


# --- its own suite ----------------------------------------------------------------------------


def prove_suite(told: argparse.Namespace) -> None:
    """Each test ends with the drop-in as it does without, unless it is a listed deviation."""
    with tempfile.TemporaryDirectory() as name:
        sdist = fetch_sdist(Path(name))
        before = run_suite(sdist, "without")
        print(f"pystrix's suite without the drop-in: {count(before)}", flush=True)
        for twin, switches in TWINS.items():
            after = run_suite(sdist, twin, **switches)
            print(f"pystrix's suite with it, {twin}: {count(after)}", flush=True)
            compare_suites(twin, before, after)


def fetch_sdist(folder: Path) -> Path:
    """pystrix's source distribution, unpacked."""
    pip = (sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check")
    options = ("--no-deps", "--no-binary", "pystrix", "-d", folder)
    done = subprocess.run(
        [*pip, *options, f"pystrix=={VERSION}"], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise CannotBeHad(f"its sdist cannot be fetched: {done.stderr.strip().splitlines()[-1:]}")
    (archive,) = folder.glob("pystrix-*.tar.gz")
    with tarfile.open(archive) as file:
        file.extractall(folder, filter="data")
    return folder / f"pystrix-{VERSION}"


def run_suite(sdist: Path, how: str, **switches: str) -> dict[str, str]:
    """How each test ended; the package that is tested is the sdist's own."""
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
        raise DoesNotHold(f"the suite did not run ({how}):\n{done.stdout}")
    cases = ElementTree.parse(report).iter("testcase")
    return {f"{case.get('classname')}::{case.get('name')}": outcome(case) for case in cases}


def outcome(case: ElementTree.Element) -> str:
    bad = [child.tag for child in case if child.tag in ("failure", "error", "skipped")]
    return bad[0] if bad else "passed"


def count(outcomes: dict[str, str]) -> str:
    passed = sum(ended == "passed" for ended in outcomes.values())
    others = [f", {ended}: {test}" for test, ended in outcomes.items() if ended != "passed"]
    return f"{passed} of {len(outcomes)} passed{''.join(others)}"


def compare_suites(twin: str, before: dict[str, str], after: dict[str, str]) -> None:
    differing = {test for test in before | after if before.get(test) != after.get(test)}
    for test in sorted(differing & DEVIATIONS.keys()):
        print(f"  deviates: {test}: {DEVIATIONS[test]}")
    if differing - DEVIATIONS.keys():
        raise DoesNotHold(f"{twin}: not listed: {', '.join(sorted(differing - DEVIATIONS.keys()))}")
    if DEVIATIONS.keys() - differing:
        raise DoesNotHold(f"{twin}: listed, but ends the same: {DEVIATIONS.keys() - differing}")


# --- a real Asterisk --------------------------------------------------------------------------


def prove_asterisk(told: argparse.Namespace) -> None:
    """Programs with and without the drop-in see the same events and get the same answers."""
    try:
        driver = Driver(told.host, told.port, told.user, told.secret)
    except OSError as error:
        raise CannotBeHad(f"none answers at {told.host}:{told.port} ({error})") from error
    with tempfile.TemporaryDirectory() as name:
        seen = run_programs(told, driver, Path(name))
    expected = seen.pop("without")
    for twin, found in seen.items():
        compare(twin, expected, found)
    names = {event[0] for event in expected["events"]}
    print(
        f"a real Asterisk: {len(expected['events'])} events of {len(names)} kinds and "
        f"{len(expected['answers'])} answers are the same without the drop-in, compiled and pure",
        flush=True,
    )


def run_programs(told: argparse.Namespace, driver: Driver, folder: Path) -> dict[str, Any]:
    """What each program wrote down."""
    ways: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {"without": ((), {})}
    for twin, switches in TWINS.items():
        ways[twin] = (("-m", "amistream.compat.pystrix"), switches)
    address = (told.host, str(told.port), told.user, told.secret)
    # Elsewhere than this file, which an `import pystrix` beside it would find.
    program = shutil.copy(HERE / "pystrix_program.py", folder / "program.py")
    running = {
        way: subprocess.Popen(
            [sys.executable, *options, program, *address, folder / way],
            cwd=folder,
            env=environment(**switches),
            stdout=subprocess.PIPE,
            text=True,
        )
        for way, (options, switches) in ways.items()
    }
    try:
        for way, process in running.items():
            assert process.stdout is not None
            if process.stdout.readline().strip() != "listening":
                raise DoesNotHold(f"the program could not start ({way})")
        driver.drive(told.seconds)
        for way, process in running.items():
            if process.wait(timeout=120) != 0:
                raise DoesNotHold(f"the program failed ({way})")
    except subprocess.TimeoutExpired as expired:
        raise DoesNotHold(f"a program did not come to its end: {expired}") from expired
    finally:
        for process in running.values():
            process.kill()
            process.wait()
    return {way: json.loads((folder / way).read_text("utf-8")) for way in ways}


def compare(twin: str, expected: dict[str, Any], found: dict[str, Any]) -> None:
    for kind in ("events", "answers"):
        for number, (one, other) in enumerate(zip(expected[kind], found[kind], strict=False)):
            if one != other:
                raise DoesNotHold(
                    f"{twin}: number {number} of the {kind} is\n{other}\nwithout it is\n{one}"
                )
        if len(expected[kind]) != len(found[kind]):
            raise DoesNotHold(f"{twin}: {len(found[kind])} {kind}, not {len(expected[kind])}")


class Driver:
    """Lets Asterisk do what makes events, some of them hard to read."""

    def __init__(self, host: str, port: int, user: str, secret: str) -> None:
        self.connection = socket.create_connection((host, port), timeout=5)
        self.file = self.connection.makefile("rb")
        if not self.file.readline().startswith(b"Asterisk Call Manager"):
            raise ConnectionError("what answers there is no Asterisk")
        if b"Success" not in self.do(Action="Login", Username=user, Secret=secret, Events="off"):
            raise ConnectionError("it refuses the login")

    def do(self, **headers: str) -> bytes:
        """Send an action; its first answer."""
        lines = [f"{name}: {value}" for name, value in headers.items()]
        self.connection.sendall("\r\n".join([*lines, "", ""]).encode())
        answer = b""
        while (line := self.file.readline()).strip():
            answer += line
        return answer

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
        """Ring two legs of Asterisk's own; where it has no such extension, it says so in events."""
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

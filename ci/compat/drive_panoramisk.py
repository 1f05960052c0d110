"""Checks the drop-in for panoramisk: with panoramisk's own suite, and beside a real Asterisk.

The suite comes from panoramisk's sdist, which is downloaded for the run and then deleted. It runs
without the drop-in, compiled and pure; a test that ends otherwise must be one of DEVIATIONS. Then
one program runs three times beside one Asterisk, and must see the same events and answers.
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
from typing import Any

from suites import (
    ROOT,
    TWINS,
    CheckFailed,
    Client,
    NotAvailable,
    compare_suites,
    environment,
    fetch_sdist,
    options_of,
    pip,
    read_outcomes,
    summary,
)

HERE = Path(__file__).resolve().parent
VERSION = "1.4"
SUITE_NEEDS = ("pytest==8.3.*", "pytest-asyncio==0.21.2")  # later ones lack the fixture event_loop

DEVIATIONS: dict[str, str] = {}
"""Tests of panoramisk's suite that end differently with the drop-in, and why."""

RUN_SUITE = """\
import sys
import pytest
if sys.argv[1] == "drop-in":
    import amistream.compat.panoramisk as drop_in
    drop_in.install()
    from amistream.compat.panoramisk.reading import Connection
    read, received = Connection.read, []
    def counting(*arguments):
        received.append(1)
        return read(*arguments)
    Connection.read = counting
code = pytest.main(sys.argv[2:])
if sys.argv[1] == "drop-in":
    print(f"the drop-in read {len(received)} chunks")
    code = code or (0 if received else 70)
sys.exit(code)
"""

VOLATILE = frozenset({"actionid", "timestamp", "commandid"})
"""Headers that differ between the answers to two clients."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the checks, and return the exit code."""
    options, _ = options_of("panoramisk", __doc__).parse_known_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            python = _venv(folder)
            if not options.no_suite:
                _check_suite(python, folder)
            _check_asterisk(python, folder, options)
        except NotAvailable as missing:
            print(f"panoramisk: SKIPPED, NOT CHECKED: {missing}")
        except CheckFailed as failure:
            print(f"panoramisk: FAILED: {failure}", file=sys.stderr)
            return 1
    return 0


def _venv(folder: Path) -> Path:
    """An interpreter that has the checkout, panoramisk, and what its suite needs."""
    tree = folder / "tree"
    ignored = shutil.ignore_patterns(".*", "build", "dist", "*.so", "*.egg-info")
    shutil.copytree(ROOT, tree, ignore=ignored)
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    python = folder / "venv" / "bin" / "python"
    pip(python, "install", f"panoramisk=={VERSION}", *SUITE_NEEDS)
    install = (python, "-m", "pip", "install", "-q", "--no-deps", tree)
    required = environment(AMISTREAM_REQUIRE_EXTENSIONS="1")
    if subprocess.run(install, env=required, check=False).returncode != 0:
        raise CheckFailed("the checkout could not be installed")
    return python


# --- its suite --------------------------------------------------------------------------------


def _check_suite(python: Path, folder: Path) -> None:
    sdist = fetch_sdist(python, "panoramisk", VERSION, folder)
    before = _run_suite(python, sdist, "without", {})
    print(f"panoramisk's suite without the drop-in: {summary(before)}")
    for twin, switches in TWINS.items():
        after = _run_suite(python, sdist, "drop-in", switches)
        print(f"panoramisk's suite, {twin}: {summary(after)}")
        compare_suites(twin, before, after, DEVIATIONS)


def _run_suite(python: Path, sdist: Path, how: str, switches: dict[str, str]) -> dict[str, str]:
    """The outcome of each test of the suite, doctests included."""
    report = sdist.parent / "report.xml"
    report.unlink(missing_ok=True)
    command = (python, "-c", RUN_SUITE, how, "-q", "-p", "no:cacheprovider", f"--junitxml={report}")
    done = subprocess.run(
        [*command, "tests", "panoramisk", "docs"],
        cwd=sdist,
        env=environment(**switches),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
    )
    if done.returncode not in (0, 1) or not report.exists():
        raise CheckFailed(f"the suite did not run ({done.returncode}):\n{done.stdout}")
    return read_outcomes(report)


# --- a real Asterisk --------------------------------------------------------------------------


def _check_asterisk(python: Path, folder: Path, options: argparse.Namespace) -> None:
    try:
        driver = _Driver(options.host, options.port, options.user, options.secret)
    except OSError as error:
        raise NotAvailable(
            f"no answer at {options.host}:{options.port} ({error}); start Asterisk and run it again"
        ) from error
    driver.do(Action="DBPut", Family="compat", Key="k", Val="värde: 1")
    program = shutil.copy(HERE / "listen_panoramisk.py", folder / "program.py")
    address = (options.host, str(options.port), options.user, options.secret)
    ways = {
        "without": ((), {}),
        **{
            twin: (("-m", "amistream.compat.panoramisk"), switches)
            for twin, switches in TWINS.items()
        },
    }
    running = {
        way: subprocess.Popen(
            [python, *python_options, program, *address, folder / f"{way}.json"],
            cwd=folder,
            env=environment(**switches),
            stdout=subprocess.PIPE,
            text=True,
        )
        for way, (python_options, switches) in ways.items()
    }
    try:
        _await_programs(running, driver)
    finally:
        for process in running.values():
            process.kill()
    results = {way: json.loads((folder / f"{way}.json").read_text()) for way in ways}
    expected = results.pop("without")
    for way, result in results.items():
        _compare(way, expected, result)
    names = {name for name, _, _ in expected["seen"]}
    count = len(expected["seen"])
    print(
        f"a real Asterisk: {count} events of {len(names)} kinds and {len(expected['answers'])} "
        "answers, the same without the drop-in, compiled and pure"
    )


def _await_programs(running: dict[str, subprocess.Popen[str]], driver: _Driver) -> None:
    """Make events once all programs listen, and wait until the programs end."""
    for way, process in running.items():
        assert process.stdout is not None
        if process.stdout.readline().strip() != "listening":
            raise CheckFailed(f"the program could not log in ({way})")
    driver.drive()
    for way, process in running.items():
        if process.wait(timeout=180) != 0:
            raise CheckFailed(f"the program failed ({way})")


def _compare(way: str, expected: dict[str, Any], result: dict[str, Any]) -> None:
    """CheckFailed unless the events, and the answers without VOLATILE, are the same."""
    for number, pair in enumerate(zip(expected["seen"], result["seen"], strict=False)):
        if pair[0] != pair[1]:
            raise CheckFailed(f"{way}: event {number} is {pair[1]}, not {pair[0]}")
    if len(expected["seen"]) != len(result["seen"]):
        raise CheckFailed(f"{way}: {len(result['seen'])} events, not {len(expected['seen'])}")
    for one, other in zip(expected["answers"], result["answers"], strict=True):
        if _without_volatile(one) != _without_volatile(other):
            raise CheckFailed(f"{way}: the answer to {one[0]} is\n{other}\nnot\n{one}")


def _without_volatile(answer: list[Any]) -> list[Any]:
    action, messages = answer
    kept = [
        [[name, value] for name, value in message if name.lower() not in VOLATILE]
        for message in messages
    ]
    return [action, kept]


class _Driver(Client):
    """Makes Asterisk send events, some of which are hard to read."""

    def drive(self) -> None:
        """Calls, user events and a reload between the two marks."""
        self.do(Action="UserEvent", UserEvent="CompatBegin")
        for number in range(300):
            self.do(
                Action="UserEvent",
                UserEvent="Compat",
                Number=str(number),
                Text="é" * (number + 1) + " ☎ a: b",
                Uniqueid=f"{number}.5",
                UniqueID="again",
                Empty="",
            )
        for place in ("support@inbound/n", "s@nowhere", "sales@inbound/n", "tone@lab"):
            for _ in range(3):
                self.do(
                    Action="Originate",
                    Channel=f"Local/{place}",
                    Context="caller",
                    Exten="s",
                    Priority="1",
                    CallerID='"Zoë Å" <100>',
                    Timeout="3000",
                    Async="true",
                    Variable="CAMPAIGN=ü: 1",
                )
        self.do(Action="Reload", Module="app_queue.so")
        time.sleep(8)
        self.do(Action="UserEvent", UserEvent="CompatEnd")


if __name__ == "__main__":
    sys.exit(main())

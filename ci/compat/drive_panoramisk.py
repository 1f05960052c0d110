"""Proves the drop-in for panoramisk: its own test suite, and a real Asterisk read twice at once.

The suite comes with panoramisk's sdist, which is fetched and not kept. It runs as it is and with
the drop-in, on both twins; a test that ends otherwise must be one of DEVIATIONS. Then two programs
read one Asterisk, one of them with the drop-in, and must see the same events and answers.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent.parent
VERSION = "1.4"
SUITE_NEEDS = ("pytest==8.3.*", "pytest-asyncio==0.21.2")  # the last with the fixture event_loop
TWINS = {
    "compiled": {"AMISTREAM_REQUIRE_EXTENSIONS": "1"},
    "pure": {"AMISTREAM_NO_EXTENSIONS": "1"},
}

DEVIATIONS: dict[str, str] = {}
"""Tests of the suite that end otherwise with the drop-in, each with the reason."""

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

PROGRAM = '''\
"""A plain panoramisk program: what it saw between two marks, and what its actions gave."""
import asyncio, json, sys
from panoramisk import Manager

host, port, user, secret, path = sys.argv[1:]
seen, answers, over = [], [], None
ACTIONS = [
    ({"Action": "Ping"}, None),
    ({"Action": "ListCommands"}, None),
    ({"Action": "QueueStatus"}, True),
    ({"Action": "PJSIPShowEndpoints"}, None),
    ({"Action": "ExtensionStateList"}, None),
    ({"Action": "BridgeTechnologyList"}, None),
    ({"Action": "Command", "Command": "core show version"}, None),
    ({"Action": "Command", "Command": "dialplan show globals"}, None),
    ({"Action": "GetConfig", "Filename": "manager.conf", "Category": "general"}, None),
    ({"Action": "NoSuchAction"}, None),
    ({"Action": "DBGet", "Family": "compat", "Key": "k"}, None),
]

def reading(manager, message):
    if message.userevent == "CompatBegin":
        seen.clear()
    seen.append([message.event, message.uniqueid, list(message.items())])
    if message.userevent == "CompatEnd":
        over.set_result(None)

async def main():
    global over
    loop = asyncio.get_running_loop()
    over, in_ = loop.create_future(), loop.create_future()
    manager = Manager(loop=loop, host=host, port=int(port), username=user, secret=secret,
                      on_login=lambda manager: in_.set_result(None))
    manager.register_event("*", reading)
    await manager.connect()
    await in_
    print("in", flush=True)
    for action, as_list in ACTIONS:
        got = await asyncio.wait_for(manager.send_action(dict(action), as_list=as_list), 30)
        every = got if isinstance(got, list) else [got]
        answers.append([action["Action"], [[[k, v] for k, v in one.items()] for one in every]])
    await asyncio.wait_for(over, 120)
    manager.close()
    with open(path, "w") as file:
        json.dump({"seen": seen, "answers": answers}, file)

asyncio.run(main())
'''

VOLATILE = frozenset({"actionid", "timestamp", "commandid"})
"""Headers of an answer that differ between two askers."""


class Failure(Exception):  # noqa: N818
    """What was to be proved does not hold."""


class Missing(Exception):  # noqa: N818
    """What is needed to prove it cannot be had here."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Prove it; the exit code."""
    parser = argparse.ArgumentParser(prog="ci/compat panoramisk", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="of Asterisk's AMI (127.0.0.1)")
    parser.add_argument("--port", type=int, default=5038, help="(5038)")
    parser.add_argument("--user", default="lab", help="(lab)")
    parser.add_argument("--secret", default="labsecret", help="(labsecret)")
    parser.add_argument("--no-suite", action="store_true", help="leave panoramisk's suite out")
    told, _ = parser.parse_known_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            python = _venv(folder)
            if not told.no_suite:
                _prove_suite(python, folder)
            _prove_asterisk(python, folder, told)
        except Missing as missing:
            print(f"panoramisk: SKIPPED, NOT PROVED: {missing}")
        except Failure as failure:
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
    _pip(python, "install", f"panoramisk=={VERSION}", *SUITE_NEEDS)
    install = (python, "-m", "pip", "install", "-q", "--no-deps", tree)
    required = {**_environment(), "AMISTREAM_REQUIRE_EXTENSIONS": "1"}
    if subprocess.run(install, env=required).returncode != 0:
        raise Failure("the checkout could not be installed")
    return python


def _pip(python: Path, *arguments: str | Path) -> None:
    """Fetch something; Missing if that is not possible here."""
    command = [python, "-m", "pip", "-q", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise Missing(f"pip could not fetch it: {done.stderr.strip().splitlines()[-1]}")


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if "AMISTREAM" not in name}


# --- its suite --------------------------------------------------------------------------------


def _prove_suite(python: Path, folder: Path) -> None:
    sdist = _sdist(python, folder)
    before = _run_suite(python, sdist, "as it is", {})
    print(f"panoramisk's suite as it is: {_counted(before)}")
    for twin, switches in TWINS.items():
        after = _run_suite(python, sdist, "drop-in", switches)
        print(f"panoramisk's suite, {twin}: {_counted(after)}")
        differing = {test for test in before | after if before.get(test) != after.get(test)}
        for test in sorted(differing & DEVIATIONS.keys()):
            print(f"  deviates: {test}: {DEVIATIONS[test]}")
        if differing - DEVIATIONS.keys():
            raise Failure(f"{twin}: not listed: {', '.join(sorted(differing - DEVIATIONS.keys()))}")
        if DEVIATIONS.keys() - differing:
            raise Failure(f"{twin}: no longer so: {', '.join(DEVIATIONS.keys() - differing)}")


def _sdist(python: Path, folder: Path) -> Path:
    """panoramisk's source distribution, unpacked."""
    options = ("--no-deps", "--no-binary", "panoramisk", "-d", folder)
    _pip(python, "download", *options, f"panoramisk=={VERSION}")
    (archive,) = folder.glob("panoramisk-*.tar.gz")
    shutil.unpack_archive(archive, folder / "sdist")
    return folder / "sdist" / archive.name.removesuffix(".tar.gz")


def _run_suite(python: Path, sdist: Path, how: str, switches: dict[str, str]) -> dict[str, str]:
    """Every test of the suite, doctests included, and how it ended."""
    report = sdist.parent / "report.xml"
    report.unlink(missing_ok=True)
    command = (python, "-c", RUN_SUITE, how, "-q", "-p", "no:cacheprovider", f"--junitxml={report}")
    done = subprocess.run(
        [*command, "tests", "panoramisk", "docs"],
        cwd=sdist,
        env={**_environment(), **switches},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
    )
    if done.returncode not in (0, 1) or not report.exists():
        raise Failure(f"the suite did not run ({done.returncode}):\n{done.stdout}")
    return dict(_outcomes(report))


def _outcomes(report: Path) -> Iterator[tuple[str, str]]:
    for case in ElementTree.parse(report).iter("testcase"):
        bad = [child.tag for child in case if child.tag in ("failure", "error", "skipped")]
        yield f"{case.get('classname')}::{case.get('name')}", bad[0] if bad else "passed"


def _counted(outcomes: dict[str, str]) -> str:
    passed = sum(outcome == "passed" for outcome in outcomes.values())
    others = sorted(f"{test} {how}" for test, how in outcomes.items() if how != "passed")
    return f"{passed} of {len(outcomes)} passed{'; ' if others else ''}{', '.join(others)}"


# --- a real Asterisk --------------------------------------------------------------------------


def _prove_asterisk(python: Path, folder: Path, told: argparse.Namespace) -> None:
    try:
        driver = _Driver(told.host, told.port, told.user, told.secret)
    except OSError as error:
        raise Missing(
            f"no Asterisk answers at {told.host}:{told.port} ({error}); start one, run this again"
        ) from error
    program = folder / "program.py"
    program.write_text(PROGRAM)
    address = (told.host, str(told.port), told.user, told.secret)
    ways = {
        "as it is": ((), {}),
        **{
            twin: (("-m", "amistream.compat.panoramisk"), switches)
            for twin, switches in TWINS.items()
        },
    }
    running = {
        way: subprocess.Popen(
            [python, *options, program, *address, folder / f"{way}.json"],
            cwd=folder,
            env={**_environment(), **switches},
            stdout=subprocess.PIPE,
            text=True,
        )
        for way, (options, switches) in ways.items()
    }
    try:
        _await_programs(running, driver)
    finally:
        for process in running.values():
            process.kill()
    results = {way: json.loads((folder / f"{way}.json").read_text()) for way in ways}
    expected = results.pop("as it is")
    for way, result in results.items():
        _compare(way, expected, result)
    names = {name for name, _, _ in expected["seen"]}
    count = len(expected["seen"])
    print(
        f"a real Asterisk: {count} events of {len(names)} kinds and {len(expected['answers'])} "
        "answers, the same as it is, compiled and pure"
    )


def _await_programs(running: dict[str, subprocess.Popen[str]], driver: _Driver) -> None:
    """Drive Asterisk once all programs listen, and let them come to their end."""
    for way, process in running.items():
        assert process.stdout is not None
        if process.stdout.readline().strip() != "in":
            raise Failure(f"the program could not log in ({way})")
    driver.drive()
    for way, process in running.items():
        if process.wait(timeout=180) != 0:
            raise Failure(f"the program failed ({way})")


def _compare(way: str, expected: dict[str, Any], result: dict[str, Any]) -> None:
    """Failure unless both saw the same events, and got the same answers but for the volatile."""
    for number, pair in enumerate(zip(expected["seen"], result["seen"], strict=False)):
        if pair[0] != pair[1]:
            raise Failure(f"{way}: event {number} is {pair[1]}, not {pair[0]}")
    if len(expected["seen"]) != len(result["seen"]):
        raise Failure(f"{way}: {len(result['seen'])} events, not {len(expected['seen'])}")
    for one, other in zip(expected["answers"], result["answers"], strict=True):
        if _steady(one) != _steady(other):
            raise Failure(f"{way}: the answer to {one[0]} is\n{other}\nnot\n{one}")


def _steady(answer: list[Any]) -> list[Any]:
    action, messages = answer
    kept = [
        [[name, value] for name, value in message if name.lower() not in VOLATILE]
        for message in messages
    ]
    return [action, kept]


class _Driver:
    """Lets Asterisk do what makes events, some of them hard to read."""

    def __init__(self, host: str, port: int, user: str, secret: str) -> None:
        self.connection = socket.create_connection((host, port), timeout=5)
        self.file = self.connection.makefile("rb")
        if not self.file.readline().startswith(b"Asterisk Call Manager"):
            raise ConnectionError("no banner")
        self.do(Action="Login", Username=user, Secret=secret, Events="off")
        self.do(Action="DBPut", Family="compat", Key="k", Val="värde: 1")

    def do(self, **headers: str) -> None:
        """Send an action and wait for the first answer."""
        lines = [f"{name}: {value}" for name, value in headers.items()]
        self.connection.sendall("\r\n".join([*lines, "", ""]).encode())
        answer = b""
        while line := self.file.readline().strip():
            answer += line + b"; "
        if headers["Action"] == "Login" and b"Success" not in answer:
            raise ConnectionError(f"login refused: {answer.decode(errors='replace')}")

    def drive(self) -> None:
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

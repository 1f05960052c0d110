"""What the checks of both drop-ins share: the library's own suite, and a client of Asterisk."""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import tarfile
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent.parent
TWINS = {
    "compiled": {"AMISTREAM_REQUIRE_EXTENSIONS": "1"},
    "pure": {"AMISTREAM_NO_EXTENSIONS": "1"},
}
"""The environment variables that choose a twin."""


class CheckFailed(Exception):  # noqa: N818 - a plain sentence
    """A check found a difference, or a program failed."""


class NotAvailable(Exception):  # noqa: N818
    """A check needs something that is not available here."""


def options_of(library: str, description: str | None) -> argparse.ArgumentParser:
    """The options that both drop-ins' checks have."""
    parser = argparse.ArgumentParser(prog=f"python ci/compat {library}", description=description)
    parser.add_argument("--host", default="127.0.0.1", help="the host of the AMI (%(default)s)")
    parser.add_argument("--port", type=int, default=5038, help="its port (%(default)s)")
    parser.add_argument("--user", default="lab", help="a user with all rights (%(default)s)")
    parser.add_argument("--secret", default="labsecret", help="the user's secret (%(default)s)")
    parser.add_argument("--no-suite", action="store_true", help=f"skip {library}'s own test suite")
    return parser


def environment(**switches: str) -> dict[str, str]:
    """This process's environment with other switches of amistream."""
    return {name: value for name, value in os.environ.items() if "AMISTREAM" not in name} | switches


# --- the library's own test suite -------------------------------------------------------------


def pip(python: str | Path, *arguments: str | Path) -> None:
    """Run pip; NotAvailable if it cannot download something."""
    command = [python, "-m", "pip", *arguments, "-q", "--disable-pip-version-check"]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise NotAvailable(f"pip failed: {done.stderr.strip().splitlines()[-1:]}")


def fetch_sdist(python: str | Path, library: str, version: str, folder: Path) -> Path:
    """Download the library's source distribution, unpack it, and return its folder."""
    options = ("--no-deps", "--no-binary", library, "-d", folder)
    pip(python, "download", *options, f"{library}=={version}")
    (archive,) = folder.glob(f"{library}-*.tar.gz")
    with tarfile.open(archive) as file:
        file.extractall(folder / "sdist", filter="data")
    return folder / "sdist" / f"{library}-{version}"


def read_outcomes(report: Path) -> dict[str, str]:
    """The outcome of each test in pytest's XML report."""
    cases = ElementTree.parse(report).iter("testcase")
    return {f"{case.get('classname')}::{case.get('name')}": _outcome(case) for case in cases}


def _outcome(case: ElementTree.Element) -> str:
    bad = [child.tag for child in case if child.tag in ("failure", "error", "skipped")]
    return bad[0] if bad else "passed"


def summary(outcomes: dict[str, str]) -> str:
    """How many tests passed, and the names of the others."""
    passed = sum(outcome == "passed" for outcome in outcomes.values())
    others = [f", {how}: {test}" for test, how in outcomes.items() if how != "passed"]
    return f"{passed} of {len(outcomes)} passed{''.join(others)}"


def compare_suites(
    twin: str, without: dict[str, str], with_it: dict[str, str], deviations: dict[str, str]
) -> None:
    """CheckFailed unless only the listed deviations end differently with the drop-in."""
    differing = {test for test in without | with_it if without.get(test) != with_it.get(test)}
    for test in sorted(differing & deviations.keys()):
        print(f"  deviates: {test}: {deviations[test]}")
    if differing - deviations.keys():
        names = ", ".join(sorted(differing - deviations.keys()))
        raise CheckFailed(f"{twin}: these tests end differently with the drop-in: {names}")
    if deviations.keys() - differing:
        names = ", ".join(sorted(deviations.keys() - differing))
        raise CheckFailed(f"{twin}: these tests are listed as deviations, but are not: {names}")


# --- a real Asterisk --------------------------------------------------------------------------


class Client:
    """A simple AMI client, which makes Asterisk send events."""

    def __init__(self, host: str, port: int, user: str, secret: str) -> None:
        self.connection = socket.create_connection((host, port), timeout=5)
        self.file = self.connection.makefile("rb")
        if not self.file.readline().startswith(b"Asterisk Call Manager"):
            raise ConnectionError("the server there is not Asterisk")
        if b"Success" not in self.do(Action="Login", Username=user, Secret=secret, Events="off"):
            raise ConnectionError("Asterisk refuses the login")

    def do(self, **headers: str) -> bytes:
        """Send an action, and return its first answer."""
        lines = [f"{name}: {value}" for name, value in headers.items()]
        self.connection.sendall("\r\n".join([*lines, "", ""]).encode())
        answer = b""
        while (line := self.file.readline()).strip():
            answer += line
        return answer

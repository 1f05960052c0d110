"""The one list of checks: `nox -l` explains them, `nox` runs those that take minutes.

The sessions run in the environment that nox runs in, so that nothing is installed twice:

    python -m pip install -e ".[dev]"
    nox -s tests lint          some sessions
    nox -s tests -- -k wire    arguments after -- go to the session's main command
    .ci/run                    the default sessions, in a clean clone with an environment of its own
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path

import nox

ROOT = Path(__file__).resolve().parent
SECONDS = ROOT / "build" / "nox-seconds"

nox.options.default_venv_backend = "none"
nox.options.sessions = [
    "tests",
    "heavy",
    "lint",
    "types",
    "workflows",
    "asterisk",
    "instructions",
    "sanitizers",
    "scanner",
    "builds",
]


def timed_session(function: Callable[[nox.Session], None]) -> None:
    """Make a function a nox session that adds its seconds to build/nox-seconds."""

    @wraps(function)
    def session(session: nox.Session) -> None:
        begin = time.monotonic()
        try:
            function(session)
        finally:
            SECONDS.parent.mkdir(exist_ok=True)
            with SECONDS.open("a") as seconds:
                seconds.write(f"{function.__name__:14} {time.monotonic() - begin:6.0f} s\n")

    nox.session(session)


def python(session: nox.Session, *arguments: str, **variables: str) -> None:
    """Run this environment's Python with these arguments."""
    session.run(sys.executable, *arguments, env=dict(variables), external=True)


@timed_session
def tests(session: nox.Session) -> None:
    """The tests on both twins, without the heavy ones."""
    python(session, "-m", "pytest", *session.posargs)


@timed_session
def tests_pure(session: nox.Session) -> None:
    """The tests on the pure twin, as where there is no extension."""
    python(session, "-m", "pytest", "--pure-only", *session.posargs)


@timed_session
def heavy(session: nox.Session) -> None:
    """The tests marked `heavy`, which take long or start many processes."""
    python(session, "-m", "pytest", "-m", "heavy", *session.posargs)


@timed_session
def lint(session: nox.Session) -> None:
    """All hooks of .pre-commit-config.yaml on all files: ruff, mypy, codespell and others."""
    python(session, "-m", "pre_commit", "run", "--all-files", *session.posargs)


@timed_session
def types(session: nox.Session) -> None:
    """mypy --strict, stubtest, and whether the generated stub is up to date."""
    python(session, "-m", "mypy")
    python(session, "-m", "ci.quality", "stubs", "--check")
    (extension,) = (ROOT / "ext").glob("*.pyx")
    with tempfile.TemporaryDirectory() as folder, session.chdir(folder):
        modules = (f"amistream.{extension.stem}", "amistream.events._snapshots")
        python(session, "-m", "mypy.stubtest", *modules)


@timed_session
def workflows(session: nox.Session) -> None:
    """The GitHub workflows: their schema, then actionlint."""
    files = [str(path) for path in sorted(ROOT.glob(".github/workflows/*.yml"))]
    schema = ("--builtin-schema", "vendor.github-workflows")
    python(session, "-m", "check_jsonschema", *schema, *files)
    python(session, "-m", "ci.quality", "workflows")


@timed_session
def asterisk(session: nox.Session) -> None:
    """A real Asterisk, driven and read, with the drop-ins and the client. Needs root on Linux."""
    beside = f"{sys.executable} ci/compat --port {{port}}"
    then = f"{sys.executable} -m pytest tests/client -m asterisk --asterisk {{root}}"
    python(session, "ci/asterisk", "--beside", beside, "--then", then, *session.posargs)


@timed_session
def instructions(session: nox.Session) -> None:
    """Counted instructions of five benchmark rows; fails if one grew by 5 %. Needs valgrind."""
    python(session, "-m", "ci.quality", "instructions", *session.posargs)


@timed_session
def sanitizers(session: nox.Session) -> None:
    """The tests marked `quick` under AddressSanitizer and UBSan. Needs gcc."""
    arguments = session.posargs or ["asan", "--quick"]
    python(session, "-m", "ci.safety", "sanitizers", *arguments)


@timed_session
def scanner(session: nox.Session) -> None:
    """ext/scan.h against its reference in every build that runs here; `--minutes 10` fuzzes it."""
    python(session, "-m", "ci.safety", "scanner", *session.posargs)


@timed_session
def builds(session: nox.Session) -> None:
    """The builds that a user may meet: no compiler, a broken one, sdist, portable C, PyPy."""
    python(session, "-m", "ci.build", "kinds", *session.posargs)


@timed_session
def wheels(session: nox.Session) -> None:
    """A wheel for each CPython here, and the pure wheel, each tested: 3 minutes a wheel."""
    python(session, "-m", "ci.build", "wheels", *session.posargs)


@timed_session
def foreign(session: nox.Session) -> None:
    """The tests on big-endian, 32-bit and NEON machines under qemu, and on a recent PyPy."""
    python(session, "-m", "ci.build", "foreign", *session.posargs)


@timed_session
def fuzz(session: nox.Session) -> None:
    """A minute of fuzzing of the twins against each other; `-- --minutes 60` fuzzes longer."""
    arguments = session.posargs or ["--minutes", "0.5"]
    python(session, "-m", "ci.safety", "fuzz", *arguments)


@timed_session
def bench(session: nox.Session) -> None:
    """The benchmark: `-- --quick` takes two minutes, without it eight. Needs a quiet machine."""
    python(session, "-m", "bench", *session.posargs)


@timed_session
def mutation(session: nox.Session) -> None:
    """What the tests would not notice: hours; `-- headers` mutates one module."""
    python(session, "-m", "ci.quality", "mutation", *session.posargs)


@timed_session
def long(session: nox.Session) -> None:
    """The soaks in full length: all sanitizers, the scanner and the twins fuzzed. Two hours."""
    python(session, "-m", "ci.safety", "sanitizers", "--prove")
    python(session, "-m", "ci.safety", "sanitizers")
    python(session, "-m", "ci.safety", "scanner", "--minutes", "10")
    python(session, "-m", "ci.safety", "fuzz")

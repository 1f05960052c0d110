"""Runs the programs in `isolated/` on both twins, each program in its own interpreter.

Here they read only a few events. To read more, set AMISTREAM_LEAK_EVENTS=10000000, or run a program
by hand: `python tests/isolated/leak_events.py`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from types import ModuleType

import pytest
from support.paths import TESTS

ISOLATED = TESTS / "isolated"
EVENTS = int(os.environ.get("AMISTREAM_LEAK_EVENTS", "10000"))
NOT_HERE = 77
LEAKS = sorted(path.stem for path in ISOLATED.glob("leak_*.py"))


def run(package: ModuleType, program: str, *arguments: str) -> str:
    """The program's output. The exit code must be 0, and standard error empty."""
    environment = {key: value for key, value in os.environ.items() if "AMISTREAM" not in key}
    if package.IMPLEMENTATION == "pure":
        environment["AMISTREAM_NO_EXTENSIONS"] = "1"
    done = subprocess.run(
        [sys.executable, "-W", "error", str(ISOLATED / f"{program}.py"), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60 + EVENTS / 1_000,
        check=False,
    )
    if done.returncode == NOT_HERE:
        pytest.skip(done.stdout.strip())
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    return done.stdout


@pytest.mark.heavy
@pytest.mark.parametrize("program", LEAKS)
def test_memory_stays_flat(ami: ModuleType, program: str) -> None:
    assert f"{ami.IMPLEMENTATION}: " in run(ami, program, str(EVENTS))


@pytest.mark.heavy
@pytest.mark.parametrize("leak", ["objects", "memory", "references"])
def test_a_leak_is_seen(ami: ModuleType, leak: str) -> None:
    with pytest.raises(AssertionError, match="grown by"):
        run(ami, "leaking", "10000", leak)


def test_the_interpreter_ends_with_live_parsers(ami: ModuleType) -> None:
    # PyPy frees nothing when it exits.
    dropped = "dropped\n" if sys.implementation.name == "cpython" else ""
    assert run(ami, "live_at_exit") == dropped
    assert run(ami, "live_at_exit", "thread") in ("", "dropped\n")


def test_a_forked_process_parses_on(ami: ModuleType) -> None:
    assert run(ami, "forked") == "the children ended with [0]\n"


@pytest.mark.parametrize(
    "main",
    ["before", *(pytest.param(one, marks=pytest.mark.heavy) for one in ("between", "after"))],
)
def test_subinterpreters_have_the_pure_twin(ami: ModuleType, main: str) -> None:
    assert run(ami, "subinterpreters", main).startswith(f"{ami.IMPLEMENTATION}|")

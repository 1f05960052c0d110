"""Counts the instructions of five rows of the benchmark with valgrind, and fails if one has grown.

    python -m ci.quality instructions            compare with ci/quality/instructions.json
    python -m ci.quality instructions --renew    write the figures of this machine

Counts repeat on a noisy machine, where seconds do not. They depend on the interpreter and on the
compiler, so that each pair has figures of its own. Without figures for this machine's pair the
check is SKIPPED.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
from functools import partial
from pathlib import Path

from ci.checkout import Failed, Skipped, require, require_tools, run_checks

HERE = Path(__file__).resolve().parent
FIGURES = HERE / "instructions.json"
WORKLOAD = HERE / "workload.py"
ROWS = ("events", "three typed headers", "process", "only Hangup", "to_dict")
TWINS = ("compiled", "pure")
TOLERANCE = 0.05


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--renew", action="store_true", help="write the figures of this machine")


def main(options: argparse.Namespace) -> int:
    """Count, then compare or write; the exit code."""
    return run_checks({"instructions": partial(check, options.renew)})


def check(renew: bool) -> None:
    """Count all rows on both twins; compare them with the figures, or write these."""
    require_tools("valgrind")
    every = load_figures()
    here = describe_environment()
    known = every.get(here, {})
    if not known and not renew:
        command = "python -m ci.quality instructions --renew"
        raise Skipped(f"there are no figures for {here}; `{command}` writes them")
    figures: dict[str, int] = {}
    grown: list[str] = []
    for row in ROWS:
        for twin in TWINS:
            name = f"{row}, {twin}"
            figures[name] = measure(row, twin)
            before = known.get(name, figures[name])
            has_grown = figures[name] > before * (1 + TOLERANCE)
            grown += [name] if has_grown else []
            change = f"{figures[name] / before - 1:+8.1%}{'  GROWN' if has_grown else ''}"
            print(f"{name:32} {figures[name]:>13,} {change}", flush=True)
    if renew:
        FIGURES.write_text(json.dumps({**every, here: figures}, indent=2, sort_keys=True) + "\n")
        return
    require(
        not grown,
        f"more than {TOLERANCE:.0%} more instructions: {', '.join(grown)}; if that is intended, "
        "renew the figures: python -m ci.quality instructions --renew",
    )


def measure(row: str, twin: str) -> int:
    """The instructions of one pass, without the start and the first pass, which fills caches."""
    return count(row, twin, 2) - count(row, twin, 1)


def count(row: str, twin: str, passes: int) -> int:
    """The instructions of a whole interpreter that does the work so many times."""
    variables = {"PYTHONHASHSEED": "0", "AMISTREAM_NO_EXTENSIONS": "1" if twin == "pure" else "0"}
    if twin == "compiled":
        variables["AMISTREAM_REQUIRE_EXTENSIONS"] = "1"
    cachegrind = ["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
    done = subprocess.run(
        ["valgrind", *cachegrind, sys.executable, WORKLOAD, row, str(passes)],
        env={**os.environ, **variables},
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    found = re.search(r"I +refs: +([\d,]+)", done.stderr)
    if done.returncode != 0 or found is None:
        raise Failed(f"{row} ({twin}) failed under valgrind:\n{done.stderr}")
    return int(found[1].replace(",", ""))


def describe_environment() -> str:
    """The interpreter, the machine and the compiler that the figures depend on."""
    command = ["cc", "-dumpfullversion"]
    compiler = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return f"{platform.python_version()} {platform.machine()} cc {compiler.strip()}"


def load_figures() -> dict[str, dict[str, int]]:
    """The figures of all environments."""
    return dict(json.loads(FIGURES.read_text())) if FIGURES.exists() else {}

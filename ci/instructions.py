"""Counts the instructions of the five bench rows under valgrind, and fails when one has grown.

    python ci/instructions.py            compare with ci/instructions.json
    python ci/instructions.py --renew    write the figures of this machine's Python and compiler

Counts repeat on a noisy machine where seconds do not. They depend on the interpreter and the
compiler, so figures are kept for each; where there are none yet it says SKIPPED and how to renew.
"""

from __future__ import annotations

import argparse
import gc
import gzip
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FIGURES = ROOT / "ci" / "instructions.json"
CAPTURE = ROOT / "tests" / "data" / "queue-events.ami.gz"
CAPTURE_BYTES = 2_000_000
CHUNK = 1 << 16
TWINS = ("compiled", "pure")
TOLERANCE = 0.05


def work(row: str, passes: int) -> None:
    """What is measured: `passes` times over the start of the capture with the loaded twin."""
    import amistream
    from amistream.core_events import Hangup

    data = gzip.decompress(CAPTURE.read_bytes())[:CAPTURE_BYTES]
    chunks = [data[at : at + CHUNK] for at in range(0, len(data), CHUNK)]
    each: dict[str, Callable[[Any], object]] = {
        "events": lambda message: None,
        "three typed headers": read_three,
        "process": lambda message: message.process(),
        "only Hangup": lambda message: None,
        "to_dict": lambda message: message.to_dict(),
    }
    use = each[row]
    gc.disable()
    for _ in range(passes):
        parser = amistream.Parser(only={Hangup} if row == "only Hangup" else None)
        for chunk in chunks:
            for message in parser.feed(chunk):
                use(message)


def read_three(message: Any) -> object:
    """Three typed headers that the message carries."""
    if hasattr(type(message), "channel_state"):
        return message.channel, message.channel_state, message.context
    if hasattr(type(message), "timestamp"):
        return message.timestamp, message.privilege, message.name
    return None


ROWS = ("events", "three typed headers", "process", "only Hangup", "to_dict")


def count(row: str, twin: str, passes: int) -> int:
    """The instructions of a whole interpreter that does the work so many times."""
    pure = "1" if twin == "pure" else "0"
    switches = {"AMISTREAM_NO_EXTENSIONS": pure, "PYTHONHASHSEED": "0"}
    if twin == "compiled":
        switches["AMISTREAM_REQUIRE_EXTENSIONS"] = "1"
    valgrind = [
        "valgrind",
        "--tool=cachegrind",
        "--cache-sim=no",
        "--cachegrind-out-file=/dev/null",
    ]
    done = subprocess.run(
        [*valgrind, sys.executable, __file__, "--work", row, "--passes", str(passes)],
        env={**os.environ, **switches},
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    found = re.search(r"I +refs: +([\d,]+)", done.stderr)
    if done.returncode != 0 or found is None:
        raise SystemExit(f"{row} ({twin}) failed under valgrind:\n{done.stderr}")
    return int(found[1].replace(",", ""))


def measure(row: str, twin: str) -> int:
    """Instructions of one pass: the start-up and the first pass, which fills caches, taken off."""
    return count(row, twin, 2) - count(row, twin, 1)


def environment() -> str:
    compiler = subprocess.run(["cc", "-dumpfullversion"], capture_output=True, text=True).stdout
    return f"{platform.python_version()} {platform.machine()} cc {compiler.strip()}"


def load_figures() -> dict[str, dict[str, int]]:
    return json.loads(FIGURES.read_text()) if FIGURES.exists() else {}


def compare(known: dict[str, int] | None) -> tuple[dict[str, int], bool]:
    """The figures of now, and whether none has grown beyond the tolerance."""
    figures: dict[str, int] = {}
    fine = True
    for row in ROWS:
        for twin in TWINS:
            name = f"{row}, {twin}"
            figures[name] = now = measure(row, twin)
            before = (known or {}).get(name)
            change = "" if before is None else f"{now / before - 1:+8.1%}"
            grown = before is not None and now > before * (1 + TOLERANCE)
            fine = fine and not grown
            print(f"{name:32} {now:>13,} {change}{'  GROWN' if grown else ''}", flush=True)
    return figures, fine


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--renew", action="store_true", help="write the figures of now")
    parser.add_argument("--work", choices=ROWS, help=argparse.SUPPRESS)
    parser.add_argument("--passes", type=int, default=1, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.work:
        work(chosen.work, chosen.passes)
        return
    if shutil.which("valgrind") is None:
        print("SKIPPED: valgrind is not installed, no instructions were counted")
        return
    every = load_figures()
    here = environment()
    known = every.get(here)
    if known is None and not chosen.renew:
        print(f"SKIPPED: no figures for {here}; write them with python ci/instructions.py --renew")
        return
    figures, fine = compare(known)
    if chosen.renew:
        FIGURES.write_text(json.dumps({**every, here: figures}, indent=2, sort_keys=True) + "\n")
        return
    if not fine:
        raise SystemExit(
            f"more than {TOLERANCE:.0%} more instructions; if that is meant, renew the figures: "
            "python ci/instructions.py --renew"
        )


if __name__ == "__main__":
    main()

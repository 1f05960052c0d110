"""Runs the tests of the compiled twin under AddressSanitizer and UBSan, then under valgrind.

    python ci/sanitizers.py              both legs: 10 minutes
    python ci/sanitizers.py asan         the one leg, or "valgrind"
    python ci/sanitizers.py asan --quick the test files named in QUICK, but those in SLOW: a minute
    python ci/sanitizers.py --prove      plants errors, runs no tests: each leg has to see its own

Each leg builds the extension from a copy of the tree with gcc, for itself, in a fresh venv. Python
takes every block from malloc, so that a byte past an event's own is seen. What the tools see is
written to files by the process that did it, so that a child whose output nobody reads is heard
too, and any report fails the leg.

asan: all tests but those in MEANINGLESS, with few examples of each property. Python itself is not
instrumented; an overread inside one of its own blocks is not seen. What was allocated by the
extension and is leaked at a process's end is reported too.

valgrind: the test files in UNDER_VALGRIND. A report counts if a frame of the extension stands in
its stack; of others Python and the C library have their own.

Exit codes: 0 all is well, or SKIPPED: a line says what is missing; 1 something was reported, a
test failed or a planted error was not seen; 2 the command is not usable.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from build import Checkout

FRAMES = "-g -O1 -fno-omit-frame-pointer"
# Python's own -fwrapv would let signed overflow pass.
SANITIZERS = "-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-wrapv"
# UBSan inside the extension, hidden: beside AddressSanitizer's own a shared one has no report file.
UBSAN_INSIDE = "-static-libubsan -Wl,--exclude-libs,ALL"

QUICK = ("wire", "parser", "messages", "headers", "lists")
UNDER_VALGRIND = ("wire", "messages", "headers", "registration")
# What the leg of AddressSanitizer leaves out: of all the tests, and of the quick ones.
MEANINGLESS = {
    "test_isolated.py::test_memory_stays_flat": "freed memory is kept for a while; "
    "the programs are run by themselves, judged by reports alone",
    "test_isolated.py::test_the_interpreter_ends_with_live_parsers": "what a thread holds that is "
    "at work at the end is leaked by Python; without one it is run by itself",
}
SLOW = {
    f"test_parser.py::test_the_capture_of_a_call_centre[compiled-{size}]": "millions of calls"
    for size in (1, 2, 3)
}


class Planted(NamedTuple):
    """An error put into a copy of the sources, and a program that runs into it."""

    name: str
    path: str
    text: str
    instead: str
    program: str
    seen_by: tuple[str, ...]


PLANTED = (
    Planted(
        "a message's block is a byte short",
        "ext/_compiled.pyx",
        "copy = <char *>PyMem_Malloc(view.len or 1)",
        "copy = <char *>PyMem_Malloc(view.len - 1)",
        r"amistream.Event(b'Event: Hangup\r\nCause: 16\r\n\r\n')",
        ("asan", "valgrind"),
    ),
    Planted(
        "a block is read past its bytes",
        "ext/scan.h",
        "if (AMI_LIKELY(n - at >= 64))",
        "if (AMI_LIKELY(n - at >= 16))",
        r"amistream.Parser().feed(b'Event: Hangup\r\n\r\n')",
        ("asan", "valgrind"),
    ),
    Planted(
        "a shift by 64",
        "ext/scan.h",
        "colons &= feed == 63 ? 0 : ~(uint64_t)0",
        "colons &= ~(uint64_t)0",
        r"amistream.Parser().feed(b'Event: Hangup\r\nX:' + 45 * b'y' + b'\r\nZ\r\n\r\n')[0]['X']",
        ("asan",),
    ),
    Planted(
        "a message's index is not freed",
        "ext/_compiled.pyx",
        "        PyMem_Free(self.index)\n",
        "",
        r"amistream.Parser().feed(b'Event: Hangup\r\nX: ' + 46 * b'y' + b'\r\n\r\n')[0]['X']",
        ("asan",),
    ),
)
# The program runs in a child whose output and exit code are dropped.
AS_CHILD = """
import subprocess, sys
subprocess.run([sys.executable, "-c", sys.argv[1]], capture_output=True)
"""


class Leg:
    """A tool, how the extension is built for it and how Python is run under it."""

    name = ""
    cflags = FRAMES
    ldflags = ""

    def __init__(self, folder: Path) -> None:
        self.reports = folder / "reports"

    def missing(self) -> str:
        """What it needs and this machine lacks; empty if it can run."""
        raise NotImplementedError

    def command(self, python: Path) -> list[str | Path]:
        return [python]

    def variables(self) -> dict[str, str]:
        return {"PYTHONMALLOC": "malloc", "AMISTREAM_REQUIRE_EXTENSIONS": "1"}

    def tests(self, quick: bool) -> tuple[str, ...]:
        """The test files; all if it is empty."""
        raise NotImplementedError

    def left_out(self, quick: bool) -> dict[str, str]:
        """Tests of these files that are not run, and why."""
        return {}

    def found(self) -> list[str]:
        """The reports since the last call."""
        self.reports.mkdir(exist_ok=True)
        texts: list[str] = []
        for path in sorted(self.reports.iterdir()):
            texts += self.read(path.read_text(errors="replace"))
            path.unlink()
        return texts

    def read(self, report: str) -> Iterable[str]:
        return [report]


class Asan(Leg):
    """AddressSanitizer and UBSan, in the extension alone."""

    name = "asan"
    cflags = f"{FRAMES} {SANITIZERS}"
    ldflags = UBSAN_INSIDE

    def missing(self) -> str:
        return "" if library("libasan.so") else "gcc with libasan is not installed"

    def variables(self) -> dict[str, str]:
        options = f"log_path={self.reports / 'report'}"
        return {
            **super().variables(),
            "LD_PRELOAD": library("libasan.so"),
            "ASAN_OPTIONS": f"{options}:detect_leaks=1:allocator_may_return_null=1",
            "LSAN_OPTIONS": "exitcode=0",
            "UBSAN_OPTIONS": f"{options}:print_stacktrace=1",
        }

    def read(self, report: str) -> Iterable[str]:
        if "LeakSanitizer" not in report:
            return [report]
        # Python's own are many after memory ran out.
        return [leak for leak in report.split("\n\n") if "_compiled" in leak]

    def tests(self, quick: bool) -> tuple[str, ...]:
        return QUICK if quick else ()

    def left_out(self, quick: bool) -> dict[str, str]:
        return SLOW if quick else MEANINGLESS


class Valgrind(Leg):
    """valgrind's memcheck."""

    name = "valgrind"

    def missing(self) -> str:
        tools = [tool for tool in ("gcc", "valgrind") if shutil.which(tool) is None]
        return f"{' and '.join(tools)} is not installed" if tools else ""

    def command(self, python: Path) -> list[str | Path]:
        log = f"--log-file={self.reports}/%p"
        return ["valgrind", "-q", "--trace-children=yes", "--num-callers=40", log, python]

    def tests(self, quick: bool) -> tuple[str, ...]:
        return UNDER_VALGRIND[:1] if quick else UNDER_VALGRIND

    def read(self, report: str) -> Iterable[str]:
        errors = re.sub(r"(?m)^==\d+== ?", "", report).split("\n\n")
        return [error for error in errors if "_compiled" in error]


LEGS: dict[str, type[Leg]] = {leg.name: leg for leg in (Asan, Valgrind)}


def library(name: str) -> str:
    """gcc's own library of that name, or nothing."""
    if shutil.which("gcc") is None:
        return ""
    asked = ["gcc", f"-print-file-name={name}"]
    path = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    return path if Path(path).is_absolute() else ""


def installed(checkout: Checkout, leg: Leg, extra: str = "") -> None:
    """Install the tree with an extension built for the leg."""
    checkout.install(
        f"{checkout.tree}{extra}",
        CC="gcc",
        CFLAGS=leg.cflags,
        LDFLAGS=leg.ldflags,
        AMISTREAM_REQUIRE_EXTENSIONS="1",
    )


def under(checkout: Checkout, leg: Leg, *command: str) -> subprocess.CompletedProcess[str]:
    """The result of Python's command, run under the leg's tool."""
    leg.reports.mkdir(exist_ok=True)
    return checkout.run(*leg.command(checkout.python), *command, **leg.variables())


def run_tests(checkout: Checkout, leg: Leg, quick: bool) -> bool:
    """Whether the leg's tests pass and nothing is reported."""
    installed(checkout, leg, "[test]")
    tests = checkout.tree / "tests"
    if not quick:
        run_programs(checkout, leg, tests / "isolated")
    options = ["-q", "-p", "no:cacheprovider", "--compiled-only", "--hypothesis-profile=few"]
    for name, reason in leg.left_out(quick).items():
        print(f"left out: {name}: {reason}", flush=True)
        options.append(f"--deselect=tests/{name}")
    files = [str(tests / f"test_{name}.py") for name in leg.tests(quick)] or [str(tests)]
    done = under(checkout, leg, "-m", "pytest", *options, *files)
    found = leg.found()
    print(*found, sep="\n\n")
    if done.returncode != 0 or found:
        print(done.stdout)
    print(f"{len(found)} reports;", done.stdout.strip().splitlines()[-1].strip("= "))
    return done.returncode == 0 and not found


def run_programs(checkout: Checkout, leg: Leg, folder: Path) -> None:
    """Run the programs of the tests left out: their verdict does not count, reports do."""
    for program in [*sorted(folder.glob("leak_*.py")), folder / "live_at_exit.py"]:
        number = ["1000"] if program.name.startswith("leak_") else []
        under(checkout, leg, str(program), *number)


def prove(checkout: Checkout, leg: Leg, quick: bool) -> bool:
    """Whether the leg sees the errors planted in a copy of the sources, each in a child process."""
    mine = [planted for planted in PLANTED if leg.name in planted.seen_by]
    for planted in mine:
        plant(checkout.tree / planted.path, planted)
    installed(checkout, leg)
    fine = True
    for planted in mine:
        under(checkout, leg, "-c", AS_CHILD, f"import amistream; {planted.program}")
        found = leg.found()
        fine = fine and bool(found)
        print(f"planted: {planted.name}: {headline(found[0]) if found else 'NOT SEEN'}")
    return fine


def plant(path: Path, planted: Planted) -> None:
    text = path.read_text()
    if text.count(planted.text) != 1:
        raise SystemExit(f"{planted.path} does not have once what is to be broken: {planted.text}")
    path.write_text(text.replace(planted.text, planted.instead))


def headline(report: str) -> str:
    """The line of a report that says what happened."""
    lines = [line for line in report.splitlines() if line.strip("= ")]
    telling = [line for line in lines if "ERROR" in line or "runtime error" in line]
    return (telling or lines)[0].strip()


def main() -> int:
    options = parse_arguments()
    work: Callable[[Checkout, Leg, bool], bool] = prove if options.prove else run_tests
    fine = True
    for name in options.legs or LEGS:
        begin = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            leg = LEGS[name](Path(folder))
            print(f"-- {name}: {leg.__doc__}", flush=True)
            missing = leg.missing()
            if missing:
                print(f"SKIPPED: {missing}")
                continue
            fine = work(Checkout(Path(folder)), leg, options.quick) and fine
        print(f"{name} took {time.monotonic() - begin:.0f} s", flush=True)
    return 0 if fine else 1


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="ci/sanitizers.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("legs", nargs="*", metavar="LEG", help='"asan" or "valgrind"')
    parser.add_argument("--quick", action="store_true", help="run a part of the tests")
    parser.add_argument("--prove", action="store_true", help="plant errors, run no tests")
    options = parser.parse_args()
    unknown = [name for name in options.legs if name not in LEGS]
    if unknown:
        parser.error(f"no such leg: {', '.join(unknown)}; there are {', '.join(LEGS)}")
    return options


if __name__ == "__main__":
    sys.exit(main())

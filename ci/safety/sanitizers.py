"""Runs the tests of the compiled twin under AddressSanitizer and UBSan, then under valgrind.

    python -m ci.safety sanitizers              both tools: 10 minutes
    python -m ci.safety sanitizers asan         one tool: "asan" or "valgrind"
    python -m ci.safety sanitizers asan --quick the tests marked `quick` only: a minute
    python -m ci.safety sanitizers --prove      plants errors and runs no tests: each tool must
                                                report the errors that are meant for it

Each tool gets an extension that gcc builds for it from a copy of the tree, in a fresh venv. Python
takes every block from malloc, so that an access one byte after an event's block is noticed. Each
process writes its reports to a file, so that a child process whose output nobody reads counts too.
Any report is a failure.

asan: all tests except those in NOT_UNDER_ASAN, with few examples of each property. Python itself
is not instrumented: an overread inside one of its own blocks is not noticed. Memory that the
extension allocated and that is leaked when a process ends is reported too.

valgrind: the tests marked `quick`. A report counts if a frame of the extension is in its stack:
Python and the C library have reports of their own.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from ci.checkout import (
    ROOT,
    Checkout,
    Failed,
    Skipped,
    choose,
    last_line,
    require,
    require_tools,
    run_checks,
    temporary_checkout,
)

(SOURCE,) = (ROOT / "ext").glob("*.pyx")
EXTENSION = SOURCE.stem
FRAMES = "-g -O1 -fno-omit-frame-pointer"
# Python's own -fwrapv would hide signed overflow.
SANITIZERS = "-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-wrapv"
# UBSan is linked into the extension, with hidden symbols: a shared UBSan beside AddressSanitizer
# writes no report file.
UBSAN_INSIDE = "-static-libubsan -Wl,--exclude-libs,ALL"

NOT_UNDER_ASAN = {
    "test_isolated.py::test_memory_stays_flat": "freed memory is kept for a while; these programs "
    "run below on their own, and only reports count",
    "test_isolated.py::test_the_interpreter_ends_with_live_parsers": "Python leaks what a thread "
    "holds that still works at the end; the program runs below without such a thread",
}


class PlantedError(NamedTuple):
    """An error put into a copy of the sources, and a program that triggers it."""

    name: str
    text: str
    replacement: str
    program: str
    seen_by: tuple[str, ...]


PLANTED_ERRORS = (
    PlantedError(
        "a message's block is one byte too short",
        "copy = <char *>PyMem_Malloc(view.len or 1)",
        "copy = <char *>PyMem_Malloc(view.len - 1)",
        r"amistream.Event(b'Event: Hangup\r\nCause: 16\r\n\r\n')",
        ("asan", "valgrind"),
    ),
    PlantedError(
        "a block is read past its end",
        "if (AMI_LIKELY(n - at >= 64))",
        "if (AMI_LIKELY(n - at >= 16))",
        r"amistream.Parser().feed(b'Event: Hangup\r\n\r\n')",
        ("asan", "valgrind"),
    ),
    PlantedError(
        "a shift by 64",
        "colons &= feed == 63 ? 0 : ~(uint64_t)0",
        "colons &= ~(uint64_t)0",
        r"amistream.Parser().feed(b'Event: Hangup\r\nX:' + 45 * b'y' + b'\r\nZ\r\n\r\n')[0]['X']",
        ("asan",),
    ),
    PlantedError(
        "a message's lines are not freed",
        "        PyMem_Free(self.lines)\n",
        "",
        r"amistream.Parser().feed(b'Event: Hangup\r\nX: ' + 46 * b'y' + b'\r\n\r\n')[0]['X']",
        ("asan",),
    ),
)
# Runs the program in a child process, and drops its output and its exit code.
AS_CHILD = """
import subprocess, sys
subprocess.run([sys.executable, "-c", sys.argv[1]], capture_output=True)
"""


class Tool:
    """A tool: how the extension is built for it, and how Python runs under it."""

    name = ""
    cflags = FRAMES
    ldflags = ""

    def __init__(self, folder: Path) -> None:
        self.reports = folder / "reports"

    def require(self) -> None:
        """Skip the check if this machine lacks something that the tool needs."""
        raise NotImplementedError

    def command(self, python: Path) -> list[str | Path]:
        """The start of a command that runs Python under the tool."""
        return [python]

    def variables(self) -> dict[str, str]:
        """The environment that Python needs under the tool."""
        return {"PYTHONMALLOC": "malloc", "AMISTREAM_REQUIRE_EXTENSIONS": "1"}

    def select_tests(self, quick: bool) -> list[str]:
        """pytest's options that select the tests."""
        raise NotImplementedError

    def take_reports(self) -> list[str]:
        """The reports since the last call."""
        self.reports.mkdir(exist_ok=True)
        texts: list[str] = []
        for path in sorted(self.reports.iterdir()):
            texts += self.filter_report(path.read_text(errors="replace"))
            path.unlink()
        return texts

    def filter_report(self, report: str) -> Iterable[str]:
        """The parts of a report file that count."""
        return [report]


class Asan(Tool):
    """AddressSanitizer and UBSan, in the extension alone."""

    name = "asan"
    cflags = f"{FRAMES} {SANITIZERS}"
    ldflags = UBSAN_INSIDE

    def require(self) -> None:
        if not find_library("libasan.so"):
            raise Skipped("gcc with libasan is not installed")

    def variables(self) -> dict[str, str]:
        options = f"log_path={self.reports / 'report'}"
        return {
            **super().variables(),
            "LD_PRELOAD": find_library("libasan.so"),
            "ASAN_OPTIONS": f"{options}:detect_leaks=1:allocator_may_return_null=1",
            "LSAN_OPTIONS": "exitcode=0",
            "UBSAN_OPTIONS": f"{options}:print_stacktrace=1",
        }

    def filter_report(self, report: str) -> Iterable[str]:
        if "LeakSanitizer" not in report:
            return [report]
        # Python itself leaks much after memory ran out.
        return [leak for leak in report.split("\n\n") if EXTENSION in leak]

    def select_tests(self, quick: bool) -> list[str]:
        if quick:
            return ["-m", "quick"]
        for name, reason in NOT_UNDER_ASAN.items():
            print(f"left out: {name}: {reason}", flush=True)
        return [f"--deselect=tests/{name}" for name in NOT_UNDER_ASAN]


class Valgrind(Tool):
    """valgrind's memcheck."""

    name = "valgrind"

    def require(self) -> None:
        require_tools("gcc", "valgrind")

    def command(self, python: Path) -> list[str | Path]:
        log = f"--log-file={self.reports}/%p"
        return ["valgrind", "-q", "--trace-children=yes", "--num-callers=40", log, python]

    def select_tests(self, quick: bool) -> list[str]:
        return ["-m", "quick"]

    def filter_report(self, report: str) -> Iterable[str]:
        errors = re.sub(r"(?m)^==\d+== ?", "", report).split("\n\n")
        return [error for error in errors if EXTENSION in error]


TOOLS: dict[str, type[Tool]] = {tool.name: tool for tool in (Asan, Valgrind)}


def find_library(name: str) -> str:
    """The path of gcc's own library of that name, or an empty text."""
    if shutil.which("gcc") is None:
        return ""
    command = ["gcc", f"-print-file-name={name}"]
    path = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    return path if Path(path).is_absolute() else ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("tools", nargs="*", metavar="TOOL", help='"asan" or "valgrind"')
    parser.add_argument("--quick", action="store_true", help="run a part of the tests")
    parser.add_argument("--prove", action="store_true", help="plant errors, run no tests")


def main(options: argparse.Namespace) -> int:
    """Run the chosen tools, and return the exit code."""
    names = choose(options.tools, TOOLS, options)
    return run_checks({name: partial(check, TOOLS[name], options) for name in names})


def check(kind: type[Tool], options: argparse.Namespace) -> None:
    """Run the tests under one tool, or prove that it reports planted errors."""
    print(kind.__doc__, flush=True)
    with temporary_checkout() as checkout:
        tool = kind(checkout.folder)
        tool.require()
        if options.prove:
            prove(checkout, tool)
        else:
            run_tests(checkout, tool, options.quick)


def install(checkout: Checkout, tool: Tool, extra: str = "") -> None:
    """Install the tree with an extension built for the tool."""
    flags = {"CC": "gcc", "CFLAGS": tool.cflags, "LDFLAGS": tool.ldflags}
    checkout.install(f"{checkout.tree}{extra}", **flags, AMISTREAM_REQUIRE_EXTENSIONS="1")


def run_under(
    checkout: Checkout, tool: Tool, *command: str | Path
) -> subprocess.CompletedProcess[str]:
    """Run Python with these arguments under the tool."""
    tool.reports.mkdir(exist_ok=True)
    return checkout.run(*tool.command(checkout.python), *command, **tool.variables())


def run_tests(checkout: Checkout, tool: Tool, quick: bool) -> None:
    """Run the tests, which must pass, and fail if the tool reports anything."""
    install(checkout, tool, "[test]")
    tests = checkout.tree / "tests"
    if not quick:
        run_programs(checkout, tool, tests / "isolated")
    options = ["-q", "-p", "no:cacheprovider", "-n", "0"]
    options += ["--compiled-only", "--hypothesis-profile=few", *tool.select_tests(quick)]
    done = run_under(checkout, tool, "-m", "pytest", *options, tests)
    reports = tool.take_reports()
    if done.returncode != 0 or reports:
        raise Failed("\n\n".join([*reports, done.stdout]))
    print(f"no reports; {last_line(done.stdout)}", flush=True)


def run_programs(checkout: Checkout, tool: Tool, folder: Path) -> None:
    """Run the programs of the tests that are left out; only the tool's reports count."""
    for program in [*sorted(folder.glob("leak_*.py")), folder / "live_at_exit.py"]:
        number = ["1000"] if program.name.startswith("leak_") else []
        run_under(checkout, tool, program, *number)


def prove(checkout: Checkout, tool: Tool) -> None:
    """Plant the errors in the copy of the sources; the tool must report each one."""
    mine = [planted for planted in PLANTED_ERRORS if tool.name in planted.seen_by]
    for planted in mine:
        plant(checkout.tree / "ext", planted)
    install(checkout, tool)
    missed: list[str] = []
    for planted in mine:
        run_under(checkout, tool, "-c", AS_CHILD, f"import amistream; {planted.program}")
        reports = tool.take_reports()
        missed += [] if reports else [planted.name]
        print(f"planted: {planted.name}: {headline(reports[0]) if reports else 'NOT REPORTED'}")
    require(not missed, f"{tool.name} does not report: {', '.join(missed)}")


def plant(folder: Path, planted: PlantedError) -> None:
    """Put the error into the one source of the folder that has the text, once."""
    texts = {path: path.read_text() for path in sorted(folder.iterdir()) if path.suffix != ".c"}
    found = [path for path, text in texts.items() for _ in range(text.count(planted.text))]
    require(len(found) == 1, f"found {len(found)} times in ext/, not once: {planted.text}")
    (path,) = found
    path.write_text(texts[path].replace(planted.text, planted.replacement))


def headline(report: str) -> str:
    """The line of a report that names the error."""
    lines = [line for line in report.splitlines() if line.strip("= ")]
    errors = [line for line in lines if "ERROR" in line or "runtime error" in line]
    return (errors or lines)[0].strip()

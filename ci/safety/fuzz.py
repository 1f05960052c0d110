"""Fuzzes the two twins against each other, and keeps the inputs that reach something new.

    python -m ci.safety fuzz                                 streams for an hour, values 10 minutes
    python -m ci.safety fuzz --target values --minutes 2     one target, for a short time
    python -m ci.safety fuzz --minutes 0                     no fuzzing: minimise, print the figures
    python -m ci.safety fuzz --target streams --input FILE   print and try one input, such as a find

The targets are in tests/fuzz. The compiled and the pure twin get the same bytes. Their results are
compared with each other and with the judge. atheris guides the fuzzing: it counts the pure twin's
branches, and those of the extension if clang builds it. Three rounds of four run with UBSan, the
fourth with ASan, in which only the extension counts. Fuzzing starts from the inputs in
tests/fuzz/corpus-TARGET.zip and from pieces of the captures. At the end the inputs are minimised
and written back to that archive, which the tests replay: commit it.

A find ends the run with exit code 1, after the new inputs are saved; the output names the file with
the input. Fix the fault, add a test for it, and start again. Without clang or atheris a line with
SKIPPED says what is not done.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

from ci.checkout import ROOT, Failed, Skipped, apt_install, copy_tree, must_run, run_checks

TESTS = ROOT / "tests"
HARNESS = TESTS / "fuzz" / "harness.py"
DICTIONARY = TESTS / "fuzz" / "ami.dict"
FINDS = ROOT / "build" / "finds"
(SOURCE,) = (ROOT / "ext").glob("*.pyx")
EXTENSION = SOURCE.stem
MINUTES = {"streams": 60.0, "values": 10.0}
ROUND = 300
"""Seconds. The caches of a process fill; a new process starts with empty ones."""
ASAN_EVERY = 4
SLOWEST = 20
"""Seconds that one input may take."""

sys.path.insert(0, str(TESTS))

from fuzz import corpus, streams  # noqa: E402


class Sanitizer(NamedTuple):
    """A build of the extension: its compiler's flags, the preloaded library, and variables."""

    name: str
    flags: str
    preload: str
    variables: dict[str, str]


UBSAN = Sanitizer(
    "ubsan",
    "-O1 -g -fsanitize=undefined,fuzzer-no-link -fno-sanitize=function "
    "-fno-sanitize-recover=undefined",
    "ubsan_with_fuzzer.so",
    {"UBSAN_OPTIONS": "print_stacktrace=1"},
)
ASAN = Sanitizer(
    "asan",
    "-O1 -g -fno-omit-frame-pointer -fsanitize=address,fuzzer-no-link",
    "asan_with_fuzzer.so",
    # Python does not free its own memory at exit.
    {"ASAN_OPTIONS": "detect_leaks=0", "FUZZ_PYTHON": "0", "PYTHONMALLOC": "malloc"},
)


class Workshop:
    """A folder with a venv that has atheris, and a build of the package for each sanitizer."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.python = folder / "venv" / "bin" / "python"
        self.source = digest(ROOT / "ext", ROOT / "src")
        if not self.python.exists():
            must_run(ROOT, sys.executable, "-m", "venv", folder / "venv")
            self.pip("atheris>=2.3", "coverage>=7", "cython>=3.1")
        ask = "import sysconfig; print(sysconfig.get_path('platlib'))"
        self.site = Path(must_run(ROOT, self.python, "-c", ask).strip())

    def pip(self, *what: str | Path, **variables: str) -> None:
        """Install into the venv."""
        must_run(ROOT, self.python, "-m", "pip", "install", "-q", *what, **variables)

    def build(self, name: str, **variables: str) -> None:
        """Build the package into a folder of its own, unless that folder is there already."""
        if self.package(name).exists():
            return
        tree = self.folder / f"tree-{name}-{self.source}"
        copy_tree(tree)
        into = self.package(name)
        self.pip("--no-deps", "--target", into, tree, AMISTREAM_REQUIRE_EXTENSIONS="1", **variables)

    def package(self, name: str) -> Path:
        """The folder of a build."""
        return self.folder / f"package-{name}-{self.source}"

    def run_harness(self, target: str, sanitizer: Sanitizer | None, *arguments: str | Path) -> str:
        """Run the harness on one of the builds, and return its output."""
        name = sanitizer.name if sanitizer else "plain"
        launcher = self.folder / f"run-{target}"
        launcher.write_text(f'#!/bin/sh\nexec "{self.python}" "{HARNESS}" {target} "$@"\n')
        launcher.chmod(0o755)
        variables = {"PYTHONPATH": str(self.package(name)), "FUZZ_LAUNCHER": str(launcher)}
        if sanitizer:
            variables |= {"LD_PRELOAD": str(self.site / sanitizer.preload), **sanitizer.variables}
        return must_run(ROOT, self.python, HARNESS, target, *arguments, **variables)


def digest(*folders: Path) -> str:
    """A short hash of the sources in the folders."""
    texts = sorted(path for folder in folders for path in folder.rglob("*.[ph]*"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in texts)).hexdigest()[:8]


def find_clang() -> bool:
    """Whether there is a clang; Debian's is installed if there is none."""
    if not shutil.which("clang"):
        apt_install("clang")
    return shutil.which("clang") is not None


def prepare(folder: Path) -> tuple[Workshop, list[Sanitizer | None]]:
    """A workshop and its builds, in the order in which they take turns."""
    try:
        workshop = Workshop(folder)
    except Failed as error:
        raise Skipped(f"nothing is fuzzed, because atheris cannot be installed: {error}") from None
    if not find_clang():
        print("SKIPPED: without clang the extension's branches do not count; no sanitizers run")
        workshop.build("plain")
        return workshop, [None]
    for sanitizer in (UBSAN, ASAN):
        clang = {"CC": "clang", "LDSHARED": "clang -shared", "CFLAGS": sanitizer.flags}
        workshop.build(sanitizer.name, **clang)
    return workshop, [*[UBSAN] * (ASAN_EVERY - 1), ASAN]


class Tally:
    """The figures of a target's rounds."""

    def __init__(self) -> None:
        self.executions = 0
        self.seconds = 0.0
        self.reached = ""
        self.find = ""

    def count(self, output: str, seconds: float, both_twins_count: bool) -> None:
        """Add a round; its coverage is kept if the branches of both twins counted in it."""
        executed = re.findall(r"number_of_executed_units: (\d+)", output)
        reached = re.findall(r"(cov: \d+ ft: \d+) corp", output)
        self.executions += int(executed[-1]) if executed else 0
        self.seconds += seconds
        self.reached = reached[-1] if reached and both_twins_count else self.reached


def fuzz(
    workshop: Workshop, builds: list[Sanitizer | None], target: str, seconds: float, found: Path
) -> Tally:
    """Fuzz a target in rounds until a find; inputs that reach something new go into `found`."""
    tally = Tally()
    for build in cycle(builds):
        if tally.seconds >= seconds or tally.find:
            return tally
        started = time.monotonic()
        try:
            output = fuzz_round(workshop, build, target, seconds - tally.seconds, found)
        except Failed as error:
            output = tally.find = str(error)
        tally.count(output, time.monotonic() - started, build is not ASAN)
        name = build.name if build else "no sanitizer"
        print(f"{target}, {tally.seconds:.0f} s ({name}): {tally.executions:,} runs", flush=True)
    return tally


def fuzz_round(
    workshop: Workshop, build: Sanitizer | None, target: str, seconds: float, found: Path
) -> str:
    """Fuzz in one process, and return its output."""
    FINDS.mkdir(parents=True, exist_ok=True)
    return workshop.run_harness(
        target,
        build,
        f"-max_total_time={max(int(min(ROUND, seconds)), 5)}",
        f"-max_len={corpus.LONGEST[target]}",
        f"-dict={DICTIONARY}",
        f"-timeout={SLOWEST}",
        f"-artifact_prefix={FINDS}/{target}-",
        "-print_final_stats=1",
        "-rss_limit_mb=4096",
        "-detect_leaks=0",  # the programs in tests/isolated look for leaks
        found,
        seeds_of(workshop, target),
    )


def seeds_of(workshop: Workshop, target: str) -> Path:
    """A folder with the inputs that are not kept, but made."""
    folder = workshop.folder / f"seeds-{target}"
    if not folder.exists():
        write(folder, corpus.seeds(target))
    return folder


def write(folder: Path, inputs: Iterable[bytes]) -> None:
    """Write each input into a file of the folder."""
    folder.mkdir(exist_ok=True)
    for number, data in enumerate(inputs):
        (folder / f"{number:05}").write_bytes(data)


def minimise(workshop: Workshop, build: Sanitizer | None, target: str, found: Path) -> list[bytes]:
    """The fewest of the inputs that together reach everything that all of them reach."""
    kept = workshop.folder / f"kept-{target}"
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir()
    longest = f"-max_len={corpus.LONGEST[target]}"
    seeds = seeds_of(workshop, target)
    workshop.run_harness(target, build, "-merge=1", longest, kept, found, seeds)
    return [path.read_bytes() for path in kept.iterdir()]


def print_coverage(workshop: Workshop) -> None:
    """Replay the kept inputs of all targets, and print which lines of each twin they run."""
    if not (shutil.which("gcc") and shutil.which("gcov")):
        print("SKIPPED: without gcc and gcov the lines that run are not counted")
        return
    built = workshop.folder / "gcov"
    shutil.rmtree(built, ignore_errors=True)
    build_for_gcov(workshop, built)
    data = str(workshop.folder / "coverage")
    for target in MINUTES:
        inputs = workshop.folder / f"replayed-{target}"
        shutil.rmtree(inputs, ignore_errors=True)
        write(inputs, corpus.load(target).values())
        started = time.monotonic()
        must_run(
            ROOT,
            *(workshop.python, "-m", "coverage", "run", "-p", "--include=*/_pure/*.py"),
            *(HARNESS, target, "--replay", inputs),
            PYTHONPATH=str(built),
            COVERAGE_FILE=data,
        )
        print(f"{target}: {len(corpus.load(target))} inputs in {time.monotonic() - started:.0f} s")
    coverage = (workshop.python, "-m", "coverage")
    must_run(ROOT, *coverage, "combine", workshop.folder, COVERAGE_FILE=data)
    report = must_run(ROOT, *coverage, "report", "-m", COVERAGE_FILE=data)
    print("\n".join(line for line in report.splitlines() if ".py" in line))
    lines = must_run(ROOT, "gcov", "--json-format", "-t", "-o", built, built / f"{EXTENSION}.c")
    for path in sorted((ROOT / "ext").glob("*.[hp]*")):
        print_lines_run(lines, path)


def build_for_gcov(workshop: Workshop, into: Path) -> None:
    """The package with an extension that counts the lines of its Cython sources and of scan.h."""
    shutil.copytree(ROOT / "src", into, ignore=shutil.ignore_patterns("*.so", "*.egg-info"))
    c = into / f"{EXTENSION}.c"
    cython = (workshop.python, "-m", "cython", "-3", "--line-directives")
    must_run(ROOT, *cython, SOURCE, "-o", c)
    ask = "import sysconfig as s; print(s.get_path('include'), s.get_config_var('EXT_SUFFIX'))"
    include, suffix = must_run(ROOT, workshop.python, "-c", ask).split()
    compiled = into / f"{EXTENSION}.o"
    must_run(
        ROOT,
        *("gcc", "-O0", "--coverage", "-fPIC", "-c", c, "-o", compiled),
        *("-I", include, "-I", ROOT / "ext"),
    )
    module = into / "amistream" / f"{EXTENSION}{suffix}"
    must_run(ROOT, "gcc", "-shared", "--coverage", compiled, "-o", module)


def print_lines_run(gcov: str, path: Path) -> None:
    """Print how many lines of the file gcov's JSON counts, and which of them did not run.

    Cython counts lines of its own code to the file too, with numbers beyond the file's end.
    """
    last = len(path.read_text().splitlines())
    lines: dict[int, int] = {}
    for file in json.loads(gcov)["files"]:
        for line in file["lines"] if file["file"].endswith(path.name) else ():
            number = line["line_number"]
            if number <= last:
                lines[number] = lines.get(number, 0) + line["count"]
    if lines:
        missed = [str(number) for number, times in sorted(lines.items()) if not times]
        share = 1 - len(missed) / len(lines)
        others = f", not {', '.join(missed)}" if missed else ""
        print(f"{path.name}: {share:.0%} of {len(lines)} lines{others}")


def shorten(output: str) -> str:
    """A command's output without libFuzzer's progress and the interpreter's own frames."""
    noise = re.compile(r"(#\d+\s+[A-Z]|\s+NEW_FUNC|INFO:|\s+#\d+ .*(Python-|pybind11|atheris))")
    return "\n".join(line for line in output.splitlines() if not noise.match(line))[-6000:]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--target", choices=MINUTES, action="append", help="what is fuzzed (default: both)"
    )
    parser.add_argument(
        "--minutes", type=float, help="for each target (default: 60 for streams, 10 for values)"
    )
    parser.add_argument("--input", type=Path, metavar="FILE", help="print and try only this input")
    parser.add_argument(
        "--work",
        type=Path,
        metavar="FOLDER",
        help="keep venv, builds and inputs there; a later run continues with them",
    )


def main(options: argparse.Namespace) -> int:
    """Fuzz the targets, or try one input, and return the exit code."""
    targets = options.target or list(MINUTES)
    if options.input and len(targets) > 1:
        options.usage_error("--input needs its --target")
    with tempfile.TemporaryDirectory() as temporary:
        folder: Path = options.work or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        return run_checks({"fuzz": partial(fuzz_or_try, folder.absolute(), targets, options)})


def fuzz_or_try(folder: Path, targets: list[str], options: argparse.Namespace) -> None:
    """Do what the options ask for."""
    workshop, builds = prepare(folder)
    try:
        if options.input:
            try_input(workshop, builds[0], targets[0], options.input.absolute())
        else:
            fuzz_all(workshop, builds, targets, options.minutes)
    except Failed as error:
        raise Failed(shorten(str(error))) from None


def try_input(workshop: Workshop, build: Sanitizer | None, target: str, path: Path) -> None:
    """Print an input and give it to both twins."""
    data = path.read_bytes()
    print("\n".join(streams.shown(data)) if target == "streams" else repr(data))
    workshop.run_harness(target, build, "--replay", path)
    print("the twins agree")


def fuzz_all(
    workshop: Workshop, builds: list[Sanitizer | None], targets: list[str], minutes: float | None
) -> None:
    """Fuzz each target, save its inputs, and print the figures."""
    for target in targets:
        found = workshop.folder / f"found-{target}"
        write(found, corpus.load(target).values())
        seconds = 60 * (MINUTES[target] if minutes is None else minutes)
        tally = fuzz(workshop, builds, target, seconds, found)
        inputs = minimise(workshop, builds[0], target, found)
        corpus.save(target, inputs)
        rate = tally.executions / (tally.seconds or 1)
        size = corpus.archive(target).stat().st_size
        print(f"{target}: {tally.executions:,} executions, {rate:.0f} a second, {tally.reached}")
        print(f"{target}: {len(inputs)} inputs kept, {size:,} bytes", flush=True)
        if tally.find:
            raise Failed(tally.find)
    print_coverage(workshop)

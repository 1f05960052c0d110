"""Fuzzes the two twins against each other, and keeps the inputs that reach something new.

    python ci/fuzz.py                               an hour of streams, ten minutes of values
    python ci/fuzz.py --target values --minutes 2   one target, shortly
    python ci/fuzz.py --minutes 0                   no fuzzing: minimise, and print the figures
    python ci/fuzz.py --target streams --input FILE tell and try one input, such as a find

The targets are in tests/fuzz. The same bytes go to the compiled and to the pure twin; what they
tell is compared, and with the slow judge. atheris leads: it counts the pure twin's branches, and
those of the extension if clang builds it. Three rounds of four run with UBSan; the fourth with
ASan, where only the extension counts. Fuzzing starts with what tests/fuzz/corpus-TARGET.zip keeps
and with pieces of the captures. At the end the inputs are minimised and written back to the
archive, whose inputs the tests replay; commit it.

A find ends the run with exit code 1, after what was reached is kept; it names the file with the
input. Mend it, add a test that tells it, and go on. Without clang or atheris it says SKIPPED, and
what is lost by that.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
TESTS = ROOT / "tests"
HARNESS = TESTS / "fuzz" / "harness.py"
DICTIONARY = TESTS / "fuzz" / "ami.dict"
MINUTES = {"streams": 60.0, "values": 10.0}
ROUND = 300
"""Seconds. A process has room for the shapes of 1024 events; a new one learns anew."""
ASAN_EVERY = 4
SLOWEST = 20
"""Seconds that one input may take."""

sys.path.insert(0, str(TESTS))

from fuzz import corpus, streams  # noqa: E402


class Sanitizer(NamedTuple):
    """A build of the extension: its compiler's flags, what must be preloaded, and settings."""

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
    # Python frees nothing of its own at exit.
    {"ASAN_OPTIONS": "detect_leaks=0", "FUZZ_PYTHON": "0", "PYTHONMALLOC": "malloc"},
)


class Failed(Exception):  # noqa: N818 - it tells the fact
    """A command did not end well; its output."""


def must(*command: str | Path, **variables: str) -> str:
    """The output of a command that has to succeed."""
    kept = {name: value for name, value in os.environ.items() if "AMISTREAM" not in name}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=ROOT,
        env={**kept, **variables},
        text=True,
        errors="replace",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if done.returncode != 0:
        raise Failed(f"{' '.join(map(str, command))} gave {done.returncode}:\n{done.stdout}")
    return done.stdout


class Workshop:
    """A folder with a venv that has atheris, and a build of the package for each sanitizer."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.python = folder / "venv" / "bin" / "python"
        self.source = digest(ROOT / "ext", ROOT / "src")
        if not self.python.exists():
            must(sys.executable, "-m", "venv", folder / "venv")
            self.pip("atheris>=2.3", "coverage>=7", "cython>=3.1")
        site = "import sysconfig; print(sysconfig.get_path('platlib'))"
        self.site = Path(must(self.python, "-c", site).strip())

    def pip(self, *what: str | Path, **variables: str) -> None:
        must(self.python, "-m", "pip", "install", "-q", *what, **variables)

    def build(self, name: str, **variables: str) -> None:
        """Build the package into a folder of its own, unless that was done."""
        if self.package(name).exists():
            return
        tree = self.folder / f"tree-{name}-{self.source}"
        ignored = shutil.ignore_patterns(".git", ".venv", "build", "dist", "*.so", "*.egg-info")
        shutil.copytree(ROOT, tree, ignore=ignored)
        into = self.package(name)
        self.pip("--no-deps", "--target", into, tree, AMISTREAM_REQUIRE_EXTENSIONS="1", **variables)

    def package(self, name: str) -> Path:
        return self.folder / f"package-{name}-{self.source}"

    def harness(self, target: str, sanitizer: Sanitizer | None, *arguments: str | Path) -> str:
        """Run the harness on one of the builds; its output."""
        name = sanitizer.name if sanitizer else "plain"
        launcher = self.folder / f"run-{target}"
        launcher.write_text(f'#!/bin/sh\nexec "{self.python}" "{HARNESS}" {target} "$@"\n')
        launcher.chmod(0o755)
        variables = {"PYTHONPATH": str(self.package(name)), "FUZZ_LAUNCHER": str(launcher)}
        if sanitizer:
            variables |= {"LD_PRELOAD": str(self.site / sanitizer.preload), **sanitizer.variables}
        return must(self.python, HARNESS, target, *arguments, **variables)


def digest(*folders: Path) -> str:
    """A short name for what the folders' texts say."""
    texts = sorted(path for folder in folders for path in folder.rglob("*.[ph]*"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in texts)).hexdigest()[:8]


def find_clang() -> bool:
    """Whether there is a clang; Debian's is taken where there is none."""
    if not shutil.which("clang") and shutil.which("apt-get"):
        install = ["apt-get", "install", "-y", "-q", "clang"]
        subprocess.run(install, stdout=subprocess.DEVNULL, check=False)
    return shutil.which("clang") is not None


def prepare(folder: Path) -> tuple[Workshop, list[Sanitizer | None]] | None:
    """A workshop and its builds, in the order that they take turns; None without atheris."""
    try:
        workshop = Workshop(folder)
    except Failed as error:
        print(f"SKIPPED: nothing is fuzzed, atheris cannot be had here:\n{error}")
        return None
    if not find_clang():
        print("SKIPPED: there is no clang: the extension's coverage does not count, no sanitizers")
        workshop.build("plain")
        return workshop, [None]
    for sanitizer in (UBSAN, ASAN):
        clang = {"CC": "clang", "LDSHARED": "clang -shared", "CFLAGS": sanitizer.flags}
        workshop.build(sanitizer.name, **clang)
    return workshop, [*[UBSAN] * (ASAN_EVERY - 1), ASAN]


class Tally:
    """What the rounds of a target came to."""

    def __init__(self) -> None:
        self.executions = 0
        self.seconds = 0.0
        self.reached = ""
        self.find = ""

    def count(self, said: str, seconds: float, is_led: bool) -> None:
        """Count a round; `is_led` if both twins' coverage counted in it."""
        executed = re.findall(r"number_of_executed_units: (\d+)", said)
        reached = re.findall(r"(cov: \d+ ft: \d+) corp", said)
        self.executions += int(executed[-1]) if executed else 0
        self.seconds += seconds
        self.reached = reached[-1] if reached and is_led else self.reached


def fuzz(
    workshop: Workshop, builds: list[Sanitizer | None], target: str, seconds: float, found: Path
) -> Tally:
    """Fuzz a target in rounds until a find; what reaches something new is put into `found`."""
    tally = Tally()
    for build in cycle(builds):
        if tally.seconds >= seconds or tally.find:
            return tally
        started = time.monotonic()
        try:
            said = fuzz_round(workshop, build, target, seconds - tally.seconds, found)
        except Failed as error:
            said = tally.find = str(error)
        tally.count(said, time.monotonic() - started, build is not ASAN)
        name = build.name if build else "no sanitizer"
        print(f"{target}, {tally.seconds:.0f} s ({name}): {tally.executions:,} runs", flush=True)
    return tally


def fuzz_round(
    workshop: Workshop, build: Sanitizer | None, target: str, seconds: float, found: Path
) -> str:
    finds = ROOT / "build" / "finds"
    finds.mkdir(parents=True, exist_ok=True)
    return workshop.harness(
        target,
        build,
        f"-max_total_time={max(int(min(ROUND, seconds)), 5)}",
        f"-max_len={corpus.LONGEST[target]}",
        f"-dict={DICTIONARY}",
        f"-timeout={SLOWEST}",
        f"-artifact_prefix={finds}/{target}-",
        "-print_final_stats=1",
        "-rss_limit_mb=4096",
        "-detect_leaks=0",  # tests/isolated has the leak programs
        found,
        seeds_of(workshop, target),
    )


def seeds_of(workshop: Workshop, target: str) -> Path:
    folder = workshop.folder / f"seeds-{target}"
    if not folder.exists():
        write(folder, corpus.seeds(target))
    return folder


def write(folder: Path, inputs: Iterable[bytes]) -> None:
    folder.mkdir(exist_ok=True)
    for number, one in enumerate(inputs):
        (folder / f"{number:05}").write_bytes(one)


def minimise(workshop: Workshop, build: Sanitizer | None, target: str, found: Path) -> list[bytes]:
    """The fewest of the inputs that reach all that they reach together."""
    kept = workshop.folder / f"kept-{target}"
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir()
    longest = f"-max_len={corpus.LONGEST[target]}"
    workshop.harness(target, build, "-merge=1", longest, kept, found, seeds_of(workshop, target))
    return [path.read_bytes() for path in kept.iterdir()]


def print_coverage(workshop: Workshop) -> None:
    """Replay what is kept of all targets, and print which lines of each twin that runs."""
    if not (shutil.which("gcc") and shutil.which("gcov")):
        print("SKIPPED: there is no gcc with gcov: the lines that are run are not counted")
        return
    built = workshop.folder / "gcov"
    shutil.rmtree(built, ignore_errors=True)
    build_for_gcov(workshop, built)
    data = workshop.folder / "coverage"
    for target in MINUTES:
        inputs = workshop.folder / f"replayed-{target}"
        shutil.rmtree(inputs, ignore_errors=True)
        write(inputs, corpus.load(target).values())
        started = time.monotonic()
        must(
            *(workshop.python, "-m", "coverage", "run", "-p", "--include=*/_pure/*.py"),
            *(HARNESS, target, "--replay", inputs),
            PYTHONPATH=str(built),
            COVERAGE_FILE=str(data),
        )
        print(f"{target}: {len(corpus.load(target))} inputs in {time.monotonic() - started:.0f} s")
    must(workshop.python, "-m", "coverage", "combine", built.parent, COVERAGE_FILE=str(data))
    said = must(workshop.python, "-m", "coverage", "report", "-m", COVERAGE_FILE=str(data))
    print("\n".join(line for line in said.splitlines() if "_pure" in line))
    said = must("gcov", "--json-format", "-t", "-o", built, built / "_compiled.c")
    for name in (*sorted(path.name for path in (ROOT / "ext").glob("*.p[yx][xi]")), "scan.h"):
        print(lines_run(said, ROOT / "ext" / name))


def build_for_gcov(workshop: Workshop, into: Path) -> None:
    """The package with an extension that counts the lines of its Cython text and of scan.h."""
    shutil.copytree(ROOT / "src", into, ignore=shutil.ignore_patterns("*.so", "*.egg-info"))
    source = into / "_compiled.c"
    must(
        workshop.python,
        "-m",
        "cython",
        "-3",
        "--line-directives",
        ROOT / "ext" / "_compiled.pyx",
        "-o",
        source,
    )
    told = "import sysconfig as s; print(s.get_path('include'), s.get_config_var('EXT_SUFFIX'))"
    include, suffix = must(workshop.python, "-c", told).split()
    module = into / "amistream" / f"_compiled{suffix}"
    must(
        *("gcc", "-O0", "--coverage", "-fPIC", "-c", source, "-o", into / "_compiled.o"),
        *("-I", include, "-I", ROOT / "ext"),
    )
    must("gcc", "-shared", "--coverage", into / "_compiled.o", "-o", module)


def lines_run(said: str, path: Path) -> str:
    """Of gcov's JSON, how many lines of a file were run, and which were not.

    Cython counts its own texts' lines to the file too, by numbers that it may not have.
    """
    last = len(path.read_text().splitlines())
    lines: dict[int, int] = {}
    for file in json.loads(said)["files"]:
        for line in file["lines"] if file["file"].endswith(path.name) else ():
            at = line["line_number"]
            if at <= last:
                lines[at] = lines.get(at, 0) + line["count"]
    missed = [str(at) for at, times in sorted(lines.items()) if not times]
    share = 1 - len(missed) / len(lines)
    return f"{path.name}: {share:.0%} of {len(lines)} lines, not {', '.join(missed)}"


def shortened(said: str) -> str:
    """What a command said, without libFuzzer's progress and the interpreter's own frames."""
    noise = re.compile(r"(#\d+\s+[A-Z]|\s+NEW_FUNC|INFO:|\s+#\d+ .*(Python-|pybind11|atheris))")
    return "\n".join(line for line in said.splitlines() if not noise.match(line))[-6000:]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--target", choices=MINUTES, action="append", help="what is fuzzed; both if not given"
    )
    parser.add_argument(
        "--minutes", type=float, help="for each target; 60 for streams, 10 for values if not given"
    )
    parser.add_argument("--input", type=Path, metavar="FILE", help="tell and try only this input")
    parser.add_argument(
        "--work", type=Path, metavar="FOLDER", help="keep venv, builds and inputs there, to go on"
    )
    chosen = parser.parse_args()
    targets = chosen.target or list(MINUTES)
    if chosen.input and len(targets) > 1:
        parser.error("--input needs its --target")
    with tempfile.TemporaryDirectory() as temporary:
        folder = chosen.work or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        prepared = prepare(folder)
        if prepared is None:
            return
        try:
            if chosen.input:
                try_input(prepared[0], prepared[1][0], targets[0], chosen.input)
            else:
                fuzz_all(*prepared, targets, chosen.minutes)
        except Failed as error:
            raise SystemExit(shortened(str(error))) from None


def try_input(workshop: Workshop, build: Sanitizer | None, target: str, path: Path) -> None:
    data = path.read_bytes()
    print("\n".join(streams.shown(data)) if target == "streams" else repr(data))
    workshop.harness(target, build, "--replay", path)
    print("the twins agree")


def fuzz_all(
    workshop: Workshop, builds: list[Sanitizer | None], targets: list[str], minutes: float | None
) -> None:
    for target in targets:
        found = workshop.folder / f"found-{target}"
        write(found, corpus.load(target).values())
        given = MINUTES[target] if minutes is None else minutes
        tally = fuzz(workshop, builds, target, 60 * given, found)
        inputs = minimise(workshop, builds[0], target, found)
        corpus.save(target, inputs)
        rate = tally.executions / (tally.seconds or 1)
        size = corpus.archive(target).stat().st_size
        print(f"{target}: {tally.executions:,} executions, {rate:.0f} a second, {tally.reached}")
        print(f"{target}: {len(inputs)} inputs kept, {size:,} bytes", flush=True)
        if tally.find:
            raise Failed(tally.find)
    print_coverage(workshop)


if __name__ == "__main__":
    main()

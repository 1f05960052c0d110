"""Fuzzes ext/scan.h with libFuzzer, and replays the kept inputs in every build that can run here.

    python -m ci.safety scanner                 replay the kept inputs: a minute
    python -m ci.safety scanner --minutes 10    first fuzz each of the two paths for ten minutes

tests/fuzz/scan.c compares every function of ext/scan.h with a reference that reads byte by byte.
clang builds it as a libFuzzer target with AddressSanitizer and UBSan: once with SSE2 or NEON,
whichever this machine has, and once portable. New inputs are minimised and go into
tests/fuzz/corpus-scan.zip: commit it. An input that fails stays in the current folder.

The replay takes these inputs and some 200,000 short texts that lie across the end of a block. It
runs builds of gcc and clang, optimised and with sanitizers, and 32-bit, big-endian and NEON builds
under qemu where the cross-compilers are installed. A build that cannot run here is reported as
SKIPPED.

On Debian: apt-get install clang qemu-user gcc-i686-linux-gnu gcc-{s390x,aarch64}-linux-gnu
gcc-arm-linux-gnueabihf
"""

from __future__ import annotations

import argparse
import re
import subprocess
import tempfile
import zipfile
from functools import partial
from pathlib import Path
from typing import NamedTuple

from ci.checkout import ROOT, Failed, must_run, require, require_tools, run_checks

SOURCE = ROOT / "tests" / "fuzz" / "scan.c"
CORPUS = ROOT / "tests" / "fuzz" / "corpus-scan.zip"
PORTABLE = "-DAMISTREAM_PORTABLE"
PATHS = {"default": "", "portable": PORTABLE}
SANITIZED = "-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all"
LONGEST_INPUT = 400
WORDS = (r"\x0d\x0a", r"\x0d\x0a\x0d\x0a", r"\x0a\x0a", ":", ": ", r"\x09", r" x\x0d\x0a", r"\xff")


class Build(NamedTuple):
    """How the program is built and run."""

    compiler: str
    flags: str
    emulator: str = ""


BUILDS = (
    Build("gcc", "-O3"),
    Build("gcc", f"-O3 {PORTABLE}"),
    Build("gcc", SANITIZED),
    Build("gcc", f"{SANITIZED} {PORTABLE}"),
    Build("clang", "-O3"),
    Build("clang", f"{SANITIZED} {PORTABLE}"),
    Build("i686-linux-gnu-gcc", "-static -O2"),
    Build("i686-linux-gnu-gcc", "-static -O2 -msse2"),
    Build("s390x-linux-gnu-gcc", "-static -O2", "qemu-s390x"),
    Build("aarch64-linux-gnu-gcc", "-static -O2", "qemu-aarch64"),
    Build("arm-linux-gnueabihf-gcc", "-static -O2", "qemu-arm"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--minutes", type=float, default=0, help="fuzz each path for so long")


def main(options: argparse.Namespace) -> int:
    """Fuzz if asked to, then replay, and return the exit code."""
    checks = {f"replay {build.compiler} {build.flags}": partial(replay, build) for build in BUILDS}
    if options.minutes:
        return run_checks({"fuzz": partial(fuzz, options.minutes), **checks})
    return run_checks(checks)


def compile_program(compiler: str, flags: str, program: Path) -> Path:
    """Compile the program, or with -fsanitize=fuzzer the target; every warning is an error."""
    strict = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"]
    must_run(ROOT, compiler, *strict, *flags.split(), f"-I{ROOT / 'ext'}", SOURCE, "-o", program)
    return program


def unpack_corpus(folder: Path) -> Path:
    """A folder with the kept inputs."""
    corpus = folder / "corpus"
    corpus.mkdir()
    if CORPUS.exists():
        with zipfile.ZipFile(CORPUS) as archive:
            archive.extractall(corpus)
    return corpus


def save_corpus(inputs: Path) -> None:
    """Write the archive; the same inputs make the same bytes."""
    with zipfile.ZipFile(CORPUS, "w") as archive:
        texts = sorted(path.read_bytes() for path in inputs.iterdir())
        for number, text in enumerate(texts):
            entry = zipfile.ZipInfo(f"{number:04}")
            archive.writestr(entry, text, zipfile.ZIP_DEFLATED, 9)
    print(f"kept {len(texts)} inputs, {CORPUS.stat().st_size // 1024} KiB", flush=True)


def fuzz(minutes: float) -> None:
    """Fuzz both paths, and keep the inputs that reach something new."""
    require_tools("clang")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        dictionary = folder / "words"
        dictionary.write_text("".join(f'"{word}"\n' for word in WORDS))
        corpus = unpack_corpus(folder)
        for path, flag in PATHS.items():
            flags = f"-O2 -g -fsanitize=fuzzer,address,undefined {flag} -DAMISTREAM_FUZZER"
            target = compile_program("clang", f"{flags} -fno-sanitize-recover=all", folder / path)
            limits = [f"-max_total_time={minutes * 60:.0f}", f"-max_len={LONGEST_INPUT}"]
            done = subprocess.run(
                [target, *limits, f"-dict={dictionary}", "-print_final_stats=1", corpus],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                check=False,
            )
            print(f"{path}: {summary(done.stderr)}", flush=True)
            require(done.returncode == 0, done.stderr[-4000:])
        minimised = folder / "minimised"
        minimised.mkdir()
        for path in PATHS:
            must_run(ROOT, folder / path, "-merge=1", minimised, corpus)
        save_corpus(minimised)


def summary(log: str) -> str:
    """libFuzzer's figures: how many inputs it ran, and what they reach."""
    figures = dict(re.findall(r"stat::(\w+): +(\d+)", log))
    reached = re.findall(r"cov: (\d+) ft: (\d+) corp: (\d+)", log)
    edges, features, inputs = reached[-1] if reached else ("?", "?", "?")
    return (
        f"{int(figures.get('number_of_executed_units', 0)):,} inputs run, "
        f"{figures.get('average_exec_per_sec', '?')} a second; "
        f"{inputs} of them reach {edges} edges, {features} features"
    )


def replay(build: Build) -> None:
    """Run the program on the kept inputs, and on its own texts; it must find no difference."""
    require_tools(build.compiler, build.emulator)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        inputs = sorted(unpack_corpus(folder).iterdir())
        program = compile_program(build.compiler, build.flags, folder / "scan")
        command = [*([build.emulator] if build.emulator else []), str(program)]
        for arguments in ([], inputs):
            done = subprocess.run(
                [*command, *arguments], capture_output=True, text=True, check=False
            )
            if done.returncode != 0:
                raise Failed(done.stderr)
            print(done.stdout.strip(), flush=True)

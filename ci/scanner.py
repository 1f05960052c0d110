"""Fuzzes ext/scan.h with libFuzzer, and replays what that found wherever it can.

    python ci/scanner.py                 replay the kept inputs: a minute
    python ci/scanner.py --minutes 10    before it fuzz each of the two paths for so long

tests/fuzz/scan.c holds every function of ext/scan.h against a reference that goes byte by byte.
clang builds it as a libFuzzer target with AddressSanitizer and UBSan, once for SSE2 or NEON,
whichever this machine has, and once portable. What is new goes, minimised, into
tests/fuzz/corpus-scan.zip: commit it. An input that fails is left in the current folder.

Replayed are those inputs, and with them some 200,000 short texts that lie across a block's end: as
gcc's and clang's optimiser have it, under the sanitizers, and with the cross-compilers and qemu
that are installed in 32 bits, big-endian and on NEON. What is not here is told as SKIPPED.

On Debian: apt-get install clang qemu-user gcc-i686-linux-gnu gcc-{s390x,aarch64}-linux-gnu
gcc-arm-linux-gnueabihf

Exit codes: 0 all is well; 1 a function differs from its reference, or a sanitizer complained;
2 the command is not usable.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "tests" / "fuzz" / "scan.c"
CORPUS = ROOT / "tests" / "fuzz" / "corpus-scan.zip"
PORTABLE = "-DAMISTREAM_PORTABLE"
PATHS = {"default": "", "portable": PORTABLE}
SANITIZED = "-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all"
LONGEST_INPUT = 400
WORDS = (r"\x0d\x0a", r"\x0d\x0a\x0d\x0a", r"\x0a\x0a", ":", ": ", r"\x09", r" x\x0d\x0a", r"\xff")


class Replay(NamedTuple):
    """A way to build and to run the program."""

    compiler: str
    flags: str
    emulator: str = ""


REPLAYS = (
    Replay("gcc", "-O3"),
    Replay("gcc", f"-O3 {PORTABLE}"),
    Replay("gcc", SANITIZED),
    Replay("gcc", f"{SANITIZED} {PORTABLE}"),
    Replay("clang", "-O3"),
    Replay("clang", f"{SANITIZED} {PORTABLE}"),
    Replay("i686-linux-gnu-gcc", "-static -O2"),
    Replay("i686-linux-gnu-gcc", "-static -O2 -msse2"),
    Replay("s390x-linux-gnu-gcc", "-static -O2", "qemu-s390x"),
    Replay("aarch64-linux-gnu-gcc", "-static -O2", "qemu-aarch64"),
    Replay("arm-linux-gnueabihf-gcc", "-static -O2", "qemu-arm"),
)


def compiled(compiler: str, flags: str, into: Path) -> Path:
    """The program, or with -fsanitize=fuzzer the target; every warning is an error."""
    strict = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"]
    command: list[str | Path] = [compiler, *strict]
    command += [*flags.split(), f"-I{ROOT / 'ext'}", SOURCE, "-o", into]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{compiler} {flags} failed:\n{done.stderr}")
    return into


def kept(folder: Path) -> Path:
    """A folder of the kept inputs."""
    into = folder / "corpus"
    into.mkdir()
    if CORPUS.exists():
        with zipfile.ZipFile(CORPUS) as archive:
            archive.extractall(into)
    return into


def keep(inputs: Path) -> None:
    """Write the archive; the same inputs make the same bytes."""
    with zipfile.ZipFile(CORPUS, "w") as archive:
        texts = sorted(path.read_bytes() for path in inputs.iterdir())
        for number, text in enumerate(texts):
            entry = zipfile.ZipInfo(f"{number:04}")
            archive.writestr(entry, text, zipfile.ZIP_DEFLATED, 9)
    print(f"kept {len(texts)} inputs, {CORPUS.stat().st_size // 1024} KiB", flush=True)


def fuzz(folder: Path, minutes: float) -> bool:
    """Fuzz both paths, keep what is new; whether nothing failed."""
    if shutil.which("clang") is None:
        print("SKIPPED: clang is not installed, nothing was fuzzed")
        return True
    dictionary = folder / "words"
    dictionary.write_text("".join(f'"{word}"\n' for word in WORDS))
    corpus = kept(folder)
    fine = True
    for name, flag in PATHS.items():
        flags = f"-O2 -g -fsanitize=fuzzer,address,undefined {flag} -DAMISTREAM_FUZZER"
        target = compiled("clang", f"{flags} -fno-sanitize-recover=all", folder / name)
        limits = [f"-max_total_time={minutes * 60:.0f}", f"-max_len={LONGEST_INPUT}"]
        command: list[str | Path] = [target, *limits, f"-dict={dictionary}"]
        command += ["-print_final_stats=1", corpus]
        done = subprocess.run(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False
        )
        print(f"{name}: {told(done.stderr)}", flush=True)
        if done.returncode:
            print(done.stderr[-4000:])
            fine = False
    if fine:
        minimised = folder / "minimised"
        minimised.mkdir()
        for name in PATHS:
            target = folder / name
            subprocess.run([target, "-merge=1", minimised, corpus], capture_output=True, check=True)
        keep(minimised)
    shutil.rmtree(corpus)
    return fine


def told(log: str) -> str:
    """libFuzzer's figures: how many inputs it ran, and what those reach."""
    figures = dict(re.findall(r"stat::(\w+): +(\d+)", log))
    reached = re.findall(r"cov: (\d+) ft: (\d+) corp: (\d+)", log)
    edges, features, inputs = reached[-1] if reached else ("?", "?", "?")
    return (
        f"{int(figures.get('number_of_executed_units', 0)):,} inputs run, "
        f"{figures.get('average_exec_per_sec', '?')} a second; "
        f"{inputs} of them reach {edges} edges, {features} features"
    )


def replay(folder: Path) -> bool:
    """Whether the program is content with the kept inputs in every build that can be had here."""
    inputs = sorted(kept(folder).iterdir())
    fine = True
    for way in REPLAYS:
        shown = f"{way.compiler} {way.flags}"
        lacking = [tool for tool in (way.compiler, way.emulator) if tool and not shutil.which(tool)]
        if lacking:
            print(f"SKIPPED: {shown}: {' and '.join(lacking)} not installed")
            continue
        program = compiled(way.compiler, way.flags, folder / "scan")
        command = [*([way.emulator] if way.emulator else []), str(program)]
        for arguments in ([], inputs):
            done = subprocess.run(
                [*command, *arguments], capture_output=True, text=True, check=False
            )
            fine = fine and done.returncode == 0
            print(f"{shown}: {done.stdout.strip() or f'FAILED: {done.stderr}'}", flush=True)
    return fine


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="ci/scanner.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--minutes", type=float, default=0, help="fuzz each path for so long")
    minutes = parser.parse_args().minutes
    if sys.platform != "linux" or os.uname().machine != "x86_64":
        print("some of the replays are told for Linux on x86-64 only", file=sys.stderr)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fine = not minutes or fuzz(folder, minutes)
        return 0 if replay(folder) and fine else 1


if __name__ == "__main__":
    sys.exit(main())

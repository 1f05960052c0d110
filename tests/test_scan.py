"""The C scanner alone: compiles fuzz/scan.c for this machine and as portable C, and runs it."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sysconfig
import zipfile
from pathlib import Path

import pytest
from support.paths import ROOT, TESTS

FUZZ = TESTS / "fuzz"
SCAN_H = ROOT / "ext" / "scan.h"
COMPILER = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")[:1]
SANITIZED = ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=undefined")
# The compiler and the program are not Python: a sanitizer for Python must not affect them.
UNDER = ("LD_PRELOAD", "ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS")
ENVIRONMENT = {key: value for key, value in os.environ.items() if key not in UNDER}

pytestmark = [
    pytest.mark.heavy,
    pytest.mark.skipif(not SCAN_H.exists(), reason="the tests run outside the tree"),
    pytest.mark.skipif(
        shutil.which(COMPILER[0]) is None, reason=f"there is no C compiler {COMPILER[0]}"
    ),
]


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env=ENVIRONMENT, capture_output=True, text=True, timeout=120, check=False
    )


def build(folder: Path, *flags: str, header: Path = SCAN_H) -> Path:
    """Compile the program with this header; skip the test if the compiler lacks the sanitizers."""
    program = folder / "scan"
    done = run(*COMPILER, "-std=c99", *flags, f"-I{header.parent}", FUZZ / "scan.c", "-o", program)
    if done.returncode and flags[: len(SANITIZED)] == SANITIZED:
        pytest.skip(f"{COMPILER[0]} has no sanitizers here")
    assert done.returncode == 0, done.stderr
    return program


@pytest.fixture
def corpus(tmp_path: Path) -> list[Path]:
    """The inputs that libFuzzer found, one file for each."""
    with zipfile.ZipFile(FUZZ / "corpus-scan.zip") as archive:
        archive.extractall(tmp_path / "corpus")
    return sorted((tmp_path / "corpus").iterdir())


@pytest.mark.parametrize("flags", [("-O3",), SANITIZED], ids=["optimised", "sanitized"])
@pytest.mark.parametrize("portable", [False, True], ids=["default", "portable"])
def test_it_scans_as_the_references(
    tmp_path: Path, corpus: list[Path], flags: tuple[str, ...], portable: bool
) -> None:
    program = build(tmp_path, *flags, *(["-DAMISTREAM_PORTABLE"] if portable else []))
    done = run(program, *corpus)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith(f": {len(corpus)} inputs\n")
    assert done.stdout.startswith("portable, ") or not portable
    if flags != SANITIZED:
        done = run(program)  # without files it checks every short text
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("text", "instead", "seen"),
    [
        ("n - at >= 64", "n - at >= 63", "ERROR: AddressSanitizer"),
        ("feed == 63 ? 0 : ", "", "shift exponent 64"),
        ("feeds >> 63 | feeds >> 62", "feeds >> 63", "ami_event_end is not as"),
    ],
)
def test_an_error_would_be_seen(
    tmp_path: Path, corpus: list[Path], text: str, instead: str, seen: str
) -> None:
    source = SCAN_H.read_text()
    assert source.count(text) == 1
    header = tmp_path / "scan.h"
    header.write_text(source.replace(text, instead))
    done = run(build(tmp_path, *SANITIZED, header=header), *corpus)
    assert done.returncode != 0
    assert seen in done.stderr

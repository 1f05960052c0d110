"""Builds amistream the ways a user may meet, each in a fresh venv, and checks what comes out.

Run from the checkout: python ci/build.py [WAY ...]; without a way, all of them.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NO_COMPILER = {"CC": "/nonexistent/cc", "CXX": "/nonexistent/c++", "LDSHARED": "/nonexistent/cc"}
# The tests of all that ext/scan.h does; the rest of the extension is the same on every path.
SCANNING = (
    *("wire", "parser", "messages", "headers", "differential", "fuzz", "scan", "core_events"),
    *("lists", "registration"),
)
# Compilers that are there and no good, as Python programs.
FAILS = "raise SystemExit('internal compiler error')"
WRITES_RUBBISH = """\
import sys
if "-o" in sys.argv:
    open(sys.argv[sys.argv.index("-o") + 1], "w").write("rubbish")
"""
FIRST_PYPY_3_10 = (7, 3, 12)


class Checkout:
    """A copy of the tree, unless there is no need of it, and a venv; gone at the end."""

    def __init__(self, folder: Path, python: Path | None = None, *, tree: bool = True) -> None:
        self.folder = folder
        self.tree = folder / "tree"
        if tree:
            ignored = shutil.ignore_patterns(".git", ".venv", "build", "dist", "*.so", "*.egg-info")
            shutil.copytree(ROOT, self.tree, ignore=ignored)
        self.use(python or Path(sys.executable))

    def use(self, python: Path) -> None:
        """Make the venv anew, of this interpreter."""
        venv = self.folder / "venv"
        subprocess.run([python, "-m", "venv", "--clear", venv], check=True)
        self.python = venv / "bin" / "python"

    def run(self, *command: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
        """The command's result; run outside the tree, so that only what is installed is found."""
        kept = {name: value for name, value in os.environ.items() if "AMISTREAM" not in name}
        return subprocess.run(
            [str(part) for part in command],
            cwd=self.folder,
            env={**kept, **variables},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )

    def must(self, *command: str | Path, **variables: str) -> str:
        """The output of a command that has to succeed."""
        done = self.run(*command, **variables)
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(map(str, command))} failed:\n{done.stdout}")
        return done.stdout

    def install(self, *what: str | Path, **variables: str) -> None:
        self.must(self.python, "-m", "pip", "install", "-q", *what, **variables)

    def sdist(self) -> Path:
        """The tree's sdist; needs the package build."""
        self.must(self.python, "-m", "build", "-q", "--sdist", "-o", self.folder, self.tree)
        (sdist,) = self.folder.glob("*.tar.gz")
        return sdist

    def wheel(self, source: Path, **variables: str) -> Path:
        into = self.folder / "wheels"
        self.must(
            self.python, "-m", "pip", "wheel", "-q", "--no-deps", "-w", into, source, **variables
        )
        (wheel,) = into.glob("*.whl")
        return wheel

    def expect_twin(self, twin: str, reason: str = "", **variables: str) -> None:
        """The installed package loads `twin`, says why, and does the main job."""
        said = self.must(self.python, "-m", "amistream", "doctor", **variables)
        assert twin in said, said
        assert reason in said, said
        stats = self.must(self.python, "-m", "amistream", "stats", "--sample", **variables)
        assert "Hangup" in stats, stats


def sdist_to_wheel(checkout: Checkout) -> None:
    """The sdist has all that a compiled wheel and the tests need."""
    checkout.install("build")
    sdist = checkout.sdist()
    wheel = checkout.wheel(sdist, AMISTREAM_REQUIRE_EXTENSIONS="1")
    assert "py3-none-any" not in wheel.name, wheel.name
    checkout.install(f"amistream[test] @ {wheel.as_uri()}")
    checkout.expect_twin("compiled")
    shutil.unpack_archive(sdist, checkout.folder)
    tests = checkout.folder / sdist.name.removesuffix(".tar.gz") / "tests"
    print(checkout.must(checkout.python, "-m", "pytest", "-q", tests).splitlines()[-1])


def pure_wheel(checkout: Checkout) -> None:
    """AMISTREAM_NO_EXTENSIONS=1 builds a wheel for every platform."""
    wheel = checkout.wheel(checkout.tree, AMISTREAM_NO_EXTENSIONS="1")
    assert wheel.name.endswith("-py3-none-any.whl"), wheel.name
    checkout.install(wheel)
    checkout.expect_twin("pure", "cannot be loaded")


def no_compiler(checkout: Checkout) -> None:
    """Without a C compiler the installation succeeds and all tests pass as pure."""
    checkout.install(f"{checkout.tree}[test]", **NO_COMPILER)
    checkout.expect_twin("pure", "cannot be loaded")
    tests = checkout.tree / "tests"
    said = checkout.must(checkout.python, "-m", "pytest", "-q", "--pure-only", tests)
    print(said.splitlines()[-1])


def no_compiler_but_required(checkout: Checkout) -> None:
    """AMISTREAM_REQUIRE_EXTENSIONS=1 makes a missing compiler an error."""
    command = (checkout.python, "-m", "pip", "install", checkout.tree)
    done = checkout.run(*command, AMISTREAM_REQUIRE_EXTENSIONS="1", **NO_COMPILER)
    assert done.returncode != 0, done.stdout
    assert "/nonexistent/cc" in done.stdout, done.stdout


def broken_compiler(checkout: Checkout) -> None:
    """With a compiler that fails, or writes what cannot be loaded, it installs and is pure."""
    compiler = checkout.folder / "cc"
    for does, reason in (FAILS, "No module named"), (WRITES_RUBBISH, "file too short"):
        compiler.write_text(f"#!{sys.executable}\n{does}")
        compiler.chmod(0o755)
        checkout.install(
            checkout.tree, "--force-reinstall", CC=str(compiler), LDSHARED=str(compiler)
        )
        checkout.expect_twin("pure", reason)


def cython_error(checkout: Checkout) -> None:
    """An error in the Cython text fails the build even where the extension is optional."""
    text = checkout.tree / "ext" / "_compiled.pyx"
    text.write_text(text.read_text() + "\ncdef int broken(:\n")
    done = checkout.run(checkout.python, "-m", "pip", "install", checkout.tree)
    assert done.returncode != 0, done.stdout
    assert "CompileError" in done.stdout, done.stdout


def portable(checkout: Checkout) -> None:
    """AMISTREAM_PORTABLE=1 builds the path without SSE2 and NEON; what scans passes its tests."""
    built = {"AMISTREAM_PORTABLE": "1", "AMISTREAM_REQUIRE_EXTENSIONS": "1"}
    checkout.install(f"{checkout.tree}[test]", **built)
    checkout.expect_twin("compiled", "portable")
    tests = [checkout.tree / "tests" / f"test_{name}.py" for name in SCANNING]
    print(checkout.must(checkout.python, "-m", "pytest", "-q", *tests).splitlines()[-1])


def pypy(checkout: Checkout) -> None:
    """On PyPy it installs as pure and all tests pass. Debian's is taken where there is none."""
    python, why = find_pypy()
    if python is None:
        print(f"SKIPPED: PyPy is not proved here: {why}")
        return
    checkout.use(python)
    checkout.install(f"{checkout.tree}[test]")
    checkout.expect_twin("pure")
    tests = checkout.tree / "tests"
    said = checkout.must(checkout.python, "-m", "pytest", "-q", "--pure-only", tests)
    print(said.splitlines()[-1])


def find_pypy() -> tuple[Path | None, str]:
    """A PyPy with Python 3.10 or newer, or why there is none."""
    if not shutil.which("pypy3") and shutil.which("apt-get"):
        said = subprocess.run(
            ["apt-cache", "policy", "pypy3"], capture_output=True, text=True, check=False
        ).stdout
        candidate = re.search(r"Candidate: (\d+)\.(\d+)\.(\d+)", said)
        if candidate is None:
            return None, "there is no pypy3, and apt knows of none"
        version = tuple(int(part) for part in candidate.groups())
        if version < FIRST_PYPY_3_10:
            shown = ".".join(map(str, version))
            return None, f"there is no pypy3, and apt's {shown} is older than Python 3.10"
        install = ["apt-get", "install", "-y", "-q", "pypy3", "pypy3-venv"]
        subprocess.run(install, stdout=subprocess.DEVNULL, check=False)
    found = shutil.which("pypy3")
    if found is None:
        return None, "there is no pypy3"
    ask = [found, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    shown = subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip()
    if tuple(map(int, shown.split("."))) < (3, 10):
        return None, f"{found} is Python {shown}, older than 3.10"
    return Path(found), ""


WAYS: dict[str, Callable[[Checkout], None]] = {
    way.__name__: way
    for way in (
        sdist_to_wheel,
        pure_wheel,
        no_compiler,
        no_compiler_but_required,
        broken_compiler,
        cython_error,
        portable,
        pypy,
    )
}


def main() -> None:
    names = sys.argv[1:] or list(WAYS)
    unknown = [name for name in names if name not in WAYS]
    if unknown:
        raise SystemExit(f"no such way: {', '.join(unknown)}; there are {', '.join(WAYS)}")
    for name in names:
        print(f"-- {name}: {WAYS[name].__doc__}", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            WAYS[name](Checkout(Path(folder)))


if __name__ == "__main__":
    main()

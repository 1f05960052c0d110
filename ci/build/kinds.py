"""Builds the package in each of the ways that a user may meet, and checks the result.

    python -m ci.build kinds                 all of them
    python -m ci.build kinds portable pypy   these only

Each kind of build gets a copy of the tree and a fresh venv.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from ci.checkout import (
    Checkout,
    Skipped,
    apt_install,
    choose,
    require,
    run_checks,
    temporary_checkout,
)

NO_COMPILER = {"CC": "/nonexistent/cc", "CXX": "/nonexistent/c++", "LDSHARED": "/nonexistent/cc"}
# Compilers that exist but do not work, as Python programs.
FAILING_COMPILER = "raise SystemExit('internal compiler error')"
RUBBISH_COMPILER = """\
import sys
if "-o" in sys.argv:
    open(sys.argv[sys.argv.index("-o") + 1], "w").write("rubbish")
"""
FIRST_PYPY_3_10 = (7, 3, 12)


def sdist_to_wheel(checkout: Checkout) -> None:
    """The sdist contains everything that a compiled wheel and the tests need."""
    checkout.install("build")
    sdist = checkout.build_sdist()
    wheel = checkout.build_wheel(sdist, AMISTREAM_REQUIRE_EXTENSIONS="1")
    require("py3-none-any" not in wheel.name, f"not a compiled wheel: {wheel.name}")
    checkout.install(f"amistream[test] @ {wheel.as_uri()}")
    checkout.expect_twin("compiled")
    shutil.unpack_archive(sdist, checkout.folder)
    source = checkout.folder / sdist.name.removesuffix(".tar.gz")
    checkout.run_tests(tests=source / "tests")


def pure_wheel(checkout: Checkout) -> None:
    """AMISTREAM_NO_EXTENSIONS=1 builds a wheel for every platform."""
    wheel = checkout.build_wheel(checkout.tree, AMISTREAM_NO_EXTENSIONS="1")
    require(wheel.name.endswith("-py3-none-any.whl"), f"not a pure wheel: {wheel.name}")
    checkout.install(wheel)
    checkout.expect_twin("pure", "cannot be loaded")


def no_compiler(checkout: Checkout) -> None:
    """Without a C compiler the installation succeeds, and the tests pass on the pure twin."""
    checkout.install(f"{checkout.tree}[test]", **NO_COMPILER)
    checkout.expect_twin("pure", "cannot be loaded")
    checkout.run_tests("--pure-only")


def no_compiler_but_required(checkout: Checkout) -> None:
    """AMISTREAM_REQUIRE_EXTENSIONS=1 makes a missing compiler an error."""
    command = (checkout.python, "-m", "pip", "install", checkout.tree)
    done = checkout.run(*command, AMISTREAM_REQUIRE_EXTENSIONS="1", **NO_COMPILER)
    require(done.returncode != 0, f"the installation succeeded:\n{done.stdout}")
    require("/nonexistent/cc" in done.stdout, f"it failed for another reason:\n{done.stdout}")


def broken_compiler(checkout: Checkout) -> None:
    """With a compiler that fails or that writes rubbish, the pure twin is installed."""
    compiler = checkout.folder / "cc"
    for program, reason in (
        (FAILING_COMPILER, "No module named"),
        (RUBBISH_COMPILER, "file too short"),
    ):
        compiler.write_text(f"#!{sys.executable}\n{program}")
        compiler.chmod(0o755)
        variables = {"CC": str(compiler), "LDSHARED": str(compiler)}
        checkout.install(checkout.tree, "--force-reinstall", **variables)
        checkout.expect_twin("pure", reason)


def cython_error(checkout: Checkout) -> None:
    """An error in the Cython source fails the build, although the extension is optional."""
    (source,) = (checkout.tree / "ext").glob("*.pyx")
    source.write_text(source.read_text() + "\ncdef int broken(:\n")
    done = checkout.run(checkout.python, "-m", "pip", "install", checkout.tree)
    require(done.returncode != 0, f"the installation succeeded:\n{done.stdout}")
    require("CompileError" in done.stdout, f"it failed for another reason:\n{done.stdout}")


def portable(checkout: Checkout) -> None:
    """AMISTREAM_PORTABLE=1 builds without SSE2 and NEON, and the tests marked `quick` pass."""
    built = {"AMISTREAM_PORTABLE": "1", "AMISTREAM_REQUIRE_EXTENSIONS": "1"}
    checkout.install(f"{checkout.tree}[test]", **built)
    checkout.expect_twin("compiled", "portable")
    checkout.run_tests("--compiled-only", "-m", "quick")


def pypy(checkout: Checkout) -> None:
    """On PyPy the pure twin is installed, and the tests pass. Debian's PyPy is the fallback."""
    checkout.make_venv(find_pypy())
    checkout.install(f"{checkout.tree}[test]")
    checkout.expect_twin("pure")
    checkout.run_tests("--pure-only")


def find_pypy() -> Path:
    """A PyPy with Python 3.10 or later."""
    if shutil.which("pypy3") is None and shutil.which("apt-get") is not None:
        command = ["apt-cache", "policy", "pypy3"]
        output = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        candidate = re.search(r"Candidate: (\d+)\.(\d+)\.(\d+)", output)
        if candidate is None:
            raise Skipped("there is no pypy3, and apt does not have it")
        if tuple(map(int, candidate.groups())) < FIRST_PYPY_3_10:
            version = ".".join(candidate.groups())
            raise Skipped(f"there is no pypy3, and apt's {version} is older than Python 3.10")
        apt_install("pypy3", "pypy3-venv")
    found = shutil.which("pypy3")
    if found is None:
        raise Skipped("there is no pypy3")
    ask = [found, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    version = subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip()
    if tuple(map(int, version.split("."))) < (3, 10):
        raise Skipped(f"{found} is Python {version}, older than 3.10")
    return Path(found)


KINDS: dict[str, Callable[[Checkout], None]] = {
    kind.__name__: kind
    for kind in (
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


def add_arguments(parser: argparse.ArgumentParser) -> None:
    shown = "".join(f"\n  {name:25} {kind.__doc__}" for name, kind in KINDS.items())
    parser.epilog = f"kinds:{shown}"
    parser.add_argument("kinds", nargs="*", metavar="KIND", help="one of those below")


def main(options: argparse.Namespace) -> int:
    """Build and check the chosen kinds, and return the exit code."""
    names = choose(options.kinds, KINDS, options)
    return run_checks({name: partial(build, name) for name in names})


def build(name: str) -> None:
    """Build one kind in a Checkout of its own."""
    kind = KINDS[name]
    print(kind.__doc__, flush=True)
    with temporary_checkout() as checkout:
        kind(checkout)

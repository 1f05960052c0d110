"""Runs tests of the compiled twin on other machines' Pythons: big-endian, and of 32 bits.

    python ci/foreign.py               every architecture of the table: 3 to 6 minutes each
    python ci/foreign.py s390x i386    these
    python ci/foreign.py --quick       the test files named in QUICK only: a minute or two each
    python ci/foreign.py --list        the table, and what each needs

Debian's own Python for the architecture is downloaded, from where this machine's apt gets its
packages, and unpacked into a temporary folder. apt keeps its lists there too: nothing is installed
and the machine's own apt is not touched. Cython's C is compiled for it by a cross-compiler, and
qemu runs that Python, or the kernel where it can.

Exit codes: 0 all is well, or SKIPPED: a line says what is missing; 1 the extension could not be
built or a test failed; 2 the command is not usable.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from build import Checkout

APT = Path("/etc/apt")
SOURCES = (APT / "sources.list.d" / "debian.sources", APT / "sources.list")
QUICK = ("wire", "headers", "messages")
TESTS = (*QUICK, "parser", "lists", "differential", "aggregates", "events", "registration")
ASK = (
    "import amistream, platform, sys; from amistream import _speedups as s; print("
    "f'Python {platform.python_version()}, {sys.byteorder}-endian,',"
    "f'{sys.maxsize.bit_length() + 1} bits, {amistream.IMPLEMENTATION}, {s.SCAN}')"
)


class Machine(NamedTuple):
    """A kind of machine: who compiles for it, and who runs it if not the kernel."""

    about: str
    compiler: str
    emulator: str = ""
    loader: str = ""


MACHINES = {
    "s390x": Machine("64 bits, big-endian", "s390x-linux-gnu-gcc", "qemu-s390x"),
    "i386": Machine("32 bits", "i686-linux-gnu-gcc", loader="lib/ld-linux.so.2"),
    "armhf": Machine("32 bits", "arm-linux-gnueabihf-gcc", "qemu-arm"),
    "arm64": Machine("64 bits, NEON", "aarch64-linux-gnu-gcc", "qemu-aarch64"),
}


class NotHereError(Exception):
    """What is needed cannot be had on this machine."""


class Foreign:
    """A folder with a machine's Python in `root`, and in `site` what it imports."""

    def __init__(self, folder: Path, architecture: str) -> None:
        self.architecture = architecture
        self.machine = MACHINES[architecture]
        self.checkout = Checkout(folder)
        self.root = folder / "root"
        self.site = folder / "site"

    def apt(self, *command: str) -> subprocess.CompletedProcess[str]:
        """apt's result; its lists and packages are in the folder, of this architecture alone."""
        state = self.checkout.folder / "apt"
        (state / "lists" / "partial").mkdir(parents=True, exist_ok=True)
        (state / "archives" / "partial").mkdir(parents=True, exist_ok=True)
        (state / "status").touch()
        sources = next((path for path in SOURCES if path.exists()), None)
        if sources is None:
            raise NotHereError("apt is not told where Debian's packages are")
        settings = {
            "APT::Architecture": self.architecture,
            "APT::Architectures": self.architecture,
            "APT::Sandbox::User": "root",
            "Debug::NoLocking": "1",
            "Dir::Cache": state,
            "Dir::Cache::archives": state / "archives",
            "Dir::Etc::sourcelist": sources,
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::State": state,
            "Dir::State::status": state / "status",
        }
        options = [part for name, value in settings.items() for part in ("-o", f"{name}={value}")]
        return self.checkout.run("apt-get", "-q", *options, *command)

    def unpack(self) -> None:
        """Let `root` hold Python, its headers and all they depend on."""
        lacking = [
            tool
            for tool in ("apt-get", "dpkg", self.machine.compiler, self.machine.emulator)
            if tool and shutil.which(tool) is None
        ]
        if lacking:
            raise NotHereError(f"{' and '.join(lacking)} not installed")
        # One of several lists may fail; whether the others suffice, the download tells.
        self.apt("update")
        wanted = ("--no-install-recommends", "python3", "libpython3-dev")
        done = self.apt("install", "-y", "--download-only", *wanted)
        if done.returncode:
            last = done.stdout.strip().splitlines()[-1]
            raise NotHereError(f"apt gives no Python for {self.architecture}: {last}")
        self.root.mkdir()
        for package in sorted((self.checkout.folder / "apt" / "archives").glob("*.deb")):
            self.checkout.must("dpkg", "-x", package, self.root)

    def program(self) -> Path:
        (python,) = self.root.glob("usr/bin/python3.[0-9]*[0-9]")
        return python

    def build(self) -> None:
        """Let `site` hold the package with its extension, and what the tests need, all Python."""
        python, tree = self.program(), self.checkout.tree
        version = python.name.removeprefix("python")
        pure = ["--only-binary=:all:", "--platform=any", "--implementation=py", "--abi=none"]
        wanted = [f"--target={self.site}", f"--python-version={version}", "pytest", "hypothesis"]
        self.checkout.install("Cython")
        self.checkout.install(*pure, *wanted)
        shutil.copytree(tree / "src" / "amistream", self.site / "amistream")
        c = self.checkout.folder / "_speedups.c"
        name = "--module-name=amistream._speedups"
        text = tree / "ext" / "_speedups.pyx"
        self.checkout.must(self.checkout.python, "-m", "cython", name, text, "-o", c)
        self.checkout.must(
            *(self.machine.compiler, "-shared", "-fPIC", "-O2", f"-I{tree / 'ext'}"),
            f"-I{self.root / 'usr' / 'include' / python.name}",
            *("-idirafter", self.root / "usr" / "include"),
            *(c, "-o", self.site / "amistream" / "_speedups.so"),
        )

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """The result of that Python's command."""
        command: list[str | Path] = [self.machine.emulator, "-L", self.root]
        if self.machine.loader:
            libraries = self.root.glob("**/lib/*-linux-gnu*")
            path = ":".join(str(folder) for folder in libraries if folder.is_dir())
            command = [self.root / self.machine.loader, "--library-path", path]
        variables = {"PYTHONPATH": str(self.site), "PYTHONDONTWRITEBYTECODE": "1"}
        variables["AMISTREAM_REQUIRE_EXTENSIONS"] = "1"
        return self.checkout.run(*command, self.program(), *arguments, **variables)

    def prove(self, names: tuple[str, ...]) -> bool:
        """Whether the tests pass."""
        asked = self.run("-c", ASK)
        print(asked.stdout.strip(), flush=True)
        options = ["-q", "-p", "no:cacheprovider", "--compiled-only", "--hypothesis-profile=few"]
        tests = [self.checkout.tree / "tests" / f"test_{name}.py" for name in names]
        done = self.run("-m", "pytest", *options, *tests)
        if done.returncode:
            print(done.stdout)
        print(done.stdout.strip().splitlines()[-1].strip("= "), flush=True)
        return asked.returncode == done.returncode == 0


def main() -> int:
    options = parse_arguments()
    if options.list:
        for name, machine in MACHINES.items():
            print(f"{name:6} {machine.about:20} {machine.compiler} {machine.emulator}")
        return 0
    fine = True
    for name in options.names or MACHINES:
        begin = time.monotonic()
        print(f"-- {name}: {MACHINES[name].about}", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            foreign = Foreign(Path(folder), name)
            try:
                foreign.unpack()
            except NotHereError as reason:
                print(f"SKIPPED: {reason}", flush=True)
                continue
            foreign.build()
            fine = foreign.prove(QUICK if options.quick else TESTS) and fine
        print(f"{name} took {time.monotonic() - begin:.0f} s", flush=True)
    return 0 if fine else 1


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="ci/foreign.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="ARCHITECTURE", help="as --list has them")
    parser.add_argument("--quick", action="store_true", help="run a part of the tests")
    parser.add_argument("--list", action="store_true", help="list the architectures, run nothing")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in MACHINES]
    if unknown:
        parser.error(f"no such architecture: {', '.join(unknown)}; there are {', '.join(MACHINES)}")
    return options


if __name__ == "__main__":
    sys.exit(main())

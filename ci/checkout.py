"""What all checks share: a copy of the tree with a venv, running commands, and how a check ends.

A check ends in one of three ways:

- it returns: all is well;
- it raises Skipped: this machine lacks something, which the text names;
- it raises Failed: the text says what is wrong.

The exit code of a command is 0 if every check returned or was skipped, and 1 if one failed. It is 2
if the arguments are wrong.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parent.parent
# Not copied with the tree: folders in the root, and names anywhere.
NOT_COPIED = {".git", ".venv", ".nox", ".hypothesis", "build", "dist"}
NEVER_COPIED = shutil.ignore_patterns("*.so", "*.pyd", "*.egg-info", "__pycache__", ".*_cache")


class Skipped(Exception):  # noqa: N818 (it is no error)
    """The check cannot run on this machine; the text says what is missing."""


class Failed(Exception):  # noqa: N818 (it is the result of the check)
    """The check found a fault; the text says which."""


def require(holds: bool, otherwise: str) -> None:
    """Fail with the text `otherwise` unless the condition holds."""
    if not holds:
        raise Failed(otherwise)


def require_tools(*names: str) -> None:
    """Skip the check unless all these programs are installed; empty names do not count."""
    missing = [name for name in names if name and shutil.which(name) is None]
    if missing:
        raise Skipped(f"not installed: {', '.join(missing)}")


def apt_install(*packages: str) -> None:
    """Try to install Debian's packages; whoever needs the programs looks for them afterwards."""
    if shutil.which("apt-get") is None:
        return
    for command in (["update", "-q"], ["install", "-y", "-q", *packages]):
        subprocess.run(
            ["apt-get", *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )


def run_checks(checks: Mapping[str, Callable[[], object]]) -> int:
    """Run the checks one after the other, also after a failure, and return the exit code."""
    failed: list[str] = []
    for name, check in checks.items():
        print(f"-- {name}", flush=True)
        begin = time.monotonic()
        try:
            check()
        except Skipped as reason:
            print(f"SKIPPED: {name}: {reason}", flush=True)
            continue
        except Failed as reason:
            print(f"FAILED: {name}: {reason}", flush=True)
            failed.append(name)
        print(f"{name} took {time.monotonic() - begin:.0f} s", flush=True)
    if failed:
        print(f"FAILED: {', '.join(failed)}", flush=True)
    return int(bool(failed))


def run_subcommand(package: str, modules: Iterable[ModuleType]) -> int:
    """Run the module that the first argument names, and return the exit code.

    A module's docstring is its help. `add_arguments(parser)` declares its options, and
    `main(options)` returns the exit code; it may call `options.usage_error(text)`.
    """
    about = sys.modules[package].__doc__
    parser = argparse.ArgumentParser(prog=f"python -m {package}", description=about)
    commands = parser.add_subparsers(metavar="CHECK", required=True)
    for module in modules:
        description = module.__doc__ or ""
        command = commands.add_parser(
            module.__name__.rpartition(".")[2],
            help=description.partition("\n")[0],
            description=description,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(command)
        command.set_defaults(main=module.main, usage_error=command.error)
    options = parser.parse_args()
    return int(options.main(options))


def choose(names: list[str], known: Iterable[str], options: argparse.Namespace) -> list[str]:
    """The names that the command line gave, or all known ones. An unknown name is a usage error."""
    every = list(known)
    unknown = [name for name in names if name not in every]
    if unknown:
        options.usage_error(f"unknown: {', '.join(unknown)}; choose from {', '.join(every)}")
    return names or every


def run(folder: Path, *command: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command in the folder, without this process's AMISTREAM variables.

    The result's `stdout` has all the output.
    """
    inherited = {name: value for name, value in os.environ.items() if "AMISTREAM" not in name}
    return subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env={**inherited, **variables},
        text=True,
        errors="replace",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )


def must_run(folder: Path, *command: str | Path, **variables: str) -> str:
    """Like `run`, but the command must succeed; return its output."""
    done = run(folder, *command, **variables)
    shown = " ".join(map(str, command))
    require(done.returncode == 0, f"{shown} exited with {done.returncode}:\n{done.stdout}")
    return done.stdout


class Checkout:
    """A folder with a copy of the tree and a venv in which the copy can be installed."""

    def __init__(self, folder: Path, python: Path | None = None, *, tree: bool = True) -> None:
        self.folder = folder
        self.tree = folder / "tree"
        if tree:
            copy_tree(self.tree)
        self.make_venv(python or Path(sys.executable))

    def make_venv(self, python: Path) -> None:
        """Make the venv, or make it again with another interpreter."""
        venv = self.folder / "venv"
        must_run(self.folder, python, "-m", "venv", "--clear", venv)
        self.python = venv / "bin" / "python"

    def run(self, *command: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command outside the tree, so that Python finds the installed package only."""
        return run(self.folder, *command, **variables)

    def must_run(self, *command: str | Path, **variables: str) -> str:
        """Like `run`, but the command must succeed; return its output."""
        return must_run(self.folder, *command, **variables)

    def install(self, *what: str | Path, **variables: str) -> None:
        """Install into the venv with pip."""
        self.must_run(self.python, "-m", "pip", "install", "-q", *what, **variables)

    def build_sdist(self) -> Path:
        """The tree's sdist; the venv needs PyPA's `build`."""
        self.must_run(self.python, "-m", "build", "-q", "--sdist", "-o", self.folder, self.tree)
        (sdist,) = self.folder.glob("*.tar.gz")
        return sdist

    def build_wheel(self, source: Path, **variables: str) -> Path:
        """The wheel of a tree or an sdist."""
        wheels = self.folder / "wheels"
        pip = (self.python, "-m", "pip", "wheel", "-q", "--no-deps")
        self.must_run(*pip, "-w", wheels, source, **variables)
        (wheel,) = wheels.glob("*.whl")
        return wheel

    def expect_twin(self, twin: str, reason: str = "", **variables: str) -> None:
        """Fail unless the installed package loads this twin, prints this reason, and works."""
        doctor = self.must_run(self.python, "-m", "amistream", "doctor", **variables)
        require(twin in doctor and reason in doctor, f"not {twin} ({reason}):\n{doctor}")
        stats = self.must_run(self.python, "-m", "amistream", "stats", "--sample", **variables)
        require("Hangup" in stats, f"`amistream stats --sample` counts no Hangup:\n{stats}")

    def run_tests(self, *arguments: str | Path, tests: Path | None = None, **variables: str) -> str:
        """Run pytest on the tree's tests or on others, which must pass; print the last line."""
        command = (self.python, "-m", "pytest", "-q", "-p", "no:cacheprovider")
        folder = tests or self.tree / "tests"
        output = self.must_run(*command, *arguments, folder, **variables)
        for line in output.splitlines():
            if line.startswith("SKIPPED"):
                print(line)
        last = last_line(output)
        print(last, flush=True)
        return last


@contextmanager
def temporary_checkout(python: Path | None = None, *, tree: bool = True) -> Iterator[Checkout]:
    """A Checkout in a temporary folder, which is removed at the end."""
    with tempfile.TemporaryDirectory() as folder:
        yield Checkout(Path(folder), python, tree=tree)


def copy_tree(destination: Path) -> None:
    """Copy the checkout without anything that was built."""

    def ignored(folder: str, names: list[str]) -> set[str]:
        in_root = NOT_COPIED & set(names) if Path(folder) == ROOT else set()
        return in_root | NEVER_COPIED(folder, names)

    shutil.copytree(ROOT, destination, ignore=ignored)


def last_line(output: str) -> str:
    """pytest's closing line, without its frame."""
    return output.strip().splitlines()[-1].strip("= ") if output.strip() else "no output"

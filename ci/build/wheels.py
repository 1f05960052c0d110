"""Builds the sdist, then from it a wheel for each CPython found here and the pure wheel.

    python -m ci.build wheels                  every CPython from 3.10 on, and the pure wheel
    python -m ci.build wheels 3.11 3.13 pure   these only; an interpreter not found is an error
    python -m ci.build wheels --quick          run the tests marked `quick` only
    python -m ci.build wheels --save dist      keep the sdist and the wheels in this folder
    python -m ci.build wheels --list           list the interpreters, build nothing

Each wheel is built from the sdist, as a user's pip does it. It must contain the same files as
src/amistream (py.typed, stubs, the sample) and, unless it is pure, the extension. Any other file
(tests, C) is an error. The wheel is installed into a fresh venv with the extra `test`. Then the
tests run as [tool.cibuildwheel] in the sdist's pyproject.toml says, beside copies of its
test-sources alone: on both twins, or on the pure twin for the pure wheel.

The CPythons are those on the PATH and those of pyenv. .github/workflows/wheels.yml builds the
wheels for other systems. Wheels built here have the tag linux_*; auditwheel prints which manylinux
they would be.

One wheel that fails does not stop the others. This check needs Python 3.11 or later for itself.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from ci.checkout import Checkout, Failed, Skipped, require, run_checks

PURE = "pure"
VERSIONS = ("3.10", "3.11", "3.12", "3.13", "3.14", "3.14t")
ASK_VERSION = (
    "import sys, sysconfig; t = 't' if sysconfig.get_config_var('Py_GIL_DISABLED') else '';"
    "print(sys.implementation.name, '%d.%d' % sys.version_info[:2] + t)"
)


class Result(NamedTuple):
    """One line of the report."""

    name: str
    outcome: str
    seconds: float
    failed: bool = False


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="VERSION", help='such as 3.11, or "pure"')
    parser.add_argument("--quick", action="store_true", help="run a part of the tests")
    parser.add_argument("--save", type=Path, metavar="FOLDER", help="keep what was built there")
    parser.add_argument("--list", action="store_true", help="list the interpreters, build nothing")


def main(options: argparse.Namespace) -> int:
    """Build and check the chosen wheels, and return the exit code."""
    pythons = dict(find_pythons())
    if options.list:
        for name, python in pythons.items():
            print(f"{name:6} {python}")
        return 0
    names = options.names or [*pythons, PURE]
    missing = [name for name in names if name != PURE and name not in pythons]
    if missing:
        found = ", ".join([*pythons, PURE])
        options.usage_error(f"not found: {', '.join(missing)}; there are {found}")
    return run_checks({"wheels": partial(check, names, pythons, options)})


def check(names: list[str], pythons: dict[str, Path], options: argparse.Namespace) -> None:
    """Build and check the chosen wheels, and print the report."""
    with tempfile.TemporaryDirectory() as folder:
        results = list(build_all(Path(folder), names, pythons, options))
    report(results, [name for name in VERSIONS if name not in pythons])
    failed = [result.name for result in results if result.failed]
    require(not failed, f"not right: {', '.join(failed)}")


def find_pythons() -> Iterator[tuple[str, Path]]:
    """The CPythons of this machine: the first of each version that starts."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for version in VERSIONS:
        on_path = shutil.which(f"python{version}")
        # pyenv's own come first: a shim on the PATH may start nothing.
        candidates = [*sorted(pyenv.glob(f"{version.rstrip('t')}.*/bin/python{version}"))[::-1]]
        candidates += [Path(on_path)] if on_path else []
        for candidate in candidates:
            done = subprocess.run(
                [candidate, "-c", ASK_VERSION], capture_output=True, text=True, check=False
            )
            if done.stdout.split() == ["cpython", version]:
                yield version, candidate
                break


def build_all(
    folder: Path, names: list[str], pythons: dict[str, Path], options: argparse.Namespace
) -> Iterator[Result]:
    """Build the sdist, then each wheel; a failure does not stop the others."""
    print("-- the sdist", flush=True)
    tools = Checkout(folder / "tools")
    tools.install("build", "auditwheel" if sys.platform == "linux" else "pip")
    sdist = tools.build_sdist()
    shutil.unpack_archive(sdist, folder)
    source = folder / sdist.name.removesuffix(".tar.gz")
    config = read_config(source)
    save(sdist, options.save)
    for name in names:
        print(f"-- {name}: {pythons.get(name, sys.executable)}", flush=True)
        begin = time.monotonic()
        try:
            with tempfile.TemporaryDirectory(dir=folder) as place:
                checkout = Checkout(Path(place), pythons.get(name), tree=False)
                outcome = build_one(checkout, name, source, config, sdist, tools, options)
        except Failed as error:
            print(error, flush=True)
            last = str(error).strip().splitlines()[-1]
            yield Result(name, f"FAILED: {last}", time.monotonic() - begin, failed=True)
        else:
            yield Result(name, outcome, time.monotonic() - begin)


def build_one(
    checkout: Checkout,
    name: str,
    source: Path,
    config: dict[str, Any],
    sdist: Path,
    tools: Checkout,
    options: argparse.Namespace,
) -> str:
    """Build a wheel, check its contents, install it and test it; return the text for the report."""
    pure = name == PURE
    variables = {"AMISTREAM_NO_EXTENSIONS": "1"} if pure else config["environment"]
    wheel = checkout.build_wheel(sdist, **variables)
    check_contents(wheel, source, name)
    save(wheel, options.save)
    about = [wheel.name, f"{wheel.stat().st_size // 1024} KiB"]
    if not pure and sys.platform == "linux":
        about.append(find_manylinux(tools, wheel))
    print(*about, sep=", ", flush=True)

    checkout.install(f"amistream[{','.join(config['test-extras'])}] @ {wheel.as_uri()}")
    variables = {} if pure else {**config["environment"], **free_threading_variables(config, name)}
    checkout.expect_twin("pure" if pure else "compiled", **variables)
    for part in config["test-sources"]:
        copy = shutil.copytree if (source / part).is_dir() else shutil.copy
        copy(source / part, checkout.folder / part)
    command = config["test-command"]
    require(command == "python -m pytest", f"test-command is not `python -m pytest`: {command}")
    arguments = [*(["--pure-only"] if pure else []), *(["-m", "quick"] if options.quick else [])]
    tests = checkout.folder / "tests"
    return ", ".join([*about, checkout.run_tests(*arguments, tests=tests, **variables)])


def read_config(source: Path) -> dict[str, Any]:
    """The table [tool.cibuildwheel] of the sdist."""
    if sys.version_info >= (3, 11):
        import tomllib

        config = tomllib.loads((source / "pyproject.toml").read_text("utf-8"))
        return dict(config["tool"]["cibuildwheel"])
    raise Skipped("this check needs Python 3.11 or later")


def check_contents(wheel: Path, source: Path, name: str) -> None:
    """The wheel contains the package as the sdist has it, and the extension unless it is pure."""
    package = source / "src" / "amistream"
    expected = {
        path.relative_to(package.parent).as_posix() for path in package.rglob("*") if path.is_file()
    }
    (extension,) = (source / "ext").glob("*.pyx")
    stub = f"amistream/{extension.stem}.pyi"
    wanted = {"amistream/py.typed", stub, "amistream/sample.ami.gz"}
    require(wanted <= expected, f"the sdist lacks {sorted(wanted - expected)}")
    with zipfile.ZipFile(wheel) as archive:
        found = {entry for entry in archive.namelist() if not entry.endswith("/")}
        metadata = {entry for entry in found if entry.split("/")[0].endswith(".dist-info")}
        (tags,) = (archive.read(entry).decode() for entry in metadata if entry.endswith("/WHEEL"))
    binaries = {entry for entry in found if re.search(r"\.(so|pyd|dylib|dll)$", entry)}
    require(expected <= found, f"the wheel lacks {sorted(expected - found)}")
    more = sorted(found - expected - metadata - binaries)
    require(not more, f"the wheel also has {more}")
    for part in ("/METADATA", "/RECORD", "/entry_points.txt", "/LICENSE"):
        present = any(entry.endswith(part) for entry in metadata)
        require(present, f"the wheel lacks its {part[1:]}")
    if name == PURE:
        require(wheel.name.endswith("-py3-none-any.whl"), f"not a pure wheel: {wheel.name}")
        require(not binaries, f"the pure wheel has {sorted(binaries)}")
        require("Root-Is-Purelib: true" in tags, tags)
        return
    abi = "cp" + name.replace(".", "")
    is_named = f"-{abi.rstrip('t')}-{abi}-" in wheel.name
    require(is_named, f"not a wheel for {name}: {wheel.name}")
    require(len(binaries) == 1, f"not exactly one extension: {sorted(binaries)}")
    is_extension = binaries.pop().startswith(f"amistream/{extension.stem}.")
    require(is_extension, "the extension has another name")
    require("Root-Is-Purelib: false" in tags, tags)


def find_manylinux(tools: Checkout, wheel: Path) -> str:
    """The oldest manylinux that the wheel would run on; it links to the C library alone."""
    output = " ".join(tools.must_run(tools.python, "-m", "auditwheel", "show", wheel).split())
    tag = re.search(r'consistent with the following platform tag: "([^"]+)"', output)
    if tag is None or not tag[1].startswith("manylinux"):
        raise Failed(f"auditwheel finds no manylinux for the wheel: {output}")
    return tag[1]


def free_threading_variables(config: dict[str, Any], name: str) -> dict[str, str]:
    """The variables that the tests of a free-threaded CPython need."""
    if not name.endswith("t"):
        return {}
    (override,) = (each for each in config["overrides"] if each["select"].startswith("cp3??t"))
    return dict(override["test-environment"])


def save(built: Path, folder: Path | None) -> None:
    """Copy the file into the folder, if one was given."""
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(built, folder)


def report(results: list[Result], absent: list[str]) -> None:
    """Print a line for each wheel, and the versions that this machine lacks."""
    print(f"\n== wheels on {platform.system()} {platform.machine()}")
    for result in results:
        print(f"{result.name:6} {result.seconds:4.0f} s  {result.outcome}")
    if absent:
        print(f"SKIPPED: not on this machine: CPython {', '.join(absent)}")

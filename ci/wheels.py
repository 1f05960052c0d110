"""Builds the sdist, of it a wheel for each CPython found here and the pure one, and proves each.

    python ci/wheels.py                  every CPython from 3.10 on, and the pure wheel
    python ci/wheels.py 3.11 3.13 pure   these only; one that is not here is an error
    python ci/wheels.py --quick          the tests named in QUICK, not all: a minute a wheel, not 5
    python ci/wheels.py --save dist      keep the sdist and the wheels there
    python ci/wheels.py --list           which interpreters it would take

A wheel is built from the sdist, as a user's pip would, and must hold what src/amistream does and,
unless it is pure, the extension: nothing less (py.typed, stubs, the sample) and nothing more
(tests, C). It is installed into a fresh venv with the extra "test". Then the tests run as
[tool.cibuildwheel] in the sdist's pyproject.toml says, beside copies of its test-sources alone:
on both twins, on the pure one for the pure wheel.

CPythons are looked for on the PATH and among pyenv's. Wheels for other systems are built by
.github/workflows/wheels.yml; those made here carry the tag linux_*, and auditwheel tells which
manylinux they would be. Takes Python 3.11 for itself.

Exit codes: 0 all is well; 1 a wheel could not be built or something in it does not hold, the
others were tried all the same; 2 the command is not usable.
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
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import tomllib

from build import Checkout

PURE = "pure"
VERSIONS = ("3.10", "3.11", "3.12", "3.13", "3.14", "3.14t")
# The files that take seconds and see most of what a build can break.
QUICK = (
    "impl",
    "wire",
    "headers",
    "messages",
    "aggregates",
    "events",
    "registration",
    "differential",
)
ASK = (
    "import sys, sysconfig; t = 't' if sysconfig.get_config_var('Py_GIL_DISABLED') else '';"
    "print(sys.implementation.name, '%d.%d' % sys.version_info[:2] + t)"
)


class Made(NamedTuple):
    """What the report tells of a wheel."""

    name: str
    outcome: str
    seconds: float
    failed: bool = False


class NotRightError(Exception):
    """A wheel is not as it has to be."""


def main() -> int:
    options = parse_arguments()
    pythons = dict(found())
    if options.list:
        for name, python in pythons.items():
            print(f"{name:6} {python}")
        return 0
    names = options.names or [*pythons, PURE]
    missing = [name for name in names if name != PURE and name not in pythons]
    if missing:
        here = ", ".join([*pythons, PURE])
        print(f"ci/wheels.py: not here: {', '.join(missing)}; there are {here}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        made = list(make_all(Path(folder), names, pythons, options))
    report(made, [name for name in VERSIONS if name not in pythons])
    return int(any(one.failed for one in made))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="ci/wheels.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="3.X", help='or "pure"')
    parser.add_argument("--quick", action="store_true", help="run a part of the tests")
    parser.add_argument("--save", type=Path, metavar="FOLDER", help="keep what was built")
    parser.add_argument("--list", action="store_true", help="list the interpreters, build nothing")
    return parser.parse_args()


def found() -> Iterator[tuple[str, Path]]:
    """The CPythons of this machine: the first of each version that starts."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for version in VERSIONS:
        on_path = shutil.which(f"python{version}")
        # pyenv's own are first: what is on the PATH may be a shim that starts nothing.
        candidates = [*sorted(pyenv.glob(f"{version.rstrip('t')}.*/bin/python{version}"))[::-1]]
        candidates += [Path(on_path)] if on_path else []
        for candidate in candidates:
            done = subprocess.run(
                [candidate, "-c", ASK], capture_output=True, text=True, check=False
            )
            if done.stdout.split() == ["cpython", version]:
                yield version, candidate
                break


def make_all(
    folder: Path, names: Iterable[str], pythons: dict[str, Path], options: argparse.Namespace
) -> Iterator[Made]:
    """Build the sdist, then each wheel; one that fails does not stop the others."""
    say("the sdist")
    tools = Checkout(folder / "tools")
    tools.install("build", "auditwheel" if sys.platform == "linux" else "pip")
    sdist = tools.sdist()
    shutil.unpack_archive(sdist, folder)
    source = folder / sdist.name.removesuffix(".tar.gz")
    save(sdist, options.save)
    for name in names:
        say(f"{name}: {pythons.get(name, sys.executable)}")
        begin = time.monotonic()
        try:
            with tempfile.TemporaryDirectory(dir=folder) as place:
                checkout = Checkout(Path(place), pythons.get(name), tree=False)
                outcome = prove(checkout, name, sdist, source, tools, options)
        except (NotRightError, SystemExit, AssertionError, subprocess.SubprocessError) as error:
            print(error, flush=True)
            last = (str(error).strip() or repr(error)).splitlines()[-1]
            yield Made(name, f"FAILED: {last}", time.monotonic() - begin, failed=True)
        else:
            yield Made(name, outcome, time.monotonic() - begin)


def prove(
    checkout: Checkout,
    name: str,
    sdist: Path,
    source: Path,
    tools: Checkout,
    options: argparse.Namespace,
) -> str:
    """Build the wheel, look into it, install it and run the tests; what to report."""
    config = tomllib.loads((source / "pyproject.toml").read_text("utf-8"))
    config = config["tool"]["cibuildwheel"]
    pure = name == PURE
    built = {"AMISTREAM_NO_EXTENSIONS": "1"} if pure else config["environment"]
    wheel = checkout.wheel(sdist, **built)
    look_into(wheel, source, name)
    save(wheel, options.save)
    told = [wheel.name, f"{wheel.stat().st_size // 1024} KiB"]
    if not pure and sys.platform == "linux":
        told.append(manylinux(tools, wheel))
    print(*told, sep=", ", flush=True)

    checkout.install(f"amistream[{','.join(config['test-extras'])}] @ {wheel.as_uri()}")
    running = {} if pure else {**config["environment"], **of_free_threading(config, name)}
    checkout.expect_twin("pure" if pure else "compiled", **running)
    tests = run_tests(checkout, source, config, pure=pure, quick=options.quick, **running)
    return ", ".join([*told, tests])


def look_into(wheel: Path, source: Path, name: str) -> None:
    """The wheel holds the package as the sdist has it, and the extension unless it is pure."""
    package = source / "src" / "amistream"
    due = {
        path.relative_to(package.parent).as_posix() for path in package.rglob("*") if path.is_file()
    }
    wanted = {"amistream/py.typed", "amistream/_compiled.pyi", "amistream/sample.ami.gz"}
    need(wanted <= due, f"the sdist lacks {sorted(wanted - due)}")
    with zipfile.ZipFile(wheel) as archive:
        held = {entry for entry in archive.namelist() if not entry.endswith("/")}
        about = {entry for entry in held if entry.split("/")[0].endswith(".dist-info")}
        (tags,) = (archive.read(entry).decode() for entry in about if entry.endswith("/WHEEL"))
    binary = {entry for entry in held if re.search(r"\.(so|pyd|dylib|dll)$", entry)}
    need(not due - held, f"the wheel lacks {sorted(due - held)}")
    more = sorted(held - due - about - binary)
    need(not more, f"the wheel also has {more}")
    for part in ("/METADATA", "/RECORD", "/entry_points.txt", "/LICENSE"):
        need(any(entry.endswith(part) for entry in about), f"the wheel lacks its {part[1:]}")
    if name == PURE:
        need(wheel.name.endswith("-py3-none-any.whl"), f"not a pure wheel: {wheel.name}")
        need(not binary, f"the pure wheel has {sorted(binary)}")
        need("Root-Is-Purelib: true" in tags, tags)
        return
    abi = "cp" + name.replace(".", "")
    need(f"-{abi.rstrip('t')}-{abi}-" in wheel.name, f"not a wheel for {name}: {wheel.name}")
    need(len(binary) == 1, f"not one extension: {sorted(binary)}")
    need(binary.pop().startswith("amistream/_compiled."), "the extension has another name")
    need("Root-Is-Purelib: false" in tags, tags)


def need(holds: bool, otherwise: str) -> None:
    if not holds:
        raise NotRightError(otherwise)


def manylinux(tools: Checkout, wheel: Path) -> str:
    """The oldest manylinux that the wheel would run on; it links to nothing but the C library."""
    said = tools.must(tools.python, "-m", "auditwheel", "show", wheel)
    said = " ".join(said.split())
    tag = re.search(r'consistent with the following platform tag: "([^"]+)"', said)
    need(tag is not None, said)
    assert tag is not None
    need(tag[1].startswith("manylinux"), f"auditwheel takes it for {tag[1]} only: {said}")
    return tag[1]


def of_free_threading(config: dict[str, Any], name: str) -> dict[str, str]:
    """The variables that the tests of a free-threaded CPython run with."""
    if not name.endswith("t"):
        return {}
    (override,) = (each for each in config["overrides"] if each["select"].startswith("cp3??t"))
    return dict(override["test-environment"])


def run_tests(
    checkout: Checkout,
    source: Path,
    config: dict[str, Any],
    *,
    pure: bool,
    quick: bool,
    **variables: str,
) -> str:
    """The tests' closing line; they see the installed package and what they need beside them."""
    for name in config["test-sources"]:
        copy = shutil.copytree if (source / name).is_dir() else shutil.copy
        copy(source / name, checkout.folder / name)
    python, *command = config["test-command"].split()
    need(python == "python", f"test-command does not begin with python: {python}")
    command += ["-q", "-p", "no:cacheprovider"]
    command += ["--pure-only"] if pure else []
    command += [f"tests/test_{part}.py" for part in QUICK] if quick else []
    said = checkout.must(checkout.python, *command, **variables).splitlines()
    print(*(line for line in said if line.startswith("SKIPPED")), said[-1], sep="\n", flush=True)
    return said[-1].strip("= ")


def save(built: Path, folder: Path | None) -> None:
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(built, folder)


def say(what: str) -> None:
    print(f"-- {what}", flush=True)


def report(made: list[Made], absent: list[str]) -> None:
    print(f"\n== wheels on {platform.system()} {platform.machine()}")
    for one in made:
        print(f"{one.name:6} {one.seconds:4.0f} s  {one.outcome}")
    if absent:
        print(f"SKIPPED, not on this machine: CPython {', '.join(absent)}")


if __name__ == "__main__":
    sys.exit(main())

"""The switch between the twins, tested in new interpreters."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from types import ModuleType

import pytest

REPORT = "import amistream._impl as i; print(i.IMPLEMENTATION, i.PURE_REASON, sep='|')"
HIDE = """
import sys
class Hide:
    def find_spec(self, name, path=None, target=None):
        if name == "amistream._compiled":
            raise ImportError("hidden for the test")
sys.meta_path.insert(0, Hide())
"""


def run(code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run code in a new interpreter, with only these of the package's variables set."""
    environment = {key: value for key, value in os.environ.items() if "AMISTREAM" not in key}
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=environment | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def reported(code: str, **variables: str) -> tuple[str, str]:
    done = run(code, **variables)
    assert (done.returncode, done.stderr) == (0, "")
    implementation, reason = done.stdout.strip().split("|")
    return implementation, reason


@pytest.mark.parametrize("value", ["1", "yes"])
@pytest.mark.parametrize("require", ["", "1"])
def test_the_pure_twin_on_demand(value: str, require: str) -> None:
    variables = {"AMISTREAM_NO_EXTENSIONS": value, "AMISTREAM_REQUIRE_EXTENSIONS": require}
    assert reported(REPORT, **variables) == ("pure", "AMISTREAM_NO_EXTENSIONS is set")


def test_the_pure_twin_never_loads_the_extension() -> None:
    code = "import sys, amistream; print('amistream._compiled' in sys.modules)"
    assert run(code, AMISTREAM_NO_EXTENSIONS="1").stdout == "False\n"


@pytest.mark.usefixtures("both")
@pytest.mark.parametrize("value", ["", "0"])
def test_the_compiled_twin_unless_told_otherwise(value: str) -> None:
    assert reported(REPORT, AMISTREAM_NO_EXTENSIONS=value) == ("compiled", "None")
    assert reported(REPORT, AMISTREAM_REQUIRE_EXTENSIONS="1") == ("compiled", "None")


@pytest.mark.usefixtures("both")
def test_the_compiled_twin_is_built_for_this_python() -> None:
    code = "import amistream._compiled as s; print(s.__file__)"
    built = Path(run(code).stdout.strip())
    assert built.name in {f"_compiled{suffix}" for suffix in EXTENSION_SUFFIXES}
    assert built.is_file()


def test_without_the_extension_it_is_pure_and_says_why() -> None:
    implementation, reason = reported(HIDE + REPORT)
    assert implementation == "pure"
    assert reason == "the compiled twin cannot be loaded: hidden for the test"


def test_a_required_extension_that_is_missing_is_an_error() -> None:
    done = run(HIDE + REPORT, AMISTREAM_REQUIRE_EXTENSIONS="1")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.strip().endswith(
        "ImportError: AMISTREAM_REQUIRE_EXTENSIONS is set, but the compiled twin cannot be "
        "loaded: hidden for the test"
    )


def test_the_package_says_which_twin_it_is(ami: ModuleType) -> None:
    assert ami.IMPLEMENTATION in ("compiled", "pure")
    twin = {"compiled": "amistream._compiled", "pure": "amistream._pure"}[ami.IMPLEMENTATION]
    for cls in (ami.Parser, ami._impl.MessageCore, ami._impl.Header):
        assert f"{cls.__module__}.".startswith(f"{twin}.")
    assert sys.modules["amistream"] is ami
    assert (ami._impl.PURE_REASON is None) == (ami.IMPLEMENTATION == "compiled")


@pytest.mark.usefixtures("both")
def test_the_c_copies_of_the_wires_constants_are_the_same(
    use: Callable[[str], ModuleType],
) -> None:
    use("compiled")
    wire = importlib.import_module("amistream._wire")
    copies = importlib.import_module("amistream._compiled").WIRE
    assert len(copies) == 8
    assert copies == {name: getattr(wire, name) for name in copies}

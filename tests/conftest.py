"""Fixtures that give a test the twins and the captures, and settings and hooks of pytest."""

from __future__ import annotations

import gzip
import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import settings
from support.paths import DATA
from support.twins import Both, NotBuilt, Twins

# The test files of the drop-ins, and the libraries that they need. These libraries had no release
# for years. Where they were never seen to work, their tests are skipped if they cannot be imported,
# and the last lines of the output say so. Elsewhere they must be installed.
DROP_INS = {
    "test_dropin.py": ("pystrix", "panoramisk"),
    "test_dropin_growth.py": ("pystrix", "panoramisk"),
    "test_panoramisk.py": ("panoramisk",),
    "test_pystrix.py": ("pystrix",),
}
DROP_INS_REQUIRED = sys.implementation.name == "cpython" and sys.version_info < (3, 14)
LEFT_OUT: dict[str, str] = {}

# How many examples each property test runs: "plain", or "heavy" if heavy tests are selected. The
# others are for --hypothesis-profile: "few" where Python is slow, "thorough" to search for hours.
for profile, examples in {"few": 50, "plain": 100, "heavy": 600, "thorough": 20_000}.items():
    settings.register_profile(profile, max_examples=examples, deadline=None)


TWINS = Twins()


def package_of(twin: str) -> ModuleType:
    try:
        return TWINS.get(twin)
    except NotBuilt as error:
        pytest.fail(f"{error}: build the extension, or pass --pure-only", pytrace=False)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--pure-only", action="store_true", help="leave out the tests of the compiled twin"
    )
    parser.addoption(
        "--compiled-only",
        action="store_true",
        help="leave out tests that only use the pure twin, to test the extension itself",
    )
    parser.addoption(
        "--asterisk",
        type=Path,
        metavar="DIR",
        help="run the client's tests on a real Asterisk, in the chroot DIR that ci/asterisk makes, "
        "in one process; `-m asterisk` selects only these",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    # All tests share the one Asterisk, and one chroot serves one process.
    if config.getoption("--asterisk") is not None and hasattr(config.option, "numprocesses"):
        config.option.numprocesses = 0


def pytest_configure(config: pytest.Config) -> None:
    # A test module may import amistream itself, so one of the trees must be the current one.
    TWINS.use("pure" if config.getoption("--pure-only") else "compiled")
    if config.getoption("--hypothesis-profile") is None:
        settings.load_profile("heavy" if selects_heavy(config) else "plain")


def selects_heavy(config: pytest.Config) -> bool:
    """Whether the option -m selects heavy tests; without an expression it selects all tests."""
    expression = config.getoption("-m")
    return not expression or "heavy" in expression.replace("not heavy", "")


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    libraries = () if DROP_INS_REQUIRED else DROP_INS.get(collection_path.name, ())
    for library in libraries:
        try:
            importlib.import_module(library)
        except ImportError as error:  # noqa: PERF203 (two libraries at most)
            LEFT_OUT[collection_path.name] = f"{library} cannot be imported: {error}"
            return True
    return None


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left_out"] = LEFT_OUT


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Note what a worker left out: the process that writes the summary does not collect tests."""
    LEFT_OUT.update(getattr(node, "workeroutput", {}).get("left_out", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for name, reason in LEFT_OUT.items():
        terminalreporter.write_line(f"SKIPPED {name}: {reason}", yellow=True)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "ami" in metafunc.fixturenames:
        only = {twin for twin in Both._fields if metafunc.config.getoption(f"--{twin}-only")}
        twins = [twin for twin in Both._fields if not only or twin in only]
        metafunc.parametrize("ami", twins, indirect=True, scope="session")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if selects_heavy(config):  # then property tests run with more examples, also for `-m heavy`
        for item in items:
            if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
                item.add_marker("heavy")
    if config.getoption("--pure-only"):
        needing = [item for item in items if "both" in getattr(item, "fixturenames", ())]
        config.hook.pytest_deselected(items=needing)
        items[:] = [item for item in items if item not in needing]


@pytest.fixture(scope="session")
def ami(request: pytest.FixtureRequest) -> ModuleType:
    """The package, with each twin in turn, which is also what `import amistream` gives."""
    package = package_of(request.param)
    TWINS.use(request.param)
    return package


@pytest.fixture(scope="session")
def both() -> Both:
    """The packages of both twins, for tests that compare them."""
    return Both(package_of("compiled"), package_of("pure"))


@pytest.fixture
def use() -> Iterator[Callable[[str], ModuleType]]:
    """A function that makes a twin the current one until the end of the test."""
    current = TWINS.current
    yield TWINS.use
    if current is not None:
        TWINS.use(current)


@pytest.fixture(scope="session")
def queue_events() -> bytes:
    """A recorded call centre: 24,571 events and one response."""
    return gzip.decompress((DATA / "queue-events.ami.gz").read_bytes())


@pytest.fixture(scope="session")
def list_actions() -> bytes:
    """Recorded answers: every list action of Asterisk 22, Commands, and events between them."""
    return gzip.decompress((DATA / "list-actions.ami.gz").read_bytes())

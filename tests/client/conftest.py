"""The servers of the client's tests: the Simulator, or with --asterisk a real Asterisk."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from support.pbx import Asterisk, Unavailable
from support.servers import RealServer, Server, SimulatedServer


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    is_left_out = config.getoption("--asterisk") is None
    return True if is_left_out and collection_path.name == "test_asterisk.py" else None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "server" in metafunc.fixturenames:
        real = metafunc.config.getoption("--asterisk") is not None
        server = pytest.param("asterisk", marks=pytest.mark.asterisk) if real else "simulator"
        metafunc.parametrize("server", [server], indirect=True)


@pytest.fixture
def testing(ami: ModuleType) -> ModuleType:
    """`amistream.testing` on the twin that the test uses."""
    return importlib.import_module("amistream.testing")


@pytest.fixture(scope="session")
def served_asterisk(pytestconfig: pytest.Config) -> Iterator[Asterisk]:
    """The one Asterisk of this run, in whatever state the last test left it."""
    chroot: Path = pytestconfig.getoption("--asterisk")
    try:
        served = Asterisk(chroot.absolute())
    except Unavailable as reason:
        pytest.skip(f"no real Asterisk: {reason}")
    yield served
    served.close()


@pytest.fixture
def asterisk(served_asterisk: Asterisk) -> RealServer:
    """A real Asterisk that runs, has booted, and has no calls."""
    served_asterisk.make_ready()
    return RealServer(served_asterisk)


@pytest.fixture
def server(ami: ModuleType, request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server to connect to, with the users of ci/asterisk/etc/manager.conf."""
    if request.param == "simulator":
        with SimulatedServer() as simulated:
            yield simulated
    else:
        yield request.getfixturevalue("asterisk")

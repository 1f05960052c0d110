"""The servers of the client's tests: the Simulator, or with --asterisk a real Asterisk."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from support.servers import RealServer, Server, SimulatedServer, asterisk_of


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    is_left_out = config.getoption("--asterisk") is None
    return True if is_left_out and collection_path.name == "test_asterisk.py" else None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "server" in metafunc.fixturenames:
        real = metafunc.config.getoption("--asterisk") is not None
        servers = ["asterisk"] if real else ["simulator"]
        metafunc.parametrize("server", servers, indirect=True)


@pytest.fixture
def testing(ami: ModuleType) -> ModuleType:
    """`amistream.testing` on the twin that the test uses."""
    return importlib.import_module("amistream.testing")


@pytest.fixture(scope="session")
def asterisk(request: pytest.FixtureRequest) -> Iterator[Any]:
    """The Asterisk of ci/asterisk, in the chroot that --asterisk names."""
    with asterisk_of(request.config.getoption("--asterisk")) as chroot:
        yield chroot


@pytest.fixture
def server(ami: ModuleType, request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server to connect to, with the users of ci/asterisk/etc/manager.conf."""
    if request.param == "simulator":
        with SimulatedServer() as simulated:
            yield simulated
    else:
        yield RealServer(request.getfixturevalue("asterisk"))

"""pytest's plugin of amistream: the fixtures `ami_simulator` and `make_ami_simulator`.

It is a module of its own, outside the package, because pytest imports every installed plugin at
its start: nothing of amistream is imported until a test uses a fixture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from amistream.testing import Simulator


@pytest.fixture
def make_ami_simulator() -> Iterator[Callable[..., Simulator]]:
    """Starts AMI servers; takes the arguments of `amistream.testing.Simulator`."""
    from amistream.testing import Simulator

    started: list[Simulator] = []

    def make(*arguments: Any, **options: Any) -> Simulator:
        simulator = Simulator(*arguments, **options).start()
        started.append(simulator)
        return simulator

    yield make
    for simulator in started:
        simulator.stop()


@pytest.fixture
def ami_simulator(make_ami_simulator: Callable[..., Simulator]) -> Simulator:
    """An AMI server that sends what the test tells it: user `lab`, secret `labsecret`."""
    return make_ami_simulator()

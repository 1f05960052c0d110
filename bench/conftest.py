"""Fixtures of the benchmarks: the capture, and how a measured row is noted down."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bench import contenders, rows


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("bench")
    group.addoption("--only", action="append", choices=rows.NAMES, help="one row; may be repeated")
    group.addoption("--quick", action="store_true", help="less of everything, to see that it works")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Function]) -> None:
    only, quick = config.getoption("--only"), config.getoption("--quick")
    others = [item for item in items if (only and _row(item) not in only) or (quick and _big(item))]
    config.hook.pytest_deselected(items=others)
    items[:] = [item for item in items if item not in others]


def _row(item: pytest.Function) -> str:
    """A test is called after its row, or has it as a parameter."""
    return str(_parameters(item).get("row", item.originalname.removeprefix("test_")))


def _big(item: pytest.Function) -> bool:
    """Whether it only does the same again, or on more."""
    parameters = _parameters(item)
    return bool(parameters.get("sweep", 1) > 1 or parameters.get("megabytes", 1) > 10)


def _parameters(item: pytest.Function) -> dict[str, Any]:
    return item.callspec.params if hasattr(item, "callspec") else {}


@pytest.fixture(scope="session")
def quick(request: pytest.FixtureRequest) -> bool:
    """Whether it is only to be seen that all works."""
    return bool(request.config.getoption("--quick"))


@pytest.fixture(scope="session")
def capture() -> contenders.Stream:
    """The recorded call centre in 64 KiB chunks."""
    return contenders.capture()


@pytest.fixture(scope="session")
def choices(capture: contenders.Stream) -> list[tuple[contenders.Choice, ...]]:
    """Which three headers are read of each of its messages."""
    return contenders.choose(capture)


@pytest.fixture(scope="session", autouse=True)
def _small_heap() -> Iterator[None]:
    """Spare the contenders the collector's walks through what pytest itself keeps."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


class Note:
    """Where a test puts down what it measured; report.py reads it from pytest-benchmark's JSON."""

    def __init__(self, benchmark: Any, row: str) -> None:
        self.benchmark = benchmark
        self.row = row

    def time(
        self, contender: str, work: Callable[[], object], *, per: int, unit: str, case: str = ""
    ) -> None:
        """Time the work, which does `per` of what the unit counts."""
        self._label(contender=contender, unit=unit, case=case, per=per)
        self.benchmark(work)

    def values(
        self, contender: str, values: dict[str, float], *, unit: str, **details: object
    ) -> None:
        """Put down what was measured otherwise, by case."""
        self._label(contender=contender, unit=unit, values=values, details=details)
        self.benchmark.pedantic(lambda: None)

    def _label(self, **info: object) -> None:
        self.benchmark.group = self.row
        self.benchmark.extra_info.update(row=self.row, **info)


@pytest.fixture
def note(benchmark: Any, request: pytest.FixtureRequest) -> Note:
    """Put down what this test measures."""
    return Note(benchmark, _row(request.node))

"""Fixtures of the benchmarks: the capture, and the recorder of measured figures."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bench import contenders, rows


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("bench")
    group.addoption(
        "--only", action="append", choices=rows.NAMES, help="measure only this row; repeatable"
    )
    group.addoption("--quick", action="store_true", help="shorter rounds and fewer cases")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Function]) -> None:
    only, quick = config.getoption("--only"), config.getoption("--quick")
    deselected = [
        item for item in items if (only and _row(item) not in only) or (quick and _is_long(item))
    ]
    config.hook.pytest_deselected(items=deselected)
    items[:] = [item for item in items if item not in deselected]


def _row(item: pytest.Function) -> str:
    """The row that a test measures: its parameter `row`, or its name without `test_`."""
    return str(_parameters(item).get("row", item.originalname.removeprefix("test_")))


def _is_long(item: pytest.Function) -> bool:
    """Whether the test only repeats another one, or uses a larger input."""
    parameters = _parameters(item)
    return bool(parameters.get("sweep", 1) > 1 or parameters.get("megabytes", 1) > 10)


def _parameters(item: pytest.Function) -> dict[str, Any]:
    return item.callspec.params if hasattr(item, "callspec") else {}


@pytest.fixture(scope="session")
def quick(request: pytest.FixtureRequest) -> bool:
    """Whether this run only shows that everything works."""
    return bool(request.config.getoption("--quick"))


@pytest.fixture(scope="session")
def capture() -> contenders.Stream:
    """The recorded call centre in 64 KiB chunks."""
    return contenders.capture()


@pytest.fixture(scope="session")
def choices(capture: contenders.Stream) -> list[tuple[contenders.Choice, ...]]:
    """The three headers to read from each message of the capture."""
    return contenders.choose(capture)


@pytest.fixture(scope="session", autouse=True)
def _small_heap() -> Iterator[None]:
    """Keep the GC from scanning pytest's own objects while a contender runs."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


class Recorder:
    """Records what a test measured; report.py reads it from pytest-benchmark's JSON."""

    def __init__(self, benchmark: Any, row: str) -> None:
        self.benchmark = benchmark
        self.row = row

    def time(
        self, contender: str, work: Callable[[], object], *, per: int, unit: str, case: str = ""
    ) -> None:
        """Time the work; `per` is how many of the unit's items (bytes, messages) one call does."""
        self._label(contender=contender, unit=unit, case=case, per=per)
        self.benchmark(work)

    def values(
        self, contender: str, values: dict[str, float], *, unit: str, **details: object
    ) -> None:
        """Record figures that were measured elsewhere, by case."""
        self._label(contender=contender, unit=unit, values=values, details=details)
        self.benchmark.pedantic(lambda: None)

    def _label(self, **info: object) -> None:
        self.benchmark.group = self.row
        self.benchmark.extra_info.update(row=self.row, **info)


@pytest.fixture
def record(benchmark: Any, request: pytest.FixtureRequest) -> Recorder:
    """The recorder for the figures of this test."""
    return Recorder(benchmark, _row(request.node))

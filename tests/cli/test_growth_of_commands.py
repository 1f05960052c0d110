"""Growth: no file makes the work of `open` or of a command grow faster than its bytes."""

from __future__ import annotations

import importlib
from collections import deque
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from support.growth import check_growth
from support.hostile import MESSAGES, STREAMS, Shape

UNITS = 150
COMMANDS = {
    "parse": ["parse"],
    "parse --json": ["parse", "--json"],
    "parse --json --typed": ["parse", "--json", "--typed"],
    "parse --csv": ["parse", "--csv"],
    "stats": ["stats"],
}
NEW_COLUMNS = ("names", "orders")
"""Each message has new headers, and a table has a cell for each of them in each row."""
SHAPES: dict[str, Shape] = {**MESSAGES, **STREAMS}


@pytest.mark.parametrize("shape", SHAPES)
def test_reading_a_file(ami: ModuleType, tmp_path: Path, capsysbinary: Any, shape: str) -> None:
    main = importlib.import_module("amistream.cli").main
    paths = {units: tmp_path / f"{units}.ami" for units in (UNITS, 4 * UNITS)}
    for units, path in paths.items():
        path.write_bytes(SHAPES[shape](units) + b"Event: Last\r\n\r\n")

    def run(command: list[str]) -> Callable[[int], Callable[[], object]]:
        def work(units: int) -> Callable[[], object]:
            return lambda: (main([*command, str(paths[units])]), capsysbinary.readouterr())

        return work

    def read(units: int) -> Callable[[], object]:
        return lambda: deque(ami.open(paths[units]), maxlen=0)

    check_growth("open", read, UNITS, counted=False)
    for name, command in COMMANDS.items():
        if name != "parse --csv" or shape not in NEW_COLUMNS:
            check_growth(name, run(command), UNITS, counted=False)

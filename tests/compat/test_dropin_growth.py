"""Growth: no stream makes the work of a drop-in grow faster than its bytes."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest
from support.drop_ins import LIBRARIES
from support.growth import check_growth
from support.hostile import MESSAGES, STREAMS

UNITS = 300
END = b"Event: End\r\n\r\n"
SHAPES = {
    **MESSAGES,
    **{name: STREAMS[name] for name in ("plain", "short events", "orders", "names", "event names")},
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("library", LIBRARIES)
def test_reading(ami: ModuleType, library: str, shape: str) -> None:
    """A real socket and the library's own classes; the events' names are read."""
    chosen = LIBRARIES[library]

    def work(units: int) -> Callable[[], object]:
        stream = SHAPES[shape](units) + END
        return lambda: chosen.read_names(stream)

    with chosen.drop_in().installed():
        assert chosen.read_names(END)[-1] == "End"
        check_growth(library, work, UNITS, counted=False)

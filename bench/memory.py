"""What the kept events of one contender take, as `python -m bench.memory CONTENDER STATE METER`.

Run in an interpreter of its own, so that nothing else grows meanwhile; prints bytes an event.
"""

from __future__ import annotations

import argparse
import gc
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import contenders

STATES = ("unread", "read")
METERS = ("resident", "traced")
FILLING, MEASURED = 2, 1
"""How often the capture is kept: at first to fill what getting ready left free, then to measure."""


def resident() -> int:
    """Bytes of memory the process has, as Linux counts them."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def traced() -> int:
    """Bytes that Python's own allocators gave out; what C allocates by itself is not seen."""
    return tracemalloc.get_traced_memory()[0]


def measure(name: str, state: str, meter: Callable[[], int]) -> float:
    """Keep every message; how much each one takes."""
    parser, stream = contenders.load(name), contenders.capture()
    readers = parser.readers(contenders.choose(stream)) if state == "read" else []
    kept: list[Any] = [None] * (stream.messages * (FILLING + MEASURED))

    def keep(times: range) -> int:
        for at in times:
            for number, message in enumerate(parser.messages(stream)):
                if readers:
                    readers[number](message)
                kept[at * stream.messages + number] = message
        gc.collect()
        return meter()

    before = keep(range(FILLING))
    after = keep(range(FILLING, FILLING + MEASURED))
    return (after - before) / (MEASURED * stream.messages)


def main() -> None:
    """Measure what the command line says."""
    arguments = argparse.ArgumentParser(description="Bytes that a kept event takes.")
    arguments.add_argument("contender", choices=contenders.NAMES)
    arguments.add_argument("state", choices=STATES, help="whether three headers of each were read")
    arguments.add_argument("meter", choices=METERS, help="the resident set, or tracemalloc")
    told = arguments.parse_args()
    if told.meter == "traced":
        tracemalloc.start()
    print(measure(told.contender, told.state, traced if told.meter == "traced" else resident))


if __name__ == "__main__":
    main()

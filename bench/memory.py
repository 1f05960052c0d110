"""The memory that kept events take: `python -m bench.memory CONTENDER STATE METER`.

It prints bytes per event. It runs in a separate interpreter, so that nothing else grows meanwhile.
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
WARM_UP, MEASURED = 2, 1
"""How often the capture is kept: first to fill memory that start-up left free, then to measure."""


def resident() -> int:
    """The size of the process's resident set in bytes, as Linux counts it."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def traced() -> int:
    """Bytes allocated by Python's own allocators; plain malloc() of C code does not count."""
    return tracemalloc.get_traced_memory()[0]


def measure(name: str, state: str, meter: Callable[[], int]) -> float:
    """Keep every message; return the bytes that each one takes."""
    parser, stream = contenders.load(name), contenders.capture()
    readers = parser.readers(contenders.choose(stream)) if state == "read" else []
    kept: list[Any] = [None] * (stream.messages * (WARM_UP + MEASURED))

    def keep(passes: range) -> int:
        for pass_number in passes:
            for number, message in enumerate(parser.messages(stream)):
                if readers:
                    readers[number](message)
                kept[pass_number * stream.messages + number] = message
        gc.collect()
        return meter()

    before = keep(range(WARM_UP))
    after = keep(range(WARM_UP, WARM_UP + MEASURED))
    return (after - before) / (MEASURED * stream.messages)


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description="Bytes that a kept event takes.")
    parser.add_argument("contender", choices=contenders.NAMES)
    parser.add_argument("state", choices=STATES, help="whether three headers of each were read")
    parser.add_argument("meter", choices=METERS, help="the resident set, or tracemalloc")
    options = parser.parse_args()
    if options.meter == "traced":
        tracemalloc.start()
    meter = traced if options.meter == "traced" else resident
    print(measure(options.contender, options.state, meter))


if __name__ == "__main__":
    main()

"""Shared by the leak programs: they repeat a step, and exit with 1 if memory grew.

The argument is the number of events to process, by default 10 million. A warm-up comes first: a
tenth as many events, but at least two steps. After the warm-up, resident memory may grow by 2 MiB,
the number of live blocks by 2,000, and the references to shared objects by 100. These limits do
not depend on the number of events.
"""

from __future__ import annotations

import gc
import gzip
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import amistream
from amistream.core_events import Hangup, UserEvent

MOST_MEMORY = 2 << 20
MOST_BLOCKS = 2_000
MOST_REFERENCES = 100
EVENTS = 10_000_000
FULL = 60
"""Steps after which a flood of names has filled every cache."""
CACHED = 20_000
"""The most blocks of the caches, which forget all they hold when they are full."""
SHARED = [None, amistream.Event, amistream.Message, amistream.Response, Hangup, UserEvent]

HANGUP = b"Event: Hangup\r\nUniqueid: 1795427317.0\r\nCause: 16\r\n\r\n"
PONG = b"Response: Success\r\nActionID: 7\r\nPing: Pong\r\n\r\n"


class Held(NamedTuple):
    """The memory, blocks and references that the process holds."""

    memory: int
    blocks: int
    references: int


def held() -> Held:
    gc.collect()
    return Held(_resident(), sys.getallocatedblocks(), sum(map(sys.getrefcount, SHARED)))


def _resident() -> int:
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * 4096
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def sample() -> bytes:
    """A recorded call centre, 24,572 messages."""
    data = Path(__file__).parent.parent / "data" / "queue-events.ami.gz"
    return gzip.decompress(data.read_bytes())


def stay_flat(
    step: Callable[[], int], warm_up_steps: int = 2, most_blocks: int = MOST_BLOCKS
) -> None:
    """Repeat `step`, which returns its number of events; exit with 1 if memory grew."""
    if not hasattr(sys, "getallocatedblocks"):
        print("this Python does not count its blocks")
        sys.exit(77)
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS
    taken = sum(step() for _ in range(warm_up_steps))
    while taken < wanted // 10:
        taken += step()
    held()  # the first measurement allocates memory itself
    before = held()
    after_warm_up = taken
    while taken - after_warm_up < wanted:
        taken += step()
    after = held()
    grown = Held(*(late - early for late, early in zip(after, before, strict=True)))
    print(
        f"{amistream.IMPLEMENTATION}: {taken:,} events, grown by {grown.memory / 1024:,.0f} KiB of "
        f"{after.memory / 1024:,.0f}, {grown.blocks} blocks, {grown.references} references"
    )
    bounds = Held(MOST_MEMORY, most_blocks, MOST_REFERENCES)
    sys.exit(any(more > most for more, most in zip(grown, bounds, strict=True)))

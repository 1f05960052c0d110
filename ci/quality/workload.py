"""The work whose instructions are counted: `python ci/quality/workload.py ROW PASSES`.

It is a program of its own, so that it runs nothing but the package.
"""

from __future__ import annotations

import gc
import gzip
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import amistream
from amistream.core_events import Hangup

CAPTURE = Path(__file__).resolve().parents[2] / "tests" / "data" / "queue-events.ami.gz"
CAPTURE_BYTES = 2_000_000
CHUNK = 1 << 16


def read_three(message: Any) -> object:
    """Read three typed headers that the message carries."""
    if hasattr(type(message), "channel_state"):
        return message.channel, message.channel_state, message.context
    if hasattr(type(message), "timestamp"):
        return message.timestamp, message.privilege, message.name
    return None


USES: dict[str, Callable[[Any], object]] = {
    "events": lambda message: None,
    "three typed headers": read_three,
    "process": lambda message: message.process(),
    "only Hangup": lambda message: None,
    "to_dict": lambda message: message.to_dict(),
}


def work(row: str, passes: int) -> None:
    """Read the start of the capture `passes` times with the loaded twin."""
    data = gzip.decompress(CAPTURE.read_bytes())[:CAPTURE_BYTES]
    chunks = [data[at : at + CHUNK] for at in range(0, len(data), CHUNK)]
    use = USES[row]
    gc.disable()
    for _ in range(passes):
        parser = amistream.Parser(only={Hangup} if row == "only Hangup" else None)
        for chunk in chunks:
            for message in parser.feed(chunk):
                use(message)


if __name__ == "__main__":
    work(sys.argv[1], int(sys.argv[2]))

"""What is measured: the rows, who takes part, and what is to be reached."""

from __future__ import annotations

from typing import NamedTuple

TWINS = ("compiled", "pure")
BYTES_FACTOR, BYTES_MORE = 1.6, 100
"""What a kept event may take: this many times its bytes on the wire, and so many bytes more."""


class Row(NamedTuple):
    """One row of the table: what is done, by whom, and how many times `peer` the twins must be."""

    title: str
    contenders: tuple[str, ...]
    peer: str
    compiled: float
    pure: float

    def target(self, twin: str) -> float:
        """How many times the peer's speed the twin is to reach."""
        return self.compiled if twin == "compiled" else self.pure


TABLE = {
    "split": Row(
        "every message as an event object, then dropped",
        (*TWINS, "pystrix", "panoramisk"),
        peer="pystrix",
        compiled=120,
        pure=20,
    ),
    "typed": Row(
        "the same, reading 3 typed headers of each",
        (*TWINS, "pystrix", "panoramisk"),
        peer="pystrix",
        compiled=40,
        pure=6,
    ),
    "process": Row(
        "`process()` of every event", (*TWINS, "pystrix"), peer="pystrix", compiled=18, pure=3.5
    ),
    "hangups": Row(
        "`only={Hangup}`, 3 % kept",
        (*TWINS, "pystrix", "panoramisk"),
        peer="pystrix",
        compiled=300,
        pure=30,
    ),
    "dicts": Row(
        "`to_dict()` of every message",
        (*TWINS, "panoramisk"),
        peer="panoramisk",
        compiled=9,
        pure=2,
    ),
}


class More(NamedTuple):
    """A further row: a table of its own, a line for each case.

    growth: how many times the cost of case `since` (None: the first) the dearest case after it
        may be; 0 if there is no such bound. A scan that starts over would show as 100 and more.
    """

    title: str
    note: str
    growth: float = 0.0
    since: str | None = None


FURTHER = {
    "chunks": More("Chunk size", "Splitting the capture, fed in chunks of so many bytes."),
    "inputs": More(
        "Input size", "Splitting the streams of workload.py in 64 KiB chunks.", growth=1.5
    ),
    "headers": More(
        "Headers of a message",
        "Splitting messages of so many headers and to_dict() of each. A processor's caches and "
        "Python's collector make some growth.",
        growth=4.0,
        since="100 headers",
    ),
    "repeated_header": More(
        "One header, repeated",
        "get_all(), the typed attribute and to_dict() of messages that repeat one header so often.",
        growth=4.0,
    ),
    "bytewise": More(
        "A byte at a time",
        "512 KiB fed a byte at a time, in many messages and in one.",
        growth=1.5,
    ),
    "collector": More(
        "Open aggregates",
        "A Collector with so many lists open, their members interleaved.",
        growth=4.0,
    ),
    "memory": More(
        "Memory of a kept event",
        f"Growth of the resident set; at most {BYTES_FACTOR} times the wire bytes and "
        f"{BYTES_MORE} more. Read: three headers of each were; the peers have all read by then.",
    ),
    "imports": More("Time to import", "In a fresh interpreter; the median."),
    "live": More(
        "Live feed",
        "11,000 events a second over a loopback socket while another thread computes: how long "
        "after an event was due it is an object.",
    ),
    "parallel": More("Two parsers at once", "Messages a second of two, as a multiple of one's."),
    "pystrix": More(
        "pystrix's programs with the drop-in",
        "The capture over a loopback socket to a program's callbacks, as a multiple of pystrix's "
        "speed. To be reached: 20 times.",
    ),
    "panoramisk": More(
        "panoramisk's programs with the drop-in",
        "The capture over a loopback socket to a program's callbacks, as a multiple of "
        "panoramisk's speed. To be reached: 10 times.",
    ),
}

NAMES = (*TABLE, *FURTHER)

"""What is measured: the rows, their contenders and their targets."""

from __future__ import annotations

from typing import NamedTuple

TWINS = ("compiled", "pure")
MEMORY_FACTOR, MEMORY_EXTRA = 1.6, 100
"""The limit for a kept event: its bytes on the wire times the factor, plus the extra bytes."""


class Row(NamedTuple):
    """One row of the table: the work, the contenders, and each twin's target.

    A target is a speed, as a multiple of the peer's.
    """

    title: str
    contenders: tuple[str, ...]
    peer: str
    compiled: float
    pure: float

    def target(self, twin: str) -> float:
        """The twin's target: a multiple of the peer's speed."""
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


class FurtherRow(NamedTuple):
    """A further row: it has its own table, with one line per case.

    growth: the limit for the highest cost of a case, as a multiple of the cost of the base case;
        0 if there is no limit. A scan that starts again would show a growth of 100 and more.
    base: the base case; None for the first one. Cases before it do not count.
    """

    title: str
    note: str
    growth: float = 0.0
    base: str | None = None


FURTHER = {
    "chunks": FurtherRow("Chunk size", "Splits the capture, fed in chunks of this size."),
    "inputs": FurtherRow(
        "Input size",
        "Splits the streams of amistream.testing.Workload in 64 KiB chunks.",
        growth=1.5,
    ),
    "headers": FurtherRow(
        "Headers of a message",
        "Splits messages with this many headers and calls to_dict() on each. Up to 256 headers "
        "have a shape. The processor's caches and Python's GC cause some growth.",
        growth=2.0,
        base="300 headers",
    ),
    "floods": FurtherRow(
        "Floods",
        "Splits 1,000 events of 20 headers and calls to_dict() on each: headers in one order, and "
        "in orders that never repeat. A flood may cost twice as much, and nothing after it.",
        growth=2.0,
    ),
    "repeated_header": FurtherRow(
        "One header, repeated",
        "Reads get_all(), the typed attribute and to_dict() of messages that repeat one header "
        "this many times.",
        growth=4.0,
    ),
    "bytewise": FurtherRow(
        "One byte at a time",
        "512 KiB, fed one byte at a time, in many messages and in one message.",
        growth=1.5,
    ),
    "collector": FurtherRow(
        "Open aggregates",
        "A Collector with this many open lists, whose members are interleaved.",
        growth=4.0,
    ),
    "memory": FurtherRow(
        "Memory of a kept event",
        f"Growth of the resident set. The limit is {MEMORY_FACTOR} times the bytes on the wire "
        f'plus {MEMORY_EXTRA} bytes. In the line "read" three headers of each event were read '
        "first; the peers read all headers when they make an event.",
    ),
    "imports": FurtherRow("Time to import", "In a new interpreter; the median."),
    "live": FurtherRow(
        "Live feed",
        "11,000 events per second arrive over a loopback socket while another thread computes. "
        "The delay is the time from when an event is due until it is an object.",
    ),
    "client": FurtherRow(
        "The client",
        "A sender in another process writes 64 KiB at a time over loopback; for the delay, one "
        "event at a time. Targets: 0.85 times a sketch of 40 lines, also with an action open; 14 "
        "times panoramisk and pystrix, 6 times asterisk-ami; 2 ms; 20,000 answers a second.",
    ),
    "parallel": FurtherRow(
        "Two parsers at once",
        "Messages per second of two parsers together, as a multiple of one parser's.",
    ),
    "pystrix": FurtherRow(
        "pystrix's programs with the drop-in",
        "The capture goes over a loopback socket to a program's callbacks. The figures are "
        "multiples of pystrix's speed. Target: 20 times.",
    ),
    "panoramisk": FurtherRow(
        "panoramisk's programs with the drop-in",
        "The capture goes over a loopback socket to a program's callbacks. The figures are "
        "multiples of panoramisk's speed. Target: 10 times.",
    ),
}

NAMES = (*TABLE, *FURTHER)

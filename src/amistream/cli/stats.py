"""`amistream stats`: the messages of a file by type, its calls and its time span."""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections import Counter
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from amistream import Event, Response
from amistream.cli import _input
from amistream.cli._output import import_rich, json_line, shown, write, write_text
from amistream.cli._progress import progress

if TYPE_CHECKING:
    from amistream import Message

EPILOG = """\
examples:
  amistream stats monday.ami.gz
  amistream stats monday.ami.gz --json | jq .events.Hangup
  ssh pbx cat /var/spool/ami/today.ami | amistream stats -

The number of calls is the number of different Linkedid headers; memory holds each of them. The
time span and the rate come from the Timestamp headers, which Asterisk sends if manager.conf has
`timestampevents = yes`.
"""


WIDEST_NAME = 60
"""The columns for the names of events. A longer name takes more in its own row only: the size of
the table must not be the number of rows times the longest name."""


def add_to(commands: Any) -> None:
    """Add the subcommand."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "stats",
        help="count the messages of a file",
        description="Count the messages of a recorded stream.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _input.add_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the counts. Returns the exit code."""
    stats = Stats()
    path = _input.path_of(arguments)
    with (
        progress() as on_progress,
        _input.Input(path, bounds=_input.bounds_of(arguments), on_progress=on_progress) as messages,
    ):
        started = time.perf_counter()
        for message in messages:
            stats.add(message)
        stats.take_counters(messages.parser, time.perf_counter() - started)
    if arguments.json:
        write(json_line(stats.to_dict()))
    else:
        write_text(_summary(stats) + _table(stats))
    return messages.status


class Stats:
    """The counts of a stream. It keeps each event name and each Linkedid once."""

    def __init__(self) -> None:
        self.events: Counter[str] = Counter()
        self.calls: set[str] = set()
        self.responses = 0
        self.stamped = 0
        self.first = math.inf
        self.last = -math.inf
        self.messages = self.bytes = self.malformed = 0
        self.elapsed = 0.0

    def add(self, message: Message) -> None:
        """Count a message."""
        if call := message.get("Linkedid", ignore_case=True):
            self.calls.add(call)
        if isinstance(message, Response):
            self.responses += 1
        if isinstance(message, Event):
            self.events[message.name] += 1
            self._note_time(message.timestamp)

    def take_counters(self, parser: Any, elapsed: float) -> None:
        """Copy the parser's own counters, and note how many seconds the reading took."""
        self.messages, self.bytes = parser.messages, parser.bytes
        self.malformed = parser.malformed
        self.elapsed = elapsed

    @property
    def seconds(self) -> float | None:
        """The seconds from the first Timestamp to the last; None if there is no Timestamp."""
        return self.last - self.first if self.stamped else None

    @property
    def rate(self) -> float | None:
        """Events per second of the time span."""
        return self.stamped / self.seconds if self.seconds else None

    def to_dict(self) -> dict[str, Any]:
        """Everything, for JSON."""
        return {
            "messages": self.messages,
            "responses": self.responses,
            "malformed": self.malformed,
            "bytes": self.bytes,
            "calls": len(self.calls),
            "first_timestamp": self.first if self.stamped else None,
            "last_timestamp": self.last if self.stamped else None,
            "seconds": self.seconds,
            "events_per_second": self.rate,
            "read_in_seconds": self.elapsed,
            "events": dict(self.events.most_common()),
        }

    def _note_time(self, timestamp: float | None) -> None:
        if timestamp is None or not math.isfinite(timestamp):
            return
        self.stamped += 1
        self.first = min(self.first, timestamp)
        self.last = max(self.last, timestamp)


def _summary(stats: Stats) -> str:
    rows = [
        ("messages", f"{stats.messages:,}"),
        ("responses", f"{stats.responses:,}"),
        ("malformed", f"{stats.malformed:,}"),
        ("bytes", f"{stats.bytes:,}"),
        ("calls", f"{len(stats.calls):,}"),
    ]
    if stats.seconds is not None:
        span = f"{_clock(stats.first)} to {_clock(stats.last)} ({stats.seconds:,.1f} s)"
        rows.append(("time", span))
    if stats.rate is not None:
        rows.append(("rate", f"{stats.rate:,.1f} events/s"))
    speed = f"{stats.messages / stats.elapsed:,.0f} messages/s, "
    speed += f"{stats.bytes / stats.elapsed / 1e6:,.1f} MB/s"
    rows.append(("read at", speed))
    return "".join(f"{name:<11}{text}\n" for name, text in rows)


def _clock(timestamp: float) -> str:
    try:
        moment = datetime.fromtimestamp(timestamp, timezone.utc)
    except (ValueError, OverflowError, OSError):
        return f"{timestamp}"
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _table(stats: Stats) -> str:
    total = stats.events.total()
    rows = [
        (shown(name), f"{count:,}", f"{count / total:.1%}")
        for name, count in stats.events.most_common()
    ]
    if not rows:
        return ""
    rich = import_rich() if sys.stdout.isatty() else None
    return _plain_table(rows) if rich is None else _rich_table(rich, rows)


def _plain_table(rows: list[tuple[str, str, str]]) -> str:
    rows = [("event", "count", "share"), *rows]
    name_width, count_width, share_width = (max(len(row[at]) for row in rows) for at in range(3))
    name_width = min(name_width, WIDEST_NAME)
    return "\n" + "".join(
        f"{name:<{name_width}}  {count:>{count_width}}  {share:>{share_width}}\n"
        for name, count, share in rows
    )


def _rich_table(rich: Any, rows: list[tuple[str, str, str]]) -> str:
    table = rich.table.Table("event")
    table.add_column("count", justify="right")
    table.add_column("share", justify="right")
    for name, *numbers in rows:
        table.add_row(rich.text.Text(name), *numbers)
    console = rich.console.Console()
    with console.capture() as capture:
        console.print(table)
    text: str = capture.get()
    return text

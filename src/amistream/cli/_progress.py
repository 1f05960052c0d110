"""Shows how much of a long file was read, if standard error is a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from amistream.cli._output import import_rich

LONG_FILE = 16 << 20
LONG_TIME = 1.0
INTERVAL = 0.1

Update = Callable[[int, int | None], None]


@contextmanager
def progress() -> Iterator[Update | None]:
    """A function that takes the bytes read and the file's size; None without a terminal."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    rich = import_rich()
    with ExitStack() as stack:
        yield _when_long(
            lambda: stack.enter_context(_plain_line() if rich is None else _rich_bar(rich))
        )


def _when_long(start: Callable[[], Update]) -> Update:
    """Start to show the progress once the file is known to be long; update at most per INTERVAL."""
    started = time.monotonic()
    due = started
    update: Update | None = None

    def on_progress(done: int, size: int | None) -> None:
        nonlocal due, update
        now = time.monotonic()
        if now < due:
            return
        if update is None:
            is_long = now - started >= LONG_TIME if size is None else size >= LONG_FILE
            if not is_long:
                return
            update = start()
        due = now + INTERVAL
        update(done, size)

    return on_progress


@contextmanager
def _rich_bar(rich: Any) -> Iterator[Update]:
    bar = rich.progress.Progress(
        *rich.progress.Progress.get_default_columns(),
        rich.progress.DownloadColumn(binary_units=True),
        console=rich.console.Console(stderr=True),
        transient=True,
    )
    with bar:
        task = bar.add_task("reading", total=None)
        yield lambda done, size: bar.update(task, completed=done, total=size)


@contextmanager
def _plain_line() -> Iterator[Update]:
    def show(text: str) -> None:
        print(f"{text:<24}", end="\r", file=sys.stderr, flush=True)

    def update(done: int, size: int | None) -> None:
        share = f"{done / size:.0%}" if size else f"{done >> 20} MiB"
        show(f"reading: {share}")

    yield update
    show("")

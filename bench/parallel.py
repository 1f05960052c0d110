"""Two parsers at once: in threads if the interpreter has no GIL, else in processes."""

from __future__ import annotations

import multiprocessing
import sys
import time
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor

from bench import contenders

START_DELAY = 3.0
"""Seconds until all parsers start: an interpreter must start and read the capture first."""


def is_free_threaded() -> bool:
    """Whether threads run Python at the same time."""
    return not getattr(sys, "_is_gil_enabled", lambda: True)()


def workers() -> str:
    """The name of what the parsers run in."""
    return "threads" if is_free_threaded() else "processes"


def throughput(name: str, parsers: int, seconds: float) -> float:
    """Messages per second of this many parsers together."""
    contenders.load(name)  # once, before several threads load it at the same time
    with _executor(parsers) as executor:
        start = time.monotonic() + START_DELAY
        rates = [executor.submit(_parse, name, start, seconds) for _ in range(parsers)]
        return sum(rate.result() for rate in rates)


def _executor(parsers: int) -> Executor:
    if is_free_threaded():
        return ThreadPoolExecutor(parsers)
    return ProcessPoolExecutor(parsers, multiprocessing.get_context("spawn"))


def _parse(name: str, start: float, seconds: float) -> float:
    """Split the capture repeatedly from `start` on; return messages per second."""
    parser, stream = contenders.load(name), contenders.capture()
    parser.split(stream)
    time.sleep(max(0.0, start - time.monotonic()))
    started, passes = time.monotonic(), 0
    while time.monotonic() < start + seconds:
        parser.split(stream)
        passes += 1
    return passes * stream.messages / (time.monotonic() - started)

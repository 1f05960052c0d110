"""Two parsers at once: threads where the interpreter has no global lock, else processes."""

from __future__ import annotations

import multiprocessing
import sys
import time
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor

from bench import contenders

GET_READY = 3.0
"""Seconds until all begin: an interpreter has to start and to read the capture."""


def is_free_threaded() -> bool:
    """Whether threads run Python at the same time."""
    return not getattr(sys, "_is_gil_enabled", lambda: True)()


def workers() -> str:
    """What the parsers run in."""
    return "threads" if is_free_threaded() else "processes"


def throughput(name: str, parsers: int, seconds: float) -> float:
    """Messages a second of so many parsers together."""
    contenders.load(name)  # once, before threads do it at the same time
    with _executor(parsers) as executor:
        begin = time.monotonic() + GET_READY
        rates = [executor.submit(_parse, name, begin, seconds) for _ in range(parsers)]
        return sum(rate.result() for rate in rates)


def _executor(parsers: int) -> Executor:
    if is_free_threaded():
        return ThreadPoolExecutor(parsers)
    return ProcessPoolExecutor(parsers, multiprocessing.get_context("spawn"))


def _parse(name: str, begin: float, seconds: float) -> float:
    """Split the capture again and again for so long; messages a second."""
    parser, stream = contenders.load(name), contenders.capture()
    parser.split(stream)
    time.sleep(max(0.0, begin - time.monotonic()))
    started, passes = time.monotonic(), 0
    while time.monotonic() < begin + seconds:
        parser.split(stream)
        passes += 1
    return passes * stream.messages / (time.monotonic() - started)

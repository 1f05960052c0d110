"""Checks that work grows no faster than its input."""

from __future__ import annotations

import time
from collections.abc import Callable

from support.calls import calls_of

MOST = 8
"""How much the work for four times the input may grow."""
LITTLE = 2e-4
"""Seconds of work whose growth cannot be told."""


def check_growth(
    what: str, work: Callable[[int], Callable[[], object]], units: int, counted: bool
) -> None:
    """Fail if `work` at 4 n takes more than MOST times the time of n, or its calls."""
    small, large = work(units), work(4 * units)
    small(), large()  # the caches learn, and modules are imported
    if counted:
        few, many = calls_of(small), calls_of(large)
        assert many <= MOST * few + 200, f"{what}: {many:,} calls, {few:,} for a quarter"
    for _ in range(5):
        before, after = seconds(small), seconds(large)
        if after <= MOST * max(before, LITTLE):
            return
    before = min(seconds(small) for _ in range(5))
    after = min(seconds(large) for _ in range(5))
    assert after < MOST * before, f"{what}: {after:.4f} s, {before:.4f} s for a quarter"


def seconds(work: Callable[[], object]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin

"""Checks that work grows no faster than its input."""

from __future__ import annotations

import time
from collections.abc import Callable

from support.calls import calls_of

MOST_CALLS = 5
MOST_TIME = 8
LITTLE = 2e-4
"""Seconds of work whose growth cannot be told."""


def check_growth(
    what: str, work: Callable[[int], Callable[[], object]], units: int, counted: bool
) -> None:
    """Fail if `work` at 4 n takes more than 8 times the time, or 5 times the calls, of n."""
    small, large = work(units), work(4 * units)
    small()  # the caches learn, and modules are imported
    if counted:
        few, many = calls_of(small), calls_of(large)
        assert many <= MOST_CALLS * few + 200, f"{what}: {many:,} calls, {few:,} for a quarter"
    for _ in range(5):
        before, after = seconds(small), seconds(large)
        if after <= MOST_TIME * max(before, LITTLE):
            return
    before = min(seconds(small) for _ in range(5))
    after = min(seconds(large) for _ in range(5))
    assert after < MOST_TIME * before, f"{what}: {after:.4f} s, {before:.4f} s for a quarter"


def seconds(work: Callable[[], object]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin

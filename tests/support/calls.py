"""Counts function calls: an exact measure of work, unlike time."""

from __future__ import annotations

import gc
import sys
from typing import Any

import pytest


def calls_of(work: Any) -> int:
    """The number of calls of Python and C functions that `work` makes."""
    if sys.implementation.name != "cpython":
        pytest.skip("what is called in C differs, and changes as it is compiled")
    calls = 0

    def count(frame: Any, what: str, argument: Any) -> None:
        nonlocal calls
        calls += what in ("call", "c_call")

    gc.disable()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
        gc.enable()
    return calls

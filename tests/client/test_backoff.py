"""The pauses between two attempts to connect."""

from __future__ import annotations

import importlib
import random
from types import ModuleType

import pytest


@pytest.fixture
def backoff(ami: ModuleType) -> ModuleType:
    return importlib.import_module("amistream.client.backoff")


def test_pauses_double_up_to_the_bound_and_are_random(backoff: ModuleType) -> None:
    several = [backoff.Backoff(10.0, random.Random(seed)) for seed in range(50)]
    for attempt in range(40):
        longest = min(10.0, 0.2 * 2**attempt)
        pauses = [one.next() for one in several]
        assert all(longest / 2 <= pause <= longest for pause in pauses)
        assert len(set(pauses)) == 50
    assert 0 < backoff.Backoff(0.1).next() <= 0.1


def test_only_a_login_that_held_starts_them_anew(backoff: ModuleType) -> None:
    pauses = backoff.Backoff(10.0)
    for _ in range(10):
        pauses.next()
    pauses.note_session(9.9)
    assert pauses.next() >= 5.0
    pauses.note_session(10.0)
    assert pauses.next() <= 0.2

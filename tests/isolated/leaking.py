"""Leaks on purpose, to prove that a leak is detected; the second argument selects the leak."""

from __future__ import annotations

import itertools
import sys

from flat import HANGUP, stay_flat

import amistream
from amistream.core_events import Hangup

PARSER = amistream.Parser()
KEPT: list[object] = []
COUNT = itertools.count()


def step() -> int:
    found = PARSER.feed(100 * HANGUP)
    if sys.argv[2] == "objects":
        KEPT.append(found[::2])
    elif sys.argv[2] == "memory" and next(COUNT) % 10 == 0:
        KEPT.append(b"x" * 400_000)  # one block each
    elif sys.argv[2] == "references":
        KEPT.append([Hangup, Hangup])
    return len(found)


stay_flat(step)

"""What is measured in interpreters of its own: memory, imports, a live feed, parsers at once."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

from bench import (
    compat,
    compat_panoramisk,
    compat_pystrix,
    contenders,
    live,
    memory,
    parallel,
    rows,
)

ROOT = Path(__file__).resolve().parent.parent
SWITCHES = {
    "compiled": {"AMISTREAM_NO_EXTENSIONS": "", "AMISTREAM_REQUIRE_EXTENSIONS": "1"},
    "pure": {"AMISTREAM_NO_EXTENSIONS": "1"},
}
KEPT = [(name, "unread") for name in contenders.NAMES] + [(name, "read") for name in rows.TWINS]
IMPORT = "import time; start = time.perf_counter(); import {}; print(time.perf_counter() - start)"


def python(*arguments: str, **variables: str) -> str:
    """What an interpreter prints that runs in the checkout."""
    environment = {**os.environ, **variables}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=300,
    )
    return done.stdout


@pytest.mark.parametrize(("contender", "state"), KEPT)
def test_memory(note, capture, contender, state):
    wire = len(capture.data) / capture.messages
    resident, traced = (
        float(python("-m", "bench.memory", contender, state, meter)) for meter in memory.METERS
    )
    limit = rows.BYTES_FACTOR * wire + rows.BYTES_MORE
    note.values(
        contender,
        {state: resident},
        unit="bytes an event",
        traced=traced,
        wire=wire,
        limit=limit,
    )


@pytest.mark.parametrize("contender", contenders.NAMES)
def test_imports(note, quick, contender):
    switches = SWITCHES.get(contender, {})
    code = IMPORT.format("amistream" if switches else contender)
    times = [float(python("-c", code, **switches)) for _ in range(3 if quick else 20)]
    median = 1000 * statistics.median(times)
    note.values(contender, {"import": median}, unit="ms", least=1000 * min(times))


@pytest.mark.parametrize("contender", contenders.NAMES)
def test_live(note, quick, contender):
    seconds = 1.0 if quick else live.SECONDS
    delays = json.loads(python("-m", "bench.live", contender, "--seconds", str(seconds)))
    note.values(contender, delays, unit="ms", rate=live.RATE, seconds=seconds)


@pytest.mark.parametrize("contender", rows.TWINS)
def test_parallel(note, quick, contender):
    seconds = 0.5 if quick else 3.0
    one, two = (parallel.throughput(contender, parsers, seconds) for parsers in (1, 2))
    case = f"two {parallel.workers()}"
    note.values(contender, {case: two / one}, unit="times one", one=one, two=two)


@pytest.mark.parametrize("contender", rows.TWINS)
def test_pystrix(note, quick, contender):
    measure_programs(note, quick, contender, "pystrix", compat_pystrix)


@pytest.mark.parametrize("contender", rows.TWINS)
def test_panoramisk(note, quick, contender):
    measure_programs(note, quick, contender, "panoramisk", compat_panoramisk)


def measure_programs(note, quick, contender, peer, programs):
    jobs = {job: title for job, title in programs.JOBS.items() if job in programs.TARGETS}
    rounds = 1 if quick else 3
    found = compat.times(programs.__name__, programs.REPEATS, peer, contender, jobs, rounds)
    note.values(contender, found, unit=f"times {peer}")

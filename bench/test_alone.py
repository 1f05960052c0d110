"""The rows that need separate interpreters: memory, imports, a live feed, parallel parsers."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from bench import (
    client,
    compat,
    compat_panoramisk,
    compat_pystrix,
    contenders,
    live,
    memory,
    parallel,
    rows,
)

if TYPE_CHECKING:
    from bench.conftest import Recorder

ROOT = Path(__file__).resolve().parent.parent
SWITCHES = {
    "compiled": {"AMISTREAM_NO_EXTENSIONS": "", "AMISTREAM_REQUIRE_EXTENSIONS": "1"},
    "pure": {"AMISTREAM_NO_EXTENSIONS": "1"},
}
MEMORY_CASES = [(name, "unread") for name in contenders.NAMES] + [
    (name, "read") for name in rows.TWINS
]
IMPORT = "import time; start = time.perf_counter(); import {}; print(time.perf_counter() - start)"


def python(*arguments: str, **variables: str) -> str:
    """Run an interpreter in the checkout; return its output."""
    environment = {**os.environ, **variables}
    process = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=300,
    )
    return process.stdout


@pytest.mark.parametrize(("contender", "state"), MEMORY_CASES)
def test_memory(record: Recorder, capture: contenders.Stream, contender: str, state: str) -> None:
    wire = len(capture.data) / capture.messages
    resident, traced = (
        float(python("-m", "bench.memory", contender, state, meter)) for meter in memory.METERS
    )
    limit = rows.MEMORY_FACTOR * wire + rows.MEMORY_EXTRA
    record.values(
        contender,
        {state: resident},
        unit="bytes per event",
        traced=traced,
        wire=wire,
        limit=limit,
    )


@pytest.mark.parametrize("contender", contenders.NAMES)
def test_imports(record: Recorder, quick: bool, contender: str) -> None:
    switches = SWITCHES.get(contender, {})
    code = IMPORT.format("amistream" if switches else contender)
    times = [float(python("-c", code, **switches)) for _ in range(3 if quick else 20)]
    median = 1000 * statistics.median(times)
    record.values(contender, {"import": median}, unit="ms", least=1000 * min(times))


@pytest.mark.parametrize("contender", contenders.NAMES)
def test_live(record: Recorder, quick: bool, contender: str) -> None:
    seconds = 1.0 if quick else live.SECONDS
    delays = json.loads(python("-m", "bench.live", contender, "--seconds", str(seconds)))
    record.values(contender, delays, unit="ms", rate=live.RATE, seconds=seconds)


@pytest.mark.parametrize("contender", rows.TWINS)
def test_client(record: Recorder, quick: bool, contender: str) -> None:
    found = client.figures(contender, rounds=1 if quick else 3)
    record.values(contender, found, unit="as the line says")


@pytest.mark.parametrize("contender", rows.TWINS)
def test_parallel(record: Recorder, quick: bool, contender: str) -> None:
    seconds = 0.5 if quick else 3.0
    one, two = (parallel.throughput(contender, parsers, seconds) for parsers in (1, 2))
    case = f"two {parallel.workers()}"
    record.values(contender, {case: two / one}, unit="times one parser", one=one, two=two)


@pytest.mark.parametrize("contender", rows.TWINS)
def test_pystrix(record: Recorder, quick: bool, contender: str) -> None:
    measure_programs(record, quick, contender, "pystrix", compat_pystrix)


@pytest.mark.parametrize("contender", rows.TWINS)
def test_panoramisk(record: Recorder, quick: bool, contender: str) -> None:
    measure_programs(record, quick, contender, "panoramisk", compat_panoramisk)


def measure_programs(
    record: Recorder, quick: bool, contender: str, peer: str, programs: ModuleType
) -> None:
    jobs = {job: title for job, title in programs.JOBS.items() if job in programs.TARGETS}
    rounds = 1 if quick else 3
    found = compat.times(programs.__name__, programs.REPEATS, peer, contender, jobs, rounds)
    record.values(contender, found, unit=f"times {peer}")

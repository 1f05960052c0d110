"""Fixtures that run the command line as a person does: real processes, pipes and terminals."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from support.commands import HANGUP, MODULE, Run, read_terminal


@pytest.fixture(scope="module")
def environment(ami: ModuleType) -> dict[str, str]:
    """Environment variables that make a process use the tested twin."""
    variables = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("AMISTREAM_") and name != "PYTHONUNBUFFERED"
    }
    twin = "NO" if ami.IMPLEMENTATION == "pure" else "REQUIRE"
    return variables | {f"AMISTREAM_{twin}_EXTENSIONS": "1", "TERM": "xterm", "COLUMNS": "80"}


@pytest.fixture
def run(environment: dict[str, str]) -> Run:
    """Run the command line and wait until it ends."""

    def run(
        *arguments: object, python: tuple[str, ...] = MODULE, **options: Any
    ) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, *python, *map(str, arguments)]
        return subprocess.run(
            command, env=environment, capture_output=True, timeout=60, check=False, **options
        )

    return run


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    def write(data: bytes, name: str = "recorded.ami") -> Path:
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return write


@pytest.fixture
def at_terminal(environment: dict[str, str]) -> Run:
    """Run with one stream connected to a terminal. Return the exit code and the terminal's text."""
    pty = pytest.importorskip("pty")

    def run_there(
        stream: str, *arguments: object, python: tuple[str, ...] = MODULE, **options: Any
    ) -> tuple[int, str]:
        master, slave = pty.openpty()
        streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, stream: slave}
        command = [sys.executable, *python, *map(str, arguments)]
        process = subprocess.Popen(command, env=environment, **streams, **options)
        os.close(slave)
        if process.stdin:
            feed_until_shown(process.stdin, master)
        shown = read_terminal(master)
        return process.wait(60), shown

    return run_there


def feed_until_shown(pipe: Any, master: int) -> None:
    """Write until the terminal shows something, for at most half a minute."""
    with pipe:
        for _ in range(150):
            pipe.write(HANGUP * 100)
            pipe.flush()
            if select.select([master], [], [], 0.2)[0]:
                return

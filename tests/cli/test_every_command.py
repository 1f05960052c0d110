"""All commands: help, wrong arguments, closed and full outputs, bounds."""

from __future__ import annotations

import lzma
import os
import subprocess
import sys

import pytest
from support.commands import HANGUP, MODULE, NEWCHANNEL, QUEUE_EVENTS, error_line


def test_version(run, ami):
    done = run("--version")
    assert done.stdout.decode().split() == [
        "amistream",
        ami.__version__,
        f"({ami.IMPLEMENTATION})",
    ]


@pytest.mark.parametrize("command", [[], ["parse"], ["stats"]])
def test_help_gives_examples(run, command):
    done = run(*command, "--help")
    assert done.returncode == 0
    assert b"examples:\n" in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["fetch"],
        ["parse"],
        ["parse", "a.ami", "--sample"],
        ["parse", "--sample", "--json", "--csv"],
        ["parse", "--sample", "--typed"],
        ["parse", "--sample", "--only", " , "],
        ["stats", "--sample", "--csv"],
    ],
)
def test_a_wrong_command(run, arguments):
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stdout == b""
    assert done.stderr.startswith(b"usage: ")
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("command", [["parse"], ["parse", "--csv"], ["stats"]])
def test_a_file_that_is_missing(run, tmp_path, command):
    done = run(*command, tmp_path / "missing.ami")
    assert done.returncode == 2
    assert error_line(done) == f"{tmp_path / 'missing.ami'}: No such file or directory"


@pytest.mark.parametrize("command", [["parse"], ["parse", "--csv"], ["stats"]])
def test_a_folder(run, tmp_path, command):
    done = run(*command, tmp_path)
    assert done.returncode == 2
    assert str(tmp_path) in error_line(done)


@pytest.mark.parametrize("command", [["parse", "-"], ["parse", "-", "--csv"], ["stats", "-"]])
@pytest.mark.skipif(os.name != "posix", reason="needs a shell's redirections")
def test_closed_standard_input(environment, command):
    shell = ["sh", "-c", '"$@" <&-', "sh", sys.executable, *MODULE, *command]
    done = subprocess.run(shell, env=environment, capture_output=True, check=False)
    assert done.returncode == 2
    assert error_line(done) == "standard input is closed"


@pytest.mark.skipif(os.name != "posix", reason="needs a shell's redirections")
def test_closed_standard_output(environment):
    shell = ["sh", "-c", '"$@" >&-', "sh", sys.executable, *MODULE, "doctor"]
    done = subprocess.run(shell, env=environment, capture_output=True, check=False)
    assert done.returncode == 2
    assert error_line(done) == "standard output is closed"


@pytest.mark.parametrize("command", [["parse", QUEUE_EVENTS], ["stats", QUEUE_EVENTS], ["doctor"]])
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk(environment, command):
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, *MODULE, *command],
            env=environment,
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == 2
    assert error_line(done) == "No space left on device"


@pytest.mark.parametrize(
    "command",
    [
        ["parse", QUEUE_EVENTS],
        ["parse", QUEUE_EVENTS, "--json"],
        ["parse", QUEUE_EVENTS, "--csv"],
        ["stats", QUEUE_EVENTS],
        ["--help"],
    ],
)
def test_a_broken_pipe_is_quiet(environment, command):
    read_end, write_end = os.pipe()
    os.close(read_end)
    try:
        done = subprocess.run(
            [sys.executable, *MODULE, *command],
            env=environment,
            stdout=write_end,
            stderr=subprocess.PIPE,
            check=False,
        )
    finally:
        os.close(write_end)
    assert done.stderr == b""
    assert done.returncode == 141


@pytest.mark.heavy
@pytest.mark.parametrize("command", ["parse", "stats"])
def test_the_bounds_of_a_command(run, save, command):
    path = save(lzma.compress(NEWCHANNEL + 90_000_000 * b"\n" + HANGUP, preset=0))
    done = run(command, path)
    assert (done.returncode, b"Hangup" in done.stdout) == (1, False)
    assert b"Newchannel" in done.stdout
    assert error_line(done).startswith(f"{path} expands to more than max_expansion=1000 times its")
    done = run(command, path, "--max-expansion", "100000", "--max-headers", "2")
    offset = len(NEWCHANNEL) + 90_000_000
    assert error_line(done).startswith(
        f"{path}: the message at byte {offset} has more than max_headers=2 lines"
    )
    for bad in ("0", "-1", "1e3", "x", str(1 << 31)):
        done = run(command, path, "--max-line", bad)
        assert done.returncode == 2
        assert b"argument --max-line: must be a number from 1 to 2,147,483,647, not " in done.stderr

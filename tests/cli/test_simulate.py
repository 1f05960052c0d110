"""`amistream simulate`: a server in a process of its own."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

LOGIN = b"Action: Login\r\nUsername: lab\r\nSecret: labsecret\r\n\r\n"


# A shell starts background jobs with SIGINT ignored, and their child processes inherit that.
HEEDING = (
    "-c",
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    "from amistream.cli import main; sys.exit(main())",
)


@contextmanager
def simulate(*options: str) -> Iterator[tuple[subprocess.Popen[str], int, str]]:
    """The process, its port, and the line that it printed."""
    command = [sys.executable, *HEEDING, "simulate", "--port", "0", *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            line = process.stderr.readline()
            found = re.search(r"127\.0\.0\.1:(\d+)", line)
            assert found is not None, line + process.stderr.read()
            yield process, int(found[1]), line
        finally:
            process.kill()


def read(port: int, end: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), 30) as client:
        client.sendall(LOGIN)
        data = b""
        while end not in data:
            piece = client.recv(1 << 16)
            assert piece, data[-200:]
            data += piece
        return data


def test_it_plays_a_call_centre() -> None:
    with simulate("--calls-per-second", "200", "--full-speed", "--once") as (process, port, line):
        assert "a call centre of 200 calls a second" in line
        assert "user 'lab', secret 'labsecret'" in line
        assert b"Event: Newchannel\r\n" in read(port, b"Event: Hangup\r\n")
        assert process.wait(30) == 0
        assert process.stderr is not None
        assert "messages" in process.stderr.read()


def test_it_plays_a_file_and_ends_with_ctrl_c() -> None:
    with simulate("--sample", "--full-speed") as (process, port, _):
        data = read(port, b"Event: Hangup\r\n")
        assert data.startswith(b"Asterisk Call Manager/")
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--agents", "0"], "positive whole number"),
        (["--calls-per-second", "-1"], "positive number"),
        (["--rate", "5", "--full-speed"], "not allowed with"),
        (["no-such-file.ami"], "no-such-file.ami"),
        (["--skew", "-1"], "skew must not be negative"),
        (["--output", "x.ami"], "--seconds"),
        (["--repeat", "-1"], "must be a whole number"),
        (["--port", "70000"], "must be 65535 at most"),
        (["--tls", "no-such-file.pem"], "no-such-file.pem: No such file"),
        (["--tls", __file__], "it has no certificate with its key in PEM"),
    ],
)
def test_what_it_refuses(run, options, words):
    done = run("simulate", "--port", "0", *options)
    assert done.returncode == 2
    assert words in done.stderr.decode()


def test_a_port_in_use(run):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run("simulate", "--port", str(taken.getsockname()[1]))
    assert done.returncode == 2
    assert "cannot listen on 127.0.0.1" in done.stderr.decode()


def test_it_writes_the_stream_of_a_call_centre(run, tmp_path):
    path = tmp_path / "calls.ami"
    options = ("--seconds", "1", "--calls-per-second", "2", "--seed", "3")
    done = run("simulate", *options, "--output", str(path))
    assert done.returncode == 0
    counted = re.fullmatch(r"amistream: 2 calls, (\d+) events\n", done.stderr.decode())
    assert counted is not None
    assert path.read_bytes().count(b"\r\n\r\n") == int(counted[1])
    assert run("simulate", *options, "-o", "-").stdout == path.read_bytes()


def test_the_help_teaches(run):
    said = run("simulate", "--help").stdout.decode()
    for words in ("examples:", "--restart-every", "amistream.connect", "--one-by-one"):
        assert words in said

"""Commands, streams and output readers that the tests of the command line share."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from support.paths import DATA

QUEUE_EVENTS = str(DATA / "queue-events.ami.gz")
LIST_ACTIONS = str(DATA / "list-actions.ami.gz")

MODULE = ("-m", "amistream")
WITHOUT_RICH = (
    "-c",
    "import sys; sys.modules['rich'] = None; from amistream.cli import main; sys.exit(main())",
)

BANNER = b"Asterisk Call Manager/11.0.0\r\n"
HANGUP = b"Event: Hangup\r\nCause: 16\r\nChannel: PJSIP/a\r\n\r\n"
NEWCHANNEL = b"Event: Newchannel\r\nChannel: PJSIP/b\r\n\r\n"
CUT_OFF = b"Event: Cut\r\nChannel: "

Run = Callable[..., "subprocess.CompletedProcess[bytes]"]


def error_line(done: subprocess.CompletedProcess[bytes]) -> str:
    """The text on standard error, which must be one line without a traceback."""
    text = done.stderr.decode()
    assert text.count("\n") == 1, text
    assert text.startswith("amistream: ")
    return text.removeprefix("amistream: ").removesuffix("\n").replace("\r", "")


def read_json(done: subprocess.CompletedProcess[bytes]) -> list[dict[str, Any]]:
    assert done.returncode == 0, done.stderr
    lines = done.stdout.decode("utf-8").split("\n")
    assert lines.pop() == ""
    return [json.loads(line, parse_constant=pytest.fail) for line in lines]


def read_terminal(master: int) -> str:
    shown = b""
    while True:
        try:
            piece = os.read(master, 1 << 16)
        except OSError:
            piece = b""
        if not piece:
            os.close(master)
            return shown.decode()
        shown += piece

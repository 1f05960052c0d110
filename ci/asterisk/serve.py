"""Serves an Asterisk to another program, which starts and ends it by commands.

The program reads and writes lines. Each line that it gets is an object in JSON. The first one says
where Asterisk listens, and who may log in:

    {"host": "127.0.0.1", "port": 20000, "tls_port": 20007, "certificate": "/...", "pid": 4711}

or {"unavailable": "the reason"}. Then each line of input is a command, and each line of output is
its answer: {"pid": 4712}, with null while Asterisk does not run, or {"error": "the reason"}.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Iterable
from typing import Any

import media
from chroot import CERTIFICATE, Chroot, LabError, Progress, UnavailableError

HOST = "127.0.0.1"
END_LIMIT = 20.0


def serve(chroot: Chroot, progress: Progress, commands: Iterable[str]) -> int:
    """Start Asterisk, obey the commands until there are no more, and stop it."""
    try:
        chroot.build(progress)
        chroot.configure(media.files())
        _start(chroot)
    except UnavailableError as reason:
        _say(unavailable=str(reason))
        return 0
    try:
        _say(
            host=HOST,
            port=chroot.ports.ami,
            tls_port=chroot.ports.ami_tls,
            certificate=str(CERTIFICATE),
            pid=chroot.pid,
        )
        for line in commands:
            _obey(chroot, line.strip())
    finally:
        chroot.stop()
    return 0


def _obey(chroot: Chroot, command: str) -> None:
    try:
        if command not in COMMANDS:
            raise LabError(f"no command {command!r}; there are {', '.join(COMMANDS)}")
        COMMANDS[command](chroot)
    except LabError as reason:
        _say(error=str(reason))
    else:
        _say(pid=chroot.pid)


def _start(chroot: Chroot) -> None:
    if chroot.running:
        chroot.wait_banner()
    else:
        chroot.start()
    # Before it has booted, it may reset a connection that it accepted.
    chroot.run_cli("core waitfullybooted")


def _stop(chroot: Chroot) -> None:
    chroot.run_cli("core stop now")  # while it boots, it ignores a SIGTERM
    _wait(chroot)


def _kill(chroot: Chroot) -> None:
    chroot.send_signal(signal.SIGKILL)
    _wait(chroot)


def _wait(chroot: Chroot) -> None:
    if not chroot.wait_ended(END_LIMIT):
        raise LabError("Asterisk did not end")


COMMANDS: dict[str, Callable[[Chroot], object]] = {
    "start": _start,
    "stop": _stop,
    "kill": _kill,
    "wait": _wait,
    "freeze": lambda chroot: chroot.send_signal(signal.SIGSTOP),
    "thaw": lambda chroot: chroot.send_signal(signal.SIGCONT),
    "state": lambda chroot: None,
}
"""What each command does: `start` waits until Asterisk has booted; `stop` ends it in order, `kill`
with SIGKILL; `wait` waits until it has ended by itself. `freeze` stops the process, as if its
machine were gone, until `thaw`.
"""


def _say(**answer: Any) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()

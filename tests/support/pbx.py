"""A real Asterisk for tests: started by `python ci/asterisk --serve`, and ended by commands."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

from support.paths import ROOT

ANSWER_LIMIT: Final = 30.0
CALLS_LIMIT: Final = 30.0

SECRETS: Final = {
    "lab": "labsecret",  # may do everything
    "noperm": "noperm",  # neither reads nor writes
    "nosystem": "nosystem",  # its `read` lacks `system`, so it never gets FullyBooted
    "nocall": "nocall",  # its `read` lacks `call`, so it never gets OriginateResponse
    "slow": "slow",  # Asterisk cuts it off if it blocks for 100 ms
    "walled": "walled",  # refused by its ACL
    "once": "once",  # logs in once at a time
}
"""The secret of each manager user; ci/asterisk/etc/manager.conf has their permissions."""


class Unavailable(Exception):  # noqa: N818 - the name states the fact
    """There is no Asterisk on this machine."""


class Asterisk:
    """One Asterisk. Its methods block, so call them in a thread from a coroutine.

    host, port, tls_port: where it listens. certificate: the file that its TLS certificate is
    verified with.
    """

    def __init__(self, chroot: Path) -> None:
        command = [sys.executable, str(ROOT / "ci" / "asterisk"), "--serve", "--root", str(chroot)]
        self._server = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        try:
            about = self._read()
        except BaseException:
            self.close()
            raise
        if "unavailable" in about:
            self.close()
            raise Unavailable(about["unavailable"])
        self.host: str = about["host"]
        self.port: int = about["port"]
        self.tls_port: int = about["tls_port"]
        self.certificate: str = about["certificate"]

    def _read(self) -> dict[str, Any]:
        assert self._server.stdout is not None
        line = self._server.stdout.readline()
        if not line:
            raise RuntimeError("python ci/asterisk --serve has ended; its output says why")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer

    def _tell(self, command: str) -> dict[str, Any]:
        assert self._server.stdin is not None
        self._server.stdin.write(f"{command}\n")
        self._server.stdin.flush()
        return self._read()

    @property
    def running(self) -> bool:
        """Whether the process of Asterisk exists."""
        return self._tell("state")["pid"] is not None

    def start(self) -> None:
        """Start it, unless it runs, and wait until it has booted."""
        self._tell("start")

    def stop(self) -> None:
        """Have it stop in order, and wait for its end."""
        self._tell("stop")

    def kill(self) -> None:
        """End it with SIGKILL."""
        self._tell("kill")

    def wait(self) -> None:
        """Wait until it has ended by itself."""
        self._tell("wait")

    def freeze(self) -> None:
        """Stop the process, as if its machine were gone."""
        self._tell("freeze")

    def thaw(self) -> None:
        """Let a frozen process go on."""
        self._tell("thaw")

    def make_ready(self) -> None:
        """Have it run, booted and without calls."""
        self.thaw()
        self.start()
        deadline = time.monotonic() + CALLS_LIMIT
        self.command("channel request hangup all")
        while b"\nOutput: 0 active channels\r\n" not in self.command("core show channels count"):
            if time.monotonic() > deadline:
                raise RuntimeError("Asterisk did not end its calls in time")
            time.sleep(0.05)

    def command(self, command: str) -> bytes:
        """The answer to a command of Asterisk's CLI, asked without any client."""
        login = f"Action: Login\r\nUsername: lab\r\nSecret: {SECRETS['lab']}\r\nEvents: off\r\n\r\n"
        action = f"Action: Command\r\nActionID: asked\r\nCommand: {command}\r\n\r\n"
        read = b""
        with socket.create_connection((self.host, self.port), ANSWER_LIMIT) as connection:
            connection.sendall((login + action).encode())
            while b"\r\n\r\n" not in read.partition(b"ActionID: asked\r\n")[2]:
                piece = connection.recv(1 << 16)
                if not piece:
                    raise RuntimeError(f"Asterisk closed the connection after {read!r}")
                read += piece
        return read

    def close(self) -> None:
        """End Asterisk and what serves it."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.close()
        self._server.wait()
        self._server.stdout.close()

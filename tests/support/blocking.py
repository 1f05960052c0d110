"""A blocking client of a few lines, for the tests of servers."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from typing import Any

BANNER = b"Asterisk Call Manager/11.0.0\r\n"


class Client:
    """A blocking client of a few lines."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        self.data = b""

    def send(self, *lines: str) -> None:
        self.socket.sendall("\r\n".join((*lines, "", "")).encode())

    def read_until(self, end: bytes) -> bytes:
        """The bytes up to `end`, which are not given again."""
        while end not in self.data:
            piece = self.socket.recv(1 << 16)
            assert piece, f"the server closed the connection after {self.data!r}"
            self.data += piece
        found, _, self.data = self.data.partition(end)
        return found + end

    def read_size(self, size: int) -> bytes:
        while len(self.data) < size:
            piece = self.socket.recv(1 << 16)
            assert piece, "the server closed the connection"
            self.data += piece
        found, self.data = self.data[:size], self.data[size:]
        return found

    def ask(self, *lines: str) -> bytes:
        self.send(*lines)
        return self.read_until(b"\r\n\r\n")

    def login(self, *lines: str) -> bytes:
        account = ("Action: Login", "Username: lab", "Secret: labsecret")
        return self.ask(*account, *lines)

    def rest(self) -> bytes:
        with contextlib.suppress(ConnectionError):
            while piece := self.socket.recv(1 << 16):
                self.data += piece
        return self.data


@contextlib.contextmanager
def connected(simulator: Any) -> Iterator[Client]:
    client = Client(simulator.port)
    try:
        yield client
    finally:
        client.socket.close()


@contextlib.contextmanager
def logged_in(simulator: Any, *account: str) -> Iterator[Client]:
    """A client that has read the banner, the answer to its login, and FullyBooted."""
    with connected(simulator) as client:
        client.read_until(b"\r\n")
        lines = account or ("Username: lab", "Secret: labsecret")
        assert b"accepted" in client.ask("Action: Login", *lines)
        if simulator.boots and not account:
            assert b"FullyBooted" in client.read_until(b"\r\n\r\n")
        yield client

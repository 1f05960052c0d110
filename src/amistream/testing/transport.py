"""How the Simulator's bytes reach a client: a plain socket, or TLS over one."""

from __future__ import annotations

import contextlib
import math
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import ssl

__all__ = ["TlsTransport", "Transport"]

RECEIVE: Final = 1 << 16
SEND_STEP: Final = 0.25
"""A send that waits for the client looks so often whether the connection has to end, in seconds."""


class Transport:
    """A connected socket that one thread reads and another one writes.

    The socket is only closed by `close`, when both threads have left it: the number of a closed
    socket may already belong to another one.
    """

    def __init__(self, client: socket.socket, write_timeout: float) -> None:
        self._socket = client
        self._write_timeout = write_timeout
        client.setblocking(True)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # With settimeout, each call would first ask the kernel whether the socket is ready.
        step = int(SEND_STEP * 1e6)
        windows = sys.platform == "win32"
        wait = struct.pack("L", step // 1000) if windows else struct.pack("ll", 0, step)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, wait)

    def open(self) -> None:
        """Shake hands, if there is something to agree on. OSError if that fails."""

    def receive(self) -> bytes:
        """Wait for bytes; none at the end of the connection."""
        return self._socket.recv(RECEIVE)

    def send(
        self, data: bytes | memoryview, sent: bytearray | None, ends: Callable[[], bool]
    ) -> None:
        """Send bytes, and add to `sent` what the kernel took. OSError if the client is gone.

        TimeoutError if it reads nothing for too long, or if `ends` says that this is the end.
        """
        rest, deadline = data, math.inf
        while rest:
            try:
                count = self._socket.send(rest)
            except (BlockingIOError, TimeoutError):
                if ends() or time.monotonic() >= deadline:
                    raise TimeoutError("the client does not read") from None
                deadline = min(deadline, time.monotonic() + self._write_timeout)
                continue
            if sent is not None:
                sent += rest[:count]
            if count == len(rest):
                return
            rest, deadline = memoryview(rest)[count:], math.inf

    def end_sending(self) -> None:
        """Tell the client that nothing comes any more."""
        self._shut(socket.SHUT_WR)

    def end_receiving(self) -> None:
        """Wake up who waits in `receive`."""
        self._shut(socket.SHUT_RD)

    def end(self) -> None:
        """End both directions, and wake up who waits in either."""
        self._shut(socket.SHUT_RDWR)

    def prepare_reset(self) -> None:
        """Let `close` break the connection off, so that the client gets a reset."""
        with contextlib.suppress(OSError):
            linger = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def _shut(self, how: int) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(how)


class TlsTransport(Transport):
    """TLS between two buffers in memory: an ssl socket must not be used by two threads."""

    def __init__(
        self, client: socket.socket, write_timeout: float, context: ssl.SSLContext
    ) -> None:
        super().__init__(client, write_timeout)
        import ssl  # plain connections do not need it

        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._wants = ssl.SSLWantReadError
        self._ended = ssl.SSLZeroReturnError
        self._lock = threading.Lock()

    def open(self) -> None:
        """Shake hands."""
        while True:
            try:
                self._tls.do_handshake()
                return
            except self._wants:
                pass
            finally:
                self._flush()
            self._take_in()

    def receive(self) -> bytes:
        """Wait for bytes; none at the end of the connection."""
        while True:
            with self._lock:
                try:
                    data = self._tls.read(RECEIVE)
                    return data if isinstance(data, bytes) else b""
                except self._ended:
                    return b""
                except self._wants:
                    self._flush()
            self._take_in()

    def send(
        self, data: bytes | memoryview, sent: bytearray | None, ends: Callable[[], bool]
    ) -> None:
        """Send bytes, as a Transport does. What is added to `sent` is not encrypted."""
        with self._lock:
            rest = memoryview(data)
            while rest:
                rest = rest[self._tls.write(rest) :]
            super().send(self._outgoing.read(), None, ends)
        if sent is not None:
            sent += data

    def end_sending(self) -> None:
        """Tell the client that nothing comes any more, in TLS's own words too."""
        with contextlib.suppress(OSError), self._lock:
            with contextlib.suppress(self._wants):
                self._tls.unwrap()
            self._flush()
        super().end_sending()

    def _take_in(self) -> None:
        data = super().receive()
        with self._lock:
            if data:
                self._incoming.write(data)
            else:
                self._incoming.write_eof()

    def _flush(self) -> None:
        super().send(self._outgoing.read(), None, lambda: False)

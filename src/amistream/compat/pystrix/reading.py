"""Reads pystrix's socket in large blocks, and splits them into amistream's messages."""

from __future__ import annotations

import importlib
from collections import deque
from typing import Any, Final

from amistream import Parser
from amistream.errors import MessageTooLarge, TruncatedMessage
from amistream.messages import Message

ami: Any = importlib.import_module("pystrix.ami.ami")

BLOCK: Final = 1 << 18
"""How many bytes one read asks for."""


class Connection:
    """One of pystrix's connections, read through a Parser, which keeps an incomplete message."""

    def __init__(self, connection: Any, max_message: int) -> None:
        self._connection = connection
        self._parser = Parser(None, max_message, max_line=max_message, max_headers=max_message)
        self._block = bytearray(BLOCK)
        self._view = memoryview(self._block)
        self._has_buffered = True
        self._timed_out = False
        self._waiting: deque[Message] = deque()
        self._counted = 0
        self.too_large = 0
        """How many messages were skipped since the last report."""

    def count_bytes(self) -> int:
        """How many bytes were read since the last call."""
        before, self._counted = self._counted, self._parser.bytes
        return self._counted - before

    def read(self) -> list[Message]:
        """The messages that came; none after the connection's timeout or if none is whole yet.

        pystrix's ManagerSocketError at the end of the stream.
        """
        if self._waiting:
            found, self._waiting = list(self._waiting), deque()
            return found
        connection = self._connection
        self._timed_out = False
        try:
            data = self._receive()
        except TimeoutError:
            self._timed_out = True
            return []
        except (OSError, ValueError, AttributeError) as error:  # another thread closed it
            connection.close()
            raise ami.ManagerSocketError(
                f"the connection to Asterisk broke while reading: {error}"
            ) from error
        if data:
            return self._split(data)
        connection.close()
        messages = self._end()
        if messages:
            return messages
        raise ami.ManagerSocketError("Asterisk closed the connection")

    def read_one(self) -> Message | None:
        """The next message; None after the connection's timeout."""
        while not self._waiting:
            self._waiting.extend(self.read())
            if self._timed_out:
                return None
        return self._waiting.popleft()

    def _receive(self) -> bytes | memoryview:
        """A block of bytes; an empty one at the end of the stream."""
        if self._has_buffered:
            buffered = self._take_buffered()
            if buffered is not None:
                return buffered
        with self._connection._socket_read_lock:
            return self._view[: self._connection._socket.recv_into(self._block)]

    def _take_buffered(self) -> bytes | None:
        """The bytes that pystrix's buffered file holds after the greeting.

        If its buffer is empty, the file reads a block. None if the file cannot be read any more.
        """
        self._has_buffered = False
        with self._connection._socket_read_lock:
            try:
                found: bytes = self._connection._socket_file.read1(-1)
            except TimeoutError:
                raise
            except OSError:  # after one timeout the file cannot be read again, but the socket can
                return None
            return found

    def _split(self, data: bytes | memoryview) -> list[Message]:
        found: list[Message] = []
        while True:
            try:
                return found + self._parser.feed(data)
            except MessageTooLarge as error:  # noqa: PERF203 (the loop nearly always runs once)
                found += error.messages
                self.too_large += 1
                data = b""  # the parser has the rest

    def _end(self) -> list[Message]:
        try:
            return self._parser.close()
        except TruncatedMessage as error:
            return list(error.messages)

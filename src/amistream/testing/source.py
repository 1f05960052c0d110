"""What a Simulator plays: a capture, bytes, or a call centre, as messages with their times."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any, Final, Literal, NamedTuple

from amistream.files import read_bytes
from amistream.testing.workload import Options, Workload, scripts

__all__ = ["BLOCK", "Data", "Pace", "Piece", "Source"]

BLOCK: Final = 1 << 16
"""The size of a write at full speed, in bytes; it ends with a message."""

Pace = float | Literal["recorded"] | None
Data = bytes | memoryview

_TERMINATOR: Final = b"\r\n\r\n"
_TIMESTAMP: Final = re.compile(rb"^Timestamp: (\d+\.\d+)", re.MULTILINE)


class Piece(NamedTuple):
    """Bytes that are written at once: when, in seconds; and how many messages they are."""

    offset: float
    data: Data
    messages: int


class Source:
    """The messages to play. `banner` is the first line of a capture, which a client gets first.

    given: a path, the bytes of a stream, the options of a call centre, a Workload, or None.

    A capture is played byte for byte: its messages are cut at each blank line and nowhere else.
    It is held in memory once, however many clients there are.
    """

    def __init__(self, given: Any) -> None:
        self.banner: bytes | None = None
        self.workload: Workload | None = None
        self._data = b""
        self._begin = 0
        self._blocks: list[Piece] | None = None
        if isinstance(given, Workload | Options):
            self.workload = given if isinstance(given, Workload) else Workload(given)
        elif isinstance(given, str | os.PathLike):
            self._keep(read_bytes(given))
        elif isinstance(given, bytes | bytearray | memoryview):
            self._keep(bytes(given))
        elif given is not None:
            raise TypeError(f"source is a path, bytes, Options or a Workload, not {given!r}")

    def _keep(self, data: bytes) -> None:
        self._data = data
        if data.startswith(b"Asterisk Call Manager/"):
            self._begin = data.find(b"\n") + 1 or len(data)
            self.banner = data[: self._begin]

    def __bool__(self) -> bool:
        return self.workload is not None or self._begin < len(self._data)

    def prepare(self) -> None:
        """Load what all clients share."""
        if self.workload is not None:
            scripts()

    def messages(self) -> Iterator[bytes]:
        """The messages, one by one."""
        if self.workload is not None:
            yield from self.workload.events()
            return
        data, begin = self._data, self._begin
        while begin < len(data):
            end = data.find(_TERMINATOR, begin)
            end = len(data) if end < 0 else end + len(_TERMINATOR)
            yield data[begin:end]
            begin = end

    def blocks(self) -> Iterator[Piece]:
        """The messages in blocks of at most BLOCK bytes, or one message."""
        if self.workload is not None:
            return self._join()
        if self._blocks is None:
            self._blocks = list(self._cut())
        return iter(self._blocks)

    def _cut(self) -> Iterator[Piece]:
        """The blocks of a capture, without a copy."""
        data, begin, whole = self._data, self._begin, memoryview(self._data)
        while begin < len(data):
            end = begin + BLOCK
            if end < len(data):
                found = data.rfind(_TERMINATOR, begin, end)
                found = data.find(_TERMINATOR, end - len(_TERMINATOR)) if found < 0 else found
                end = len(data) if found < 0 else found + len(_TERMINATOR)
            end = min(end, len(data))
            count = data.count(_TERMINATOR, begin, end)
            count += not data.endswith(_TERMINATOR, begin, end)
            yield Piece(0.0, whole[begin:end], count)
            begin = end

    def _join(self) -> Iterator[Piece]:
        """The blocks of a call centre, as its events are made."""
        block: list[bytes] = []
        size = 0
        for message in self.messages():
            if block and size + len(message) > BLOCK:
                yield Piece(0.0, b"".join(block), len(block))
                block, size = [], 0
            block.append(message)
            size += len(message)
        if block:
            yield Piece(0.0, b"".join(block), len(block))

    def timed(self) -> Iterator[tuple[float, bytes]]:
        """The messages with their seconds since the first one, by the header Timestamp.

        A message without one is played together with the message before it. Time never goes back.
        """
        first: float | None = None
        offset = 0.0
        for message in self.messages():
            found = _TIMESTAMP.search(message)
            if found is not None:
                moment = float(found[1])
                first = moment if first is None else first
                offset = max(offset, moment - first)
            yield offset, message

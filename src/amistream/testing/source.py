"""What a Simulator plays: a capture, bytes, or a call centre, as messages with their times."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, Literal

from amistream.files import read_bytes
from amistream.testing.workload import Options, Workload

__all__ = ["BLOCK", "Pace", "Source"]

BLOCK: Final = 1 << 16
"""The size of a write at full speed, in bytes; it ends with a message."""

Pace = float | Literal["recorded"] | None

_TERMINATOR: Final = b"\r\n\r\n"
_TIMESTAMP: Final = re.compile(rb"^Timestamp: (\d+\.\d+)", re.MULTILINE)


class Source:
    """The messages to play. `banner` is the first line of a capture, which a client gets first.

    given: a path, the bytes of a stream, the options of a call centre, a Workload, or None.

    A capture is played byte for byte: its messages are cut at each blank line and nowhere else.
    """

    def __init__(self, given: Any) -> None:
        self.banner: bytes | None = None
        self._messages: list[bytes] | None = None
        self._blocks: list[tuple[bytes, int]] | None = None
        self._workload: Workload | None = None
        if isinstance(given, Workload | Options):
            self._workload = given if isinstance(given, Workload) else Workload(given)
        elif isinstance(given, str | os.PathLike):
            self._keep(read_bytes(given))
        elif isinstance(given, bytes | bytearray | memoryview):
            self._keep(bytes(given))
        elif given is None:
            self._messages = []
        else:
            raise TypeError(f"source is a path, bytes, Options or a Workload, not {given!r}")

    def _keep(self, data: bytes) -> None:
        if data.startswith(b"Asterisk Call Manager/"):
            end = data.find(b"\n") + 1 or len(data)
            self.banner, data = data[:end], data[end:]
        pieces = data.split(_TERMINATOR)
        rest = pieces.pop()
        self._messages = [piece + _TERMINATOR for piece in pieces] + ([rest] if rest else [])

    @property
    def workload(self) -> Workload | None:
        """The call centre, if there is one."""
        return self._workload

    def __bool__(self) -> bool:
        return self._messages is None or bool(self._messages)

    def messages(self) -> Iterable[bytes]:
        """The messages, one by one."""
        if self._messages is not None:
            return self._messages
        assert self._workload is not None
        return self._workload.events()

    def blocks(self) -> Iterable[tuple[bytes, int]]:
        """The messages in blocks of at most BLOCK bytes, or one message; and their number."""
        if self._messages is None:
            return self._make_blocks()
        if self._blocks is None:
            self._blocks = list(self._make_blocks())  # a capture may be played many times
        return self._blocks

    def _make_blocks(self) -> Iterator[tuple[bytes, int]]:
        block: list[bytes] = []
        size = 0
        for message in self.messages():
            if block and size + len(message) > BLOCK:
                yield b"".join(block), len(block)
                block, size = [], 0
            block.append(message)
            size += len(message)
        if block:
            yield b"".join(block), len(block)

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

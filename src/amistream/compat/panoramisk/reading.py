"""Splits the data of panoramisk's connections into amistream's messages."""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Iterator
from typing import Any, Final

from amistream import Parser
from amistream.errors import MessageTooLarge, TruncatedMessage

BANNER: Final = "Asterisk Call Manager/"
_ASCII: Final = bytes(range(128))


class Connection:
    """One of panoramisk's connections, read through a Parser, which keeps an incomplete message.

    It does not keep the protocol, which owns it: that would be a cycle.
    """

    def __init__(self, max_message: int) -> None:
        self._parser: Any = Parser(None, max_message, max_line=max_message, max_headers=max_message)

    def read(self, protocol: Any, data: bytes) -> Iterator[list[Any]]:
        """The messages that the data completes, in one list; a too large message splits the list.

        A too large message is skipped and logged. The protocol gets its version from the banner.
        """
        for messages in self._split(protocol, data):
            if protocol.version is None:
                self._set_version(protocol)
            if messages:
                yield messages

    def _split(self, protocol: Any, data: bytes) -> Iterator[list[Any]]:
        while True:
            try:
                yield self._parser.feed(data)
                return
            except MessageTooLarge as error:  # noqa: PERF203 (once a chunk)
                protocol.log.error("amistream: %s", error)
                yield error.messages
                data = b""  # the parser has the rest

    def _set_version(self, protocol: Any) -> None:
        banner = self._parser.banner or ""
        if banner.startswith(BANNER):
            protocol.version = banner.removeprefix(BANNER).strip()
            protocol.log.info("protocol version: '%s'", protocol.version)

    def hand_back(self, protocol: Any) -> None:
        """Give the incomplete message to panoramisk's own reader."""
        rest = b""
        try:
            complete = self._parser.close()
        except TruncatedMessage as error:
            complete, rest = error.messages, error.raw
        rest = b"".join(message.raw for message in complete) + rest
        encoding = getattr(protocol, "encoding", "ascii")
        protocol.queue = deque([rest.decode(encoding, "ignore")])


def take_over(protocol: Any, encoding: str) -> bytes:
    """Take the incomplete message from panoramisk's own reader."""
    queue = getattr(protocol, "queue", ())
    rest: str = "".join(queue)
    if queue:
        queue.clear()
    return rest.encode(encoding)


@functools.lru_cache(maxsize=16)
def is_ascii_based(encoding: str) -> bool:
    """Whether the bytes below 128 are ASCII in this encoding."""
    return _ASCII.decode(encoding, "ignore") == _ASCII.decode("ascii")


def save(protocol: Any, data: bytes) -> None:
    """Append the data to the manager's `save_stream`, a file or its path, if it has one."""
    stream = getattr(protocol.factory, "save_stream", None)
    if not stream:
        return
    if hasattr(stream, "write"):
        stream.write(data)
        return
    with open(stream, "ab") as file:
        file.write(data)

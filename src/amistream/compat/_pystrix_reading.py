"""pystrix's socket, read in blocks: what its reader's thread does, and what it leaves to others."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable
from types import ModuleType
from typing import Any, Final

from amistream import Parser
from amistream.compat._pystrix_messages import Maker
from amistream.errors import MessageTooLarge, TruncatedMessage
from amistream.messages import Message

BLOCK: Final = 1 << 18
"""How many bytes are asked for at once."""


class Mailbox:
    """Events on their way from the reader to the callbacks, in batches; pystrix's `event_queue`.

    The reader may wait for fewer to be in it, so that memory is bounded and the peer held back;
    but not while an action awaits its answer, which comes by the same way.
    """

    def __init__(self, maker: Maker) -> None:
        self._maker = maker
        self._changed = threading.Condition()
        self._batches: deque[list[Any]] = deque()
        self._queued = 0
        self._awaited = -1
        self._urgent = 0
        self._woken = False

    def put_batch(self, batch: list[Any]) -> None:
        """Add events as they were read, or as pystrix made them."""
        with self._changed:
            self._batches.append(batch)
            self._queued += len(batch)
            self._changed.notify_all()

    def take_batch(self, timeout: float | None) -> list[Any]:
        """The oldest batch; an empty one after `timeout` seconds, or when woken."""
        with self._changed:
            if not self._batches and not self._woken:
                self._changed.wait(timeout)
            self._woken = False
            batch = self._batches.popleft() if self._batches else []
            self._count_off(len(batch))
            return batch

    def wake(self) -> None:
        """Let `take_batch` return, and the reader look whether it is to end."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def add_urgent(self, number: int) -> None:
        """So many more actions await an answer, or fewer."""
        with self._changed:
            self._urgent += number
            self._changed.notify_all()

    def await_fewer(self, most: int, seconds: float, is_over: Callable[[], bool]) -> bool:
        """Wait until no more than so many events wait; False if they do after so many seconds.

        It does not wait while an action awaits its answer, or once it `is_over`.
        """
        with self._changed:
            self._awaited = most
            is_done = self._changed.wait_for(
                lambda: bool(self._urgent) or self._queued <= most or is_over(), seconds
            )
            self._awaited = -1
            return is_done

    def _count_off(self, number: int) -> None:
        self._queued -= number
        if self._queued <= self._awaited:
            self._changed.notify_all()

    # The rest is what pystrix's own dispatcher, or a program that watches the queue, asks for.

    def qsize(self) -> int:
        """How many events wait."""
        return self._queued

    def empty(self) -> bool:
        """Whether none waits."""
        return self._queued == 0

    def put(self, event: Any) -> None:
        """Add one event."""
        self.put_batch([event])

    def get_nowait(self) -> Any:
        """The oldest event, as pystrix's; queue.Empty if there is none."""
        with self._changed:
            if not self._batches:
                raise queue.Empty
            event = self._batches[0].pop(0)
            if not self._batches[0]:
                self._batches.popleft()
            self._count_off(1)
        if not isinstance(event, Message):
            return event
        name = event.name or ""
        return self._maker.event(event, name, self._maker.class_of(name))


class Source:
    """One connection of pystrix's, read through a Parser; what is half read stays in there."""

    def __init__(self, ami: ModuleType, connection: Any, max_message: int) -> None:
        self._error: type[Exception] = ami.ManagerSocketError
        self._connection = connection
        self._parser = Parser(None, max_message, max_line=max_message, max_headers=max_message)
        self._block = bytearray(BLOCK)
        self._view = memoryview(self._block)
        self._has_buffered = True
        self._waiting: deque[Message] = deque()
        self.too_large = 0

    def read(self) -> list[Message]:
        """What came; nothing after the connection's timeout. pystrix's error at the end."""
        if self._waiting:
            found, self._waiting = list(self._waiting), deque()
            return found
        connection = self._connection
        try:
            data = self._receive()
        except TimeoutError:
            return []
        except (OSError, ValueError, AttributeError) as error:  # closed here, by another thread
            connection.close()
            raise self._error(f"the connection to Asterisk broke while reading: {error}") from error
        if data:
            return self._split(data)
        connection.close()
        messages = self._end()
        if messages:
            return messages
        raise self._error("Asterisk closed the connection")

    def read_one(self) -> Message | None:
        """The next message; None after the connection's timeout."""
        found = self.read()
        if not found:
            return None
        self._waiting.extend(found[1:])
        return found[0]

    def _receive(self) -> bytes | memoryview:
        """A block; an empty one at the end of the stream."""
        if self._has_buffered:
            early = self._take_buffered()
            if early is not None:
                return early
        with self._connection._socket_read_lock:
            return self._view[: self._connection._socket.recv_into(self._block)]

    def _take_buffered(self) -> bytes | None:
        """What pystrix's buffered file holds behind the greeting; or a block, if it is empty."""
        self._has_buffered = False
        with self._connection._socket_read_lock:
            try:
                found: bytes = self._connection._socket_file.read1(-1)
            except TimeoutError:
                raise
            except OSError:  # a file that timed out once cannot be read again, but the socket can
                return None
            return found

    def _split(self, data: bytes | memoryview) -> list[Message]:
        found: list[Message] = []
        while True:
            try:
                return found + self._parser.feed(data)
            except MessageTooLarge as error:  # noqa: PERF203 (a loop of one, nearly always)
                found += error.messages
                self.too_large += 1
                data = b""  # the parser has the rest

    def _end(self) -> list[Message]:
        try:
            return self._parser.close()
        except TruncatedMessage as error:
            return list(error.messages)

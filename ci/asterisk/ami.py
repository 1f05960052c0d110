"""AMI connections that keep every byte and parse each block with the library under test."""

from __future__ import annotations

import contextlib
import itertools
import select
import socket
import threading
import time
from collections.abc import Callable

from chroot import LabError

import amistream

USER = "lab"
SECRET = "labsecret"
BLOCK = 1 << 16
POLL_INTERVAL = 0.5
"""How often an idle reader checks whether it must end, in seconds."""


class Connection:
    """One connection; a thread reads it, in blocks of any size that the socket returns."""

    def __init__(self, port: int, name: str) -> None:
        self.name = name
        self.data = bytearray()
        self.messages: list[amistream.Message] = []
        self.failure: Exception | None = None
        self.parser = amistream.Parser()
        self._changed = threading.Condition()
        self._numbers = itertools.count(1)
        self._closing = False
        self._socket = socket.create_connection(("127.0.0.1", port), 10)
        self._sending = threading.Lock()
        self._reader = threading.Thread(target=self._read, name=f"read {name}", daemon=True)
        self._reader.start()

    def _read(self) -> None:
        try:
            while not self._closing:
                if not select.select([self._socket], [], [], POLL_INTERVAL)[0]:
                    continue
                try:
                    block = self._socket.recv(BLOCK)
                except OSError:
                    break
                if not block:
                    break
                self.data += block
                found = self.parser.feed(block)
                with self._changed:
                    self.messages += found
                    self._changed.notify_all()
        except Exception as error:  # the run reports any failure of the parser
            self.failure = error
        finally:
            with self._changed:
                self._closing = True
                self._changed.notify_all()

    def send(self, **headers: object) -> str:
        """Send an action with a new ActionID; a list value repeats its header for each item."""
        action_id = f"{self.name}-{next(self._numbers)}"
        lines = [f"ActionID: {action_id}"]
        for header, value in headers.items():
            values = value if isinstance(value, list) else [value]
            lines += [f"{header}: {item}" for item in values]
        # The reader thread notices if the connection has ended.
        with self._sending, contextlib.suppress(OSError):
            self._socket.sendall("\r\n".join([*lines, "", ""]).encode())
        return action_id

    def wait_ended(self, seconds: float) -> bool:
        """Whether Asterisk closes the connection in time."""
        self._reader.join(seconds)
        return self._closing

    def wait(
        self, wanted: Callable[[amistream.Message], bool], seconds: float, since: int = 0
    ) -> amistream.Message | None:
        """The first wanted message from number `since` on; None if none comes in time."""
        deadline = time.monotonic() + seconds
        position = since
        while True:
            with self._changed:
                while position >= len(self.messages):
                    remaining = deadline - time.monotonic()
                    if remaining <= 0 or self._closing:
                        return None
                    self._changed.wait(remaining)
                new_messages = self.messages[position:]
            for message in new_messages:
                if wanted(message):
                    return message
            position += len(new_messages)
            if time.monotonic() > deadline:
                return None

    def answer(self, action_id: str, seconds: float = 20.0) -> amistream.Message | None:
        """The response to an action."""
        return self.wait(
            lambda message: (
                "Response" in message
                and "Event" not in message
                and message.get("ActionID") == action_id
            ),
            seconds,
        )

    def login(self) -> None:
        action_id = self.send(Action="Login", Username=USER, Secret=SECRET)
        answer = self.answer(action_id)
        if answer is None or answer["Response"] != "Success":
            raise LabError(f"Asterisk did not let the lab log in: {answer!r}")

    def close(self) -> None:
        """Close the connection, unless Asterisk has closed it."""
        self._closing = True
        self._reader.join(2.0)
        self._socket.close()

"""The parsers that are measured, behind one interface: both twins, pystrix and panoramisk.

Each contender does exactly what its own reader does with a stream. What a contender must know
beforehand, such as which headers to read, is worked out before the timing starts.
"""

from __future__ import annotations

import asyncio
import functools
import gzip
import importlib
import io
import itertools
import os
import socket
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple
from unittest import mock

CAPTURE = Path(__file__).resolve().parent.parent / "tests" / "data" / "queue-events.ami.gz"
CHUNK = 1 << 16
NAMES = ("compiled", "pure", "pystrix", "panoramisk")

Reader = Callable[[Any], tuple[object, ...]]


class Stream:
    """A stream in memory, cut into chunks; it starts with the banner."""

    def __init__(self, data: bytes, chunk: int = CHUNK) -> None:
        self.data = data
        self.messages = data.count(b"\r\n\r\n")
        self.chunks = [data[start : start + chunk] for start in range(0, len(data), chunk)]


def capture(chunk: int = CHUNK) -> Stream:
    """The recorded call centre: 24,571 events after one response."""
    return Stream(gzip.decompress(CAPTURE.read_bytes()), chunk)


class Choice(NamedTuple):
    """A header to read: its name, amistream's attribute for it if any, and its number type.

    The number type is "int", "float", or "" for text.
    """

    name: str
    attribute: str | None
    number: str


class Contender(ABC):
    """One parser and the work that is measured; results are returned only to be checked."""

    name: str

    @abstractmethod
    def messages(self, stream: Stream) -> Iterable[Any]:
        """Every message as the contender's own object."""

    @abstractmethod
    def hangups(self, stream: Stream) -> int:
        """Keep only the Hangup events; return their number."""

    @abstractmethod
    def expression(self, choice: Choice) -> str:
        """The expression that reads a header of the message `m`, as a user would write it."""

    @abstractmethod
    def receive(self, port: int, count: int, handle: Callable[[Any], object]) -> None:
        """Connect to a local port and call `handle` with each of `count` messages."""

    def split(self, stream: Stream) -> None:
        """Make an object of every message, and drop it."""
        for _ in self.messages(stream):
            pass

    def typed(self, stream: Stream, readers: list[Reader]) -> None:
        """The same, and read three headers of each message."""
        for message, read in zip(self.messages(stream), readers, strict=True):
            read(message)

    def process(self, stream: Stream) -> None:
        """Call `process()` on every event; skip the first message, which is a response.

        pystrix's responses have no `process()`.
        """
        messages = iter(self.messages(stream))
        next(messages)
        for event in messages:
            event.process()

    def dicts(self, stream: Stream) -> None:
        """Make a dict of every message."""
        for message in self.messages(stream):
            message.to_dict()

    def readers(self, choices: list[tuple[Choice, ...]]) -> list[Reader]:
        """One function per message, which reads the headers chosen for it."""
        return [self._reader(message_choices) for message_choices in choices]

    @functools.cache  # noqa: B019 (a contender lives as long as the process)
    def _reader(self, choices: tuple[Choice, ...]) -> Reader:
        values = "".join(f"{self.expression(choice)}, " for choice in choices)
        reader: Reader = eval(f"lambda m: ({values})")
        return reader


@functools.cache
def load(name: str) -> Contender:
    """The contender of that name; ImportError if it is not installed or not built."""
    if name == "pystrix":
        return Pystrix()
    return Panoramisk() if name == "panoramisk" else Amistream(name)


def choose(stream: Stream) -> list[tuple[Choice, ...]]:
    """The three headers to read from each message, the same for every contender.

    They are the first headers that the message's own class declares. If those are fewer than
    three, headers that every event declares follow, and then any others. A number that cannot be
    read counts as text, so that the peers need no `try`.
    """
    package = twin("pure")
    feed = package.Parser().feed
    common = {name for header in package.Event.headers().values() for name in header.names}
    messages = itertools.chain.from_iterable(map(feed, stream.chunks))
    # Equal choices share one object: thousands of tuples would slow the GC down.
    known: dict[tuple[Choice, ...], tuple[Choice, ...]] = {}
    all_choices = (_choose(message, common) for message in messages)
    return [known.setdefault(choices, choices) for choices in all_choices]


def _choose(message: Any, common: set[str]) -> tuple[Choice, ...]:
    declared = {
        name: (attribute, header.kind)
        for attribute, header in type(message).headers().items()
        for name in header.names
    }
    carried = [name for name in message if name != "Event"]
    carried.sort(key=lambda name: (name not in declared, name in common))
    return tuple(
        _choice(name, message[name], *declared.get(name, (None, ""))) for name in carried[:3]
    )


def _choice(name: str, text: str, attribute: str | None, kind: str) -> Choice:
    return Choice(name, attribute, kind if _is_number(kind, text) else "")


def _is_number(kind: str, text: str) -> bool:
    try:
        {"int": int, "float": float}[kind](text)
    except (KeyError, ValueError):
        return False
    return True


# --- amistream --------------------------------------------------------------------------------


@functools.cache
def twin(name: str) -> ModuleType:
    """The package of one twin.

    The compiled twin is the normal `import amistream`; the pure twin is a second import beside
    it. The compiled twin cannot be the second one: an extension initialises once per process.
    """
    if name == "pure":
        modules = _remove_modules()
        with mock.patch.dict(os.environ, AMISTREAM_NO_EXTENSIONS="1"):
            package = importlib.import_module("amistream")
        _remove_modules()
        sys.modules.update(modules)
        return package
    package = importlib.import_module("amistream")
    if name != package.IMPLEMENTATION:
        raise ImportError(f"the compiled twin is missing: {package._impl.PURE_REASON}")
    return package


def _remove_modules() -> dict[str, ModuleType]:
    """Remove the package's modules from `sys.modules`, so that it can be imported again."""
    names = [name for name in sys.modules if name.partition(".")[0] == "amistream"]
    return {name: sys.modules.pop(name) for name in names}


class Amistream(Contender):
    """One twin of this package."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.package = twin(name)

    def messages(self, stream: Stream) -> Iterable[Any]:
        return itertools.chain.from_iterable(map(self.package.Parser().feed, stream.chunks))

    def hangups(self, stream: Stream) -> int:
        feed = self.package.Parser(only={self.package.core_events.Hangup}).feed
        kept = 0
        for _ in itertools.chain.from_iterable(map(feed, stream.chunks)):
            kept += 1
        return kept

    def expression(self, choice: Choice) -> str:
        return f"m[{choice.name!r}]" if choice.attribute is None else f"m.{choice.attribute}"

    def receive(self, port: int, count: int, handle: Callable[[Any], object]) -> None:
        feed = self.package.Parser().feed
        with socket.create_connection(("127.0.0.1", port)) as connection:
            while count > 0:
                messages = feed(connection.recv(CHUNK))
                count -= len(messages)
                for message in messages:
                    handle(message)


# --- the peers --------------------------------------------------------------------------------


class Pystrix(Contender):
    """pystrix 1.3: its socket's read_message(), then the class that its reader thread sets."""

    name = "pystrix"

    def __init__(self) -> None:
        self.ami = importlib.import_module("pystrix.ami").ami
        self.hangup = importlib.import_module("pystrix.ami.core_events").Hangup

    def messages(self, stream: Stream) -> Iterator[Any]:
        # The constructor would connect; here a file takes the place of the connection.
        connection = self.ami._SynchronisedSocket.__new__(self.ami._SynchronisedSocket)
        connection._socket_file = io.BytesIO(stream.data)
        connection._socket_file.readline()
        connection._socket_read_lock = threading.Lock()
        connection._socket_write_lock = threading.Lock()
        connection._connected = True
        return self._read(connection, stream.messages)

    def _read(self, connection: Any, count: int) -> Iterator[Any]:
        read, classes = connection.read_message, self.ami._EVENT_REGISTRY
        key, plain = self.ami.KEY_EVENT, self.ami._Event
        for _ in range(count):
            message = read()
            if key in message:
                message.__class__ = classes.get(message.name) or plain
            yield message

    def hangups(self, stream: Stream) -> int:
        kept = 0
        for message in self.messages(stream):
            if isinstance(message, self.hangup):
                kept += 1
        return kept

    def expression(self, choice: Choice) -> str:
        return f"{choice.number}(m[{choice.name!r}])"

    def receive(self, port: int, count: int, handle: Callable[[Any], object]) -> None:
        connection = self.ami._SynchronisedSocket("127.0.0.1", port, timeout=None)
        for message in self._read(connection, count):
            handle(message)


class Panoramisk(Contender):
    """panoramisk 1.4: the work of its protocol class on the data, up to Message.from_line()."""

    name = "panoramisk"

    def __init__(self) -> None:
        self.from_line = importlib.import_module("panoramisk").Message.from_line

    def messages(self, stream: Stream) -> Iterator[Any]:
        return itertools.chain.from_iterable(map(self._feeder(), stream.chunks))

    def _feeder(self) -> Callable[[bytes], list[Any]]:
        rest = ""

        def feed(chunk: bytes) -> list[Any]:
            nonlocal rest
            *frames, rest = (rest + chunk.decode("utf-8", "ignore")).split("\r\n\r\n")
            return [message for frame in frames if (message := self.from_line(frame.strip()))]

        return feed

    def hangups(self, stream: Stream) -> int:
        kept = 0
        for message in self.messages(stream):
            if message.event == "Hangup":
                kept += 1
        return kept

    def dicts(self, stream: Stream) -> None:
        self.split(stream)  # panoramisk's messages are dicts

    def expression(self, choice: Choice) -> str:
        return f"{choice.number}(m[{choice.name!r}])"

    def receive(self, port: int, count: int, handle: Callable[[Any], object]) -> None:
        asyncio.run(self._receive(port, count, handle))

    async def _receive(self, port: int, count: int, handle: Callable[[Any], object]) -> None:
        feed = self._feeder()
        done = asyncio.get_running_loop().create_future()

        class Protocol(asyncio.Protocol):
            left = count

            def data_received(self, data: bytes) -> None:
                messages = feed(data)
                for message in messages:
                    handle(message)
                self.left -= len(messages)
                if self.left <= 0 and not done.done():
                    done.set_result(None)

        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_connection(Protocol, "127.0.0.1", port)
        await done
        transport.close()

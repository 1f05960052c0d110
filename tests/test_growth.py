"""Growth: no stream makes the work of any public operation grow faster than its bytes.

Each operation runs on n and on 4 n units of a hostile stream. The pure twin's calls are counted.
What happens inside a call, and the compiled twin's work, only time can tell: this is the one test
that compares times. They may grow by a factor of 8, and only the best of five counts.
"""

from __future__ import annotations

import copy
import importlib
import pickle
import sys
from collections.abc import Callable
from contextlib import suppress
from types import ModuleType
from typing import Any

import pytest
from support.growth import check_growth
from support.hostile import LARGE, MESSAGES, STREAMS, Shape

pytestmark = pytest.mark.skipif(
    sys.implementation.name != "cpython", reason="other compilers and collectors decide about time"
)

UNITS = 800
"""n: the lines of a large message, or the messages that are parsed."""
FEW_UNITS = 200
"""n for what is done with each message by itself."""
Operation = Callable[[ModuleType, list[Any]], object]


def each(read: Callable[[Any], object]) -> Operation:
    def read_all(ami: ModuleType, messages: list[Any]) -> None:
        for message in messages:
            read(message)

    return read_all


def typed(message: Any) -> None:
    for attribute in type(message).headers():
        getattr(message, attribute)


READINGS: dict[str, Operation] = {
    "name": each(lambda message: message.name),
    "raw": each(lambda message: message.raw),
    "data": each(lambda message: message.data),
    "action_id": each(lambda message: message.action_id),
    "[]": each(lambda message: message[next(iter(message), "Event")] if len(message) else None),
    "get": each(lambda message: message.get("Uniqueid")),
    "get a missing name": each(lambda message: message.get("Missing")),
    "get in any case": each(lambda message: message.get("missing", ignore_case=True)),
    "get_all": each(lambda message: message.get_all("Same")),
    "in": each(lambda message: "Uniqueid" in message),
    "items": each(lambda message: (list(message), message.values(), message.items())),
    "to_dict": each(lambda message: message.to_dict()),
    "to_dict, typed": each(lambda message: message.to_dict(typed=True)),
    "process": each(lambda message: message.process()),
    "typed attributes": each(typed),
    "repr": each(repr),
    "==": each(lambda message: message == copy.copy(message) == "Hangup"),
    "pickle": each(lambda message: pickle.loads(pickle.dumps(message))),
}


def collect(ami: ModuleType, messages: list[Any]) -> None:
    collector = ami.Collector(max_open=10 * len(messages) + 1)
    for message in messages:
        if isinstance(message, ami.Message):
            collector.add(message)
    repr(collector.waiting)


def collect_few(ami: ModuleType, messages: list[Any]) -> None:
    """Nearly every list is refused, or given up at once."""
    for options in ({"max_open": 5}, {"timeout": 1e-9}, {"max_members": 2}):
        collector = ami.Collector(**options)
        for message in messages:
            with suppress(ami.TooManyLists):
                collector.add(message)


COLLECTORS: dict[str, Operation] = {"Collector": collect, "a full Collector": collect_few}


def parse(ami: ModuleType, stream: bytes, size: int = 1 << 12, **options: Any) -> list[Any]:
    """The messages of a stream that is fed in chunks."""
    parser = ami.Parser(**options)
    found: list[Any] = []
    for at in range(0, len(stream), size):
        chunk = stream[at : at + size]
        while True:
            try:
                found += parser.feed(chunk)
                break
            except ami.MessageTooLarge as error:
                found += error.messages
                chunk = b""
    return found


def receive(ami: ModuleType, stream: bytes) -> None:
    """Give a stream to a session with open actions, and its events to three subscriptions."""
    client = importlib.import_module("amistream.client.connection")
    settings = importlib.import_module("amistream.client.settings")
    routing = importlib.import_module("amistream.client.router")
    subscriptions = importlib.import_module("amistream.client.subscriptions")
    selection = importlib.import_module("amistream.client.selection")
    session = client.Connection(
        host="h", port=1, username="u", secret=settings.Secret("s"), prefix="~k-", auth="plain"
    )
    session.receive(b"Asterisk Call Manager/11.0.0\r\n", 0.0)
    session.receive(b"Response: Success\r\nActionID: ~k-1\r\n\r\n", 0.0)
    for action in ("Ping", "QueueStatus", "IAXpeers"):
        session.request(action, {}, 0.0, None)
    router = routing.Router()
    for only, overflow in ((None, "error"), ("Hang*", "drop_oldest"), (None, "drop_newest")):
        wanted = selection.Wanted(only)
        router.add(subscriptions.new_queue(wanted, overflow, 100, 10**6, None))
    for at in range(0, len(stream), 1 << 12):
        found = session.receive(stream[at : at + (1 << 12)], 0.0)
        router.route(found, session.kinds, None, 0.0)
        if session.failure is not None:
            return


Parsing = Callable[[ModuleType, bytes], object]

PARSINGS: dict[str, Parsing] = {
    "in chunks": parse,
    "whole": lambda ami, stream: parse(ami, stream, len(stream)),
    "in pieces": lambda ami, stream: parse(ami, stream, 100),
    "only Hangup": lambda ami, stream: parse(ami, stream, only="Hangup"),
    "only patterns": lambda ami, stream: parse(
        ami, stream, only=ami._registry.Checked({"Q*e*", "*a*b*?", "Hangup"}), keep_action_ids="~"
    ),
    "in a session of the client": lambda ami, stream: receive(ami, stream),
    "with small bounds": lambda ami, stream: parse(ami, stream, len(stream), max_message=200),
    "with few headers": lambda ami, stream: parse(ami, stream, len(stream), max_headers=2),
    "with short lines": lambda ami, stream: parse(ami, stream, 1000, max_line=12),
}


def check_operations(
    ami: ModuleType, make: Shape, operations: dict[str, Operation], units: int
) -> None:
    for name, read in operations.items():

        def work(n: int, read: Operation = read) -> Callable[[], object]:
            messages = parse(ami, make(n))
            return lambda: read(ami, [copy.copy(message) for message in messages])

        check_growth(name, work, units, counted=ami.IMPLEMENTATION == "pure")


@pytest.mark.parametrize("shape", MESSAGES)
def test_reading_a_large_message(ami: ModuleType, shape: str) -> None:
    check_operations(ami, MESSAGES[shape], READINGS, UNITS)


@pytest.mark.parametrize("shape", STREAMS)
def test_reading_many_messages(ami: ModuleType, shape: str) -> None:
    operations = {name: READINGS[name] for name in ("to_dict", "typed attributes")}
    check_operations(ami, STREAMS[shape], {**operations, **COLLECTORS}, FEW_UNITS)


@pytest.mark.parametrize("shape", {**MESSAGES, **STREAMS, "too large": LARGE})
def test_parsing(ami: ModuleType, shape: str) -> None:
    make: Shape = {**MESSAGES, **STREAMS, "too large": LARGE}[shape]
    for name, feed in PARSINGS.items():

        def work(n: int, feed: Parsing = feed) -> Callable[[], object]:
            stream = make(n)
            return lambda: feed(ami, stream)

        check_growth(name, work, UNITS, counted=ami.IMPLEMENTATION == "pure")

"""The reader that panoramisk's protocol gets: frames by amistream, events to whom they concern.

panoramisk decodes what it receives, splits it, makes a dict of every message and tries every
pattern on it. Here a Parser splits; which callbacks concern an event is kept by its name; and a
message is made only for an event that concerns one, or for what may be the answer to an action.
What a program replaced in its own subclass (dispatch, handle_message) is called as panoramisk does.
"""

from __future__ import annotations

import asyncio
import functools
import importlib
import logging
import weakref
from collections import deque
from collections.abc import Iterator
from typing import Any, Final

from amistream import _registry
from amistream._impl import Parser
from amistream.compat import AlreadyReplaced
from amistream.compat._panoramisk_messages import EOL, eager, lazy
from amistream.errors import MessageTooLarge, TruncatedMessage

Protocol: Any = importlib.import_module("panoramisk.ami_protocol").AMIProtocol
Manager: Any = importlib.import_module("panoramisk.manager").Manager
utils: Any = importlib.import_module("panoramisk.utils")

MOST_NAMES: Final = 2048
LONGEST_NAME: Final = 256
BANNER: Final = "Asterisk Call Manager/"
_EVENT_AGAIN: Final = b"\nevent: "
_ASCII: Final = bytes(range(128))

_READER: Final = "_amistream_reader"
_ROUTES: Final = "_amistream_routes"


# --- install ----------------------------------------------------------------------------------


class _Installed:
    """What was in place of ours, and the bound that was told; None if ours is not in place."""

    max_message: int | None = None
    data_received: Any = None
    dispatch: Any = None


_protocols: weakref.WeakSet[Any] = weakref.WeakSet()
"""The protocols that have one of our readers."""


def install(max_message: int) -> None:
    """Put our reader and dispatch into panoramisk's classes; protocols take it as data comes."""
    Parser(max_message=max_message)  # raises what is wrong with the bound
    if _Installed.max_message is None:
        _Installed.data_received = _own(Protocol, "data_received")
        _Installed.dispatch = _own(Manager, "dispatch")
        Protocol.data_received = _data_received
        Manager.dispatch = _dispatch
    _Installed.max_message = max_message


def _own(cls: Any, method: str) -> Any:
    """The method as panoramisk wrote it."""
    found = vars(cls)[method]
    if found.__module__ != cls.__module__:
        raise AlreadyReplaced("panoramisk", f"{cls.__name__}.{method}")
    return found


def uninstall() -> None:
    """Put back what was there; open connections go on where they are."""
    if _Installed.max_message is None:
        return
    Protocol.data_received = _Installed.data_received
    Manager.dispatch = _Installed.dispatch
    _Installed.max_message = None
    for protocol in list(_protocols):
        vars(protocol).pop(_READER).hand_back(protocol)
    _protocols.clear()


def bound() -> int | None:
    """The bound that was told, None if ours is not in place."""
    return _Installed.max_message


# --- which callbacks concern an event ---------------------------------------------------------


class _Route:
    """What is done with events of one name.

    matches: the patterns that match, each with its place among the manager's.
    patterns: the same, alone.
    first_line: what the bytes of such an event start with; None if panoramisk must read the name.
    custom: its headers are anyone's, so there may be another that names the event.
    wanted: it has to be looked at even if no action waits for an answer.
    simple: if it is looked at, then for its callbacks only.
    """

    __slots__ = ("custom", "first_line", "matches", "name", "patterns", "simple", "wanted")

    def __init__(self, name: str, matches: list[tuple[int, str]]) -> None:
        plain = name.isascii() and name == name.strip() != ""
        self.name = name
        self.matches = matches
        self.patterns = [pattern for _, pattern in matches]
        self.first_line = f"Event: {name}{EOL}".encode() if plain else None
        self.custom = name == _registry.USER_EVENT.decode()
        self.simple = plain and not self.custom and name.lower() != "shutdown"
        self.wanted = bool(matches) or not self.simple

    def message(self, raw: bytes, encoding: str) -> Any:
        """The message that panoramisk would make of the bytes; None if it passes over them."""
        plain = self.first_line is not None and raw.startswith(self.first_line)
        if not plain or utils.EOL != EOL or (self.custom and _EVENT_AGAIN in raw.lower()):
            return eager(raw, encoding)
        return lazy(raw, self.name, encoding)


class _Routes:
    """The routes of one manager, found once for each name until its patterns change."""

    def __init__(self) -> None:
        self.known: dict[Any, _Route] = {}  # by event name, or by the class that serves but one
        self._patterns: list[Any] = []
        self._registered = 0

    def refresh(self, manager: Any) -> None:
        """Forget all if patterns were added or removed, or event classes registered."""
        registered = len(_registry.classes)
        if manager.patterns != self._patterns or registered != self._registered:
            self._patterns = list(manager.patterns)
            self._registered = registered
            self.known.clear()

    def of_name(self, name: str) -> _Route:
        """The route of events called `name`."""
        route = self.known.get(name)
        if route is None:
            matching = enumerate(self._patterns)
            route = _Route(
                name, [(at, one) for at, (one, regexp) in matching if regexp.match(name)]
            )
            if len(name) <= LONGEST_NAME:
                self._keep(name, route)
        return route

    def of_wire(self, wire: Any) -> _Route:
        """The route of a message off the wire."""
        route = self.of_name(wire.name or "")
        cls = type(wire)
        # Reading the name takes longer than the rest, so the class stands for it where it can.
        if list(_registry.classes.values()).count(cls) == 1:
            self._keep(cls, route)
        return route

    def _keep(self, key: Any, route: _Route) -> None:
        if len(self.known) >= MOST_NAMES:
            self.known.clear()
        self.known[key] = route

    def call_back(self, manager: Any, event: Any, route: _Route) -> list[str]:
        """Call whom the event concerns; the patterns that matched."""
        patterns = self._patterns
        for at, pattern in route.matches:
            _call(manager, event, pattern)
            if manager.patterns != patterns:
                called = [pattern for earlier, pattern in route.matches if earlier <= at]
                called += self._call_back_from(at + 1, manager, event)
                self.refresh(manager)
                return called
        return route.patterns

    def _call_back_from(self, at: int, manager: Any, event: Any) -> Iterator[str]:
        """The same from a place on, when a callback has just changed the patterns."""
        while at < len(manager.patterns):
            pattern, regexp = manager.patterns[at]
            if regexp.match(event.event):
                _call(manager, event, pattern)
                yield pattern
            at += 1


def _call(manager: Any, event: Any, pattern: str) -> None:
    for callback in manager.callbacks[pattern]:
        given = callback(manager, event)
        if given is not None and asyncio.iscoroutine(given):
            asyncio.ensure_future(given, loop=manager.loop)  # noqa: RUF006 (as panoramisk does)


def _routes_of(manager: Any) -> _Routes:
    routes: _Routes | None = vars(manager).get(_ROUTES)
    if routes is None:
        routes = _Routes()
        setattr(manager, _ROUTES, routes)
    routes.refresh(manager)
    return routes


def _dispatch(manager: Any, event: Any) -> list[str]:
    """Call the callbacks whose pattern matches the event's name; the patterns that matched."""
    event.manager = manager
    routes = _routes_of(manager)
    return list(routes.call_back(manager, event, routes.of_name(event.event)))


# --- the reader -------------------------------------------------------------------------------


def _data_received(protocol: Any, data: bytes) -> None:
    """Handle the messages that the data completes."""
    encoding = getattr(protocol, "encoding", "ascii")
    if not _is_ascii_based(encoding):
        _Installed.data_received(protocol, data)
        return
    _save(protocol, data)
    reader: _Reader | None = vars(protocol).get(_READER)
    if reader is None:
        reader = _Reader()
        setattr(protocol, _READER, reader)
        _protocols.add(protocol)
        data = _take_over(protocol, encoding) + data
    reader.receive(protocol, data, encoding)


class _Reader:
    """What one connection has sent so far."""

    def __init__(self) -> None:
        bound = _Installed.max_message
        assert bound is not None
        self._parser: Any = Parser(None, bound, max_line=bound, max_headers=bound)

    def receive(self, protocol: Any, data: bytes, encoding: str) -> None:
        """Handle the messages that the data completes."""
        for wires in self._split(protocol, data):
            if protocol.version is None:
                self._note_version(protocol)
            if not wires:
                continue
            if _is_as_shipped(protocol):
                _deliver(protocol, wires, encoding)
            else:
                _deliver_all(protocol, wires, encoding)

    def _split(self, protocol: Any, data: bytes) -> Iterator[list[Any]]:
        """Messages, in one go but if one of them is too large."""
        while True:
            try:
                yield self._parser.feed(data)
                return
            except MessageTooLarge as error:  # noqa: PERF203 (once a chunk)
                protocol.log.error("amistream: %s", error)
                yield error.messages
                data = b""

    def _note_version(self, protocol: Any) -> None:
        banner = self._parser.banner or ""
        if banner.startswith(BANNER):
            protocol.version = banner.removeprefix(BANNER).strip()
            protocol.log.info("protocol version: '%s'", protocol.version)

    def hand_back(self, protocol: Any) -> None:
        """Let panoramisk's own reader go on with what is not whole yet."""
        rest = b""
        try:
            held = self._parser.close()
        except TruncatedMessage as error:
            held, rest = error.messages, error.raw
        rest = b"".join(wire.raw for wire in held) + rest
        encoding = getattr(protocol, "encoding", "ascii")
        protocol.queue = deque([rest.decode(encoding, "ignore")])


def _take_over(protocol: Any, encoding: str) -> bytes:
    """What panoramisk's own reader had left for later."""
    queue = getattr(protocol, "queue", ())
    left: str = "".join(queue)
    if queue:
        queue.clear()
    return left.encode(encoding)


@functools.lru_cache(maxsize=16)
def _is_ascii_based(encoding: str) -> bool:
    return _ASCII.decode(encoding, "ignore") == _ASCII.decode("ascii")


def _save(protocol: Any, data: bytes) -> None:
    """Copy what came to where the manager was told to save it."""
    stream = getattr(protocol.factory, "save_stream", None)
    if not stream:
        return
    if hasattr(stream, "write"):
        stream.write(data)
        return
    with open(stream, "ab") as file:
        file.write(data)


def _is_as_shipped(protocol: Any) -> bool:
    """Whether nobody can tell that messages which concern no one are not made."""
    dispatch = getattr(protocol.factory, "dispatch", None)
    return (
        getattr(dispatch, "__func__", None) is _dispatch
        and getattr(protocol.handle_message, "__module__", None) == Protocol.__module__
        and not _is_logged(protocol)
    )


def _is_logged(protocol: Any) -> bool:
    """Whether each message goes to the log; one of the program's own may have no levels."""
    try:
        return bool(protocol.log.isEnabledFor(logging.DEBUG))
    except AttributeError:
        return True


def _deliver(protocol: Any, wires: list[Any], encoding: str) -> None:
    """Hand over the messages that concern a callback or an action that waits for its answer."""
    manager = protocol.factory
    routes = _routes_of(manager)
    known = routes.known.get
    responses = protocol.responses
    crlf = utils.EOL == EOL
    for wire in wires:
        route = known(type(wire)) or known(wire.name or "") or routes.of_wire(wire)
        if not route.wanted and not (responses and _may_answer(wire)):
            continue
        raw = wire.raw
        if route.simple and not responses and crlf and raw.startswith(route.first_line):
            message = lazy(raw, route.name, encoding)
            message.manager = manager
            routes.call_back(manager, message, route)
        else:
            message = route.message(raw, encoding)
            if message is not None:
                protocol.handle_message(message)


def _may_answer(wire: Any) -> bool:
    return any(wire.get(name, ignore_case=True) is not None for name in ("ActionID", "CommandID"))


def _deliver_all(protocol: Any, wires: list[Any], encoding: str) -> None:
    """Hand over every message, as panoramisk does."""
    for wire in wires:
        message = _Route(wire.name or "", []).message(wire.raw, encoding)
        protocol.log.debug("message interpreted: %r", message)
        if message is not None:
            protocol.handle_message(message)

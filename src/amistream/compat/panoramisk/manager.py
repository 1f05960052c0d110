"""What panoramisk's Manager does with messages: it gives them to its callbacks and actions.

panoramisk makes a message of everything it receives, and tries every pattern on every event. Here
the patterns that match an event name are cached. A message is made only if a callback's pattern
matches the event, or if it may be the answer to an action. If the program replaced `dispatch` or
`handle_message` in a subclass of its own, they are called as panoramisk calls them.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from amistream import _registry
from amistream._wire import LONGEST_CACHED_NAME, USER_EVENT
from amistream.compat.panoramisk.messages import EOL, eager, lazy

Protocol: Any = importlib.import_module("panoramisk.ami_protocol").AMIProtocol
utils: Any = importlib.import_module("panoramisk.utils")

MAX_NAMES: Final = 2048
"""How many routes are cached."""
_CUSTOM: Final = USER_EVENT.decode()
_SECOND_EVENT_HEADER: Final = b"\nevent: "

STATE: Final = "_amistream_state"
"""The attribute of a manager that holds its ManagerState."""


class Route:
    """What is done with the events of one name.

    matches: the patterns that match, each with its index in the manager's list.
    patterns: the same patterns without the index.
    first_line: the first line of such an event; None if panoramisk must read the name.
    is_custom: the event is a UserEvent, whose own headers can name it again.
    is_wanted: a message is made of it even if no action waits for an answer.
    is_simple: if no action waits, a message of it goes to the callbacks only.
    """

    __slots__ = ("first_line", "is_custom", "is_simple", "is_wanted", "matches", "name", "patterns")

    def __init__(self, name: str, matches: list[tuple[int, str]]) -> None:
        is_plain = name.isascii() and name == name.strip() != ""
        self.name = name
        self.matches = matches
        self.patterns = [pattern for _, pattern in matches]
        self.first_line = f"Event: {name}{EOL}".encode() if is_plain else None
        self.is_custom = name == _CUSTOM
        self.is_simple = is_plain and not self.is_custom and name.lower() != "shutdown"
        self.is_wanted = bool(matches) or not self.is_simple

    def message(self, raw: bytes, encoding: str) -> Any:
        """The message that panoramisk would make of the bytes; None if it would make none."""
        is_plain = self.first_line is not None and raw.startswith(self.first_line)
        is_named_again = self.is_custom and _SECOND_EVENT_HEADER in raw.lower()
        if not is_plain or utils.EOL != EOL or is_named_again:
            return eager(raw, encoding)
        return lazy(raw, self.name, encoding)


class ManagerState:
    """The drop-in's own state of one Manager: its routes, cached until its patterns change."""

    def __init__(self) -> None:
        self.routes: dict[Any, Route] = {}
        """By event name, or by an amistream class that serves only one name."""
        self._patterns: list[Any] = []
        self._registered = 0
        self._one_name_classes: frozenset[type] = frozenset()

    def refresh(self, manager: Any) -> None:
        """Clear the cache if patterns changed, or event classes were registered."""
        registered = len(_registry.classes)
        if manager.patterns != self._patterns or registered != self._registered:
            self._patterns = list(manager.patterns)
            self._registered = registered
            counts = Counter(_registry.classes.values())
            self._one_name_classes = frozenset(cls for cls, names in counts.items() if names == 1)
            self.routes.clear()

    def route_of_name(self, name: str) -> Route:
        """The route of the events with this name."""
        route = self.routes.get(name)
        if route is None:
            numbered = enumerate(self._patterns)
            route = Route(
                name, [(index, one) for index, (one, regexp) in numbered if regexp.match(name)]
            )
            if len(name) <= LONGEST_CACHED_NAME:
                self._cache(name, route)
        return route

    def route_of(self, wire: Any) -> Route:
        """The route of one of amistream's messages."""
        route = self.route_of_name(wire.name or "")
        cls = type(wire)
        # The lookup of the name takes longer than the rest. So the class is a key too if it can be.
        if cls in self._one_name_classes:
            self._cache(cls, route)
        return route

    def _cache(self, key: Any, route: Route) -> None:
        if len(self.routes) >= MAX_NAMES:
            self.routes.clear()
        self.routes[key] = route

    def call_back(self, manager: Any, event: Any, route: Route) -> list[str]:
        """Call the callbacks of an event, and return the patterns that matched."""
        patterns = self._patterns
        for index, pattern in route.matches:
            _call(manager, event, pattern)
            if manager.patterns != patterns:
                called = [pattern for earlier, pattern in route.matches if earlier <= index]
                called += self._call_back_from(index + 1, manager, event)
                self.refresh(manager)
                return called
        return route.patterns

    def _call_back_from(self, index: int, manager: Any, event: Any) -> Iterator[str]:
        """The same from an index on, after a callback changed the patterns."""
        while index < len(manager.patterns):
            pattern, regexp = manager.patterns[index]
            if regexp.match(event.event):
                _call(manager, event, pattern)
                yield pattern
            index += 1


def _call(manager: Any, event: Any, pattern: str) -> None:
    for callback in manager.callbacks[pattern]:
        result = callback(manager, event)
        if result is not None and asyncio.iscoroutine(result):
            asyncio.ensure_future(result, loop=manager.loop)  # noqa: RUF006 (as panoramisk does)


def _state_of(manager: Any) -> ManagerState:
    """The drop-in's state of a Manager, up to date."""
    state: ManagerState | None = vars(manager).get(STATE)
    if state is None:
        state = ManagerState()
        setattr(manager, STATE, state)
    state.refresh(manager)
    return state


def dispatch(manager: Any, event: Any) -> list[str]:
    """Call the callbacks whose pattern matches the event's name, and return these patterns."""
    event.manager = manager
    state = _state_of(manager)
    return list(state.call_back(manager, event, state.route_of_name(event.event)))


def deliver(protocol: Any, wires: list[Any], encoding: str) -> None:
    """Give amistream's messages to the callbacks and actions of the protocol's manager."""
    if _may_skip(protocol):
        _deliver_wanted(protocol, wires, encoding)
    else:
        _deliver_all(protocol, wires, encoding)


def _may_skip(protocol: Any) -> bool:
    """Whether nothing but the callbacks and actions can see which messages are made."""
    called = getattr(protocol.factory, "dispatch", None)
    return (
        getattr(called, "__func__", None) is dispatch
        and getattr(protocol.handle_message, "__module__", None) == Protocol.__module__
        and not _is_logged(protocol)
    )


def _is_logged(protocol: Any) -> bool:
    """Whether each message is logged; the program's own logger may have no levels."""
    try:
        return bool(protocol.log.isEnabledFor(logging.DEBUG))
    except AttributeError:
        return True


def _deliver_wanted(protocol: Any, wires: list[Any], encoding: str) -> None:
    """Deliver the messages that a callback's pattern matches, or that may answer an action."""
    manager = protocol.factory
    state = _state_of(manager)
    cached = state.routes.get
    responses = protocol.responses
    is_crlf = utils.EOL == EOL
    for wire in wires:
        route = cached(type(wire)) or cached(wire.name or "") or state.route_of(wire)
        if not route.is_wanted and not (responses and _may_answer(wire)):
            continue
        raw = wire.raw
        if route.is_simple and not responses and is_crlf and raw.startswith(route.first_line):
            message = lazy(raw, route.name, encoding)
            message.manager = manager
            state.call_back(manager, message, route)
        else:
            message = route.message(raw, encoding)
            if message is not None:
                protocol.handle_message(message)


def _may_answer(wire: Any) -> bool:
    return any(wire.get(name, ignore_case=True) is not None for name in ("ActionID", "CommandID"))


def _deliver_all(protocol: Any, wires: list[Any], encoding: str) -> None:
    """Deliver every message, as panoramisk does."""
    for wire in wires:
        message = Route(wire.name or "", []).message(wire.raw, encoding)
        protocol.log.debug("message interpreted: %r", message)
        if message is not None:
            protocol.handle_message(message)

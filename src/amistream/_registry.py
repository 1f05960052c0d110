"""The registry of event classes: the class for each event's name, and what `only=` selects."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Iterable
from typing import Any, NamedTuple

from amistream._wire import LONGEST_CACHED_NAME, USER_EVENT
from amistream.errors import EventNameTaken, UnknownEventName

classes: dict[bytes, type] = {}
"""The class that serves each event name, as on the wire. Names are only added."""

user_events: dict[bytes, type] = {}
"""The class that serves each UserEvent, by the value of its header UserEvent."""

_bases: dict[str, type] = {}


_MOST_DECISIONS = 4096
"""How many names Patterns caches a decision for."""


class Patterns:
    """Which names a set of patterns selects: `*` stands for any bytes, `?` for one byte.

    The names that are registered now are decided at once, in `known`.
    """

    # A parser that a __del__ feeds when the interpreter ends still finds these.
    _LONGEST = LONGEST_CACHED_NAME
    _MOST = _MOST_DECISIONS
    __slots__ = ("_classes", "_decisions", "_event", "_matchers", "_registered", "known")

    def __init__(self, patterns: Iterable[str]) -> None:
        self._matchers = [_Matcher(encoded(pattern)) for pattern in patterns]
        self._decisions: dict[bytes, type | None] = {}
        self._classes, self._event = classes, _bases["event"]
        self._registered = len(classes)
        self.known: dict[bytes, type | None] = {
            name: cls if self.match(name) else None for name, cls in classes.items()
        }

    def match(self, name: bytes) -> bool:
        """Whether a pattern matches the name."""
        return any(matcher.match(name) for matcher in self._matchers)

    def count_registered(self) -> int:
        """How many names are registered now. A new name makes the decisions invalid."""
        return len(self._classes)

    def class_for(self, name: bytes) -> type | None:
        """The class to build for a name that is not in `known`; None if no pattern matches."""
        registered = self.count_registered()
        if self._registered != registered:
            self._registered = registered
            self._decisions.clear()
        try:
            return self._decisions[name]
        except KeyError:
            cls = self._classes.get(name, self._event) if self.match(name) else None
        if len(name) <= self._LONGEST:
            if len(self._decisions) >= self._MOST:
                self._decisions.clear()
            self._decisions[name] = cls
        return cls


class _Matcher:
    """One pattern. The parts between its stars are searched one after another, never twice."""

    __slots__ = ("_first", "_last", "_last_size", "_middle", "_whole")

    def __init__(self, pattern: bytes) -> None:
        first, *rest = pattern.split(b"*")
        self._whole = not rest
        self._first = _as_expression(first)
        last = rest.pop() if rest else b""
        self._last, self._last_size = _as_expression(last), len(last)
        self._middle = [_as_expression(part) for part in rest if part]

    def match(self, name: bytes) -> bool:
        """Whether the whole name fits the pattern."""
        if self._whole:
            return self._first.fullmatch(name) is not None
        begun = self._first.match(name)
        if begun is None:
            return False
        end = len(name) - self._last_size
        position = begun.end()
        for part in self._middle:
            found = part.search(name, position)
            if found is None:
                return False
            position = found.end()
        return position <= end and self._last.match(name, end) is not None


def _as_expression(part: bytes) -> re.Pattern[bytes]:
    return re.compile(re.escape(part).replace(rb"\?", b"."), re.DOTALL)


class Selection(NamedTuple):
    """The class that a parser builds for each kind of message; None if it skips the kind.

    An event named UserEvent is built as the class that `user_events` has for its header UserEvent,
    or else as `user_event`. `names` has the name UserEvent if any of these is wanted. `patterns`
    decides about each name that `names` does not have; without them it is `event`.
    """

    names: dict[bytes, Any]
    user_events: dict[bytes, type]
    user_event: type | None
    event: type | None
    response: type | None
    message: type | None
    patterns: Patterns | None = None

    def class_for(self, name: bytes) -> Any:
        """The class for the events with this name, other than UserEvent; None skips them."""
        if self.patterns is None:
            return self.names.get(name, self.event)
        try:
            return self.names[name]
        except KeyError:
            return self.patterns.class_for(name)

    def count_names(self) -> int:
        """How many names the selection decides with. It grows when a class is registered."""
        registered = 0 if self.patterns is None else self.patterns.count_registered()
        return len(self.names) + len(self.user_events) + registered


class Checked(frozenset[Any]):
    """An `only=` whose names have been checked: no warning is given again."""

    __slots__ = ()


def bind(message: type, event: type, response: type) -> None:
    """Make the three classes of messages.py known; they derive from the twin's MessageCore."""
    _bases.update(message=message, event=event, response=response)


def register(cls: type, name: str) -> None:
    """Let `cls` serve the events called `name`; EventNameTaken if another class does already."""
    _add(classes, cls, name)


def register_user_event(cls: type, name: str) -> None:
    """Let `cls` serve the UserEvents called `name`; EventNameTaken if another class does."""
    _add(user_events, cls, name)


def _add(names: dict[bytes, type], cls: type, name: str) -> None:
    serving = names.setdefault(encoded(name), cls)
    if serving is not cls:
        raise EventNameTaken(name, serving)


def encoded(name: str) -> bytes:
    """The bytes of an event's name on the wire."""
    return name.encode("utf-8", "surrogateescape")


def class_of(name: bytes) -> type:
    """The class for the events with this name, whether it is selected or not."""
    return classes.get(name) or _bases["event"]


def response_class() -> type:
    """The class of responses."""
    return _bases["response"]


def is_pattern(name: str) -> bool:
    """Whether a name in `only=` is a pattern."""
    return "*" in name or "?" in name


def select(only: Any) -> Selection:
    """Resolve `Parser(only=...)`: event classes, names and patterns, or the three base classes.

    TypeError for anything else, ValueError for an event class that serves no name. A name that no
    class serves gives the warning UnknownEventName.
    """
    message, event, response = _bases["message"], _bases["event"], _bases["response"]
    every_event = Selection(
        classes, user_events, classes.get(USER_EVENT, event), event, response, message
    )
    if only is None:
        return every_event
    wanted: dict[bytes, Any] = {}
    wanted_user_events: dict[bytes, type] = {}
    kept: set[type] = set()
    patterns: list[str] = []
    for item in items(only):
        if isinstance(item, str):
            if is_pattern(item):
                patterns.append(item)
            else:
                wanted[encoded(item)] = classes.get(encoded(item), event)
        elif item in (message, event, response):
            kept.add(item)
        elif isinstance(item, type) and issubclass(item, event):
            names, own_user_events = _served_by(item, classes), _served_by(item, user_events)
            if not names and not own_user_events:
                raise ValueError(f"only=: no event name is registered for {item.__name__}")
            wanted.update(names)
            wanted_user_events.update(own_user_events)
        else:
            raise TypeError(f"only= takes event classes and event names, not {item!r}")
    warn_unknown(only)
    if message in kept:
        return every_event
    others = response if response in kept else None
    if event in kept:
        return every_event._replace(response=others, message=None)
    decided = Patterns(patterns) if patterns else None
    if decided is not None:
        wanted = {name: cls for name, cls in decided.known.items() if cls is not None} | wanted
    if USER_EVENT in wanted:
        wanted_user_events = user_events
    elif wanted_user_events:
        wanted[USER_EVENT] = event
    user_event = wanted[USER_EVENT] if wanted_user_events is user_events else None
    if decided is not None:
        wanted = decided.known | wanted  # with the names that the patterns do not select
    return Selection(wanted, wanted_user_events, user_event, None, others, None, decided)


def unknown_names(only: Any) -> list[UnknownEventName]:
    """A warning for each name in `only=` that no class serves, and each pattern without a match."""
    names = sorted(item for item in items(only) if isinstance(item, str)) if only else []
    found = []
    for name in names:
        if is_pattern(name):
            matcher = _Matcher(encoded(name))
            is_known = any(matcher.match(known) for known in classes)
        else:
            is_known = encoded(name) in classes
        if not is_known:
            found.append(UnknownEventName(name, _nearest(name)))
    return found


def warn_unknown(only: Any) -> None:
    """Give the warnings of `unknown_names`, at the line of the program that called amistream."""
    if only is None or isinstance(only, Checked):
        return
    for warning in unknown_names(only):
        warnings.warn(warning, stacklevel=_levels_to_program())


def _levels_to_program() -> int:
    """How many frames of this package the caller of `warnings.warn` is below the program."""
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and _is_own(frame.f_globals.get("__name__", "")):
        frame, level = frame.f_back, level + 1
    return level


def _is_own(module: str) -> bool:
    return module == "amistream" or module.startswith("amistream.")


def _nearest(name: str) -> str | None:
    """The registered name that looks most like this one; None if none looks like it."""
    import difflib  # only a mistake needs it

    names = [known.decode("utf-8", "surrogateescape") for known in classes]
    folded = {known.lower(): known for known in names}
    looked_up = name.lower().replace("*", "").replace("?", "")
    if looked_up in folded:
        return folded[looked_up]
    near = difflib.get_close_matches(looked_up, folded, 1, 0.6)
    return folded[near[0]] if near else None


def items(only: Any) -> Iterable[Any]:
    """The items of an `only=`, which may be a single one. TypeError if it is something else."""
    if isinstance(only, str | type):
        return (only,)
    if not isinstance(only, Iterable):
        raise TypeError(f"only= takes event classes and event names, not {only!r}")
    return only


def frozen(only: Any) -> Any:
    """An `only=` that nobody can change: None, a class, a name, or a frozenset of these."""
    if only is None or isinstance(only, str | type | frozenset):
        return only
    given = list(items(only))
    for item in given:
        if not isinstance(item, str | type):
            raise TypeError(f"only= takes event classes and event names, not {item!r}")
    return frozenset(given)


def _served_by(cls: type, names: dict[bytes, type]) -> dict[bytes, type]:
    return {name: serving for name, serving in names.items() if serving is cls}

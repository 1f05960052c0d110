"""pystrix's messages, made from amistream's: objects of pystrix's own classes, filled lazily.

A message that is made here has the class that pystrix's reader would have given it, and keeps the
amistream message that it stands for. That one is in `_unread` while the dictionary is empty. The
first access that needs all headers copies them into the dictionary; from then on it is in `_read`.
"""

from __future__ import annotations

import copyreg
import gc
import importlib
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any, Final, cast

from amistream.messages import Message

ami: Any = importlib.import_module("pystrix.ami.ami")

_METHODS_THAT_NEED_ALL: Final = (
    "__delitem__",
    "__ge__",
    "__gt__",
    "__ior__",
    "__iter__",
    "__le__",
    "__len__",
    "__lt__",
    "__ne__",
    "__or__",
    "__repr__",
    "__reversed__",
    "__ror__",
    "__setitem__",
    "clear",
    "copy",
    "items",
    "keys",
    "pop",
    "popitem",
    "setdefault",
    "update",
    "values",
)
"""The methods of a dict that work on its own storage, which has to be filled before."""

STORAGE_READERS: Final = (
    "_cbson",
    "cbor2",
    "msgspec",
    "orjson",
    "ormsgpack",
    "rapidjson",
    "ujson",
)
"""Extensions that read, or may read, a dict's storage directly, not by its class's methods."""

_filling = threading.RLock()
# Looked up once: these lookups would be half of the time that reading a header takes.
_new = dict.__new__
_put = dict.__setitem__
_clear = dict.clear
_update = dict.update
_dict_getitem = dict.__getitem__
_dict_get = dict.get


class MessageFactory:
    """Makes pystrix's messages from amistream's."""

    def __init__(self) -> None:
        self.lazy = True
        self.eager: bool | None = None
        self._fills = False
        self._is_more_needed = False
        self._message: type[dict[str, str]] = ami._Message
        self._event: type[dict[str, str]] = ami._Event
        self._registry: dict[str, type[dict[str, str]]] = ami._EVENT_REGISTRY
        self._generic_event: str = ami.EVENT_GENERIC
        self._generic_response: str = ami.RESPONSE_GENERIC

    def detect_storage_readers(self) -> None:
        """Decide whether new messages are filled at once.

        The option `eager` decides it. If it is None, they are filled if an extension that reads the
        storage was imported.
        """
        self._fills = bool(self.eager)
        if self.eager is None:
            self._fills = any(map(sys.modules.__contains__, STORAGE_READERS))
        self._is_more_needed = self._fills or not self.lazy

    @property
    def registered(self) -> int:
        """The number of event names with a class; it changes when a program registers a class."""
        return len(self._registry)

    def class_of(self, name: str) -> type[dict[str, str]]:
        """The class of the events with this name."""
        return self._registry.get(name, self._event)

    def event(self, message: Message, name: str, cls: type[dict[str, str]]) -> Any:
        """Make an event of pystrix's class `cls`."""
        event: Any = _new(cls)
        event._unread = message
        _put(event, "Event", name)  # json's C encoder skips a dict whose storage is empty
        if self._is_more_needed:
            self._complete(event)
        return event

    def _complete(self, event: Any) -> None:
        if self._fills:
            fill(event)
        if not self.lazy:
            make_independent(event)

    def other(self, message: Message) -> Any:
        """Make a message that is not an event.

        If the message has neither an event's nor a response's header, pystrix makes it a generic
        response if it has an ActionID, else a generic event.
        """
        made: Any = _new(self._message)
        made._unread = message
        fill(made)
        name = message.name
        if name is None and "ActionID" in message:
            _put(made, "Response", self._generic_response)
        elif name is None:
            made.__class__ = self.class_of(self._generic_event)
            _put(made, "Event", self._generic_event)
        if not self.lazy:
            make_independent(made)
        return made

    def make_all_independent(self) -> None:
        """Make all messages, those that exist and those to come, independent of this module."""
        self.lazy = False
        self.detect_storage_readers()
        for thing in gc.get_objects():
            if issubclass(type(thing), self._message):
                make_independent(thing)


def fill(message: Any) -> None:
    """Copy the headers into the dictionary."""
    with _filling:
        unread = message._unread
        if unread is None:
            return
        _clear(message)
        _update(message, unread.keys().mapping.copy())  # takes a third of the time of dict(unread)
        message._read = unread
        message._unread = None


def make_independent(message: Any) -> None:
    """Give a message all attributes of pystrix's own messages, so that it needs no drop-in."""
    own = vars(message)
    with _filling:
        wire = own.get("_unread") or own.get("_read")
        if wire is None:
            return
        if own.get("_unread") is not None:
            fill(message)
        own.setdefault("data", find_data(wire))
        own.setdefault("raw", find_raw(wire))
        own.setdefault("headers", message)
        own.pop("_unread", None)
        own.pop("_read", None)


def find_data(wire: Message) -> list[str]:
    """The lines that are not headers, without spaces around them, as pystrix keeps them."""
    return [line.strip() for line in wire.data]


def find_raw(wire: Message) -> list[str]:
    """The lines of the message with their line ends, without the blank line that ended it."""
    *lines, rest = wire.raw.decode("utf-8", "surrogateescape").split("\n")
    if lines and lines[-1] in ("", "\r"):
        lines.pop()
    return [line + "\n" for line in lines] + ([rest] if rest else [])


class _LazyAttribute:
    """An attribute that is computed at the first access; an assigned value replaces it."""

    def __init__(self, name: str, find: Callable[[Message], list[str]]) -> None:
        self.name = name
        self.find = find

    def __get__(self, message: Any, owner: type | None = None) -> list[str] | None:
        wire = None if message is None else message.amistream
        if wire is None:
            return None
        found: list[str] = vars(message).setdefault(self.name, self.find(wire))
        return found


class _Headers:
    """The attribute `headers`: the message itself. It is not stored, as that would be a cycle."""

    def __get__(self, message: Any, owner: type | None = None) -> Any:
        return None if message is None or message.amistream is None else message


def attributes() -> Iterator[tuple[str, Any]]:
    """The attributes that pystrix's `_Message` needs so that its messages can be read lazily."""
    yield "_unread", None
    yield "_read", None
    yield "amistream", property(_wire, doc="The amistream message; None if there is none.")
    yield "data", _LazyAttribute("data", find_data)
    yield "raw", _LazyAttribute("raw", find_raw)
    yield "headers", _Headers()
    yield "name", property(_name, doc="The event's name, or the value of the header Response.")
    yield "action_id", property(_action_id, doc="The ActionID; None if there is none.")
    yield "__getitem__", _getitem
    yield "__contains__", _contains
    yield "__eq__", _equals
    yield "__reduce_ex__", _reduce_ex
    yield "get", _get
    yield from ((name, _after_filling(name)) for name in _METHODS_THAT_NEED_ALL)


def _wire(message: Any) -> Message | None:
    return cast("Message | None", message._unread or message._read)


def _getitem(message: Any, key: object) -> Any:
    unread = message._unread
    if unread is not None:
        try:
            return unread[key]
        except (KeyError, TypeError):
            fill(message)  # then dict raises its own error, or calls a subclass's __missing__
    return _dict_getitem(message, key)


def _get(message: Any, key: object, default: Any = None, /) -> Any:
    unread = message._unread
    if unread is not None and isinstance(key, str):
        return unread.get(key, default)
    return _dict_get(message, key, default)


def _name(message: Any) -> Any:
    unread = message._unread
    if unread is not None:
        return unread.name or unread.get("Response")
    return _dict_get(message, "Event") or _dict_get(message, "Response")


def _action_id(message: Any) -> Any:
    unread = message._unread
    return _dict_get(message, "ActionID") if unread is None else unread.action_id


def _contains(message: Any, key: object) -> bool:
    unread = message._unread
    if unread is not None and isinstance(key, str):
        return key in unread
    return dict.__contains__(message, key)


def _equals(message: Any, other: object) -> Any:
    if isinstance(other, str):
        return message.name == other
    _fill_if_lazy(message)
    _fill_if_lazy(other)
    return dict.__eq__(message, other)


def _after_filling(name: str) -> Callable[..., Any]:
    """The dict's method `name`, which fills the storage before."""
    method = getattr(dict, name)

    def call(message: Any, /, *arguments: Any, **named: Any) -> Any:
        if message._unread is not None:
            fill(message)
        for argument in arguments:
            _fill_if_lazy(argument)
        return method(message, *arguments, **named)

    call.__name__ = name
    call.__doc__ = method.__doc__
    return call


def _fill_if_lazy(thing: Any) -> None:
    """Fill another lazy message: a dict's methods read the storage of their argument directly."""
    if isinstance(thing, dict) and getattr(thing, "_unread", None) is not None:
        fill(thing)


def _reduce_ex(message: Any, protocol: Any) -> Any:
    """Pickle and copy as pystrix's own message, which loads wherever pystrix is installed."""
    fill(message)
    state = {"data": message.data, "raw": message.raw, "headers": message.headers, **vars(message)}
    state = {name: value for name, value in state.items() if name not in ("_unread", "_read")}
    make = copyreg.__newobj__  # type: ignore[attr-defined]
    return make, (type(message),), state, None, iter(dict.items(message))

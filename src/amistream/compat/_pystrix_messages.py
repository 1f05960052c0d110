"""pystrix's messages over this project's: made of its own classes, read when asked for.

A message that is made here has the class that pystrix's reader would have given it, and keeps the
amistream message it stands for. `_unread` has that one until the headers are put into the
dictionary, which is at the first access that needs them all; `_read` has it afterwards.
"""

from __future__ import annotations

import copyreg
import gc
import sys
import threading
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any, Final, cast

from amistream.messages import Message

_FILLING: Final = (
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
"""What a dict does with its own storage, which has to be filled before."""

READ_STORAGE: Final = (
    "_cbson",
    "cbor2",
    "msgspec",
    "orjson",
    "ormsgpack",
    "rapidjson",
    "ujson",
)
"""Extensions that take a dict's storage at its word, past the methods of its class, or may."""

_filling = threading.RLock()
# Looked up once: these are half of what reading a header takes.
_new = dict.__new__
_put = dict.__setitem__
_clear = dict.clear
_update = dict.update
_dict_getitem = dict.__getitem__
_dict_get = dict.get


class Maker:
    """Makes pystrix's messages from amistream's."""

    def __init__(self, ami: ModuleType) -> None:
        self.lazy = True
        self.eager: bool | None = None
        self._fills = False
        self._is_asked_for_more = False
        self._message: type[dict[str, str]] = ami._Message
        self._event: type[dict[str, str]] = ami._Event
        self._registry: dict[str, type[dict[str, str]]] = ami._EVENT_REGISTRY
        self._generic_event: str = ami.EVENT_GENERIC
        self._generic_response: str = ami.RESPONSE_GENERIC

    def look_around(self) -> None:
        """Settle whether messages are filled when made: if told so, or one is there to need it."""
        told = self.eager
        self._fills = any(map(sys.modules.__contains__, READ_STORAGE)) if told is None else told
        self._is_asked_for_more = self._fills or not self.lazy

    @property
    def registered(self) -> int:
        """How many event names have classes; it changes when a program registers its own."""
        return len(self._registry)

    def class_of(self, name: str) -> type[dict[str, str]]:
        """The class of the events called so."""
        return self._registry.get(name, self._event)

    def event(self, message: Message, name: str, cls: type[dict[str, str]]) -> Any:
        """An event of pystrix's class `cls`."""
        event: Any = _new(cls)
        event._unread = message
        _put(event, "Event", name)  # json's C encoder takes an empty storage at its word
        if self._is_asked_for_more:
            self._do_more(event)
        return event

    def _do_more(self, event: Any) -> None:
        if self._fills:
            fill(event)
        if not self.lazy:
            settle(event)

    def other(self, message: Message) -> Any:
        """What is no event: a response, or what pystrix calls one or an event for want of both."""
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
            settle(made)
        return made

    def settle_all(self) -> None:
        """From now on make messages that need nothing of this module; so are those that live."""
        self.lazy = False
        self.look_around()
        for thing in gc.get_objects():
            if issubclass(type(thing), self._message):
                settle(thing)


def fill(message: Any) -> None:
    """Put the headers into the dictionary."""
    with _filling:
        unread = message._unread
        if unread is None:
            return
        _clear(message)
        _update(message, unread.keys().mapping.copy())  # a third of the time of dict(unread)
        message._read = unread
        message._unread = None


def settle(message: Any) -> None:
    """Give a message all that pystrix's own has, so that it lives on without this module."""
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
    """The lines that are no headers, as pystrix has them: without spaces around."""
    return [line.strip() for line in wire.data]


def find_raw(wire: Message) -> list[str]:
    """The message's lines with their ends, less the blank one that ended it."""
    *lines, rest = wire.raw.decode("utf-8", "surrogateescape").split("\n")
    if lines and lines[-1] in ("", "\r"):
        lines.pop()
    return [line + "\n" for line in lines] + ([rest] if rest else [])


class _FromWire:
    """An attribute that is found when first asked for; what is assigned replaces it."""

    def __init__(self, name: str, find: Callable[[Message], list[str]]) -> None:
        self.name = name
        self.find = find

    def __get__(self, message: Any, owner: type | None = None) -> list[str] | None:
        wire = None if message is None else message.amistream
        if wire is None:
            return None
        found: list[str] = vars(message).setdefault(self.name, self.find(wire))
        return found


class _Itself:
    """The attribute `headers`: the message. Found, not kept, so that no message is a cycle."""

    def __get__(self, message: Any, owner: type | None = None) -> Any:
        return None if message is None or message.amistream is None else message


def attributes() -> Iterator[tuple[str, Any]]:
    """What pystrix's `_Message` is to have so that those made here are read when asked for."""
    yield "_unread", None
    yield "_read", None
    yield "amistream", property(_wire, doc="This project's own message; None if there is none.")
    yield "data", _FromWire("data", find_data)
    yield "raw", _FromWire("raw", find_raw)
    yield "headers", _Itself()
    yield "name", property(_name, doc="The event's name, or the response's word.")
    yield "action_id", property(_action_id, doc="The ActionID, if there is one.")
    yield "__getitem__", _getitem
    yield "__contains__", _contains
    yield "__eq__", _equals
    yield "__reduce_ex__", _reduce_ex
    yield "get", _get
    yield from ((name, _filled(name)) for name in _FILLING)


def _wire(message: Any) -> Message | None:
    return cast("Message | None", message._unread or message._read)


def _getitem(message: Any, key: object) -> Any:
    unread = message._unread
    if unread is not None:
        try:
            return unread[key]
        except (KeyError, TypeError):
            fill(message)  # so that dict says what is wrong, or a subclass what is missing
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
    _fill_any(message)
    _fill_any(other)
    return dict.__eq__(message, other)


def _filled(name: str) -> Callable[..., Any]:
    """The dict's method `name`, after the storage was filled."""
    method = getattr(dict, name)

    def call(message: Any, /, *arguments: Any, **named: Any) -> Any:
        if message._unread is not None:
            fill(message)
        for argument in arguments:
            _fill_any(argument)
        return method(message, *arguments, **named)

    call.__name__ = name
    call.__doc__ = method.__doc__
    return call


def _fill_any(thing: Any) -> None:
    """Fill what may be another of these messages: dict reads its storage past its methods."""
    if isinstance(thing, dict) and getattr(thing, "_unread", None) is not None:
        fill(thing)


def _reduce_ex(message: Any, protocol: Any) -> Any:
    """Pickled and copied as pystrix's own message, which any interpreter with pystrix can read."""
    fill(message)
    state = {"data": message.data, "raw": message.raw, "headers": message.headers, **vars(message)}
    state = {name: value for name, value in state.items() if name not in ("_unread", "_read")}
    make = copyreg.__newobj__  # type: ignore[attr-defined]
    return make, (type(message),), state, None, iter(dict.items(message))

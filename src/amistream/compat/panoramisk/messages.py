"""panoramisk's messages: a subclass of its own class, which reads the headers lazily.

A message gives the same values as panoramisk's `Message.from_line` would for the same bytes. A
single header is searched in the bytes. An access that needs all headers (iteration, a repeated
header, a change) makes panoramisk's own dict of them; from then on the message uses that dict.
"""

from __future__ import annotations

import importlib
import threading
from typing import Any, Final

from amistream._wire import LONGEST_CACHED_NAME

Message: Any = importlib.import_module("panoramisk.message").Message

EOL: Final = "\r\n"
LONGEST_SEARCHED: Final = 8192
"""Longer messages are read as a whole: one search for each header would take too long."""
# The bounds of the caches. A cache that is full is emptied; names longer than LONGEST_CACHED_NAME
# are in no cache.
MAX_KEYS: Final = 4096
MAX_ATTRIBUTES: Final = 1024
MAX_COUNTED: Final = 4096
USES_TO_LEARN: Final = 64


def lazy(raw: bytes, name: str, encoding: str) -> Any:
    """A lazy message of an event. Its bytes start with `Event: `, `name` and CRLF.

    The name must be ASCII, and the encoding must have ASCII in the bytes below 128.
    """
    message = _new(_LazyMessage)
    message.event = name
    message.manager = None
    message._raw = raw
    message._encoding = encoding
    return message


def eager(raw: bytes, encoding: str) -> Any:
    """The message that panoramisk makes of the bytes; None if it makes none."""
    message = Message.from_line(raw.decode(encoding, "ignore").strip())
    if message is not None:
        _keep_first_name(message._store)
    return message


class _LazyMessage(Message):  # type: ignore[misc]
    # `event` is an attribute until all headers were read; from then on it is in the dict.
    event: str
    manager: Any
    _raw: bytes
    _encoding: str
    _lowered: bytes | None = None
    _read: dict[str, tuple[str, Any]] | None = None

    def __getattr__(self, attribute: str) -> Any:
        _learn_attribute(attribute)
        try:
            return self[attribute]
        except KeyError:
            return ""

    def __getitem__(self, key: str) -> Any:
        read = self._read
        if read is None:
            found = self._search(_needles.get(key) or _needle(key))
            if found is not None:
                return found
            read = self._store
        return read[key.lower()][1]

    def __contains__(self, key: Any) -> bool:
        if self._read is None:
            try:
                if self._search(_needle(key)) is not None:
                    return True
            except KeyError:
                return False
        return key.lower() in self._store

    @property
    def _store(self) -> dict[str, tuple[str, Any]]:
        """All headers in panoramisk's form: lower-case name to name and value."""
        if self._read is None:
            text = self._raw.decode(self._encoding, "ignore").strip()
            first_line = text.partition(EOL)[0]
            self._read = _read_all(text)
            if first_line == f"Event: {self.event}":  # else the program has set it
                del self.event
        return self._read

    def _search(self, needle: bytes) -> str | None:
        """The value of a header that was sent once; KeyError if it was not sent.

        None if it cannot be searched alone, for example because it was sent more than once.
        """
        lowered = self._lowered
        if lowered is None:
            lowered = self._lowered = _searchable(self._raw)
        if not needle or not lowered:
            return None
        # rfind is faster than find: it scans for the needle's first byte, which is rarer than its
        # last byte.
        start = lowered.rfind(needle)
        if needle is _EVENT:
            return None if start >= 0 else self._raw[7 : self._raw.find(b"\r\n")].decode("ascii")
        if start < 0:
            raise KeyError
        if lowered.rfind(needle, 0, start) >= 0:
            return None
        start += len(needle)
        end = lowered.find(b"\r\n", start)
        value = self._raw[start : end if end >= 0 else len(lowered)]
        return value.decode(self._encoding, "ignore")


_new: Any = object.__new__


class _Attribute:
    """Reads a header by attribute, as in `message.cause`, without a call of `__getattr__`.

    It has no setter, so an attribute that the program sets on its message hides it.
    """

    __slots__ = ("key", "needle")

    def __init__(self, key: str) -> None:
        self.key = key
        self.needle = _needle(key)

    def __get__(self, message: Any, owner: Any = None) -> Any:
        if message is None:
            raise AttributeError(self.key)
        try:
            if message._read is None:
                found = message._search(self.needle)
                if found is not None:
                    return found
            return message._store[self.key.lower()][1]
        except KeyError:
            return ""


# Reentrant: the GC may run a finalizer that reads an attribute of a message.
_learning = threading.RLock()
_attributes: set[str] = set()
_uses: dict[str, int] = {}
"""How often each attribute was read that is not in `_attributes`."""


def _learn_attribute(attribute: str) -> None:
    """Add a header that is often read by attribute to the class.

    Each change of the class makes all attributes slower for a while, so attributes that are read
    only a few times are not added. If there are too many, all are forgotten.
    """
    global _attributes, _uses
    if (
        attribute == "event"
        or attribute.startswith("_")
        or len(attribute) > LONGEST_CACHED_NAME
        or attribute in _attributes
    ):
        return
    uses = _uses.get(attribute, 0) + 1
    if uses < USES_TO_LEARN:
        if len(_uses) >= MAX_COUNTED:
            _uses = {}
        _uses[attribute] = uses
        return
    with _learning:
        if len(_attributes) >= MAX_ATTRIBUTES:
            forgotten, _attributes = _attributes, set()
            for known in forgotten:
                delattr(_LazyMessage, known)
        _uses.pop(attribute, None)
        _attributes.add(attribute)
        setattr(_LazyMessage, attribute, _Attribute(attribute))


_EVENT: Final = b"\r\nevent: "

_needles: dict[str, bytes] = {}
"""Cache: by key, the result of `_needle`; at most MAX_KEYS."""


def _needle(key: str) -> bytes:
    """The bytes before a header's value, in lower case; empty if the header cannot be searched."""
    global _needles
    cached = _needles.get(key)
    if cached is not None:
        return cached
    lowered = key.lower()
    needle = f"{EOL}{lowered}: ".encode("utf-8", "surrogatepass")
    is_plain = lowered.isascii() and ": " not in lowered and EOL not in lowered
    if not is_plain or lowered in ("content", *Message.quoted_keys):
        needle = b""
    if needle == _EVENT:
        needle = _EVENT
    if len(key) <= LONGEST_CACHED_NAME:
        if len(_needles) >= MAX_KEYS:
            _needles = {}
        _needles[key] = needle
    return needle


def _searchable(raw: bytes) -> bytes:
    """The bytes in lower case, to search headers in; empty if the message is read as a whole.

    Spaces at the end are removed first, as panoramisk does. If the last header is empty, this
    removes the space after its colon, so that it is no header any more.
    """
    if len(raw) > LONGEST_SEARCHED:
        return b""
    lowered = raw.lower().rstrip()
    # panoramisk strips a str, which removes other characters too.
    return lowered if 0x20 < lowered[-1] < 0x7F else b""


def _read_all(text: str) -> dict[str, tuple[str, Any]]:
    """An event's headers in panoramisk's form; panoramisk itself reads those with special rules."""
    store: dict[str, tuple[str, Any]] = {}
    for line in text.split(EOL):
        name, colon, value = line.partition(": ")
        if not colon:
            continue
        header = (name, value)
        first = store.setdefault(name.lower(), header)
        if first is not header and not _add_value(first, header, store):
            return _read_as_panoramisk(text)
    if not store.keys().isdisjoint(Message.quoted_keys):
        return _read_as_panoramisk(text)
    store["content"] = ("content", "")
    return store


def _add_value(
    first: tuple[str, Any], header: tuple[str, str], store: dict[str, tuple[str, Any]]
) -> bool:
    """Add a value of a repeated header; False if the names differ in case, or name the event."""
    name, value = header
    if first[0] != name or name == "Event":
        return False
    if isinstance(first[1], list):
        first[1].append(value)
    else:
        store[name.lower()] = (name, [first[1], value])
    return True


def _read_as_panoramisk(text: str) -> dict[str, tuple[str, Any]]:
    read: dict[str, tuple[str, Any]] = Message.from_line(text)._store
    _keep_first_name(read)
    return read


def _keep_first_name(store: dict[str, tuple[str, Any]]) -> None:
    """If there are several headers Event, keep the first one: the event's name.

    ResourceListDetail has two. panoramisk cannot handle a list there: it drops the connection.
    """
    sent_as, name = store.get("event", ("", ""))
    if isinstance(name, list):
        store["event"] = sent_as, name[0]

"""panoramisk's messages: a subclass of its own class, which reads the headers lazily.

A message gives the same values as panoramisk's `Message.from_line` would for the same bytes. A
single header is searched in the bytes. An access that needs all headers (iteration, a repeated
header, a change) makes panoramisk's own dict of them; from then on the message uses that dict.
"""

from __future__ import annotations

import importlib
import re
from typing import Any, Final, NamedTuple

Message: Any = importlib.import_module("panoramisk.message").Message

EOL: Final = "\r\n"
LONGEST_SEARCHED: Final = 8192
"""Longer messages are read as a whole: one search for each header would take too long."""
MAX_KEYS: Final = 4096
MAX_ATTRIBUTES: Final = 1024
MAX_FIRST_LINES: Final = 512
MAX_SHAPES_OF_A_LINE: Final = 8
MAX_HEADERS_OF_A_SHAPE: Final = 64
LONGEST_FIRST_LINE: Final = 256


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
            self._read = _read_all(first_line, text)
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


_attributes: set[str] = set()


def _learn_attribute(attribute: str) -> None:
    """Add a header that is read by attribute to the class, up to MAX_ATTRIBUTES."""
    if attribute == "event" or attribute.startswith("_") or attribute in _attributes:
        return
    if len(_attributes) < MAX_ATTRIBUTES:
        _attributes.add(attribute)
        setattr(_LazyMessage, attribute, _Attribute(attribute))


_EVENT: Final = b"\r\nevent: "

_needles: dict[str, bytes] = {"event": _EVENT}
"""Cache: by key, the result of `_needle`; at most MAX_KEYS."""


def _needle(key: str) -> bytes:
    """The bytes before a header's value, in lower case; empty if the header cannot be searched."""
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
    if len(_needles) < MAX_KEYS:
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


class _Shape(NamedTuple):
    """Header names in the order in which events of one name nearly always have them.

    repeated: the lower-case names that were sent more than once, with their indexes.
    """

    match: Any
    lowered: tuple[str, ...]
    names: tuple[str, ...]
    repeated: tuple[tuple[str, tuple[int, ...]], ...]

    def read(self, values: tuple[str, ...]) -> dict[str, tuple[str, Any]]:
        """The headers with these values, in panoramisk's form."""
        sent = zip(self.names, values, strict=True)
        store: dict[str, tuple[str, Any]] = dict(zip(self.lowered, sent, strict=True))
        for lowered, indexes in self.repeated:
            store[lowered] = self.names[indexes[0]], [values[index] for index in indexes]
        store["content"] = ("content", "")
        return store


_shapes: dict[str, list[_Shape]] = {}
"""Shapes by the event's first line, for at most MAX_FIRST_LINES; none is ever removed."""


def _read_all(first_line: str, text: str) -> dict[str, tuple[str, Any]]:
    """An event's headers in panoramisk's form; if its shape is known, one match reads them."""
    for shape in _shapes.get(first_line, ()):
        match = shape.match(text)
        if match is not None:
            return shape.read(match.groups())
    _learn_shape(first_line, text)
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


def _learn_shape(first_line: str, text: str) -> None:
    """Remember the shape of an event if all its lines are plain headers, up to the bounds.

    The last line may be no header: the space after its colon may have been removed.
    """
    known = _shapes.get(first_line, [])
    no_room = not known and len(_shapes) == MAX_FIRST_LINES
    if no_room or len(known) == MAX_SHAPES_OF_A_LINE:
        return
    if len(first_line) > LONGEST_FIRST_LINE or text.count(EOL) > MAX_HEADERS_OF_A_SHAPE:
        return
    lines = text.split(EOL)
    last_line = [] if ": " in lines[-1] else [re.escape(lines.pop())]
    if not all(": " in line for line in lines):
        return
    names = tuple(line.partition(": ")[0] for line in lines)
    lowered = tuple(name.lower() for name in names)
    is_ambiguous = len(set(lowered)) != len(set(names))  # names that differ in case only
    is_quoted = not set(Message.quoted_keys).isdisjoint(lowered)
    if is_ambiguous or is_quoted or lowered.count("event") > 1:
        return
    headers = [f"{re.escape(sent)}: ([^\r\n]*)" for sent in names]
    pattern = re.compile(EOL.join(headers + last_line))
    repeated = tuple(
        (one, tuple(index for index, other in enumerate(lowered) if other == one))
        for one in dict.fromkeys(lowered)
        if lowered.count(one) > 1
    )
    _shapes[first_line] = [*known, _Shape(pattern.fullmatch, lowered, names, repeated)]

"""Messages for panoramisk's programs: its own class, whose headers are read when asked for.

What a message answers is what panoramisk's `Message.from_line` would have made of the same bytes.
A single header is looked up in the bytes. What needs all of them (iteration, a repeated header, a
change) makes panoramisk's own dict of them, after which the message is like any of panoramisk's.
"""

from __future__ import annotations

import importlib
import re
from typing import Any, Final, NamedTuple

Message: Any = importlib.import_module("panoramisk.message").Message

EOL: Final = "\r\n"
LONGEST_SEARCHED: Final = 8192
"""In longer messages looking up one header after another would take too long."""
MOST_KEYS: Final = 4096
MOST_ATTRIBUTES: Final = 1024
MOST_SHAPES: Final = 512
SHAPES_A_LINE: Final = 8
LONGEST_SHAPE: Final = 64
LONGEST_FIRST_LINE: Final = 256


def lazy(raw: bytes, name: str, encoding: str) -> Any:
    """A message of the bytes of an event, which start with `Event: `, `name` and CRLF.

    The name is ASCII, and so is every byte below 128 in the encoding.
    """
    message = _new(_LazyMessage)
    message.event = name
    message.manager = None
    message._raw = raw
    message._encoding = encoding
    return message


def eager(raw: bytes, encoding: str) -> Any:
    """What panoramisk makes of a message's bytes; None if it passes over them."""
    message = Message.from_line(raw.decode(encoding, "ignore").strip())
    if message is not None:
        _name_once(message._store)
    return message


class _LazyMessage(Message):  # type: ignore[misc]
    # `event` is an attribute until all headers were read; from then on it is one of them.
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
            found = self._look_up(_needles.get(key) or _needle(key))
            if found is not None:
                return found
            read = self._store
        return read[key.lower()][1]

    def __contains__(self, key: Any) -> bool:
        if self._read is None:
            try:
                if self._look_up(_needle(key)) is not None:
                    return True
            except KeyError:
                return False
        return key.lower() in self._store

    @property
    def _store(self) -> dict[str, tuple[str, Any]]:
        """All headers, as panoramisk keeps them: lowered name to name and value."""
        if self._read is None:
            text = self._raw.decode(self._encoding, "ignore").strip()
            first_line = text.partition(EOL)[0]
            self._read = _read_all(first_line, text)
            if first_line == f"Event: {self.event}":  # else the program set it, and keeps it
                del self.event
        return self._read

    def _look_up(self, needle: bytes) -> str | None:
        """The value of a header sent once; None if only all of them tell, KeyError if not sent."""
        lowered = self._lowered
        if lowered is None:
            lowered = self._lowered = _searchable(self._raw)
        if not needle or not lowered:
            return None
        # rfind, as it seeks the needle's first byte, which is rarer than its last.
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
    """A header by attribute: `message.cause` without an AttributeError to be caught first.

    It has no setter, so what a program sets on its message hides it.
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
                found = message._look_up(self.needle)
                if found is not None:
                    return found
            return message._store[self.key.lower()][1]
        except KeyError:
            return ""


_attributes: set[str] = set()


def _learn_attribute(attribute: str) -> None:
    """Let the class know the name of a header that is read by attribute, while there is room."""
    if attribute == "event" or attribute.startswith("_") or attribute in _attributes:
        return
    if len(_attributes) < MOST_ATTRIBUTES:
        _attributes.add(attribute)
        setattr(_LazyMessage, attribute, _Attribute(attribute))


_EVENT: Final = b"\r\nevent: "

_needles: dict[str, bytes] = {"event": _EVENT}
"""By key, what `_needle` gave; at most MOST_KEYS."""


def _needle(key: str) -> bytes:
    """What stands before the value of a header, lowered; empty if it cannot be found so."""
    known = _needles.get(key)
    if known is not None:
        return known
    lowered = key.lower()
    needle = f"{EOL}{lowered}: ".encode("utf-8", "surrogatepass")
    odd = not lowered.isascii() or ": " in lowered or EOL in lowered
    if odd or lowered in ("content", *Message.quoted_keys):
        needle = b""
    if needle == _EVENT:
        needle = _EVENT
    if len(_needles) < MOST_KEYS:
        _needles[key] = needle
    return needle


def _searchable(raw: bytes) -> bytes:
    """The bytes to look headers up in, lowered; none if they must be read one by one.

    As panoramisk does, spaces at the very end are taken off first: with a last header that is
    empty goes the space that makes it one.
    """
    if len(raw) > LONGEST_SEARCHED:
        return b""
    lowered = raw.lower().rstrip()
    return lowered if 0x20 < lowered[-1] < 0x7F else b""  # a str has more spaces than bytes have


class _Shape(NamedTuple):
    """The headers that events of one name nearly always carry, in this order.

    repeated: the lowered names sent more than once, with their places.
    """

    match: Any
    lowered: tuple[str, ...]
    names: tuple[str, ...]
    repeated: tuple[tuple[str, tuple[int, ...]], ...]

    def read(self, values: tuple[str, ...]) -> dict[str, tuple[str, Any]]:
        """What panoramisk keeps of these values."""
        sent = zip(self.names, values, strict=True)
        store: dict[str, tuple[str, Any]] = dict(zip(self.lowered, sent, strict=True))
        for lowered, places in self.repeated:
            store[lowered] = self.names[places[0]], [values[place] for place in places]
        store["content"] = ("content", "")
        return store


_shapes: dict[str, list[_Shape]] = {}
"""By an event's first line; at most MOST_SHAPES, none is ever forgotten."""


def _read_all(first_line: str, text: str) -> dict[str, tuple[str, Any]]:
    """What panoramisk keeps of an event's headers; one match reads those of a known shape."""
    for shape in _shapes.get(first_line, ()):
        match = shape.match(text)
        if match is not None:
            return shape.read(match.groups())
    _learn_shape(first_line, text)
    read: dict[str, tuple[str, Any]] = Message.from_line(text)._store
    _name_once(read)
    return read


def _name_once(store: dict[str, tuple[str, Any]]) -> None:
    """Leave only the event's name of several headers Event, as ResourceListDetail has.

    panoramisk cannot handle a list there: it drops the connection.
    """
    sent_as, name = store.get("event", ("", ""))
    if isinstance(name, list):
        store["event"] = sent_as, name[0]


def _learn_shape(first_line: str, text: str) -> None:
    """Keep the shape of an event, while there is room, if all its lines are plain headers.

    All but the last: where the space after its colon was taken off, it is none.
    """
    known = _shapes.get(first_line, [])
    full = len(known) == SHAPES_A_LINE or (not known and len(_shapes) == MOST_SHAPES)
    if full or len(first_line) > LONGEST_FIRST_LINE or text.count(EOL) > LONGEST_SHAPE:
        return
    lines = text.split(EOL)
    no_header = [] if ": " in lines[-1] else [re.escape(lines.pop())]
    if not all(": " in line for line in lines):
        return
    names = tuple(line.partition(": ")[0] for line in lines)
    lowered = tuple(name.lower() for name in names)
    differ = len(set(lowered)) == len(set(names))
    quoted = not set(Message.quoted_keys).isdisjoint(lowered)
    if not differ or quoted or lowered.count("event") > 1:
        return
    headers = [f"{re.escape(sent)}: ([^\r\n]*)" for sent in names]
    pattern = re.compile(EOL.join(headers + no_header))
    repeated = tuple(
        (one, tuple(at for at, other in enumerate(lowered) if other == one))
        for one in dict.fromkeys(lowered)
        if lowered.count(one) > 1
    )
    _shapes[first_line] = [*known, _Shape(pattern.fullmatch, lowered, names, repeated)]

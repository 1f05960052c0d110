"""Header: the typed header that an event class declares, a descriptor of its attribute."""

from __future__ import annotations

from enum import Enum
from typing import Any, Protocol

from amistream._pure.values import KINDS, Reader, reader_of


class Readable(Protocol):
    """What a Header needs of a message: the seam between these two rooms.

    _bytes, _is_event: an event's own bytes, in which a header is searched without splitting it.
    _find: the slow way, for every message.

    A message needs only three members of a Header: `_wire_names`, `_line_start` and `_add_to`.
    All these names start with an underscore, as only the twin itself uses them: in a message, the
    other names belong to the headers that users declare.
    """

    _bytes: bytes

    @property
    def _is_event(self) -> bool: ...

    def _find(self, names: tuple[bytes, ...]) -> tuple[bytes, bytes | None]: ...


class Header:
    """A typed header of an event class: a descriptor that reads its value off the wire's bytes.

    names: the header's name, then other spellings of it; the first that was sent is read.
    kind: one of `text`, `int`, `float`, `bool`, `duration`, `hostport`, `milliseconds`.
    failure: the value if the header is missing or unreadable.
    members: the enumeration whose member the attribute gives; `coerce` gives the plain value.
    processed: `process()` gives the value, under `key`; an `optional` one only if it was sent.
    true, false, unknown, unit: the words and the unit that the kind's reader needs.
    """

    __slots__ = (
        "_coerced",
        "_line_start",
        "_read",
        "_wire_names",
        "attribute",
        "failure",
        "key",
        "kind",
        "members",
        "names",
        "optional",
        "processed",
    )

    def __init__(
        self,
        *names: str,
        kind: str = "text",
        failure: Any = None,
        processed: bool = False,
        optional: bool = False,
        key: str | None = None,
        true: tuple[str, ...] = (),
        false: tuple[str, ...] = (),
        unknown: tuple[str, ...] = (),
        unit: str = "",
        members: type[Enum] | None = None,
    ) -> None:
        if not names or any(is_unfit(name) for name in names):
            raise ValueError(
                "a header needs names without colon, line end or spaces around, "
                f"not {', '.join(map(repr, names)) or 'none'}"
            )
        if kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}, not {kind!r}")
        self.names = names
        self.kind = kind
        self.failure = failure
        self.processed = processed
        self.optional = optional
        self.key = names[0] if key is None else key
        self.attribute = ""
        self.members = members
        # For messages: the names as bytes, and how the line of the first one starts.
        self._wire_names = encoded(names)
        self._line_start = b"\n" + self._wire_names[0] + b":"
        # The checks that few headers need are in readers of their own: __get__ is the hot path.
        reader = reader_of(kind, encoded(true), encoded(false), unit.encode())
        sentinels = encoded(unknown)
        self._coerced = _unless_unknown(reader, sentinels) if unknown else reader
        self._read = self._coerced
        if members is not None:
            self._read = _member_reader(members, reader, sentinels)

    def __set_name__(self, owner: type, name: str) -> None:
        self.attribute = name

    def __get__(self, message: Any, owner: type | None = None) -> Any:
        if message is None:
            return self
        try:
            raw = message._bytes if message._is_event else b""
        except AttributeError:
            raise TypeError(f"{self!r} reads messages, not {type(message).__name__}") from None
        # The same as MessageCore._find_exact, written out: a call would take a tenth of the time.
        start = raw.rfind(self._line_start)
        if start >= 0:
            start += len(self._line_start)
            end = raw.find(b"\n", start)
            value = (raw[start:end] if end >= 0 else raw[start:]).strip(b" \t\r")
        else:
            value = message._find(self._wire_names)[1]
        if value is None:
            return self.failure
        result = self._read(value)
        return self.failure if result is None else result

    def coerce(self, value: bytes) -> Any:
        """The typed value of a header's bytes, or the failure value if they cannot be read."""
        result = self._coerced(value)
        return self.failure if result is None else result

    def _add_to(self, headers: dict[str, Any], sent_as: bytes, value: bytes | None) -> None:
        """Put the typed value where `process()` gives it; a `value` of None was not sent."""
        if value is None:
            if not self.optional:
                headers[self.key] = self.failure
            return
        result = self._coerced(value)
        typed = headers[self.key] = self.failure if result is None else result
        if sent_as != self._wire_names[0] and self.key == self.names[0]:
            headers[sent_as.decode("utf-8", "surrogateescape")] = typed

    def __repr__(self) -> str:
        return f"<{self.kind} header {self.names[0]}>"


def is_unfit(name: str) -> bool:
    """Whether no header on the wire can have the name."""
    return not name or name != name.strip(" \t") or ":" in name or "\n" in name


def encoded(words: tuple[str, ...]) -> tuple[bytes, ...]:
    return tuple(word.encode() for word in words)


def _unless_unknown(reader: Reader, sentinels: tuple[bytes, ...]) -> Reader:
    """The reader that gives None for Asterisk's sentinels, such as `<unknown>`."""
    return lambda value: None if value in sentinels else reader(value)


def _member_reader(members: type[Enum], reader: Reader, sentinels: tuple[bytes, ...]) -> Reader:
    """The reader that gives the enumeration's member for a plain value."""
    words = {str(member.value).encode(): member for member in members}
    known = {word: member for word, member in words.items() if word not in sentinels}

    def read_member(value: bytes) -> Any:
        member = known.get(value)
        if member is not None or not value or value in sentinels:
            return member
        plain = reader(value)
        if plain is None:
            return None
        try:
            return members(plain)
        except ValueError:  # an enumeration of the user's own, which takes no other values
            return None

    return read_member

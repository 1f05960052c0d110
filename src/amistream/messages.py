"""The messages of the stream: Message, and its two kinds, Event and Response."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from amistream import _registry
from amistream._impl import Header, MessageCore
from amistream.headers import Float, Int, Numbered, Text

__all__ = ["Event", "Message", "Response"]

_REPR_LIMIT = 60
_REPR_HEADERS = 4
_SECRET = re.compile(
    "passw(or)?d|pwd|secret|md5cred|authkey|token|receivedhash|expectedresponse", re.IGNORECASE
).search
"""Names of headers whose values `repr` hides; all other ways of reading give the value."""


class Message(MessageCore):
    """One message of the stream: a mapping from header names to raw texts, which are read lazily.

    The parser gives a plain Message if there is neither an `Event` nor a `Response` header.
    `Message(raw)` makes one from the bytes of a single message. Messages are immutable.
    """

    __slots__ = ()

    _headers: ClassVar[dict[str, Header]] = {}
    _processed: ClassVar[tuple[Header, ...]] = ()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        own = [attribute for attribute, value in vars(cls).items() if isinstance(value, Header)]
        for attribute in own:
            if hasattr(Message, attribute):
                raise TypeError(f"{cls.__name__}.{attribute} would hide what every message has")
        if not own and len(cls.__bases__) == 1:
            return  # what the base has serves it too
        declared = _declarations(cls)
        cls._processed = tuple(header for header in declared.values() if header.processed)
        cls._headers = {}
        for header in declared.values():
            for name, typed in _by_name(header):
                cls._headers.setdefault(name.lower(), typed)
        for header in declared.values():
            if header.key == header.names[0]:
                cls._headers[header.names[0]] = header

    @classmethod
    def headers(cls) -> dict[str, Header]:
        """The typed headers that the class declares, by attribute name."""
        return _declarations(cls)

    def __repr__(self) -> str:
        name = self.name
        label = "" if name is None or name == type(self).__name__ else f" {_shortened(name)}"
        told = ("Event", "Response", "Privilege", "Timestamp")
        headers = [(key, value) for key, value in self.items() if key not in told]
        shown = " ".join(
            f"{_shortened(key)[1:-1]}={'***' if value and _SECRET(key) else _shortened(value)}"
            for key, value in headers[:_REPR_HEADERS]
        )
        more = len(headers) - _REPR_HEADERS
        return f"<{type(self).__name__}{label} {shown}{f' +{more} headers' if more > 0 else ''}>"


def _shortened(text: str) -> str:
    """The text in quotes; what is not printable is an escape, so that no text forges a line."""
    return repr(text if len(text) <= _REPR_LIMIT else text[: _REPR_LIMIT - 1] + "\u2026")


def _by_name(header: Header) -> Iterator[tuple[str, Header]]:
    """The typed header for each header name that a declaration covers."""
    if not isinstance(header, Numbered):
        yield from ((name, header) for name in header.names)
        return
    yield from ((name, header.element) for name in header.numbered_names)


def _declarations(cls: type) -> dict[str, Header]:
    """Attribute name to typed header; those of the base classes come first."""
    found: dict[str, Header] = {}
    for base in reversed(cls.__mro__):
        own = vars(base).items()
        found.update((attribute, value) for attribute, value in own if isinstance(value, Header))
    return found


class Event(Message):
    """An event that Asterisk sends by itself, or a member of a list that a program asked for.

    Your own class declares its headers and is registered with `amistream.register`. If the name
    on the wire differs from the class name, pass it: `class Sold(Event, name="Shop-Sold")`.
    """

    __slots__ = ()

    _is_event: ClassVar[bool] = True
    _event_name: ClassVar[str] = "Event"

    privilege = Text("Privilege")
    timestamp = Float("Timestamp")
    sequence_number = Int("SequenceNumber")
    system_name = Text("SystemName")

    def __init_subclass__(cls, name: str | None = None, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls._event_name = cls.__name__ if name is None else name

    if TYPE_CHECKING:

        @property
        def name(self) -> str: ...


class Response(Message):
    """The answer to an action; `data` has the output of a Command, in either style."""

    __slots__ = ()

    _is_response: ClassVar[bool] = True

    message = Text("Message")
    event_list = Text("EventList")

    @property
    def success(self) -> bool:
        """Whether the action was accepted: Success, Follows (a Command's output) or Goodbye."""
        return self.name in ("Success", "Follows", "Goodbye")

    if TYPE_CHECKING:

        @property
        def name(self) -> str: ...


Mapping.register(Message)
_registry.bind(Message, Event, Response)

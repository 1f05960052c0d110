"""What amistream declares: the events with their headers, by name, and the lists."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any, NamedTuple, TypeVar

from amistream import Event, _registry, aggregates
from amistream._impl import Header
from amistream.headers import Numbered, Repeated, Variables

EVENTS = "amistream.events."

WORDS = {
    "text": "text",
    "int": "int",
    "float": "float",
    "bool": "true/false",
    "duration": "seconds",
    "hostport": "(host, port)",
    "milliseconds": "milliseconds",
}
"""What a kind of header is called for people; for programs it is its `kind`."""

Headers = Mapping[str, Header]
One = TypeVar("One")


class Declaration(NamedTuple):
    """A class, the names of its events, its subsystem and its own headers by attribute."""

    names: tuple[str, ...]
    cls: type[Event]
    subsystem: str
    headers: Headers

    @property
    def name(self) -> str:
        """The name that Asterisk sends, if there is another too."""
        return self.names[0]

    @property
    def doc(self) -> str:
        """What the class says of itself."""
        return _doc_of(self.cls)


class ListDeclaration(NamedTuple):
    """A list: the action that asks for it, its class and the events in it."""

    action: str
    cls: type[aggregates.Aggregate]
    members: tuple[str, ...]
    finisher: str
    subsystem: str

    @property
    def doc(self) -> str:
        """What the class says of itself."""
        return _doc_of(self.cls)


class Declared(NamedTuple):
    """Events and lists, each in the order of their names."""

    events: dict[str, Declaration]
    lists: dict[str, ListDeclaration]


def everything() -> Declared:
    """All that amistream declares; not what a program registers besides."""
    names = _names_by_class()
    events = (_declaration(cls, names[cls]) for cls in names)
    lists = (_list_declaration(cls, names) for cls in aggregates.ALL)
    return Declared(
        _in_order((event.name, event) for event in events),
        _in_order((one.action, one) for one in lists),
    )


def envelope() -> Headers:
    """The typed headers that every event has, by attribute."""
    return Event.headers()


def type_in_words(header: Header) -> str:
    """What the attribute gives, and what if the header is missing or unreadable."""
    if isinstance(header, Numbered):
        return f"tuple of ({type_in_words(header.element)})"
    if isinstance(header, Repeated):
        return "tuple of text"
    if isinstance(header, Variables):
        return "dict of text"
    members = members_of(header)
    word = WORDS[header.kind] if members is None else members.__name__
    # One that is never missing needs no other word.
    return word if isinstance(header.failure, bool) else f"{word} or {header.failure}"


def type_for_programs(header: Header) -> dict[str, Any]:
    """The same for JSON."""
    if isinstance(header, Numbered):
        return {"type": "numbered", "element": type_for_programs(header.element)}
    if isinstance(header, Repeated):
        return {"type": "texts"}
    if isinstance(header, Variables):
        return {"type": "variables"}
    members = members_of(header)
    if members is not None:
        named = {"type": "enumeration", "enumeration": members.__name__}
        return {**named, "failure": header.failure}
    return {"type": header.kind, "failure": header.failure}


def members_of(header: Header) -> type[Enum] | None:
    """The enumeration that a header's values belong to, if any."""
    if isinstance(header, Numbered):
        return members_of(header.element)
    return header.members


def enumerations(events: Iterable[Declaration]) -> dict[str, type[Enum]]:
    """The enumerations in use, by name."""
    found = (members_of(header) for event in events for header in event.headers.values())
    return dict(sorted((members.__name__, members) for members in found if members is not None))


def _names_by_class() -> dict[type[Event], tuple[str, ...]]:
    """The names that each class serves, the one that it states first."""
    found: dict[type[Event], list[str]] = {}
    for name, cls in _registry.classes.items():
        if cls.__module__.startswith(EVENTS):
            found.setdefault(cls, []).append(name.decode())
    return {
        cls: tuple(sorted(names, key=lambda name: (name != cls._event_name, name)))
        for cls, names in found.items()
    }


def _declaration(cls: type[Event], names: tuple[str, ...]) -> Declaration:
    common = set(map(id, envelope().values()))
    own = {name: header for name, header in cls.headers().items() if id(header) not in common}
    return Declaration(names, cls, _subsystem(cls), own)


def _list_declaration(
    cls: type[aggregates.Aggregate], names: Mapping[type[Event], tuple[str, ...]]
) -> ListDeclaration:
    return ListDeclaration(
        action=cls.__name__.removesuffix("_Aggregate"),
        cls=cls,
        members=tuple(names[member][0] for member in cls.members),
        finisher=names[cls.finisher][0],
        subsystem=_subsystem(cls.finisher),
    )


def _in_order(named: Iterable[tuple[str, One]]) -> dict[str, One]:
    return dict(sorted(named, key=lambda item: (item[0].casefold(), item[0])))


def _subsystem(cls: type) -> str:
    return cls.__module__.removeprefix(EVENTS)


def _doc_of(cls: type) -> str:
    return inspect.cleandoc(cls.__doc__ or "")

"""The events and lists that amistream declares, with their names, headers and types."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any, NamedTuple, TypeVar

from amistream import Aggregate, Event, _registry
from amistream._impl import Header
from amistream.aggregates import registered_lists
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
"""The `kind` of a header in words."""

Headers = Mapping[str, Header]
T = TypeVar("T")


class Declaration(NamedTuple):
    """An event class: its event names, its subsystem, and its own headers by attribute."""

    names: tuple[str, ...]
    cls: type[Event]
    subsystem: str
    headers: Headers

    @property
    def name(self) -> str:
        """The name that Asterisk sends. Its documentation may use another."""
        return self.names[0]

    @property
    def doc(self) -> str:
        """The docstring of the class."""
        return _doc_of(self.cls)


class ListDeclaration(NamedTuple):
    """A list: the action that asks for it, its class, its member events and its finisher."""

    action: str
    cls: type[Aggregate]
    members: tuple[str, ...]
    finisher: str
    subsystem: str

    @property
    def doc(self) -> str:
        """The docstring of the class."""
        return _doc_of(self.cls)


class Declared(NamedTuple):
    """Events by name and lists by action, sorted."""

    events: dict[str, Declaration]
    lists: dict[str, ListDeclaration]


def all_declarations() -> Declared:
    """All that amistream declares, without the classes that a program registers."""
    names = _names_by_class()
    events = (_declaration(cls, names[cls]) for cls in names)
    lists = (_list_declaration(cls, names) for cls in registered_lists())
    return Declared(
        _sorted((event.name, event) for event in events),
        _sorted((one.action, one) for one in lists),
    )


def by_subsystem(events: Iterable[Declaration]) -> dict[str, list[Declaration]]:
    """The events of each subsystem, the subsystems sorted."""
    found: dict[str, list[Declaration]] = {}
    for event in sorted(events, key=lambda event: event.subsystem):
        found.setdefault(event.subsystem, []).append(event)
    return found


def envelope() -> Headers:
    """The typed headers that every event has, by attribute."""
    return Event.headers()


def type_in_words(header: Header) -> str:
    """The type of the attribute, and its value when the header is missing or unreadable."""
    if isinstance(header, Numbered):
        return f"tuple of ({type_in_words(header.element)})"
    if isinstance(header, Repeated):
        return "tuple of text"
    if isinstance(header, Variables):
        return "dict of text"
    members = members_of(header)
    word = WORDS[header.kind] if members is None else members.__name__
    # A failure value of True or False is covered by the word itself.
    return word if isinstance(header.failure, bool) else f"{word} or {header.failure}"


def type_for_programs(header: Header) -> dict[str, Any]:
    """The type of the attribute and its failure value, for JSON."""
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
    """The enumeration of a header's values, or None."""
    if isinstance(header, Numbered):
        return members_of(header.element)
    return header.members


def enumerations(events: Iterable[Declaration]) -> dict[str, type[Enum]]:
    """The enumerations that the events use, by name."""
    found = (members_of(header) for event in events for header in event.headers.values())
    return dict(sorted((members.__name__, members) for members in found if members is not None))


def _names_by_class() -> dict[type[Event], tuple[str, ...]]:
    """The event names of each class; the name that the class states comes first."""
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
    cls: type[Aggregate], names: Mapping[type[Event], tuple[str, ...]]
) -> ListDeclaration:
    return ListDeclaration(
        action=cls.__name__.removesuffix("_Aggregate"),
        cls=cls,
        members=tuple(names[member][0] for member in cls.members),
        finisher=names[cls.finisher][0],
        subsystem=_subsystem(cls),
    )


def _sorted(items: Iterable[tuple[str, T]]) -> dict[str, T]:
    return dict(sorted(items, key=lambda item: (item[0].casefold(), item[0])))


def _subsystem(cls: type) -> str:
    return cls.__module__.removeprefix(EVENTS)


def _doc_of(cls: type) -> str:
    return inspect.cleandoc(cls.__doc__ or "")

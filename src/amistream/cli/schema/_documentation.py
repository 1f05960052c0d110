"""Reads Asterisk's documentation file, core-en_US.xml: its events, headers and lists."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import chain, islice
from typing import NamedTuple
from xml.parsers import expat

from amistream.errors import AMIError
from amistream.files import _Source

# Asterisk 22's file has 1.6 MB and 176 events.
MOST_BYTES = 64 << 20
MOST_EVENTS = 5_000
MOST_HEADERS = 5_000
MOST_NESTING = 8
MOST_NAMES = 500_000
"""The most headers of all events together; those that references lead to count each time."""
LONGEST_NAME = 200
"""The longest name of an event, a header or an action, and the longest prefix, in characters."""
LONGEST_SYNOPSIS = 500

# The file only names a snapshot. Its headers are in the source of Asterisk.
CHANNEL_SNAPSHOT = (
    "Channel",
    "ChannelState",
    "ChannelStateDesc",
    "CallerIDNum",
    "CallerIDName",
    "ConnectedLineNum",
    "ConnectedLineName",
    "Language",
    "AccountCode",
    "Context",
    "Exten",
    "Priority",
    "Uniqueid",
    "Linkedid",
    "Tenantid",
    "ChanVariable",
)
BRIDGE_SNAPSHOT = (
    "BridgeUniqueid",
    "BridgeType",
    "BridgeTechnology",
    "BridgeCreator",
    "BridgeName",
    "BridgeNumChannels",
    "BridgeVideoSourceMode",
    "BridgeVideoSource",
)
SNAPSHOTS = {"channel_snapshot": CHANNEL_SNAPSHOT, "bridge_snapshot": BRIDGE_SNAPSHOT}

INCLUDE = "http://www.w3.org/2001/XInclude include"
_POINTER = re.compile(
    r"xpointer\( */?docs/(?P<kind>manager|managerEvent)\[@name='(?P<name>[^']+)'\]"
    r"(?P<parameters>/(managerEventInstance/)?syntax/parameter)?"
    r"(\[@name='(?P<parameter>[^']+)'\]|\[contains\(@name, *'(?P<text>[^']+)'\)\])? *\)"
)


class UnusableDocumentation(AMIError):  # noqa: N818 - named as the other errors are
    """The file is not Asterisk's documentation, or cannot be read."""


class DocumentedEvent(NamedTuple):
    """The description of an event: a sentence, and the headers that only some events have."""

    synopsis: str
    headers: tuple[str, ...]


class DocumentedList(NamedTuple):
    """The list that answers an action: its member events, and the event that ends it."""

    members: tuple[str, ...]
    finisher: str | None


class Documentation(NamedTuple):
    """The events and lists of the file, and the references in it that cannot be followed."""

    name: str
    events: dict[str, DocumentedEvent]
    lists: dict[str, DocumentedList]
    not_followed: tuple[str, ...]


def read_documentation(path: str) -> Documentation:
    """Read a file, plain or compressed; "-" is standard input. Raises UnusableDocumentation."""
    source = _Source(path)
    try:
        reader = _Reader(source.name)
        while chunk := source.read():
            reader.feed(chunk)
        if source.damage is not None:
            raise UnusableDocumentation(f"{source.name} is damaged: {source.damage}")
        return reader.finish()
    finally:
        source.close()


class _Include(NamedTuple):
    """A reference to those parameters of another event that have `text` in their names."""

    event: str
    text: str


class _Snapshot(NamedTuple):
    """The headers of a snapshot. A reference to parameters does not include them."""

    headers: tuple[str, ...]


_Part = str | _Snapshot | _Include


class _Event:
    """An event, as far as the file was read."""

    def __init__(self) -> None:
        self.synopsis = ""
        self.parts: dict[_Part, None] = {}


class _List:
    """The list of an action, as far as the file was read."""

    def __init__(self) -> None:
        self.members: dict[str, None] = {}
        self.finisher: str | None = None


class _Reader:
    """Reads the descriptions of events and lists out of the XML.

    It uses expat, because ElementTree offers no way to refuse an internal DTD. The entities and
    default values of such a DTD can make a small file expand to a huge one.
    """

    def __init__(self, name: str) -> None:
        self._done = 0
        self._name = name
        self._events: dict[str, _Event] = {}
        self._lists: dict[str, _List] = {}
        self._event: _Event | None = None
        self._list: _List | None = None
        self._open: list[str] = []
        self._text = ""
        self._names = 0
        self._known_parameters: dict[str, tuple[str, ...]] = {}
        self._not_followed: dict[str, None] = {}
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.buffer_text = True
        self._parser.StartDoctypeDeclHandler = self._refuse_dtd
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._take_text

    def feed(self, data: bytes) -> None:
        """Parse the next bytes of the file."""
        self._done += len(data)
        if self._done > MOST_BYTES:
            raise self._unusable(f"it is larger than {MOST_BYTES >> 20} MiB")
        self._parse(data)

    def finish(self) -> Documentation:
        """End the file. Returns what was read."""
        self._parse(b"", is_last=True)
        if not self._events:
            raise self._unusable("it has no managerEvent")
        events = {name: self._finish_event(name) for name in self._events}
        lists = {
            name: DocumentedList(tuple(found.members), found.finisher)
            for name, found in self._lists.items()
            if found.members or found.finisher
        }
        return Documentation(self._name, events, lists, tuple(self._not_followed))

    def _parse(self, data: bytes, is_last: bool = False) -> None:
        try:
            self._parser.Parse(data, is_last)
        # An unknown encoding raises LookupError or ValueError.
        except (expat.ExpatError, LookupError, ValueError) as error:
            raise self._unusable(f"it is not XML: {error}") from error

    def _unusable(self, reason: str) -> UnusableDocumentation:
        return UnusableDocumentation(
            f"{self._name} is not the documentation of an Asterisk, such as "
            f"/usr/share/asterisk/documentation/core-en_US.xml: {reason}"
        )

    # --- handlers that expat calls ---

    def _refuse_dtd(
        self, name: str, system: str | None, public: str | None, is_inside: bool
    ) -> None:
        if is_inside:
            raise self._unusable("it has an internal DTD")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        parent = self._open[-1] if self._open else ""
        self._open.append(tag)
        name = attributes.get("name", "")
        if max(len(name), len(attributes.get("prefix", ""))) > LONGEST_NAME:
            raise self._unusable(f"a name in it is longer than {LONGEST_NAME} characters")
        if tag == "synopsis":
            self._text = ""
        elif tag == "managerEvent":
            self._start_event(name, parent)
        elif tag == "manager":
            self._list = self._lists.setdefault(name, _List())
        elif parent == "syntax" and self._event is not None:
            self._add_header(self._event, tag, attributes)
        elif tag == INCLUDE and self._list is not None:
            self._include_in_list(attributes.get("xpointer", ""), parent)

    def _end(self, tag: str) -> None:
        self._open.pop()
        if tag == "synopsis" and self._event is not None:
            self._event.synopsis = self._event.synopsis or " ".join(self._text.split())
        elif tag == "managerEvent":
            self._event = None
        elif tag == "manager":
            self._list = None

    def _take_text(self, text: str) -> None:
        if self._open[-1] == "synopsis":
            self._text = (self._text + text)[:LONGEST_SYNOPSIS]

    # --- events, lists and headers ---

    def _start_event(self, name: str, parent: str) -> None:
        if not name:
            return
        # The file describes an event twice if two modules send it.
        self._event = self._events.setdefault(name, _Event())
        if len(self._events) > MOST_EVENTS:
            raise self._unusable(f"it has more than {MOST_EVENTS:,} events")
        self._add_to_list(name, parent)

    def _add_to_list(self, event: str, parent: str) -> None:
        if self._list is None:
            return
        if parent == "list-elements":
            self._list.members[event] = None
        elif parent == "responses":
            self._list.finisher = event

    def _include_in_list(self, pointer: str, parent: str) -> None:
        if parent not in ("list-elements", "responses"):
            return
        found = _POINTER.fullmatch(pointer)
        if found is None or found["kind"] != "managerEvent" or found["parameters"]:
            self._not_followed[pointer] = None
            return
        self._add_to_list(found["name"], parent)

    def _add_header(self, event: _Event, tag: str, attributes: dict[str, str]) -> None:
        if tag == "parameter" and "name" in attributes:
            self._add_part(event, attributes["name"])
        elif tag in SNAPSHOTS:
            prefix = attributes.get("prefix", "")
            self._add_part(event, _Snapshot(tuple(prefix + name for name in SNAPSHOTS[tag])))
        elif tag == INCLUDE:
            self._include_headers(event, attributes.get("xpointer", ""))

    def _include_headers(self, event: _Event, pointer: str) -> None:
        found = _POINTER.fullmatch(pointer)
        if found is None or not found["parameters"]:
            self._not_followed[pointer] = None
        elif found["parameter"]:
            self._add_part(event, found["parameter"])
        elif found["kind"] == "managerEvent":
            self._add_part(event, _Include(found["name"], found["text"] or ""))
        else:
            self._not_followed[pointer] = None

    def _add_part(self, event: _Event, part: _Part) -> None:
        self._count(len(part.headers) if isinstance(part, _Snapshot) else 1)
        event.parts[part] = None

    def _count(self, names: int) -> None:
        """Count names that are looked at: the work and the memory of a small file are bounded."""
        self._names += names
        if self._names > MOST_NAMES:
            raise self._unusable(f"its events have more than {MOST_NAMES:,} headers together")

    def _finish_event(self, name: str) -> DocumentedEvent:
        event = self._events[name]
        headers: dict[str, None] = {}
        for part in event.parts:
            headers.update(dict.fromkeys(self._names_of(part)))
        return DocumentedEvent(event.synopsis, tuple(headers))

    def _names_of(self, part: _Part, nesting: int = 0) -> Iterable[str]:
        if isinstance(part, str):
            return (part,)
        if isinstance(part, _Snapshot):
            return part.headers
        if part.event not in self._events:
            self._not_followed[f"managerEvent {part.event}"] = None
            return ()
        names = self._parameters(part.event, nesting + 1)
        self._count(1 + len(names))
        return (name for name in names if part.text in name)

    def _parameters(self, event: str, nesting: int) -> tuple[str, ...]:
        """The parameters of an event, including those of other events that it refers to."""
        if nesting > MOST_NESTING:
            raise self._unusable("its references are nested too deeply")
        if event not in self._known_parameters:
            parts = (part for part in self._events[event].parts if not isinstance(part, _Snapshot))
            names = chain.from_iterable(self._names_of(part, nesting) for part in parts)
            known = dict.fromkeys(islice(names, MOST_HEADERS + 1))
            if len(known) > MOST_HEADERS:
                raise self._unusable(f"an event in it has more than {MOST_HEADERS:,} headers")
            self._known_parameters[event] = tuple(known)
        return self._known_parameters[event]

"""What the documentation of an Asterisk has and amistream does not declare, and the reverse."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from amistream._impl import Header
from amistream.cli.schema._declared import Declaration, Declared, ListDeclaration, envelope
from amistream.cli.schema._documentation import Documentation, DocumentedEvent, DocumentedList
from amistream.cli.schema._layout import count, wrapped

# Headers that any event may have, and that no class declares.
COMMON = ("Event", "ActionID")


class Difference(NamedTuple):
    """What is new in a documentation, and what the documentation does not mention."""

    documentation: Documentation
    events: dict[str, DocumentedEvent]
    headers: dict[str, list[str]]
    lists: dict[str, DocumentedList]
    undocumented_events: list[str]
    undocumented_headers: dict[str, list[str]]

    @property
    def is_new(self) -> bool:
        """Whether the documentation has anything that amistream does not declare."""
        return bool(self.events or self.headers or self.lists)

    def to_dict(self) -> dict[str, Any]:
        """Everything, for JSON."""
        return {
            "documentation": self.documentation.name,
            "documented_events": len(self.documentation.events),
            "new": {
                "events": {name: event._asdict() for name, event in self.events.items()},
                "headers": self.headers,
                "lists": {action: one._asdict() for action, one in self.lists.items()},
            },
            "undocumented": {
                "events": self.undocumented_events,
                "headers": self.undocumented_headers,
            },
            "not_followed": list(self.documentation.not_followed),
        }


def compare(documentation: Documentation, declared: Declared) -> Difference:
    """Compare the two without regard to case: the documentation has NewExten for Newexten."""
    served: defaultdict[str, list[Declaration]] = defaultdict(list)
    for event in declared.events.values():
        for name in {name.casefold() for name in event.names}:
            served[name].append(event)
    described = _described(documentation)
    new_headers = {
        name: _new_headers(event.headers, served[name.casefold()])
        for name, event in documentation.events.items()
        if name.casefold() in served
    }
    undocumented_headers = {
        name: _undocumented(event.headers.values(), described[name.casefold()])
        for name, event in declared.events.items()
        if name.casefold() in described
    }
    new_lists = {
        action: _new_in_list(one, declared.lists.get(action))
        for action, one in documentation.lists.items()
    }
    return Difference(
        documentation=documentation,
        events={
            name: event
            for name, event in documentation.events.items()
            if name.casefold() not in served
        },
        headers=_without_empty(new_headers),
        lists={action: one for action, one in new_lists.items() if any(one)},
        undocumented_events=[name for name in declared.events if name.casefold() not in described],
        undocumented_headers=_without_empty(undocumented_headers),
    )


def _without_empty(lists: dict[str, list[str]]) -> dict[str, list[str]]:
    return {name: names for name, names in lists.items() if names}


def _new_headers(documented: Iterable[str], declarations: Iterable[Declaration]) -> list[str]:
    names = {name.casefold() for name in COMMON}
    for header in envelope().values():
        names |= _declared_forms(header)
    for declaration in declarations:
        for header in declaration.headers.values():
            names |= _declared_forms(header)
    return [name for name in documented if not _documented_forms(name) & names]


def _new_in_list(documented: DocumentedList, declared: ListDeclaration | None) -> DocumentedList:
    """The events that amistream does not declare for this list."""
    if declared is None:
        return documented
    known = {name.casefold() for name in (*declared.members, declared.finisher)}
    finisher = documented.finisher
    is_known = finisher is None or finisher.casefold() in known
    members = (name for name in documented.members if name.casefold() not in known)
    return DocumentedList(tuple(members), None if is_known else finisher)


def _described(documentation: Documentation) -> dict[str, set[str]]:
    """The documented header names of each event, in lower case."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for name, event in documentation.events.items():
        found[name.casefold()].update(*map(_documented_forms, event.headers))
    return dict(found)


def _undocumented(headers: Iterable[Header], described: set[str]) -> list[str]:
    return [header.names[0] for header in headers if not _declared_forms(header) & described]


def _documented_forms(name: str) -> set[str]:
    """A documented name in the forms of a declaration: `ReportXLSR` is `Report<N>LSR`."""
    return {name.casefold(), name.replace("X", "<N>").casefold()}


def _declared_forms(header: Header) -> set[str]:
    """The declared names as the documentation writes them: `Currency/Amount` as its two parts."""
    return {form for name in header.names for form in _with_parts(name.casefold())}


def _with_parts(name: str) -> set[str]:
    return {name, *name.split("/")}


# --- text -------------------------------------------------------------------------------------


def difference_in_text(found: Difference, with_all: bool) -> str:
    """What is new, as text for people; with `with_all` also what is not mentioned."""
    return "".join(_pieces_of_text(found, with_all))


def _pieces_of_text(found: Difference, with_all: bool) -> Iterator[str]:
    documentation = found.documentation
    title = f"{documentation.name} describes {count(len(documentation.events), 'event')}. "
    yield title + ("New in it:\n" if found.is_new else "Nothing in it is new.\n")
    yield from _new_events(found)
    yield from _of_events("headers of declared events", found.headers)
    yield from _new_lists(found.lists)
    yield from _not_mentioned(found, with_all)


def _new_events(found: Difference) -> Iterator[str]:
    if not found.events:
        return
    yield f"\nevents ({len(found.events):,}):\n"
    for name, event in found.events.items():
        yield wrapped(f"{name}: {event.synopsis}" if event.synopsis else name, "  ")
        yield wrapped(", ".join(event.headers), "      ")


def _of_events(title: str, headers: dict[str, list[str]]) -> Iterator[str]:
    if not headers:
        return
    yield f"\n{title} ({sum(map(len, headers.values())):,}):\n"
    for event, names in headers.items():
        yield wrapped(f"{event}: {', '.join(names)}", "  ")


def _new_lists(lists: dict[str, DocumentedList]) -> Iterator[str]:
    if not lists:
        return
    yield f"\nlists, or members of lists ({len(lists):,}):\n"
    for action, one in lists.items():
        end = [f"ended by {one.finisher}"] if one.finisher else []
        yield wrapped(f"{action}: {', '.join([*one.members, *end])}", "  ")


def _not_mentioned(found: Difference, with_all: bool) -> Iterator[str]:
    events = found.undocumented_events
    headers = sum(map(len, found.undocumented_headers.values()))
    if not events and not headers:
        return
    hint = "" if with_all else " --all lists them."
    yield "\n" + wrapped(
        f"amistream declares {count(len(events), 'event')} that it does not mention, and "
        f"{count(headers, 'header')} of the other events. They belong to an older or newer "
        f"Asterisk, or Asterisk does not document them.{hint}"
    )
    if not with_all:
        return
    if events:
        yield f"\nevents that it does not mention ({len(events):,}):\n"
        yield wrapped(", ".join(events), "  ", "  ")
    yield from _of_events("headers that it does not mention", found.undocumented_headers)

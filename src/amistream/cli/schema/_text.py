"""The declared events and lists as text for people."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from amistream.cli.schema._coverage import Coverage, total_of
from amistream.cli.schema._declared import (
    Declaration,
    Declared,
    ListDeclaration,
    by_subsystem,
    envelope,
    type_in_words,
)
from amistream.cli.schema._layout import count, fit_terminal, table, wrapped


def in_short(declared: Declared) -> str:
    """One line for each event and each list."""
    blocks = []
    for subsystem, events in by_subsystem(declared.events.values()).items():
        rows = [
            (f"  {event.name}", str(len(event.headers)), _first_line(event.doc)) for event in events
        ]
        headers = sum(len(event.headers) for event in events)
        title = f"{subsystem}: {count(len(events), 'event')}, {count(headers, 'header')}"
        blocks.append(f"{title}\n{table(rows)}")
    lists = [
        (f"  {one.action}", ", ".join(one.members), one.finisher) for one in declared.lists.values()
    ]
    blocks.append(
        f"lists: the action, the member events, the event that ends the list\n{table(lists)}"
    )
    blocks.append(_legend(total_of(declared)))
    return fit_terminal("\n".join(blocks))


def _legend(total: Coverage) -> str:
    return (
        f"In total {count(total.events, 'event')}, {count(total.headers, 'header')}, "
        f"{count(len(total.actions), 'list')}.\n"
        "The number after the name of an event says how many headers have a typed attribute.\n"
        "`amistream schema NAME` shows them.\n"
    )


def in_full(selected: Declared, declared: Declared) -> str:
    """The selected events and lists with all their headers; `declared` has every list."""
    blocks = [_event_in_full(event, declared.lists.values()) for event in selected.events.values()]
    if blocks:
        common = ", ".join(envelope())
        blocks.append(wrapped(f"Every event also has these attributes: {common}."))
    blocks += [_list_in_full(one) for one in selected.lists.values()]
    return "\n".join(blocks)


def _event_in_full(event: Declaration, lists: Iterable[ListDeclaration]) -> str:
    titles = ("  header", "attribute", "type")
    rows = [
        (f"  {', '.join(header.names)}", attribute, type_in_words(header))
        for attribute, header in event.headers.items()
    ]
    actions = [one.action for one in lists if event.name in (*one.members, one.finisher)]
    answers = f"  Asterisk sends it in answer to {', '.join(actions)}.\n" if actions else ""
    headers = "\n" + table([titles, *rows]) if rows else ""
    title = f"{', also '.join(event.names)} ({event.subsystem})"
    return f"{title}\n{_indented(event.doc)}{answers}{headers}"


def _list_in_full(one: ListDeclaration) -> str:
    rows = [
        ("  events", ", ".join(one.members)),
        ("  ended by", one.finisher),
        ("  class", one.cls.__name__),
    ]
    return f"{one.action} (list)\n{_indented(one.doc)}\n{table(rows)}"


def _indented(doc: str) -> str:
    return textwrap.indent(doc, "  ") + "\n" if doc else ""


def _first_line(doc: str) -> str:
    return doc.partition("\n")[0]

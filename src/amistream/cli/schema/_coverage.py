"""How many events, headers and lists of each subsystem are declared, as a table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from amistream.cli.schema._declared import Declaration, Declared, by_subsystem


class Coverage(NamedTuple):
    """The number of declared events and headers of a subsystem, and the actions of its lists."""

    subsystem: str
    events: int
    headers: int
    actions: list[str]


def markdown(declared: Declared) -> str:
    """The table in Markdown; README has a copy."""
    total = total_of(declared)
    lines = [
        ("subsystem", "events", "headers", "lists", "asked for with"),
        ("---", "---:", "---:", "---:", "---"),
        *((*_numbers(one), ", ".join(one.actions)) for one in _coverage(declared)),
        (*_numbers(total), ""),
    ]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _numbers(one: Coverage) -> tuple[str, ...]:
    lists = f"{len(one.actions):,}" if one.actions else ""
    return one.subsystem, f"{one.events:,}", f"{one.headers:,}", lists


def _coverage(declared: Declared) -> list[Coverage]:
    actions: dict[str, list[str]] = {}
    for one in declared.lists.values():
        actions.setdefault(one.subsystem, []).append(one.action)
    return [
        Coverage(subsystem, len(events), _count_headers(events), actions.get(subsystem, []))
        for subsystem, events in by_subsystem(declared.events.values()).items()
    ]


def total_of(declared: Declared) -> Coverage:
    """The numbers of all subsystems together."""
    events = declared.events.values()
    return Coverage("all", len(events), _count_headers(events), list(declared.lists))


def _count_headers(events: Iterable[Declaration]) -> int:
    return sum(len(event.headers) for event in events)

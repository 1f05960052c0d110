"""The checks on every message: headers are declared, values are read, no message is lost."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from amistream import Event, Message, Response, core_events
from amistream.headers import Bool, Milliseconds, Numbered, Repeated, Variables

FREE_FORM_EVENTS = (core_events.UserEvent, core_events.TestEvent)
"""Events that may carry any header, because their sender chooses the names."""
COMMON_HEADERS = frozenset({"event", "actionid"})
END = b"\r\n\r\n"
BANNERS = re.compile(rb"\A(?:\r\n|Asterisk Call Manager/[^\r\n]*(?:\r\n|\Z))*")
EXAMPLE_LENGTH = 60
TRUE_WORDS = frozenset({"yes", "true", "on", "1", "y", "enabled"})
NO_ROUND_TRIP = ("UNKNOWN", "UNREACHABLE", "Unmonitored")
"""Words that a Milliseconds header may carry instead of a number."""


class Problems:
    """The problems found: each kind once, with its count and its first example."""

    def __init__(self) -> None:
        self.found: dict[str, tuple[int, str]] = {}

    def add(self, what: str, example: object = "", count: int = 1) -> None:
        known, first = self.found.get(what, (0, str(example)))
        self.found[what] = (known + count, first)

    def __len__(self) -> int:
        return len(self.found)

    def lines(self) -> list[str]:
        return [
            f"{what}{f': {first[:300]}' if first else ''}{f' ({count} times)' if count > 1 else ''}"
            for what, (count, first) in sorted(self.found.items())
        ]


# --- headers and values -----------------------------------------------------------------------


def check_event(event: Event, problems: Problems) -> None:
    """Check that the event has a class, each header is declared and each value is read."""
    cls = type(event)
    if cls is Event:
        problems.add(f"event without a class: {event.name}", event.raw[:EXAMPLE_LENGTH])
        return
    declared = cls.headers()
    for line in event.data:
        problems.add(f"{event.name}: a line that is no header", repr(line))
    if not isinstance(event, FREE_FORM_EVENTS):
        declared_names = _declared_names(cls)
        for name in event:
            if not _is_declared(name, declared_names):
                problems.add(f"{event.name}: undeclared header {name}", repr(event[name]))
    sent = {name.lower(): name for name in event}
    for attribute, header in declared.items():
        for name, value, failed in _values_read(event, attribute, header, sent):
            if failed:
                text = event[name]
                what = f"{event.name}: {name} is not read by {attribute} ({type(header).__name__})"
                problems.add(what, f"{text!r} gives {value!r}")


_known_names: dict[type, frozenset[str]] = {}


def _declared_names(cls: type[Message]) -> frozenset[str]:
    """The names that the class declares, in lower case, with <n> for a number."""
    known = _known_names.get(cls)
    if known is None:
        names = (name.lower() for header in cls.headers().values() for name in header.names)
        known = _known_names[cls] = frozenset(names) | COMMON_HEADERS
    return known


def _is_declared(name: str, declared_names: frozenset[str]) -> bool:
    """Whether the name is declared, ignoring case, a number, or a channel in parentheses.

    Old versions of Asterisk write the channel there: `ChanVariable(Local/1;2)`.
    """
    lower = name.lower()
    if lower in declared_names:
        return True
    if lower.endswith(")") and lower.partition("(")[0] in declared_names:
        return True
    return any(candidate in declared_names for candidate in _with_number_wildcards(lower))


def _with_number_wildcards(name: str) -> Iterator[str]:
    """Copies of the name, each with one of its numbers replaced by <n>."""
    for number in re.finditer(r"\d+", name):
        yield f"{name[: number.start()]}<n>{name[number.end() :]}"


def _values_read(
    event: Event, attribute: str, header: Any, sent: dict[str, str]
) -> Iterator[tuple[str, object, bool]]:
    """Each header on the wire that the attribute reads: its name, the value, whether it failed."""
    if isinstance(header, Variables | Repeated):
        name = sent.get(header.names[0].lower())
        if name is not None:
            value = getattr(event, attribute)
            yield name, value, not value
        return
    if isinstance(header, Numbered):
        values = getattr(event, attribute)
        for number, name in enumerate(header.numbered_names):
            wire_name = sent.get(name.lower())
            if wire_name is not None:
                value = values[number] if number < len(values) else None
                yield wire_name, value, _failed(header.element, value, event[wire_name])
        return
    name = next((sent[name.lower()] for name in header.names if name.lower() in sent), None)
    if name is not None:
        value = getattr(event, attribute)
        yield name, value, _failed(header, value, event[name])


def _failed(header: Any, value: object, text: str) -> bool:
    """Whether the value is the failure value although the text stands for a value."""
    if not text or text in _sentinels(header):
        return False
    if isinstance(header, Bool) and value is False and header.failure is False:
        return text.lower() in TRUE_WORDS
    if value is not None and (header.failure is None or value != header.failure):
        return False
    return value is None or _number(text) != header.failure


def _sentinels(header: Any) -> tuple[str, ...]:
    """The words on the wire that stand for no value."""
    if isinstance(header, Milliseconds):
        return NO_ROUND_TRIP
    return tuple(header._declared[2].get("unknown", ()))


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


# --- nothing lost, nothing split --------------------------------------------------------------


def count_by_bytes(data: bytes) -> Counter[str]:
    """The messages by kind, counted without a parser: the blocks between blank lines."""
    found: Counter[str] = Counter()
    for block in data.split(END):
        text = BANNERS.sub(b"", block)
        while text:
            # If the first line ends in a bare LF, the first blank line ends the message,
            # even if the line before it ends in a bare LF.
            first = text.find(b"\n")
            bare_lf = first >= 0 and text[first - 1 : first] != b"\r"
            message, _, text = text.partition(b"\n\r\n") if bare_lf else (text, b"", b"")
            found[_kind_of_bytes(message)] += 1
    return found


def _kind_of_bytes(block: bytes) -> str:
    for name in (b"Event", b"Response"):
        found = re.search(rb"(?m)^" + name + rb": *([^\r\n]*?) *\r?$", block)
        if found:
            return f"{name.decode()} {found[1].decode(errors='replace')}"
    return "neither"


def kind(message: Message) -> str:
    """The kind of a parsed message, in the same words."""
    if isinstance(message, Event):
        return f"Event {message.name}"
    return f"Response {message.name}" if isinstance(message, Response) else "neither"


def compare_counts(parsed: Counter[str], on_wire: Counter[str], problems: Problems) -> None:
    for name in sorted(parsed.keys() | on_wire.keys()):
        if parsed[name] != on_wire[name]:
            counts = f"{parsed[name]} parsed, {on_wire[name]} on the wire"
            problems.add(f"messages lost or split, {name}", counts)

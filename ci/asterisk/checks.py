"""What is verified on every message: its headers are declared, its values read, none is lost."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from amistream import Event, Message, Response, core_events
from amistream.headers import Bool, Milliseconds, Numbered, Repeated, Variables

FREE = (core_events.UserEvent, core_events.TestEvent)
"""What may carry any header: whoever sends it makes them up."""
ENVELOPE = frozenset({"event", "actionid"})
END = b"\r\n\r\n"
GREETING = re.compile(rb"\A(?:\r\n|Asterisk Call Manager/[^\r\n]*(?:\r\n|\Z))*")
SHOWN = 60
TRUTHS = frozenset({"yes", "true", "on", "1", "y", "enabled"})
NO_ROUND_TRIP = ("UNKNOWN", "UNREACHABLE", "Unmonitored")
"""What a Milliseconds header may say that is no number of milliseconds."""


class Problems:
    """What is wrong, each kind once, with how often and where it was seen first."""

    def __init__(self) -> None:
        self.found: dict[str, tuple[int, str]] = {}

    def add(self, what: str, example: object = "", count: int = 1) -> None:
        before, first = self.found.get(what, (0, str(example)))
        self.found[what] = (before + count, first)

    def __len__(self) -> int:
        return len(self.found)

    def lines(self) -> list[str]:
        return [
            f"{what}{f': {first[:300]}' if first else ''}{f' ({count} times)' if count > 1 else ''}"
            for what, (count, first) in sorted(self.found.items())
        ]


# --- headers and values -----------------------------------------------------------------------


def check_event(event: Event, problems: Problems) -> None:
    """The event has a class, each of its headers is declared, each of its values is read."""
    cls = type(event)
    if cls is Event:
        problems.add(f"event without a class: {event.name}", event.raw[:SHOWN])
        return
    declared = cls.headers()
    for line in event.data:
        problems.add(f"{event.name}: a line that is no header", repr(line))
    if not isinstance(event, FREE):
        spelled = _spellings(cls)
        for name in event:
            if not _is_declared(name, spelled):
                problems.add(f"{event.name}: undeclared header {name}", repr(event[name]))
    sent = {name.lower(): name for name in event}
    for attribute, header in declared.items():
        for name, value, failed in _readings(event, attribute, header, sent):
            if failed:
                text = event[name]
                what = f"{event.name}: {name} is not read by {attribute} ({type(header).__name__})"
                problems.add(what, f"{text!r} gives {value!r}")


_spelled: dict[type, frozenset[str]] = {}


def _spellings(cls: type[Message]) -> frozenset[str]:
    """The names that the class declares, in lower case; numbers as <n>."""
    known = _spelled.get(cls)
    if known is None:
        names = (name.lower() for header in cls.headers().values() for name in header.names)
        known = _spelled[cls] = frozenset(names) | ENVELOPE
    return known


def _is_declared(name: str, spelled: frozenset[str]) -> bool:
    """Exactly, or but for upper case, a number, or the channel in parentheses of old ones."""
    lower = name.lower()
    if lower in spelled:
        return True
    if lower.endswith(")") and lower.partition("(")[0] in spelled:
        return True
    return any(candidate in spelled for candidate in _with_number_open(lower))


def _with_number_open(name: str) -> Iterator[str]:
    """The name with each of its numbers in turn taken for any number."""
    for number in re.finditer(r"\d+", name):
        yield f"{name[: number.start()]}<n>{name[number.end() :]}"


def _readings(
    event: Event, attribute: str, header: Any, sent: dict[str, str]
) -> Iterator[tuple[str, object, bool]]:
    """Each header of the wire that the attribute reads: its name, the value, whether it failed."""
    if isinstance(header, Variables | Repeated):
        name = sent.get(header.names[0].lower())
        if name is not None:
            value = getattr(event, attribute)
            yield name, value, not value
        return
    if isinstance(header, Numbered):
        values = getattr(event, attribute)
        for number, name in enumerate(header.numbered_names):
            spelled = sent.get(name.lower())
            if spelled is not None:
                value = values[number] if number < len(values) else None
                yield spelled, value, _failed(header.element, value, event[spelled])
        return
    name = next((sent[name.lower()] for name in header.names if name.lower() in sent), None)
    if name is not None:
        value = getattr(event, attribute)
        yield name, value, _failed(header, value, event[name])


def _failed(header: Any, value: object, text: str) -> bool:
    """Whether the value is the one for what cannot be read, and the text is not such."""
    if not text or text in _sentinels(header):
        return False
    if isinstance(header, Bool) and value is False and header.failure is False:
        return text.lower() in TRUTHS
    if value is not None and (header.failure is None or value != header.failure):
        return False
    return value is None or _number(text) != header.failure


def _sentinels(header: Any) -> tuple[str, ...]:
    """The words of the wire that stand for no value."""
    if isinstance(header, Milliseconds):
        return NO_ROUND_TRIP
    return tuple(header._declared[2].get("unknown", ()))


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


# --- nothing lost, nothing split --------------------------------------------------------------


def plain_count(data: bytes) -> Counter[str]:
    """The messages by kind, counted on the bytes alone: what stands between blank lines."""
    found: Counter[str] = Counter()
    for block in data.split(END):
        text = GREETING.sub(b"", block)
        while text:
            # What begins with a bare LF ends at the first blank line, after a bare LF as well.
            first = text.find(b"\n")
            plain = first >= 0 and text[first - 1 : first] != b"\r"
            message, _, text = text.partition(b"\n\r\n") if plain else (text, b"", b"")
            found[_plain_kind(message)] += 1
    return found


def _plain_kind(block: bytes) -> str:
    for name in (b"Event", b"Response"):
        found = re.search(rb"(?m)^" + name + rb": *([^\r\n]*?) *\r?$", block)
        if found:
            return f"{name.decode()} {found[1].decode(errors='replace')}"
    return "neither"


def kind(message: Message) -> str:
    """The same of a parsed message."""
    if isinstance(message, Event):
        return f"Event {message.name}"
    return f"Response {message.name}" if isinstance(message, Response) else "neither"


def compare_counts(parsed: Counter[str], plain: Counter[str], problems: Problems) -> None:
    for name in sorted(parsed.keys() | plain.keys()):
        if parsed[name] != plain[name]:
            counts = f"{parsed[name]} parsed, {plain[name]} on the wire"
            problems.add(f"messages lost or split, {name}", counts)

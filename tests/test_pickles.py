"""Pickles made by amistream 0.1.0 still load, and equal what the same bytes give today.

`data/pickles-0.1.0.json.gz` has the pickles of what the functions in KINDS return, by the name of
the kind and then by pickle protocol, as text in latin-1. Version 0.1.0 wrote it, at the last commit
before the aggregates moved from `amistream.aggregates` to the modules of their events, with

    pickles = {
        kind: {protocol: pickle.dumps(make(amistream), protocol).decode("latin-1")
               for protocol in protocols_of(kind)}
        for kind, make in KINDS.items()
    }
    Path("pickles-0.1.0.json.gz").write_bytes(gzip.compress(json.dumps(pickles).encode(), mtime=0))

Both twins wrote the same, but for the order of a set in the Collector.
"""

from __future__ import annotations

import gzip
import json
import pickle
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from support.paths import DATA

PICKLES = DATA / "pickles-0.1.0.json.gz"

HEADERS = b"ActionID: 1\r\nEventList: start\r\nOutput: a\r\nOutput: b: c\r\nX: \xff\r\nno colon\r\n"
LIST = b"Event: QueueParams\r\nActionID: 1\r\n\r\nEvent: QueueMember\r\nActionID: 1\r\n\r\n"
OUTSIDE = 999
"""A number that is in no enumeration."""


def messages(ami: ModuleType) -> dict[str, Any]:
    """An event of each class, an event without a class, a response and a bare message."""
    names = [name for name in ami.core_events.__all__ if is_event(ami, name)]
    made = {name: getattr(ami.core_events, name)(f"Event: {name}".encode()) for name in names}
    streams = {
        "an event": b"Event: Hangup\r\nCause: 16\r\n\r\n",
        "an unknown event": b"Event: Sold\r\n" + HEADERS + b"\r\n",
        "a response": b"Response: Success\r\n" + HEADERS + b"\r\n",
        "a command": b"Response: Follows\r\nActionID: 1\r\nno header\n\n--END COMMAND--\r\n\r\n",
        "a message": HEADERS + b"\r\n",
    }
    return {**made, **{name: parse(ami, stream)[0] for name, stream in streams.items()}}


def aggregates(ami: ModuleType) -> dict[str, Any]:
    """A new list of each kind, and lists in each of their states."""
    kinds = [name for name in ami.core_events.__all__ if name.endswith("_Aggregate")]
    made = {name: getattr(ami.core_events, name)("1") for name in kinds}
    states = {
        "open": LIST,
        "whole": LIST + b"Event: QueueStatusComplete\r\nActionID: 1\r\nListItems: 2\r\n\r\n",
        "miscounted": LIST + b"Event: QueueStatusComplete\r\nActionID: 1\r\nListItems: 3\r\n\r\n",
        "cancelled": LIST + b"Event: Other\r\nActionID: 1\r\nEventList: Cancelled\r\n\r\n",
        "with others": LIST + b"Event: Other\r\nActionID: 1\r\n\r\n",
        "failed": LIST,
    }
    for kind in ("QueueStatus_Aggregate", "EventList_Aggregate"):
        for state, stream in states.items():
            gathered = getattr(ami.core_events, kind)("1", max_members=5)
            if state != "open":
                gathered.announce()
            for event in parse(ami, stream):
                gathered.evaluate_event(event)
            if state == "failed":
                gathered.fail("given up")
            made[f"{kind} {state}"] = gathered
    return made


def errors(ami: ModuleType) -> dict[str, Any]:
    """Every error, with all that it carries."""
    found = parse(ami, b"Event: Hangup\r\nCause: 16\r\n\r\n")
    return {
        "AMIError": ami.AMIError("anything"),
        "MessageTooLarge": ami.MessageTooLarge(7, 100, found, "max_line"),
        "TruncatedMessage": ami.TruncatedMessage(7, b"Event: Ha", found),
        "DamagedFile": ami.DamagedFile("a.gz", 7, "broken"),
        "ExpandsTooMuch": ami.ExpandsTooMuch("a.gz", 7, 1000),
        "TooManyLists": ami.TooManyLists("1", 10),
        "ParserInUse": ami.ParserInUse(),
        "MissingExtra": ami.MissingExtra("reading .zst files", "zstd"),
        "EventNameTaken": ami.EventNameTaken("Hangup", ami.core_events.Hangup),
    }


def members(ami: ModuleType) -> dict[str, Any]:
    """Every member of the enumerations, and one outside of each."""
    made = {name: list(getattr(ami.enums, name)) for name in ami.enums.__all__}
    for name, known in made.items():
        cls = getattr(ami.enums, name)
        known.append(cls(OUTSIDE if issubclass(cls, int) else "OUTSIDE"))
    return made


def classes(ami: ModuleType) -> dict[str, Any]:
    """The public classes that no other kind has; the Parser's module is private."""
    found = (ami.Event, ami.Response, ami.Message, ami.Aggregate, ami.Collector, ami.Reader)
    return {cls.__name__: cls for cls in found}


def collectors(ami: ModuleType) -> dict[str, Any]:
    """A collector with lists that were opened, announced, and begun by an event."""
    collector = ami.Collector(timeout=None, max_open=9)
    collector.open(ami.core_events.Status_Aggregate("asked"))
    started = b"Response: Success\r\nActionID: announced\r\nEventList: start\r\n\r\n"
    for message in parse(ami, started + LIST):
        collector.add(message)
    return {"new": ami.Collector(timeout=None), "with three lists": collector}


def is_event(ami: ModuleType, name: str) -> bool:
    value = getattr(ami.core_events, name)
    return isinstance(value, type) and issubclass(value, ami.Event)


def parse(ami: ModuleType, stream: bytes) -> list[Any]:
    found: list[Any] = ami.Parser().feed(stream)
    return found


KINDS: dict[str, Callable[[ModuleType], dict[str, Any]]] = {
    "messages": messages,
    "aggregates": aggregates,
    "errors": errors,
    "members": members,
    "classes": classes,
    "collectors": collectors,
}


def protocols_of(kind: str) -> tuple[int, ...]:
    """The pickle protocols that a kind can be pickled with; a Collector needs 2 or later."""
    return (2, 4) if kind == "collectors" else (0, 2, 4)


CASES = [(kind, protocol) for kind in KINDS for protocol in protocols_of(kind)]


def as_tuple(ami: ModuleType, value: Any) -> Any:
    """All that a value holds; an aggregate, an error or a collector equals only itself."""
    if isinstance(value, ami.Aggregate):
        state = {name: as_tuple(ami, held) for name, held in vars(value).items()}
        return (type(value), dict(value), state, repr(value))
    if isinstance(value, ami.Collector):
        return (type(value), len(value), [as_tuple(ami, one) for one in value.waiting])
    if isinstance(value, Exception):
        return (type(value), value.args, str(value), vars(value))
    if isinstance(value, list):
        return [as_tuple(ami, one) for one in value]
    if isinstance(value, ami.Message):
        return (type(value), value.raw, list(value.items()), value.data, repr(value))
    return (type(value), value, repr(value))


@pytest.fixture(scope="module")
def pickles() -> Any:
    """The pickles of 0.1.0: kind to protocol to text."""
    return json.loads(gzip.decompress(PICKLES.read_bytes()))


def load(pickles: Any, kind: str, protocol: int) -> dict[str, Any]:
    loaded: dict[str, Any] = pickle.loads(pickles[kind][str(protocol)].encode("latin-1"))
    return loaded


@pytest.mark.parametrize(("kind", "protocol"), CASES)
def test_pickles_of_0_1_0_load(ami: ModuleType, pickles: Any, kind: str, protocol: int) -> None:
    made = KINDS[kind](ami)
    loaded = load(pickles, kind, protocol)
    assert loaded
    for name, value in loaded.items():
        assert as_tuple(ami, value) == as_tuple(ami, made[name]), name


def test_0_1_0_pickled_every_class_and_list(ami: ModuleType, pickles: Any) -> None:
    """A class that goes, or gets another name, is missed."""
    counts = {kind: len(load(pickles, kind, 4)) for kind in KINDS}
    assert counts == {
        "messages": 257,
        "aggregates": 60,
        "errors": 9,
        "members": 5,
        "classes": 6,
        "collectors": 2,
    }


@pytest.mark.parametrize(("kind", "protocol"), CASES)
def test_pickles_of_today_load(ami: ModuleType, kind: str, protocol: int) -> None:
    for name, value in KINDS[kind](ami).items():
        loaded = pickle.loads(pickle.dumps(value, protocol))
        assert as_tuple(ami, loaded) == as_tuple(ami, value), name


def test_a_list_of_0_1_0_goes_on(ami: ModuleType, pickles: Any) -> None:
    end = b"Event: QueueStatusComplete\r\nActionID: 1\r\nListItems: 2\r\n\r\n"
    gathered = load(pickles, "aggregates", 4)["QueueStatus_Aggregate open"]
    assert gathered.evaluate_event(*parse(ami, end)) is True
    assert gathered.valid
    collector = load(pickles, "collectors", 4)["with three lists"]
    (done,) = [one for event in parse(ami, end) if (one := collector.add(event)) is not None]
    assert (done.name, done.error_message) == ("QueueStatus_Aggregate", None)
    assert [one.action_id for one in collector.waiting] == ["asked", "announced"]

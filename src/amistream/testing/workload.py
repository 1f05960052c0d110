"""Generates the event stream of a call centre of any size, from the calls of a recorded one.

Each recorded call is a script: its events, their headers, their order and the time between them.
A generated call takes a script and puts in its own channels, ids, caller, queue, agents and times.
The scripts are dealt like cards, so the events have the same mix as in the capture. The same seed
gives the same bytes. `Workload.plan` counts the events before one is made.
"""

from __future__ import annotations

import calendar
import functools
import heapq
import importlib.resources
import itertools
import math
import random
import re
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import amistream

CAPTURE = Path(str(importlib.resources.files("amistream.testing") / "calls.ami.xz"))
"""Real calls of a call centre, as Asterisk 22 sent them."""
CHUNK = 1 << 16
BANNER = b"Asterisk Call Manager/11.0.0\r\n"
EPOCH = 1_767_225_600
"""The start of the workload, as UNIX time."""
RTCP_INTERVAL = 5.0
"""Seconds between two RTCP reports of a leg, in each direction."""
ASTERISK_ADDRESS = b"192.0.2.255:10000"
"""Asterisk's own address and port on every leg."""

FIRST_NAMES = ("Jane", "Peter", "Maria", "John", "Aisha", "Olga", "Ken", "Lucy")
LAST_NAMES = ("Doe", "Miller", "Santos", "Okoro", "Novak", "Rossi", "Kim", "Patel")
UTF8_FIRST_NAMES = ("Zoë", "João", "Łukasz", "Søren", "Νίκος", "Анна", "美咲", "محمد")
UTF8_LAST_NAMES = ("Müller", "Nuñez", "Dvořák", "Ångström", "Παππάς", "Иванова", "山田", "Çelik")

SLOTS = re.compile(
    rb"^Timestamp: (?P<now>\d+\.\d{6})"
    rb"|^ActionID: (?P<action>[^\r]+)"
    rb"|^MemberName: (?P<member>[^\r]+)"
    rb"|(?:^\w*(?:CallerID(?:[Nn]um|ani)|ConnectedLineNum|Source): |^AppData: inbound |(?<=\" <))"
    rb"(?P<number>\d+)"
    rb"|(?:^\w*(?:CallerID[Nn]ame|ConnectedLineName): |^CallerID: \")"
    rb"(?P<name>[^<\r\"][^\r]*?)(?=\r|\" <)"
    rb"|(?P<customer>" + "Zoë Ångström".encode() + rb")"
    rb"|\b(?P<queue>support|sales)(?![a-z])"
    rb"|(?:^(?:\w*Exten|Extension|Destination): |^Value: |/)(?P<agent>10[1-9])(?=@agents|\r)"
    rb"|^(?:LastCall|LastPause|LoginTime): (?P<epoch>\d{10})"
    rb"|(?P<clock>\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d)"
    rb"|(?P<uniqueid>\d{10}\.\d{1,5})(?!\d)"
    rb"|-(?P<channel>[0-9a-f]{8})(?=;)"
    rb"|\[C-(?P<callid>[0-9a-f]{8})"
    rb"|(?P<bridge>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})",
    re.MULTILINE,
)
"""The parts of a recorded event that belong to one call or one moment.

In each alternative the named group is the last part of the match.
"""
IDENTITY = re.compile(rb"-[0-9a-f]{8}(?=;)|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""A channel's number or a bridge's id. It identifies the call of an event without a Linkedid."""
INTERFACE = re.compile(rb"Interface: Local/(\d+)@")
SNAPSHOT = re.compile(rb"^Channel: .*?^Linkedid: [^\n]*\n", re.MULTILINE | re.DOTALL)


# --- the scripts ------------------------------------------------------------------------------


class Slot(NamedTuple):
    """A place in a script that each call fills with its own value."""

    kind: str
    recorded: bytes


class Line(NamedTuple):
    """An event of a script: seconds since the call's start, and a template of its bytes."""

    offset: float
    template: bytes


class Span(NamedTuple):
    """When a channel of a script starts and ends, and the number of its Hangup event."""

    start: float
    end: float
    hangup: int


class Leg(NamedTuple):
    """A channel of a script: when it starts and ends, and a template of its headers."""

    start: float
    end: float
    snapshot: bytes


class Script:
    """One recorded call, with slots for everything that belongs to that call alone.

    counts: its events by name. spans: when each channel starts and ends, in seconds since the
    call's start. The templates are made when the first call needs them, because that takes time.
    """

    def __init__(self, events: list[amistream.Event]) -> None:
        self.start = events[0].timestamp or 0.0
        self.counts = Counter(event.name for event in events)
        self._events = events
        # Asterisk sets the timestamp before it queues an event, so timestamps may go back.
        # The recorded order is kept.
        times = ((event.timestamp or 0.0) - self.start for event in events)
        self._offsets = list(itertools.accumulate(times, max, initial=0.0))[1:]
        self.spans = list(self._find_spans())
        self._keys: dict[Slot, bytes] = {}
        self._slots: dict[bytes, Slot] = {}

    @functools.cached_property
    def lines(self) -> list[Line]:
        """The events, with slots."""
        templates = (self._template(event.raw) for event in self._events)
        return list(map(Line, self._offsets, templates))

    @property
    def slots(self) -> dict[bytes, Slot]:
        """The slots that each call fills, by their key in the templates."""
        return self._slots if self.lines else {}

    @functools.cached_property
    def legs(self) -> list[Leg]:
        """The channels, with the templates of their headers."""
        found = [SNAPSHOT.search(self.lines[span.hangup].template) for span in self.spans]
        snapshots = [b"" if one is None else one[0] for one in found]
        return [
            Leg(*span[:2], snapshot) for span, snapshot in zip(self.spans, snapshots, strict=True)
        ]

    def _template(self, raw: bytes) -> bytes:
        interface = INTERFACE.search(raw)
        agent = interface[1] if interface else b""

        def replace(match: re.Match[bytes]) -> bytes:
            kind = match.lastgroup or ""
            recorded = match[kind]
            slot = Slot(kind, agent if kind == "member" else recorded)
            return match[0].removesuffix(recorded) + b"%%(%b)b" % self._key(slot)

        return SLOTS.sub(replace, raw.replace(b"%", b"%%"))

    def _key(self, slot: Slot) -> bytes:
        if slot.kind == "now":
            return b"now"
        key = self._keys.setdefault(slot, b"%d" % len(self._keys))
        self._slots[key] = slot
        return key

    def _find_spans(self) -> Iterator[Span]:
        starts: dict[str, float] = {}
        for at, (event, offset) in enumerate(zip(self._events, self._offsets, strict=True)):
            if event.name == "Newchannel":
                starts[event["Uniqueid"]] = offset
            elif event.name == "Hangup" and SNAPSHOT.search(event.raw):
                yield Span(starts.pop(event["Uniqueid"], 0.0), offset, at)


@functools.cache
def scripts() -> tuple[Script, ...]:
    """The capture's calls; events before the first call are left out."""
    with amistream.open(CAPTURE) as messages:
        events = [message for message in messages if isinstance(message, amistream.Event)]
    calls: dict[str, list[amistream.Event]] = {}
    owners = _owners(events)
    call = None
    for event in events:
        # An event that names neither a call nor a channel belongs to the call of the event before.
        call = _call_of(event, owners) or call
        if call is not None:
            calls.setdefault(call, []).append(event)
    return tuple(map(Script, calls.values()))


def _owners(events: list[amistream.Event]) -> dict[bytes, str]:
    owners: dict[bytes, str] = {}
    for event in events:
        call = event.get("Linkedid", ignore_case=True)
        if call is not None:
            for token in IDENTITY.findall(event.raw):
                owners.setdefault(token, call)
    return owners


def _call_of(event: amistream.Event, owners: dict[bytes, str]) -> str | None:
    call = event.get("Linkedid", ignore_case=True)
    if call is not None:
        return call
    return next((owners[token] for token in IDENTITY.findall(event.raw) if token in owners), None)


# --- the call centre --------------------------------------------------------------------------


class Options(NamedTuple):
    """The options of a workload.

    seconds: how long new calls start; math.inf makes a stream without an end.
    skew: the exponent of Zipf's law, 0 for equal callers.
    rtcp: whether each leg reports RTCP. utf8: whether some callers' names are not ASCII.
    epoch: the moment of the start, as UNIX time.
    """

    seed: int = 1
    seconds: float = 10.0
    calls_per_second: float = 100.0
    agents: int = 200
    queues: int = 8
    callers: int = 5000
    skew: float = 1.1
    rtcp: bool = False
    utf8: bool = True
    epoch: int = EPOCH


class Plan(NamedTuple):
    """How much a workload will have: calls, events, and events by name."""

    calls: int
    events: int
    by_name: dict[str, int]


class Caller(NamedTuple):
    """A caller: the displayed name, and the number."""

    name: bytes
    number: bytes


class Deal(NamedTuple):
    """A call to be made: its script, its start, and when each channel first reports RTCP."""

    script: Script
    start: float
    reports: list[float]


class Call(NamedTuple):
    """A call in progress: its start time, its events, and the values for their slots."""

    start: float
    lines: list[Line]
    values: dict[bytes, bytes]

    def event(self, position: int) -> bytes:
        """The bytes of the event at `position`."""
        line = self.lines[position]
        self.values[b"now"] = b"%.6f" % (self.start + line.offset)
        return line.template % self.values


class Workload:
    """The stream of a call centre: the same bytes for the same options.

    New calls start for `seconds` of the stream's own time; the stream ends with the last call.
    Memory holds the scripts and the calls in progress, so it does not grow with the stream.
    """

    def __init__(self, options: Options) -> None:
        for name in ("seconds", "calls_per_second", "agents", "queues", "callers"):
            if getattr(options, name) <= 0:
                raise ValueError(f"{name} must be positive, not {getattr(options, name)!r}")
        if options.skew < 0:
            raise ValueError(f"skew must not be negative, not {options.skew!r}")
        self.options = options

    def plan(self) -> Plan:
        """Count what the stream will have, without making an event. ValueError if it is endless."""
        if math.isinf(self.options.seconds):
            raise ValueError("a workload without an end cannot be counted")
        by_name: Counter[str] = Counter()
        calls = 0
        for deal in _CallCentre(self.options).deals():
            calls += 1
            by_name.update(deal.script.counts)
            for span, first in zip(deal.script.spans, deal.reports, strict=False):
                reports = max(0, math.ceil((span.end - first) / RTCP_INTERVAL))
                by_name.update({"RTCPSent": reports, "RTCPReceived": reports})
        # Counters keep names with the number 0.
        by_name = +by_name
        return Plan(calls, by_name.total(), dict(sorted(by_name.items())))

    def events(self) -> Iterator[bytes]:
        """The events, one by one, in the order of their timestamps."""
        in_progress: list[tuple[float, int, int, Call]] = []
        for serial, call in enumerate(_CallCentre(self.options).calls()):
            yield from _play(in_progress, until=call.start)
            heapq.heappush(in_progress, (call.start, serial, 0, call))
        yield from _play(in_progress, until=float("inf"))

    def chunks(self, size: int = CHUNK) -> Iterator[bytes]:
        """The stream with its banner, in chunks of `size` bytes that may end inside a message."""
        buffer = bytearray(BANNER)
        for event in self.events():
            buffer += event
            while len(buffer) >= size:
                yield bytes(buffer[:size])
                del buffer[:size]
        if buffer:
            yield bytes(buffer)


def _play(in_progress: list[tuple[float, int, int, Call]], until: float) -> Iterator[bytes]:
    """The events, before the time `until`, of the calls in progress."""
    while in_progress and in_progress[0][0] < until:
        _, serial, position, call = in_progress[0]
        yield call.event(position)
        position += 1
        if position < len(call.lines):
            next_time = call.start + call.lines[position].offset
            heapq.heapreplace(in_progress, (next_time, serial, position, call))
        else:
            heapq.heappop(in_progress)


class _CallCentre:
    """The callers and agents of the call centre, and the serial numbers of its calls."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.random = random.Random(options.seed)
        self.serial = 0
        first_names = FIRST_NAMES + UTF8_FIRST_NAMES * options.utf8
        last_names = LAST_NAMES + UTF8_LAST_NAMES * options.utf8
        self.names = [f"{first} {last}".encode() for first in first_names for last in last_names]
        self.callers = [
            Caller(self.random.choice(self.names), b"555%07d" % number)
            for number in range(options.callers)
        ]
        self.agents = [self.random.choice(self.names) for _ in range(options.agents)]
        weights = ((rank + 1) ** -options.skew for rank in range(options.callers))
        self.weights = list(itertools.accumulate(weights))

    def deals(self) -> Iterator[Deal]:
        """The calls in the order of their start: one at a random moment of each equal interval.

        They have a random generator of their own, so that they can be counted without a call.
        """
        rate, seconds = self.options.calls_per_second, self.options.seconds
        dealing = random.Random(f"{self.options.seed} deals")
        deck: list[Script] = []
        for number in itertools.count() if math.isinf(seconds) else range(round(rate * seconds)):
            if not deck:
                deck = dealing.sample(scripts(), len(scripts()))
            start = self.options.epoch + (number + dealing.random()) / rate
            script = deck.pop()
            spans = script.spans if self.options.rtcp else ()
            reports = [span.start + dealing.random() * RTCP_INTERVAL for span in spans]
            yield Deal(script, round(start, 6), reports)

    def calls(self) -> Iterator[Call]:
        """The calls in the order of their start."""
        return map(self._call, self.deals())

    def _call(self, deal: Deal) -> Call:
        script, start = deal.script, deal.start
        slot_values = _SlotValues(self, script, start)
        values = {key: slot_values.value(slot) for key, slot in script.slots.items()}
        lines = script.lines.copy()
        if deal.reports:
            for leg, first in zip(script.legs, deal.reports, strict=True):
                lines += _RtcpReports(leg, start, self.random).lines(first)
            lines.sort(key=lambda line: line.offset)
        return Call(start, lines, values)

    def next_serial(self) -> int:
        """A number that is used once: for a call, a channel or a uniqueid."""
        self.serial += 1
        return self.serial


class _RtcpReports:
    """The RTCP events of one leg: one report sent and one received every five seconds."""

    def __init__(self, leg: Leg, start: float, rng: random.Random) -> None:
        self.leg = leg
        self.start = start
        self.random = rng
        self.address = b"192.0.2.%d:%d" % (rng.randrange(1, 255), rng.randrange(5000, 9000))
        self.own_ssrc, self.peer_ssrc = rng.getrandbits(32), rng.getrandbits(32)

    def lines(self, first: float) -> Iterator[Line]:
        """The events, the first one `first` seconds after the start of the call."""
        offset = first
        while offset < self.leg.end:
            addresses = b"To: %b\r\nFrom: %b\r\n" % (self.address, ASTERISK_ADDRESS)
            report = self._report(offset, self.own_ssrc, self.peer_ssrc)
            yield Line(offset, self._head(b"RTCPSent") + addresses + report)
            addresses = b"To: %b\r\nFrom: %b\r\n" % (ASTERISK_ADDRESS, self.address)
            round_trip = b"RTT: %.4f\r\n" % self.random.uniform(0.005, 0.08)
            report = self._report(offset, self.peer_ssrc, self.own_ssrc)
            yield Line(offset, self._head(b"RTCPReceived") + addresses + round_trip + report)
            offset += RTCP_INTERVAL

    def _head(self, name: bytes) -> bytes:
        head = b"Event: %b\r\nPrivilege: reporting,all\r\nTimestamp: %%(now)b\r\n" % name
        return head + self.leg.snapshot

    def _report(self, offset: float, ssrc: int, other: int) -> bytes:
        """A sender report with one reception report; the headers have Asterisk's order."""
        packets = int(50 * (offset - self.leg.start))
        now = self.start + offset
        lost, jitter = self.random.choice((0, 0, 0, 1, 3)), self.random.randrange(60)
        delay = self.random.uniform(0.0, RTCP_INTERVAL)
        return (
            b"MES: 88.1\r\nSSRC: 0x%08x\r\nPT: 200(SR)\r\nReportCount: 1\r\n" % ssrc
            + b"SentNTP: %.6f\r\nSentRTP: %d\r\n" % (now, 160 * packets)
            + b"SentPackets: %d\r\nSentOctets: %d\r\n" % (packets, 160 * packets)
            + b"Report0SourceSSRC: 0x%08x\r\nReport0FractionLost: %d\r\n" % (other, lost)
            + b"Report0CumulativeLost: %d\r\nReport0HighestSequence: %d\r\n" % (lost, packets)
            + b"Report0SequenceNumberCycles: 0\r\nReport0IAJitter: %d\r\n" % jitter
            + b"Report0LSR: %d\r\nReport0DLSR: %.4f\r\n\r\n" % (packets << 16, delay)
        )


class _SlotValues:
    """The values that one call puts into the slots of its script: one method per kind of slot."""

    def __init__(self, centre: _CallCentre, script: Script, start: float) -> None:
        self.centre = centre
        self.start = start
        self.shift = start - script.start
        options, rng = centre.options, centre.random
        self.caller = rng.choices(centre.callers, cum_weights=centre.weights)[0]
        self.first_agent = rng.randrange(options.agents)
        self.first_queue = rng.randrange(options.queues)
        self.seen: dict[str, list[bytes]] = {"agent": [], "queue": []}

    def value(self, slot: Slot) -> bytes:
        """The value of a slot; it stays the same for the whole call."""
        value: bytes = getattr(self, f"_{slot.kind}")(slot.recorded)
        return value

    def _index(self, kind: str, recorded: bytes) -> int:
        """The index of this agent or queue among those of the call."""
        seen = self.seen[kind]
        if recorded not in seen:
            seen.append(recorded)
        return seen.index(recorded)

    def _agent_number(self, recorded: bytes) -> int:
        return (self.first_agent + self._index("agent", recorded)) % self.centre.options.agents

    def _agent(self, recorded: bytes) -> bytes:
        return b"%d" % (1001 + self._agent_number(recorded))

    def _member(self, recorded: bytes) -> bytes:
        return self.centre.agents[self._agent_number(recorded)]

    def _queue(self, recorded: bytes) -> bytes:
        number = (self.first_queue + self._index("queue", recorded)) % self.centre.options.queues
        return b"queue-%02d" % (number + 1)

    def _name(self, recorded: bytes) -> bytes:
        return self.caller.name

    _customer = _name

    def _number(self, recorded: bytes) -> bytes:
        return self.caller.number

    def _action(self, recorded: bytes) -> bytes:
        return b"call-%d" % self.centre.next_serial()

    def _uniqueid(self, recorded: bytes) -> bytes:
        return b"%d.%d" % (self.start, self.centre.next_serial())

    def _channel(self, recorded: bytes) -> bytes:
        return b"%08x" % self.centre.next_serial()

    _callid = _channel

    def _bridge(self, recorded: bytes) -> bytes:
        return str(uuid.UUID(int=self.centre.random.getrandbits(128), version=4)).encode()

    def _epoch(self, recorded: bytes) -> bytes:
        return b"%d" % (int(recorded) + self.shift)

    def _clock(self, recorded: bytes) -> bytes:
        return _shift_clock(recorded, self.shift)


@functools.cache
def _recorded_time(clock: bytes) -> int:
    return calendar.timegm(time.strptime(clock.decode().replace("T", " "), "%Y-%m-%d %H:%M:%S"))


def _shift_clock(clock: bytes, shift: float) -> bytes:
    """A recorded date and time, later by `shift` seconds, in the same format."""
    moment = time.gmtime(_recorded_time(clock) + shift)
    return time.strftime(f"%Y-%m-%d{chr(clock[10])}%H:%M:%S", moment).encode()

"""A seeded call centre of any volume: the calls of a recorded one, played anew as other people's.

The capture's calls are the scripts: which events, with which headers, in which order and how far
apart. A new call takes a script and puts its own channels, ids, caller, queue, agents and times in.
The scripts are dealt like cards, so the mix of events is the capture's.
"""

from __future__ import annotations

import argparse
import calendar
import functools
import heapq
import itertools
import random
import re
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import amistream

CAPTURE = Path(__file__).resolve().parent.parent / "tests" / "data" / "queue-events.ami.gz"
CHUNK = 1 << 16
BANNER = b"Asterisk Call Manager/11.0.0\r\n"
EPOCH = 1_767_225_600
"""When the first call comes in, as UNIX time."""
RTCP_INTERVAL = 5.0
"""Seconds from one report of a leg to its next, in either direction."""
HERE = b"192.0.2.255:10000"
"""The end of every leg that is Asterisk's."""

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
"""What belongs to one call or one moment in a recorded event; each group is always last."""
IDENTITY = re.compile(rb"-[0-9a-f]{8}(?=;)|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""A channel's number or a bridge's id: tells the call of an event that has no Linkedid."""
INTERFACE = re.compile(rb"Interface: Local/(\d+)@")
SNAPSHOT = re.compile(rb"^Channel: .*?^Linkedid: [^\n]*\n", re.MULTILINE | re.DOTALL)


# --- the scripts ------------------------------------------------------------------------------


class Slot(NamedTuple):
    """A place in a script that each call fills with its own: what kind, and what was recorded."""

    kind: str
    was: bytes


class Line(NamedTuple):
    """An event of a script: seconds since the call began, and a template of its bytes."""

    offset: float
    template: bytes


class Leg(NamedTuple):
    """A channel's life in a script, and a template of its headers."""

    born: float
    gone: float
    snapshot: bytes


class Script:
    """One recorded call, with slots for whatever was its own."""

    def __init__(self, events: list[amistream.Event]) -> None:
        self.began = events[0].timestamp or 0.0
        self.slots: dict[bytes, Slot] = {}
        self._keys: dict[Slot, bytes] = {}
        offset = 0.0
        self.lines: list[Line] = []
        for event in events:
            # Asterisk's threads stamp an event before they queue it: order goes before time.
            offset = max(offset, (event.timestamp or 0.0) - self.began)
            self.lines.append(Line(offset, self._template(event.raw)))
        self.legs = list(self._find_legs(events))

    def _template(self, raw: bytes) -> bytes:
        interface = INTERFACE.search(raw)
        agent = interface[1] if interface else b""

        def put(match: re.Match[bytes]) -> bytes:
            kind = match.lastgroup or ""
            was = match[kind]
            slot = Slot(kind, agent if kind == "member" else was)
            return match[0].removesuffix(was) + b"%%(%b)b" % self._key(slot)

        return SLOTS.sub(put, raw.replace(b"%", b"%%"))

    def _key(self, slot: Slot) -> bytes:
        if slot.kind == "now":
            return b"now"
        key = self._keys.setdefault(slot, b"%d" % len(self._keys))
        self.slots[key] = slot
        return key

    def _find_legs(self, events: list[amistream.Event]) -> Iterator[Leg]:
        born: dict[str, float] = {}
        for event, line in zip(events, self.lines, strict=True):
            if event.name == "Newchannel":
                born[event["Uniqueid"]] = line.offset
            elif event.name == "Hangup" and (snapshot := SNAPSHOT.search(line.template)):
                yield Leg(born.pop(event["Uniqueid"], 0.0), line.offset, snapshot[0])


@functools.cache
def scripts() -> tuple[Script, ...]:
    """The capture's calls; what came before the first of them belongs to none."""
    with amistream.open(CAPTURE) as messages:
        events = [message for message in messages if isinstance(message, amistream.Event)]
    calls: dict[str, list[amistream.Event]] = {}
    owners = _owners(events)
    call = None
    for event in events:
        # An event that names neither call nor channel came of what was told just before.
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
    """What a workload is made of; `skew` is the exponent of Zipf's law, 0 for none."""

    seed: int = 1
    seconds: float = 10.0
    calls_per_second: float = 100.0
    agents: int = 200
    queues: int = 8
    callers: int = 5000
    skew: float = 1.1
    rtcp: bool = False
    utf8: bool = True


class Caller(NamedTuple):
    """Someone who calls: the name as it is shown, and the number."""

    name: bytes
    number: bytes


class Call(NamedTuple):
    """A call under way: when it began, its events, and what it puts into their slots."""

    began: float
    lines: list[Line]
    values: dict[bytes, bytes]

    def event(self, position: int) -> bytes:
        """The bytes of the event at `position`."""
        line = self.lines[position]
        self.values[b"now"] = b"%.6f" % (self.began + line.offset)
        return line.template % self.values


class Workload:
    """The stream of a call centre: the same bytes for the same options.

    Calls come in for `seconds` of the stream's own time; it goes on until the last has ended.
    What is held is the scripts and the calls under way, however long the stream.
    """

    def __init__(self, options: Options) -> None:
        for name in ("seconds", "calls_per_second", "agents", "queues", "callers"):
            if getattr(options, name) <= 0:
                raise ValueError(f"{name} must be positive, not {getattr(options, name)!r}")
        if options.skew < 0:
            raise ValueError(f"skew must not be negative, not {options.skew!r}")
        self.options = options

    def events(self) -> Iterator[bytes]:
        """The events, one by one, in the order of their timestamps."""
        under_way: list[tuple[float, int, int, Call]] = []
        for serial, call in enumerate(_Centre(self.options).calls()):
            yield from _play(under_way, until=call.began)
            heapq.heappush(under_way, (call.began, serial, 0, call))
        yield from _play(under_way, until=float("inf"))

    def chunks(self, size: int = CHUNK) -> Iterator[bytes]:
        """The stream from the banner on, cut into `size` bytes as a socket would, anywhere."""
        waiting = bytearray(BANNER)
        for event in self.events():
            waiting += event
            while len(waiting) >= size:
                yield bytes(waiting[:size])
                del waiting[:size]
        if waiting:
            yield bytes(waiting)


def _play(under_way: list[tuple[float, int, int, Call]], until: float) -> Iterator[bytes]:
    """The events of the calls under way that come before `until`."""
    while under_way and under_way[0][0] < until:
        _, serial, position, call = under_way[0]
        yield call.event(position)
        position += 1
        if position < len(call.lines):
            at = call.began + call.lines[position].offset
            heapq.heapreplace(under_way, (at, serial, position, call))
        else:
            heapq.heappop(under_way)


class _Centre:
    """The people of the call centre, and the numbers it gives to its calls."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.random = random.Random(options.seed)
        self.serial = 0
        first = FIRST_NAMES + UTF8_FIRST_NAMES * options.utf8
        last = LAST_NAMES + UTF8_LAST_NAMES * options.utf8
        self.names = [f"{one} {other}".encode() for one in first for other in last]
        self.callers = [
            Caller(self.random.choice(self.names), b"555%07d" % number)
            for number in range(options.callers)
        ]
        self.agents = [self.random.choice(self.names) for _ in range(options.agents)]
        weights = ((rank + 1) ** -options.skew for rank in range(options.callers))
        self.weights = list(itertools.accumulate(weights))

    def calls(self) -> Iterator[Call]:
        """The calls as they come in: evenly, each at a moment of its own."""
        rate = self.options.calls_per_second
        deck: list[Script] = []
        for number in range(round(rate * self.options.seconds)):
            if not deck:
                deck = self.random.sample(scripts(), len(scripts()))
            began = EPOCH + (number + self.random.random()) / rate
            yield self._call(deck.pop(), round(began, 6))

    def _call(self, script: Script, began: float) -> Call:
        fill = _Fill(self, script, began)
        values = {key: fill.value(slot) for key, slot in script.slots.items()}
        lines = script.lines.copy()
        if self.options.rtcp:
            for leg in script.legs:
                lines += _Media(leg, began, self.random).reports()
            lines.sort(key=lambda line: line.offset)
        return Call(began, lines, values)

    def next_serial(self) -> int:
        """A number that no other call, channel or uniqueid has."""
        self.serial += 1
        return self.serial


class _Media:
    """What RTP carries on one leg: one RTCP report sent and one received every five seconds."""

    def __init__(self, leg: Leg, began: float, chance: random.Random) -> None:
        self.leg = leg
        self.began = began
        self.random = chance
        self.host = b"192.0.2.%d:%d" % (chance.randrange(1, 255), chance.randrange(5000, 9000))
        self.ours, self.theirs = chance.getrandbits(32), chance.getrandbits(32)

    def reports(self) -> Iterator[Line]:
        """The events of the leg's life, the first of them at a moment of its own."""
        offset = self.leg.born + self.random.random() * RTCP_INTERVAL
        while offset < self.leg.gone:
            ends = b"To: %b\r\nFrom: %b\r\n" % (self.host, HERE)
            report = self._report(offset, self.ours, self.theirs)
            yield Line(offset, self._head(b"RTCPSent") + ends + report)
            ends = b"To: %b\r\nFrom: %b\r\n" % (HERE, self.host)
            round_trip = b"RTT: %.4f\r\n" % self.random.uniform(0.005, 0.08)
            report = self._report(offset, self.theirs, self.ours)
            yield Line(offset, self._head(b"RTCPReceived") + ends + round_trip + report)
            offset += RTCP_INTERVAL

    def _head(self, name: bytes) -> bytes:
        head = b"Event: %b\r\nPrivilege: reporting,all\r\nTimestamp: %%(now)b\r\n" % name
        return head + self.leg.snapshot

    def _report(self, offset: float, ssrc: int, other: int) -> bytes:
        """A sender's report with one reception report, in the order of a real one."""
        packets = int(50 * (offset - self.leg.born))
        now = self.began + offset
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


class _Fill:
    """What one call puts into the slots of its script."""

    def __init__(self, centre: _Centre, script: Script, began: float) -> None:
        self.centre = centre
        self.began = began
        self.shift = began - script.began
        options, chance = centre.options, centre.random
        self.caller = chance.choices(centre.callers, cum_weights=centre.weights)[0]
        self.first_agent = chance.randrange(options.agents)
        self.first_queue = chance.randrange(options.queues)
        self.met: dict[str, list[bytes]] = {"agent": [], "queue": []}

    def value(self, slot: Slot) -> bytes:
        """What stands in a slot, for the whole call."""
        value: bytes = getattr(self, f"_{slot.kind}")(slot.was)
        return value

    def _nth(self, kind: str, was: bytes) -> int:
        """Which of the call's own agents or queues it is."""
        met = self.met[kind]
        if was not in met:
            met.append(was)
        return met.index(was)

    def _agent_number(self, was: bytes) -> int:
        return (self.first_agent + self._nth("agent", was)) % self.centre.options.agents

    def _agent(self, was: bytes) -> bytes:
        return b"%d" % (1001 + self._agent_number(was))

    def _member(self, was: bytes) -> bytes:
        return self.centre.agents[self._agent_number(was)]

    def _queue(self, was: bytes) -> bytes:
        number = (self.first_queue + self._nth("queue", was)) % self.centre.options.queues
        return b"queue-%02d" % (number + 1)

    def _name(self, was: bytes) -> bytes:
        return self.caller.name

    _customer = _name

    def _number(self, was: bytes) -> bytes:
        return self.caller.number

    def _action(self, was: bytes) -> bytes:
        return b"call-%d" % self.centre.next_serial()

    def _uniqueid(self, was: bytes) -> bytes:
        return b"%d.%d" % (self.began, self.centre.next_serial())

    def _channel(self, was: bytes) -> bytes:
        return b"%08x" % self.centre.next_serial()

    _callid = _channel

    def _bridge(self, was: bytes) -> bytes:
        return str(uuid.UUID(int=self.centre.random.getrandbits(128), version=4)).encode()

    def _epoch(self, was: bytes) -> bytes:
        return b"%d" % (int(was) + self.shift)

    def _clock(self, was: bytes) -> bytes:
        return _moved(was, self.shift)


@functools.cache
def _recorded_time(clock: bytes) -> int:
    return calendar.timegm(time.strptime(clock.decode().replace("T", " "), "%Y-%m-%d %H:%M:%S"))


def _moved(clock: bytes, shift: float) -> bytes:
    """A recorded time of day, later by `shift` seconds, in the form it has."""
    moment = time.gmtime(_recorded_time(clock) + shift)
    return time.strftime(f"%Y-%m-%d{chr(clock[10])}%H:%M:%S", moment).encode()


# --- the command ------------------------------------------------------------------------------

EPILOG = """\
The calls come in evenly for SECONDS; the stream goes on until the last of them has ended (up to
30 s more: a conference). A call is about 110 events of 430 bytes, as in the capture that the
calls are taken from. The same options give the same bytes, on any machine.

examples:
  python bench/workload.py --seconds 10 --calls-per-second 100 -o out.ami
  python bench/workload.py --rtcp --seed 7 | gzip > out.ami.gz
  python bench/workload.py --seconds 3600 | amistream stats -
"""


def _arguments() -> argparse.Namespace:
    default = Options()
    parser = argparse.ArgumentParser(
        description="Write the event stream of a high-volume call centre.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    number = functools.partial(parser.add_argument, metavar="N")
    number("--seed", type=int, default=default.seed, help="another one, other bytes (1)")
    number("--seconds", type=float, default=default.seconds, help="how long calls come in (10)")
    number("--calls-per-second", type=float, default=default.calls_per_second, help="(100)")
    number("--agents", type=int, default=default.agents, help="who answers (200)")
    number("--queues", type=int, default=default.queues, help="where callers wait (8)")
    number("--callers", type=int, default=default.callers, help="who calls, some often (5000)")
    number("--skew", type=float, default=default.skew, help="how often: Zipf's exponent (1.1)")
    parser.add_argument(
        "--rtcp", action="store_true", help="RTCPSent and RTCPReceived of each leg every 5 s"
    )
    parser.add_argument(
        "--ascii", dest="utf8", action="store_false", help="no names in UTF-8: plain ASCII"
    )
    parser.add_argument(
        "-o", "--output", metavar="FILE", default="-", help="where to; - is standard output (-)"
    )
    return parser.parse_args()


def main() -> int:
    """Write the stream; the exit code."""
    arguments = vars(_arguments())
    path = arguments.pop("output")
    try:
        workload = Workload(Options(**arguments))
    except ValueError as error:
        print(f"workload: {error}", file=sys.stderr)
        return 2
    written = 0
    try:
        with sys.stdout.buffer if path == "-" else open(path, "wb") as output:
            for chunk in workload.chunks():
                output.write(chunk)
                written += len(chunk)
    except OSError as error:
        print(f"workload: {error}", file=sys.stderr)
        return 2
    print(f"{written:,} bytes", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Programs of panoramisk with the drop-in: a Manager on a socket, and a stream of Asterisk."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import io
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from types import ModuleType
from typing import Any

import panoramisk
import pytest
from panoramisk import CallManager, Manager
from panoramisk import utils as panoramisk_utils
from panoramisk.ami_protocol import AMIProtocol
from panoramisk.message import Message
from support.calls import calls_of
from support.drop_ins import BANNER, HANGUP, TIMEOUT, Transport, message

LAST = b"Event: Last\r\nPrivilege: all\r\n\r\n"
ORIGINALS = {name: vars(AMIProtocol)[name] for name in ("data_received", "handle_message", "send")}
ORIGINAL_DISPATCH = vars(Manager)["dispatch"]

Seen = tuple[str, list[tuple[str, Any]]]


class Asterisk:
    """An AMI server on the loopback, for one connection at a time."""

    def __init__(self) -> None:
        self.actions: list[dict[str, str]] = []
        self.connected: asyncio.Queue[asyncio.StreamWriter] = asyncio.Queue()
        self.answers: dict[str, list[list[str]]] = {
            "Login": [["Response: Success", "Message: Authentication accepted"]],
            "Ping": [["Response: Success", "Ping: Pong"]],
            "Silence": [],
        }
        self.raw_answers: dict[str, bytes] = {}
        self.port = 0
        self._writers: list[asyncio.StreamWriter] = []

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        writer.write(BANNER)
        await self.connected.put(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                whole = await reader.readuntil(b"\r\n\r\n")
                self._answer(writer, whole.decode().strip())

    def _answer(self, writer: asyncio.StreamWriter, text: str) -> None:
        action = dict(line.split(": ", 1) for line in text.split("\r\n"))
        self.actions.append(action)
        number = action["ActionID"]
        writer.write(self.raw_answers.get(action["Action"], b"").replace(b"{}", number.encode()))
        for lines in self.answers.get(action["Action"], []):
            kind, *others = lines
            writer.write(message(kind, f"ActionID: {number}", *others))

    async def peer(self) -> asyncio.StreamWriter:
        """The server's end of the next connection."""
        return await asyncio.wait_for(self.connected.get(), TIMEOUT)

    async def close(self) -> None:
        self._server.close()
        for writer in self._writers:
            writer.close()
        await asyncio.sleep(0)


class Program:
    """A manager that is logged in at an Asterisk, and the events that its callbacks got."""

    def __init__(self, asterisk: Asterisk, manager: Any, peer: asyncio.StreamWriter) -> None:
        self.asterisk = asterisk
        self.manager = manager
        self.peer = peer
        self.seen: list[Seen] = []
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        manager.register_event("Last", self._end)

    def _end(self, manager: Any, event: Any) -> None:
        if not self.over.done():
            self.over.set_result(None)

    def record(self, manager: Any, event: Any) -> None:
        """A callback that keeps an event's name and all its headers."""
        self.seen.append((event.event, list(event.items())))

    def names(self) -> list[str]:
        return [name for name, _ in self.seen]

    async def receive(self, *pieces: bytes) -> None:
        """Let Asterisk send these pieces and the last event; wait until the last event was seen."""
        for piece in (*pieces, LAST):
            self.peer.write(piece)
            await self.peer.drain()
        await asyncio.wait_for(self.over, TIMEOUT)


@contextlib.asynccontextmanager
async def running(cls: Any = Manager, **config: Any) -> AsyncIterator[Program]:
    asterisk = Asterisk()
    await asterisk.start()
    loop = asyncio.get_running_loop()
    logged_in = loop.create_future()
    options: dict[str, Any] = {"host": "127.0.0.1", "port": asterisk.port, "loop": loop}
    options |= {"username": "u", "secret": "s", "reconnect_timeout": 0, **config}
    manager = cls(**options, on_login=lambda _: logged_in.done() or logged_in.set_result(None))
    try:
        await manager.connect()
        await asyncio.wait_for(logged_in, TIMEOUT)
        yield Program(asterisk, manager, await asterisk.peer())
    finally:
        manager.close()
        await asterisk.close()


@pytest.fixture
def drop_in(ami: ModuleType) -> Iterator[ModuleType]:
    """The drop-in of the twin, not yet installed."""
    module = importlib.import_module("amistream.compat.panoramisk")
    yield module
    module.uninstall()
    assert {name: vars(AMIProtocol)[name] for name in ORIGINALS} == ORIGINALS
    assert vars(Manager)["dispatch"] is ORIGINAL_DISPATCH


@pytest.fixture
def installed(drop_in: ModuleType) -> ModuleType:
    drop_in.install()
    return drop_in


@pytest.fixture
def manager_module(drop_in: ModuleType) -> ModuleType:
    return importlib.import_module("amistream.compat.panoramisk.manager")


@pytest.fixture
def messages(drop_in: ModuleType) -> ModuleType:
    return importlib.import_module("amistream.compat.panoramisk.messages")


def run(scenario: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(scenario, 60))


def both_ways(drop_in: ModuleType, scenario: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """The result of a scenario, which must be the same without the drop-in and with it."""
    without = run(scenario())
    with drop_in.installed():
        assert run(scenario()) == without
    return without


async def see(*pieces: bytes, patterns: tuple[str, ...] = ("*",), **config: Any) -> list[Seen]:
    """The events of a stream that the callbacks on these patterns get."""
    async with running(**config) as program:
        for pattern in patterns:
            program.manager.register_event(pattern, program.record)
        await program.receive(*pieces)
        return program.seen


def without_banner(stream: bytes) -> bytes:
    return stream[stream.index(b"\r\n") + 2 :]


def in_ascii(stream: bytes) -> bytes:
    """The stream without the characters that panoramisk drops if a read cuts them in two."""
    return stream.translate(bytes(range(128)) + 128 * b"?")


# --- the streams of real Asterisks ------------------------------------------------------------


@pytest.mark.heavy
def test_capture_of_a_call_centre_is_seen_the_same(drop_in, queue_events):
    stream = in_ascii(without_banner(queue_events))
    pieces = [stream[at : at + 4999] for at in range(0, len(stream), 4999)]
    seen = both_ways(drop_in, lambda: see(*pieces))
    assert len(seen) == 24_572
    assert seen[-1] == ("Last", [("Event", "Last"), ("Privilege", "all"), ("content", "")])


def test_capture_of_list_actions_is_seen_the_same(drop_in, list_actions):
    seen = both_ways(drop_in, lambda: see(in_ascii(without_banner(list_actions))))
    assert len(seen) == 2_323


def test_hangups_of_a_call_centre(installed, queue_events):
    expected = [
        dict(line.split(": ", 1) for line in whole.decode().split("\r\n") if ": " in line)
        for whole in queue_events.split(b"\r\n\r\n")
        if whole.strip().startswith(b"Event: Hangup\r\n")
    ]
    assert len(expected) == 808

    async def scenario():
        async with running() as program:
            causes = []
            program.manager.register_event(
                "Hangup", lambda _, event: causes.append((event.uniqueid, event["CAUSE"]))
            )
            await program.receive(without_banner(queue_events))
            return causes

    assert run(scenario()) == [(one["Uniqueid"], one["Cause"]) for one in expected]


@pytest.mark.heavy
def test_every_header_alone_is_as_in_the_dict(installed, messages, queue_events, list_actions):
    stream = without_banner(queue_events) + without_banner(list_actions)
    for raw in stream.split(b"\r\n\r\n")[::7]:
        if not raw.startswith(b"Event: "):
            continue
        raw += b"\r\n\r\n"
        theirs = Message.from_line(raw.decode().strip())
        name = theirs.event
        for key, value in theirs.items():
            assert messages.lazy(raw, name, "utf8")[key] == value
            assert messages.lazy(raw, name, "utf8").get(key.upper()) == value
            assert key.lower() in messages.lazy(raw, name, "utf8")
            if not hasattr(Message, key.lower()):
                assert getattr(messages.lazy(raw, name, "utf8"), key.lower()) == value
        other = messages.lazy(raw, name, "utf8")
        assert other.nosuchheader == ""
        assert "nosuchheader" not in other
        assert other == theirs
        assert repr(other) == repr(theirs)
        assert len(other) == len(theirs)


# --- reading ----------------------------------------------------------------------------------

GREETING = "Zoë ☎ Привет"


@pytest.mark.parametrize("cut", range(2, 24))
def test_character_cut_by_a_read_is_whole(drop_in, cut):
    first = message("Event: First", "Privilege: all")
    event = message("Event: Cut", f"Text: {GREETING}", "After: x")
    at = event.index(GREETING.encode()) + cut - 2

    async def scenario():
        async with running() as program:
            program.manager.register_event("*", program.record)
            arrived = asyncio.Event()
            program.manager.register_event("First", lambda *_: arrived.set())
            program.peer.write(first + event[:at])
            await asyncio.wait_for(arrived.wait(), TIMEOUT)
            await program.receive(event[at:])
            return dict(program.seen)["Cut"]

    with drop_in.installed():
        assert run(scenario()) == [
            ("Event", "Cut"),
            ("Text", GREETING),
            ("After", "x"),
            ("content", ""),
        ]


def test_panoramisk_itself_loses_it():
    protocol, seen = unconnected()
    event = message("Event: Cut", "Text: Zoë")
    protocol.data_received(event[:-5])
    protocol.data_received(event[-5:])
    assert seen == [("Cut", [("Event", "Cut"), ("Text", "Zo"), ("content", "")])]


def unconnected(
    pattern: str = "*", encoding: str = "utf8", **config: Any
) -> tuple[Any, list[Seen]]:
    """A protocol that gets its data from the test, and the events that a callback got."""
    manager = Manager(**config)
    seen: list[Seen] = []
    manager.register_event(pattern, lambda _, one: seen.append((one.event, list(one.items()))))
    protocol = AMIProtocol()
    protocol.connection_made(Transport())
    protocol.factory, protocol.encoding, manager.protocol = manager, encoding, protocol
    return protocol, seen


STREAM = BANNER + message("Response: Success", "Message: hello") + HANGUP + HANGUP + LAST


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_reads_of_any_size(installed, size):
    protocol, seen = unconnected()
    for at in range(0, len(STREAM), size):
        protocol.data_received(STREAM[at : at + size])
    assert [name for name, _ in seen] == ["Hangup", "Hangup", "Last"]
    assert seen[0][1][1:] == [
        ("Channel", "SIP/1-0000"),
        ("Uniqueid", "17.1"),
        ("Cause", "16"),
        ("content", ""),
    ]
    assert protocol.version == "11.0.0"


ODD = {
    "no space after a colon": b"Event: X\r\nA:1\r\nB: 2\r\n\r\n",
    "a line with no colon": b"Event: X\r\nnonsense\r\nB: 2\r\n\r\n",
    "spaces around a value": b"Event: X\r\nA:   1  \r\nB: 2  \r\n\r\n",
    "an empty value": b"Event: X\r\nA: \r\nB: 2\r\n\r\n",
    "an empty value at the end": b"Event: X\r\nA: 1\r\nB: \r\n\r\n",
    "a colon at the end": b"Event: X\r\nA: 1\r\nB: 2: \r\n\r\n",
    "colons in a value": b"Event: X\r\nA: 1: 2:3\r\n\r\n",
    "a tab at the end": b"Event: X\r\nA: 1\r\nB: 2\t\r\n\r\n",
    "a separator at the end": b"Event: X\r\nA: 1\r\nB: 2\x1c\r\n\r\n",
    "a wide space at the end": "Event: X\r\nA: 1\r\nB: 2\N{EM SPACE}\r\n\r\n".encode(),
    "only a space at the end": b"Event: X\r\nA: 1\r\n \r\n\r\n",
    "a repeated header": b"Event: X\r\nA: 1\r\nB: 2\r\nA: 3\r\nA: 4\r\n\r\n",
    "a repeated header, and its name in another case": b"Event: X\r\nA: 1\r\nA: 2\r\na: 3\r\n\r\n",
    "the same the other way round": b"Event: X\r\na: 1\r\nA: 2\r\nA: 3\r\n\r\n",
    "a repeated quoted Result": b"Event: X\r\nResult: 1%20\r\nB: 2\r\nresult: 2\r\n\r\n",
    "a repeated Content": b"Event: X\r\nContent: 1\r\nB: 2\r\nContent: 2\r\n\r\n",
    "names that differ in case": b"Event: X\r\nUniqueid: 1\r\nB: 2\r\nUniqueID: 3\r\n\r\n",
    "both of them": b"Event: X\r\nA: 1\r\na: 2\r\nA: 3\r\n\r\n",
    "a name in capitals": b"Event: X\r\nCHANNEL: 1\r\n\r\n",
    "a name in a name": b"Event: X\r\nDestChannel: 1\r\nChannelState: 2\r\n\r\n",
    "a name in a value": b"Event: X\r\nAppData: \nChannel: 1\r\nB: 2\r\n\r\n",
    "spaces around a name": b"Event: X\r\n A: 1\r\nB : 2\r\n\r\n",
    "a bare LF in a value": b"Event: X\r\nA: 1\nB: 2\r\nC: 3\r\n\r\n",
    "a value that ends in a LF": b"Event: X\r\nA: none found\n\r\nB: 2\r\n\r\n",
    "a quoted Result": b"Event: X\r\nResult: 200%20result%3D1%20\r\nB: 2\r\n\r\n",
    "a header Content": b"Event: X\r\nContent: mine\r\nB: 2\r\n\r\n",
    "bytes that are not UTF-8": b"Event: X\r\nA: caf\xe9 au lait\r\nB: 2\xff\r\n\r\n",
    "other bytes before ASCII": b"Event: X\r\nA: caf\xe9 \xc3\xa9\r\nB: 2\r\n\r\n",
    "other alphabets": "Event: X\r\nA: Zoë ☎\r\nB: Ж\r\n\r\n".encode(),
    "no space after Event": b"Event:X\r\nA: 1\r\n\r\n",
    "an ActionID before Event": b"ActionID: 4\r\nEvent: X\r\nA: 1\r\n\r\n",
    "a Response in an event": b"Event: OriginateResponse\r\nResponse: Failure\r\nA: 1\r\n\r\n",
    "neither Event nor Response": b"A: 1\r\nB: 2\r\n\r\n",
    "event in small letters": b"event: X\r\nA: 1\r\n\r\n",
    "a UserEvent that names itself": b"Event: UserEvent\r\nevent: Mine\r\nA: 1\r\n\r\n",
    "a name of another alphabet": "Event: Грач\r\nA: 1\r\n\r\n".encode(),
    "a name with spaces": b"Event:  X \r\nA: 1\r\n\r\n",
    "no name": b"Event: \r\nA: 1\r\n\r\n",
    "extra blank lines": b"Event: X\r\nA: 1\r\n\r\n\r\n\r\nEvent: Y\r\nA: 2\r\n\r\n",
    "many headers": b"Event: X\r\n"
    + b"".join(b"H%d: %d\r\n" % (n, n) for n in range(99))
    + b"\r\n",
    "a name in UTF-7": b"Event: X\r\n+AEE-: +AGk-\r\nB: 2\r\n\r\n",
    "a long value": b"Event: X\r\nA: " + b"x" * 20_000 + b"\r\nB: 2\r\n\r\n",
}
KEYS = (
    "a",
    "A",
    "b",
    "Uniqueid",
    "channel",
    "CONTENT",
    "result",
    "event",
    "h77",
    "none",
    "a: ",
    "é",
)


@pytest.mark.parametrize(
    "encoding", ["utf8", "latin1", "cp1251", "ascii", "gbk", "utf-7", "utf-16"]
)
@pytest.mark.parametrize("raw", ODD.values(), ids=ODD)
def test_odd_messages_are_read_as_panoramisk_does(drop_in, messages, raw, encoding):
    def described(event):
        alone = [event.get(key, "?") for key in KEYS]
        there = [key in event for key in KEYS]
        by_attribute = [getattr(event, key) for key in KEYS]
        return event.event, alone, there, by_attribute, list(event.items()), event.success

    def seen():
        protocol, _ = unconnected("Nothing", encoding)
        found = []
        protocol.factory.register_event("*", lambda _, event: found.append(described(event)))
        protocol.data_received(BANNER)
        for _ in range(2 * messages.USES_TO_LEARN if encoding == "utf8" else 2):
            protocol.data_received(raw + LAST)
        return found

    expected = seen()
    with drop_in.installed():
        assert seen() == expected
        if encoding != "utf-16":
            assert expected[-1][0] == "Last"


def test_blank_line_that_ends_in_a_bare_lf_ends_a_message(installed):
    protocol, seen = unconnected()
    protocol.data_received(b"Event: X\r\nA: 1\r\n\nEvent: Y\r\nA: 2\r\n\r\n")
    assert [(name, dict(items)["A"]) for name, items in seen] == [("X", "1"), ("Y", "2")]


def test_second_event_header_does_not_end_the_connection(installed):
    listed = ["Event: ResourceListDetail", "ObjectName: team", "Event: presence", "FullState: no"]
    protocol, seen = unconnected()
    protocol.data_received(message(*listed) * 2 + HANGUP)
    assert seen[0] == seen[1]
    assert seen[0] == (
        "ResourceListDetail",
        [
            ("Event", "ResourceListDetail"),
            ("ObjectName", "team"),
            ("FullState", "no"),
            ("content", ""),
        ],
    )
    assert seen[2][0] == "Hangup"


def test_too_large_message_is_skipped_and_logged(drop_in, caplog):
    large = message("Event: Large", "Text: " + "x" * 5000)

    async def scenario():
        return await see(HANGUP + large + HANGUP, large[:3000], large[3000:], HANGUP)

    with drop_in.installed(max_message=4096):
        seen = run(scenario())
    assert [name for name, _ in seen] == ["Hangup", "Hangup", "Hangup", "Last"]
    said = [one.getMessage() for one in caplog.records if "max_message=4096" in one.getMessage()]
    assert len(said) == 2
    assert "it is skipped" in said[0]
    with drop_in.installed():
        assert len(run(scenario())) == 6


def test_only_the_message_is_bounded(drop_in):
    """A line may be as long as a message, and a message may have any number of lines."""
    long = message("Event: Long", "Text: " + "x" * 400_000)
    many = message("Event: Many", *["A: b"] * 140_000)

    with drop_in.installed():
        seen = run(see(long + many))
    assert [name for name, _ in seen] == ["Long", "Many", "Last"]


def test_bound_that_is_none_is_refused(drop_in):
    with pytest.raises(ValueError, match="max_message"):
        drop_in.install(max_message=0)
    assert vars(AMIProtocol)["data_received"] is ORIGINALS["data_received"]


def test_stream_is_saved_as_it_came(installed, tmp_path):
    stream = io.BytesIO()
    protocol, _ = unconnected(save_stream=stream)
    data = BANNER + message("Event: X", "Text: Zoë") + b"Event: Y\r\nText: \xff\r\n\r\n"
    for at in range(len(data)):
        protocol.data_received(data[at : at + 1])
    assert stream.getvalue() == data
    path = tmp_path / "stream.ami"
    other, _ = unconnected(save_stream=str(path))
    other.data_received(data)
    other.data_received(HANGUP)
    assert path.read_bytes() == data + HANGUP


# --- callbacks --------------------------------------------------------------------------------


def test_patterns_choose_as_fnmatch_does(drop_in):
    patterns = ("Hang?p", "Queue*", "[HN]*", "*", "hangup", "Queue", "*Join", "!Hangup")
    events = ("Hangup", "Newchannel", "QueueCallerJoin", "QueueMemberAdded", "Bridge")
    stream = b"".join(message(f"Event: {name}", "A: 1") for name in events)

    async def scenario():
        async with running() as program:
            called = []
            for pattern in patterns:
                program.manager.register_event(
                    pattern, lambda _, event, pattern=pattern: called.append((event.event, pattern))
                )
            await program.receive(stream * 2)
            return called

    called = both_ways(drop_in, scenario)
    assert called[:8] == [
        ("Hangup", "Hang?p"),
        ("Hangup", "[HN]*"),
        ("Hangup", "*"),
        ("Newchannel", "[HN]*"),
        ("Newchannel", "*"),
        ("QueueCallerJoin", "Queue*"),
        ("QueueCallerJoin", "*"),
        ("QueueCallerJoin", "*Join"),
    ]


def test_callbacks_of_an_event_share_it(installed):
    async def scenario():
        async with running() as program:
            given = []

            @program.manager.register_event("Hangup")
            def first(manager, event):
                event["Cause"] = "changed"
                event.note = "mine"
                given.append((manager, event))

            @program.manager.register_event("Hang*")
            def second(manager, event):
                given.append((manager, event))

            await program.receive(HANGUP)
            (one, event), (other, same) = given
            assert one is other is program.manager is event.manager
            assert event is same
            assert event.cause == "changed"
            assert event.note == "mine"

    run(scenario())


def test_coroutines_and_futures_of_callbacks_are_run(installed):
    async def scenario():
        async with running() as program:
            done: asyncio.Queue[str] = asyncio.Queue()

            @program.manager.register_event("Hangup")
            async def later(manager, event):
                await asyncio.sleep(0)
                await done.put(event.channel)

            program.manager.register_event(
                "Hang*", lambda _, event: asyncio.ensure_future(done.put(event.cause))
            )
            await program.receive(HANGUP)
            return sorted([await asyncio.wait_for(done.get(), TIMEOUT) for _ in range(2)])

    assert run(scenario()) == ["16", "SIP/1-0000"]


def test_patterns_may_change_at_any_time(drop_in):
    """Also during a read, and during the callbacks of an event."""

    def seen():
        protocol, _ = unconnected("Nothing")
        manager, called = protocol.factory, []

        def late(manager, event):
            called.append(("late", event.event))

        def first(manager, event):
            called.append(("first", event.event))
            if len(called) == 2:
                manager.register_event("Hang*", late)
                manager.register_event("New*", late)
            if len(called) == 7:
                del manager.patterns[:]
                manager.register_event("Newexten", late)

        manager.register_event("Hangup", first)
        newexten = message("Event: Newexten", "A: 1")
        protocol.data_received((HANGUP + newexten) * 6)
        protocol.data_received(HANGUP + newexten)
        manager.callbacks["Newexten"].clear()
        protocol.data_received(HANGUP + newexten)
        return called

    expected = seen()
    assert expected[:5] == [
        ("first", "Hangup"),
        ("first", "Hangup"),
        ("late", "Hangup"),
        ("late", "Newexten"),
        ("first", "Hangup"),
    ]
    assert ("late", "Newexten") in expected[7:]
    with drop_in.installed():
        assert seen() == expected


def test_pattern_put_in_place_of_another(drop_in):
    def seen():
        protocol, seen = unconnected("Nothing")
        protocol.data_received(HANGUP)
        protocol.factory.patterns[-1] = ("Nothing", re.compile("Hangup"))
        protocol.data_received(HANGUP)
        return seen

    expected = seen()
    assert [name for name, _ in expected] == ["Hangup"]
    with drop_in.installed():
        assert seen() == expected


def test_two_names_of_one_class(drop_in):
    names = ("Newexten", "NewExten", "Newexten", "Nothing", "NewExten")
    stream = b"".join(message(f"Event: {name}", "A: 1") for name in names)
    for pattern in ("Newexten", "NewExten"):
        seen = both_ways(drop_in, lambda pattern=pattern: see(stream, patterns=(pattern,)))
        assert [name for name, _ in seen] == [pattern] * 2


def test_user_events_of_classes_of_ones_own(ami, installed):
    class Sold(ami.core_events.UserEvent):
        """Registered while a connection is open."""

        __slots__ = ()

    protocol, seen = unconnected("UserEvent")
    sold = message("Event: UserEvent", "UserEvent: CompatSold", "Fruit: apple")
    protocol.data_received(sold + HANGUP)
    ami.user_event("CompatSold")(Sold)
    try:
        protocol.data_received(sold + HANGUP)
    finally:
        del ami._registry.user_events[b"CompatSold"]
    assert [dict(items)["Fruit"] for _, items in seen] == ["apple", "apple"]


def test_change_of_patterns_in_a_dispatch_in_a_callback(drop_in):
    def seen():
        protocol, _ = unconnected("Nothing")
        manager, called = protocol.factory, []

        def outer(manager, event):
            called.append("outer")
            if len(called) == 1:
                manager.dispatch(Message({"Event": "Inner"}))

        def inner(manager, event):
            manager.register_event("Hang*", lambda *_: called.append("new"))

        manager.register_event("Hangup", outer)
        manager.register_event("Inner", inner)
        protocol.data_received(HANGUP)
        return called

    expected = seen()
    assert expected == ["outer", "new"]
    with drop_in.installed():
        assert seen() == expected


def test_dispatch_tells_the_patterns(installed):
    manager = Manager()
    manager.register_event("Peer*", lambda *_: None)
    manager.register_event("*", lambda *_: None)
    event = Message.from_line("Event: PeerStatus")
    assert manager.dispatch(event) == ["Peer*", "*"]
    assert event.manager is manager
    assert manager.dispatch(Message({"Event": "Other"})) == ["*"]


def test_what_a_program_overrides_is_called(drop_in):
    class OwnProtocol(AMIProtocol):
        handled = 0

        def handle_message(self, message):
            assert isinstance(message, Message)
            self.handled += 1
            super().handle_message(message)

    class OwnManager(Manager):
        dispatched = 0

        def dispatch(self, event):
            self.dispatched += 1
            return super().dispatch(event)

    async def scenario():
        found = []
        for cls, factory in ((OwnManager, AMIProtocol), (Manager, OwnProtocol)):
            async with running(cls, protocol_factory=factory) as program:
                program.manager.register_event("Hangup", program.record)
                await program.receive(HANGUP, message("Event: Other", "A: 1"))
                protocol = program.manager.protocol
                found.append(getattr(program.manager, "dispatched", None))
                found.append(getattr(protocol, "handled", None))
                found.append(program.seen)
        return found

    found = both_ways(drop_in, scenario)
    assert (found[0], found[4]) == (3, 4)  # the answer to Login is handled too


def test_what_a_program_puts_into_the_class_is_called(drop_in, monkeypatch):
    handled = []
    theirs = AMIProtocol.handle_message

    def handle(protocol, message):
        handled.append(message.event)
        theirs(protocol, message)

    with monkeypatch.context() as patch, drop_in.installed():
        patch.setattr(AMIProtocol, "handle_message", handle)
        protocol, _ = unconnected("Nothing")
        protocol.data_received(HANGUP + LAST)
    assert handled == ["Hangup", "Last"]


def test_override_sees_the_name_a_user_event_gives_itself(drop_in):
    named = message("Event: UserEvent", "event: Mine", "A: 1")

    def seen():
        protocol, _ = unconnected("Nothing")
        names = []
        protocol.handle_message = lambda message: names.append(message.event)
        protocol.data_received(named + HANGUP)
        return names

    assert seen() == ["Mine", "Hangup"]
    with drop_in.installed():
        assert seen() == ["Mine", "Hangup"]


def test_debug_log_has_every_message(drop_in, caplog):
    caplog.set_level(logging.DEBUG, logger="panoramisk")

    async def scenario():
        caplog.clear()
        await see(HANGUP, message("A: 1"), patterns=("Nothing",))
        said = [one.getMessage() for one in caplog.records]
        return [text for text in said if "interpreted" in text and "ActionID" not in text]

    assert both_ways(drop_in, scenario)[:2] == [
        "message interpreted: <Message Cause='16' Channel='SIP/1-0000' Event='Hangup' "
        "Uniqueid='17.1' content=''>",
        "message interpreted: None",
    ]


def test_error_in_a_callback_ends_the_connection_and_it_comes_again(drop_in):
    async def scenario():
        complaints: list[str] = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: complaints.append(context["message"]))
        async with running() as program:
            program.manager.register_event("*", program.record)
            lost: list[str] = []
            program.manager.on_disconnect = lambda manager, error: lost.append(str(error))

            def fail(manager, event):
                raise RuntimeError("the program's own")

            program.manager.register_event("Hangup", fail)
            program.peer.write(HANGUP + message("Event: Lost", "A: 1"))
            program.peer = await program.asterisk.peer()
            await program.receive(message("Event: Again", "A: 1"))
            return complaints, lost, program.names()

    complaints, lost, names = both_ways(drop_in, scenario)
    assert complaints == ["Fatal error: protocol.data_received() call failed."]
    assert lost == ["the program's own"]
    assert names == ["Hangup", "Again", "Last"]


def test_connection_that_breaks_in_a_message_starts_anew(drop_in):
    async def scenario():
        async with running() as program:
            program.manager.register_event("*", program.record)
            waiting = program.manager.send_action({"Action": "Silence"})
            await asyncio.sleep(0.05)
            program.peer.write(HANGUP + b"Event: Broken\r\nText: half")
            await program.peer.drain()
            program.peer.close()
            program.peer = await program.asterisk.peer()
            while len(program.asterisk.actions) < 3:
                await asyncio.sleep(0.01)
            await program.receive(b"Event: Whole\r\nA: 1\r\n\r\n")
            actions = [action["Action"] for action in program.asterisk.actions]
            kept = [action["action"] for action in program.manager.awaiting_actions]
            waiting.cancel()
            return program.names(), actions, kept

    names, actions, kept = both_ways(drop_in, scenario)
    assert names == ["Hangup", "Whole", "Last"]
    assert actions == ["Login", "Silence", "Login"]
    assert kept == ["Silence"]


def test_shutdown_is_told_and_the_connection_comes_again(drop_in):
    async def scenario():
        async with running() as program:
            lost: list[Any] = []
            program.manager.on_disconnect = lambda manager, why: lost.append(why.event)
            program.manager.register_event("Shut*", program.record)
            program.peer.write(message("Event: Shutdown", "Shutdown: Cleanly", "Restart: False"))
            await program.asterisk.peer()
            return lost, program.names()

    assert both_ways(drop_in, scenario) == (["Shutdown"], ["Shutdown"])


# --- actions ----------------------------------------------------------------------------------

QUEUE_STATUS = [
    ["Response: Success", "EventList: start", "Message: Queue status will follow"],
    ["Event: QueueMember", "Queue: support", "Location: SIP/1", "Paused: 0"],
    ["Event: QueueMember", "Queue: support", "Location: SIP/2", "Paused: 1"],
    ["Event: QueueStatusComplete", "EventList: Complete", "ListItems: 2"],
]


def answered(
    action: dict[str, str], answers: list[list[str]] | bytes, **options: Any
) -> Callable[[], Awaitable[Any]]:
    """A scenario: the answer to an action, and the Hangups that a callback got meanwhile."""

    async def scenario():
        async with running() as program:
            if isinstance(answers, bytes):
                program.asterisk.raw_answers[action["Action"]] = answers
            else:
                program.asterisk.answers[action["Action"]] = answers
            program.manager.register_event("Hangup", program.record)
            future = program.manager.send_action(dict(action), **options)
            given = await asyncio.wait_for(future, TIMEOUT)
            every = given if isinstance(given, list) else [given]
            assert all(isinstance(one, Message) for one in every)
            headers = [
                [(name, value) for name, value in one.items() if name != "ActionID"]
                for one in every
            ]
            left = program.manager.protocol.responses
            assert not left
            return isinstance(given, list), headers, program.names()

    return scenario


def test_answer(drop_in):
    action, answer = {"Action": "Ping"}, [["Response: Success", "Ping: Pong"]]
    assert both_ways(drop_in, answered(action, answer)) == (
        False,
        [[("Response", "Success"), ("Ping", "Pong"), ("content", "")]],
        [],
    )


@pytest.mark.parametrize("as_list", [None, True])
def test_list(drop_in, as_list):
    action = {"Action": "QueueStatus"}
    is_list, headers, _ = both_ways(drop_in, answered(action, QUEUE_STATUS, as_list=as_list))
    assert is_list
    assert [dict(one).get("Location") for one in headers] == [None, "SIP/1", "SIP/2", None]


def test_first_answer_of_a_list(drop_in):
    action = {"Action": "QueueStatus"}

    async def scenario():
        async with running() as program:
            program.asterisk.answers["QueueStatus"] = QUEUE_STATUS
            program.manager.register_event("QueueMember", program.record)
            given = await program.manager.send_action(action, as_list=False)
            await program.receive()
            return given.message, [dict(items)["Location"] for _, items in program.seen]

    assert both_ways(drop_in, scenario) == ("Queue status will follow", ["SIP/1", "SIP/2"])


def test_list_between_other_events(drop_in):
    asked = b"ActionID: {}\r\n"
    stream = (
        b"Response: Success\r\n" + asked + b"Message: Channels will follow\r\n\r\n"
        b"Event: Hangup\r\nCause: 1\r\n\r\n"
        b"Event: Status\r\nChannel: SIP/1\r\n" + asked + b"\r\n"
        b"Event: Hangup\r\nActionID: of another\r\nCause: 2\r\n\r\n"
        b"Event: StatusComplete\r\n" + asked + b"Items: 1\r\n\r\n"
        b"Event: Hangup\r\nCause: 3\r\n\r\n"
    )
    is_list, headers, _ = both_ways(drop_in, answered({"Action": "Status"}, stream))
    assert is_list
    assert [one[0][1] for one in headers] == ["Success", "Status", "StatusComplete"]


def test_command_of_today(drop_in):
    answer = [
        ["Response: Success", "Message: Command output follows", "Output: a: b", "Output:   c"]
    ]
    action = {"Action": "Command", "Command": "core show version"}
    with drop_in.installed():
        _, (headers,), _ = run(answered(action, answer, as_list=False)())
    assert dict(headers)["Output"] == ["a: b", "  c"]
    both_ways(drop_in, answered(action, answer, as_list=False))


def test_command_of_old(drop_in):
    start = b"Response: Follows\r\nPrivilege: Command\r\nActionID: {}\r\n"
    output = b"Asterisk 1.8: x\n\nbuilt by root @ host\n--END COMMAND--"
    action = {"Action": "Command", "Command": "core show version"}
    given = both_ways(drop_in, answered(action, start + output + b"\r\n\r\n", as_list=False))
    assert dict(given[1][0])["content"] == output.decode()


def test_output_with_a_blank_line_is_not_cut(installed):
    start = b"Response: Follows\r\nPrivilege: Command\r\nActionID: {}\r\n"
    output = b"one\n\r\n\r\ntwo\n--END COMMAND--\r\n\r\n"
    action = {"Action": "Command", "Command": "x"}
    _, (headers,), _ = run(answered(action, start + output, as_list=False)())
    assert dict(headers)["content"].endswith("two\n--END COMMAND--")


def test_refusal(drop_in):
    answer = [["Response: Error", "Message: Invalid/unknown command"]]
    _, (headers,), _ = both_ways(drop_in, answered({"Action": "Nonsense"}, answer))
    assert headers[0] == ("Response", "Error")


def test_agi_answer_by_its_command_id(drop_in):
    async def scenario():
        async with running() as program:
            program.asterisk.raw_answers["AGI"] = (
                b"Response: Success\r\nActionID: {}\r\nMessage: Added AGI command to queue\r\n\r\n"
            )
            future = program.manager.send_agi_command("SIP/1", "GET VARIABLE x")
            while not program.asterisk.actions[1:]:
                await asyncio.sleep(0.01)
            number = program.asterisk.actions[-1]["CommandID"]
            program.peer.write(
                message(
                    "Event: AsyncAGI",
                    "SubEvent: Exec",
                    f"CommandId: {number}",
                    "Result: 200%20result%3D1%20(SIP)%0A",
                )
            )
            *_, last = await asyncio.wait_for(future, TIMEOUT)
            return last.parsed_result(), last.result

    result, text = both_ways(drop_in, scenario)
    assert text == "200 result=1 (SIP)"
    assert result["result"] == ("1", "SIP")


def test_calls_of_the_call_manager(drop_in):
    async def scenario():
        async with running(CallManager) as program:
            program.asterisk.raw_answers["Originate"] = (
                b"Response: Success\r\nActionID: {}\r\n"
                b"Message: Originate successfully queued\r\n\r\n"
                b"Event: OriginateResponse\r\nActionID: {}\r\nResponse: Success\r\n"
                b"Uniqueid: 17.1\r\n\r\n"
            )
            future = program.manager.send_originate({"Action": "Originate", "Channel": "SIP/1"})
            call = await asyncio.wait_for(future, TIMEOUT)
            call_queue = program.manager.calls_queues
            await program.receive(HANGUP)
            return call.uniqueid, list(call_queue), call_queue["17"].queue.get_nowait().event

    assert both_ways(drop_in, scenario) == ("17", ["17"], "Hangup")


# --- messages ---------------------------------------------------------------------------------


@pytest.fixture
def hangup(installed: ModuleType) -> Any:
    """A message as a callback gets it."""
    manager = Manager()
    given: list[Any] = []
    manager.register_event("Hangup", lambda _, event: given.append(event))
    protocol = AMIProtocol()
    protocol.connection_made(Transport())
    protocol.factory, protocol.encoding = manager, "utf8"
    variables = b"ChanVariable: A=1\r\nChanVariable: B=2\r\n\r\n"
    protocol.data_received(HANGUP[:-2] + variables)
    (event,) = given
    return event


def test_message_is_one_of_panoramisks(hangup):
    assert isinstance(hangup, Message)
    assert isinstance(hangup, panoramisk.Message)
    assert hangup.cause == hangup.CAUSE == hangup["Cause"] == hangup["cAUSE"] == "16"
    assert hangup.event == hangup["event"] == hangup.get("EVENT") == "Hangup"
    assert hangup.chanvariable == ["A=1", "B=2"]
    assert hangup.getdict("chanvariable")["a"] == "1"
    assert (hangup.nothing, hangup.get("nothing"), hangup.content) == ("", None, "")
    assert (hangup.id, hangup.action_id, hangup.success) == (None, None, True)
    assert list(hangup) == ["Event", "Channel", "Uniqueid", "Cause", "ChanVariable", "content"]
    assert list(hangup.iter_lines()) == [""]
    with pytest.raises(KeyError):
        hangup["nothing"]
    with pytest.raises(ValueError, match="No result"):
        hangup.parsed_result()


def test_single_headers_are_looked_up_alone(hangup, messages):
    assert (hangup.event, hangup.cause, hangup["CHANNEL"]) == ("Hangup", "16", "SIP/1-0000")
    assert (hangup["EVENT"], "event" in hangup, "nothing" in hangup) == ("Hangup", True, False)
    assert hangup._read is None
    assert list(hangup.values())[-1] == ""
    assert hangup._read is not None
    empty = messages.lazy(b"Event: X\r\nA: 1\r\nLast: \r\n\r\n", "X", "utf8")
    assert (empty.a, empty.last, "last" in empty, empty._read) == ("1", "", False, None)
    long = messages.lazy(message("Event: X", "A: " + "x" * 9000, "B: 2"), "X", "utf8")
    assert long.b == "2"
    assert long._read is not None


@pytest.mark.parametrize("read_first", [False, True])
def test_message_can_be_changed(hangup, read_first):
    if read_first:
        assert hangup.cause == "16"
        assert len(hangup) == 6
    hangup["cause"] = "17"
    hangup.channel = "mine"
    hangup.setdefault("Event", "Other")
    hangup.update(New="1")
    assert (hangup.Cause, hangup["Cause"], hangup.new) == ("17", "17", "1")
    assert (hangup.channel, hangup["channel"]) == ("mine", "SIP/1-0000")
    assert hangup.event == "Hangup"
    hangup["EVENT"] = "Renamed"
    assert hangup.event == hangup["event"] == "Renamed"
    assert "cause" in list(hangup)
    assert "Cause" not in list(hangup)
    with pytest.raises(NotImplementedError):
        del hangup["Cause"]
    assert hangup == Message(
        {
            "EVENT": "Renamed",
            "Channel": "SIP/1-0000",
            "Uniqueid": "17.1",
            "cause": "17",
            "ChanVariable": ["A=1", "B=2"],
            "New": "1",
        }
    )


def test_attribute_set_by_the_program_stays(hangup):
    hangup.event = "Mine"
    hangup.cause = "mine"
    assert (hangup.event, hangup["event"], hangup.cause) == ("Mine", "Hangup", "mine")
    assert len(hangup) == 6
    assert (hangup.event, hangup["event"], hangup.cause) == ("Mine", "Hangup", "mine")


def test_kept_message_does_not_keep_the_others(hangup, messages):
    assert len(messages.lazy(HANGUP, "Hangup", "utf8")._raw) == len(HANGUP)
    assert len(hangup._raw) < 200


# --- install ----------------------------------------------------------------------------------


@pytest.mark.parametrize("at", range(0, len(HANGUP), 5))
def test_open_connection_changes_readers_without_loss(drop_in, at):
    protocol, seen = unconnected()
    protocol.data_received(BANNER + HANGUP[:at])
    drop_in.install()
    protocol.data_received(HANGUP[at:] + HANGUP + HANGUP[:at])
    drop_in.uninstall()
    protocol.data_received(HANGUP[at:])
    drop_in.install()
    protocol.data_received(HANGUP)
    assert [dict(items)["Cause"] for _, items in seen] == ["16"] * 4
    assert protocol.version == "11.0.0"


def test_reader_goes_with_its_protocol(installed):
    protocols = installed._drop_in._replacements._protocols
    protocol, _ = unconnected()
    protocol.data_received(HANGUP)
    assert protocol in protocols
    del protocol
    gc.collect()
    assert not protocols


def test_method_that_was_kept_reads_as_panoramisk_after_uninstall(installed):
    """uvloop keeps `data_received` of a connection for as long as it is open."""
    protocol, seen = unconnected()
    data_received = protocol.data_received
    data_received(HANGUP + HANGUP[:20])
    installed.uninstall()
    data_received(HANGUP[20:])
    assert [name for name, _ in seen] == ["Hangup", "Hangup"]
    assert seen[0] == seen[1]


# --- no growth --------------------------------------------------------------------------------


def test_many_names_do_not_grow_anything(installed, manager_module, messages):
    protocol, _ = unconnected("Nothing")
    protocol.factory.register_event("*", lambda _, event: (event[f"H{event.n}"], event.n))
    for start in range(0, 6000, 100):
        protocol.data_received(
            b"".join(
                message(f"Event: E{n}", f"N: {n}", f"H{n}: x") for n in range(start, start + 100)
            )
        )
    state = vars(protocol.factory)[manager_module.STATE]
    assert len(state.routes) <= manager_module.MAX_NAMES
    assert len(messages._needles) <= messages.MAX_KEYS


def test_full_caches_learn_again(installed, manager_module, messages):
    """Else a flood of names would make all names slow that come later."""
    protocol, _ = unconnected()
    protocol.data_received(HANGUP)  # makes the state
    state = vars(protocol.factory)[manager_module.STATE]
    assert [key.__name__ for key in state.routes if isinstance(key, type)] == ["Hangup"]
    for n in range(2 * manager_module.MAX_NAMES + 1):
        state.route_of_name(f"E{n}")
        assert f"E{n}" in state.routes
    assert len(state.routes) <= manager_module.MAX_NAMES
    for n in range(2 * messages.MAX_KEYS + 1):
        messages._needle(f"K{n}")
        assert f"K{n}" in messages._needles
    assert len(messages._needles) <= messages.MAX_KEYS


def test_long_names_are_in_no_cache(installed, manager_module, messages):
    protocol, seen = unconnected()
    longest, longer = "x" * 64, "x" * 65
    for name in (longest, longer):
        protocol.data_received(message(f"Event: {name}", f"{name}: 1"))
        event = messages.lazy(message("Event: X", f"{name}: 1"), "X", "utf8")
        assert event[name] == getattr(event, name) == "1"
    assert [name for name, _ in seen] == [longest, longer]
    state = vars(protocol.factory)[manager_module.STATE]
    assert (longest in state.routes, longer in state.routes) == (True, False)
    assert (longest in messages._needles, longer in messages._needles) == (True, False)
    assert (longest in messages._uses, longer in messages._uses) == (True, False)


def test_nothing_is_learned_of_the_order_of_headers(installed, messages):
    """So an order that was never seen before takes no more work than another."""
    lines = [f"H{n}: {n}" for n in range(60)]

    def work(order):
        event = messages.lazy(message("Event: Hangup", *order), "Hangup", "utf8")
        return calls_of(lambda: event.items())

    orders = [lines[n:] + lines[:n] for n in range(20)]
    assert len({work(order) for order in orders + orders}) == 1


def test_work_is_linear_in_repeated_headers(installed, messages):
    def work(number):
        lines = [f"ChanVariable: V{n}=1" for n in range(number)]
        event = messages.lazy(message("Event: Hangup", *lines), "Hangup", "utf8")
        return calls_of(lambda: event._store)

    assert work(4000) - work(3000) == work(2000) - work(1000)


def test_attributes_that_are_read_often_are_learned(installed, messages):
    event = messages.lazy(HANGUP, "Hangup", "utf8")
    kind = type(event)
    for _ in range(messages.USES_TO_LEARN - 1):
        assert event.often == ""
    assert "often" not in vars(kind)
    assert event.often == ""
    assert isinstance(vars(kind)["often"], messages._Attribute)
    assert event.often == ""


def test_many_attributes_do_not_grow_the_class(installed, messages):
    event = messages.lazy(HANGUP, "Hangup", "utf8")
    kind = type(event)
    for n in range(2 * messages.MAX_COUNTED):
        assert getattr(event, f"seldom{n}") == ""
        assert len(messages._uses) <= messages.MAX_COUNTED
    own = len(vars(kind)) - len(messages._attributes)
    for n in range(2 * messages.MAX_ATTRIBUTES + 1):
        messages._uses[f"a{n}"] = messages.USES_TO_LEARN
        assert getattr(event, f"a{n}") == ""
        assert f"a{n}" in vars(kind)
        assert len(messages._attributes) <= messages.MAX_ATTRIBUTES
        assert len(vars(kind)) == own + len(messages._attributes)
    assert "a0" not in vars(kind)
    assert "a0" not in messages._uses  # it must be read often again
    assert event.a0 == ""
    assert event.cause == "16"


def test_line_ends_of_the_testing_module(installed, monkeypatch):
    """panoramisk.testing sets the line end to LF for all of panoramisk, as its fixtures need it."""
    monkeypatch.setattr(panoramisk_utils, "EOL", "\n")
    protocol, seen = unconnected()
    protocol.data_received(b"Event: X\nA: 1\nB: 2\n\nEvent: Y\nA: 2\n\n")
    assert seen[0] == ("X", [("Event", "X"), ("A", "1"), ("B", "2"), ("content", "")])
    assert seen[1][0] == "Y"
    protocol.data_received(HANGUP)
    assert dict(seen[2][1])["Uniqueid"] == "17.1\r"

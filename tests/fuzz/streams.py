"""The main target: an input decides how a parser is used, and contains the stream it reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any, NamedTuple

from support.comparing import (
    VIEWS,
    assert_judged,
    assert_same,
    attempt,
    counters,
    describe,
    difference,
    resolve,
)
from support.feeding import cut, replay

from fuzz.prefix import Choices

PREFIX = 12
"""The number of choices."""

BOUNDS = ("max_message", "max_line", "max_headers")

# A name, or the path of a class in a twin's package.
SELECTIONS: tuple[tuple[str, ...] | None, ...] = (
    None,
    ("Hangup",),
    ("core_events.Hangup", "Newchannel"),
    ("ami.Event",),
    ("ami.Response",),
    ("ami.Message",),
    ("Nobody Knows", "core_events.QueueMember"),
    ("UserEvent",),
    ("core_events.UserEvent", "ami.Response"),
    ("own",),
    ("own", "Hangup"),
    ("own", "UserEvent"),
    ("X-Fuzzed", ""),
    (),
    ("ami.Event", "ami.Response"),
)


def strided(chunk: bytes) -> memoryview:
    """The chunk as a buffer that is not contiguous: every other byte of a longer one."""
    return memoryview(b"".join(bytes([byte, 0]) for byte in chunk))[::2]


CHUNKS: tuple[Callable[[bytes], Any], ...] = (
    bytes,
    bytearray,
    memoryview,
    strided,
)
NOT_CHUNKS = ("text", None, 7, [b"list"])
END = b"Event: Hangup\r\n\r\n"


class Life(NamedTuple):
    """How a parser is used."""

    only: tuple[str, ...] | None
    bounds: dict[str, int]
    sizes: list[int]
    close_every: int  # chunks between two calls of close(); 0 for one call at the end
    chunk: Callable[[bytes], Any]
    after_error: str
    first: int  # which view of each message is read first
    stream: bytes


def life(data: bytes) -> Life:
    """Decode an input."""
    choices, stream = Choices(data[:PREFIX]), data[PREFIX:]
    only = choices.one_of(SELECTIONS)
    numbers = {name: choices.number() for name in BOUNDS}
    return Life(
        only=only,
        bounds={name: bound(number) for name, number in numbers.items() if number},
        sizes=[choices.number() or len(stream) or 1 for _ in range(3)],
        close_every=choices.number(),
        chunk=choices.one_of(CHUNKS),
        after_error=choices.one_of(("go on", "drain", "close", "misuse")),
        first=choices.one_of(range(len(VIEWS))),
        stream=stream,
    )


def bound(number: int) -> int:
    """A bound: any small number, or one of some larger ones."""
    return number if number < 128 else (number - 127) * 16


class Lived(NamedTuple):
    """The results of a parser, call by call, and the messages of each stream that it read."""

    results: list[Any]
    streams: list[tuple[bytes, list[Any]]]
    failed: bool  # a bound was exceeded


def check(compiled: ModuleType, pure: ModuleType, data: bytes) -> None:
    """Check that both twins and the judge give the same for an input."""
    led = life(data)
    ours, theirs = live(compiled, led), live(pure, led)
    assert_same(ours.results, theirs.results)
    check_alone(pure, led, theirs)


def check_alone(ami: ModuleType, led: Life, lived: Lived) -> None:
    """Check one twin against the judge, or against one chunk if a bound was exceeded."""
    if lived.failed:
        in_pieces, whole = (
            replay(ami, led.stream, *sizes, **options(ami, led))
            for sizes in (led.sizes, [len(led.stream) or 1])
        )
        if in_pieces != whole:
            raise AssertionError(f"cuts matter: {difference(in_pieces, whole, 'replay')}")
        return
    for stream, messages in lived.streams:
        everything = messages
        if led.only is not None:
            everything = ami.Parser().feed(stream)
            wanted = [message for message in everything if is_wanted(ami, led.only, message)]
            assert [one.raw for one in messages] == [one.raw for one in wanted], led.only
        assert_judged(ami, everything, stream)


def live(ami: ModuleType, led: Life) -> Lived:
    """Use a parser as decided: feed, close, continue after errors, and start again."""
    parser = ami.Parser(**options(ami, led))
    lists = Lists(ami)
    results: list[Any] = []
    streams: list[tuple[bytes, list[Any]]] = [(b"", [])]

    def add(message: Any) -> Any:
        streams[-1][1].append(message)
        return whole(message, led.first), lists.add(message)

    def call(what: Callable[[], list[Any]]) -> bool:
        results.append((attempt(what, add), counters(parser)))
        return bool(results[-1][0][0] == "messages")

    def close() -> None:
        while not call(parser.close):
            pass
        streams.append((b"", []))

    failed = False
    for number, piece in enumerate(cut(led.stream, *led.sizes), 1):
        stream, messages = streams[-1]
        streams[-1] = (stream + piece, messages)
        if not call(lambda piece=piece: parser.feed(led.chunk(piece))):  # type: ignore[misc]
            failed = True
            recover(led, parser, call, close)
        if led.close_every and number % led.close_every == 0:
            close()
    close()
    failed = not call(lambda: parser.feed(END)) or failed
    streams[-1] = (END, streams[-1][1])
    return Lived(results, streams, failed)


def recover(
    led: Life,
    parser: Any,
    call: Callable[[Callable[[], list[Any]]], bool],
    close: Callable[[], None],
) -> None:
    """Do what a program may do after an error."""
    if led.after_error == "drain":
        while not call(lambda: parser.feed(b"")):
            pass
    elif led.after_error == "close":
        close()
    elif led.after_error == "misuse":
        for what in NOT_CHUNKS:
            call(lambda what=what: parser.feed(what))  # type: ignore[misc]


def whole(message: Any, first: int) -> dict[str, Any]:
    """Everything read from a message; a copy that is read in another order must give the same."""
    results = describe(message, first)
    again = describe(type(message)(message.raw), first + len(VIEWS) // 2)
    if again != results:
        raise AssertionError(f"the order matters: {difference(again, results, 'message')}")
    return results


def options(ami: ModuleType, led: Life) -> dict[str, Any]:
    """The parser's arguments."""
    only = None
    if led.only is not None:
        # Without a warning for the names that are no event's.
        only = ami._registry.Checked(selected(ami, one) for one in led.only)
    return {"only": only, **led.bounds}


def selected(ami: ModuleType, item: str) -> Any:
    if item == "own":
        return ami._registry.user_events[b"Fuzzed"]
    return resolve(ami, item) if "." in item else item


def is_wanted(ami: ModuleType, only: tuple[str, ...], message: Any) -> bool:
    items = [selected(ami, one) for one in only]
    classes = tuple(one for one in items if isinstance(one, type))
    if isinstance(message, classes):
        return True
    return isinstance(message, ami.Event) and message.name in items


class Lists:
    """A Collector's results for the messages; its bounds are small, so that they are reached."""

    def __init__(self, ami: ModuleType) -> None:
        self._collector = ami.Collector(timeout=None, max_open=3, max_members=4)

    def add(self, message: Any) -> Any:
        """The result of adding the message, and the number of open lists."""
        return attempt(lambda: [self._collector.add(message)], describe_list), len(self._collector)


def describe_list(one: Any) -> Any:
    if one is None:
        return None
    kept = [message.raw for message in one.events]
    return one.name, one.action_id, one.valid, one.error_message, one.announced, kept


def shown(data: bytes) -> Iterator[str]:
    """Describe an input in words."""
    led = life(data)
    yield f"only={led.only} {led.bounds} in chunks of {led.sizes} as {led.chunk.__name__}"
    yield f"close every {led.close_every}, after an error {led.after_error}, first {led.first}"
    yield repr(led.stream)

"""Streams that try to make work or memory run away. Each is made of about n units."""

from __future__ import annotations

from collections.abc import Callable

Shape = Callable[[int], bytes]


def event(lines: bytes, name: bytes = b"Newchannel", end: bytes = b"\r\n") -> bytes:
    """One event with these lines."""
    return b"Event: " + name + end + lines + end


def lines(pattern: bytes, n: int) -> bytes:
    """n header lines; the pattern has `%d` where the line's number stands."""
    return b"".join((pattern + b"\r\n").replace(b"%d", b"%d" % number) for number in range(n))


def repeated(message: bytes) -> Shape:
    """n times the same message; in the message `%d` is its number."""
    return lambda n: b"".join(message.replace(b"%d", b"%d" % number) for number in range(n))


def one_event(pattern: bytes) -> Shape:
    """An event of n lines."""
    return lambda n: event(lines(pattern, n))


def value_of(name: bytes, unit: bytes) -> Shape:
    """Three events with one long value."""
    return lambda n: 3 * event(name + b": " + n * unit + b"\r\n")


def orders(n: int) -> bytes:
    """Events with the same headers, whose order never repeats."""
    found = []
    for number in range(n):
        turn = number % 20
        names = [b"H%d: %d\r\n" % (other, number) for other in range(20)]
        own = b"Own%d: 1\r\n" % (number // 20)
        found.append(event(b"".join([*names[turn:], own, *names[:turn]])))
    return b"".join(found)


def members(announced: bytes) -> Shape:
    """Lists with one member each: `announced` starts them, and no event ends them."""
    member = b"Event: QueueMember\r\nActionID: list-%d\r\nName: Jane\r\n\r\n"
    return repeated(announced + member)


ANNOUNCED = b"Response: Success\r\nActionID: list-%d\r\nEventList: start\r\n\r\n"
COMPLETE = b"Event: QueueStatusComplete\r\nActionID: list-%d\r\nEventList: Complete\r\n\r\n"

MESSAGES: dict[str, Shape] = {
    "other names": one_event(b"Header-%d: %d"),
    "one name": one_event(b"Same: %d"),
    "names sent twice": lambda n: event(2 * lines(b"Header-%d: %d", n // 2)),
    "names in any case": lambda n: event(
        lines(b"header: %d", n // 2) + lines(b"HEADER: %d", n // 2)
    ),
    "variables": one_event(b"ChanVariable: v%d=%d"),
    "variables of channels": one_event(b"ChanVariable(SIP/%d): v%d=%d"),
    "spaces around": one_event(b" Header-%d :   %d  "),
    "spaces around one name": one_event(b"  Uniqueid\t:\t%d\t"),
    "no space": one_event(b"Header-%d:%d"),
    "no colon": one_event(b"line %d"),
    "no name": one_event(b": %d"),
    "no value": one_event(b"Header-%d:"),
    "colons": one_event(b"Header-%d: a: b:: c"),
    "not UTF-8": one_event(b"H\xff-%d: \xfe%d"),
    "control characters": one_event(b"H\x1b-%d: \x07\r%d\tx"),
    "numbered": one_event(b"Report%dSourceSSRC: %d"),
    "lone line feeds": lambda n: event(lines(b"Header-%d: %d", n).replace(b"\r", b""), end=b"\n"),
    "carriage returns": lambda n: event(b"X: " + 20 * n * b"\r" + b"\r\n"),
    "a long name": lambda n: event(20 * n * b"N" + b": 1\r\n"),
    "a long event name": lambda n: event(b"X: 1\r\n", 20 * n * b"N"),
    "a long text": value_of(b"Channel", 20 * b"x"),
    "a long row of spaces": value_of(b"Channel", 20 * b" "),
    "a long row of spaces and letters": value_of(b"Channel", 10 * b" x"),
    "digits": value_of(b"Cause", 20 * b"9"),
    "colons in a value": value_of(b"Address", 20 * b":"),
    "old output": lambda n: (
        b"Response: Follows\r\nPrivilege: Command\r\n"
        + lines(b"line %d: x", n).replace(b"\r", b"")
        + b"--END COMMAND--\r\n\r\n"
    ),
    "output": lambda n: b"Response: Success\r\n" + lines(b"Output: line %d", n) + b"\r\n",
}
"""One message or a few, which are large."""

STREAMS: dict[str, Shape] = {
    "plain": repeated(event(b"Uniqueid: %d\r\nCause: 16\r\n", b"Hangup")),
    "short events": repeated(b"Event: AB\r\n\r\n"),
    "short answers": repeated(b"Response: Success\r\n\r\n"),
    "events and answers": repeated(b"Event: AB\r\nX: %d\r\n\r\nResponse: Success\r\n\r\n"),
    "events and answers after a large event": lambda n: (
        event(b"X: " + 100_000 * b"x" + b"\r\n") + n * b"Event: AB\r\n\r\nResponse: Success\r\n\r\n"
    ),
    "events with lone line feeds": repeated(b"Event: AB\nX: %d\n\n"),
    "stray blank lines": repeated(b"Event: AB\r\nX: %d\n\n\r\n\r\n\n\n"),
    "blank lines": repeated(b"\r\n"),
    "lone carriage returns": repeated(b"\r"),
    "banners": repeated(b"Asterisk Call Manager/%d\r\n"),
    "no message": repeated(b"line %d\r\n\r\n"),
    "orders": orders,
    "names": repeated(event(b"Own-%d: 1\r\nTheir-%d: 2\r\n", b"Work")),
    "event names": repeated(event(b"X: 1\r\n", b"Work%d")),
    "user events": repeated(event(b"UserEvent: Own%d\r\n", b"UserEvent")),
    "values": repeated(event(b"Cause: %d\r\nCause-txt: %d\r\nTimestamp: %d.5\r\n", b"Hangup")),
    "open lists": members(ANNOUNCED),
    "one list": lambda n: members(ANNOUNCED)(n).replace(b"list-", b"list\r\nX: "),
    "ended lists": members(ANNOUNCED + COMPLETE),
    "ends of no list": repeated(COMPLETE),
}
"""About n messages, which are small."""

LARGE = repeated(event(b"Text: " + 1000 * b"x" + b"\r\n"))
"""Messages that are too large for a parser with max_message=200."""

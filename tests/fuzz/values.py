"""The target for typed values: an input is a header's value, which is read as every type."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from support.comparing import assert_same, attempt

from fuzz.prefix import Choices

PREFIX = 2
JOINTS = (b": ", b":", b" : ", b":\t", b":  ")
SPELLINGS = (bytes, bytes.lower, bytes.swapcase)
FIRST_LINES = (
    b"Event: UserEvent\r\nUserEvent: Fuzzed\r\n",
    b"Event: X-Fuzzed\r\n",
    b"Event: UserEvent\nUserEvent: Fuzzed\n",
)


def check(compiled: ModuleType, pure: ModuleType, data: bytes) -> None:
    """Check that both twins read the same from a value."""
    assert_same(read_every_type(compiled, data), read_every_type(pure, data))


def read_every_type(ami: ModuleType, data: bytes) -> list[Any]:
    """The readings of an event whose headers all have the value, and each type's conversion."""
    choices, value = Choices(data[:PREFIX]), data[PREFIX:]
    first_line = choices.one_of(FIRST_LINES)
    joint, spelling = choices.one_of([(j, s) for s in SPELLINGS for j in JOINTS])
    cls = ami._registry.user_events[b"Fuzzed"]
    end = b"\n" if first_line.endswith(b"d\n") else b"\r\n"
    names = [name.encode() for name in names_of(cls)]
    lines = [spelling(name) + joint + value + end for name in names]
    raw = first_line + b"".join(lines) + end
    parser = ami.Parser()
    coerced = {attribute: repr(header.coerce(value)) for attribute, header in cls.headers().items()}
    return [attempt(lambda: parser.feed(raw)), attempt(parser.close), coerced]


def names_of(cls: Any) -> list[str]:
    """The first name of every header that the class itself declares."""
    own = [header for name, header in cls.headers().items() if name in vars(cls)]
    return [header.names[0].replace("<N>", "0") for header in own]

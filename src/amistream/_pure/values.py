"""Typed values: how the bytes of a header's value become text, numbers and truth values.

Every reader takes the value without spaces around it, and returns None if it cannot read it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from amistream._wire import LONGEST_NUMBER

Reader = Callable[[bytes], Any]

_INT = re.compile(rb"[+-]?[0-9]+")
_FLOAT = re.compile(rb"[+-]?(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|nan|inf)")
_DURATION = re.compile(rb"([0-9]{1,9}):([0-5][0-9]):([0-5][0-9])")
_ROUND_TRIP = re.compile(rb"OK \(([0-9]{1,18}) ms\)")


def text(value: bytes) -> str:
    """The str of bytes; what is not UTF-8 becomes surrogate escapes."""
    return value.decode("utf-8", "surrogateescape")


def read_int(value: bytes) -> int | None:
    """A whole number: an optional sign and digits."""
    if len(value) > LONGEST_NUMBER:
        return None
    return int(value) if value.isdigit() or _INT.fullmatch(value) else None


def read_float(value: bytes) -> float | None:
    """A decimal number as C prints it."""
    if len(value) > LONGEST_NUMBER:
        return None
    plain = value.replace(b".", b"", 1).isdigit()  # most are; takes a third of the match's time
    return float(value) if plain or _FLOAT.fullmatch(value) else None


def read_duration(value: bytes) -> int | None:
    """The seconds of `hh:mm:ss`."""
    match = _DURATION.fullmatch(value)
    if match is None:
        return None
    hours, minutes, seconds = map(int, match.groups())
    return hours * 3600 + minutes * 60 + seconds


def read_hostport(value: bytes) -> tuple[str, int] | None:
    """Address and port of `host:port` or `[IPv6]:port`."""
    host, _, port = value.rpartition(b":")
    if not 1 <= len(port) <= 5 or not port.isdigit() or int(port) > 65535:
        return None
    if host[:1] == b"[" or host[-1:] == b"]":
        if not (host[:1] == b"[" and host[-1:] == b"]"):
            return None
        host = host[1:-1]
    return (text(host), int(port)) if host else None


def read_milliseconds(value: bytes) -> int | None:
    """The milliseconds of `OK (31 ms)`; -2 for `Unmonitored`."""
    if value == b"Unmonitored":
        return -2
    match = _ROUND_TRIP.fullmatch(value)
    return int(match[1]) if match else None


def bool_reader(true: tuple[bytes, ...], false: tuple[bytes, ...]) -> Reader:
    """The reader of a truth value: its words for true, and those for false (none: every other)."""

    def read_bool(value: bytes) -> bool | None:
        if value in true:
            return True
        if value in false or not false:
            return False
        return None

    return read_bool


def _with_unit(unit: bytes) -> Reader:
    """The reader of a decimal number that its unit may follow."""

    def read_float_with_unit(value: bytes) -> float | None:
        if value.endswith(unit):
            value = value.removesuffix(unit).rstrip(b" \t")
        return read_float(value)

    return read_float_with_unit


KINDS = ("text", "int", "float", "bool", "duration", "hostport", "milliseconds")


def reader_of(kind: str, true: tuple[bytes, ...], false: tuple[bytes, ...], unit: bytes) -> Reader:
    """The reader of a header's kind, one of KINDS."""
    readers: dict[str, Reader] = {
        "text": text,
        "int": read_int,
        "float": _with_unit(unit) if unit else read_float,
        "bool": bool_reader(true, false),
        "duration": read_duration,
        "hostport": read_hostport,
        "milliseconds": read_milliseconds,
    }
    return readers[kind]

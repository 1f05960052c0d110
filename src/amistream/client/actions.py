"""Encodes actions for the wire, and refuses what Asterisk would not read as it was meant."""

from __future__ import annotations

import string
from collections.abc import Iterator, Mapping
from typing import Any, Final

from amistream.errors import Unsendable

__all__ = ["MAX_HEADERS", "MAX_LINE", "encode", "line"]

MAX_LINE: Final = 1024
"""The longest line of an action in bytes, its CRLF included. Asterisk refuses longer ones."""

MAX_HEADERS: Final = 128
"""The most headers of an action, with `Action` and `ActionID`. Asterisk refuses more."""

_FREE_OF_QUOTING = frozenset(string.ascii_letters + string.digits + "_-.*()/:@#$")
"""The characters of a variable's or a function's name."""

_FORBIDDEN = {"\r": "a CR", "\n": "an LF", "\0": "a NUL"}


def encode(action: str, action_id: str, headers: Mapping[str, Any]) -> bytes:
    """The bytes of an action. Unsendable if a header cannot be sent as it is."""
    lines = [line(action, "Action", action), b"ActionID: %b" % action_id.encode()]
    for name, value in headers.items():
        _check_name(action, name)
        lines += [line(action, name, text) for text in _texts(action, name, value)]
    if len(lines) > MAX_HEADERS:
        reason = f"it has {len(lines)} headers; Asterisk reads {MAX_HEADERS}"
        raise Unsendable(action, "", reason)
    lines.append(b"\r\n")
    return b"\r\n".join(lines)


def line(action: str, name: str, value: str) -> bytes:
    """The bytes of a header. Unsendable if Asterisk would not read its value as it is meant."""
    if not isinstance(value, str):
        raise Unsendable(action, name, f"its value is a {type(value).__name__}, not a str")
    for character, what in _FORBIDDEN.items():
        if character in value:
            raise Unsendable(action, name, f"its value contains {what}")
    if value and value[0] <= " ":
        reason = "Asterisk drops the spaces and control characters that its value begins with"
        raise Unsendable(action, name, reason)
    encoded = f"{name}: {value}".encode("utf-8", "surrogateescape")
    if len(encoded) + 2 > MAX_LINE:
        reason = f"its line has {len(encoded) + 2:,} bytes; Asterisk reads at most {MAX_LINE:,}"
        raise Unsendable(action, name, reason)
    return encoded


def _check_name(action: str, name: str) -> None:
    if name.lower() in ("action", "actionid"):
        raise Unsendable(action, name, "the client sets this header")
    if not name or not name.isascii() or not name.isprintable() or set(name) & {":", " "}:
        raise Unsendable(action, name, "this is no name of a header")


def _texts(action: str, name: str, value: Any) -> Iterator[str]:
    """The text of each line that a header's value becomes; None becomes none."""
    if isinstance(value, Mapping):
        if name.lower() != "variable":
            raise Unsendable(action, name, "only Variable takes a dict")
        yield from (_variable(action, key, text) for key, text in value.items())
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(action, name, item)
    elif isinstance(value, bool):
        yield "true" if value else "false"
    elif isinstance(value, int | float):
        yield str(value)
    elif isinstance(value, str):
        yield value
    elif value is not None:
        raise Unsendable(action, name, f"a {type(value).__name__} is no value of a header")


def _variable(action: str, name: Any, value: Any) -> str:
    """The text `name="value"` of one channel variable.

    Without the quotes a comma would begin another variable, and Asterisk would drop quotes and
    backslashes. In them only these two are escaped.
    """
    if not isinstance(name, str) or not name or not _FREE_OF_QUOTING.issuperset(name):
        raise Unsendable(action, "Variable", f"{name!r} is no name of a variable")
    if not isinstance(value, str | int | float):
        raise Unsendable(action, "Variable", f"the value of {name} is a {type(value).__name__}")
    text = next(_texts(action, name, value))
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'{name}="{escaped}"'

"""Output of the commands: text that is safe for a terminal, JSON, and error lines."""

from __future__ import annotations

import json
import re
import sys
from typing import Any

# A caller chooses texts, so nothing in them may steer the terminal: no control character, none that
# turns the direction of writing or ends a line, and no half of a character.
_STEERING = "\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069"
_UNSAFE = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f{_STEERING}\ud800-\udfff]")
_UNSAFE_IN_JSON = re.compile(f"[\x7f-\x9f{_STEERING}]")
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False)


def readable(data: bytes) -> str:
    """Bytes of a message as text, escaped as by `shown`; invalid UTF-8 becomes `\\xNN`."""
    return shown(data.decode("utf-8", "surrogateescape"))


def shown(text: str) -> str:
    """Text that is safe for a terminal: other characters become `\\xNN` or `\\uNNNN`.

    Tabs and line feeds stay.
    """
    return _UNSAFE.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is not UTF-8
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def json_line(value: object) -> bytes:
    """One line of JSON in UTF-8; a byte that is not UTF-8 becomes `\\udcNN`.

    Characters that could steer a terminal are escaped. ValueError if a number is infinite or not
    a number.
    """
    line = _ENCODER.encode(value)
    if not line.isascii() or "\x7f" in line:
        line = _UNSAFE_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", line)
    return line.encode("utf-8", "backslashreplace") + b"\n"


def write(data: bytes) -> None:
    """Write to standard output."""
    sys.stdout.buffer.write(data)


def write_text(text: str) -> None:
    """Write to standard output; characters that its encoding lacks are escaped."""
    write(text.encode(sys.stdout.encoding, "backslashreplace"))


def report(error: object) -> None:
    """Write one line to standard error."""
    if sys.stderr is not None:
        line = shown(str(error)).replace("\n", "\\x0a")
        print(f"amistream: {line}", file=sys.stderr)


def import_rich() -> Any:
    """The rich package with the modules that the commands use; None if it is not installed."""
    try:
        import rich.console
        import rich.progress
        import rich.table
        import rich.text
    except ImportError:
        return None
    return rich

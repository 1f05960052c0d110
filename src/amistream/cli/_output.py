"""Output of the commands: text that is safe for a terminal, JSON, and error lines."""

from __future__ import annotations

import json
import re
import sys
from typing import Any

# A caller chooses the name that is shown, so control characters must not reach the terminal.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False)


def readable(data: bytes) -> str:
    """Bytes of a message as text; control characters and invalid UTF-8 become `\\xNN`."""
    text = data.decode("utf-8", "backslashreplace")
    return _CONTROL.sub(lambda control: f"\\x{ord(control[0]):02x}", text)


def shown(text: str) -> str:
    """Text of a message, escaped as by `readable`."""
    return readable(text.encode("utf-8", "surrogateescape"))


def json_line(value: object) -> bytes:
    """One line of JSON in UTF-8; a byte that is not UTF-8 becomes `\\udcNN`.

    ValueError if a number is infinite or not a number.
    """
    return _ENCODER.encode(value).encode("utf-8", "backslashreplace") + b"\n"


def write(data: bytes) -> None:
    """Write to standard output."""
    sys.stdout.buffer.write(data)


def write_text(text: str) -> None:
    """Write to standard output; characters that its encoding lacks are escaped."""
    write(text.encode(sys.stdout.encoding, "backslashreplace"))


def report(error: object) -> None:
    """Write one line to standard error."""
    if sys.stderr is not None:
        print(f"amistream: {error}", file=sys.stderr)


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

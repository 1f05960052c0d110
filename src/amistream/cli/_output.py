"""What the commands write: text that is safe to show, JSON, and word of trouble."""

from __future__ import annotations

import json
import re
import sys
from typing import Any

# A caller chooses the name that is shown: it must not steer the terminal.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False)


def readable(data: bytes) -> str:
    """The text of bytes off the wire; control characters and what is not UTF-8 as `\\xNN`."""
    text = data.decode("utf-8", "backslashreplace")
    return _CONTROL.sub(lambda control: f"\\x{ord(control[0]):02x}", text)


def shown(text: str) -> str:
    """Text off the wire, as `readable` shows its bytes."""
    return readable(text.encode("utf-8", "surrogateescape"))


def json_line(value: object) -> bytes:
    """One line of JSON in UTF-8, where a byte that is not becomes `\\udcNN`.

    ValueError if there is an infinite or undefined number in it.
    """
    return _ENCODER.encode(value).encode("utf-8", "backslashreplace") + b"\n"


def write(data: bytes) -> None:
    """Write to standard output."""
    sys.stdout.buffer.write(data)


def write_text(text: str) -> None:
    """Write to standard output; what its encoding lacks is escaped."""
    write(text.encode(sys.stdout.encoding, "backslashreplace"))


def tell(trouble: object) -> None:
    """One line on standard error."""
    if sys.stderr is not None:
        print(f"amistream: {trouble}", file=sys.stderr)


def import_rich() -> Any:
    """The rich package with what is used of it, or None if it is not installed."""
    try:
        import rich.console
        import rich.progress
        import rich.table
        import rich.text
    except ImportError:
        return None
    return rich

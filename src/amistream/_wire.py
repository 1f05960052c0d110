"""The constants that both twins share: what stands on the wire, and the bounds.

The extension holds C copies of those it uses as C constants, in `_compiled.WIRE`; a test compares
them with these.
"""

from __future__ import annotations

from typing import Final

BANNER: Final = b"Asterisk Call Manager/"
"""How Asterisk's greeting begins; a version and a line end follow."""

MARKER: Final = b"--END COMMAND--"
"""What ends the last line of an old-style answer to Command."""

FOLLOWS_HEADERS: Final = (b"ActionID", b"Privilege", b"Message")
"""The headers that an old-style answer may have between its first line and its output."""

USER_EVENT: Final = b"UserEvent"
"""The name of the dialplan's own events, and of the header that says which one it is."""

LARGEST_MESSAGE: Final = (1 << 31) - 1
"""The largest message in bytes: an offset into a message fits 32 bits with a sign."""

MAX_MESSAGE: Final = 1 << 20
"""The default of `max_message`, in bytes."""

MAX_LINE: Final = 1 << 18
"""The default of `max_line`, in bytes."""

MAX_HEADERS: Final = 1 << 17
"""The default of `max_headers`, in lines."""

LONGEST_NUMBER: Final = 64
"""The longest number in characters. Asterisk sends none that long; a longer run of digits is
unreadable, so that no input makes the conversion slow."""

LONGEST_CACHED_NAME: Final = 64
"""The longest event or header name that is cached; longer names bypass the caches."""

LONGEST_SHAPE: Final = 256
"""The most headers of a shape; a message with more headers has no shape."""

LONGEST_SKIPPED_LINE: Final = 64
"""While a message is skipped, a longer line only counts as not blank."""


def checked_bound(name: str, value: int, unit: str) -> int:
    """The value of a bound's setting; TypeError or ValueError if it is not a size in `unit`."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} is a number of {unit}, not {value!r}")
    if not 1 <= value <= LARGEST_MESSAGE:
        raise ValueError(f"{name} must be 1 to {LARGEST_MESSAGE} {unit}, not {value}")
    return value


def checked_prefix(prefix: str) -> bytes:
    """The bytes of `keep_action_ids`; TypeError or ValueError if no ActionID begins like that."""
    if not isinstance(prefix, str):
        raise TypeError(f"keep_action_ids is a str, not {prefix!r}")
    encoded = prefix.encode("utf-8", "surrogateescape")
    if any(not 0x21 <= byte <= 0x7E for byte in encoded) or len(encoded) > LONGEST_CACHED_NAME:
        raise ValueError(
            f"keep_action_ids has at most {LONGEST_CACHED_NAME} printable ASCII characters and no "
            f"space, not {prefix!r}"
        )
    return encoded

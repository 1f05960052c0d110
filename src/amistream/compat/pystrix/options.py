"""The options of the drop-in for pystrix, and the versions of pystrix that it works with."""

from __future__ import annotations

from typing import Final, NamedTuple

KNOWN_VERSIONS: Final = ("1.2.0", "1.3.0")
"""The versions of pystrix that the drop-in is tested with."""
MAX_MESSAGE: Final = 1 << 26
"""The longest message that is read, in bytes; pystrix itself has no bound."""
MAX_QUEUED: Final = 100_000
"""The most events and responses that wait for callbacks before reading pauses."""
MAX_QUEUED_BYTES: Final = 1 << 26
"""The most bytes of these, as they were read, before reading pauses."""


class Options(NamedTuple):
    """What `install` takes; it explains the options."""

    max_message: int = MAX_MESSAGE
    max_queued: int = MAX_QUEUED
    max_queued_bytes: int = MAX_QUEUED_BYTES
    eager: bool | None = None

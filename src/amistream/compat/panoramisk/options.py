"""The options of the drop-in for panoramisk, and the version of panoramisk that it works with."""

from __future__ import annotations

from typing import Final, NamedTuple

KNOWN_VERSIONS: Final = ("1.4",)
"""The versions of panoramisk that the drop-in is tested with."""
MAX_MESSAGE: Final = 1 << 24
"""The longest message that is read, in bytes; panoramisk itself has no bound."""


class Options(NamedTuple):
    """What `install` takes; it explains the options."""

    max_message: int = MAX_MESSAGE

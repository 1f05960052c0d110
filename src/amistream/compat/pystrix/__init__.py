"""The drop-in for pystrix: a pystrix program stays unchanged, and amistream parses its stream.

    import amistream.compat.pystrix
    amistream.compat.pystrix.install()

`python -m amistream.compat.pystrix program.py` does the same without a change to the program.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

from amistream.compat import load
from amistream.compat._dropin import DropIn
from amistream.compat.pystrix.options import (
    KNOWN_VERSIONS,
    MAX_MESSAGE,
    MAX_QUEUED,
    MAX_QUEUED_BYTES,
    Options,
)

__all__ = [
    "KNOWN_VERSIONS",
    "MAX_MESSAGE",
    "MAX_QUEUED",
    "MAX_QUEUED_BYTES",
    "install",
    "installed",
    "is_installed",
    "main",
    "uninstall",
]


def install(
    *,
    max_message: int = MAX_MESSAGE,
    max_queued: int = MAX_QUEUED,
    max_queued_bytes: int = MAX_QUEUED_BYTES,
    eager: bool | None = None,
) -> None:
    """Make every Manager of pystrix use amistream, also those that run already.

    max_message: a message with more bytes is skipped, and a warning reports it.
    max_queued: if more events and responses wait for callbacks, reading pauses until at most half
        as many wait.
    max_queued_bytes: the same bound for their bytes, counted as they were read from the socket; the
        memory in use is larger. One message is read even if it is longer.
    eager: fill each event's dictionary at once, for C extensions that read a dict's storage
        directly. None fills it if one of the known extensions (orjson, ujson, ...) was imported.

    MissingLibrary without pystrix, WrongVersion if its version is not in KNOWN_VERSIONS,
    AlreadyReplaced if something else has replaced its parts, ValueError if a bound is invalid. A
    second install only changes the options.
    """
    _drop_in.install(Options(max_message, max_queued, max_queued_bytes, eager))


def uninstall() -> None:
    """Restore pystrix's own parts; do nothing if they are in place.

    Events that the program still holds become plain pystrix events. amistream keeps reading a
    connection that is open now, until it is closed.
    """
    _drop_in.uninstall()


def is_installed() -> bool:
    """Whether pystrix uses amistream now."""
    return _drop_in.options is not None


def installed(**options: Any) -> contextlib.AbstractContextManager[None]:
    """A `with` block in which pystrix uses amistream; afterwards all is as it was before.

    The options are those of `install`.
    """
    return _drop_in.installed(Options(**options))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a program with the drop-in installed; return the exit code if it sets none itself."""
    return _drop_in.main(arguments)


def _find_version() -> str:
    return str(load("pystrix", "pystrix", KNOWN_VERSIONS).VERSION)


_drop_in = DropIn("pystrix", KNOWN_VERSIONS, Options(), _find_version)

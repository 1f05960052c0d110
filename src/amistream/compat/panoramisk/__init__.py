"""The drop-in for panoramisk: a panoramisk program stays unchanged, amistream parses its stream.

    import amistream.compat.panoramisk
    amistream.compat.panoramisk.install()

`python -m amistream.compat.panoramisk program.py` does the same without a change to the program.
A connection that is open already changes its reader too, at install and at uninstall, and no byte
is lost.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
from collections.abc import Sequence

from amistream.compat import MissingLibrary
from amistream.compat._dropin import DropIn
from amistream.compat.panoramisk.options import KNOWN_VERSIONS, MAX_MESSAGE, Options

__all__ = [
    "KNOWN_VERSIONS",
    "MAX_MESSAGE",
    "install",
    "installed",
    "is_installed",
    "main",
    "uninstall",
]

LIBRARY = "panoramisk"


def install(max_message: int = MAX_MESSAGE) -> None:
    """Make panoramisk use amistream, also in connections that are open already.

    max_message: a message with more bytes is skipped, and an error in the log reports it.

    MissingLibrary without panoramisk, WrongVersion if its version is not in KNOWN_VERSIONS,
    AlreadyReplaced if something else has replaced its parts, ValueError if `max_message` is
    invalid. A second install only changes the options.
    """
    _drop_in.install(Options(max_message))


def uninstall() -> None:
    """Restore panoramisk's own parts; do nothing if they are in place."""
    _drop_in.uninstall()


def is_installed() -> bool:
    """Whether panoramisk uses amistream now."""
    return _drop_in.options is not None


def installed(max_message: int = MAX_MESSAGE) -> contextlib.AbstractContextManager[None]:
    """A `with` block in which panoramisk uses amistream; afterwards all is as it was before."""
    return _drop_in.installed(Options(max_message))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a program with the drop-in installed; return the exit code if it sets none itself."""
    return _drop_in.main(arguments)


def _find_version() -> str:
    try:
        return importlib.metadata.version(LIBRARY)
    except importlib.metadata.PackageNotFoundError:
        raise MissingLibrary(LIBRARY, KNOWN_VERSIONS) from None


_drop_in = DropIn(LIBRARY, KNOWN_VERSIONS, Options(), _find_version)

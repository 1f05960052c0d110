"""The drop-in for panoramisk: its Manager and Message as they are, its reader replaced.

    import amistream.compat.panoramisk

    amistream.compat.panoramisk.install()

Or, without touching the program, `python -m amistream.compat.panoramisk program.py ...`; or for a
while, `with amistream.compat.panoramisk.installed(): ...`. Connections that are open already
change readers too, both ways, without losing a byte.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import runpy
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType

from amistream.compat import MissingLibrary, WrongVersion, check_version

__all__ = ["KNOWN_VERSIONS", "MAX_MESSAGE", "install", "installed", "main", "uninstall"]

LIBRARY = "panoramisk"
KNOWN_VERSIONS = ("1.4",)
MAX_MESSAGE = 1 << 24
"""The longest message that is taken, in bytes; panoramisk itself has no bound."""

_USAGE = f"usage: python -m amistream.compat.{LIBRARY} program.py [argument ...]"


def install(max_message: int = MAX_MESSAGE) -> None:
    """Let panoramisk read with amistream; only the bound is set anew if it does so already.

    A message longer than `max_message` bytes is skipped and logged as an error, once.
    MissingLibrary if there is no panoramisk, WrongVersion if it is not one known to work,
    AlreadyReplaced if something else took its reader's place.
    """
    _check_version()
    _reader().install(max_message)


def uninstall() -> None:
    """Give panoramisk its own reader back; nothing happens if it has it."""
    if LIBRARY in sys.modules:
        _reader().uninstall()


@contextlib.contextmanager
def installed(max_message: int = MAX_MESSAGE) -> Iterator[None]:
    """A `with` block in which panoramisk reads with amistream; as it was before, at its end."""
    _check_version()
    reader = _reader()
    before: int | None = reader.bound()
    reader.install(max_message)
    try:
        yield
    finally:
        if before is None:
            reader.uninstall()
        else:
            reader.install(before)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a program with the drop-in installed; the exit code, if the program sets none."""
    told = list(sys.argv[1:] if arguments is None else arguments)
    if not told or told[0] in ("-h", "--help"):
        print(_USAGE, file=sys.stdout if told else sys.stderr)
        return 0 if told else 2
    program = Path(told[0])
    if not program.exists():
        print(f"amistream: there is no program {program}\n{_USAGE}", file=sys.stderr)
        return 2
    try:
        install()
    except (MissingLibrary, WrongVersion) as error:
        print(f"amistream: {error}", file=sys.stderr)
        return 2
    sys.argv = told
    if not getattr(sys.flags, "safe_path", False):
        sys.path[0] = str(program.resolve().parent)
    runpy.run_path(str(program), run_name="__main__")
    return 0


def _check_version() -> None:
    try:
        found = importlib.metadata.version(LIBRARY)
    except importlib.metadata.PackageNotFoundError:
        raise MissingLibrary(LIBRARY, KNOWN_VERSIONS) from None
    check_version(LIBRARY, found, KNOWN_VERSIONS)


def _reader() -> ModuleType:
    """The module that replaces the reader; importing it imports panoramisk."""
    return importlib.import_module("amistream.compat._panoramisk_reader")


if __name__ == "__main__":
    from amistream.compat import panoramisk

    sys.exit(panoramisk.main())

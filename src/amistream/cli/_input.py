"""The file that a command reads, with the reports and the exit code for errors in it."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

import amistream
from amistream.cli._output import report

if TYPE_CHECKING:
    from typing_extensions import Self

    from amistream import Message


BOUNDS = {
    "max_message": ("BYTES", "the longest message"),
    "max_line": ("BYTES", "the longest line"),
    "max_headers": ("LINES", "the most lines of a message"),
    "max_expansion": ("TIMES", "how many bytes each compressed byte may expand to"),
}
LARGEST_BOUND = (1 << 31) - 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add FILE, --sample and the bounds to a command."""
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument(
        "file",
        metavar="FILE",
        nargs="?",
        help="a recorded stream, plain or gz, xz or zst; - is standard input",
    )
    which.add_argument("--sample", action="store_true", help="read the sample of amistream")
    bounds = parser.add_argument_group("bounds", "A message over a bound is reported and skipped.")
    defaults = amistream.open.__kwdefaults__ or {}
    for name, (unit, meaning) in BOUNDS.items():
        bounds.add_argument(
            f"--{name.replace('_', '-')}",
            metavar=unit,
            type=bound,
            default=defaults[name],
            help=f"{meaning} (default {defaults[name]:,})",
        )


def path_of(arguments: argparse.Namespace) -> str:
    """The path of FILE or of the sample."""
    return str(amistream.sample()) if arguments.sample else arguments.file


def bounds_of(arguments: argparse.Namespace) -> dict[str, int]:
    """The bounds as arguments of `amistream.open`."""
    return {name: getattr(arguments, name) for name in BOUNDS}


def bound(text: str) -> int:
    """The value of an option that bounds something."""
    value = int(text) if text.isascii() and text.isdigit() else 0
    if not 1 <= value <= LARGEST_BOUND:
        raise argparse.ArgumentTypeError(
            f"must be a number from 1 to {LARGEST_BOUND:,}, not {text!r}"
        )
    return value


class Input:
    """The messages of a file. An error in it is reported, and makes the exit code 1."""

    def __init__(
        self,
        path: str,
        file: BinaryIO | None = None,
        *,
        bounds: dict[str, int],
        only: Any = None,
        on_progress: Callable[[int, int | None], None] | None = None,
        is_quiet: bool = False,
    ) -> None:
        self._name = "<stdin>" if path == "-" else path
        self._reader = amistream.open(file or path, only=only, on_progress=on_progress, **bounds)
        self._is_quiet = is_quiet
        self.parser = self._reader.parser
        self.status = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._reader.close()

    def __iter__(self) -> Iterator[Message]:
        ended = False
        while not ended:
            ended = yield from self._read_on()

    def _read_on(self) -> Generator[Message, None, bool]:
        """Yield the messages up to the next error or the end. Returns whether it was the end."""
        try:
            yield from self._reader
        except amistream.DamagedFile as error:
            self._report(amistream.DamagedFile(self._name, error.offset, error.reason))
        except amistream.ExpandsTooMuch as error:
            self._report(amistream.ExpandsTooMuch(self._name, error.offset, error.limit))
        except (amistream.MessageTooLarge, amistream.TruncatedMessage) as error:
            self._report(f"{self._name}: {error}")
        else:
            return True
        return False

    def _report(self, error: object) -> None:
        self.status = 1
        if not self._is_quiet:
            report(error)

"""The command line: `amistream parse`, `stats`, `schema` and `doctor`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

import amistream
from amistream.cli import doctor, parse, schema, stats
from amistream.cli._output import tell

__all__ = ["main"]

EPILOG = """\
examples:
  amistream stats monday.ami.gz
      what is in a recording: events by type, calls, time span
  amistream parse monday.ami.gz --only Hangup,Newchannel --json | jq .Channel
      two kinds of events, one JSON object a line
  zcat monday.ami.gz | amistream parse - --csv > monday.csv
      the same stream as a table
  amistream parse --sample
      no recording at hand? the sample is a few seconds of a call centre
  amistream schema Hangup
      which attributes does an event have, and of which types?
  amistream doctor
      is the compiled parser in use?

exit codes:
  0  all was read
  1  the stream is cut off or damaged, or has a message that is too large; what is whole was
     printed, and standard error says where the trouble is; `schema --diff`: something is new
  2  the command is wrong, or a file cannot be opened or written
"""

INTERRUPTED = 130
BROKEN_PIPE = 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code."""
    if sys.stdout is None:
        tell("standard output is closed")
        return 2
    try:
        try:
            return _run(argv)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        status = BROKEN_PIPE
    except KeyboardInterrupt:
        status = INTERRUPTED
    except (OSError, amistream.AMIError) as error:
        tell(_describe(error))
        status = 2
    _settle_output()
    return status


def _run(argv: Sequence[str] | None) -> int:
    arguments = _parser().parse_args(argv)
    status: int = arguments.run(arguments)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="amistream",
        description="Read recorded event streams of Asterisk's Manager Interface (AMI).",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    version = f"amistream {amistream.__version__} ({amistream.IMPLEMENTATION})"
    parser.add_argument("--version", action="version", version=version)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in (parse, stats, schema, doctor):
        command.add_to(commands)
    return parser


def _describe(error: Exception) -> str:
    if not isinstance(error, OSError) or error.strerror is None:
        return str(error)
    return f"{error.filename}: {error.strerror}" if error.filename else error.strerror


def _settle_output() -> None:
    """Drop what could not be written, or the interpreter would complain of it at its exit."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

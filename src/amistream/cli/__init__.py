"""The command line: `amistream parse`, `stats`, `schema`, `simulate` and `doctor`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

import amistream
from amistream.cli import doctor, parse, schema, simulate, stats
from amistream.cli._output import report

__all__ = ["main"]

EPILOG = """\
examples:
  amistream stats monday.ami.gz
      what a recording contains: events by type, calls, time span
  amistream parse monday.ami.gz --only Hangup,Newchannel --json | jq .Channel
      two kinds of events, one JSON object per line
  zcat monday.ami.gz | amistream parse - --csv > monday.csv
      the same stream as a table
  amistream parse --sample
      a sample that comes with amistream: a few seconds of a call centre
  amistream schema Hangup
      the attributes of an event and their types
  amistream simulate
      a Manager Interface on port 5038 that plays a call centre, to try a client on
  amistream doctor
      whether the compiled parser is in use

exit codes:
  0  everything was read
  1  the stream is cut off or damaged, or a message is too large; every whole message was
     printed, and standard error says where the error is; `schema --diff`: something is new
  2  the command is wrong, or a file cannot be opened or written
"""

INTERRUPTED = 130
BROKEN_PIPE = 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line. Returns the exit code."""
    if sys.stdout is None:
        report("standard output is closed")
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
        report(_describe(error))
        status = 2
    _discard_output()
    return status


def _run(argv: Sequence[str] | None) -> int:
    arguments = _parser().parse_args(argv)
    status: int = arguments.run(arguments)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="amistream",
        description="Read event streams of Asterisk's Manager Interface (AMI), and simulate one.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    version = f"amistream {amistream.__version__} ({amistream.IMPLEMENTATION})"
    parser.add_argument("--version", action="version", version=version)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in (parse, stats, schema, simulate, doctor):
        command.add_to(commands)
    return parser


def _describe(error: Exception) -> str:
    if not isinstance(error, OSError) or error.strerror is None:
        return str(error)
    return f"{error.filename}: {error.strerror}" if error.filename else error.strerror


def _discard_output() -> None:
    """Discard unwritten output, so that the interpreter reports no second error at its exit."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

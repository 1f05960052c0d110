"""`amistream schema`: the declared events, and what an Asterisk documents in addition."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any

import amistream
from amistream.cli._output import json_line, report, shown, write, write_text
from amistream.cli.schema._coverage import markdown
from amistream.cli.schema._declared import Declared, all_declarations
from amistream.cli.schema._difference import compare, difference_in_text
from amistream.cli.schema._documentation import read_documentation
from amistream.cli.schema._json import to_dict
from amistream.cli.schema._text import in_full, in_short

EPILOG = """\
examples:
  amistream schema
      one line for each event, by subsystem, with the number of headers that are typed
  amistream schema Hangup 'QueueMember*'
      these events in full: the headers as Asterisk writes them, the attributes, their types.
      '*' shows all events. The name of a list's action works too: QueueStatus
  amistream schema --json | jq '.events.Hangup.headers[].attribute'
      the same for programs
  amistream schema --diff /usr/share/asterisk/documentation/core-en_US.xml
      what is new in your Asterisk: events, headers and lists that amistream does not declare.
      A program receives them as well, and reads their text with event["Header"]

exit codes:
  0  no error; with --diff: nothing is new
  1  with --diff: something is new
  2  the command is wrong, a name matches nothing, or the file is not Asterisk's documentation
"""


def add_to(commands: Any) -> None:
    """Add the subcommand."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "schema",
        help="show the declared events, or compare them with the documentation of an Asterisk",
        description="Show the events, headers and lists that amistream declares.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "names",
        metavar="NAME",
        nargs="*",
        help="show these events and lists in full; * and ? match any characters",
    )
    parser.add_argument(
        "--diff",
        metavar="FILE",
        help="show what is new in this core-en_US.xml, plain or gz, xz or zst; - is standard input",
    )
    parser.add_argument(
        "--all", action="store_true", help="with --diff: also list what FILE does not mention"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print everything as one JSON object")
    form.add_argument(
        "--markdown",
        action="store_true",
        help="print a table of the subsystems",
    )
    parser.set_defaults(run=run, error=parser.error)


def run(arguments: argparse.Namespace) -> int:
    """Print what the arguments ask for. Returns the exit code."""
    if arguments.all and arguments.diff is None:
        arguments.error("--all needs --diff")
    if arguments.markdown and (arguments.diff is not None or arguments.names):
        arguments.error("--markdown takes no names and no --diff")
    if arguments.diff is not None and arguments.names:
        arguments.error("--diff compares all events; it takes no names")
    declared = all_declarations()
    if arguments.diff is not None:
        return _print_difference(declared, arguments.diff, arguments.all, arguments.json)
    if arguments.markdown:
        write_text(markdown(declared))
        return 0
    return _print_schema(declared, arguments.names, arguments.json)


def _print_schema(declared: Declared, patterns: list[str], as_json: bool) -> int:
    for pattern in patterns:
        if not any(_select(declared, [pattern])):
            report(_no_match(pattern, declared))
            return 2
    selected = _select(declared, patterns) if patterns else declared
    if as_json:
        write(json_line(to_dict(selected)))
    elif patterns:
        write_text(in_full(selected, declared))
    else:
        write_text(in_short(declared))
    return 0


def _print_difference(declared: Declared, path: str, with_all: bool, as_json: bool) -> int:
    found = compare(read_documentation(path), declared)
    for reference in found.documentation.not_followed:
        report(f"{found.documentation.name}: cannot follow {shown(reference)}")
    if as_json:
        write(json_line({"amistream": amistream.__version__, **found.to_dict()}))
    else:
        write_text(shown(difference_in_text(found, with_all)))
    return 1 if found.is_new else 0


def _select(declared: Declared, patterns: list[str]) -> Declared:
    """The events and lists with a name that matches one of the patterns."""
    return Declared(
        {name: event for name, event in declared.events.items() if _matches(event.names, patterns)},
        {action: one for action, one in declared.lists.items() if _matches([action], patterns)},
    )


def _matches(names: Iterable[str], patterns: list[str]) -> bool:
    return any(
        fnmatchcase(name.casefold(), pattern.casefold()) for name in names for pattern in patterns
    )


def _no_match(pattern: str, declared: Declared) -> str:
    known = {name.casefold(): name for name in (*declared.events, *declared.lists)}
    close = [known[name] for name in difflib.get_close_matches(pattern.casefold(), known)]
    hint = f"; did you mean {' or '.join(close)}?" if close else ""
    return f"no event or list is called {shown(pattern)}{hint}"

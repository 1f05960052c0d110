"""`amistream parse`: the messages of a file, as text, JSON or CSV."""

from __future__ import annotations

import argparse
import csv
import math
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO

import amistream
from amistream import _registry
from amistream.cli import _input
from amistream.cli._output import json_line, readable, report, shown, write, write_text
from amistream.errors import AMIError
from amistream.files import standard_input

if TYPE_CHECKING:
    from amistream import Message

EPILOG = """\
examples:
  amistream parse monday.ami.gz
      every message, with a blank line between messages
  amistream parse monday.ami.gz --only Hangup --json --typed | jq 'select(.Cause == 16)'
      typed values, so that numbers can be compared as numbers
  amistream parse monday.ami.gz --only 'Queue*,Hangup'
      patterns, in quotes so that the shell leaves them alone
  amistream parse monday.ami.gz --only Cdr --csv > calls.csv
      a table with a column for each header
  tail -n +1 -f today.ami | amistream parse - --only Response
      responses to actions, as they arrive

In JSON, the value of a repeated header is a list. Lines that are not headers, and the output of a
command, are in the list "data". A byte that is not UTF-8 becomes \\udcNN. In CSV, newlines join the
values of such a list into one cell, and bytes stay as they are; only at a terminal are control
characters escaped. For CSV the file is read twice: the first time for the columns.
"""

MOST_COLUMNS = 4096
"""A table has a cell for each column in each row, so a file of ever new headers is refused. All
events of Asterisk 22 together have about 1,000 names."""

KINDS = {
    "Event": amistream.Event,
    "Response": amistream.Response,
    "Message": amistream.Message,
}


def add_to(commands: Any) -> None:
    """Add the subcommand."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "parse",
        help="print the messages of a file",
        description="Print the messages of a recorded stream.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _input.add_arguments(parser)
    parser.add_argument(
        "--only",
        metavar="NAME,...",
        type=_names,
        help="print only these events; * and ? match any characters, as in 'Queue*'; Event, "
        "Response and Message mean all of that kind",
    )
    parser.add_argument(
        "--unknown-names",
        action="store_true",
        help="with --only: allow names that amistream does not know",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print one JSON object per line")
    form.add_argument("--csv", action="store_true", help="print a table, one column per header")
    parser.add_argument(
        "--max-columns",
        metavar="N",
        type=_input.bound,
        default=MOST_COLUMNS,
        help=f"with --csv: refuse a table with more columns (default {MOST_COLUMNS:,})",
    )
    parser.add_argument(
        "--typed",
        action="store_true",
        help="with --json: print typed values",
    )
    parser.set_defaults(run=run, error=parser.error)


def run(arguments: argparse.Namespace) -> int:
    """Print the messages. Returns the exit code."""
    if arguments.typed and not arguments.json:
        arguments.error("--typed needs --json")
    if arguments.only is not None:
        unknown = _registry.unknown_names(arguments.only)
        if unknown and not arguments.unknown_names:
            report(f"{unknown[0]}; --unknown-names allows it, for the event of a vendor's module")
            return 2
        arguments.only = _registry.Checked(arguments.only)
    path = _input.path_of(arguments)
    if arguments.csv:
        return _print_csv(path, arguments)
    describe = _json_printer(arguments.typed) if arguments.json else _text_printer()
    # Someone at a terminal wants to see live messages at once.
    is_live = sys.stdout.isatty()
    bounds = _input.bounds_of(arguments)
    with _input.Input(path, bounds=bounds, only=arguments.only) as messages:
        for message in messages:
            write(describe(message))
            if is_live:
                sys.stdout.flush()
        return messages.status


def _names(text: str) -> list[Any]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise argparse.ArgumentTypeError("needs the name of an event")
    return [KINDS.get(name, name) for name in names]


def _text_printer() -> Callable[[Message], bytes]:
    separator = ""

    def describe(message: Message) -> bytes:
        nonlocal separator
        lines = readable(message.raw.replace(b"\r\n", b"\n")).split("\n")
        text = separator + "".join(f"{line}\n" for line in lines if line)
        separator = "\n"
        return text.encode()

    return describe


# --- JSON -------------------------------------------------------------------------------------


def _json_printer(typed: bool) -> Callable[[Message], bytes]:
    def describe(message: Message) -> bytes:
        try:
            return json_line(_with_data(message, message.to_dict(typed=typed)))
        except ValueError:
            return json_line(_with_data(message, _finite(message)))

    return describe


def _with_data(message: Message, headers: dict[str, Any]) -> dict[str, Any]:
    if data := message.data:
        headers["data lines" if "data" in headers else "data"] = data
    return headers


def _finite(message: Message) -> dict[str, Any]:
    """The typed headers; numbers that JSON cannot express, such as infinity, stay text."""
    typed, texts = message.to_dict(typed=True), message.to_dict()
    return {name: _finite_value(value, texts[name]) for name, value in typed.items()}


def _finite_value(value: Any, text: Any) -> Any:
    if isinstance(value, list):
        return [_finite_value(item, its_text) for item, its_text in zip(value, text, strict=True)]
    if isinstance(value, float) and not math.isfinite(value):
        return text
    return value


# --- CSV --------------------------------------------------------------------------------------


class _Encoded:
    """Standard output for the csv module; bytes that are not UTF-8 stay as they are."""

    line_end = "\r\n"

    def write(self, text: str) -> None:
        write(text.encode("utf-8", "surrogateescape"))


class _Shown(_Encoded):
    """A terminal for the csv module: what could steer it is escaped."""

    line_end = "\n"

    def write(self, text: str) -> None:
        write_text(shown(text))


def _print_csv(path: str, arguments: argparse.Namespace) -> int:
    bounds, only = _input.bounds_of(arguments), arguments.only
    with _rereadable(path) as file:
        with _input.Input(path, file, bounds=bounds, only=only) as messages:
            columns, data_column, count = _survey(messages, arguments.max_columns)
        if file is not None:
            file.seek(0)
        with _input.Input(path, file, bounds=bounds, only=only, is_quiet=True) as again:
            # The file may have grown since the first reading.
            _print_rows(islice(again, count), columns, data_column)
    return messages.status


@contextmanager
def _rereadable(path: str) -> Iterator[BinaryIO | None]:
    """A temporary copy of a file that can be read only once, such as standard input; else None."""
    if path != "-" and os.path.isfile(path):
        yield None
        return
    with tempfile.TemporaryFile() as copy:
        if path == "-":
            shutil.copyfileobj(standard_input(), copy)
        else:
            with open(path, "rb") as file:
                shutil.copyfileobj(file, copy)
        copy.seek(0)
        yield copy


class TooManyColumns(AMIError):  # noqa: N818 - named as the other errors are
    """The table would have more columns than `--max-columns` allows."""


def _survey(messages: Iterable[Message], most: int) -> tuple[list[str], str, int]:
    """The column names, the name of the column for data lines, and the number of messages."""
    names: dict[str, None] = {}
    has_data = False
    count = 0
    for message in messages:
        count += 1
        names.update(dict.fromkeys(message))
        if len(names) > most:
            raise TooManyColumns(
                f"the table would have more than {most:,} columns: choose events with --only, "
                "raise --max-columns, or use --json"
            )
        has_data = has_data or bool(message.data)
    data_column = "data lines" if "data" in names else "data"
    return [*names, data_column] if has_data else list(names), data_column, count


def _print_rows(messages: Iterable[Message], columns: list[str], data_column: str) -> None:
    if not columns:
        return
    output = _Shown() if sys.stdout.isatty() else _Encoded()
    table = csv.DictWriter(output, columns, lineterminator=output.line_end)
    table.writeheader()
    for message in messages:
        cells = message.to_dict()
        if data := message.data:
            cells[data_column] = data
        table.writerow({name: _cell(value) for name, value in cells.items()})


def _cell(value: str | list[str]) -> str:
    return value if isinstance(value, str) else "\n".join(value)

"""`amistream schema`: the declared events, and what an Asterisk documents besides."""

from __future__ import annotations

import argparse
import difflib
import textwrap
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

import amistream
from amistream.cli._output import json_line, shown, tell, write, write_text
from amistream.cli.schema import _declared, _difference
from amistream.cli.schema._declared import Declaration, Declared, ListDeclaration
from amistream.cli.schema._documentation import read_documentation
from amistream.cli.schema._layout import count, kept_to_lines, table, wrapped

EPILOG = """\
examples:
  amistream schema
      every event in a line, by subsystem, with how many headers have a typed attribute
  amistream schema Hangup 'QueueMember*'
      these in full: the headers as Asterisk writes them, the attributes and their types; '*'
      for all. A name may be that of a list's action, too: QueueStatus
  amistream schema --json | jq '.events.Hangup.headers[].attribute'
      the same for programs
  amistream schema --diff /usr/share/asterisk/documentation/core-en_US.xml
      what is new in your Asterisk: events, headers and lists that are not declared here. They
      arrive all the same, with their text: event["Header"]

exit codes:
  0  all is well; with --diff: nothing is new
  1  with --diff: something is new
  2  the command is wrong, a name fits nothing, or the file is no documentation of an Asterisk
"""


def add_to(commands: Any) -> None:
    """Add the subcommand."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "schema",
        help="show the declared events, or compare them with an Asterisk's documentation",
        description="Show the events, headers and lists that amistream declares.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "names",
        metavar="NAME",
        nargs="*",
        help="show these in full: events and lists, * and ? stand for any characters",
    )
    parser.add_argument(
        "--diff",
        metavar="FILE",
        help="what is new in this core-en_US.xml, plain or gz, xz or zst; - for standard input",
    )
    parser.add_argument(
        "--all", action="store_true", help="with --diff: what FILE does not mention, too"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="everything as one JSON object")
    form.add_argument("--markdown", action="store_true", help="a table: how much is covered")
    parser.set_defaults(run=run, error=parser.error)


def run(arguments: argparse.Namespace) -> int:
    """Print what was asked for; the exit code."""
    if arguments.all and arguments.diff is None:
        arguments.error("--all needs --diff")
    if arguments.markdown and (arguments.diff is not None or arguments.names):
        arguments.error("--markdown goes with nothing else")
    if arguments.diff is not None and arguments.names:
        arguments.error("--diff compares all events; it takes no names")
    declared = _declared.everything()
    if arguments.diff is not None:
        return _print_difference(declared, arguments.diff, arguments.all, arguments.json)
    if arguments.markdown:
        write_text(markdown(declared))
        return 0
    return _print_schema(declared, arguments.names, arguments.json)


def _print_schema(declared: Declared, patterns: list[str], as_json: bool) -> int:
    for pattern in patterns:
        if not any(_choose(declared, [pattern])):
            tell(_nothing_fits(pattern, declared))
            return 2
    chosen = _choose(declared, patterns) if patterns else declared
    if as_json:
        write(json_line(_to_dict(chosen)))
    elif patterns:
        write_text(_in_full(chosen, declared))
    else:
        write_text(_in_short(declared))
    return 0


# --- names ------------------------------------------------------------------------------------


def _choose(declared: Declared, patterns: list[str]) -> Declared:
    """What has a name that fits one of the patterns."""
    return Declared(
        {name: event for name, event in declared.events.items() if _fits(event.names, patterns)},
        {action: one for action, one in declared.lists.items() if _fits([action], patterns)},
    )


def _fits(names: Iterable[str], patterns: list[str]) -> bool:
    return any(
        fnmatchcase(name.casefold(), pattern.casefold()) for name in names for pattern in patterns
    )


def _nothing_fits(pattern: str, declared: Declared) -> str:
    known = {name.casefold(): name for name in (*declared.events, *declared.lists)}
    close = [known[name] for name in difflib.get_close_matches(pattern.casefold(), known)]
    hint = f"; is it {' or '.join(close)}?" if close else ""
    return f"no event or list is called {shown(pattern)}{hint}"


# --- text -------------------------------------------------------------------------------------


def _in_short(declared: Declared) -> str:
    """A line for each event and each list."""
    blocks = []
    for subsystem, events in _by_subsystem(declared.events.values()).items():
        rows = [
            (f"  {event.name}", str(len(event.headers)), _first_line(event.doc)) for event in events
        ]
        headers = sum(len(event.headers) for event in events)
        title = f"{subsystem}: {count(len(events), 'event')}, {count(headers, 'header')}"
        blocks.append(f"{title}\n{table(rows)}")
    lists = [
        (f"  {one.action}", ", ".join(one.members), one.finisher) for one in declared.lists.values()
    ]
    blocks.append(f"lists: the action, its events, and the one that ends them\n{table(lists)}")
    blocks.append(_legend(_total(declared)))
    return kept_to_lines("\n".join(blocks))


def _legend(total: Coverage) -> str:
    return (
        f"In all {count(total.events, 'event')}, {count(total.headers, 'header')}, "
        f"{count(len(total.actions), 'list')}.\n"
        "The number after an event's name is how many headers have a typed attribute:\n"
        "`amistream schema NAME` shows them.\n"
    )


def _in_full(chosen: Declared, declared: Declared) -> str:
    blocks = [_event_in_full(event, declared.lists.values()) for event in chosen.events.values()]
    if blocks:
        common = ", ".join(_declared.envelope())
        blocks.append(wrapped(f"Every event has these attributes, too: {common}."))
    blocks += [_list_in_full(one) for one in chosen.lists.values()]
    return "\n".join(blocks)


def _event_in_full(event: Declaration, lists: Iterable[ListDeclaration]) -> str:
    titles = ("  header", "attribute", "type")
    rows = [
        (f"  {', '.join(header.names)}", attribute, _declared.type_in_words(header))
        for attribute, header in event.headers.items()
    ]
    actions = [one.action for one in lists if event.name in (*one.members, one.finisher)]
    answers = f"  Comes in answer to {', '.join(actions)}.\n" if actions else ""
    headers = "\n" + table([titles, *rows]) if rows else ""
    title = f"{', also '.join(event.names)} ({event.subsystem})"
    return f"{title}\n{_indented(event.doc)}{answers}{headers}"


def _list_in_full(one: ListDeclaration) -> str:
    rows = [
        ("  events", ", ".join(one.members)),
        ("  end", one.finisher),
        ("  class", one.cls.__name__),
    ]
    return f"{one.action} (list)\n{_indented(one.doc)}\n{table(rows)}"


def _indented(doc: str) -> str:
    return textwrap.indent(doc, "  ") + "\n" if doc else ""


def _by_subsystem(events: Iterable[Declaration]) -> dict[str, list[Declaration]]:
    found: dict[str, list[Declaration]] = {}
    for event in sorted(events, key=lambda event: event.subsystem):
        found.setdefault(event.subsystem, []).append(event)
    return found


def _first_line(doc: str) -> str:
    return doc.partition("\n")[0]


# --- Markdown ---------------------------------------------------------------------------------


class Coverage(NamedTuple):
    """How much of a subsystem is declared."""

    subsystem: str
    events: int
    headers: int
    actions: list[str]


def markdown(declared: Declared) -> str:
    """The table of coverage."""
    total = _total(declared)
    lines = [
        ("subsystem", "events", "headers", "lists", "asked for with"),
        ("---", "---:", "---:", "---:", "---"),
        *((*_numbers(one), ", ".join(one.actions)) for one in _coverage(declared)),
        (*_numbers(total), ""),
    ]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _numbers(one: Coverage) -> tuple[str, ...]:
    lists = f"{len(one.actions):,}" if one.actions else ""
    return one.subsystem, f"{one.events:,}", f"{one.headers:,}", lists


def _coverage(declared: Declared) -> list[Coverage]:
    actions: dict[str, list[str]] = {}
    for one in declared.lists.values():
        actions.setdefault(one.subsystem, []).append(one.action)
    return [
        Coverage(subsystem, len(events), _count_headers(events), actions.get(subsystem, []))
        for subsystem, events in _by_subsystem(declared.events.values()).items()
    ]


def _total(declared: Declared) -> Coverage:
    events = declared.events.values()
    return Coverage("all", len(events), _count_headers(events), list(declared.lists))


def _count_headers(events: Iterable[Declaration]) -> int:
    return sum(len(event.headers) for event in events)


# --- JSON -------------------------------------------------------------------------------------


def _to_dict(declared: Declared) -> dict[str, Any]:
    return {
        "amistream": amistream.__version__,
        "envelope": _headers_to_list(_declared.envelope()),
        "events": {name: _event_to_dict(event) for name, event in declared.events.items()},
        "lists": {action: _list_to_dict(one) for action, one in declared.lists.items()},
        "enumerations": {
            name: {member.name: member.value for member in members}
            for name, members in _declared.enumerations(declared.events.values()).items()
        },
    }


def _event_to_dict(event: Declaration) -> dict[str, Any]:
    return {
        "class": event.cls.__name__,
        "module": event.cls.__module__,
        "names": event.names,
        "doc": event.doc,
        "headers": _headers_to_list(event.headers),
    }


def _headers_to_list(headers: _declared.Headers) -> list[dict[str, Any]]:
    return [
        {
            "name": header.names[0],
            "names": header.names,
            "attribute": attribute,
            **_declared.type_for_programs(header),
        }
        for attribute, header in headers.items()
    ]


def _list_to_dict(one: ListDeclaration) -> dict[str, Any]:
    return {
        "class": one.cls.__name__,
        "module": one.cls.__module__,
        "doc": one.doc,
        "members": one.members,
        "finisher": one.finisher,
    }


# --- the difference ---------------------------------------------------------------------------


def _print_difference(declared: Declared, path: str, with_all: bool, as_json: bool) -> int:
    found = _difference.compare(read_documentation(path), declared)
    for reference in found.documentation.not_followed:
        tell(f"{found.documentation.name}: cannot follow {shown(reference)}")
    if as_json:
        write(json_line({"amistream": amistream.__version__, **found.to_dict()}))
    else:
        write_text(shown(_difference.in_text(found, with_all)))
    return 1 if found.is_new else 0

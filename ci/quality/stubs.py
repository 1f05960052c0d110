"""Writes src/amistream/events/_snapshots.pyi, the stub of the classes that _snapshots.py makes.

    python -m ci.quality stubs           write the stub
    python -m ci.quality stubs --check   write nothing; fail if the stub is out of date

Run it after a change of the snapshots. The package must be installed.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from amistream.events import _snapshots
from amistream.headers import Enumeration, Int, TypedHeader
from amistream.messages import Event

STUB = Path(__file__).resolve().parents[2] / "src/amistream/events/_snapshots.pyi"
HEAD = '''\
"""The classes that _snapshots.py makes; written by `python -m ci.quality stubs`."""

from amistream.enums import ChannelState
from amistream.headers import Enumeration, Int, Text, Variables
from amistream.messages import Event

UNKNOWN: tuple[str, ...]
'''


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--check", action="store_true", help="write nothing, compare only")


def main(options: argparse.Namespace) -> int:
    """Write the stub, or compare it with what would be written, and return the exit code."""
    if not options.check:
        STUB.write_text(make_stub())
    elif STUB.read_text() != make_stub():
        print(f"FAILED: {STUB.name} is out of date: run python -m ci.quality stubs")
        return 1
    return 0


def make_stub() -> str:
    """The whole stub."""
    classes = [value for value in vars(_snapshots).values() if _is_snapshot(value)]
    return HEAD + "".join("\n" + "\n".join(_lines(cls)) + "\n" for cls in classes)


def _is_snapshot(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, Event) and value is not Event


def _lines(cls: type[Event]) -> Iterator[str]:
    yield f"class {cls.__name__}(Event):"
    for attribute, header in vars(cls).items():
        if isinstance(header, TypedHeader):
            yield f"    {attribute}: {_type_of(header)}"


def _type_of(header: TypedHeader[object]) -> str:
    if isinstance(header, Enumeration) and header.members is not None:
        return f"Enumeration[{header.members.__name__} | None]"
    if isinstance(header, Int):
        return "Int[int | None]"
    return type(header).__name__

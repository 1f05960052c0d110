"""Writes the stub of the snapshot classes, which type checkers cannot follow as they are made.

Run from the checkout, with amistream installed: python ci/stubs.py [--check]
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from amistream.events import _snapshots
from amistream.headers import Enumeration, Int, TypedHeader
from amistream.messages import Event

STUB = Path(__file__).resolve().parent.parent / "src/amistream/events/_snapshots.pyi"
HEAD = '''\
"""What _snapshots.py makes, spelled out; written by ci/stubs.py."""

from amistream.enums import ChannelState
from amistream.headers import Enumeration, Int, Text, Variables
from amistream.messages import Event

UNKNOWN: tuple[str, ...]
'''


def main() -> int:
    """Write the stub, or with --check say whether it is in step; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; 1 if it is stale")
    if not parser.parse_args().check:
        STUB.write_text(stub())
    elif STUB.read_text() != stub():
        print(f"{STUB.name} is stale: run python ci/stubs.py")
        return 1
    return 0


def stub() -> str:
    """The whole stub."""
    made = [value for value in vars(_snapshots).values() if _is_snapshot(value)]
    return HEAD + "".join("\n" + "\n".join(_lines(cls)) + "\n" for cls in made)


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


if __name__ == "__main__":
    raise SystemExit(main())

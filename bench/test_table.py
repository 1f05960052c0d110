"""The main table: five kinds of work on the capture in 64 KiB chunks, twins and peers."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import pytest

from bench import contenders, rows

if TYPE_CHECKING:
    from bench.conftest import Recorder

CASES = [(name, contender) for name, row in rows.TABLE.items() for contender in row.contenders]
SWEEPS = (1, 2, 3)
"""Each sweep measures the whole table, so a slow spell of the machine spreads over all rows."""


@pytest.mark.parametrize(("row", "contender"), CASES)
@pytest.mark.parametrize("sweep", SWEEPS)
def test_table(
    record: Recorder,
    capture: contenders.Stream,
    choices: list[tuple[contenders.Choice, ...]],
    sweep: int,
    row: str,
    contender: str,
) -> None:
    parser = contenders.load(contender)
    work: Callable[..., object] = getattr(parser, row)
    arguments = [capture, parser.readers(choices)] if row == "typed" else [capture]
    record.time(contender, partial(work, *arguments), per=capture.messages, unit="ns per message")


def test_all_do_the_same(
    capture: contenders.Stream, choices: list[tuple[contenders.Choice, ...]]
) -> None:
    """All contenders find the same messages and read the same numbers in them."""
    hangups = {contenders.load(name).hangups(capture) for name in contenders.NAMES}
    assert hangups == {808}
    found = [numbers(contenders.load(name), capture, choices) for name in contenders.NAMES]
    assert len(found[0]) > capture.messages / 2
    assert all(others == found[0] for others in found)


def numbers(
    parser: contenders.Contender,
    stream: contenders.Stream,
    choices: list[tuple[contenders.Choice, ...]],
) -> list[object]:
    """The values that all contenders read as numbers."""
    readers = zip(parser.messages(stream), parser.readers(choices), strict=True)
    read = itertools.chain.from_iterable(read(message) for message, read in readers)
    pairs = zip(read, itertools.chain(*choices), strict=True)
    return [value for value, choice in pairs if choice.number]

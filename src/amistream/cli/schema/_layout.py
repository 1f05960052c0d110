"""Layout of text: columns, wrapped and cut lines, numbers with their noun."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Sequence

WIDTH = 100


def table(rows: Sequence[Sequence[str]]) -> str:
    """The rows as aligned columns; numbers are aligned to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [_aligned(cell, width) for cell, width in zip(row, widths, strict=True)]
        lines.append("  ".join(cells).rstrip() + "\n")
    return "".join(lines)


def _aligned(cell: str, width: int) -> str:
    return cell.rjust(width) if cell.isdigit() else cell.ljust(width)


def fit_terminal(text: str) -> str:
    """Cut lines to the width of the terminal; other output stays whole."""
    if not sys.stdout.isatty():
        return text
    width = shutil.get_terminal_size().columns
    return "".join(_cut(line, width) + "\n" for line in text.splitlines())


def _cut(line: str, width: int) -> str:
    return line if len(line) <= width else line[: width - 3].rstrip() + "..."


def wrapped(text: str, start: str = "", further: str = "      ") -> str:
    """The text, wrapped to WIDTH columns."""
    lines = textwrap.wrap(
        text,
        width=WIDTH,
        initial_indent=start,
        subsequent_indent=further if start else "",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "".join(f"{line}\n" for line in lines)


def count(number: int, what: str) -> str:
    """A number with its noun, such as `1 event` or `2 events`."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"

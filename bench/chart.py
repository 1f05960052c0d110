"""The five rows as a bar chart in SVG, on a logarithmic axis."""

from __future__ import annotations

import math
from collections.abc import Iterator
from html import escape

from bench import rows
from bench.report import Results, describe_run

WIDTH, LEFT, RIGHT, TOP = 1000, 360, 90, 74
BAR, GAP, BOTTOM = 18, 16, 56
COLOURS = {
    "compiled": "#1b7f4b",
    "pure": "#6cbf84",
    "pystrix": "#4a6fa5",
    "panoramisk": "#c77d3b",
}
FONT = 'font-family="Helvetica, Arial, sans-serif"'


def draw(results: Results) -> str:
    """The chart: one group per row, one bar per contender."""
    groups = [
        (description.title.replace("`", ""), bars)
        for row, description in rows.TABLE.items()
        if (bars := _bars(results, row))
    ]
    if not groups:
        raise ValueError("nothing to draw: none of the five rows was measured")
    values = [value for _, bars in groups for _, value in bars]
    axis = _Axis(min(values), max(values))
    height = TOP + sum(len(bars) * BAR + GAP for _, bars in groups) + BOTTOM
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" {FONT} '
        'font-size="13" fill="#222222">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        _text(20, 28, "Time per message, logarithmic axis: less is better", 'font-size="17"'),
        *_legend(),
        *axis.draw(height - BOTTOM),
        *_groups(groups, axis),
        _text(20, height - 12, describe_run(results), 'font-size="11" fill="#666666"'),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _bars(results: Results, row: str) -> list[tuple[str, float]]:
    cells = ((name, results.cell(row, name)) for name in rows.TABLE[row].contenders)
    return [(name, cell.value) for name, cell in cells if cell is not None]


class _Axis:
    """The logarithmic axis, from the power of ten below `least` to the one above `most`."""

    def __init__(self, least: float, most: float) -> None:
        self.first = math.floor(math.log10(least))
        self.last = max(math.ceil(math.log10(most)), self.first + 1)

    def x(self, value: float) -> float:
        share = (math.log10(value) - self.first) / (self.last - self.first)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def draw(self, bottom: float) -> Iterator[str]:
        for power in range(self.first, self.last + 1):
            x = self.x(10**power)
            yield f'<path d="M{x:.1f} {TOP}V{bottom}" stroke="#dddddd"/>'
            yield _text(x, bottom + 18, _label(10**power), 'text-anchor="middle" fill="#666666"')


def _groups(groups: list[tuple[str, list[tuple[str, float]]]], axis: _Axis) -> Iterator[str]:
    y = TOP + GAP / 2
    for title, bars in groups:
        middle = y + len(bars) * BAR / 2 + 4
        yield _text(LEFT - 12, middle, title, 'text-anchor="end"')
        for name, value in bars:
            end = axis.x(value)
            yield (
                f'<rect x="{LEFT}" y="{y:.1f}" width="{max(1.0, end - LEFT):.1f}" '
                f'height="{BAR - 3}" fill="{COLOURS[name]}"><title>{name}</title></rect>'
            )
            yield _text(end + 6, y + BAR - 6, _label(value), 'font-size="12"')
            y += BAR
        y += GAP


def _legend() -> Iterator[str]:
    x = float(LEFT)
    for name, colour in COLOURS.items():
        yield f'<rect x="{x}" y="44" width="14" height="14" fill="{colour}"/>'
        yield _text(x + 20, 56, name)
        x += 130


def _text(x: float, y: float, text: str, attributes: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {attributes}>{escape(text)}</text>'


def _label(nanoseconds: float) -> str:
    return f"{nanoseconds:,.0f} ns" if nanoseconds < 1000 else f"{nanoseconds / 1000:,.3g} µs"

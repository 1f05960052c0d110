"""The measured figures, as JSON for programs and as Markdown tables for people."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

from bench import rows

BEGIN, END = "<!-- bench -->", "<!-- /bench -->"
PACKAGES = ("amistream", "pystrix", "panoramisk", "pytest-benchmark")


class Cell(NamedTuple):
    """One measured figure and its details."""

    value: float
    unit: str
    details: dict[str, Any]


class Results:
    """The figures of a run: by row, case and contender."""

    def __init__(self, measured: dict[str, Any], quick: bool) -> None:
        self.quick = quick
        self.date = datetime.now(timezone.utc).isoformat(timespec="seconds")
        cpu = measured["machine_info"]["cpu"]
        self.machine = {
            "processor": cpu.get("brand_raw", platform.processor()),
            "cores": cpu.get("count"),
            "system": f"{platform.system()} {platform.machine()}",
            "python": f"{platform.python_implementation()} {platform.python_version()}",
        }
        self.versions = {name: metadata.version(name) for name in PACKAGES}
        self.cells: dict[str, dict[str, dict[str, Cell]]] = {}
        for benchmark in measured["benchmarks"]:
            self._add(benchmark["extra_info"], benchmark["stats"])

    def _add(self, info: dict[str, Any], stats: dict[str, Any]) -> None:
        cases = self.cells.setdefault(info["row"], {})
        for case, cell in _cells(info, stats):
            known = cases.setdefault(case, {}).get(info["contender"])
            # Several sweeps time the same work: the fastest round is the least disturbed one.
            if known is None or cell.value < known.value:
                cases[case][info["contender"]] = cell

    def cell(self, row: str, contender: str, case: str = "") -> Cell | None:
        """The measured cell; None if it was not measured."""
        return self.cells.get(row, {}).get(case, {}).get(contender)

    def speed_ratio(self, row: str, twin: str) -> float | None:
        """The twin's speed, as a multiple of the peer's."""
        ours, theirs = self.cell(row, twin), self.cell(row, rows.TABLE[row].peer)
        return theirs.value / ours.value if ours and theirs else None

    def growth(self, row: str, contender: str) -> float | None:
        """The highest cost of a case, as a multiple of the cost of the base case."""
        costs = {
            case: cells[contender].value
            for case, cells in self.cells[row].items()
            if contender in cells
        }
        base = list(costs).index(rows.FURTHER[row].base or next(iter(costs)))
        measured = list(costs.values())[base:]
        return max(measured) / measured[0] if len(measured) > 1 else None

    def to_json(self) -> str:
        """All figures as JSON."""
        table = {
            row: {
                "peer": description.peer,
                **{
                    twin: {
                        "times": (ratio := self.speed_ratio(row, twin)),
                        "target": description.target(twin),
                        "reached": _is_reached(ratio, description.target(twin)),
                    }
                    for twin in rows.TWINS
                },
            }
            for row, description in rows.TABLE.items()
            if row in self.cells
        }
        measured = {
            row: {
                case: {name: cell._asdict() for name, cell in contenders.items()}
                for case, contenders in cases.items()
            }
            for row, cases in self.cells.items()
        }
        run = {"date": self.date, "quick": self.quick, "machine": self.machine}
        everything = {**run, "versions": self.versions, "table": table, "measured": measured}
        return json.dumps(everything, indent=1) + "\n"


def _cells(info: dict[str, Any], stats: dict[str, Any]) -> Iterator[tuple[str, Cell]]:
    if "values" in info:
        for case, value in info["values"].items():
            yield case, Cell(value, info["unit"], info["details"])
        return
    scale = 1e9 / info["per"]
    details = {name: stats[name] * scale for name in ("median", "mean", "stddev")}
    details.update(rounds=stats["rounds"], iterations=stats["iterations"])
    yield info["case"], Cell(stats["min"] * scale, info["unit"], details)


def _is_reached(ratio: float | None, target: float) -> bool | None:
    return None if ratio is None else ratio >= target


# --- Markdown ---------------------------------------------------------------------------------


def describe_run(results: Results) -> str:
    """One line about the machine and the date of the run."""
    machine = results.machine
    quick = ", quick run: figures are rough" if results.quick else ""
    return (
        f"{machine['processor']}, {machine['cores']} cores, {machine['system']}, "
        f"{machine['python']}, {results.date[:10]}{quick}"
    )


def main_table(results: Results) -> str:
    """The five rows, in Markdown: the speed ratios and the ns per message."""
    names = ("compiled", "pure", "pystrix", "panoramisk")
    lines = [
        ["work on queue-events.ami, 64 KiB chunks", "compiled", "target", "pure", "target"]
        + [f"{name}, ns" for name in names],
        ["---"] + ["---:"] * 8,
    ]
    for row, description in rows.TABLE.items():
        if row not in results.cells:
            continue
        line = [f"{description.title}, times {description.peer}"]
        for twin in rows.TWINS:
            ratio, target = results.speed_ratio(row, twin), description.target(twin)
            line += [_figure(ratio), f"{target:g}{_mark(_is_reached(ratio, target))}"]
        cells = (results.cell(row, name) for name in names)
        lines.append(line + [_figure(cell.value if cell else None) for cell in cells])
    return _markdown(lines)


def further_table(results: Results, row: str) -> str:
    """The table of a further row: one line per case."""
    description, cases = rows.FURTHER[row], results.cells[row]
    names = list(dict.fromkeys(name for contenders in cases.values() for name in contenders))
    unit = next(iter(next(iter(cases.values())).values())).unit
    lines = [[unit, *names], ["---"] + ["---:"] * len(names)]
    for case, contenders in cases.items():
        lines.append([case, *(_cell_text(contenders.get(name), name) for name in names)])
    if description.growth and len(cases) > 1:
        base = description.base or next(iter(cases))
        label = f"highest cost, divided by that of {base} (at most {description.growth:g})"
        growths = (results.growth(row, name) for name in names)
        lines.append([label, *(_limited(growth, description.growth) for growth in growths)])
    return f"### {description.title}\n\n{description.note}\n\n{_markdown(lines)}"


def all_tables(results: Results) -> str:
    """All tables, in Markdown."""
    parts = [f"## Measured\n\n{describe_run(results)}.\n"]
    if any(row in results.cells for row in rows.TABLE):
        parts.append(main_table(results))
    parts += [further_table(results, row) for row in rows.FURTHER if row in results.cells]
    return "\n".join(parts)


def write_table(readme: Path, results: Results) -> None:
    """Replace the text between the markers with the table of the five rows."""
    before, _, rest = readme.read_text("utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    table = f"{BEGIN}\n{main_table(results)}\n{describe_run(results)}.\n{END}"
    readme.write_text(before + table + after, "utf-8")


def has_markers(readme: Path) -> bool:
    """Whether the file has the markers that enclose the table."""
    before, begin, rest = readme.read_text("utf-8").partition(BEGIN)
    return bool(begin) and END in rest and END not in before


def _cell_text(cell: Cell | None, contender: str) -> str:
    """A figure; for a twin with a limit, also the mark that says whether the limit holds."""
    if cell is None:
        return ""
    limit = cell.details.get("limit") if contender in rows.TWINS else None
    return _figure(cell.value) if limit is None else _limited(cell.value, limit)


def _limited(value: float | None, limit: float) -> str:
    return "" if value is None else f"{_figure(value)}{_mark(value <= limit)}"


def _mark(reached: bool | None) -> str:
    return {True: " ✓", False: " ✗", None: ""}[reached]


def _figure(value: float | None) -> str:
    """The value with three significant digits, or all digits before the point."""
    if value is None:
        return ""
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:,.{digits}f}"


def _markdown(lines: Iterable[list[str]]) -> str:
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)

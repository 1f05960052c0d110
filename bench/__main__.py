"""The one command: measure every row, print the tables, keep the numbers and the chart."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench import chart, contenders, report, rows

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
RESULTS = ROOT / "bench" / "results"
FILES = [ROOT / "bench" / f"test_{name}.py" for name in ("table", "growth", "alone")]
THOROUGH = ("--benchmark-min-time=0.3", "--benchmark-min-rounds=5", "--benchmark-max-time=2")
QUICK = ("--benchmark-min-time=0.02", "--benchmark-min-rounds=2", "--benchmark-max-time=0.1")

DESCRIPTION = "Measure the parser beside its peers. Let the machine do nothing else meanwhile."
EPILOG = f"""\
rows of the table: {", ".join(rows.TABLE)}
further rows:      {", ".join(rows.FURTHER)}

A figure is that of the fastest round; the rounds of the contenders are about as long. The run
writes numbers.json, table.md and histogram.svg into bench/results, but with --quick or --only
just prints, unless --output says where to write.

examples:
  python -m bench                           everything, some eight minutes
  python -m bench --quick                   a look at whether all works, about two
  python -m bench --only split --only typed
  python -m bench --readme                  everything, and the table into README.md
"""


def main() -> int:
    """Run the benchmarks; the exit code."""
    told = _arguments()
    if told.readme and not report.has_markers(README):
        print(f"bench: README.md has no {report.BEGIN} and {report.END}", file=sys.stderr)
        return 2
    try:
        for name in contenders.NAMES:
            contenders.load(name)
        code, measured = _measure(told.quick, told.only)
    except ImportError as error:
        print(f'bench: {error}: python -m pip install -e ".[bench]"', file=sys.stderr)
        return 2
    if not measured:
        return code
    results = report.Results(measured, told.quick)
    print(report.all_tables(results))
    output = told.output or (None if told.quick or told.only else RESULTS)
    if code == 0 and output is not None:
        _write(output, results)
    if code == 0 and told.readme:
        report.put_into(README, results)
    return code


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="less of everything")
    parser.add_argument(
        "--only", metavar="ROW", action="append", choices=rows.NAMES, help="one row; repeatable"
    )
    parser.add_argument("--output", metavar="DIR", type=Path, help="where the results are written")
    parser.add_argument("--readme", action="store_true", help="put the table into README.md too")
    told = parser.parse_args()
    if told.readme and told.only:
        parser.error("--readme needs all rows, not --only some")
    return told


def _measure(quick: bool, only: list[str] | None) -> tuple[int, dict[str, object]]:
    """pytest's exit code and what pytest-benchmark wrote, nothing if it wrote nothing."""
    import pytest
    import pytest_benchmark  # noqa: F401 (so that it is missed here, not by an odd usage error)

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "measured.json")
        options = [f"--rootdir={ROOT}", "-q", "-p", "no:cacheprovider"]
        options += [*(QUICK if quick else THOROUGH), "--benchmark-quiet"]
        options += [f"--benchmark-json={path}", *(["--quick"] if quick else [])]
        options += [f"--only={row}" for row in only or ()]
        code = pytest.main([*options, *map(str, FILES)], plugins=[_Progress()])
        text = path.read_text("utf-8") if path.exists() else ""
    return int(code), json.loads(text) if text else {}


def _write(folder: Path, results: report.Results) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "numbers.json").write_text(results.to_json(), "utf-8")
    (folder / "table.md").write_text(report.all_tables(results), "utf-8")
    if any(row in results.cells for row in rows.TABLE):
        (folder / "histogram.svg").write_text(chart.draw(results), "utf-8")
    print(f"written to {folder}")


class _Progress:
    """Says which benchmark runs, in place of pytest's dots."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.total = self.done = 0

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.total = len(session.items)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.done += 1
        minutes, seconds = divmod(int(time.monotonic() - self.started), 60)
        name = nodeid.partition("::")[2]
        print(f"{minutes:2}:{seconds:02} [{self.done}/{self.total}] {name}", flush=True)

    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        return ("passed", "", "") if report.passed and report.when == "call" else None


if __name__ == "__main__":
    sys.exit(main())

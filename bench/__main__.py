"""The benchmark command: measure every row, print the tables, save the numbers and the chart."""

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

DESCRIPTION = "Measure the parser beside its peers. Run nothing else on the machine meanwhile."
EPILOG = f"""\
rows of the table: {", ".join(rows.TABLE)}
further rows:      {", ".join(rows.FURTHER)}

Each figure comes from the fastest round. The rounds of all contenders take about the same time.
The run writes numbers.json, table.md and histogram.svg to bench/results. With --quick or --only
it prints the tables and writes nothing, unless --output names a folder.

examples:
  python -m bench                           everything: about eight minutes
  python -m bench --quick                   only shows that everything works: about two minutes
  python -m bench --only split --only typed
  python -m bench --readme                  everything, and puts the table into README.md
"""


def main() -> int:
    """Run the benchmarks; return the exit code."""
    options = _parse_arguments()
    if options.readme and not report.has_markers(README):
        print(f"bench: README.md has no {report.BEGIN} and {report.END}", file=sys.stderr)
        return 2
    try:
        for name in contenders.NAMES:
            contenders.load(name)
        code, measured = _measure(options.quick, options.only)
    except ImportError as error:
        print(f'bench: {error}: python -m pip install -e ".[bench]"', file=sys.stderr)
        return 2
    if not measured:
        return code
    results = report.Results(measured, options.quick)
    print(report.all_tables(results))
    output = options.output or (None if options.quick or options.only else RESULTS)
    if code == 0 and output is not None:
        _write(output, results)
    if code == 0 and options.readme:
        report.write_table(README, results)
    return code


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="shorter rounds and fewer cases")
    parser.add_argument(
        "--only",
        metavar="ROW",
        action="append",
        choices=rows.NAMES,
        help="measure only this row; may be repeated",
    )
    parser.add_argument("--output", metavar="DIR", type=Path, help="write the results to DIR")
    parser.add_argument("--readme", action="store_true", help="also put the table into README.md")
    options = parser.parse_args()
    if options.readme and options.only:
        parser.error("--readme needs all rows: do not use it with --only")
    return options


def _measure(quick: bool, only: list[str] | None) -> tuple[int, dict[str, object]]:
    """pytest's exit code and pytest-benchmark's JSON, which is empty if it wrote none."""
    import pytest
    import pytest_benchmark  # noqa: F401 (if it is missing, fail here with a clear ImportError)

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "measured.json")
        # The suite's own options run tests in several processes, which would disturb the timing.
        options = [f"--rootdir={ROOT}", "--override-ini=addopts=", "-q", "-p", "no:cacheprovider"]
        options += [*(QUICK if quick else THOROUGH), "--benchmark-quiet"]
        # pytest would rewrite the modules of its plugins, amistream's too, but they are loaded.
        options += [f"--benchmark-json={path}", "--assert=plain", *(["--quick"] if quick else [])]
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
    """Prints the name of each benchmark that starts, instead of pytest's dots."""

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

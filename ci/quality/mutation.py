"""Changes one thing at a time in the sources, and counts which changes the tests notice.

    python -m ci.quality mutation headers                  one module
    python -m ci.quality mutation                          all modules: many hours
    python -m ci.quality mutation headers --work FOLDER    keep and continue its session

cosmic-ray makes the changes, runs the tests for each of them on the pure twin, in a copy of the
tree, and keeps the results. It changes properties, class bodies and code that runs on import, and
it continues an interrupted session. It changes no texts and drops no arguments. This module only
chooses modules, tests and operators. tests/MUTATION.md has figures.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from functools import partial
from pathlib import Path

from ci.checkout import ROOT, Checkout, choose, run_checks

COSMIC_RAY = "cosmic-ray>=8.7,<9"
SOURCES = ROOT / "src" / "amistream"
TESTS = {
    "headers": "headers messages events core_events registration work",
    "messages": "messages headers events registration work wire",
    "aggregates": "aggregates lists events core_events",
    "collector": "aggregates collector lists",
    "_pure": "wire messages headers parser registration work",
}
"""The tests of each module; for a package, those of every module in it."""
TIMEOUT = 300.0
"""Seconds for all tests of one change."""
# Most decorators are `overload`, and most `|` are in annotations: only type checkers read them.
LEFT_OUT = ["core/RemoveDecorator", "core/ReplaceBinaryOperator_BitOr_.*"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("modules", nargs="*", metavar="MODULE", help=", ".join(TESTS))
    parser.add_argument("--work", type=Path, metavar="FOLDER", help="keep the sessions there")


def main(options: argparse.Namespace) -> int:
    """Run cosmic-ray on the chosen modules. Survivors do not change the exit code."""
    names = choose(options.modules, TESTS, options)
    return run_checks({"mutation": partial(mutate, names, options.work)})


def mutate(names: list[str], work: Path | None) -> None:
    """Change the modules in a copy of the tree, and print the changes that survived."""
    with tempfile.TemporaryDirectory() as folder:
        checkout = Checkout(Path(folder))
        checkout.install("-e", f"{checkout.tree}[test]", COSMIC_RAY, AMISTREAM_NO_EXTENSIONS="1")
        sessions = (work or Path(folder) / "sessions").absolute()
        sessions.mkdir(parents=True, exist_ok=True)
        for name in names:
            for path in find_modules(name):
                run_session(checkout, path, TESTS[name].split(), sessions)


def find_modules(name: str) -> list[Path]:
    """The module, or all modules of the package, relative to the tree."""
    package = sorted((SOURCES / name).glob("*.py"))
    return [path.relative_to(ROOT) for path in package or [SOURCES / f"{name}.py"]]


def run_session(checkout: Checkout, module: Path, tests: list[str], sessions: Path) -> None:
    """Run or continue the session of one module, and print its survivors and figures."""
    files = [f"tests/test_{name}.py" for name in tests]
    pytest = "-m pytest -x -q -n 0 --pure-only -p no:cacheprovider --hypothesis-profile=few"
    settings = {
        "module-path": module.as_posix(),
        "timeout": TIMEOUT,
        "excluded-modules": [],
        "test-command": " ".join([str(checkout.python), pytest, *files]),
    }
    config = sessions / f"{module.stem}.toml"
    lines = [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
    config.write_text(
        "\n".join(["[cosmic-ray]", *lines])
        + '\n[cosmic-ray.distributor]\nname = "local"\n[cosmic-ray.filters.operators-filter]\n'
        + f"exclude-operators = {json.dumps(LEFT_OUT)}\n"
    )
    session = config.with_suffix(".sqlite")
    program = checkout.python.parent

    def run(command: str, *arguments: str | Path) -> str:
        shown = " ".join(map(str, arguments))
        line = f"cd '{checkout.tree}' && '{program}/{command}' {shown}"
        return checkout.must_run("sh", "-c", line, AMISTREAM_NO_EXTENSIONS="1")

    if not session.exists():
        run("cosmic-ray", "init", config, session)
        run("cr-filter-operators", session, config)
    run("cosmic-ray", "exec", config, session)
    print(
        f"-- {module}\n{run('cr-report', '--surviving-only', '--show-diff', session)}", flush=True
    )

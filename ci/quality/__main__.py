"""Runs the command line: `python -m ci.quality`."""

from __future__ import annotations

import sys

from ci.checkout import run_subcommand
from ci.quality import instructions, mutation, stubs, workflows

if __name__ == "__main__":
    sys.exit(run_subcommand("ci.quality", (instructions, stubs, mutation, workflows)))

"""Runs the command line: `python -m ci.safety`."""

from __future__ import annotations

import sys

from ci.checkout import run_subcommand
from ci.safety import fuzz, sanitizers, scanner

if __name__ == "__main__":
    sys.exit(run_subcommand("ci.safety", (sanitizers, scanner, fuzz)))

"""Runs the command line: `python -m ci.build`."""

from __future__ import annotations

import sys

from ci.build import foreign, kinds, wheels
from ci.checkout import run_subcommand

if __name__ == "__main__":
    sys.exit(run_subcommand("ci.build", (kinds, wheels, foreign)))

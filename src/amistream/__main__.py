"""Runs the command line: `python -m amistream`."""

from __future__ import annotations

import sys

from amistream.cli import main

if __name__ == "__main__":
    sys.exit(main())

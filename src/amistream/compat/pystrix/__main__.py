"""`python -m amistream.compat.pystrix program.py`: run a program with the drop-in installed."""

from __future__ import annotations

import sys

from amistream.compat.pystrix import main

if __name__ == "__main__":
    sys.exit(main())

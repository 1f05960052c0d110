"""Checks the drop-ins with the libraries' own test suites and beside a real Asterisk.

    python ci/compat                       both drop-ins, with an Asterisk on 127.0.0.1:5038
    python ci/compat pystrix --port 5039   one drop-in, with its own options

Exit codes: 0 if all checks pass, or if Asterisk or a library's sdist is not available (then it
prints SKIPPED and which check was skipped); 1 if a check fails; 2 after a usage error.
"""

from __future__ import annotations

import importlib
import sys

DROP_INS = ("pystrix", "panoramisk")


def main() -> int:
    """Check the drop-ins that were asked for, and return the worst exit code."""
    arguments = sys.argv[1:]
    if arguments[:1] in (["-h"], ["--help"]):
        print(__doc__)
        return 0
    named = arguments[:1] if arguments and not arguments[0].startswith("-") else []
    if named and named[0] not in DROP_INS:
        print(
            f"ci/compat: there is no drop-in {named[0]}, only {', '.join(DROP_INS)}",
            file=sys.stderr,
        )
        return 2
    sys.argv[1:] = arguments[len(named) :]
    return max(int(importlib.import_module(f"drive_{name}").main()) for name in named or DROP_INS)


if __name__ == "__main__":
    sys.exit(main())

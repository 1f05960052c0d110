"""Proves the drop-ins: each library's own test suite with it, then a real Asterisk, side by side.

    python ci/compat                       all of them, with an Asterisk on 127.0.0.1:5038
    python ci/compat pystrix --port 5039   one of them; what follows the name is for it alone

Exit codes: 0 all holds, or an Asterisk or the library's sdist cannot be had here (then it says
SKIPPED and what was not proved); 1 something does not hold.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

HERE = Path(__file__).resolve().parent
PROOFS = ("pystrix", "panoramisk")


def main() -> int:
    """Run the proofs that are asked for; the worst exit code."""
    arguments = sys.argv[1:]
    if arguments[:1] in (["-h"], ["--help"]):
        print(__doc__)
        return 0
    named = arguments[:1] if arguments and not arguments[0].startswith("-") else []
    if named and named[0] not in PROOFS:
        print(f"ci/compat: {named[0]} is none of {', '.join(PROOFS)}", file=sys.stderr)
        return 2
    sys.argv[1:] = arguments[len(named) :]
    return max(load(name).main() for name in named or PROOFS)


def load(name: str) -> ModuleType:
    """The proof of that name, under another one: the library itself has its name."""
    spec = importlib.util.spec_from_file_location(f"prove_{name}", HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != HERE]
    sys.exit(main())

"""Runs a target under atheris: python tests/fuzz/harness.py TARGET [libFuzzer's options] FOLDERS.

`--replay` instead gives each file, or each file of a folder, to the target once, without atheris.
The package must be installed with the extension; `python -m ci.safety fuzz` builds it for that.

FUZZ_LAUNCHER: the program that libFuzzer starts again for -merge=1; it runs this with the target.
FUZZ_PYTHON=0: only the extension's coverage counts. Under ASan the coverage of each Python line
takes memory that is never freed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path
from types import ModuleType
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from support.twins import Both, Twins

from fuzz import declared, streams, values

TARGETS: dict[str, Callable[[ModuleType, ModuleType, bytes], None]] = {
    "streams": streams.check,
    "values": values.check,
}


def load(instrumented: AbstractContextManager[Any]) -> tuple[Both, Any]:
    """Both twins' packages, imported with instrumentation, and the pure twin's cache of shapes."""
    twins = Twins()
    with instrumented:
        both = Both(twins.get("compiled"), twins.get("pure"))
    return both, twins.trees["pure"]["amistream._pure.shapes"].shapes


def inputs(paths: list[str]) -> Iterator[Path]:
    for path in map(Path, paths):
        yield from sorted(path.iterdir()) if path.is_dir() else [path]


def main() -> None:
    target, *arguments = sys.argv[1:]
    replay = "--replay" in arguments
    if not replay:
        import atheris
    python_counts = not replay and os.environ.get("FUZZ_PYTHON") != "0"
    both, learnt = load(
        atheris.instrument_imports(include=["amistream"]) if python_counts else nullcontext()
    )

    def check(data: bytes) -> None:
        learnt.forget()  # an input should do the same each time
        TARGETS[target](*both, data)

    with ExitStack() as stack:
        for ami in both:
            stack.enter_context(declared.registered(ami))
        if replay:
            arguments.remove("--replay")
            for path in inputs(arguments):
                check(path.read_bytes())
            return
        atheris.Setup([os.environ.get("FUZZ_LAUNCHER", sys.argv[0]), *arguments], check)
        atheris.Fuzz()


if __name__ == "__main__":
    main()

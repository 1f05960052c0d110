"""`amistream doctor`: which parser is loaded and why, and which optional packages are."""

from __future__ import annotations

import argparse
import importlib.metadata
import platform
import sys
from importlib.util import find_spec
from typing import Any

import amistream
from amistream import _impl
from amistream.cli._output import write_text

EPILOG = """\
The compiled parser and the pure parser give the same messages. The compiled parser is many times
faster. pip builds it at installation if there is a C compiler.
"""

EXTRAS = {"rich": "cli", "zstandard": "zstd"}


def add_to(commands: Any) -> None:
    """Add the subcommand."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "doctor",
        help="show whether the compiled parser is in use",
        description="Show which parser is loaded, and which optional packages are installed.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the findings. Returns the exit code."""
    rows = [
        ("amistream", amistream.__version__),
        ("parser", _parser()),
        ("Python", f"{platform.python_implementation()} {platform.python_version()}"),
        ("platform", platform.platform()),
        *((package, _extra(package)) for package in EXTRAS),
    ]
    write_text("".join(f"{name:<11}{finding}\n" for name, finding in rows))
    if _impl.PURE_REASON is not None:
        write_text(f"\n{_remedy(_impl.PURE_REASON)}\n")
    return 0


def _parser() -> str:
    if _impl.PURE_REASON is not None:
        return f"{_impl.IMPLEMENTATION} ({_impl.PURE_REASON})"
    scan = getattr(sys.modules[_impl.Parser.__module__], "SCAN", "unknown")
    return f"{_impl.IMPLEMENTATION} (scans with {scan})"


def _extra(package: str) -> str:
    if package == "zstandard" and sys.version_info >= (3, 14):
        return "not needed: this Python reads .zst files itself"
    if find_spec(package) is None:
        return f'not installed: pip install "amistream[{EXTRAS[package]}]"'
    return importlib.metadata.version(package)


def _remedy(reason: str) -> str:
    """How to get the compiled parser."""
    if sys.implementation.name != "cpython":
        return "The compiled parser needs CPython."
    if reason.startswith(_impl.NO_EXTENSIONS):
        return f"To use the compiled parser, unset {_impl.NO_EXTENSIONS}."
    return (
        f"To use the compiled parser, install a C compiler, then run: {_impl.REQUIRE_EXTENSIONS}=1 "
        "pip install --force-reinstall --no-deps --no-binary amistream amistream"
    )

"""What all drop-ins share: they replace parts of a library, restore them, and run programs."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import runpy
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, Generic, NamedTuple, Protocol, TypeVar

from amistream import Parser
from amistream.compat import AlreadyReplaced, check_version
from amistream.errors import AMIError

_MISSING: Final = object()


class _HasBound(Protocol):
    @property
    def max_message(self) -> int: ...


Options = TypeVar("Options", bound=_HasBound)


class Part(NamedTuple):
    """An attribute of one of the library's classes, and the value that replaces it."""

    owner: Any
    name: str
    value: Any


class Replacements(ABC, Generic[Options]):
    """What one drop-in replaces. DropIn makes one object of it, when it is first installed."""

    @abstractmethod
    def parts(self) -> Iterable[Part]:
        """The parts to replace. They are collected before the first one is replaced."""

    @abstractmethod
    def use(self, options: Options) -> None:
        """Use these options from now on. Called at every install, before parts are replaced."""

    def after_install(self) -> None:
        """Called after the parts were replaced."""

    def before_uninstall(self) -> None:
        """Called before the library's own parts are restored."""

    def after_uninstall(self) -> None:
        """Called after the library's own parts were restored."""


class DropIn(Generic[Options]):
    """The drop-in of one library: installs its replacements, and restores the library's parts.

    The module `replacements` of the drop-in's package, which imports the library, is imported at
    the first install. So the package itself can be imported where the library is not installed.
    """

    options: Options | None = None
    """The options in use; None if the drop-in is not installed."""

    def __init__(
        self,
        library: str,
        known_versions: tuple[str, ...],
        defaults: Options,
        find_version: Callable[[], str],
    ) -> None:
        self._library = library
        self._package = f"amistream.compat.{library}"
        self._known_versions = known_versions
        self._defaults = defaults
        self._find_version = find_version
        self._replacements: Replacements[Options] | None = None
        self._originals: list[Part] = []
        self._changing = threading.RLock()

    def install(self, options: Options) -> None:
        """Replace the library's parts; if they are replaced already, only change the options."""
        with self._changing:
            check_version(self._library, self._find_version(), self._known_versions)
            Parser(max_message=options.max_message)  # raises ValueError if the bound is invalid
            if self._replacements is None:
                module = importlib.import_module(f"{self._package}.replacements")
                self._replacements = module.Replacements()
            if self.options is None:
                self._replace(self._replacements, options)
            else:
                self._replacements.use(options)
            self.options = options

    def uninstall(self) -> None:
        """Restore the library's own parts; do nothing if they are in place."""
        with self._changing:
            if self._replacements is None or self.options is None:
                return
            self._replacements.before_uninstall()
            while self._originals:
                owner, name, original = self._originals.pop()
                if original is _MISSING:
                    delattr(owner, name)
                else:
                    setattr(owner, name, original)
            self.options = None
            self._replacements.after_uninstall()

    @contextlib.contextmanager
    def installed(self, options: Options) -> Iterator[None]:
        """Install for a `with` block; afterwards restore what was in place before it."""
        before = self.options
        self.install(options)
        try:
            yield
        finally:
            if before is None:
                self.uninstall()
            else:
                self.install(before)

    def _replace(self, replacements: Replacements[Options], options: Options) -> None:
        parts = list(replacements.parts())
        for owner, name, _ in parts:
            if _was_replaced(owner, name):
                raise AlreadyReplaced(self._library, f"{owner.__name__}.{name}")
        replacements.use(options)
        for owner, name, value in parts:
            self._originals.append(Part(owner, name, vars(owner).get(name, _MISSING)))
            setattr(owner, name, value)
        replacements.after_install()

    def main(self, arguments: Sequence[str] | None) -> int:
        """Run a program with the drop-in installed; return the exit code if it sets none itself."""
        parser = argparse.ArgumentParser(
            prog=f"python -m {self._package}",
            description=f"Run an unchanged {self._library} program with amistream's parser.",
        )
        parser.add_argument("-m", dest="is_module", action="store_true", help="run a module")
        parser.add_argument("program", help="path of the program; with -m, name of the module")
        parser.add_argument(
            "arguments", nargs=argparse.REMAINDER, help="the program's own arguments"
        )
        try:
            options = parser.parse_args(arguments)
        except SystemExit as end:  # after --help, or a usage error
            return int(end.code or 0)
        try:
            self.install(self._defaults)
        except AMIError as error:
            print(f"{parser.prog}: {error}", file=sys.stderr)
            return 2
        if not options.is_module and not os.path.exists(options.program):
            print(
                f"{parser.prog}: there is no program {options.program}\n{parser.format_usage()}",
                end="",
                file=sys.stderr,
            )
            return 2
        sys.argv = [options.program, *options.arguments]
        if options.is_module:
            runpy.run_module(options.program, run_name="__main__", alter_sys=True)
            return 0
        if not getattr(sys.flags, "safe_path", False):  # new in Python 3.11: python -P
            sys.path[0] = os.path.dirname(os.path.realpath(options.program))
        runpy.run_path(options.program, run_name="__main__")
        return 0


def _was_replaced(owner: Any, name: str) -> bool:
    """Whether an attribute is a function that the library did not define."""
    found = vars(owner).get(name)
    if not callable(found):
        return False
    return found.__module__ != owner.__module__ or hasattr(found, "__wrapped__")

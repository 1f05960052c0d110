"""Loads both twins in one process, each as its own tree of `amistream` modules."""

from __future__ import annotations

import importlib
import os
import sys
from types import ModuleType
from typing import NamedTuple
from unittest import mock


class Both(NamedTuple):
    """The packages of both twins. `import amistream` gives only the current one."""

    compiled: ModuleType
    pure: ModuleType


class NotBuilt(Exception):  # noqa: N818 - the name states the fact
    """The compiled twin cannot be loaded."""


class Twins:
    """The trees of `amistream` modules, one for each twin; `sys.modules` holds the current tree.

    A process can initialise the extension only once, so each tree is imported once and kept.
    """

    def __init__(self) -> None:
        self.trees: dict[str, dict[str, ModuleType]] = {}
        self.current: str | None = None

    def use(self, twin: str) -> ModuleType:
        """Make `twin` the one that `import amistream` gives, and return its package."""
        if self.current is not None:
            self.trees[self.current] = without_amistream()
        self.current = twin
        if twin in self.trees:
            sys.modules.update(self.trees[twin])
        else:
            _import(pure=twin == "pure")
        return sys.modules["amistream"]

    def get(self, twin: str) -> ModuleType:
        """The package of `twin`; the current twin stays. Raises NotBuilt if it cannot be loaded."""
        current = self.current
        package = self.use(twin)
        self.use(current or twin)
        if twin != package.IMPLEMENTATION:
            raise NotBuilt(package._impl.PURE_REASON)
        return package


def without_amistream() -> dict[str, ModuleType]:
    """Remove the package's modules from `sys.modules`, and return them."""
    names = [name for name in sys.modules if name.partition(".")[0] == "amistream"]
    return {name: sys.modules.pop(name) for name in names}


def _import(pure: bool) -> None:
    with mock.patch.dict(os.environ, AMISTREAM_NO_EXTENSIONS="1" if pure else "0"):
        os.environ.pop("AMISTREAM_REQUIRE_EXTENSIONS", None)
        importlib.import_module("amistream")

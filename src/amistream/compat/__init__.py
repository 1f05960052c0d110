"""Drop-ins for other AMI libraries: their programs stay unchanged, amistream parses the stream.

This module holds the errors of the drop-ins and the checks of the library that they replace parts
of. Each drop-in is a package: `amistream.compat.pystrix`, `amistream.compat.panoramisk`.
"""

from __future__ import annotations

import importlib
from types import ModuleType

from amistream.errors import AMIError

__all__ = ["AlreadyReplaced", "MissingLibrary", "WrongVersion", "check_version", "load"]


class MissingLibrary(AMIError, ImportError):  # noqa: N818 - a public name without "Error"
    """The library that the drop-in belongs to is not installed.

    library: the name of the library. known: the versions that the drop-in works with.
    """

    def __init__(self, library: str, known: tuple[str, ...]) -> None:
        super().__init__(library, known)
        self.library = library
        self.known = known

    def __str__(self) -> str:
        return (
            f"{self.library} is not installed, and its drop-in needs it: "
            f"pip install {self.library}=={self.known[-1]}"
        )


class WrongVersion(AMIError, ImportError):  # noqa: N818
    """The drop-in was not tested with the installed version of the library.

    library: the name of the library. found: the installed version. known: the tested versions.
    """

    def __init__(self, library: str, found: str, known: tuple[str, ...]) -> None:
        super().__init__(library, found, known)
        self.library = library
        self.found = found
        self.known = known

    def __str__(self) -> str:
        return (
            f"{self.library} {self.found} is installed, but the drop-in is tested only with "
            f"{self.library} {' and '.join(self.known)}"
        )


class AlreadyReplaced(AMIError, RuntimeError):  # noqa: N818
    """Something else has already replaced a part of the library.

    library: the name of the library. part: the attribute that is not the library's own.
    """

    def __init__(self, library: str, part: str) -> None:
        super().__init__(library, part)
        self.library = library
        self.part = part

    def __str__(self) -> str:
        return f"something else has already replaced {self.library}'s {self.part}; undo that first"


def load(library: str, module: str, known: tuple[str, ...]) -> ModuleType:
    """Import a module of `library`; MissingLibrary if the library is not installed."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.partition(".")[0] != library:
            raise  # the library is installed, but a module that it needs is missing
        raise MissingLibrary(library, known) from error


def check_version(library: str, found: str, known: tuple[str, ...]) -> None:
    """Raise WrongVersion unless `found` is one of the `known` versions."""
    if found not in known:
        raise WrongVersion(library, found, known)

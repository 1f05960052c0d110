"""Programs written for other AMI libraries, with this parser: what their drop-ins share."""

from __future__ import annotations

import importlib
from types import ModuleType

from amistream.errors import AMIError

__all__ = ["AlreadyReplaced", "MissingLibrary", "WrongVersion", "check_version", "load"]


class MissingLibrary(AMIError, ImportError):  # noqa: N818 - a public name that tells the fact
    """A drop-in was asked for, but the library whose programs it serves is not installed.

    library: its name. known: the versions that the drop-in works with.
    """

    def __init__(self, library: str, known: tuple[str, ...]) -> None:
        super().__init__(library, known)
        self.library = library
        self.known = known

    def __str__(self) -> str:
        return (
            f"{self.library} is not installed, so there is nothing to speed up: "
            f"pip install {self.library}=={self.known[-1]}"
        )


class WrongVersion(AMIError, ImportError):  # noqa: N818
    """The library is installed in a version that the drop-in is not known to work with.

    library: its name. found: the version that is installed. known: those that work.
    """

    def __init__(self, library: str, found: str, known: tuple[str, ...]) -> None:
        super().__init__(library, found, known)
        self.library = library
        self.found = found
        self.known = known

    def __str__(self) -> str:
        return (
            f"{self.library} {self.found} is installed; the drop-in is known to work with "
            f"{self.library} {' and '.join(self.known)}"
        )


class AlreadyReplaced(AMIError, RuntimeError):  # noqa: N818
    """The library's own parts were replaced by something else already.

    library: its name. part: what is not as the library made it.
    """

    def __init__(self, library: str, part: str) -> None:
        super().__init__(library, part)
        self.library = library
        self.part = part

    def __str__(self) -> str:
        return f"{self.library}'s {self.part} was replaced already; undo that first"


def load(library: str, module: str, known: tuple[str, ...]) -> ModuleType:
    """Import a module of `library`; MissingLibrary if the library is not installed."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.partition(".")[0] != library:
            raise  # it is there, but something it needs is not
        raise MissingLibrary(library, known) from error


def check_version(library: str, found: str, known: tuple[str, ...]) -> None:
    """WrongVersion unless `found` is one of the `known` versions."""
    if found not in known:
        raise WrongVersion(library, found, known)

"""A pystrix program with this parser: one line, and its Managers read and answer by amistream.

    import amistream.compat.pystrix
    amistream.compat.pystrix.install()

`python -m amistream.compat.pystrix yourscript.py` does the same for a program left as it is.
"""

from __future__ import annotations

import argparse
import functools
import os
import runpy
import socket
import sys
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import ModuleType
from typing import Any, Final

from amistream.compat import AlreadyReplaced, check_version, load
from amistream.compat._pystrix_manager import Shared, Station
from amistream.compat._pystrix_messages import attributes
from amistream.compat._pystrix_reading import Source
from amistream.errors import AMIError

__all__ = ["KNOWN_VERSIONS", "install", "installed", "is_installed", "main", "uninstall"]

KNOWN_VERSIONS: Final = ("1.2.0", "1.3.0")
"""The versions of pystrix that this is tested with."""

MAX_MESSAGE: Final = 1 << 26
MAX_QUEUED: Final = 100_000

Function = Callable[..., Any]

_MISSING: Final = object()
_ours: DropIn | None = None
_changing = threading.RLock()


def install(
    *, max_message: int = MAX_MESSAGE, max_queued: int = MAX_QUEUED, eager: bool | None = None
) -> None:
    """Make every Manager of pystrix work with this parser, those that run already too.

    max_message: a longer message is skipped, with a warning.
    max_queued: when so many events wait for callbacks, reading pauses until half are done.
    eager: fill each event's dictionary at once, for C extensions that read its storage. None does
        it if one that is known to (orjson, ujson, ...) was imported.

    MissingLibrary without pystrix, WrongVersion if it is another than KNOWN_VERSIONS,
    AlreadyReplaced if something else has its parts replaced. Installing twice sets the options.
    """
    global _ours
    with _changing:
        if _ours is None:
            pystrix = load("pystrix", "pystrix", KNOWN_VERSIONS)
            check_version("pystrix", str(pystrix.VERSION), KNOWN_VERSIONS)
            _ours = DropIn(load("pystrix", "pystrix.ami", KNOWN_VERSIONS).ami)
        _ours.shared.max_message = max_message
        _ours.shared.max_queued = max_queued
        _ours.shared.maker.eager = eager
        _ours.install()


def uninstall() -> None:
    """Give pystrix all its own parts back; nothing if they are in place.

    Events that a program still holds become plain ones. A connection that is open goes on being
    read by amistream until it is closed.
    """
    with _changing:
        if _ours is not None:
            _ours.uninstall()


def is_installed() -> bool:
    """Whether pystrix works with this parser now."""
    return _ours is not None and _ours.shared.installed


@contextmanager
def installed(**options: Any) -> Iterator[None]:
    """`install(**options)` for a `with` block; what was installed before stays."""
    before = is_installed()
    install(**options)
    try:
        yield
    finally:
        if not before:
            uninstall()


class DropIn:
    """Replaces parts of pystrix's classes, and puts them back."""

    def __init__(self, ami: ModuleType) -> None:
        self.shared = Shared(ami)
        self._kept: list[tuple[Any, str, Any]] = []
        self._stations: weakref.WeakSet[Station] = weakref.WeakSet()
        # A Manager that is collected closes itself, in whichever thread, whatever that one holds.
        self._creating = threading.RLock()

    def install(self) -> None:
        """Replace; nothing if that was done."""
        if self.shared.installed:
            return
        if "amistream" in vars(self.shared.ami._Message):
            raise AlreadyReplaced("pystrix", "_Message")
        for owner, name, part in list(self._parts()):
            self._kept.append((owner, name, vars(owner).get(name, _MISSING)))
            setattr(owner, name, part)
        self.shared.maker.lazy = True
        self.shared.maker.look_around()
        self.shared.installed = True

    def uninstall(self) -> None:
        """Put back; nothing if that was done."""
        if not self.shared.installed:
            return
        self.shared.installed = False
        self.shared.maker.settle_all()
        while self._kept:
            owner, name, part = self._kept.pop()
            if part is _MISSING:
                delattr(owner, name)
            else:
                setattr(owner, name, part)
        for station in list(self._stations):
            station.wake()

    def station_of(self, manager: Any) -> Station:
        """What a Manager has beside its own."""
        with self._creating:
            station = vars(manager).get("_amistream")
            if not isinstance(station, Station) or station.shared is not self.shared:
                station = manager._amistream = Station(manager, self.shared)
                self._stations.add(station)
            return station

    def _parts(self) -> Iterator[tuple[Any, str, Any]]:
        """Class, name of the attribute, and what it is to be."""
        ami = self.shared.ami
        for name, part in attributes():
            yield ami._Message, name, part
        for owner, name, replace in (
            (ami._SynchronisedSocket, "_close", _replace_connection_close),
            (ami._SynchronisedSocket, "read_message", self._replace_read_message),
            (ami._MessageReader, "run", self._replace_run),
            (ami.Manager, "_event_dispatcher", self._replace_dispatcher),
            (ami.Manager, "_event_dispatcher_events", self._replace_dispatcher_events),
            (ami.Manager, "register_callback", self._replace_registration),
            (ami.Manager, "_unregister_callback", self._replace_registration),
            (ami.Manager, "send_action", self._replace_send_action),
            (ami.Manager, "close", self._replace_close),
        ):
            original = vars(owner)[name]
            yield owner, name, functools.wraps(original)(replace(original))

    def _source_of(self, connection: Any) -> Source:
        with self._creating:
            source = vars(connection).get("_amistream")
            if not isinstance(source, Source):
                shared = self.shared
                source = Source(shared.ami, connection, shared.max_message)
                connection._amistream = source
            return source

    def _read(self, reader: Any, connection: Any) -> None:
        self.station_of(reader._manager).read(reader, self._source_of(connection))

    def _replace_run(self, original: Function) -> Function:
        def run(reader: Any) -> None:
            connection = reader._manager.get_connection()
            if connection is not None:
                self._read(reader, connection)

        return run

    def _replace_read_message(self, original: Function) -> Function:
        def read_message(connection: Any) -> Any:
            thread = threading.current_thread()
            if isinstance(thread, self.shared.ami._MessageReader):  # it ran before the drop-in came
                self._read(thread, connection)
                raise self.shared.ami.ManagerSocketError("the connection has ended")
            message = self._source_of(connection).read_one()
            return None if message is None else self.shared.maker.other(message)

        return read_message

    def _replace_dispatcher(self, original: Function) -> Function:
        def dispatch(manager: Any) -> None:
            self.station_of(manager).dispatch()
            if manager._alive:  # the drop-in was taken away
                original(manager)

        return dispatch

    def _replace_dispatcher_events(self, original: Function) -> Function:
        def dispatch_events(manager: Any, *arguments: Any) -> bool:
            """Called by the thread of a Manager made before the drop-in came."""
            self.station_of(manager).dispatch()
            return True

        return dispatch_events

    def _replace_registration(self, original: Function) -> Function:
        def register(manager: Any, *arguments: Any, **named: Any) -> Any:
            try:
                return original(manager, *arguments, **named)
            finally:
                self.station_of(manager).forget_callbacks()

        return register

    def _replace_send_action(self, original: Function) -> Function:
        def send_action(self_: Any, request: Any, action_id: Any = None, **kwargs: Any) -> Any:
            return self.station_of(self_).send(request, action_id, kwargs)

        return send_action

    def _replace_close(self, original: Function) -> Function:
        def close(manager: Any) -> None:
            manager.disconnect()
            manager._alive = False
            self.station_of(manager).wake()
            for thread in (manager._event_callbacks_thread, manager._message_reader):
                if thread is not None and thread is not threading.current_thread():
                    thread.join()

        return close


def _replace_connection_close(original: Function) -> Function:
    def close(connection: Any) -> None:
        # A thread that reads does not notice that another closes; this ends its waiting.
        with suppress(OSError, AttributeError):
            connection._socket.shutdown(socket.SHUT_RDWR)
        original(connection)

    return close


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a program with the drop-in installed; the exit code if it could not be run."""
    parser = argparse.ArgumentParser(
        prog="python -m amistream.compat.pystrix",
        description="Run a pystrix program, left as it is, with amistream's parser.",
    )
    parser.add_argument("-m", dest="module", action="store_true", help="PROGRAM is a module's name")
    parser.add_argument("program", help="the script")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="what the program is given")
    told = parser.parse_args(arguments)
    try:
        install()
    except AMIError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    if not told.module and not os.path.exists(told.program):
        print(f"{parser.prog}: there is no {told.program}", file=sys.stderr)
        return 2
    sys.argv = [told.program, *told.arguments]
    if told.module:
        runpy.run_module(told.program, run_name="__main__", alter_sys=True)
        return 0
    sys.path[0] = os.path.dirname(os.path.abspath(told.program))
    runpy.run_path(told.program, run_name="__main__")
    return 0


if __name__ == "__main__":
    # Not this module's own: a program may import it under its name, and has to find the same.
    from amistream.compat import pystrix

    sys.exit(pystrix.main())

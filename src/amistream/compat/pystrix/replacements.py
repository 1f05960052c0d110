"""The parts of pystrix's classes that the drop-in replaces."""

from __future__ import annotations

import functools
import importlib
import socket
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from amistream.compat import _dropin
from amistream.compat._dropin import Part
from amistream.compat.pystrix.manager import ManagerState, SharedState
from amistream.compat.pystrix.messages import attributes
from amistream.compat.pystrix.options import Options
from amistream.compat.pystrix.reading import Connection

ami: Any = importlib.import_module("pystrix.ami.ami")

Function = Callable[..., Any]


class Replacements(_dropin.Replacements[Options]):
    """Makes the replacements, and the drop-in's own state of each manager and connection."""

    def __init__(self) -> None:
        self._shared = SharedState()
        self._managers: weakref.WeakSet[ManagerState] = weakref.WeakSet()
        # Reentrant: the GC may close a Manager in any thread, also in one that holds this lock.
        self._creating = threading.RLock()

    def use(self, options: Options) -> None:
        """Use these options from now on."""
        if min(options.max_queued, options.max_queued_bytes) < 0:
            raise ValueError("max_queued and max_queued_bytes must not be negative")
        self._shared.options = options
        self._shared.factory.eager = options.eager

    def parts(self) -> Iterator[Part]:
        """The attributes of the messages, and the methods of the other classes."""
        for name, value in attributes():
            yield Part(ami._Message, name, value)
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
            yield Part(owner, name, functools.wraps(original)(replace(original)))

    def after_install(self) -> None:
        """Start to make lazy messages."""
        self._shared.factory.lazy = True
        self._shared.factory.detect_storage_readers()
        self._shared.installed = True

    def before_uninstall(self) -> None:
        """Make all messages independent while their class still has the drop-in's attributes."""
        self._shared.installed = False
        self._shared.factory.make_all_independent()

    def after_uninstall(self) -> None:
        """Wake the callbacks' threads, so that they go on with pystrix's own dispatcher."""
        for state in list(self._managers):
            state.wake()

    def _state_of(self, manager: Any) -> ManagerState:
        """The drop-in's state of a Manager."""
        with self._creating:
            state = vars(manager).get("_amistream")
            if not isinstance(state, ManagerState) or state.shared is not self._shared:
                state = manager._amistream = ManagerState(manager, self._shared)
                self._managers.add(state)
            return state

    def _reading_of(self, connection: Any) -> Connection:
        """The drop-in's reading of one of pystrix's connections."""
        with self._creating:
            reading = vars(connection).get("_amistream")
            if not isinstance(reading, Connection):
                reading = Connection(connection, self._shared.options.max_message)
                connection._amistream = reading
            return reading

    def _read(self, reader: Any, connection: Any) -> None:
        self._state_of(reader._manager).read(reader, self._reading_of(connection))

    def _replace_run(self, original: Function) -> Function:
        def run(reader: Any) -> None:
            connection = reader._manager.get_connection()
            if connection is not None:
                self._read(reader, connection)

        return run

    def _replace_read_message(self, original: Function) -> Function:
        def read_message(connection: Any) -> Any:
            thread = threading.current_thread()
            if isinstance(thread, ami._MessageReader):  # it started before the drop-in's install
                self._read(thread, connection)
                raise ami.ManagerSocketError("the connection has ended")
            message = self._reading_of(connection).read_one()
            return None if message is None else self._shared.factory.other(message)

        return read_message

    def _replace_dispatcher(self, original: Function) -> Function:
        def dispatch(manager: Any) -> None:
            self._state_of(manager).dispatch()
            if manager._alive:  # the drop-in was uninstalled
                original(manager)

        return dispatch

    def _replace_dispatcher_events(self, original: Function) -> Function:
        def dispatch_events(manager: Any, *arguments: Any) -> bool:
            """Called by the thread of a Manager that was made before the drop-in's install."""
            self._state_of(manager).dispatch()
            return True

        return dispatch_events

    def _replace_registration(self, original: Function) -> Function:
        def register(manager: Any, *arguments: Any, **named: Any) -> Any:
            try:
                return original(manager, *arguments, **named)
            finally:
                self._state_of(manager).forget_routes()

        return register

    def _replace_send_action(self, original: Function) -> Function:
        def send_action(self_: Any, request: Any, action_id: Any = None, **kwargs: Any) -> Any:
            return self._state_of(self_).send(request, action_id, kwargs)

        return send_action

    def _replace_close(self, original: Function) -> Function:
        def close(manager: Any) -> None:
            manager.disconnect()
            manager._alive = False
            self._state_of(manager).wake()
            for thread in (manager._event_callbacks_thread, manager._message_reader):
                if thread is not None and thread is not threading.current_thread():
                    thread.join()

        return close


def _replace_connection_close(original: Function) -> Function:
    def close(connection: Any) -> None:
        # A thread that waits in recv does not notice a close by another thread; this ends its wait.
        with suppress(OSError, AttributeError):
            connection._socket.shutdown(socket.SHUT_RDWR)
        original(connection)

    return close

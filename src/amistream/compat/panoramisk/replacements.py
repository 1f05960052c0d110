"""The parts of panoramisk's classes that the drop-in replaces."""

from __future__ import annotations

import importlib
import weakref
from collections.abc import Callable, Iterator
from typing import Any, Final

from amistream.compat import _dropin
from amistream.compat._dropin import Part
from amistream.compat.panoramisk import manager
from amistream.compat.panoramisk.options import Options
from amistream.compat.panoramisk.reading import Connection, is_ascii_based, save, take_over

Manager: Any = importlib.import_module("panoramisk.manager").Manager
Protocol: Any = importlib.import_module("panoramisk.ami_protocol").AMIProtocol

CONNECTION: Final = "_amistream_connection"
"""The attribute of a protocol that holds its Connection."""


class Replacements(_dropin.Replacements[Options]):
    """Makes the replacements, and the drop-in's own Connection of each protocol."""

    def __init__(self) -> None:
        self._options = Options()
        self._is_installed = False
        self._protocols: weakref.WeakSet[Any] = weakref.WeakSet()

    def use(self, options: Options) -> None:
        """Use these options for the connections that are read from now on."""
        self._options = options

    def parts(self) -> Iterator[Part]:
        """The protocol's reader and the manager's dispatcher."""
        original = vars(Protocol)["data_received"]
        yield Part(Protocol, "data_received", self._replace_data_received(original))
        yield Part(Manager, "dispatch", manager.dispatch)

    def after_install(self) -> None:
        """Start to read. An open connection follows when it receives data."""
        self._is_installed = True

    def after_uninstall(self) -> None:
        """Give the open connections back to panoramisk's own reader."""
        self._is_installed = False
        for protocol in list(self._protocols):
            vars(protocol).pop(CONNECTION).hand_back(protocol)
        self._protocols.clear()

    def _replace_data_received(self, original: Callable[[Any, bytes], None]) -> Any:
        def data_received(protocol: Any, data: bytes) -> None:
            encoding = getattr(protocol, "encoding", "ascii")
            # uvloop keeps this method of an open connection, also after an uninstall.
            if not self._is_installed or not is_ascii_based(encoding):
                original(protocol, data)
                return
            save(protocol, data)
            connection: Connection | None = vars(protocol).get(CONNECTION)
            if connection is None:
                connection = Connection(self._options.max_message)
                setattr(protocol, CONNECTION, connection)
                self._protocols.add(protocol)
                data = take_over(protocol, encoding) + data
            for messages in connection.read(protocol, data):
                manager.deliver(protocol, messages, encoding)

        return data_received

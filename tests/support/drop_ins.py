"""What the tests of the drop-ins share: streams, and the two libraries behind one interface."""

from __future__ import annotations

import importlib
import socket
import sys
import threading
from collections.abc import Callable
from importlib import metadata
from types import ModuleType
from typing import Any, NamedTuple

import panoramisk.ami_protocol
import pystrix
import pytest

pystrix_ami: Any = importlib.import_module("pystrix.ami.ami")

BANNER = b"Asterisk Call Manager/11.0.0\r\n"
HANGUP = b"Event: Hangup\r\nChannel: SIP/1-0000\r\nUniqueid: 17.1\r\nCause: 16\r\n\r\n"
TIMEOUT = 10.0
"""Seconds after which a test fails that waits for something."""


def message(*lines: str) -> bytes:
    """A message as it is sent."""
    return "\r\n".join([*lines, "", ""]).encode()


class Library(NamedTuple):
    """One of the two libraries.

    classes: those that its drop-in changes.
    part: a class and a method of it that the drop-in replaces.
    read_names: the names of a stream's events, as the library with its drop-in reads them.
    set_version: pretends that another version is installed.
    hide: pretends that the library is not installed.
    """

    name: str
    known_versions: tuple[str, ...]
    classes: tuple[type, ...]
    part: tuple[type, str]
    read_names: Callable[[bytes], list[str]]
    set_version: Callable[[pytest.MonkeyPatch, str], None]
    hide: Callable[[pytest.MonkeyPatch], None]

    def drop_in(self) -> ModuleType:
        """The drop-in of the current twin."""
        return importlib.import_module(f"amistream.compat.{self.name}")

    def parts(self) -> list[dict[str, Any]]:
        """All attributes of the classes that the drop-in changes."""
        return [dict(vars(cls)) for cls in self.classes]


# --- pystrix ----------------------------------------------------------------------------------


def _pystrix_names(stream: bytes) -> list[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def send() -> None:
            with server.accept()[0] as peer:
                peer.sendall(BANNER + stream)

        sender = threading.Thread(target=send)
        sender.start()
        connection = pystrix_ami._SynchronisedSocket(*server.getsockname(), timeout=TIMEOUT)
        sender.join(TIMEOUT)
    names: list[str] = []
    while True:
        try:
            names.append(connection.read_message().name)
        except pystrix_ami.ManagerSocketError:  # noqa: PERF203 (the end of the stream)
            return names


def _set_pystrix_version(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    monkeypatch.setattr(pystrix, "VERSION", version)


def _hide_pystrix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pystrix", None)


# --- panoramisk -------------------------------------------------------------------------------


class Transport:
    """The transport of a protocol that is not connected."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def close(self) -> None:
        self.closed = True


def _panoramisk_names(stream: bytes) -> list[str]:
    manager, names = panoramisk.Manager(), []
    manager.register_event("*", lambda _, event: names.append(event.event))
    protocol = panoramisk.ami_protocol.AMIProtocol()
    protocol.connection_made(Transport())
    protocol.factory = manager
    protocol.data_received(BANNER + stream)
    return names


def _set_panoramisk_version(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    found = metadata.version
    monkeypatch.setattr(
        metadata, "version", lambda name: version if name == "panoramisk" else found(name)
    )


def _hide_panoramisk(monkeypatch: pytest.MonkeyPatch) -> None:
    def raise_missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", raise_missing)


LIBRARIES = {
    "pystrix": Library(
        "pystrix",
        ("1.2.0", "1.3.0"),
        (
            pystrix_ami.Manager,
            pystrix_ami._MessageReader,
            pystrix_ami._SynchronisedSocket,
            pystrix_ami._Message,
            pystrix_ami._MessageTemplate,
            pystrix_ami._Event,
            pystrix_ami._Aggregate,
        ),
        (pystrix_ami.Manager, "send_action"),
        _pystrix_names,
        _set_pystrix_version,
        _hide_pystrix,
    ),
    "panoramisk": Library(
        "panoramisk",
        ("1.4",),
        (panoramisk.Manager, panoramisk.Message, panoramisk.ami_protocol.AMIProtocol),
        (panoramisk.ami_protocol.AMIProtocol, "data_received"),
        _panoramisk_names,
        _set_panoramisk_version,
        _hide_panoramisk,
    ),
}

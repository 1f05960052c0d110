"""States of devices, extensions and presence."""

from __future__ import annotations

from amistream.enums import DeviceState
from amistream.events._lists import ListEnd
from amistream.headers import Enumeration, Int, Text
from amistream.messages import Event

__all__ = [
    "DeviceStateChange",
    "DeviceStateListComplete",
    "ExtensionStateListComplete",
    "ExtensionStatus",
    "PresenceStateChange",
    "PresenceStateListComplete",
    "PresenceStatus",
]


class DeviceStateChange(Event):
    """A device's state changed, or is one of a DeviceStateList list."""

    __slots__ = ()

    device = Text("Device")
    state = Enumeration("State", of=DeviceState)


class DeviceStateListComplete(ListEnd):
    """The end of a DeviceStateList list."""

    __slots__ = ()


class ExtensionStatus(Event):
    """An extension's state changed, or is one of an ExtensionStateList list.

    `status` is a bit set of Asterisk's extension states, negative if removed.
    """

    __slots__ = ()

    exten = Text("Exten")
    context = Text("Context")
    hint = Text("Hint")
    status = Int("Status")
    status_text = Text("StatusText")


class ExtensionStateListComplete(ListEnd):
    """The end of an ExtensionStateList list."""

    __slots__ = ()


class PresenceStateChange(Event):
    """A presence state changed, or is one of a PresenceStateList list."""

    __slots__ = ()

    presentity = Text("Presentity")
    status = Text("Status")
    subtype = Text("Subtype")
    message = Text("Message")


class PresenceStateListComplete(ListEnd):
    """The end of a PresenceStateList list."""

    __slots__ = ()


class PresenceStatus(Event):
    """The presence of an extension's hint changed."""

    __slots__ = ()

    exten = Text("Exten")
    context = Text("Context")
    hint = Text("Hint")
    status = Text("Status")
    subtype = Text("Subtype")
    message = Text("Message")

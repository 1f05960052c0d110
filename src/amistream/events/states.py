"""States of devices, extensions and presence."""

from __future__ import annotations

from amistream.aggregates import Aggregate, register_list
from amistream.enums import DeviceState
from amistream.events._lists import ListEnd
from amistream.headers import Enumeration, Int, Text
from amistream.messages import Event

__all__ = [
    "DeviceStateChange",
    "DeviceStateListComplete",
    "DeviceStateList_Aggregate",
    "ExtensionStateListComplete",
    "ExtensionStateList_Aggregate",
    "ExtensionStatus",
    "PresenceStateChange",
    "PresenceStateListComplete",
    "PresenceStateList_Aggregate",
    "PresenceStatus",
]


class DeviceStateChange(Event):
    """A device's state changed, or is a member of a DeviceStateList list."""

    __slots__ = ()

    device = Text("Device")
    state = Enumeration("State", of=DeviceState)


class DeviceStateListComplete(ListEnd):
    """The end of a DeviceStateList list."""

    __slots__ = ()


class ExtensionStatus(Event):
    """An extension's state changed, or is a member of an ExtensionStateList list.

    `status` is a bit set of Asterisk's extension states; it is negative if the hint was removed.
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
    """A presence state changed, or is a member of a PresenceStateList list."""

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


# --- lists ------------------------------------------------------------------------------------


@register_list
class DeviceStateList_Aggregate(Aggregate):
    """The states of all devices, asked for with DeviceStateList."""

    members = (DeviceStateChange,)
    finisher = DeviceStateListComplete


@register_list
class ExtensionStateList_Aggregate(Aggregate):
    """The states of all hints, asked for with ExtensionStateList."""

    members = (ExtensionStatus,)
    finisher = ExtensionStateListComplete


@register_list
class PresenceStateList_Aggregate(Aggregate):
    """All presence states, asked for with PresenceStateList."""

    members = (PresenceStateChange,)
    finisher = PresenceStateListComplete

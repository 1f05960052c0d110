"""Recording, by MixMonitor and by the older Monitor."""

from __future__ import annotations

from amistream.events._snapshots import ChannelEvent
from amistream.headers import Text
from amistream.messages import Event

__all__ = [
    "MixMonitorMute",
    "MixMonitorStart",
    "MixMonitorStop",
    "MonitorStart",
    "MonitorStop",
]


class MixMonitorStart(ChannelEvent):
    """A recording by MixMonitor started."""

    __slots__ = ()


class MixMonitorStop(ChannelEvent):
    """A recording by MixMonitor stopped."""

    __slots__ = ()


class MixMonitorMute(ChannelEvent):
    """A recording by MixMonitor was muted or unmuted, in one direction or both."""

    __slots__ = ()

    direction = Text("Direction")
    state = Text("State")


class MonitorStart(Event):
    """The recording of a channel started (Asterisk before 21)."""

    __slots__ = ()

    channel = Text("Channel")
    uniqueid = Text("Uniqueid")


class MonitorStop(Event):
    """The recording of a channel stopped (Asterisk before 21)."""

    __slots__ = ()

    channel = Text("Channel")
    uniqueid = Text("Uniqueid")

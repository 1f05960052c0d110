"""Bridges, which join channels; the channels that enter and leave them; and their lists."""

from __future__ import annotations

from amistream.aggregates import Aggregate, register_list
from amistream.events._lists import ListEnd
from amistream.events._snapshots import BridgeEvent, ChannelEvent, FromBridgeEvent, ToBridgeEvent
from amistream.headers import Bool, Int, Text
from amistream.messages import Event

__all__ = [
    "BridgeCreate",
    "BridgeDestroy",
    "BridgeEnter",
    "BridgeInfoChannel",
    "BridgeInfoComplete",
    "BridgeInfo_Aggregate",
    "BridgeLeave",
    "BridgeListComplete",
    "BridgeListItem",
    "BridgeList_Aggregate",
    "BridgeMerge",
    "BridgeTechnologyListComplete",
    "BridgeTechnologyListItem",
    "BridgeTechnologyList_Aggregate",
    "BridgeVideoSourceUpdate",
]


class BridgeCreate(BridgeEvent):
    """A bridge was created."""

    __slots__ = ()


class BridgeDestroy(BridgeEvent):
    """A bridge was destroyed."""

    __slots__ = ()


class BridgeEnter(ChannelEvent, BridgeEvent):
    """A channel entered a bridge; it replaces the channel `swap_uniqueid` if that is given."""

    __slots__ = ()

    swap_uniqueid = Text("SwapUniqueid")


class BridgeLeave(ChannelEvent, BridgeEvent):
    """A channel left a bridge."""

    __slots__ = ()


class BridgeMerge(FromBridgeEvent, ToBridgeEvent):
    """The channels of one bridge were moved into another."""

    __slots__ = ()


class BridgeVideoSourceUpdate(BridgeEvent):
    """A bridge shows another channel's video."""

    __slots__ = ()

    bridge_previous_video_source = Text("BridgePreviousVideoSource")


class BridgeInfoChannel(ChannelEvent):
    """A channel of a bridge, of a BridgeInfo list."""

    __slots__ = ()


class BridgeInfoComplete(BridgeEvent, ListEnd):
    """The end of a BridgeInfo list, with the bridge itself."""

    __slots__ = ()


class BridgeListItem(BridgeEvent):
    """A bridge of a BridgeList list."""

    __slots__ = ()


class BridgeListComplete(ListEnd):
    """The end of a BridgeList list."""

    __slots__ = ()


class BridgeTechnologyListItem(Event):
    """A bridging technology of a BridgeTechnologyList list."""

    __slots__ = ()

    bridge_technology = Text("BridgeTechnology")
    bridge_type = Text("BridgeType")
    bridge_priority = Int("BridgePriority")
    bridge_suspended = Bool("BridgeSuspended")


class BridgeTechnologyListComplete(ListEnd):
    """The end of a BridgeTechnologyList list."""

    __slots__ = ()


# --- lists ------------------------------------------------------------------------------------


@register_list
class BridgeInfo_Aggregate(Aggregate):
    """The channels of one bridge, asked for with BridgeInfo; the finisher has the bridge."""

    members = (BridgeInfoChannel,)
    finisher = BridgeInfoComplete


@register_list
class BridgeList_Aggregate(Aggregate):
    """The bridges, asked for with BridgeList."""

    members = (BridgeListItem,)
    finisher = BridgeListComplete


@register_list
class BridgeTechnologyList_Aggregate(Aggregate):
    """The bridging technologies, asked for with BridgeTechnologyList."""

    members = (BridgeTechnologyListItem,)
    finisher = BridgeTechnologyListComplete

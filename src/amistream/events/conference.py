"""ConfBridge: conferences, their participants, and the lists of both."""

from __future__ import annotations

from amistream.aggregates import Aggregate, register_list
from amistream.events._lists import ListEnd
from amistream.events._snapshots import BridgeEvent, ChannelEvent
from amistream.headers import Bool, Int, Text
from amistream.messages import Event

__all__ = [
    "ConfbridgeEnd",
    "ConfbridgeJoin",
    "ConfbridgeLeave",
    "ConfbridgeList",
    "ConfbridgeListComplete",
    "ConfbridgeListRooms",
    "ConfbridgeListRoomsComplete",
    "ConfbridgeListRooms_Aggregate",
    "ConfbridgeList_Aggregate",
    "ConfbridgeMute",
    "ConfbridgeRecord",
    "ConfbridgeStart",
    "ConfbridgeStopRecord",
    "ConfbridgeTalking",
    "ConfbridgeUnmute",
]


class _ConferenceEvent(BridgeEvent):
    """An event of a conference, which is a bridge."""

    __slots__ = ()

    conference = Text("Conference")


class _ParticipantEvent(_ConferenceEvent, ChannelEvent):
    """An event of a participant, which is a channel."""

    __slots__ = ()

    admin = Bool("Admin")


class ConfbridgeStart(_ConferenceEvent):
    """A conference began."""

    __slots__ = ()


class ConfbridgeEnd(_ConferenceEvent):
    """A conference ended."""

    __slots__ = ()


class ConfbridgeJoin(_ParticipantEvent):
    """A channel joined a conference."""

    __slots__ = ()

    muted = Bool("Muted")


class ConfbridgeLeave(_ParticipantEvent):
    """A channel left a conference."""

    __slots__ = ()


class ConfbridgeMute(_ParticipantEvent):
    """A participant was muted."""

    __slots__ = ()


class ConfbridgeUnmute(_ParticipantEvent):
    """A participant was unmuted."""

    __slots__ = ()


class ConfbridgeTalking(_ParticipantEvent):
    """A participant started or stopped talking."""

    __slots__ = ()

    talking_status = Bool("TalkingStatus", true="on", failure=False)


class ConfbridgeRecord(_ConferenceEvent):
    """The recording of a conference started."""

    __slots__ = ()


class ConfbridgeStopRecord(_ConferenceEvent):
    """The recording of a conference stopped."""

    __slots__ = ()


class ConfbridgeList(ChannelEvent):
    """A participant, of a ConfbridgeList list.

    `answered_time` is the number of seconds since the answer.
    """

    __slots__ = ()

    conference = Text("Conference")
    admin = Bool("Admin", true="Yes", failure=False)
    marked_user = Bool("MarkedUser", true="Yes", failure=False)
    wait_marked = Bool("WaitMarked")
    end_marked = Bool("EndMarked")
    waiting = Bool("Waiting")
    muted = Bool("Muted")
    talking = Bool("Talking")
    answered_time = Int("AnsweredTime")
    end_marked_any = Bool("EndMarkedAny")


class ConfbridgeListComplete(ListEnd):
    """The end of a ConfbridgeList list."""

    __slots__ = ()

    list_items = Int("ListItems", failure=-1)


class ConfbridgeListRooms(Event):
    """A conference of a ConfbridgeListRooms list."""

    __slots__ = ()

    conference = Text("Conference")
    parties = Int("Parties", failure=-1)
    marked = Int("Marked", failure=-1)
    locked = Bool("Locked", true="Yes", failure=False)
    muted = Bool("Muted")


class ConfbridgeListRoomsComplete(ListEnd):
    """The end of a ConfbridgeListRooms list."""

    __slots__ = ()

    list_items = Int("ListItems", failure=-1)


# --- lists ------------------------------------------------------------------------------------


@register_list
class ConfbridgeList_Aggregate(Aggregate):
    """The users of one conference, asked for with ConfbridgeList."""

    members = (ConfbridgeList,)
    finisher = ConfbridgeListComplete


@register_list
class ConfbridgeListRooms_Aggregate(Aggregate):
    """The conferences, asked for with ConfbridgeListRooms."""

    members = (ConfbridgeListRooms,)
    finisher = ConfbridgeListRoomsComplete

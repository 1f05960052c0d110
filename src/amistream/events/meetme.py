"""MeetMe: conferences of app_meetme, before ConfBridge."""

from __future__ import annotations

from amistream.aggregates import Aggregate, register_list
from amistream.events._lists import ListEnd
from amistream.events._snapshots import UNKNOWN, ChannelEvent
from amistream.headers import Bool, Int, Text
from amistream.messages import Event

__all__ = [
    "MeetmeEnd",
    "MeetmeJoin",
    "MeetmeLeave",
    "MeetmeList",
    "MeetmeListComplete",
    "MeetmeListRooms",
    "MeetmeListRoomsComplete",
    "MeetmeListRooms_Aggregate",
    "MeetmeList_Aggregate",
    "MeetmeMute",
    "MeetmeTalkRequest",
    "MeetmeTalking",
]


class _ParticipantEvent(ChannelEvent):
    """An event of a participant, which is a channel."""

    __slots__ = ()

    meetme = Text("Meetme")
    user = Text("User", "Usernum")


class MeetmeEnd(Event):
    """A conference ended."""

    __slots__ = ()

    meetme = Text("Meetme")


class MeetmeJoin(_ParticipantEvent):
    """A channel joined a conference."""

    __slots__ = ()


class MeetmeLeave(_ParticipantEvent):
    """A channel left a conference; `duration` in seconds."""

    __slots__ = ()

    duration = Text("Duration")


class MeetmeMute(_ParticipantEvent):
    """A participant was muted or unmuted."""

    __slots__ = ()

    duration = Text("Duration")
    status = Bool("Status", true="on", failure=False)


class MeetmeTalking(_ParticipantEvent):
    """A participant started or stopped talking."""

    __slots__ = ()

    duration = Text("Duration")
    status = Bool("Status")


class MeetmeTalkRequest(_ParticipantEvent):
    """A participant asked to talk, or withdrew the request."""

    __slots__ = ()

    duration = Text("Duration")
    status = Bool("Status")


class MeetmeList(Event):
    """A participant, of a MeetmeList list; `talking` is None if that is not monitored."""

    __slots__ = ()

    conference = Text("Conference")
    user_number = Int("UserNumber", failure=-1)
    caller_id_num = Text("CallerIDNum", unknown=UNKNOWN)
    caller_id_name = Text("CallerIDName", unknown=UNKNOWN)
    connected_line_num = Text("ConnectedLineNum", unknown=UNKNOWN)
    connected_line_name = Text("ConnectedLineName", unknown=UNKNOWN)
    channel = Text("Channel")
    admin = Bool("Admin", true="Yes", failure=False)
    role = Text("Role")
    marked_user = Bool("MarkedUser", true="Yes", failure=False)
    muted = Text("Muted")
    talking = Bool("Talking", true="Yes", false="No", failure=None)


class MeetmeListComplete(ListEnd):
    """The end of a MeetmeList list."""

    __slots__ = ()

    list_items = Int("ListItems", failure=-1)


class MeetmeListRooms(Event):
    """A conference of a MeetmeListRooms list."""

    __slots__ = ()

    conference = Text("Conference")
    parties = Int("Parties", failure=-1)
    marked = Text("Marked")
    activity = Text("Activity")
    creation = Text("Creation")
    locked = Bool("Locked", true="Yes", failure=False)


class MeetmeListRoomsComplete(ListEnd):
    """The end of a MeetmeListRooms list."""

    __slots__ = ()

    list_items = Int("ListItems", failure=-1)


# --- lists ------------------------------------------------------------------------------------


@register_list
class MeetmeList_Aggregate(Aggregate):
    """The users of MeetMe conferences, asked for with MeetmeList."""

    members = (MeetmeList,)
    finisher = MeetmeListComplete


@register_list
class MeetmeListRooms_Aggregate(Aggregate):
    """The MeetMe conferences, asked for with MeetmeListRooms."""

    members = (MeetmeListRooms,)
    finisher = MeetmeListRoomsComplete

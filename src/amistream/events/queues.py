"""Queues: callers, members, calls between them, and their lists."""

from __future__ import annotations

from amistream.aggregates import Aggregate, register_list
from amistream.enums import MemberStatus
from amistream.events._lists import ListEnd
from amistream.events._snapshots import UNKNOWN, ChannelEvent, DestChannelEvent
from amistream.headers import Bool, Enumeration, Float, Int, Text
from amistream.messages import Event

__all__ = [
    "AgentCalled",
    "AgentComplete",
    "AgentConnect",
    "AgentDump",
    "AgentRingNoAnswer",
    "QueueCallerAbandon",
    "QueueCallerJoin",
    "QueueCallerLeave",
    "QueueEntry",
    "QueueMember",
    "QueueMemberAdded",
    "QueueMemberPause",
    "QueueMemberPaused",
    "QueueMemberPenalty",
    "QueueMemberRemoved",
    "QueueMemberRinginuse",
    "QueueMemberStatus",
    "QueueParams",
    "QueueStatusComplete",
    "QueueStatus_Aggregate",
    "QueueSummary",
    "QueueSummaryComplete",
    "QueueSummary_Aggregate",
]


class _QueueCallerEvent(ChannelEvent):
    """An event of a call in a queue."""

    __slots__ = ()

    queue = Text("Queue")
    position = Int("Position")


class _AgentEvent(ChannelEvent, DestChannelEvent):
    """An event of a caller and a member (the destination).

    Before Asterisk 12 there was no snapshot, and the member was called Member or AgentCalled.
    """

    __slots__ = ()

    queue = Text("Queue")
    member_name = Text("MemberName", "AgentName")
    interface = Text("Interface", "Member", "AgentCalled")


class AgentCalled(_AgentEvent):
    """A member of a queue (the destination) is called for a caller."""

    __slots__ = ()

    channel = Text("Channel", "ChannelCalling")
    dest_channel = Text("DestChannel", "DestinationChannel")
    exten = Text("Exten", "Extension")


class AgentConnect(_AgentEvent):
    """A queue's member answered; `ring_time` and `hold_time` in seconds."""

    __slots__ = ()

    ring_time = Int("RingTime")
    hold_time = Int("HoldTime")


class AgentComplete(_AgentEvent):
    """The call of a member and a caller has ended; `hold_time` and `talk_time` in seconds."""

    __slots__ = ()

    hold_time = Int("HoldTime")
    talk_time = Int("TalkTime")
    reason = Text("Reason")


class AgentDump(_AgentEvent):
    """A member of a queue hung up during the announcement."""

    __slots__ = ()


class AgentRingNoAnswer(_AgentEvent):
    """A member of a queue was called and did not answer; `ring_time` in milliseconds."""

    __slots__ = ()

    ring_time = Int("RingTime")


class QueueCallerJoin(_QueueCallerEvent):
    """A caller joined a queue, at `position` of `count`."""

    __slots__ = ()

    count = Int("Count")


class QueueCallerLeave(_QueueCallerEvent):
    """A caller left a queue, for any reason; `count` callers remain."""

    __slots__ = ()

    count = Int("Count")


class QueueCallerAbandon(_QueueCallerEvent):
    """A caller gave up; `hold_time` in seconds."""

    __slots__ = ()

    original_position = Int("OriginalPosition")
    hold_time = Int("HoldTime")


class _Member(Event):
    """The identity of a member of a queue, under the names of every Asterisk version."""

    __slots__ = ()

    queue = Text("Queue")
    member_name = Text("MemberName", "Name")
    location = Text("Location", "Interface")
    interface = Text("Interface", "Location")
    state_interface = Text("StateInterface")
    membership = Text("Membership")
    paused_reason = Text("PausedReason")
    last_pause = Int("LastPause")
    login_time = Int("LoginTime")
    in_call = Bool("InCall")
    wrapup_time = Int("Wrapuptime")


class _MemberState(_Member):
    """A member with its counters; `last_call` is a UNIX time, 0 if there was none."""

    __slots__ = ()

    calls_taken = Int("CallsTaken", failure=-1)
    last_call = Int("LastCall", failure=-1)
    penalty = Int("Penalty", failure=-1)
    status = Enumeration("Status", of=MemberStatus, failure=-1)
    paused = Bool("Paused", true="1", failure=False)


class _MemberChange(_Member):
    """A member that changed; `last_call` is a UNIX time, 0 if there was none."""

    __slots__ = ()

    calls_taken = Int("CallsTaken")
    last_call = Int("LastCall")
    penalty = Int("Penalty")
    status = Enumeration("Status", of=MemberStatus)
    paused = Bool("Paused")
    ring_in_use = Bool("Ringinuse")


class QueueEntry(Event):
    """A waiting call of a QueueStatus list; `wait` in seconds."""

    __slots__ = ()

    queue = Text("Queue")
    position = Int("Position", failure=-1)
    wait = Int("Wait", failure=-1)
    channel = Text("Channel")
    uniqueid = Text("Uniqueid")
    caller_id = Text("CallerID", unknown=UNKNOWN)
    caller_id_num = Text("CallerIDNum", unknown=UNKNOWN)
    caller_id_name = Text("CallerIDName", unknown=UNKNOWN)
    connected_line_num = Text("ConnectedLineNum", unknown=UNKNOWN)
    connected_line_name = Text("ConnectedLineName", unknown=UNKNOWN)
    priority = Int("Priority")


class QueueMember(_MemberState):
    """A member of a queue, of a QueueStatus list; `status` is a device state."""

    __slots__ = ()


class QueueMemberAdded(_MemberState):
    """A member was added to a queue; `status` is a device state."""

    __slots__ = ()

    ring_in_use = Bool("Ringinuse")


class QueueMemberPaused(_Member):
    """A member was paused or unpaused (Asterisk before 12; since then QueueMemberPause)."""

    __slots__ = ()

    paused = Bool("Paused", true="1", failure=False)


class QueueMemberRemoved(_MemberChange):
    """A member was removed from a queue."""

    __slots__ = ()


class QueueMemberStatus(_MemberChange):
    """A member's device state changed."""

    __slots__ = ()


class QueueMemberPause(_MemberChange):
    """A member was paused or unpaused (Asterisk 12 and later)."""

    __slots__ = ()


class QueueMemberPenalty(_MemberChange):
    """The penalty of a member changed."""

    __slots__ = ()


class QueueMemberRinginuse(_MemberChange):
    """The setting of a member that allows calls while it is in use was changed."""

    __slots__ = ()


class QueueParams(Event):
    """A queue of a QueueStatus list: its settings, and its counters since the last reset.

    `holdtime`, `talk_time` and `service_level` are in seconds, `service_level_perf` in percent.
    """

    __slots__ = ()

    queue = Text("Queue")
    strategy = Text("Strategy")
    max = Int("Max", failure=-1)
    calls = Int("Calls", failure=-1)
    holdtime = Int("Holdtime", failure=-1)
    talk_time = Int("TalkTime")
    completed = Int("Completed", failure=-1)
    abandoned = Int("Abandoned", failure=-1)
    service_level = Float("ServiceLevel", failure=-1.0)
    service_level_perf = Float("ServiceLevelPerf", "ServicelevelPerf", failure=-1.0)
    service_level_perf2 = Float("ServicelevelPerf2")
    weight = Float("Weight", failure=-1.0)


class QueueStatusComplete(ListEnd):
    """The end of a QueueStatus list."""

    __slots__ = ()


class QueueSummary(Event):
    """A queue of a QueueSummary list; times are in seconds."""

    __slots__ = ()

    queue = Text("Queue")
    logged_in = Int("LoggedIn", failure=-1)
    available = Int("Available", failure=-1)
    callers = Int("Callers", failure=-1)
    hold_time = Int("HoldTime", failure=-1)
    talk_time = Int("TalkTime", failure=-1)
    longest_hold_time = Int("LongestHoldTime", failure=-1)


class QueueSummaryComplete(ListEnd):
    """The end of a QueueSummary list."""

    __slots__ = ()


# --- lists ------------------------------------------------------------------------------------


@register_list
class QueueStatus_Aggregate(Aggregate):
    """Queues with their members and waiting calls, asked for with QueueStatus."""

    members = (QueueParams, QueueMember, QueueEntry)
    finisher = QueueStatusComplete


@register_list
class QueueSummary_Aggregate(Aggregate):
    """A summary of the queues, asked for with QueueSummary."""

    members = (QueueSummary,)
    finisher = QueueSummaryComplete

"""Parking: calls that wait in a parking lot."""

from __future__ import annotations

from amistream.aggregates import Aggregate, register_list
from amistream.events._lists import ListEnd
from amistream.events._snapshots import (
    UNKNOWN,
    ParkeeChannelEvent,
    ParkerChannelEvent,
    RetrieverChannelEvent,
)
from amistream.headers import Int, Text
from amistream.messages import Event

__all__ = [
    "ParkedCall",
    "ParkedCallGiveUp",
    "ParkedCallSwap",
    "ParkedCallTimeOut",
    "ParkedCallsComplete",
    "ParkedCalls_Aggregate",
    "Parkinglot",
    "ParkinglotsComplete",
    "Parkinglots_Aggregate",
    "UnParkedCall",
]


class _ParkedEvent(ParkeeChannelEvent, ParkerChannelEvent):
    """An event of a parked call (the parkee); times are in seconds."""

    __slots__ = ()

    parker_dial_string = Text("ParkerDialString")
    parkinglot = Text("Parkinglot")
    parking_space = Int("ParkingSpace")
    parking_timeout = Int("ParkingTimeout")
    parking_duration = Int("ParkingDuration")


class ParkedCall(_ParkedEvent):
    """A call was parked, or is a member of a ParkedCalls list; times are in seconds."""

    __slots__ = ()

    timeout = Int("Timeout", failure=None, optional=True)
    channel = Text("Channel", "ParkeeChannel")
    exten = Text("Exten", "ParkingSpace")
    from_ = Text("From", "ParkerDialString")
    caller_id = Text("CallerID", "CallerIDNum", "ParkeeCallerIDNum", unknown=UNKNOWN)
    caller_id_name = Text("CallerIDName", "ParkeeCallerIDName", unknown=UNKNOWN)


class ParkedCallsComplete(ListEnd):
    """The end of a ParkedCalls list."""

    __slots__ = ()

    total = Int("Total", failure=-1)


class ParkedCallGiveUp(_ParkedEvent):
    """A parked call hung up."""

    __slots__ = ()


class ParkedCallSwap(_ParkedEvent):
    """A parked call was swapped for another channel."""

    __slots__ = ()


class ParkedCallTimeOut(_ParkedEvent):
    """A parked call waited too long."""

    __slots__ = ()


class UnParkedCall(_ParkedEvent, RetrieverChannelEvent):
    """A parked call was fetched by the retriever."""

    __slots__ = ()


class Parkinglot(Event):
    """A parking lot of a Parkinglots list; `timeout` in seconds."""

    __slots__ = ()

    parkinglot_name = Text("Name")
    start_space = Int("StartSpace")
    stop_space = Int("StopSpace")
    timeout = Int("Timeout")


class ParkinglotsComplete(ListEnd):
    """The end of a Parkinglots list."""

    __slots__ = ()


# --- lists ------------------------------------------------------------------------------------


@register_list
class ParkedCalls_Aggregate(Aggregate):
    """The parked calls, asked for with ParkedCalls."""

    members = (ParkedCall,)
    finisher = ParkedCallsComplete
    count_header = "Total"


@register_list
class Parkinglots_Aggregate(Aggregate):
    """The parking lots, asked for with Parkinglots."""

    members = (Parkinglot,)
    finisher = ParkinglotsComplete

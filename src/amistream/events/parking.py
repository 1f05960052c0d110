"""Parking: calls that wait in a parking lot."""

from __future__ import annotations

from amistream.events._parts import UNKNOWN, ListEnd
from amistream.headers import Int, Text
from amistream.messages import Event


class ParkedCall(Event):
    """A call was parked, or is one of a ParkedCalls list; the times in seconds."""

    __slots__ = ()

    timeout = Int("Timeout", failure=None, optional=True)
    channel = Text("Channel", "ParkeeChannel")
    exten = Text("Exten", "ParkingSpace")
    from_ = Text("From", "ParkerDialString")
    caller_id = Text("CallerID", "CallerIDNum", "ParkeeCallerIDNum", unknown=UNKNOWN)
    caller_id_name = Text("CallerIDName", "ParkeeCallerIDName", unknown=UNKNOWN)
    parkee_channel = Text("ParkeeChannel")
    parkee_uniqueid = Text("ParkeeUniqueid")
    parkee_linkedid = Text("ParkeeLinkedid")
    parker_dial_string = Text("ParkerDialString")
    parkinglot = Text("Parkinglot")
    parking_space = Int("ParkingSpace")
    parking_timeout = Int("ParkingTimeout")
    parking_duration = Int("ParkingDuration")


class ParkedCallsComplete(ListEnd):
    """The end of a ParkedCalls list."""

    __slots__ = ()

    total = Int("Total", failure=-1)

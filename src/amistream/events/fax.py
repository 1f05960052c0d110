"""Fax: sessions, and the faxes that were sent and received."""

from __future__ import annotations

from amistream.aggregates import Aggregate, register_list
from amistream.events._lists import ListEnd
from amistream.events._snapshots import ChannelEvent
from amistream.headers import Bool, Int, Repeated, Text
from amistream.messages import Event

__all__ = [
    "FAXSession",
    "FAXSessionsComplete",
    "FAXSessionsEntry",
    "FAXSessions_Aggregate",
    "FAXStats",
    "FAXStatus",
    "ReceiveFAX",
    "SendFAX",
]


class FAXStatus(ChannelEvent):
    """A fax has a new status."""

    __slots__ = ()

    operation = Text("Operation")
    status = Text("Status")
    local_station_id = Text("LocalStationID")
    file_names = Repeated("FileName")


class _FAXEvent(ChannelEvent):
    """A finished fax; `file_names` has the files of all pages."""

    __slots__ = ()

    local_station_id = Text("LocalStationID")
    remote_station_id = Text("RemoteStationID")
    pages_transferred = Text("PagesTransferred")
    resolution = Text("Resolution")
    transfer_rate = Text("TransferRate")
    file_names = Repeated("FileName")


class SendFAX(_FAXEvent):
    """A fax was sent."""

    __slots__ = ()


class ReceiveFAX(_FAXEvent):
    """A fax was received."""

    __slots__ = ()


class FAXSession(Event):
    """The fax session that a FAXSession action asked for."""

    __slots__ = ()

    session_number = Int("SessionNumber")
    operation = Text("Operation")
    state = Text("State")
    error_correction_mode = Bool("ErrorCorrectionMode")
    data_rate = Int("DataRate")
    image_resolution = Text("ImageResolution")
    page_number = Int("PageNumber")
    file_name = Text("FileName")
    pages_transmitted = Int("PagesTransmitted")
    pages_received = Int("PagesReceived")
    total_bad_lines = Int("TotalBadLines")


class FAXStats(Event):
    """The counts of faxes that a FAXStats action asked for."""

    __slots__ = ()

    current_sessions = Int("CurrentSessions")
    reserved_sessions = Int("ReservedSessions")
    transmit_attempts = Int("TransmitAttempts")
    receive_attempts = Int("ReceiveAttempts")
    completed_faxes = Int("CompletedFAXes")
    failed_faxes = Int("FailedFAXes")


class FAXSessionsEntry(Event):
    """A fax session of a FAXSessions list."""

    __slots__ = ()

    channel = Text("Channel")
    technology = Text("Technology")
    session_number = Int("SessionNumber")
    session_type = Text("SessionType")
    operation = Text("Operation")
    state = Text("State")
    files = Text("Files")


class FAXSessionsComplete(ListEnd):
    """The end of a FAXSessions list."""

    __slots__ = ()

    total = Int("Total")


# --- lists ------------------------------------------------------------------------------------


@register_list
class FAXSessions_Aggregate(Aggregate):
    """The fax sessions, asked for with FAXSessions."""

    members = (FAXSessionsEntry,)
    finisher = FAXSessionsComplete
    count_header = "Total"

"""Call detail records, and the channel event log."""

from __future__ import annotations

from amistream.headers import Int, Text
from amistream.messages import Event

__all__ = [
    "CEL",
    "Cdr",
]


class Cdr(Event):
    """A call detail record.

    `duration` and `billable_seconds` are in seconds. The times are local times.
    """

    __slots__ = ()

    account_code = Text("AccountCode")
    source = Text("Source")
    destination = Text("Destination")
    destination_context = Text("DestinationContext")
    caller_id = Text("CallerID")
    channel = Text("Channel")
    destination_channel = Text("DestinationChannel")
    last_application = Text("LastApplication")
    last_data = Text("LastData")
    start_time = Text("StartTime")
    answer_time = Text("AnswerTime")
    end_time = Text("EndTime")
    duration = Int("Duration")
    billable_seconds = Int("BillableSeconds")
    disposition = Text("Disposition")
    ama_flags = Text("AMAFlags")
    uniqueid = Text("UniqueID")
    user_field = Text("UserField")


class CEL(Event):
    """An event of the channel event log, as cel_manager sends it."""

    __slots__ = ()

    event_name = Text("EventName")
    account_code = Text("AccountCode")
    caller_id_num = Text("CallerIDnum")
    caller_id_name = Text("CallerIDname")
    caller_id_ani = Text("CallerIDani")
    caller_id_rdnis = Text("CallerIDrdnis")
    caller_id_dnid = Text("CallerIDdnid")
    exten = Text("Exten")
    context = Text("Context")
    application = Text("Application")
    app_data = Text("AppData")
    event_time = Text("EventTime")
    ama_flags = Text("AMAFlags")
    uniqueid = Text("UniqueID")
    linkedid = Text("LinkedID")
    user_field = Text("Userfield", "UserField")
    peer = Text("Peer")
    peer_account = Text("PeerAccount")
    extra = Text("Extra")
    user_defined_type = Text("UserDefType")
    tenantid = Text("TenantID")
    channel = Text("Channel")

"""What many events carry, written once: the channel snapshot and the end of a list."""

from __future__ import annotations

from amistream.headers import Int, Text
from amistream.messages import Event

UNKNOWN = ("<unknown>", "unknown", "(null)")
"""What Asterisk writes where a caller has no number or name; typed attributes make it None."""


class ChannelEvent(Event):
    """An event that carries the snapshot of one channel (Asterisk 12 and later)."""

    __slots__ = ()

    channel = Text("Channel")
    channel_state = Int("ChannelState")
    channel_state_desc = Text("ChannelStateDesc")
    caller_id_num = Text("CallerIDNum", unknown=UNKNOWN)
    caller_id_name = Text("CallerIDName", unknown=UNKNOWN)
    connected_line_num = Text("ConnectedLineNum", unknown=UNKNOWN)
    connected_line_name = Text("ConnectedLineName", unknown=UNKNOWN)
    language = Text("Language")
    account_code = Text("AccountCode")
    context = Text("Context")
    exten = Text("Exten")
    priority = Int("Priority")
    uniqueid = Text("Uniqueid")
    linkedid = Text("Linkedid")


class ListEnd(Event):
    """The event that ends a list: `event_list` is "Complete" or "Cancelled"."""

    __slots__ = ()

    event_list = Text("EventList")
    list_items = Int("ListItems")

"""Snapshots: the headers that many events have for a channel or a bridge, with their prefixes.

Type checkers and editors read _snapshots.pyi, which `python -m ci.quality stubs` writes.
"""

from __future__ import annotations

import re
from typing import TypeVar

from amistream.enums import ChannelState
from amistream.headers import Enumeration, Int, Text, TypedHeader, Variables
from amistream.messages import Event

_EventClass = TypeVar("_EventClass", bound=type[Event])

UNKNOWN = ("<unknown>", "unknown", "(null)")
"""What Asterisk writes where a caller has no number or name; typed attributes make it None."""


class ChannelEvent(Event):
    """An event that carries the snapshot of a channel (Asterisk 12 and later)."""

    __slots__ = ()

    channel = Text("Channel")
    channel_state = Enumeration("ChannelState", of=ChannelState)
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
    tenantid = Text("Tenantid")
    channel_variables = Variables("ChanVariable")


class BridgeEvent(Event):
    """An event that carries the snapshot of a bridge (Asterisk 12 and later)."""

    __slots__ = ()

    bridge_uniqueid = Text("BridgeUniqueid")
    bridge_type = Text("BridgeType")
    bridge_technology = Text("BridgeTechnology")
    bridge_creator = Text("BridgeCreator", unknown=UNKNOWN)
    bridge_name = Text("BridgeName", unknown=UNKNOWN)
    bridge_num_channels = Int("BridgeNumChannels")
    bridge_video_source_mode = Text("BridgeVideoSourceMode")
    bridge_video_source = Text("BridgeVideoSource")


def _prefixed(snapshot: _EventClass, prefix: str) -> _EventClass:
    """The snapshot with a prefix before each name: DestChannel is `dest_channel`."""
    word = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", prefix).lower()
    declared = {
        f"{word}_{attribute}": header._prefixed(prefix)
        for attribute, header in vars(snapshot).items()
        if isinstance(header, TypedHeader)
    }
    name = prefix + snapshot.__name__
    about = f"{snapshot.__doc__} Its headers begin with {prefix}."
    namespace = {"__slots__": (), "__doc__": about, "__module__": __name__, **declared}
    return type(name, (Event,), namespace)


DestChannelEvent = _prefixed(ChannelEvent, "Dest")
LocalOneChannelEvent = _prefixed(ChannelEvent, "LocalOne")
LocalTwoChannelEvent = _prefixed(ChannelEvent, "LocalTwo")
OrigTransfererChannelEvent = _prefixed(ChannelEvent, "OrigTransferer")
ParkeeChannelEvent = _prefixed(ChannelEvent, "Parkee")
ParkerChannelEvent = _prefixed(ChannelEvent, "Parker")
RetrieverChannelEvent = _prefixed(ChannelEvent, "Retriever")
SecondTransfererChannelEvent = _prefixed(ChannelEvent, "SecondTransferer")
SourceChannelEvent = _prefixed(ChannelEvent, "Source")
SpyeeChannelEvent = _prefixed(ChannelEvent, "Spyee")
SpyerChannelEvent = _prefixed(ChannelEvent, "Spyer")
TargetChannelEvent = _prefixed(ChannelEvent, "Target")
TransfereeChannelEvent = _prefixed(ChannelEvent, "Transferee")
TransfererChannelEvent = _prefixed(ChannelEvent, "Transferer")
TransferTargetChannelEvent = _prefixed(ChannelEvent, "TransferTarget")

FromBridgeEvent = _prefixed(BridgeEvent, "From")
OrigBridgeEvent = _prefixed(BridgeEvent, "Orig")
SecondBridgeEvent = _prefixed(BridgeEvent, "Second")
ToBridgeEvent = _prefixed(BridgeEvent, "To")

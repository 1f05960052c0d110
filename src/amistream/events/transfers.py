"""Transfers, blind and attended."""

from __future__ import annotations

from amistream.events._snapshots import (
    BridgeEvent,
    LocalOneChannelEvent,
    LocalTwoChannelEvent,
    OrigBridgeEvent,
    OrigTransfererChannelEvent,
    SecondBridgeEvent,
    SecondTransfererChannelEvent,
    TransfereeChannelEvent,
    TransfererChannelEvent,
    TransferTargetChannelEvent,
)
from amistream.headers import Bool, Text

__all__ = [
    "AttendedTransfer",
    "BlindTransfer",
]


class BlindTransfer(TransfereeChannelEvent, TransfererChannelEvent, BridgeEvent):
    """A blind transfer was done, or failed."""

    __slots__ = ()

    result = Text("Result")
    is_external = Bool("IsExternal")
    context = Text("Context")
    extension = Text("Extension")


class AttendedTransfer(
    LocalOneChannelEvent,
    LocalTwoChannelEvent,
    OrigTransfererChannelEvent,
    SecondTransfererChannelEvent,
    TransferTargetChannelEvent,
    TransfereeChannelEvent,
    OrigBridgeEvent,
    SecondBridgeEvent,
):
    """An attended transfer was done, or failed; `dest_type` is the kind of its destination."""

    __slots__ = ()

    result = Text("Result")
    dest_type = Text("DestType")
    dest_bridge_uniqueid = Text("DestBridgeUniqueid")
    dest_app = Text("DestApp")
    dest_transferer_channel = Text("DestTransfererChannel")
    is_external = Bool("IsExternal")

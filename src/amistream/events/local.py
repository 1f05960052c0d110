"""Local channels: their two halves, and their removal by optimisation."""

from __future__ import annotations

from amistream.events._snapshots import (
    LocalOneChannelEvent,
    LocalTwoChannelEvent,
    SourceChannelEvent,
)
from amistream.headers import Bool, Int, Text

__all__ = [
    "LocalBridge",
    "LocalOptimizationBegin",
    "LocalOptimizationEnd",
]


class LocalBridge(LocalOneChannelEvent, LocalTwoChannelEvent):
    """The two halves of a Local channel were joined."""

    __slots__ = ()

    context = Text("Context")
    exten = Text("Exten")
    local_optimization = Bool("LocalOptimization")


class LocalOptimizationBegin(LocalOneChannelEvent, LocalTwoChannelEvent, SourceChannelEvent):
    """A Local channel is about to be optimised away."""

    __slots__ = ()

    dest_uniqueid = Text("DestUniqueId")
    id = Int("Id")


class LocalOptimizationEnd(LocalOneChannelEvent, LocalTwoChannelEvent):
    """A Local channel was optimised away, or could not be."""

    __slots__ = ()

    success = Bool("Success")
    id = Int("Id")

"""Modules with one event each: chan_mobile and res_xmpp."""

from __future__ import annotations

from amistream.headers import Int, Text
from amistream.messages import Event

__all__ = [
    "JabberStatus",
    "MobileStatus",
]


class JabberStatus(Event):
    """The presence of an XMPP contact changed (res_xmpp)."""

    __slots__ = ()

    account = Text("Account")
    jid = Text("JID")
    resource = Text("Resource")
    status = Int("Status")
    priority = Int("Priority")
    description = Text("Description")


class MobileStatus(Event):
    """A Bluetooth device connected or disconnected (chan_mobile)."""

    __slots__ = ()

    status = Text("Status")
    device = Text("Device")

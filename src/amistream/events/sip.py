"""chan_sip and chan_iax2: the lists of peers and of registrations."""

from __future__ import annotations

from amistream.events._parts import ListEnd
from amistream.headers import Bool, Int, Milliseconds, Text
from amistream.messages import Event


class PeerEntry(Event):
    """A peer of a SIPpeers list; `status` is its round trip in ms, -2 if it is not monitored."""

    __slots__ = ()

    channel_type = Text("ChannelType", "Channeltype")
    object_name = Text("ObjectName")
    chan_object_type = Text("ChanObjectType")
    ip_address = Text("IPaddress")
    ip_port = Int("IPport", failure=None, optional=True)
    dynamic = Bool("Dynamic", true="yes", failure=False)
    natsupport = Bool("Natsupport", true="yes", failure=False)
    video_support = Bool("VideoSupport", true="yes", failure=False)
    acl = Bool("ACL", true="yes", failure=False)
    status = Milliseconds("Status")
    realtime_device = Bool("RealtimeDevice", true="yes", failure=False)


class PeerlistComplete(ListEnd):
    """The end of a SIPpeers list."""

    __slots__ = ()

    list_items = Int("ListItems", failure=-1)


class RegistryEntry(Event):
    """A registration of a SIPshowregistry list.

    `refresh` in seconds, `registration_time` is a UNIX time.
    """

    __slots__ = ()

    host = Text("Host")
    port = Int("Port", failure=-1)
    username = Text("Username")
    domain = Text("Domain")
    domain_port = Int("DomainPort", failure=-1)
    refresh = Int("Refresh", failure=-1)
    state = Text("State")
    registration_time = Int("RegistrationTime", failure=-1)


class RegistrationsComplete(ListEnd):
    """The end of a SIPshowregistry list."""

    __slots__ = ()

    list_items = Int("ListItems", failure=-1)

"""SIP and IAX2: peers and registrations, their changes and their lists."""

from __future__ import annotations

from amistream.aggregates import Aggregate, register_list
from amistream.events._lists import ListEnd
from amistream.events._snapshots import UNKNOWN
from amistream.headers import Bool, Int, Milliseconds, Text
from amistream.messages import Event

__all__ = [
    "IAXpeerlist_Aggregate",
    "IAXpeers_Aggregate",
    "IAXregistry_Aggregate",
    "PeerEntry",
    "PeerStatus",
    "PeerlistComplete",
    "RegistrationsComplete",
    "Registry",
    "RegistryEntry",
    "SIPpeers_Aggregate",
    "SIPshowregistry_Aggregate",
]


class PeerStatus(Event):
    """A peer registered or unregistered, or became reachable or unreachable."""

    __slots__ = ()

    channel_type = Text("ChannelType")
    peer = Text("Peer")
    peer_status = Text("PeerStatus")
    cause = Text("Cause")
    address = Text("Address")
    port = Text("Port")
    time = Text("Time")


class Registry(Event):
    """An outbound registration changed."""

    __slots__ = ()

    channel_type = Text("ChannelType")
    username = Text("Username")
    domain = Text("Domain")
    status = Text("Status")
    cause = Text("Cause")


class PeerEntry(Event):
    """A peer of a SIPpeers, IAXpeers or IAXpeerlist list.

    `status` is the round trip time in ms, or -2 if the peer is not monitored.
    """

    __slots__ = ()

    channel_type = Text("ChannelType", "Channeltype")
    object_name = Text("ObjectName")
    object_username = Text("ObjectUsername")
    chan_object_type = Text("ChanObjectType")
    ip_address = Text("IPaddress", unknown=UNKNOWN)
    mask = Text("Mask", unknown=UNKNOWN)
    port = Text("Port", unknown=UNKNOWN)
    ip_port = Int("IPport", failure=None, optional=True)
    dynamic = Bool("Dynamic", true="yes", failure=False)
    natsupport = Bool("Natsupport", true="yes", failure=False)
    video_support = Bool("VideoSupport", true="yes", failure=False)
    acl = Bool("ACL", true="yes", failure=False)
    status = Milliseconds("Status")
    realtime_device = Bool("RealtimeDevice", true="yes", failure=False)
    trunk = Bool("Trunk")
    encryption = Text("Encryption")
    description = Text("Description")


class PeerlistComplete(ListEnd):
    """The end of a list of peers."""

    __slots__ = ()

    list_items = Int("ListItems", failure=-1)


class RegistryEntry(Event):
    """A registration of a SIPshowregistry or IAXregistry list.

    `refresh` is in seconds, `registration_time` is a UNIX time.
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
    dns_manager = Bool("DNSmanager")
    perceived = Text("Perceived")


class RegistrationsComplete(ListEnd):
    """The end of a list of registrations."""

    __slots__ = ()

    list_items = Int("ListItems", failure=-1)


# --- lists ------------------------------------------------------------------------------------


@register_list
class IAXpeerlist_Aggregate(Aggregate):
    """The peers of chan_iax2 with mask and port, asked for with IAXpeerlist."""

    members = (PeerEntry,)
    finisher = PeerlistComplete
    mark = ("Channeltype", "IAX")


@register_list
class IAXpeers_Aggregate(Aggregate):
    """The peers of chan_iax2, asked for with IAXpeers; they come without the ActionID."""

    members = (PeerEntry,)
    finisher = PeerlistComplete
    mark = ("Channeltype", "IAX2")
    anonymous = True


@register_list
class IAXregistry_Aggregate(Aggregate):
    """The registrations of chan_iax2, asked for with IAXregistry."""

    members = (RegistryEntry,)
    finisher = RegistrationsComplete
    mark = ("Perceived", None)


@register_list
class SIPpeers_Aggregate(Aggregate):
    """The peers of chan_sip, asked for with SIPpeers."""

    members = (PeerEntry,)
    finisher = PeerlistComplete


@register_list
class SIPshowregistry_Aggregate(Aggregate):
    """The registrations of chan_sip, asked for with SIPshowregistry."""

    members = (RegistryEntry,)
    finisher = RegistrationsComplete

"""Aggregates: the events of one list, gathered by ActionID, and every kind of list there is."""

from __future__ import annotations

from typing import Any, ClassVar

from amistream.events.agents import Agents, AgentsComplete
from amistream.events.bridges import (
    BridgeInfoChannel,
    BridgeInfoComplete,
    BridgeListComplete,
    BridgeListItem,
    BridgeTechnologyListComplete,
    BridgeTechnologyListItem,
)
from amistream.events.channels import (
    ChannelHungup,
    ChannelsHungupListComplete,
    CoreShowChannel,
    CoreShowChannelMap,
    CoreShowChannelMapComplete,
    CoreShowChannelsComplete,
    Status,
    StatusComplete,
)
from amistream.events.conference import (
    ConfbridgeList,
    ConfbridgeListComplete,
    ConfbridgeListRooms,
    ConfbridgeListRoomsComplete,
)
from amistream.events.dahdi import (
    DAHDIShowChannels,
    DAHDIShowChannelsComplete,
    DAHDIShowStatus,
    DAHDIShowStatusComplete,
    PRIShowSpans,
    PRIShowSpansComplete,
)
from amistream.events.database import (
    DBGetComplete,
    DBGetResponse,
    DBGetTreeComplete,
    DBGetTreeResponse,
)
from amistream.events.dialplan import ListDialplan, ShowDialPlanComplete
from amistream.events.fax import FAXSessionsComplete, FAXSessionsEntry
from amistream.events.meetme import (
    MeetmeList,
    MeetmeListComplete,
    MeetmeListRooms,
    MeetmeListRoomsComplete,
)
from amistream.events.parking import (
    ParkedCall,
    ParkedCallsComplete,
    Parkinglot,
    ParkinglotsComplete,
)
from amistream.events.pjsip import (
    AorDetail,
    AorList,
    AorListComplete,
    AuthDetail,
    AuthList,
    AuthListComplete,
    ContactList,
    ContactListComplete,
    ContactStatusDetail,
    ContactStatusDetailComplete,
    EndpointDetail,
    EndpointDetailComplete,
    EndpointList,
    EndpointListComplete,
    IdentifyDetail,
    InboundRegistrationDetail,
    InboundRegistrationDetailComplete,
    InboundSubscriptionDetail,
    InboundSubscriptionDetailComplete,
    OutboundRegistrationDetail,
    OutboundRegistrationDetailComplete,
    OutboundSubscriptionDetail,
    OutboundSubscriptionDetailComplete,
    PJSIPMaintenanceStatus,
    PJSIPMaintenanceStatusComplete,
    ResourceListDetail,
    ResourceListDetailComplete,
    TransportDetail,
)
from amistream.events.queues import (
    QueueEntry,
    QueueMember,
    QueueParams,
    QueueStatusComplete,
    QueueSummary,
    QueueSummaryComplete,
)
from amistream.events.sip import PeerEntry, PeerlistComplete, RegistrationsComplete, RegistryEntry
from amistream.events.states import (
    DeviceStateChange,
    DeviceStateListComplete,
    ExtensionStateListComplete,
    ExtensionStatus,
    PresenceStateChange,
    PresenceStateListComplete,
)
from amistream.events.voicemail import (
    MWIGet,
    MWIGetComplete,
    VoicemailBoxDetail,
    VoicemailBoxDetailComplete,
    VoicemailUserDetail,
    VoicemailUserDetailComplete,
    VoicemailUserEntry,
    VoicemailUserEntryComplete,
)
from amistream.messages import Event, Message

__all__ = [
    "Agents_Aggregate",
    "BridgeInfo_Aggregate",
    "BridgeList_Aggregate",
    "BridgeTechnologyList_Aggregate",
    "ConfbridgeListRooms_Aggregate",
    "ConfbridgeList_Aggregate",
    "CoreShowChannelMap_Aggregate",
    "CoreShowChannels_Aggregate",
    "DAHDIShowChannels_Aggregate",
    "DAHDIShowStatus_Aggregate",
    "DBGetTree_Aggregate",
    "DBGet_Aggregate",
    "DeviceStateList_Aggregate",
    "EventList_Aggregate",
    "ExtensionStateList_Aggregate",
    "FAXSessions_Aggregate",
    "Hangup_Aggregate",
    "IAXpeerlist_Aggregate",
    "IAXpeers_Aggregate",
    "IAXregistry_Aggregate",
    "MWIGet_Aggregate",
    "MeetmeListRooms_Aggregate",
    "MeetmeList_Aggregate",
    "PJSIPShowAors_Aggregate",
    "PJSIPShowAuths_Aggregate",
    "PJSIPShowContacts_Aggregate",
    "PJSIPShowEndpoint_Aggregate",
    "PJSIPShowEndpoints_Aggregate",
    "PJSIPShowMaintenance_Aggregate",
    "PJSIPShowRegistrationInboundContactStatuses_Aggregate",
    "PJSIPShowRegistrationsInbound_Aggregate",
    "PJSIPShowRegistrationsOutbound_Aggregate",
    "PJSIPShowResourceLists_Aggregate",
    "PJSIPShowSubscriptionsInbound_Aggregate",
    "PJSIPShowSubscriptionsOutbound_Aggregate",
    "PRIShowSpans_Aggregate",
    "ParkedCalls_Aggregate",
    "Parkinglots_Aggregate",
    "PresenceStateList_Aggregate",
    "QueueStatus_Aggregate",
    "QueueSummary_Aggregate",
    "SIPpeers_Aggregate",
    "SIPshowregistry_Aggregate",
    "ShowDialPlan_Aggregate",
    "Status_Aggregate",
    "VoicemailBoxSummary_Aggregate",
    "VoicemailUserStatus_Aggregate",
    "VoicemailUsersList_Aggregate",
]


class Aggregate(dict[Any, Any]):
    """One list: maps each member class, and its name, to the members; the finisher to its event.

    A member's key has a list, empty until one comes; the finisher's has None until it comes. An
    announced list takes every event with its ActionID: what is of no member class is kept under
    its name, and under its class if it has one of its own.
    """

    members: ClassVar[tuple[type[Event], ...]] = ()
    finisher: ClassVar[type[Event]] = Event
    count_header: ClassVar[str] = "ListItems"
    """The finisher's header that says how many members were sent, as ListItems does if it came."""
    uncounted: ClassVar[tuple[type[Event], ...]] = ()
    """The members that Asterisk sends but leaves out of that count."""
    mark: ClassVar[tuple[str, str | None] | None] = None
    """The header of its members, and its text unless any will do, that tells them from those of
    another list with the same classes."""
    opens_unasked: ClassVar[bool] = True
    """Whether an event alone opens it in a Collector; if not it must be announced, or opened."""
    anonymous: ClassVar[bool] = False
    """Whether Asterisk sends its members without the ActionID; their `mark` has to tell them."""

    def __init__(self, action_id: str, *, max_members: int | None = None) -> None:
        super().__init__()
        self.max_members = max_members
        self._action_id = action_id
        self._events: list[Event] = []
        self._received = 0
        self._announced = False
        self._ended_by: Event | None = None
        self._finished = False
        self._error_message: str | None = None
        for member in self.members:
            self[member] = self[member.__name__] = []
        if self.finisher is not Event:
            self[self.finisher] = self[self.finisher.__name__] = None

    @property
    def name(self) -> str:
        """The aggregate's class name."""
        return type(self).__name__

    @property
    def action_id(self) -> str:
        """The ActionID that its events carry."""
        return self._action_id

    @property
    def events(self) -> list[Event]:
        """All that joined the list, in the order it came; without what ended it."""
        return self._events

    @property
    def ended_by(self) -> Event | None:
        """The event that ended the list, or None: it is open, was refused or timed out."""
        return self._ended_by

    @property
    def announced(self) -> bool:
        """Whether Asterisk answered that the list starts."""
        return self._announced

    @property
    def finished(self) -> bool:
        """Whether the list has ended; what comes after is unrelated."""
        return self._finished

    @property
    def valid(self) -> bool:
        """Whether nothing contradicts the list being whole."""
        return self._error_message is None

    @property
    def error_message(self) -> str | None:
        """Why the list is not valid, or None."""
        return self._error_message

    def announce(self) -> None:
        """Asterisk answered that the list starts: every event with its ActionID belongs to it."""
        self._announced = True

    def evaluate_event(self, event: Message) -> bool | None:
        """Take the event in: True if that ends the list, False if it joins, None if unrelated."""
        if self._finished or not isinstance(event, Event):
            return None
        member = next((cls for cls in self.members if isinstance(event, cls)), None)
        ends = member is None and isinstance(event, self.finisher)
        if not (member or ends or self._announced):
            return None
        if event.action_id != self._action_id and not self._is_anonymous(event):
            return None
        if ends:
            self[self.finisher] = self[self.finisher.__name__] = event
            return self._end(event)
        if member is None and ends_a_list(event):
            return self._end(event, f"{event.name} ended it, not {self._end_name}")
        return self._join(event, member)

    def fail(self, reason: str) -> None:
        """End the list without its finisher."""
        self._finished = True
        self._error_message = reason

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str):
            return self.name == other
        return self is other

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None  # equal to a str, yet each one's own

    def __repr__(self) -> str:
        names = [key for key, held in self.items() if isinstance(held, list)]
        counts = [f"{len(self[name])} {name}" for name in names if isinstance(name, str)]
        state = "open" if not self._finished else self._error_message or "whole"
        return f"<{self.name} {self._action_id!r}: {', '.join(counts) or 'no events'}; {state}>"

    @property
    def _end_name(self) -> str:
        return self.finisher.__name__

    def _is_anonymous(self, event: Event) -> bool:
        return self.anonymous and event.action_id is None and has_mark(type(self), event)

    def _join(self, event: Event, member: type[Event] | None) -> bool:
        self._received += 1
        if self.max_members is None or self._received <= self.max_members:
            self._events.append(event)
            kept = self._find_place(event) if member is None else self[member]
            kept.append(event)
        return False

    def _find_place(self, event: Event) -> list[Event]:
        """Where events of no member class are kept: under their name and a class of their own."""
        held = self.get(event.name)
        place: list[Event] = held if isinstance(held, list) else []
        self[event.name] = place
        if type(event) is not Event:
            self[type(event)] = place
        return place

    def _end(self, event: Event, reason: str | None = None) -> bool:
        self._ended_by = event
        self._finished = True
        self._error_message = self._find_contradiction(event) or reason
        return True

    def _find_contradiction(self, end: Event) -> str | None:
        if end.get("EventList", "").lower() == "cancelled":
            return f"Asterisk cancelled the list after {self._received} members"
        if self.max_members is not None and self._received > self.max_members:
            return f"{self._received} members came; only {self.max_members} were kept"
        counted = self._received - self._count_uncounted(end)
        for header in (self.count_header, "ListItems"):
            stated = end.get(header)
            if stated is not None and stated != str(counted):
                return f"{header} says {stated} members were sent; {counted} came"
        return None

    def _count_uncounted(self, end: Event) -> int:
        return sum(len(self[cls]) for cls in self.uncounted)

    def _take_over(self, other: Aggregate) -> None:
        """Gather what another aggregate has of the same announced list."""
        self.announce()
        for event in other.events:
            self.evaluate_event(event)
        self._received = other._received


class EventList_Aggregate(Aggregate):
    """Any list that Asterisk announces with `EventList: start`, up to its Complete or Cancelled.

    It takes every event with its ActionID: those of one name are kept, as a list, under that
    name, and under their class if they have one of their own. `ended_by` is the finisher.
    """

    def evaluate_event(self, event: Message) -> bool | None:
        """Take the event in: True if that ends the list, False if it joins, None if unrelated."""
        if self._finished or not isinstance(event, Event) or event.action_id != self._action_id:
            return None
        if not ends_a_list(event):
            return self._join(event, None)
        self.setdefault(event.name, event)
        if type(event) is not Event:
            self.setdefault(type(event), event)
        return self._end(event)

    @property
    def _end_name(self) -> str:
        return "its Complete"

    def _count_uncounted(self, end: Event) -> int:
        return sum(len(self.get(name, ())) for name in _UNCOUNTED.get(end.name, ()))


def has_mark(kind: type[Aggregate], event: Event) -> bool:
    """Whether the event has what tells a kind from others with the same classes."""
    if kind.mark is None:
        return False
    header, text = kind.mark
    return header in event if text is None else event.get(header) == text


def ends_a_list(event: Event) -> bool:
    """Whether the event says of itself that it is a list's last, in any case of letters."""
    return event.get("EventList", "").lower() in ("complete", "cancelled")


class Agents_Aggregate(Aggregate):
    """The agents of app_agent_pool, asked for with Agents."""

    members = (Agents,)
    finisher = AgentsComplete


class BridgeInfo_Aggregate(Aggregate):
    """The channels of one bridge, asked for with BridgeInfo; the finisher has the bridge."""

    members = (BridgeInfoChannel,)
    finisher = BridgeInfoComplete


class BridgeList_Aggregate(Aggregate):
    """The bridges, asked for with BridgeList."""

    members = (BridgeListItem,)
    finisher = BridgeListComplete


class BridgeTechnologyList_Aggregate(Aggregate):
    """The ways of bridging, asked for with BridgeTechnologyList."""

    members = (BridgeTechnologyListItem,)
    finisher = BridgeTechnologyListComplete


class ConfbridgeList_Aggregate(Aggregate):
    """The users of one conference, asked for with ConfbridgeList."""

    members = (ConfbridgeList,)
    finisher = ConfbridgeListComplete


class ConfbridgeListRooms_Aggregate(Aggregate):
    """The conferences, asked for with ConfbridgeListRooms."""

    members = (ConfbridgeListRooms,)
    finisher = ConfbridgeListRoomsComplete


class CoreShowChannelMap_Aggregate(Aggregate):
    """The channels connected to one channel, asked for with CoreShowChannelMap."""

    members = (CoreShowChannelMap,)
    finisher = CoreShowChannelMapComplete


class CoreShowChannels_Aggregate(Aggregate):
    """The active channels, asked for with CoreShowChannels."""

    members = (CoreShowChannel,)
    finisher = CoreShowChannelsComplete


class DAHDIShowChannels_Aggregate(Aggregate):
    """The DAHDI channels, asked for with DAHDIShowChannels."""

    members = (DAHDIShowChannels,)
    finisher = DAHDIShowChannelsComplete
    count_header = "Items"


class DAHDIShowStatus_Aggregate(Aggregate):
    """The DAHDI spans, asked for with DAHDIShowStatus."""

    members = (DAHDIShowStatus,)
    finisher = DAHDIShowStatusComplete
    count_header = "Items"


class DBGet_Aggregate(Aggregate):
    """One entry of the database, asked for with DBGet."""

    members = (DBGetResponse,)
    finisher = DBGetComplete
    # Asterisk before 1.8 answered with a DBGetResponse and no finisher.
    opens_unasked = False


class DBGetTree_Aggregate(Aggregate):
    """The entries of the database below a key, asked for with DBGetTree."""

    members = (DBGetTreeResponse,)
    finisher = DBGetTreeComplete


class DeviceStateList_Aggregate(Aggregate):
    """The states of all devices, asked for with DeviceStateList."""

    members = (DeviceStateChange,)
    finisher = DeviceStateListComplete


class ExtensionStateList_Aggregate(Aggregate):
    """The states of all hints, asked for with ExtensionStateList."""

    members = (ExtensionStatus,)
    finisher = ExtensionStateListComplete


class FAXSessions_Aggregate(Aggregate):
    """The fax sessions, asked for with FAXSessions."""

    members = (FAXSessionsEntry,)
    finisher = FAXSessionsComplete
    count_header = "Total"


class Hangup_Aggregate(Aggregate):
    """The channels hung up by a Hangup whose Channel is a /regular expression/."""

    members = (ChannelHungup,)
    finisher = ChannelsHungupListComplete


class IAXpeerlist_Aggregate(Aggregate):
    """The peers of chan_iax2 with mask and port, asked for with IAXpeerlist."""

    members = (PeerEntry,)
    finisher = PeerlistComplete
    mark = ("Channeltype", "IAX")


class IAXpeers_Aggregate(Aggregate):
    """The peers of chan_iax2, asked for with IAXpeers; they come without the ActionID."""

    members = (PeerEntry,)
    finisher = PeerlistComplete
    mark = ("Channeltype", "IAX2")
    anonymous = True


class IAXregistry_Aggregate(Aggregate):
    """The registrations of chan_iax2, asked for with IAXregistry."""

    members = (RegistryEntry,)
    finisher = RegistrationsComplete
    mark = ("Perceived", None)


class MWIGet_Aggregate(Aggregate):
    """Mailboxes with their message counts, asked for with MWIGet."""

    members = (MWIGet,)
    finisher = MWIGetComplete


class MeetmeList_Aggregate(Aggregate):
    """The users of MeetMe conferences, asked for with MeetmeList."""

    members = (MeetmeList,)
    finisher = MeetmeListComplete


class MeetmeListRooms_Aggregate(Aggregate):
    """The MeetMe conferences, asked for with MeetmeListRooms."""

    members = (MeetmeListRooms,)
    finisher = MeetmeListRoomsComplete


class PJSIPShowAors_Aggregate(Aggregate):
    """The addresses of record, asked for with PJSIPShowAors."""

    members = (AorList,)
    finisher = AorListComplete


class PJSIPShowAuths_Aggregate(Aggregate):
    """The authentications, asked for with PJSIPShowAuths."""

    members = (AuthList,)
    finisher = AuthListComplete


class PJSIPShowContacts_Aggregate(Aggregate):
    """The contacts, asked for with PJSIPShowContacts."""

    members = (ContactList,)
    finisher = ContactListComplete


class PJSIPShowEndpoint_Aggregate(Aggregate):
    """One endpoint and what belongs to it, asked for with PJSIPShowEndpoint."""

    members = (
        EndpointDetail,
        IdentifyDetail,
        ContactStatusDetail,
        AuthDetail,
        TransportDetail,
        AorDetail,
    )
    finisher = EndpointDetailComplete
    # Asterisk sends the finisher of a list that it has ended with an Error too.
    opens_unasked = False


class PJSIPShowEndpoints_Aggregate(Aggregate):
    """The endpoints, asked for with PJSIPShowEndpoints."""

    members = (EndpointList,)
    finisher = EndpointListComplete


class PJSIPShowMaintenance_Aggregate(Aggregate):
    """The endpoints in maintenance, asked for with PJSIPShowMaintenance."""

    members = (PJSIPMaintenanceStatus,)
    finisher = PJSIPMaintenanceStatusComplete


class PJSIPShowRegistrationInboundContactStatuses_Aggregate(Aggregate):
    """All contacts' states, asked for with PJSIPShowRegistrationInboundContactStatuses."""

    members = (ContactStatusDetail,)
    finisher = ContactStatusDetailComplete
    # Unannounced, an endpoint's contacts would be taken for these.
    opens_unasked = False


class PJSIPShowRegistrationsInbound_Aggregate(Aggregate):
    """Who registers here, asked for with PJSIPShowRegistrationsInbound."""

    members = (InboundRegistrationDetail,)
    finisher = InboundRegistrationDetailComplete


class PJSIPShowRegistrationsOutbound_Aggregate(Aggregate):
    """Where Asterisk registers, asked for with PJSIPShowRegistrationsOutbound.

    Each registration is followed by its authentications, which ListItems leaves out.
    """

    members = (OutboundRegistrationDetail, AuthDetail)
    finisher = OutboundRegistrationDetailComplete
    uncounted = (AuthDetail,)


class PJSIPShowResourceLists_Aggregate(Aggregate):
    """The resource lists, asked for with PJSIPShowResourceLists."""

    members = (ResourceListDetail,)
    finisher = ResourceListDetailComplete


class PJSIPShowSubscriptionsInbound_Aggregate(Aggregate):
    """Who subscribed here, asked for with PJSIPShowSubscriptionsInbound."""

    members = (InboundSubscriptionDetail,)
    finisher = InboundSubscriptionDetailComplete


class PJSIPShowSubscriptionsOutbound_Aggregate(Aggregate):
    """What Asterisk subscribed to, asked for with PJSIPShowSubscriptionsOutbound."""

    members = (OutboundSubscriptionDetail,)
    finisher = OutboundSubscriptionDetailComplete


class PRIShowSpans_Aggregate(Aggregate):
    """The D-channels of the PRI spans, asked for with PRIShowSpans."""

    members = (PRIShowSpans,)
    finisher = PRIShowSpansComplete
    count_header = "Items"


class ParkedCalls_Aggregate(Aggregate):
    """The parked calls, asked for with ParkedCalls."""

    members = (ParkedCall,)
    finisher = ParkedCallsComplete
    count_header = "Total"


class Parkinglots_Aggregate(Aggregate):
    """The parking lots, asked for with Parkinglots."""

    members = (Parkinglot,)
    finisher = ParkinglotsComplete


class PresenceStateList_Aggregate(Aggregate):
    """All presence states, asked for with PresenceStateList."""

    members = (PresenceStateChange,)
    finisher = PresenceStateListComplete


class QueueStatus_Aggregate(Aggregate):
    """Queues with their members and waiting calls, asked for with QueueStatus."""

    members = (QueueParams, QueueMember, QueueEntry)
    finisher = QueueStatusComplete


class QueueSummary_Aggregate(Aggregate):
    """The queues in short, asked for with QueueSummary."""

    members = (QueueSummary,)
    finisher = QueueSummaryComplete


class SIPpeers_Aggregate(Aggregate):
    """The peers of chan_sip, asked for with SIPpeers."""

    members = (PeerEntry,)
    finisher = PeerlistComplete


class SIPshowregistry_Aggregate(Aggregate):
    """The registrations of chan_sip, asked for with SIPshowregistry."""

    members = (RegistryEntry,)
    finisher = RegistrationsComplete


class ShowDialPlan_Aggregate(Aggregate):
    """The dialplan, asked for with ShowDialPlan.

    ListItems counts the events; ListExtensions, ListPriorities and ListContexts what they tell.
    """

    members = (ListDialplan,)
    finisher = ShowDialPlanComplete


class Status_Aggregate(Aggregate):
    """The channels with their state, asked for with Status."""

    members = (Status,)
    finisher = StatusComplete
    count_header = "Items"


class VoicemailBoxSummary_Aggregate(Aggregate):
    """The messages of one mailbox, asked for with VoicemailBoxSummary."""

    members = (VoicemailBoxDetail,)
    finisher = VoicemailBoxDetailComplete


class VoicemailUserStatus_Aggregate(Aggregate):
    """One mailbox, asked for with VoicemailUserStatus."""

    members = (VoicemailUserDetail,)
    finisher = VoicemailUserDetailComplete


class VoicemailUsersList_Aggregate(Aggregate):
    """The mailboxes, asked for with VoicemailUsersList."""

    members = (VoicemailUserEntry,)
    finisher = VoicemailUserEntryComplete


ALL: tuple[type[Aggregate], ...] = tuple(
    kind for kind in Aggregate.__subclasses__() if kind is not EventList_Aggregate
)
"""Every kind of list that is known by its events."""
_UNCOUNTED = {
    kind.finisher.__name__: [member.__name__ for member in kind.uncounted]
    for kind in ALL
    if kind.uncounted
}
"""The finisher's name to the names of the members that its count leaves out."""

"""The list actions of Asterisk 22, and functions that build the messages of a list."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any, NamedTuple

# The lists of the seed: their members, their finisher, and the header that counts the members.
SEED = {
    "CoreShowChannels": (["CoreShowChannel"], "CoreShowChannelsComplete", "ListItems"),
    "ParkedCalls": (["ParkedCall"], "ParkedCallsComplete", "Total"),
    "QueueStatus": (["QueueParams", "QueueMember", "QueueEntry"], "QueueStatusComplete", None),
    "QueueSummary": (["QueueSummary"], "QueueSummaryComplete", None),
    "SIPpeers": (["PeerEntry"], "PeerlistComplete", "ListItems"),
    "SIPshowregistry": (["RegistryEntry"], "RegistrationsComplete", "ListItems"),
    "Status": (["Status"], "StatusComplete", "Items"),
    "VoicemailUsersList": (["VoicemailUserEntry"], "VoicemailUserEntryComplete", None),
}


class Declared(NamedTuple):
    """A list action, as the source of Asterisk 22 has it; headers in `counts` hold its length."""

    members: tuple[str, ...]
    finisher: str
    counts: tuple[str, ...] = ("ListItems",)
    uncounted: tuple[str, ...] = ()
    headers: dict[str, str] = {}  # noqa: RUF012 - never written
    anonymous: bool = False


LISTS = {
    "Agents": Declared(("Agents",), "AgentsComplete"),
    "BridgeInfo": Declared(("BridgeInfoChannel",), "BridgeInfoComplete"),
    "BridgeList": Declared(("BridgeListItem",), "BridgeListComplete"),
    "BridgeTechnologyList": Declared(("BridgeTechnologyListItem",), "BridgeTechnologyListComplete"),
    "ConfbridgeList": Declared(("ConfbridgeList",), "ConfbridgeListComplete"),
    "ConfbridgeListRooms": Declared(("ConfbridgeListRooms",), "ConfbridgeListRoomsComplete"),
    "CoreShowChannelMap": Declared(("CoreShowChannelMap",), "CoreShowChannelMapComplete"),
    "CoreShowChannels": Declared(("CoreShowChannel",), "CoreShowChannelsComplete"),
    "DAHDIShowChannels": Declared(
        ("DAHDIShowChannels",), "DAHDIShowChannelsComplete", ("ListItems", "Items")
    ),
    "DAHDIShowStatus": Declared(
        ("DAHDIShowStatus",), "DAHDIShowStatusComplete", ("ListItems", "Items")
    ),
    "DBGet": Declared(("DBGetResponse",), "DBGetComplete"),
    "DBGetTree": Declared(("DBGetTreeResponse",), "DBGetTreeComplete"),
    "DeviceStateList": Declared(("DeviceStateChange",), "DeviceStateListComplete"),
    "ExtensionStateList": Declared(("ExtensionStatus",), "ExtensionStateListComplete"),
    "FAXSessions": Declared(("FAXSessionsEntry",), "FAXSessionsComplete", ("ListItems", "Total")),
    "Hangup": Declared(("ChannelHungup",), "ChannelsHungupListComplete"),
    "IAXpeerlist": Declared(("PeerEntry",), "PeerlistComplete", headers={"Channeltype": "IAX"}),
    "IAXpeers": Declared(
        ("PeerEntry",), "PeerlistComplete", headers={"Channeltype": "IAX2"}, anonymous=True
    ),
    "IAXregistry": Declared(
        ("RegistryEntry",),
        "RegistrationsComplete",
        headers={"DNSmanager": "N", "Perceived": "<Unregistered>"},
    ),
    "MWIGet": Declared(("MWIGet",), "MWIGetComplete"),
    "MeetmeList": Declared(("MeetmeList",), "MeetmeListComplete"),
    "MeetmeListRooms": Declared(("MeetmeListRooms",), "MeetmeListRoomsComplete"),
    "PJSIPShowAors": Declared(("AorList",), "AorListComplete"),
    "PJSIPShowAuths": Declared(("AuthList",), "AuthListComplete"),
    "PJSIPShowContacts": Declared(("ContactList",), "ContactListComplete"),
    "PJSIPShowEndpoint": Declared(
        (
            "EndpointDetail",
            "IdentifyDetail",
            "ContactStatusDetail",
            "AuthDetail",
            "TransportDetail",
            "AorDetail",
        ),
        "EndpointDetailComplete",
    ),
    "PJSIPShowEndpoints": Declared(("EndpointList",), "EndpointListComplete"),
    "PJSIPShowMaintenance": Declared(("PJSIPMaintenanceStatus",), "PJSIPMaintenanceStatusComplete"),
    "PJSIPShowRegistrationInboundContactStatuses": Declared(
        ("ContactStatusDetail",), "ContactStatusDetailComplete"
    ),
    "PJSIPShowRegistrationsInbound": Declared(
        ("InboundRegistrationDetail",), "InboundRegistrationDetailComplete"
    ),
    "PJSIPShowRegistrationsOutbound": Declared(
        ("OutboundRegistrationDetail", "AuthDetail"),
        "OutboundRegistrationDetailComplete",
        uncounted=("AuthDetail",),
    ),
    "PJSIPShowResourceLists": Declared(("ResourceListDetail",), "ResourceListDetailComplete"),
    "PJSIPShowSubscriptionsInbound": Declared(
        ("InboundSubscriptionDetail",), "InboundSubscriptionDetailComplete"
    ),
    "PJSIPShowSubscriptionsOutbound": Declared(
        ("OutboundSubscriptionDetail",), "OutboundSubscriptionDetailComplete"
    ),
    "PRIShowSpans": Declared(("PRIShowSpans",), "PRIShowSpansComplete", ("ListItems", "Items")),
    "ParkedCalls": Declared(("ParkedCall",), "ParkedCallsComplete", ("ListItems", "Total")),
    "Parkinglots": Declared(("Parkinglot",), "ParkinglotsComplete"),
    "PresenceStateList": Declared(("PresenceStateChange",), "PresenceStateListComplete"),
    "QueueStatus": Declared(("QueueParams", "QueueMember", "QueueEntry"), "QueueStatusComplete"),
    "QueueSummary": Declared(("QueueSummary",), "QueueSummaryComplete"),
    "ShowDialPlan": Declared(("ListDialplan",), "ShowDialPlanComplete"),
    "Status": Declared(("Status",), "StatusComplete", ("ListItems", "Items")),
    "VoicemailBoxSummary": Declared(("VoicemailBoxDetail",), "VoicemailBoxDetailComplete"),
    "VoicemailUserStatus": Declared(("VoicemailUserDetail",), "VoicemailUserDetailComplete"),
    "VoicemailUsersList": Declared(("VoicemailUserEntry",), "VoicemailUserEntryComplete"),
}
OLDER = {
    "SIPpeers": Declared(("PeerEntry",), "PeerlistComplete", headers={"Channeltype": "SIP"}),
    "SIPshowregistry": Declared(
        ("RegistryEntry",), "RegistrationsComplete", headers={"Domain": "lab", "DomainPort": "5060"}
    ),
}
EVERY = {**LISTS, **OLDER}


def event(ami: ModuleType, name: str, action_id: str | None = "a", **headers: str) -> Any:
    sent = {"Event": name, **({} if action_id is None else {"ActionID": action_id}), **headers}
    data = "".join(f"{key}: {value}\r\n" for key, value in sent.items()) + "\r\n"
    (message,) = ami.Parser().feed(data.encode())
    return message


def response(ami: ModuleType, word: str, action_id: str, text: str) -> Any:
    data = f"Response: {word}\r\nActionID: {action_id}\r\nMessage: {text}\r\n\r\n"
    (message,) = ami.Parser().feed(data.encode())
    return message


def aggregate(ami: ModuleType, name: str, action_id: str = "a", **options: Any) -> Any:
    return getattr(ami.core_events, f"{name}_Aggregate")(action_id, **options)


def start(ami: ModuleType, action_id: str = "a", word: str = "start") -> Any:
    lines = f"Response: Success\r\nActionID: {action_id}\r\nEventList: {word}\r\nMessage: follows"
    (message,) = ami.Parser().feed(f"{lines}\r\n\r\n".encode())
    return message


def complete(
    ami: ModuleType, name: str, count: int, action_id: str | None = "a", **headers: str
) -> Any:
    stated = {"EventList": "Complete", "ListItems": str(count), **headers}
    return event(ami, name, action_id, **stated)


def sent_members(ami: ModuleType, declared: Declared, action_id: str = "a") -> list[Any]:
    """Two events of each member class, as Asterisk sends them."""
    names = declared.members * 2
    own_id = None if declared.anonymous else action_id
    return [event(ami, name, own_id, Nr=str(i), **declared.headers) for i, name in enumerate(names)]


def end_of(ami: ModuleType, declared: Declared, sent: list[Any], action_id: str = "a") -> Any:
    count = sum(one.name not in declared.uncounted for one in sent)
    counts = dict.fromkeys(declared.counts, str(count))
    return complete(ami, declared.finisher, count, action_id, **counts)


def noise(ami: ModuleType, nr: int) -> Iterator[Any]:
    """Messages that may come between the events of a list: unrelated, or of other actions."""
    yield event(ami, "Newchannel", None)
    yield event(ami, "OriginateResponse", "other")
    yield event(ami, "DeviceStateChange", None)
    yield event(ami, "ParkedCall", None)
    yield event(ami, "QueueParams", "another list")
    yield response(ami, "Success", f"other-{nr}", "done")
    yield response(ami, "Error", f"other-{nr}", "not done")


def announce(ami: ModuleType, collector: Any, name: str, asked: str) -> Any:
    """Announce a list, and open it before or after that, or never. Return the opened list."""
    opened = None
    if asked == "before":
        opened = collector.open(aggregate(ami, name))
    assert collector.add(start(ami)) is None
    if asked == "after":
        opened = collector.open(aggregate(ami, name))
    return opened


def add_all(collector: Any, messages: list[Any]) -> list[Any]:
    return [done for message in messages if (done := collector.add(message)) is not None]


class Clock:
    """A clock that only moves when a test sets `now`."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

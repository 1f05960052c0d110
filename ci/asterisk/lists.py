"""Every list action of Asterisk 22, and the check that each requested list came complete."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from checks import Problems

import amistream

COUNTS = ("ListItems", "Total", "Items")


class List(NamedTuple):
    """A list action, its finisher (the event that ends the list), and the action's headers.

    not_counted: the name of members that Asterisk leaves out of the count it states.
    without_action_id: Asterisk sends the members without an ActionID, so they cannot be matched.
    """

    action: str
    finisher: str
    headers: dict[str, str] = {}  # noqa: RUF012 - never changed
    not_counted: str = ""
    without_action_id: bool = False


MAILBOX = {"Context": "default", "Mailbox": "1234"}
LISTS = (
    List("Agents", "AgentsComplete"),
    List("BridgeInfo", "BridgeInfoComplete", {"BridgeUniqueid": "{bridge}"}),
    List("BridgeList", "BridgeListComplete"),
    List("BridgeTechnologyList", "BridgeTechnologyListComplete"),
    List("ConfbridgeList", "ConfbridgeListComplete", {"Conference": "100"}),
    List("ConfbridgeListRooms", "ConfbridgeListRoomsComplete"),
    List("CoreShowChannelMap", "CoreShowChannelMapComplete", {"Channel": "{channel}"}),
    List("CoreShowChannels", "CoreShowChannelsComplete"),
    List("DAHDIShowChannels", "DAHDIShowChannelsComplete"),
    List("DAHDIShowStatus", "DAHDIShowStatusComplete"),
    List("DBGet", "DBGetComplete", {"Family": "lab", "Key": "k"}),
    List("DBGetTree", "DBGetTreeComplete", {"Family": "lab"}),
    List("DeviceStateList", "DeviceStateListComplete"),
    List("ExtensionStateList", "ExtensionStateListComplete"),
    List("FAXSessions", "FAXSessionsComplete"),
    List("Hangup", "ChannelsHungupListComplete", {"Channel": "/^Local\\/doomed@/"}),
    List("IAXpeerlist", "PeerlistComplete"),
    List("IAXpeers", "PeerlistComplete", without_action_id=True),
    List("IAXregistry", "RegistrationsComplete"),
    List("MWIGet", "MWIGetComplete", {"Mailbox": "1234@default"}),
    List("MeetmeList", "MeetmeListComplete"),
    List("MeetmeListRooms", "MeetmeListRoomsComplete"),
    List("PJSIPShowAors", "AorListComplete"),
    List("PJSIPShowAuths", "AuthListComplete"),
    List("PJSIPShowContacts", "ContactListComplete"),
    List("PJSIPShowEndpoint", "EndpointDetailComplete", {"Endpoint": "carol"}),
    List("PJSIPShowEndpoint", "EndpointDetailComplete", {"Endpoint": "trunk"}),
    List("PJSIPShowEndpoints", "EndpointListComplete"),
    List("PJSIPShowMaintenance", "PJSIPMaintenanceStatusComplete"),
    List("PJSIPShowRegistrationInboundContactStatuses", "ContactStatusDetailComplete"),
    List("PJSIPShowRegistrationsInbound", "InboundRegistrationDetailComplete"),
    List(
        "PJSIPShowRegistrationsOutbound",
        "OutboundRegistrationDetailComplete",
        not_counted="AuthDetail",
    ),
    List("PJSIPShowResourceLists", "ResourceListDetailComplete"),
    List("PJSIPShowSubscriptionsInbound", "InboundSubscriptionDetailComplete"),
    List("PJSIPShowSubscriptionsOutbound", "OutboundSubscriptionDetailComplete"),
    List("PRIShowSpans", "PRIShowSpansComplete"),
    List("ParkedCalls", "ParkedCallsComplete"),
    List("Parkinglots", "ParkinglotsComplete"),
    List("PresenceStateList", "PresenceStateListComplete"),
    List("QueueStatus", "QueueStatusComplete"),
    List("QueueSummary", "QueueSummaryComplete"),
    List("ShowDialPlan", "ShowDialPlanComplete"),
    List("ShowDialPlan", "ShowDialPlanComplete", {"Context": "agents"}),
    List("Status", "StatusComplete"),
    List("Status", "StatusComplete", {"AllVariables": "true"}),
    List("VoicemailBoxSummary", "VoicemailBoxDetailComplete", MAILBOX),
    List("VoicemailUserStatus", "VoicemailUserDetailComplete", MAILBOX),
    List("VoicemailUsersList", "VoicemailUserEntryComplete"),
)

BY_ACTION = {entry.action: entry for entry in LISTS}


class RequestedList(NamedTuple):
    """A list that the run asked for."""

    entry: List
    action_id: str


class Outcome(NamedTuple):
    """How one kind of list ended: how often complete, most members, reason of a refusal."""

    complete: int
    members: int
    refused: str

    @property
    def answered(self) -> bool:
        """Whether Asterisk answered at least once with a list."""
        return self.complete > 0 or not self.refused


def verify(
    messages: list[amistream.Message], requested: list[RequestedList], problems: Problems
) -> dict[str, Outcome]:
    """Check that each requested list ended with all its members, on the wire and in a Collector."""
    by_id: dict[str, list[amistream.Message]] = defaultdict(list)
    collector = amistream.Collector(timeout=None)
    gathered: dict[str, amistream.Aggregate] = {}
    for message in messages:
        if message.action_id is not None:
            by_id[message.action_id].append(message)
        done = collector.add(message)
        if done is not None:
            gathered[done.action_id] = done
    outcomes: dict[str, Outcome] = {}
    for entry, action_id in requested:
        before = outcomes.get(entry.action, Outcome(0, 0, ""))
        refused, members, fault = _check_answer(entry, by_id[action_id], gathered.get(action_id))
        if fault:
            problems.add(f"list {entry.action}: {fault}", action_id)
        complete = before.complete + (not refused and not fault)
        outcomes[entry.action] = Outcome(
            complete, max(before.members, members), refused or before.refused
        )
    for waiting in collector.waiting:
        problems.add(f"the Collector still waits for {waiting.name}", repr(waiting))
    return outcomes


def _check_answer(
    entry: List, answer: list[amistream.Message], gathered: amistream.Aggregate | None
) -> tuple[str, int, str]:
    """The reason of a refusal, the number of members, and what is wrong with the list."""
    responses = [message for message in answer if isinstance(message, amistream.Response)]
    events = [message for message in answer if isinstance(message, amistream.Event)]
    if len(responses) != 1:
        return "", 0, f"{len(responses)} responses instead of one"
    if not responses[0].success:
        return responses[0].get("Message", "no reason given"), 0, ""
    finishers = [event for event in events if event.name == entry.finisher]
    members = len(events) - len(finishers)
    if not finishers:
        return "", members, f"does not close: no {entry.finisher}"
    if len(finishers) > 1 or events[-1] is not finishers[0]:
        return "", members, f"goes on after {entry.finisher}"
    if entry.without_action_id:
        return "", members, ""
    stated = next((finishers[0][name] for name in COUNTS if name in finishers[0]), None)
    counted = members - sum(event.name == entry.not_counted for event in events)
    if stated is not None and stated != str(counted):
        return "", members, f"{entry.finisher} states {stated} members, {counted} came"
    if gathered is None:
        return "", members, "the Collector did not gather the list"
    if not gathered.valid:
        return "", members, f"the Collector says that it is not valid: {gathered.error_message}"
    kept = sum(len(gathered[cls]) for cls in gathered.members)
    if kept != members:
        return "", members, f"the Collector kept {kept} of {members} members"
    return "", members, ""

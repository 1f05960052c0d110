"""Which action asks for which list: the aggregate's class is named after the action."""

from __future__ import annotations

from typing import Final, Literal

from amistream.aggregates import Aggregate, registered_count, registered_lists

__all__ = ["MAY_BE_PLAIN", "ListAction", "list_of", "may_be_plain"]

_SUFFIX: Final = "_Aggregate"

MAY_BE_PLAIN: Final = frozenset({"hangup"})
"""The list actions, in lower case, that are answered without a list too: a Hangup of one channel.
For all other list actions a Success without a list is an empty list."""

ListAction = Literal[
    "Agents",
    "BridgeInfo",
    "BridgeList",
    "BridgeTechnologyList",
    "ConfbridgeList",
    "ConfbridgeListRooms",
    "CoreShowChannelMap",
    "CoreShowChannels",
    "DAHDIShowChannels",
    "DAHDIShowStatus",
    "DBGet",
    "DBGetTree",
    "DeviceStateList",
    "ExtensionStateList",
    "FAXSessions",
    "IAXpeerlist",
    "IAXpeers",
    "IAXregistry",
    "MWIGet",
    "MeetmeList",
    "MeetmeListRooms",
    "PJSIPShowAors",
    "PJSIPShowAuths",
    "PJSIPShowContacts",
    "PJSIPShowEndpoint",
    "PJSIPShowEndpoints",
    "PJSIPShowMaintenance",
    "PJSIPShowRegistrationInboundContactStatuses",
    "PJSIPShowRegistrationsInbound",
    "PJSIPShowRegistrationsOutbound",
    "PJSIPShowResourceLists",
    "PJSIPShowSubscriptionsInbound",
    "PJSIPShowSubscriptionsOutbound",
    "PRIShowSpans",
    "ParkedCalls",
    "Parkinglots",
    "PresenceStateList",
    "QueueStatus",
    "QueueSummary",
    "SIPpeers",
    "SIPshowregistry",
    "ShowDialPlan",
    "Status",
    "VoicemailBoxSummary",
    "VoicemailUserStatus",
    "VoicemailUsersList",
]
"""The actions that always give an aggregate, for type checkers."""

_kinds: dict[str, type[Aggregate]] = {}


def list_of(action: str) -> type[Aggregate] | None:
    """The class of the list that an action asks for; None if it asks for none.

    Asterisk ignores the case of an action's name.
    """
    if registered_count() != len(_kinds):
        for kind in registered_lists():
            _kinds[kind.__name__.removesuffix(_SUFFIX).lower()] = kind
    return _kinds.get(action.lower())


def may_be_plain(action: str) -> bool:
    """Whether a Success without a list is the whole answer of this list action too."""
    return action.lower() in MAY_BE_PLAIN

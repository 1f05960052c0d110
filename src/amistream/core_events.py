"""The namespace: every event class and aggregate, in whichever module it is defined."""

from __future__ import annotations

from amistream import _registry
from amistream.aggregates import (
    CoreShowChannels_Aggregate,
    ParkedCalls_Aggregate,
    QueueStatus_Aggregate,
    QueueSummary_Aggregate,
    SIPpeers_Aggregate,
    SIPshowregistry_Aggregate,
    Status_Aggregate,
    VoicemailUsersList_Aggregate,
)
from amistream.events.agi import AGIExec, AsyncAGI
from amistream.events.channels import (
    DTMF,
    ORIGINATE_RESULT_ANSWERED,
    ORIGINATE_RESULT_BAD_NUMBER,
    ORIGINATE_RESULT_BUSY,
    ORIGINATE_RESULT_CONGESTION,
    ORIGINATE_RESULT_INCOMPLETE,
    ORIGINATE_RESULT_REJECT,
    ORIGINATE_RESULT_RING_LOCAL,
    ORIGINATE_RESULT_RING_REMOTE,
    ChannelUpdate,
    CoreShowChannel,
    CoreShowChannelsComplete,
    Hangup,
    HangupRequest,
    MonitorStart,
    MonitorStop,
    NewAccountCode,
    Newchannel,
    Newexten,
    Newstate,
    OriginateResponse,
    SoftHangupRequest,
    Status,
    StatusComplete,
    VarSet,
)
from amistream.events.parking import ParkedCall, ParkedCallsComplete
from amistream.events.queues import (
    QueueEntry,
    QueueMember,
    QueueMemberAdded,
    QueueMemberPaused,
    QueueMemberRemoved,
    QueueParams,
    QueueStatusComplete,
    QueueSummary,
    QueueSummaryComplete,
)
from amistream.events.rtp import RTCPReceived, RTCPSent
from amistream.events.sip import (
    PeerEntry,
    PeerlistComplete,
    RegistrationsComplete,
    RegistryEntry,
)
from amistream.events.system import DBGetResponse, FullyBooted, Reload, Shutdown, UserEvent
from amistream.events.voicemail import VoicemailUserEntry, VoicemailUserEntryComplete
from amistream.messages import Event

__all__ = [
    "DTMF",
    "ORIGINATE_RESULT_ANSWERED",
    "ORIGINATE_RESULT_BAD_NUMBER",
    "ORIGINATE_RESULT_BUSY",
    "ORIGINATE_RESULT_CONGESTION",
    "ORIGINATE_RESULT_INCOMPLETE",
    "ORIGINATE_RESULT_REJECT",
    "ORIGINATE_RESULT_RING_LOCAL",
    "ORIGINATE_RESULT_RING_REMOTE",
    "AGIExec",
    "AsyncAGI",
    "ChannelUpdate",
    "CoreShowChannel",
    "CoreShowChannelsComplete",
    "CoreShowChannels_Aggregate",
    "DBGetResponse",
    "FullyBooted",
    "Hangup",
    "HangupRequest",
    "MonitorStart",
    "MonitorStop",
    "NewAccountCode",
    "Newchannel",
    "Newexten",
    "Newstate",
    "OriginateResponse",
    "ParkedCall",
    "ParkedCallsComplete",
    "ParkedCalls_Aggregate",
    "PeerEntry",
    "PeerlistComplete",
    "QueueEntry",
    "QueueMember",
    "QueueMemberAdded",
    "QueueMemberPaused",
    "QueueMemberRemoved",
    "QueueParams",
    "QueueStatusComplete",
    "QueueStatus_Aggregate",
    "QueueSummary",
    "QueueSummaryComplete",
    "QueueSummary_Aggregate",
    "RTCPReceived",
    "RTCPSent",
    "RegistrationsComplete",
    "RegistryEntry",
    "Reload",
    "SIPpeers_Aggregate",
    "SIPshowregistry_Aggregate",
    "Shutdown",
    "SoftHangupRequest",
    "Status",
    "StatusComplete",
    "Status_Aggregate",
    "UserEvent",
    "VarSet",
    "VoicemailUserEntry",
    "VoicemailUserEntryComplete",
    "VoicemailUsersList_Aggregate",
]

for _value in [globals()[_name] for _name in __all__]:
    if isinstance(_value, type) and issubclass(_value, Event):
        _registry.register(_value, _value.__name__)

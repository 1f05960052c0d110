"""What type checkers see of the attributes; mypy checks this file, nothing runs it."""

from __future__ import annotations

from typing_extensions import assert_type

import amistream
from amistream import aggregates, core_events
from amistream.aggregates import Status_Aggregate
from amistream.core_events import (
    AOC_D,
    CEL,
    AgentComplete,
    AttendedTransfer,
    BlindTransfer,
    BridgeMerge,
    ConfbridgeList,
    CoreShowChannel,
    DeviceStateChange,
    DialBegin,
    EndpointDetail,
    FAXStatus,
    Hangup,
    MeetmeList,
    Newstate,
    OriginateResponse,
    PeerEntry,
    QueueCallerJoin,
    QueueMember,
    QueueMemberStatus,
    QueueParams,
    QueueStatus_Aggregate,
    RTCPReceived,
    Shutdown,
    Status,
    UserEvent,
)
from amistream.enums import ChannelState, DeviceState, HangupCause, MemberStatus, OriginateReason
from amistream.headers import Int, Text


def channels(hangup: Hangup, dial: DialBegin, state: Newstate, status: Status) -> None:
    assert_type(hangup.cause, HangupCause | None)
    assert_type(hangup.cause_txt, str | None)
    assert_type(hangup.channel, str | None)
    assert_type(hangup.timestamp, float | None)
    assert_type(state.channel_state, ChannelState | None)
    assert_type(dial.dest_channel, str | None)
    assert_type(dial.dest_channel_state, ChannelState | None)
    assert_type(dial.dest_priority, int | None)
    assert_type(dial.dest_channel_variables, dict[str, str])
    assert_type(status.seconds, int)
    assert_type(status.variables, dict[str, str])


def transfers(blind: BlindTransfer, attended: AttendedTransfer, merge: BridgeMerge) -> None:
    assert_type(blind.is_external, bool | None)
    assert_type(blind.transferee_uniqueid, str | None)
    assert_type(attended.second_bridge_num_channels, int | None)
    assert_type(attended.orig_transferer_caller_id_num, str | None)
    assert_type(merge.to_bridge_uniqueid, str | None)


def queues(
    join: QueueCallerJoin, done: AgentComplete, member: QueueMember, change: QueueMemberStatus
) -> None:
    assert_type(join.position, int | None)
    assert_type(done.talk_time, int | None)
    assert_type(member.penalty, int)
    assert_type(member.status, MemberStatus | int)
    assert_type(member.paused, bool)
    assert_type(change.status, MemberStatus | None)
    assert_type(change.in_call, bool | None)


def others(
    params: QueueParams,
    core: CoreShowChannel,
    rtcp: RTCPReceived,
    peer: PeerEntry,
    device: DeviceStateChange,
    originate: OriginateResponse,
) -> None:
    assert_type(params.service_level, float)
    assert_type(core.duration, int)
    assert_type(rtcp.from_, tuple[str, int] | None)
    assert_type(rtcp.report_ia_jitter, tuple[int | None, ...])
    assert_type(rtcp.report_source_ssrc, tuple[str | None, ...])
    assert_type(peer.ip_port, int | None)
    assert_type(peer.status, int)
    assert_type(device.state, DeviceState | None)
    assert_type(originate.reason, OriginateReason | int)


def more(
    cel: CEL, room: ConfbridgeList, endpoint: EndpointDetail, fax: FAXStatus, meetme: MeetmeList
) -> None:
    assert_type(cel.event_name, str | None)
    assert_type(room.admin, bool)
    assert_type(room.muted, bool | None)
    assert_type(endpoint.rtp_timeout, int | None)
    assert_type(endpoint.webrtc, bool | None)
    assert_type(fax.file_names, tuple[str, ...])
    assert_type(meetme.talking, bool | None)


def messages(charge: AOC_D, shutdown: Shutdown, response: amistream.Response) -> None:
    assert_type(charge.cost, int | None)
    assert_type(charge.name, str)
    assert_type(shutdown.restart, bool)
    assert_type(response.success, bool)


@amistream.user_event("CallStart")
class CallStart(UserEvent):
    """A user event of one's own."""

    __slots__ = ()

    tier = Text("Tier")
    position = Int("Position", failure=-1)


@amistream.register
class Sold(amistream.Event, name="Shop-Sold"):
    """A vendor's event."""

    __slots__ = ()


def own(call: CallStart) -> None:
    assert_type(call.tier, str | None)
    assert_type(call.position, int)
    assert_type(call.linkedid, str | None)
    assert_type(CallStart.tier, Text)


def lists(collector: amistream.Collector, message: amistream.Message) -> None:
    assert_type(collector.add(message), amistream.Aggregate | None)
    assert_type(QueueStatus_Aggregate("a").valid, bool)


def names_of_lists() -> None:
    assert_type(aggregates.QueueStatus_Aggregate("1"), QueueStatus_Aggregate)
    assert_type(core_events.Status_Aggregate("1"), Status_Aggregate)
    assert_type(aggregates.ALL, tuple[type[amistream.Aggregate], ...])

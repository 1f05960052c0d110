"""Channels: their creation, states, dialplan, variables, DTMF, spying and hangup."""

from __future__ import annotations

from amistream.aggregates import Aggregate, register_list
from amistream.enums import ChannelState, HangupCause, OriginateReason
from amistream.events._lists import ListEnd
from amistream.events._snapshots import (
    UNKNOWN,
    ChannelEvent,
    DestChannelEvent,
    SpyeeChannelEvent,
    SpyerChannelEvent,
    TargetChannelEvent,
)
from amistream.headers import Bool, Duration, Enumeration, Int, Text, Variables
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
    "ChanSpyStart",
    "ChanSpyStop",
    "ChannelHungup",
    "ChannelTalkingStart",
    "ChannelTalkingStop",
    "ChannelUpdate",
    "ChannelsHungupListComplete",
    "CoreShowChannel",
    "CoreShowChannelMap",
    "CoreShowChannelMapComplete",
    "CoreShowChannelMap_Aggregate",
    "CoreShowChannelsComplete",
    "CoreShowChannels_Aggregate",
    "DTMFBegin",
    "DTMFEnd",
    "DialBegin",
    "DialEnd",
    "DialState",
    "Flash",
    "Hangup",
    "HangupHandlerPop",
    "HangupHandlerPush",
    "HangupHandlerRun",
    "HangupRequest",
    "Hangup_Aggregate",
    "Hold",
    "MusicOnHoldStart",
    "MusicOnHoldStop",
    "NewAccountCode",
    "NewCallerid",
    "NewConnectedLine",
    "Newchannel",
    "Newexten",
    "Newstate",
    "OriginateResponse",
    "Pickup",
    "Rename",
    "SoftHangupRequest",
    "Status",
    "StatusComplete",
    "Status_Aggregate",
    "Unhold",
    "VarSet",
    "Wink",
]


ORIGINATE_RESULT_BAD_NUMBER = OriginateReason.BAD_NUMBER
ORIGINATE_RESULT_REJECT = OriginateReason.REJECT
ORIGINATE_RESULT_RING_LOCAL = OriginateReason.RING_LOCAL
ORIGINATE_RESULT_RING_REMOTE = OriginateReason.RING_REMOTE
ORIGINATE_RESULT_ANSWERED = OriginateReason.ANSWERED
ORIGINATE_RESULT_BUSY = OriginateReason.BUSY
ORIGINATE_RESULT_CONGESTION = OriginateReason.CONGESTION
ORIGINATE_RESULT_INCOMPLETE = OriginateReason.INCOMPLETE


class ChannelUpdate(Event):
    """A channel driver gives more details of its channel, such as its SIP dialogue."""

    __slots__ = ()

    channel = Text("Channel")
    channel_type = Text("Channeltype")
    uniqueid = Text("UniqueID")


class CoreShowChannel(ChannelEvent):
    """One active channel of a CoreShowChannels list."""

    __slots__ = ()

    channel_state = Enumeration("ChannelState", of=ChannelState, failure=None)
    duration = Duration("Duration")
    application = Text("Application")
    application_data = Text("ApplicationData")
    extension = Text("Extension", "Exten")
    bridge_id = Text("BridgeId")
    bridged_channel = Text("BridgedChannel")
    bridged_uniqueid = Text("BridgedUniqueID")


class CoreShowChannelsComplete(ListEnd):
    """The end of a CoreShowChannels list."""

    __slots__ = ()

    list_items = Int("ListItems", failure=-1)


class DTMF(ChannelEvent):
    """A DTMF digit began or ended, on Asterisk before 12."""

    __slots__ = ()

    digit = Text("Digit")
    direction = Text("Direction")
    begin = Bool("Begin", true="Yes", failure=False)
    end = Bool("End", true="Yes", failure=False)
    received = Bool("Direction", true="Received", failure=False, key="Received")


class Hangup(ChannelEvent):
    """A channel was hung up; `cause` is a Q.850 cause."""

    __slots__ = ()

    cause = Enumeration("Cause", of=HangupCause, failure=None)
    cause_txt = Text("Cause-txt")
    tech_cause = Int("TechCause")


class HangupRequest(ChannelEvent):
    """The far end of a channel asked to hang up; `cause` is a Q.850 cause."""

    __slots__ = ()

    cause = Enumeration("Cause", of=HangupCause)
    tech_cause = Int("TechCause")


class NewAccountCode(ChannelEvent):
    """A channel's account code changed."""

    __slots__ = ()

    old_account_code = Text("OldAccountCode")


class Newchannel(ChannelEvent):
    """A channel was created."""

    __slots__ = ()

    channel_state = Enumeration("ChannelState", of=ChannelState, failure=None)


class Newexten(ChannelEvent):
    """A channel starts a dialplan application."""

    __slots__ = ()

    extension = Text("Extension", "Exten")
    application = Text("Application")
    app_data = Text("AppData")


class Newstate(ChannelEvent):
    """A channel's state changed."""

    __slots__ = ()

    channel_state = Enumeration("ChannelState", of=ChannelState, failure=None)


class OriginateResponse(Event):
    """The result of an asynchronous Originate; `reason` says why."""

    __slots__ = ()

    reason = Enumeration("Reason", of=OriginateReason, failure=-1)
    response = Text("Response")
    channel = Text("Channel")
    context = Text("Context")
    exten = Text("Exten")
    application = Text("Application")
    app_data = Text("Data")
    uniqueid = Text("Uniqueid", unknown=UNKNOWN)
    caller_id_num = Text("CallerIDNum", unknown=UNKNOWN)
    caller_id_name = Text("CallerIDName", unknown=UNKNOWN)


class SoftHangupRequest(ChannelEvent):
    """A part of Asterisk asked a channel to hang up; `cause` is a Q.850 cause."""

    __slots__ = ()

    cause = Enumeration("Cause", of=HangupCause)


class Status(ChannelEvent):
    """One channel of a Status list."""

    __slots__ = ()

    seconds = Int("Seconds", failure=-1)
    account = Text("Account", "AccountCode")
    caller_id = Text("CallerID", unknown=UNKNOWN)
    extension = Text("Extension", "Exten")
    link = Text("Link")
    state = Text("State", "ChannelStateDesc")
    type = Text("Type")
    dnid = Text("DNID")
    effective_connected_line_num = Text("EffectiveConnectedLineNum", unknown=UNKNOWN)
    effective_connected_line_name = Text("EffectiveConnectedLineName", unknown=UNKNOWN)
    time_to_hangup = Int("TimeToHangup")
    bridge_id = Text("BridgeID")
    application = Text("Application", unknown=UNKNOWN)
    app_data = Text("Data", unknown=UNKNOWN)
    native_formats = Text("Nativeformats")
    read_format = Text("Readformat")
    read_trans = Text("Readtrans")
    write_format = Text("Writeformat")
    write_trans = Text("Writetrans")
    call_group = Int("Callgroup")
    pickup_group = Int("Pickupgroup")
    variables = Variables("Variable")


class StatusComplete(ListEnd):
    """The end of a Status list."""

    __slots__ = ()

    items_sent = Int("Items", failure=-1)


class VarSet(ChannelEvent):
    """A variable was set, on a channel or globally; Asterisk C-escapes control characters."""

    __slots__ = ()

    variable = Text("Variable")
    value = Text("Value")


class _DialEvent(ChannelEvent, DestChannelEvent):
    """A step of a call: `channel`, or Asterisk itself, calls `dest_channel`."""

    __slots__ = ()


class _DTMFEvent(ChannelEvent):
    """A DTMF digit; `direction` is "Received" or "Sent"."""

    __slots__ = ()

    digit = Text("Digit")
    direction = Text("Direction")


class _HangupHandlerEvent(ChannelEvent):
    """An event of a hangup handler; `handler` is its place in the dialplan."""

    __slots__ = ()

    handler = Text("Handler")


class _SpyEvent(SpyeeChannelEvent, SpyerChannelEvent):
    """A channel (the spyer) that listens to another (the spyee)."""

    __slots__ = ()


class ChannelHungup(Event):
    """A channel that a Hangup action with a pattern hung up."""

    __slots__ = ()

    channel = Text("Channel")


class ChannelsHungupListComplete(ListEnd):
    """The end of the list that answers a Hangup action with a pattern."""

    __slots__ = ()


class ChannelTalkingStart(ChannelEvent):
    """TALK_DETECT() detected that someone began to talk on a channel."""

    __slots__ = ()


class ChannelTalkingStop(ChannelEvent):
    """TALK_DETECT() detected the end of talking; `duration` in milliseconds."""

    __slots__ = ()

    duration = Int("Duration")


class ChanSpyStart(_SpyEvent):
    """A channel listens to another."""

    __slots__ = ()


class ChanSpyStop(_SpyEvent):
    """A channel stopped listening to another."""

    __slots__ = ()


class CoreShowChannelMap(Event):
    """A channel of a CoreShowChannelMap list and one that it is connected to."""

    __slots__ = ()

    channel = Text("Channel")
    connected_channel = Text("ConnectedChannel")


class CoreShowChannelMapComplete(ListEnd):
    """The end of a CoreShowChannelMap list."""

    __slots__ = ()


class DTMFBegin(_DTMFEvent):
    """A DTMF digit began."""

    __slots__ = ()


class DTMFEnd(_DTMFEvent):
    """A DTMF digit ended; `duration_ms` in milliseconds."""

    __slots__ = ()

    duration_ms = Int("DurationMs")


class DialBegin(_DialEvent):
    """A channel, or Asterisk itself, starts to call the destination channel."""

    __slots__ = ()

    dial_string = Text("DialString")


class DialState(_DialEvent):
    """A call that was started has a new status."""

    __slots__ = ()

    dial_status = Text("DialStatus")
    forward = Text("Forward")


class DialEnd(_DialEvent):
    """A call that was started has ended; `dial_status` is the result."""

    __slots__ = ()

    dial_status = Text("DialStatus")
    forward = Text("Forward")


class Flash(ChannelEvent):
    """A hook flash came from a channel."""

    __slots__ = ()


class Wink(ChannelEvent):
    """A wink came from a channel."""

    __slots__ = ()


class HangupHandlerPush(_HangupHandlerEvent):
    """A hangup handler was added to the stack of a channel."""

    __slots__ = ()


class HangupHandlerPop(_HangupHandlerEvent):
    """A hangup handler was removed from the stack of a channel."""

    __slots__ = ()


class HangupHandlerRun(_HangupHandlerEvent):
    """A hangup handler is about to run."""

    __slots__ = ()


class Hold(ChannelEvent):
    """A channel put its peer on hold."""

    __slots__ = ()

    music_class = Text("MusicClass")


class Unhold(ChannelEvent):
    """A channel took its peer off hold."""

    __slots__ = ()


class MusicOnHoldStart(ChannelEvent):
    """Music on hold started on a channel."""

    __slots__ = ()

    music_class = Text("Class")


class MusicOnHoldStop(ChannelEvent):
    """Music on hold stopped on a channel."""

    __slots__ = ()


class NewCallerid(ChannelEvent):
    """The caller ID of a channel changed."""

    __slots__ = ()

    caller_id_presentation = Text("CID-CallingPres")


class NewConnectedLine(ChannelEvent):
    """The connected line of a channel changed."""

    __slots__ = ()


class Pickup(ChannelEvent, TargetChannelEvent):
    """A ringing channel (the target) was picked up by another."""

    __slots__ = ()


class Rename(Event):
    """A channel was renamed."""

    __slots__ = ()

    channel = Text("Channel")
    new_name = Text("Newname")
    uniqueid = Text("Uniqueid")


# --- lists ------------------------------------------------------------------------------------


@register_list
class CoreShowChannelMap_Aggregate(Aggregate):
    """The channels connected to one channel, asked for with CoreShowChannelMap."""

    members = (CoreShowChannelMap,)
    finisher = CoreShowChannelMapComplete


@register_list
class CoreShowChannels_Aggregate(Aggregate):
    """The active channels, asked for with CoreShowChannels."""

    members = (CoreShowChannel,)
    finisher = CoreShowChannelsComplete


@register_list
class Hangup_Aggregate(Aggregate):
    """The channels hung up by a Hangup whose Channel is a /regular expression/."""

    members = (ChannelHungup,)
    finisher = ChannelsHungupListComplete


@register_list
class Status_Aggregate(Aggregate):
    """The channels with their state, asked for with Status."""

    members = (Status,)
    finisher = StatusComplete
    count_header = "Items"

"""Channels: their birth, states, dialplan, variables, DTMF, recording and end."""

from __future__ import annotations

from amistream.events._parts import UNKNOWN, ChannelEvent, ListEnd
from amistream.headers import Bool, Duration, Int, Text
from amistream.messages import Event

ORIGINATE_RESULT_BAD_NUMBER = 0
"""No such number or extension, or a technology that is not there."""
ORIGINATE_RESULT_REJECT = 1
"""The far end hung up (AST_CONTROL_HANGUP)."""
ORIGINATE_RESULT_RING_LOCAL = 2
"""The local end rang (AST_CONTROL_RING)."""
ORIGINATE_RESULT_RING_REMOTE = 3
"""The far end rang and did not answer in time (AST_CONTROL_RINGING)."""
ORIGINATE_RESULT_ANSWERED = 4
"""The far end answered (AST_CONTROL_ANSWER)."""
ORIGINATE_RESULT_BUSY = 5
"""The far end is busy (AST_CONTROL_BUSY)."""
ORIGINATE_RESULT_CONGESTION = 8
"""The call could not be placed (AST_CONTROL_CONGESTION)."""
ORIGINATE_RESULT_INCOMPLETE = 30
"""The number was not complete (AST_CONTROL_INCOMPLETE)."""


class ChannelUpdate(Event):
    """A channel driver tells more about its channel, such as the SIP dialogue it belongs to."""

    __slots__ = ()

    channel = Text("Channel")
    channel_type = Text("Channeltype")
    uniqueid = Text("UniqueID")


class CoreShowChannel(ChannelEvent):
    """One active channel of a CoreShowChannels list."""

    __slots__ = ()

    channel_state = Int("ChannelState", failure=None)
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

    cause = Int("Cause", failure=None)
    cause_txt = Text("Cause-txt")
    tech_cause = Text("TechCause")


class HangupRequest(ChannelEvent):
    """The channel's far end asked for it to be hung up; `cause` is a Q.850 cause."""

    __slots__ = ()

    cause = Int("Cause")


class MonitorStart(Event):
    """The recording of a channel started (Asterisk before 21)."""

    __slots__ = ()

    channel = Text("Channel")
    uniqueid = Text("Uniqueid")


class MonitorStop(Event):
    """The recording of a channel stopped (Asterisk before 21)."""

    __slots__ = ()

    channel = Text("Channel")
    uniqueid = Text("Uniqueid")


class NewAccountCode(ChannelEvent):
    """A channel's account code changed."""

    __slots__ = ()

    old_account_code = Text("OldAccountCode")


class Newchannel(ChannelEvent):
    """A channel was made."""

    __slots__ = ()

    channel_state = Int("ChannelState", failure=None)


class Newexten(ChannelEvent):
    """A channel starts a dialplan application."""

    __slots__ = ()

    extension = Text("Extension", "Exten")
    application = Text("Application")
    app_data = Text("AppData")


class Newstate(ChannelEvent):
    """A channel's state changed."""

    __slots__ = ()

    channel_state = Int("ChannelState", failure=None)


class OriginateResponse(Event):
    """What became of an asynchronous Originate; `reason` is one of ORIGINATE_RESULT_*."""

    __slots__ = ()

    reason = Int("Reason", failure=-1)
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
    """A part of Asterisk asked for a channel to be hung up; `cause` is a Q.850 cause."""

    __slots__ = ()

    cause = Int("Cause")


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
    application = Text("Application")
    app_data = Text("Data")
    native_formats = Text("Nativeformats")
    read_format = Text("Readformat")
    read_trans = Text("Readtrans")
    write_format = Text("Writeformat")
    write_trans = Text("Writetrans")
    call_group = Text("Callgroup")
    pickup_group = Text("Pickupgroup")


class StatusComplete(ListEnd):
    """The end of a Status list."""

    __slots__ = ()

    items_sent = Int("Items", failure=-1)


class VarSet(ChannelEvent):
    """A variable was set, on a channel or globally; control characters come C-escaped."""

    __slots__ = ()

    variable = Text("Variable")
    value = Text("Value")

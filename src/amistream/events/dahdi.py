"""DAHDI: telephony cards, their channels, spans and alarms."""

from __future__ import annotations

from amistream.aggregates import Aggregate, register_list
from amistream.events._lists import ListEnd
from amistream.events._snapshots import UNKNOWN, ChannelEvent
from amistream.headers import Bool, Int, Text
from amistream.messages import Event

__all__ = [
    "MCID",
    "Alarm",
    "AlarmClear",
    "DAHDIChannel",
    "DAHDIShowChannels",
    "DAHDIShowChannelsComplete",
    "DAHDIShowChannels_Aggregate",
    "DAHDIShowStatus",
    "DAHDIShowStatusComplete",
    "DAHDIShowStatus_Aggregate",
    "DNDState",
    "PRIShowSpans",
    "PRIShowSpansComplete",
    "PRIShowSpans_Aggregate",
    "SpanAlarm",
    "SpanAlarmClear",
]


class Alarm(Event):
    """An alarm was raised on a DAHDI channel."""

    __slots__ = ()

    dahdi_channel = Text("DAHDIChannel")
    alarm = Text("Alarm")


class AlarmClear(Event):
    """The alarm of a DAHDI channel is over."""

    __slots__ = ()

    dahdi_channel = Text("DAHDIChannel")
    channel = Int("Channel")


class SpanAlarm(Event):
    """An alarm was raised on a DAHDI span."""

    __slots__ = ()

    span = Int("Span")
    alarm = Text("Alarm")


class SpanAlarmClear(Event):
    """The alarm of a DAHDI span is over."""

    __slots__ = ()

    span = Int("Span")


class DAHDIChannel(ChannelEvent):
    """A channel was created for a DAHDI channel."""

    __slots__ = ()

    dahdi_group = Int("DAHDIGroup")
    dahdi_span = Int("DAHDISpan")
    dahdi_channel = Text("DAHDIChannel")


class DNDState(Event):
    """Do-not-disturb of a DAHDI channel was switched on or off."""

    __slots__ = ()

    dahdi_channel = Text("DAHDIChannel")
    status = Text("Status")
    channel = Text("Channel")


class MCID(ChannelEvent):
    """A malicious call was reported over ISDN (MCID); the caller and the connected party."""

    __slots__ = ()

    m_caller_id_num_valid = Int("MCallerIDNumValid")
    m_caller_id_num = Text("MCallerIDNum", unknown=UNKNOWN)
    m_caller_id_ton = Int("MCallerIDton")
    m_caller_id_num_plan = Int("MCallerIDNumPlan")
    m_caller_id_num_pres = Text("MCallerIDNumPres")
    m_caller_id_name_valid = Int("MCallerIDNameValid")
    m_caller_id_name = Text("MCallerIDName", unknown=UNKNOWN)
    m_caller_id_name_char_set = Text("MCallerIDNameCharSet")
    m_caller_id_name_pres = Text("MCallerIDNamePres")
    m_caller_id_subaddr = Text("MCallerIDSubaddr")
    m_caller_id_subaddr_type = Text("MCallerIDSubaddrType")
    m_caller_id_subaddr_odd = Int("MCallerIDSubaddrOdd")
    m_caller_id_pres = Text("MCallerIDPres")
    m_connected_id_num_valid = Int("MConnectedIDNumValid")
    m_connected_id_num = Text("MConnectedIDNum")
    m_connected_id_ton = Int("MConnectedIDton")
    m_connected_id_num_plan = Int("MConnectedIDNumPlan")
    m_connected_id_num_pres = Text("MConnectedIDNumPres")
    m_connected_id_name_valid = Int("MConnectedIDNameValid")
    m_connected_id_name = Text("MConnectedIDName")
    m_connected_id_name_char_set = Text("MConnectedIDNameCharSet")
    m_connected_id_name_pres = Text("MConnectedIDNamePres")
    m_connected_id_subaddr = Text("MConnectedIDSubaddr")
    m_connected_id_subaddr_type = Text("MConnectedIDSubaddrType")
    m_connected_id_subaddr_odd = Int("MConnectedIDSubaddrOdd")
    m_connected_id_pres = Text("MConnectedIDPres")


class DAHDIShowChannels(Event):
    """A DAHDI channel of a DAHDIShowChannels list."""

    __slots__ = ()

    dahdi_channel = Int("DAHDIChannel", failure=-1)
    channel = Text("Channel")
    uniqueid = Text("Uniqueid")
    account_code = Text("AccountCode")
    signalling = Text("Signalling")
    signalling_code = Int("SignallingCode", failure=-1)
    context = Text("Context")
    dnd = Bool("DND", true="Enabled", failure=False)
    alarm = Text("Alarm")
    description = Text("Description")


class DAHDIShowChannelsComplete(ListEnd):
    """The end of a DAHDIShowChannels list."""

    __slots__ = ()

    items_sent = Int("Items", failure=-1)


class DAHDIShowStatus(Event):
    """A span of a DAHDIShowStatus list."""

    __slots__ = ()

    span = Int("Span")
    description = Text("Description")
    alarms = Text("Alarms")
    irq = Int("IRQ")
    bipolar_violations = Int("bpviol")
    crc = Int("CRC")
    framing = Text("Framing")
    coding = Text("Coding")
    options = Text("Options")
    lbo = Text("LBO")


class DAHDIShowStatusComplete(ListEnd):
    """The end of a DAHDIShowStatus list."""

    __slots__ = ()

    items_sent = Int("Items")


class PRIShowSpans(Event):
    """A D channel of a PRIShowSpans list."""

    __slots__ = ()

    span = Int("Span")
    d_channel = Int("DChannel")
    order = Text("Order")
    active = Bool("Active")
    alarm = Bool("Alarm")
    up = Bool("Up")


class PRIShowSpansComplete(ListEnd):
    """The end of a PRIShowSpans list."""

    __slots__ = ()

    items_sent = Int("Items")


# --- lists ------------------------------------------------------------------------------------


@register_list
class DAHDIShowChannels_Aggregate(Aggregate):
    """The DAHDI channels, asked for with DAHDIShowChannels."""

    members = (DAHDIShowChannels,)
    finisher = DAHDIShowChannelsComplete
    count_header = "Items"


@register_list
class DAHDIShowStatus_Aggregate(Aggregate):
    """The DAHDI spans, asked for with DAHDIShowStatus."""

    members = (DAHDIShowStatus,)
    finisher = DAHDIShowStatusComplete
    count_header = "Items"


@register_list
class PRIShowSpans_Aggregate(Aggregate):
    """The D-channels of the PRI spans, asked for with PRIShowSpans."""

    members = (PRIShowSpans,)
    finisher = PRIShowSpansComplete
    count_header = "Items"

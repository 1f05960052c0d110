"""RTP: the reports of its control protocol, RFC 3550."""

from __future__ import annotations

from amistream.events._parts import ChannelEvent
from amistream.headers import Float, HostPort, Int, Text


class _Report(ChannelEvent):
    """What a report says in either direction; `dlsr` (delay since the last report) in seconds."""

    __slots__ = ()

    pt = Text("PT")
    dlsr = Float("DLSR", failure=-1.0, unit="(sec)")
    fraction_lost = Float("FractionLost", failure=-1.0)
    ia_jitter = Float("IAJitter", failure=-1.0)
    sent_ntp = Float("SentNTP", failure=-1.0)


class RTCPReceived(_Report):
    """A report came from the far end; `from_` is (address, port)."""

    __slots__ = ()

    from_ = HostPort("From")
    sender_ssrc = Text("SenderSSRC")
    packets_lost = Int("PacketsLost", failure=-1)
    highest_sequence = Int("HighestSequence", failure=-1)
    sequence_number_cycles = Int("SequenceNumberCycles", failure=-1)
    last_sr = Int("LastSR", failure=-1)
    reception_reports = Int("ReceptionReports", failure=-1)


class RTCPSent(_Report):
    """A report was sent to the far end; `to` is (address, port)."""

    __slots__ = ()

    to = HostPort("To")
    our_ssrc = Text("OurSSRC")
    sent_rtp = Int("SentRTP", failure=-1)
    sent_packets = Int("SentPackets", failure=-1)
    sent_octets = Int("SentOctets", failure=-1)
    report_block = Text("ReportBlock")
    cumulative_loss = Int("CumulativeLoss", failure=-1)
    their_last_sr = Int("TheirLastSR", failure=-1)

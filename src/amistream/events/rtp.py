"""RTP: the reports of its control protocol RTCP, RFC 3550."""

from __future__ import annotations

from amistream.events._snapshots import ChannelEvent
from amistream.headers import Float, HostPort, Int, Numbered, Text

__all__ = [
    "RTCPReceived",
    "RTCPSent",
]


class _ReportEvent(ChannelEvent):
    """The headers of sent and received packets, with one report block for each source.

    Times in seconds: `rtt`, `dlsr` (delay since the last sender report), `sent_ntp` (UNIX time).
    `mes` is the media experience score. Before Asterisk 12 a packet had one block, and the names
    of its headers had no number.
    """

    __slots__ = ()

    pt = Text("PT")
    ssrc = Text("SSRC")
    rtt = Float("RTT")
    mes = Float("MES")
    report_count = Int("ReportCount")
    report_source_ssrc = Numbered(Text("Report<N>SourceSSRC"))
    report_fraction_lost = Numbered(Int("Report<N>FractionLost"))
    report_cumulative_lost = Numbered(Int("Report<N>CumulativeLost"))
    report_highest_sequence = Numbered(Int("Report<N>HighestSequence"))
    report_sequence_number_cycles = Numbered(Int("Report<N>SequenceNumberCycles"))
    report_ia_jitter = Numbered(Int("Report<N>IAJitter"))
    report_lsr = Numbered(Int("Report<N>LSR"))
    report_dlsr = Numbered(Float("Report<N>DLSR"))
    dlsr = Float("DLSR", failure=-1.0, unit="(sec)")
    fraction_lost = Float("FractionLost", failure=-1.0)
    ia_jitter = Float("IAJitter", failure=-1.0)
    sent_ntp = Float("SentNTP", failure=-1.0)


class RTCPReceived(_ReportEvent):
    """A packet was received from the far end; `from_` and `to` are (address, port)."""

    __slots__ = ()

    from_ = HostPort("From", failure=None)
    to = HostPort("To")
    sender_ssrc = Text("SenderSSRC")
    packets_lost = Int("PacketsLost", failure=-1)
    highest_sequence = Int("HighestSequence", failure=-1)
    sequence_number_cycles = Int("SequenceNumberCycles", failure=-1)
    last_sr = Int("LastSR", failure=-1)
    reception_reports = Int("ReceptionReports", failure=-1)
    sent_rtp = Int("SentRTP")
    sent_packets = Int("SentPackets")
    sent_octets = Int("SentOctets")


class RTCPSent(_ReportEvent):
    """A packet was sent to the far end; `from_` and `to` are (address, port)."""

    __slots__ = ()

    to = HostPort("To", failure=None)
    from_ = HostPort("From")
    our_ssrc = Text("OurSSRC")
    sent_rtp = Int("SentRTP", failure=-1)
    sent_packets = Int("SentPackets", failure=-1)
    sent_octets = Int("SentOctets", failure=-1)
    report_block = Text("ReportBlock")
    cumulative_loss = Int("CumulativeLoss", failure=-1)
    their_last_sr = Int("TheirLastSR", failure=-1)

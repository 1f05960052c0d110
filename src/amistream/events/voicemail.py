"""Voicemail: the mailboxes of a VoicemailUsersList."""

from __future__ import annotations

from amistream.events._parts import ListEnd
from amistream.headers import Bool, Float, Int, Text
from amistream.messages import Event


class VoicemailUserEntry(Event):
    """A mailbox of a VoicemailUsersList.

    `max_message_length` and `say_duration_minimum` in seconds, `volume_gain` in dB.
    """

    __slots__ = ()

    vm_context = Text("VMContext")
    voice_mailbox = Text("VoiceMailbox")
    fullname = Text("Fullname")
    email = Text("Email")
    pager = Text("Pager")
    server_email = Text("ServerEmail")
    from_string = Text("FromString")
    mail_command = Text("MailCommand")
    language = Text("Language")
    time_zone = Text("TimeZone")
    callback = Text("Callback")
    dialout = Text("Dialout")
    uniqueid = Text("UniqueID")
    exit_context = Text("ExitContext")
    say_duration_minimum = Int("SayDurationMinimum", failure=-1)
    say_envelope = Bool("SayEnvelope", true="Yes", failure=False)
    say_cid = Bool("SayCID", true="Yes", failure=False)
    attach_message = Bool("AttachMessage", true="Yes", failure=False)
    attachment_format = Text("AttachmentFormat")
    delete_message = Bool("DeleteMessage", true="Yes", failure=False)
    volume_gain = Float("VolumeGain", failure=None)
    can_review = Bool("CanReview", true="Yes", failure=False)
    can_mark_urgent = Bool("CanMarkUrgent", true="Yes", false="No")
    call_operator = Bool("CallOperator", true="Yes", failure=False)
    max_message_count = Int("MaxMessageCount", failure=-1)
    max_message_length = Int("MaxMessageLength", failure=-1)
    new_message_count = Int("NewMessageCount", failure=-1)
    old_message_count = Int("OldMessageCount", failure=-1)
    imap_user = Text("IMAPUser")
    imap_server = Text("IMAPServer")
    imap_port = Text("IMAPPort")
    imap_flags = Text("IMAPFlags")


class VoicemailUserEntryComplete(ListEnd):
    """The end of a VoicemailUsersList (its name on the wire is in the singular)."""

    __slots__ = ()

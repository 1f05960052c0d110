"""Voicemail: mailboxes, their messages, and the lists of both."""

from __future__ import annotations

from amistream.aggregates import Aggregate, register_list
from amistream.events._lists import ListEnd
from amistream.events._snapshots import ChannelEvent
from amistream.headers import Bool, Float, Int, Text
from amistream.messages import Event

__all__ = [
    "MWIGet",
    "MWIGetComplete",
    "MWIGet_Aggregate",
    "MessageWaiting",
    "MiniVoiceMail",
    "VoicemailBoxDetail",
    "VoicemailBoxDetailComplete",
    "VoicemailBoxSummary_Aggregate",
    "VoicemailPasswordChange",
    "VoicemailUserDetail",
    "VoicemailUserDetailComplete",
    "VoicemailUserEntry",
    "VoicemailUserEntryComplete",
    "VoicemailUserStatus_Aggregate",
    "VoicemailUsersList_Aggregate",
]


class _Mailbox(Event):
    """The settings of a mailbox.

    `max_message_length` and `say_duration_minimum` are in seconds, `volume_gain` is in dB.
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


class VoicemailUserEntry(_Mailbox):
    """A mailbox of a VoicemailUsersList list."""

    __slots__ = ()


class VoicemailUserEntryComplete(ListEnd):
    """The end of a VoicemailUsersList list; its event name is in the singular."""

    __slots__ = ()


class MessageWaiting(ChannelEvent):
    """A mailbox changed; `waiting` is 1 if it holds new messages."""

    __slots__ = ()

    mailbox = Text("Mailbox")
    waiting = Int("Waiting")
    new = Int("New")
    old = Int("Old")


class MiniVoiceMail(ChannelEvent):
    """A message was handled by app_minivm."""

    __slots__ = ()

    action = Text("Action")
    mailbox = Text("Mailbox")
    counter = Text("Counter")


class MWIGet(Event):
    """A mailbox of an MWIGet list."""

    __slots__ = ()

    mailbox = Text("Mailbox")
    old_messages = Int("OldMessages")
    new_messages = Int("NewMessages")


class MWIGetComplete(ListEnd):
    """The end of an MWIGet list."""

    __slots__ = ()


class VoicemailBoxDetail(Event):
    """A message of a VoicemailBoxSummary list."""

    __slots__ = ()

    folder = Text("Folder")
    caller_id = Text("CallerID")
    date = Text("Date")
    duration = Text("Duration")
    flag = Text("Flag")
    id = Text("ID")


class VoicemailBoxDetailComplete(ListEnd):
    """The end of a VoicemailBoxSummary list."""

    __slots__ = ()


class VoicemailPasswordChange(Event):
    """The password of a mailbox was changed."""

    __slots__ = ()

    context = Text("Context")
    mailbox = Text("Mailbox")
    new_password = Text("NewPassword")


class VoicemailUserDetail(_Mailbox):
    """A mailbox of a VoicemailUserStatus list."""

    __slots__ = ()


class VoicemailUserDetailComplete(ListEnd):
    """The end of a VoicemailUserStatus list."""

    __slots__ = ()


# --- lists ------------------------------------------------------------------------------------


@register_list
class MWIGet_Aggregate(Aggregate):
    """Mailboxes with their message counts, asked for with MWIGet."""

    members = (MWIGet,)
    finisher = MWIGetComplete


@register_list
class VoicemailBoxSummary_Aggregate(Aggregate):
    """The messages of one mailbox, asked for with VoicemailBoxSummary."""

    members = (VoicemailBoxDetail,)
    finisher = VoicemailBoxDetailComplete


@register_list
class VoicemailUserStatus_Aggregate(Aggregate):
    """One mailbox, asked for with VoicemailUserStatus."""

    members = (VoicemailUserDetail,)
    finisher = VoicemailUserDetailComplete


@register_list
class VoicemailUsersList_Aggregate(Aggregate):
    """The mailboxes, asked for with VoicemailUsersList."""

    members = (VoicemailUserEntry,)
    finisher = VoicemailUserEntryComplete

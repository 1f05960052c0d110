"""Asterisk itself: start and stop, modules, logs, and user events."""

from __future__ import annotations

from amistream.events._snapshots import ChannelEvent
from amistream.headers import Bool, Int, Repeated, Text
from amistream.messages import Event

__all__ = [
    "CloseSession",
    "DeadlockStart",
    "FullyBooted",
    "Load",
    "LogChannel",
    "Placeholder",
    "Reload",
    "Shutdown",
    "TestEvent",
    "Unload",
    "UserEvent",
    "WaitEventComplete",
]


class CloseSession(Event):
    """Asterisk stops and closes this connection. This is an internal event of Asterisk."""

    __slots__ = ()

    close_session = Bool("CloseSession")


class DeadlockStart(Event):
    """Asterisk waits too long for a lock (builds with DETECT_DEADLOCKS)."""

    __slots__ = ()

    mutex = Text("Mutex")


class FullyBooted(Event):
    """Asterisk has started; also sent after the login. `uptime` and `last_reload` in seconds."""

    __slots__ = ()

    status = Text("Status")
    uptime = Int("Uptime")
    last_reload = Int("LastReload")


class Load(Event):
    """A module was loaded, or its loading failed."""

    __slots__ = ()

    module = Text("Module")
    status = Text("Status")


class LogChannel(Event):
    """A log file was opened or closed."""

    __slots__ = ()

    channel = Text("Channel")
    enabled = Bool("Enabled")
    reason = Text("Reason")


class Placeholder(Event):
    """A placeholder for the first event; an internal event of Asterisk."""

    __slots__ = ()


class Reload(Event):
    """A module, or all of Asterisk, was reloaded."""

    __slots__ = ()

    module = Text("Module")
    status = Text("Status")
    message = Text("Message")


class Shutdown(Event):
    """Asterisk stops; `shutdown` is "Cleanly" or "Uncleanly"."""

    __slots__ = ()

    shutdown = Text("Shutdown")
    restart = Bool("Restart", true="True", failure=False)


class TestEvent(Event):
    """A state change that Asterisk's test suite watches (builds with TEST_FRAMEWORK).

    `states` has every State header in order: some of these events have two. Only headers that many
    of these events have are declared.
    """

    __slots__ = ()

    type = Text("Type")
    file = Text("File")
    states = Repeated("State")
    app_file = Text("AppFile")
    app_function = Text("AppFunction")
    app_line = Int("AppLine")
    result = Text("Result")
    message = Text("Message")
    contact = Text("Contact")
    status = Text("Status")
    rtt = Text("RTT")
    mode = Text("Mode")
    conference = Text("Conference")
    old_state = Text("OldState")
    new_state = Text("NewState")
    channel = Text("Channel")
    call_id = Text("CallID")
    prior_call_id = Text("PriorCallID")


class Unload(Event):
    """A module was unloaded."""

    __slots__ = ()

    module = Text("Module")
    status = Text("Status")


class UserEvent(ChannelEvent):
    """A user's event with any headers, sent by the dialplan or by the UserEvent action."""

    __slots__ = ()

    user_event = Text("UserEvent")


class WaitEventComplete(Event):
    """The end of the events that a WaitEvent action waited for."""

    __slots__ = ()

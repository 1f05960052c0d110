"""Asterisk itself: start and stop, modules, logs, and events of the user's own."""

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
    """Asterisk stops and closes this connection (Asterisk's own use)."""

    __slots__ = ()

    close_session = Bool("CloseSession")


class DeadlockStart(Event):
    """Asterisk was built with DETECT_DEADLOCKS and waits too long for a lock."""

    __slots__ = ()

    mutex = Text("Mutex")


class FullyBooted(Event):
    """Asterisk is up; sent after the login too. `uptime` and `last_reload` in seconds."""

    __slots__ = ()

    status = Text("Status")
    uptime = Int("Uptime")
    last_reload = Int("LastReload")


class Load(Event):
    """A module was loaded, or could not be."""

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
    """Asterisk's own use: holds the place of the first event."""

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

    `states` has every State header in order: some of these events send two. What is declared here
    is what many of them carry; there are more.
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
    """An event of the user's own, from the dialplan or the UserEvent action, with any headers."""

    __slots__ = ()

    user_event = Text("UserEvent")


class WaitEventComplete(Event):
    """The end of what a WaitEvent action waited for."""

    __slots__ = ()

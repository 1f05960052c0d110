"""Asterisk itself: start, reload, stop, its database, and events of the user's own."""

from __future__ import annotations

from amistream.events._parts import ChannelEvent
from amistream.headers import Bool, Int, Text
from amistream.messages import Event


class DBGetResponse(Event):
    """The value that DBGet asked Asterisk's database for."""

    __slots__ = ()

    family = Text("Family")
    key = Text("Key")
    val = Text("Val")


class FullyBooted(Event):
    """Asterisk is up; sent after the login too. `uptime` and `last_reload` in seconds."""

    __slots__ = ()

    status = Text("Status")
    uptime = Int("Uptime")
    last_reload = Int("LastReload")


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


class UserEvent(ChannelEvent):
    """An event of the user's own, from the dialplan or the UserEvent action, with any headers."""

    __slots__ = ()

    user_event = Text("UserEvent")

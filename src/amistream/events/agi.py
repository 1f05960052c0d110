"""AGI: scripts that run a channel's dialplan from outside."""

from __future__ import annotations

from amistream.events._parts import ChannelEvent
from amistream.headers import Bool, Int, Text


class AGIExec(ChannelEvent):
    """An AGI script runs an application; `sub_event` is "Start" or "End" (Asterisk before 12)."""

    __slots__ = ()

    sub_event = Text("SubEvent")
    command = Text("Command")
    command_id = Text("CommandId")
    result = Bool("Result", true="Success", failure=False)
    result_code = Int("ResultCode", failure=-1)


class AsyncAGI(ChannelEvent):
    """A channel waits for AGI commands from AMI, or answers one (Asterisk before 12)."""

    __slots__ = ()

    sub_event = Text("SubEvent")
    env = Text("Env")
    result = Text("Result")
    command_id = Text("CommandID")

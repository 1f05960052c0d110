"""AGI: external scripts that control a channel."""

from __future__ import annotations

from amistream.events._snapshots import ChannelEvent
from amistream.headers import Bool, Int, Text

__all__ = [
    "AGIExec",
    "AGIExecEnd",
    "AGIExecStart",
    "AsyncAGI",
    "AsyncAGIEnd",
    "AsyncAGIExec",
    "AsyncAGIStart",
]


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


class AGIExecStart(ChannelEvent):
    """An AGI command starts."""

    __slots__ = ()

    command = Text("Command")
    command_id = Int("CommandId")


class AGIExecEnd(ChannelEvent):
    """An AGI command ended."""

    __slots__ = ()

    command = Text("Command")
    command_id = Int("CommandId")
    result_code = Int("ResultCode")
    result = Text("Result")


class AsyncAGIStart(ChannelEvent):
    """A channel begins to wait for AGI commands from AMI.

    `env` has its AGI environment, URL-encoded.
    """

    __slots__ = ()

    env = Text("Env")


class AsyncAGIExec(ChannelEvent):
    """A command sent to a channel in AsyncAGI was answered; `result` is URL-encoded."""

    __slots__ = ()

    command_id = Text("CommandID")
    result = Text("Result")


class AsyncAGIEnd(ChannelEvent):
    """A channel left AsyncAGI."""

    __slots__ = ()

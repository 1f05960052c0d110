"""The actions that programs use most, each the thinnest shell over `send`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from amistream.core_events import OriginateResponse
    from amistream.messages import Response

__all__ = ["Actions"]

ORIGINATE_MARGIN = 5.0
"""How many seconds after the end of ringing the result of an Originate is awaited."""

ORIGINATE_HINT = (
    "no OriginateResponse came; does the user's `read` in manager.conf have the class `call`, "
    "and is it among the events that the login asks for?"
)


class Actions:
    """Typed helpers for common actions. Each raises what `send` raises."""

    if TYPE_CHECKING:

        async def send(self, action: str, /, *, timeout: Any = ..., **headers: Any) -> Any: ...

        async def _send_until(
            self, action: str, outcome: str, hint: str, timeout: float, headers: dict[str, Any]
        ) -> Any: ...

    async def originate(
        self,
        channel: str,
        *,
        context: str | None = None,
        exten: str | None = None,
        priority: int | str | None = None,
        application: str | None = None,
        data: str | None = None,
        caller_id: str | None = None,
        account: str | None = None,
        early_media: bool | None = None,
        codecs: str | None = None,
        channel_id: str | None = None,
        other_channel_id: str | None = None,
        variables: Mapping[str, str] | None = None,
        ring_timeout: float = 30.0,
        timeout: float | None = None,
    ) -> OriginateResponse:
        """Call `channel`; when it answers, connect it to an extension or an application.

        Give context, exten and priority, or application and data. Returns the OriginateResponse,
        whose `response` is "Success" or "Failure" and whose `reason` says why: a busy or silent
        callee is a result, not an error. Asterisk always makes the call asynchronously, so other
        actions and events go on meanwhile.

        ring_timeout: seconds until Asterisk gives up.
        timeout: seconds until ActionTimeout; `ring_timeout` and five more if it is None.
        """
        if (application is None) == (exten is None):
            raise ValueError("originate needs context, exten and priority, or application and data")
        headers = {
            "Channel": channel,
            "Context": context,
            "Exten": exten,
            "Priority": 1 if priority is None and exten is not None else priority,
            "Application": application,
            "Data": data,
            "Timeout": round(ring_timeout * 1000),
            "CallerID": caller_id,
            "Account": account,
            "EarlyMedia": early_media,
            "Codecs": codecs,
            "ChannelId": channel_id,
            "OtherChannelId": other_channel_id,
            "Variable": variables,
            "Async": True,
        }
        seconds = ring_timeout + ORIGINATE_MARGIN if timeout is None else timeout
        event = await self._send_until(
            "Originate", "OriginateResponse", ORIGINATE_HINT, seconds, headers
        )
        return cast("OriginateResponse", event)

    async def hangup(self, channel: str, cause: int | None = None) -> Response:
        """Hang up a channel, with a Q.850 cause if one is given."""
        return cast("Response", await self.send("Hangup", Channel=channel, Cause=cause))

    async def redirect(
        self, channel: str, context: str, exten: str, priority: int | str = 1
    ) -> Response:
        """Send a channel to an extension."""
        answer = await self.send(
            "Redirect", Channel=channel, Context=context, Exten=exten, Priority=priority
        )
        return cast("Response", answer)

    async def queue_add(
        self,
        queue: str,
        interface: str,
        *,
        penalty: int | None = None,
        paused: bool | None = None,
        member_name: str | None = None,
        state_interface: str | None = None,
    ) -> Response:
        """Add a member to a queue."""
        answer = await self.send(
            "QueueAdd",
            Queue=queue,
            Interface=interface,
            Penalty=penalty,
            Paused=paused,
            MemberName=member_name,
            StateInterface=state_interface,
        )
        return cast("Response", answer)

    async def queue_remove(self, queue: str, interface: str) -> Response:
        """Remove a member from a queue."""
        return cast("Response", await self.send("QueueRemove", Queue=queue, Interface=interface))

    async def queue_pause(
        self,
        interface: str,
        paused: bool = True,
        *,
        queue: str | None = None,
        reason: str | None = None,
    ) -> Response:
        """Pause a member, or let it go on; in all queues if none is given."""
        answer = await self.send(
            "QueuePause", Interface=interface, Paused=paused, Queue=queue, Reason=reason
        )
        return cast("Response", answer)

    async def getvar(self, variable: str, channel: str | None = None) -> str:
        """The value of a variable or function, exactly; a global one without a channel."""
        answer = await self.send("Getvar", Channel=channel, Variable=variable)
        # Value is the last header. Spaces around it, and a line feed in it, belong to it.
        value = answer.raw.partition(b"\r\nValue: ")[2].removesuffix(b"\r\n\r\n")
        return str(value.decode("utf-8", "surrogateescape"))

    async def setvar(self, variable: str, value: str, channel: str | None = None) -> Response:
        """Set a variable or function; a global one without a channel."""
        answer = await self.send("Setvar", Channel=channel, Variable=variable, Value=value)
        return cast("Response", answer)

    async def reload(self, module: str | None = None) -> Response:
        """Reload the configuration of one module, or of all modules if none is given."""
        return cast("Response", await self.send("Reload", Module=module))

    async def command(self, command: str, *, timeout: Any = ...) -> list[str]:
        """The lines that a command of Asterisk's CLI prints, in either style of answer."""
        options = {} if timeout is ... else {"timeout": timeout}
        answer = await self.send("Command", Command=command, **options)
        return list(answer.data)

    async def ping(self) -> Response:
        """Ask whether Asterisk answers."""
        return cast("Response", await self.send("Ping"))

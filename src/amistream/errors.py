"""The exceptions of amistream; both twins raise the same."""

from __future__ import annotations

from typing import Any


class AMIError(Exception):
    """The base of every amistream error."""

    def __repr__(self) -> str:
        # Without the attributes: they may be as long as a message, and contain its secrets.
        return f"{type(self).__name__}({str(self)!r})"


class MessageTooLarge(AMIError):  # noqa: N818 - the name says what happened
    """A message is over a bound of the parser. The parser skips it and goes on after it.

    offset: where the message starts, in bytes from the start of the stream.
    limit: the bound, in bytes; for "max_headers" in lines.
    messages: the messages of the same chunk that were complete before it. The next `feed` returns
        the messages after it.
    setting: the name of the bound: "max_message", "max_line" or "max_headers".
    """

    def __init__(
        self,
        offset: int,
        limit: int,
        messages: list[Any] | None = None,
        setting: str = "max_message",
    ) -> None:
        super().__init__(offset, limit, setting)  # `args` is often logged: it has no messages
        self.offset = offset
        self.limit = limit
        self.messages: list[Any] = messages or []
        self.setting = setting

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.offset, self.limit, self.messages, self.setting), vars(self)

    def __str__(self) -> str:
        passed = {
            "max_message": f"is longer than max_message={self.limit} bytes",
            "max_line": f"has a line longer than max_line={self.limit} bytes",
            "max_headers": f"has more than max_headers={self.limit} lines",
        }
        return f"the message at byte {self.offset} {passed[self.setting]}; it is skipped"


class TruncatedMessage(AMIError):  # noqa: N818
    """The stream ended inside a message.

    offset: where the unfinished message starts, in bytes from the start of the stream.
    raw: the bytes of it that arrived.
    messages: the messages before it that `close` would have returned.
    """

    def __init__(self, offset: int, raw: bytes, messages: list[Any] | None = None) -> None:
        super().__init__(offset)  # `args` is often logged: it has neither bytes nor messages
        self.offset = offset
        self.raw = raw
        self.messages: list[Any] = messages or []

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.offset, self.raw, self.messages), vars(self)

    def __str__(self) -> str:
        return (
            f"the stream ends inside the message at byte {self.offset}, "
            f"after {len(self.raw)} bytes of it"
        )


class DamagedFile(AMIError):  # noqa: N818
    """A compressed file is damaged. The messages before the damage were returned.

    path: the file. offset: how many bytes of the AMI stream were read before the damage.
    reason: the error of the decompressor.
    """

    def __init__(self, path: str, offset: int, reason: str) -> None:
        super().__init__(path, offset, reason)
        self.path = path
        self.offset = offset
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path} is damaged: {self.reason} (after byte {self.offset} of the AMI stream)"


class ExpandsTooMuch(AMIError):  # noqa: N818
    """A compressed file expands too much. The rest of it is not read.

    path: the file. offset: how many bytes of the AMI stream were read before.
    limit: the bound `max_expansion`, in bytes for each compressed byte.
    """

    def __init__(self, path: str, offset: int, limit: int) -> None:
        super().__init__(path, offset, limit)
        self.path = path
        self.offset = offset
        self.limit = limit

    def __str__(self) -> str:
        return (
            f"{self.path} expands to more than max_expansion={self.limit} times its size "
            f"(after byte {self.offset} of the AMI stream); raise max_expansion if it is to be "
            "trusted"
        )


class TooManyLists(AMIError):  # noqa: N818
    """A Collector already has `max_open` open lists.

    action_id: the ActionID of the refused list. limit: the collector's `max_open`.
    """

    def __init__(self, action_id: str, limit: int) -> None:
        super().__init__(action_id, limit)
        self.action_id = action_id
        self.limit = limit

    def __str__(self) -> str:
        return (
            f"no room for the list with ActionID {self.action_id!r}: {self.limit} lists wait "
            "already; raise max_open or shorten timeout"
        )


class ParserInUse(AMIError, RuntimeError):  # noqa: N818
    """Two calls used one Parser at the same time. Each thread needs its own Parser."""

    def __init__(self) -> None:
        super().__init__(
            "this Parser is already at work in another call; a Parser serves one stream and "
            "one thread at a time"
        )

    def __reduce__(self) -> tuple[type[ParserInUse], tuple[()]]:
        return (ParserInUse, ())


class MissingExtra(AMIError, ImportError):  # noqa: N818
    """A feature needs an optional dependency that is not installed.

    extra: the name of the extra, as in `pip install "amistream[extra]"`.
    """

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(feature, extra)
        self.feature = feature
        self.extra = extra

    def __str__(self) -> str:
        return f'{self.feature} needs an extra: pip install "amistream[{self.extra}]"'


class EventNameTaken(AMIError, ValueError):  # noqa: N818
    """Another class is registered for this event name. A name has one class.

    name: the event's name. serving: the class that is registered.
    """

    def __init__(self, name: str, serving: type) -> None:
        super().__init__(name, serving)
        self.name = name
        self.serving = serving

    def __str__(self) -> str:
        return f"events named {self.name!r} are served by {self.serving.__name__} already"


class UnknownEventName(UserWarning):
    """A name in `only=` that no class serves, or a pattern that matches no such name.

    The events are selected all the same: a vendor's module may send them. name: the name.
    nearest: the known name that looks most like it, or None.
    """

    def __init__(self, name: str, nearest: str | None = None) -> None:
        super().__init__(name, nearest)
        self.name = name
        self.nearest = nearest

    def __str__(self) -> str:
        what = "no known event matches" if set(self.name) & set("*?") else "no event is named"
        hint = f"; did you mean {self.nearest!r}?" if self.nearest else ""
        return f"{what} {self.name!r}{hint}"


# --- of the client -----------------------------------------------------------------------------


class CannotConnect(AMIError, ConnectionError):  # noqa: N818
    """No session could be opened. The subclasses name the usual reasons.

    host, port: the server. reason: what went wrong.
    """

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(reason)  # an OSError would take three arguments for an errno
        self.host = host
        self.port = port
        self.reason = reason

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.host, self.port, self.reason), vars(self)

    def __str__(self) -> str:
        return f"cannot connect to {self.host}:{self.port}: {self.reason}"


class ConnectionRefused(CannotConnect):
    """Nothing listens on this port of the server."""


class ConnectTimeout(CannotConnect, TimeoutError):  # noqa: N818
    """The server did not complete the connection or the login in time."""


class NotAnAMI(CannotConnect):
    """Something else than a Manager Interface listens on this port."""


class TLSFailed(CannotConnect):
    """The TLS handshake failed: the certificate is not trusted, or the port does not speak TLS."""


class LoginFailed(AMIError):  # noqa: N818
    """The server refused the login.

    username: the manager user. reason: the server's message.
    """

    def __init__(self, username: str, reason: str) -> None:
        super().__init__(username, reason)
        self.username = username
        self.reason = reason

    def __str__(self) -> str:
        return f"the login of {self.username!r} failed: {self.reason}"


class ConnectionLost(AMIError, ConnectionError):  # noqa: N818
    """The session ended while something still needed it. An action in flight is not sent again.

    reason: what ended the session. shutdown: whether Asterisk said that it stops; otherwise the
        connection failed.
    """

    def __init__(self, reason: str, shutdown: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.shutdown = shutdown

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.reason, self.shutdown), vars(self)

    def __str__(self) -> str:
        return f"the connection is lost: {self.reason}"


class ClientClosed(AMIError):  # noqa: N818
    """The client was closed; it sends nothing more."""

    def __init__(self) -> None:
        super().__init__()

    def __str__(self) -> str:
        return "the client is closed"


class Unsendable(AMIError, ValueError):  # noqa: N818
    """An action has a header that cannot be sent as it is. Nothing was sent.

    action: the action's name. header: the header's name; empty if it is the whole action.
    reason: why.
    """

    def __init__(self, action: str, header: str, reason: str) -> None:
        super().__init__(action, header, reason)
        self.action = action
        self.header = header
        self.reason = reason

    def __str__(self) -> str:
        where = f"{self.action}, header {self.header!r}" if self.header else self.action
        return f"cannot send {where}: {self.reason}"


class ActionFailed(AMIError):  # noqa: N818
    """Asterisk answered an action with an error.

    action: the action's name. response: the answer.
    """

    def __init__(self, action: str, response: Any) -> None:
        super().__init__(action)  # `args` is often logged: it has no message
        self.action = action
        self.response = response

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.action, self.response), vars(self)

    def __str__(self) -> str:
        # The message of a failed Command only says that its output follows.
        reason = next(iter(self.response.data), None) or self.response.message or "no reason given"
        return f"{self.action} failed: {reason.strip()}"


class PermissionDenied(ActionFailed):
    """The manager user may not use this action: its `write` in manager.conf lacks a class."""

    def __str__(self) -> str:
        return f"{super().__str__()} (the user's `write` in manager.conf does not allow it)"


class ActionTimeout(AMIError, TimeoutError):  # noqa: N818
    """An action was not answered in time. Asterisk may still carry it out.

    action: the action's name. seconds: how long the client waited. hint: a likely cause, or "".
    """

    def __init__(self, action: str, seconds: float, hint: str = "") -> None:
        super().__init__(action)
        self.action = action
        self.seconds = seconds
        self.hint = hint

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.action, self.seconds, self.hint), vars(self)

    def __str__(self) -> str:
        hint = f": {self.hint}" if self.hint else ""
        return f"{self.action} was not answered within {self.seconds:g} s{hint}"


class ListIncomplete(AMIError):  # noqa: N818
    """A list ended, but it is not whole: members are missing, or Asterisk cancelled it.

    action: the action's name. aggregate: the list, with what arrived of it.
    """

    def __init__(self, action: str, aggregate: Any) -> None:
        super().__init__(action)
        self.action = action
        self.aggregate = aggregate

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.action, self.aggregate), vars(self)

    def __str__(self) -> str:
        return f"the list of {self.action} is not whole: {self.aggregate.error_message}"


class SubscriptionOverflow(AMIError):  # noqa: N818
    """A subscription's queue was full, and its policy is "error". Later events are lost to it.

    limit: the bound. unit: "events" or "bytes".
    """

    def __init__(self, limit: int, unit: str) -> None:
        super().__init__(limit, unit)
        self.limit = limit
        self.unit = unit

    def __str__(self) -> str:
        return (
            f"the program reads too slowly: {self.limit:,} {self.unit} of events waited in this "
            "subscription; take fewer events with only=, raise the bound, or choose a policy "
            "such as overflow='drop_oldest'"
        )


class SubscriptionInUse(AMIError, RuntimeError):  # noqa: N818
    """Two tasks wait for events of one subscription. Each task needs its own subscription."""

    def __init__(self) -> None:
        super().__init__("another task already waits for an event of this subscription")

    def __reduce__(self) -> tuple[type[SubscriptionInUse], tuple[()]]:
        return (SubscriptionInUse, ())

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

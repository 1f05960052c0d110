"""Every exception of amistream; both twins raise these and no others of their own."""

from __future__ import annotations

from typing import Any


class AMIError(Exception):
    """The base of every amistream error."""

    def __repr__(self) -> str:
        # Not of what it carries: that may be as long as a message, and hold its secrets.
        return f"{type(self).__name__}({str(self)!r})"


class MessageTooLarge(AMIError):  # noqa: N818 - a public name that tells the fact
    """A message passes a bound of the parser, which goes on at the next one.

    offset: where the message starts, in bytes from the start of the stream.
    limit: the bound that was passed, in bytes; of "max_headers" a number of lines.
    messages: what the same chunk had completed before it. What follows in that chunk
        is given by the next `feed`.
    setting: which bound it is: "max_message", "max_line" or "max_headers".
    """

    def __init__(
        self,
        offset: int,
        limit: int,
        messages: list[Any] | None = None,
        setting: str = "max_message",
    ) -> None:
        super().__init__(offset, limit, messages or [], setting)
        self.offset = offset
        self.limit = limit
        self.messages: list[Any] = messages or []
        self.setting = setting

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
    raw: its bytes as far as they came.
    messages: what `close` still had to give before it.
    """

    def __init__(self, offset: int, raw: bytes, messages: list[Any] | None = None) -> None:
        super().__init__(offset, raw, messages or [])
        self.offset = offset
        self.raw = raw
        self.messages: list[Any] = messages or []

    def __str__(self) -> str:
        return (
            f"the stream ends inside the message at byte {self.offset}, "
            f"after {len(self.raw)} bytes of it"
        )


class DamagedFile(AMIError):  # noqa: N818
    """A compressed file cannot be read to its end; what came before the damage was given.

    path: the file. offset: how many bytes of the AMI stream were read before the damage.
    reason: what the decompressor said.
    """

    def __init__(self, path: str, offset: int, reason: str) -> None:
        super().__init__(path, offset, reason)
        self.path = path
        self.offset = offset
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path} is damaged: {self.reason} (after byte {self.offset} of the AMI stream)"


class ExpandsTooMuch(AMIError):  # noqa: N818
    """A compressed file makes far more than was put into it; it is not read on.

    path: the file. offset: how many bytes of the AMI stream were read before.
    limit: the `max_expansion` that was passed, in bytes for each compressed byte.
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
    """A Collector already waits for as many lists as it may.

    action_id: the list that was refused. limit: the collector's `max_open`.
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
    """One Parser was used from two places at once; give each thread a Parser of its own."""

    def __init__(self) -> None:
        super().__init__(
            "this Parser is already at work in another call; a Parser serves one stream and "
            "one thread at a time"
        )

    def __reduce__(self) -> tuple[type[ParserInUse], tuple[()]]:
        return (ParserInUse, ())


class MissingExtra(AMIError, ImportError):  # noqa: N818
    """A feature needs an optional dependency that is not installed.

    extra: the name to install, as in `pip install "amistream[extra]"`.
    """

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(feature, extra)
        self.feature = feature
        self.extra = extra

    def __str__(self) -> str:
        return f'{self.feature} needs an extra: pip install "amistream[{self.extra}]"'


class EventNameTaken(AMIError, ValueError):  # noqa: N818
    """An event name is served by another class already; a name has one class.

    name: the event's name. serving: the class that serves it.
    """

    def __init__(self, name: str, serving: type) -> None:
        super().__init__(name, serving)
        self.name = name
        self.serving = serving

    def __str__(self) -> str:
        return f"events named {self.name!r} are served by {self.serving.__name__} already"

"""The settings of a client, and its secret, which is never shown."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, NoReturn

from amistream.client.actions import line
from amistream.client.filters import check_filter
from amistream.errors import Unsendable

if TYPE_CHECKING:
    from ssl import SSLContext

__all__ = ["Secret", "Settings"]

_LONGEST_WAIT = 1e9
_LONGEST_SECRET = 1000
"""In bytes: its line has at most 1,024."""


class Secret:
    """A secret, or the function that returns it. Only `reveal` returns its text."""

    __slots__ = ("_value",)

    def __init__(self, value: str | Callable[[], str | Awaitable[str]]) -> None:
        if not isinstance(value, str) and not callable(value):
            raise TypeError(f"secret is a str or a function, not {type(value).__name__}")
        self._value = value

    async def get(self) -> Secret:
        """The secret itself, which the function gives if there is one.

        Unsendable if a line of an action cannot have it, whether it will be sent as text or not.
        """
        if isinstance(self._value, str):
            self._check()
            return self
        given = _Given(self._value())
        return await Secret(
            given.value if isinstance(given.value, str) else await given.value
        ).get()

    def _check(self) -> None:
        if not isinstance(self._value, str):
            return
        reason = ""
        try:
            line("Login", "Secret", self._value)
        except Unsendable as error:
            reason = error.reason
        if len(self._value.encode("utf-8", "surrogateescape")) > _LONGEST_SECRET:
            reason = f"it has more than {_LONGEST_SECRET:,} bytes"
        if reason:
            # A new error, because the traceback of the first one has the secret in a variable.
            raise Unsendable("Login", "Secret", reason)

    def reveal(self) -> str:
        """The text. Do not keep it in a variable: a traceback may show variables."""
        if not isinstance(self._value, str):
            raise TypeError("call get() first: the secret is a function")
        return self._value

    def __repr__(self) -> str:
        return "Secret('***')"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not pickled")


class _Given:
    """What the function gave; as an object, because a traceback may show variables."""

    __slots__ = ("value",)

    def __init__(self, value: str | Awaitable[str]) -> None:
        self.value = value


class Settings(NamedTuple):
    """What `amistream.connect` was given; see its docstring."""

    host: str
    port: int
    username: str
    secret: Secret
    tls: Literal[True] | SSLContext | None
    events: str
    auth: Literal["md5", "plain"]
    filters: tuple[str, ...]
    timeout: float
    boot_timeout: float
    action_timeout: float | None
    keepalive: float | None
    keepalive_timeout: float
    reconnect: bool
    max_backoff: float

    def check(self) -> Settings:
        """The settings; TypeError or ValueError if one of them cannot be right."""
        if not isinstance(self.host, str) or not self.host:
            raise ValueError(f"host is the name or address of the server, not {self.host!r}")
        if isinstance(self.port, bool) or not isinstance(self.port, int):
            raise TypeError(f"port is a number, not {self.port!r}")
        if not 0 < self.port < 65536:
            raise ValueError(f"port must be 1 to 65535, not {self.port}")
        if self.auth not in ("md5", "plain"):
            raise ValueError(f"auth is 'md5' or 'plain', not {self.auth!r}")
        if self.tls is not None and self.tls is not True and isinstance(self.tls, bool | str):
            raise TypeError(f"tls is None, True or an SSLContext, not {self.tls!r}")
        line("Login", "Username", self.username)
        line("Login", "Events", self.events)
        for text in self.filters:
            line("Filter", "Filter", text)
            check_filter(text)
        for name in ("timeout", "keepalive_timeout", "max_backoff"):
            _check_seconds(name, getattr(self, name))
        for name in ("action_timeout", "keepalive"):
            if getattr(self, name) is not None:
                _check_seconds(name, getattr(self, name))
        _check_seconds("boot_timeout", self.boot_timeout, zero=True)
        return self


def _check_seconds(name: str, value: Any, *, zero: bool = False) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name} is a number of seconds, not {value!r}")
    if not (value > 0 or (zero and value == 0)) or value > _LONGEST_WAIT or math.isnan(value):
        raise ValueError(f"{name} must be positive seconds, not {value!r}")

"""Typed headers: what an event class declares, one line for each header it types.

A declaration names the header as Asterisk writes it, then other spellings of the same header.
Reading the attribute of an event gives the value; of the class, the declaration.

A declaration that states a `failure` value is also translated by `Event.process()`, which then
gives it always (`optional=True`: only if it was sent). Without one, a header that is missing or
cannot be read is None, and `process()` leaves its text alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, overload

from amistream._impl import Header

if TYPE_CHECKING:
    from typing_extensions import Self

    from amistream._impl import MessageCore

__all__ = ["Bool", "Duration", "Float", "HostPort", "Int", "Milliseconds", "Text", "TypedHeader"]

T = TypeVar("T")


class _Unstated:
    """Tells `failure=None`, which `process()` heeds, from no failure value."""


UNSTATED: Final = _Unstated()


class TypedHeader(Header, Generic[T]):
    """The base of every typed header."""

    __slots__ = ()

    def _declare(self, names: tuple[str, ...], kind: str, failure: object, **options: Any) -> None:
        stated = not isinstance(failure, _Unstated)
        super().__init__(
            *names, kind=kind, failure=failure if stated else None, processed=stated, **options
        )

    if TYPE_CHECKING:

        @overload
        def __get__(self, message: None, owner: type | None = None) -> Self: ...
        @overload
        def __get__(self, message: MessageCore, owner: type | None = None) -> T: ...
        def __get__(self, message: MessageCore | None, owner: type | None = None) -> Self | T: ...


class Text(TypedHeader[str | None]):
    """Text, decoded from UTF-8 with surrogateescape; None if missing or one of `unknown`."""

    __slots__ = ()

    def __init__(self, *names: str, unknown: tuple[str, ...] = ()) -> None:
        self._declare(names, "text", UNSTATED, unknown=unknown)


class Int(TypedHeader[T]):
    """A whole number: an optional sign and digits, 64 characters at most."""

    __slots__ = ()

    @overload
    def __init__(self: Int[int | None], *names: str) -> None: ...
    @overload
    def __init__(
        self: Int[int | None], *names: str, failure: None, optional: bool = False
    ) -> None: ...
    @overload
    def __init__(self: Int[int], *names: str, failure: int, optional: bool = False) -> None: ...
    def __init__(
        self, *names: str, failure: int | _Unstated | None = UNSTATED, optional: bool = False
    ) -> None:
        self._declare(names, "int", failure, optional=optional)


class Float(TypedHeader[T]):
    """A decimal number as C prints it; `unit` is what may follow it, as in `0.1230 (sec)`."""

    __slots__ = ()

    @overload
    def __init__(self: Float[float | None], *names: str, unit: str = "") -> None: ...
    @overload
    def __init__(self: Float[float | None], *names: str, failure: None, unit: str = "") -> None: ...
    @overload
    def __init__(self: Float[float], *names: str, failure: float, unit: str = "") -> None: ...
    def __init__(
        self, *names: str, failure: float | _Unstated | None = UNSTATED, unit: str = ""
    ) -> None:
        self._declare(names, "float", failure, unit=unit)


class Bool(TypedHeader[T]):
    """A truth: one of the `true` words; with `false` words given, any other is unreadable.

    `key` is the name that `process()` gives the value, if it is not the header's own.
    """

    __slots__ = ()

    @overload
    def __init__(
        self: Bool[bool], *names: str, true: str, failure: bool, key: str | None = None
    ) -> None: ...
    @overload
    def __init__(self: Bool[bool | None], *names: str, true: str, false: str) -> None: ...
    def __init__(
        self,
        *names: str,
        true: str,
        false: str | None = None,
        failure: bool | _Unstated = UNSTATED,
        key: str | None = None,
    ) -> None:
        words = () if false is None else (false,)
        self._declare(names, "bool", failure, true=(true,), false=words, key=key)


class Duration(TypedHeader[int]):
    """Seconds, sent as `hh:mm:ss`; -1 if missing or unreadable."""

    __slots__ = ()

    def __init__(self, *names: str) -> None:
        self._declare(names, "duration", -1)


class HostPort(TypedHeader[tuple[str, int] | None]):
    """Address and port, sent as `host:port` or `[IPv6]:port`; None if missing or unreadable."""

    __slots__ = ()

    def __init__(self, *names: str) -> None:
        self._declare(names, "hostport", None)


class Milliseconds(TypedHeader[int]):
    """A round trip, sent as `OK (31 ms)`: 31; `Unmonitored` is -2; anything else -1."""

    __slots__ = ()

    def __init__(self, *names: str) -> None:
        self._declare(names, "milliseconds", -1)

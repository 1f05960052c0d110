"""Typed headers: an event class declares each of its typed headers in one line.

A declaration names the header as Asterisk writes it, then other spellings of the same header. The
attribute gives the value if it is read from an event, and the declaration if it is read from the
class.

If a declaration states a `failure` value, `Event.process()` also converts the header. It then
always returns the header, or with `optional=True` only if the header was sent. Without a `failure`
value, a missing or unreadable header is None, and `process()` keeps its text.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, overload

from amistream._impl import Header

if TYPE_CHECKING:
    from typing_extensions import Self

    from amistream._impl import MessageCore

__all__ = [
    "Bool",
    "Duration",
    "Enumeration",
    "Float",
    "HostPort",
    "Int",
    "Milliseconds",
    "Numbered",
    "Repeated",
    "Text",
    "TypedHeader",
    "Variables",
]

T = TypeVar("T")
E = TypeVar("E", bound=Enum)

TRUE: Final = ("true", "Yes", "1", "yes", "on", "True", "Enabled", "enabled", "Y")
FALSE: Final = ("false", "No", "0", "no", "off", "False", "Disabled", "disabled", "N")
"""The words that Asterisk uses for true and false; they differ between events."""

MOST_NUMBERED: Final = 31
"""The most headers of one numbered header: an RTCP packet has 31 report blocks (RFC 3550)."""


class _Unstated:
    """Sentinel: no failure value given. `failure=None` is a failure value."""


UNSTATED: Final = _Unstated()


class TypedHeader(Header, Generic[T]):
    """The base of every typed header."""

    __slots__ = ("_declared",)

    def _declare(self, names: tuple[str, ...], kind: str, failure: object, **options: Any) -> None:
        stated = not isinstance(failure, _Unstated)
        super().__init__(
            *names, kind=kind, failure=failure if stated else None, processed=stated, **options
        )
        self._declared = (kind, failure, options)

    def _prefixed(self, prefix: str) -> Self:
        """The same header under names that begin with `prefix`."""
        made = type(self).__new__(type(self))
        kind, failure, options = self._declared
        made._declare(tuple(prefix + name for name in self.names), kind, failure, **options)
        return made

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
    """A whole number: an optional sign and digits, 64 characters at most; `unknown` gives None."""

    __slots__ = ()

    @overload
    def __init__(self: Int[int | None], *names: str, unknown: tuple[str, ...] = ()) -> None: ...
    @overload
    def __init__(
        self: Int[int | None], *names: str, failure: None, optional: bool = False
    ) -> None: ...
    @overload
    def __init__(self: Int[int], *names: str, failure: int, optional: bool = False) -> None: ...
    def __init__(
        self,
        *names: str,
        failure: int | _Unstated | None = UNSTATED,
        optional: bool = False,
        unknown: tuple[str, ...] = (),
    ) -> None:
        self._declare(names, "int", failure, optional=optional, unknown=unknown)


class Float(TypedHeader[T]):
    """A decimal number as C prints it; `unit` may follow it, as in `0.1230 (sec)`."""

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
    """A truth value in one of Asterisk's spellings (TRUE, FALSE); other words are unreadable.

    If `true` is given, only that word is true. All other words are then false, unless `false` is
    given too. `key` is the value's name in `process()`, if it differs from the header's name.
    """

    __slots__ = ()

    @overload
    def __init__(
        self: Bool[bool], *names: str, true: str, failure: bool, key: str | None = None
    ) -> None: ...
    @overload
    def __init__(
        self: Bool[bool | None], *names: str, true: str | None = None, false: str | None = None
    ) -> None: ...
    @overload
    def __init__(
        self: Bool[bool | None], *names: str, true: str, false: str, failure: None
    ) -> None: ...
    def __init__(
        self,
        *names: str,
        true: str | None = None,
        false: str | None = None,
        failure: bool | _Unstated | None = UNSTATED,
        key: str | None = None,
    ) -> None:
        if true is None and false is not None:
            raise TypeError("false words need true words")
        yes = TRUE if true is None else (true,)
        no = FALSE if true is None else () if false is None else (false,)
        self._declare(names, "bool", failure, true=yes, false=no, key=key)


class Duration(TypedHeader[int]):
    """Seconds, sent as `hh:mm:ss`; -1 if missing or unreadable."""

    __slots__ = ()

    def __init__(self, *names: str) -> None:
        self._declare(names, "duration", -1)


class HostPort(TypedHeader[tuple[str, int] | None]):
    """Address and port, sent as `host:port` or `[IPv6]:port`; None if missing or unreadable."""

    __slots__ = ()

    def __init__(self, *names: str, failure: _Unstated | None = UNSTATED) -> None:
        self._declare(names, "hostport", failure)


class Milliseconds(TypedHeader[int]):
    """A round-trip time: `OK (31 ms)` is 31, `Unmonitored` is -2, anything else is -1."""

    __slots__ = ()

    def __init__(self, *names: str) -> None:
        self._declare(names, "milliseconds", -1)


class Enumeration(TypedHeader[T]):
    """A member of the enumeration `of`; None if no member has the value.

    `of` comes from amistream.enums or is your own. Only the attribute gives the member;
    `process()` and `to_dict()` give the plain value.
    """

    __slots__ = ()

    @overload
    def __init__(self: Enumeration[E | None], *names: str, of: type[E]) -> None: ...
    @overload
    def __init__(self: Enumeration[E | None], *names: str, of: type[E], failure: None) -> None: ...
    @overload
    def __init__(self: Enumeration[E | int], *names: str, of: type[E], failure: int) -> None: ...
    def __init__(
        self, *names: str, of: type[Enum], failure: int | _Unstated | None = UNSTATED
    ) -> None:
        if not issubclass(of, int | str) or not len(of):
            raise TypeError(f"{of.__name__} must be an enumeration of int or of str")
        kind = "int" if issubclass(of, int) else "text"
        self._declare(names, kind, failure, members=of)


class _Gathered(TypedHeader[T]):
    """The base of the types that read more than one header line."""

    __slots__ = ()

    def __init__(self, name: str) -> None:
        self._declare((name,), "text", UNSTATED)

    if not TYPE_CHECKING:

        def __get__(self, message, owner=None):
            return self if message is None else self._gather(message)

    def _gather(self, message: Any) -> T:
        raise NotImplementedError


class Repeated(_Gathered[tuple[str, ...]]):
    """A header that may be repeated: all its texts in order, or an empty result."""

    __slots__ = ()

    def _gather(self, message: Any) -> tuple[str, ...]:
        return tuple(message.get_all(self.names[0]))


class Variables(_Gathered[dict[str, str]]):
    """Channel variables, sent as `name=value` under a repeated header: name to value.

    Asterisk before 12 put the channel in the header's name: `ChanVariable(SIP/1): name=value`.
    """

    __slots__ = ()

    def _gather(self, message: Any) -> dict[str, str]:
        found: dict[str, str] = {}
        for sent_as, texts in message.to_dict().items():
            if sent_as == self.names[0] or sent_as.startswith(f"{self.names[0]}("):
                for text in [texts] if isinstance(texts, str) else texts:
                    name, _, value = text.partition("=")
                    found[name] = value
        return found


class Numbered(_Gathered[tuple[T, ...]]):
    """Headers that differ only by a number in their name, such as `Report0LSR` and `Report1LSR`.

    `element` declares one of them, with `<N>` in place of the number. The values are in order,
    from number 0 up to the first number that was not sent, at most MOST_NUMBERED.
    """

    __slots__ = ("_element", "numbered_names")

    numbered_names: tuple[str, ...]

    def __init__(self, element: TypedHeader[T]) -> None:
        (name,) = element.names
        if name.count("<N>") != 1:
            raise ValueError(f"a numbered header has <N> in its name once, not {name!r}")
        super().__init__(name)
        self._element: Any = element
        self.numbered_names = tuple(name.replace("<N>", str(n)) for n in range(MOST_NUMBERED))

    @property
    def element(self) -> Any:
        """The declaration of one of the numbered headers."""
        return self._element

    def _gather(self, message: Any) -> tuple[T, ...]:
        found: list[T] = []
        for name in self.numbered_names:
            text = message.get(name)
            if text is None:
                break
            found.append(self._element.coerce(text.encode("utf-8", "surrogateescape")))
        return tuple(found)

"""MessageCore: one message's own bytes, and what is read off them when it is asked for."""

from __future__ import annotations

import copyreg
from collections.abc import ItemsView, Iterator, KeysView, ValuesView
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, overload

from amistream._pure.header import Header, Readable
from amistream._pure.lines import (
    END,
    NOT_SPLIT,
    Line,
    Lines,
    encoded_name,
    find,
    find_named,
    line_start,
    line_starts,
    split_lines,
    texts,
)
from amistream._pure.shapes import read_plain
from amistream._pure.values import text
from amistream._wire import LARGEST_MESSAGE

if TYPE_CHECKING:
    from typing_extensions import Self

_Default = TypeVar("_Default")


class MessageCore:
    """One message's own bytes, and what is read off them when it is asked for.

    A parser makes messages, and so does the constructor, from the bytes of one message.
    """

    # _bytes lacks the terminator CRLF CRLF if `_lines.end` has it.
    __slots__ = ("_bytes", "_lines")

    _headers: ClassVar[dict[str, Header]] = {}
    _processed: ClassVar[tuple[Header, ...]] = ()
    _is_event: ClassVar[bool] = False
    _is_response: ClassVar[bool] = False

    _bytes: bytes
    _lines: Lines

    def __new__(cls, raw: bytes | bytearray | memoryview) -> Self:
        if not isinstance(raw, bytes | bytearray | memoryview):
            raise TypeError(
                f"{cls.__name__}() takes the bytes of one message, not {type(raw).__name__}"
            )
        if memoryview(raw).nbytes > LARGEST_MESSAGE:
            raise ValueError(f"a message has at most {LARGEST_MESSAGE} bytes")
        self = object.__new__(cls)
        self._bytes = bytes(raw)
        self._lines = NOT_SPLIT
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """The class and the bytes, from which every protocol makes the message anew."""
        make = copyreg.__newobj__  # type: ignore[attr-defined]
        return make, (type(self), self.raw), self.__getstate__()

    def __getstate__(self) -> Any:
        """What a subclass added; the bytes are the constructor's argument."""
        slots = copyreg._slotnames(type(self))  # type: ignore[attr-defined]
        added = {
            name: getattr(self, name)
            for name in slots
            if name not in MessageCore.__slots__ and hasattr(self, name)
        }
        own = getattr(self, "__dict__", None)
        return (own, added) if own or added else None

    @property
    def raw(self) -> bytes:
        """The message's bytes as they came, with their terminator."""
        return self._bytes + self._lines.end

    @property
    def raw_size(self) -> int:
        """How many bytes `raw` has."""
        return len(self._bytes) + len(self._lines.end)

    @property
    def name(self) -> str | None:
        """The event's name, or the word of a Response header, as `Success`; None without either."""
        if self._is_response:
            return self.get("Response")
        raw = self._bytes
        if raw.startswith(b"Event:"):
            end = raw.find(b"\n")
            return text(raw[6 : end if end >= 0 else len(raw)].strip(b" \t\r"))
        for line in self._split_headers():
            if line.name == b"Event":
                return text(line.value)
        return None

    @property
    def action_id(self) -> str | None:
        """The ActionID header, or None."""
        return self.get("ActionID")

    @property
    def data(self) -> list[str]:
        """The lines that are not headers: stray lines, or a Command's output in either style."""
        if self._lines.headers is None and self._plain():
            return []
        return [text(line) for line in self._parsed().data or ()]

    def __getitem__(self, name: str) -> str:
        value = self._find_named(name)
        if value is None:
            raise KeyError(name)
        return text(value)

    @overload
    def get(self, name: str, default: None = None, *, ignore_case: bool = False) -> str | None: ...
    @overload
    def get(self, name: str, default: _Default, *, ignore_case: bool = False) -> str | _Default: ...
    def get(self, name: str, default: Any = None, *, ignore_case: bool = False) -> Any:
        """The raw text of the last header called `name`, or `default`."""
        value = self._find_named(name)
        if value is None and ignore_case:
            value = self._find((encoded_name(name),))[1]
        return default if value is None else text(value)

    def get_all(self, name: str) -> list[str]:
        """The raw texts of every header called `name`, in the order they were sent."""
        wanted = encoded_name(name)
        return [text(line.value) for line in self._split_headers() if line.name == wanted]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._find_named(name) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts())

    def __len__(self) -> int:
        return len(self._texts())

    def __bool__(self) -> bool:
        return True

    def keys(self) -> KeysView[str]:
        """The distinct header names, in the order they were first sent."""
        return self._texts().keys()

    def values(self) -> ValuesView[str]:
        """The raw text of each name's last header."""
        return self._texts().values()

    def items(self) -> ItemsView[str, str]:
        """Pairs of name and raw text of its last header."""
        return self._texts().items()

    def process(self) -> tuple[dict[str, Any], list[str]]:
        """Headers and data lines; a header whose class states a failure value is typed."""
        plain = self._plain()
        headers: dict[str, Any] = paired(*plain) if plain else texts(self._split_headers())
        for header in self._processed:
            sent_as, value = header._wire_names[0], self._find_exact(header._line_start)
            if value is None:
                sent_as, value = self._find(header._wire_names)
            header._add_to(headers, sent_as, value)
        return headers, [] if plain else self.data

    def to_dict(self, typed: bool = False) -> dict[str, Any]:
        """Every header's text, a list if it is repeated; `typed` gives typed values if declared."""
        plain = None if typed else self._plain()
        found: dict[str, Any] = paired(*plain) if plain else {}
        if plain and len(found) == len(plain[0]):
            return found
        every: dict[str, list[Any]] = {}
        for name, value in zip(*plain, strict=True) if plain else self._split_pairs(typed):
            every.setdefault(name, []).append(value)
        return {name: one[0] if len(one) == 1 else one for name, one in every.items()}

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str):
            return self.name == other
        if isinstance(other, MessageCore):
            return type(self) is type(other) and self.raw == other.raw
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]  # equal to a str, but not the same

    @classmethod
    def _declared(cls, name: str) -> Header | None:
        """The typed header that the class declares for a name on the wire, in any case."""
        return cls._headers.get(name) or cls._headers.get(name.lower())

    def _find_exact(self, line: bytes) -> bytes | None:
        """An event's last value after `line` (LF, name and colon), found without splitting it."""
        if not self._is_event:
            return None
        raw = self._bytes
        start = raw.rfind(line)
        if start < 0 and not raw.startswith(line[1:]):
            return None
        start += len(line)
        end = raw.find(b"\n", start)
        return (raw[start:end] if end >= 0 else raw[start:]).strip(b" \t\r")

    def _find_named(self, name: str) -> bytes | None:
        """The value of the last header sent as `name`, else of the last with spaces around it."""
        start = (line_starts.get(name) if isinstance(name, str) else None) or line_start(name)
        value = None if start is None else self._find_exact(start)
        if value is not None:
            return value
        wanted = encoded_name(name)
        if self._lines.headers is None and wanted not in self._bytes:
            return None  # splitting the message would take fifty times as long
        return find_named(self._split_headers(), wanted)

    def _find(self, names: tuple[bytes, ...]) -> tuple[bytes, bytes | None]:
        """Name and value of the first of `names` that was sent: as spelled, else in any case."""
        if self._lines.headers is None and not self._may_have(names):
            return b"", None
        return find(self._split_headers(), names)

    def _may_have(self, names: tuple[bytes, ...]) -> bool:
        """False if no header can have one of the names; splitting takes ten times as long."""
        lowered = self._bytes.lower()
        return any(lowered.rfind(name.lower()) >= 0 for name in names)

    def _texts(self) -> dict[str, str]:
        """The last text of each name."""
        plain = self._plain()
        return paired(*plain) if plain else texts(self._split_headers())

    def _split_pairs(self, typed: bool) -> Iterator[tuple[str, Any]]:
        """Each header's name, and its text or, if `typed` and declared, its typed value."""
        for line in self._split_headers():
            name = text(line.name)
            header = self._declared(name) if typed else None
            yield name, text(line.value) if header is None else header.coerce(line.value)

    def _plain(self) -> tuple[list[str], list[str]] | None:
        """Names and values of an event, read at once; None if it must be split into its lines."""
        return read_plain(text(self._bytes.removesuffix(END))) if self._is_event else None

    def _split_headers(self) -> list[Line]:
        return self._parsed().headers or []

    def _parsed(self) -> Lines:
        if self._lines.headers is None:
            lines = split_lines(self.raw, self._is_response)
            lines.end = self._lines.end
            self._lines = lines
        return self._lines


if TYPE_CHECKING:

    def _readable(message: MessageCore) -> Readable:
        """Let the type checker hold the seam between messages and headers."""
        return message


def paired(names: list[str], values: list[str]) -> dict[str, Any]:
    """Names to values; both have the same length, and strict=True takes a fifth longer."""
    return dict(zip(names, values, strict=False))


def new_message(cls: type, raw: bytes, lines: Lines) -> Any:
    """A message of `cls` with its own bytes, which `lines` is about; made without a check."""
    message: Any = object.__new__(cls)
    message._bytes = raw
    message._lines = lines
    return message

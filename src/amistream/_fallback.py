"""The pure twin: frames, headers and typed values in plain Python, the reference for behaviour.

What counts as what on the wire:

* A line ends at LF; one CR before it belongs to the end. A blank line is empty without that.
* The first line's end tells a message's style. Asterisk ends it with CRLF; then only a blank
  line after another CRLF ends the message, and a bare LF belongs to a value. A message whose
  first line ends in a bare LF (a converted file, a proxy) ends at any blank line.
* A header is a line with a colon: the name before the first one, the value after it, spaces
  and tabs around both removed. Other lines are data.
* `Response: Follows` starts an old-style answer to Command: headers, then raw output up to a
  line that ends in `--END COMMAND--`, which ends the message.
"""

from __future__ import annotations

import copyreg
import re
import threading
from collections.abc import Callable, ItemsView, Iterator, KeysView, ValuesView
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, NoReturn, TypeVar, overload

from amistream import _registry
from amistream.errors import MessageTooLarge, ParserInUse, TruncatedMessage

if TYPE_CHECKING:
    from typing_extensions import Self

    from amistream.messages import Message

_Default = TypeVar("_Default")

IMPLEMENTATION = "pure"

BANNER = b"Asterisk Call Manager/"
MARKER = b"--END COMMAND--"
FOLLOWS_HEADERS = (b"ActionID", b"Privilege", b"Message")
END = b"\r\n\r\n"
BLANK = (b"\r\n", b"\n")
USER_EVENT_LINE = b"Event: " + _registry.USER_EVENT + b"\r\n"
LARGEST_MESSAGE = (1 << 31) - 1
LONGEST_NUMBER = 64
"""No number on the wire is longer; a longer run of digits is unreadable, not slow."""
WINDOW = 1 << 17
"""How much of a chunk is cut into plain events at once, in bytes."""
FIRST_LINES = 1024
LINE_STARTS = 4096
MOST_SHAPES = 512
SHAPES_A_LINE = 8
LONGEST_SHAPE = 64
LONGEST_KEPT_NAME = 64
"""Of an event or a header; what has longer ones is read without what was kept of others."""
LF = 0x0A
LONGEST_SKIPPED_LINE = 64
"""While a too long message is skipped, longer lines only count as not blank."""


# --- typed values -----------------------------------------------------------------------------

_INT = re.compile(rb"[+-]?[0-9]+")
_FLOAT = re.compile(rb"[+-]?(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|nan|inf)")
_DURATION = re.compile(rb"([0-9]{1,9}):([0-5][0-9]):([0-5][0-9])")
_ROUND_TRIP = re.compile(rb"OK \(([0-9]{1,18}) ms\)")


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")


def _encoded(name: str) -> bytes:
    if not isinstance(name, str):
        raise TypeError(f"a header's name is a str, not {type(name).__name__}")
    try:
        return name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return b"\n"  # like a name with a line end, none that can be sent


_line_starts: dict[str, bytes] = {}
"""By header name, what `_line_start` gave; at most LINE_STARTS."""


def _line_start(name: str) -> bytes | None:
    """LF, name and colon, what a header's line starts with; None if no header is called so."""
    wanted = _encoded(name)
    if b":" in wanted or b"\n" in wanted or wanted != wanted.strip(b" \t"):
        return None
    start = b"\n" + wanted + b":"
    if len(_line_starts) < LINE_STARTS:
        _line_starts[name] = start
    return start


def _read_text(header: Header, value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")


def _read_int(header: Header, value: bytes) -> int | None:
    if len(value) > LONGEST_NUMBER:
        return None
    return int(value) if value.isdigit() or _INT.fullmatch(value) else None


def _read_float(header: Header, value: bytes) -> float | None:
    if header._unit and value.endswith(header._unit):
        value = value.removesuffix(header._unit).rstrip(b" \t")
    if len(value) > LONGEST_NUMBER:
        return None
    plain = value.replace(b".", b"", 1).isdigit()  # most are; a third of the match's time
    return float(value) if plain or _FLOAT.fullmatch(value) else None


def _read_bool(header: Header, value: bytes) -> bool | None:
    if value in header._true:
        return True
    if value in header._false or not header._false:
        return False
    return None


def _read_duration(header: Header, value: bytes) -> int | None:
    match = _DURATION.fullmatch(value)
    if match is None:
        return None
    hours, minutes, seconds = map(int, match.groups())
    return hours * 3600 + minutes * 60 + seconds


def _read_hostport(header: Header, value: bytes) -> tuple[str, int] | None:
    host, _, port = value.rpartition(b":")
    if not 1 <= len(port) <= 5 or not port.isdigit() or int(port) > 65535:
        return None
    if host[:1] == b"[" or host[-1:] == b"]":
        if not (host[:1] == b"[" and host[-1:] == b"]"):
            return None
        host = host[1:-1]
    return (_text(host), int(port)) if host else None


def _read_milliseconds(header: Header, value: bytes) -> int | None:
    if value == b"Unmonitored":
        return -2
    match = _ROUND_TRIP.fullmatch(value)
    return int(match[1]) if match else None


def _read_unless_unknown(header: Header, value: bytes) -> Any:
    return None if value in header._unknown else _READERS[header.kind](header, value)


def _read_member(header: Header, value: bytes) -> Any:
    known = header._known.get(value)
    if known is not None or not value or value in header._unknown:
        return known
    plain = _READERS[header.kind](header, value)
    if plain is None or header.members is None:
        return None
    try:
        return header.members(plain)
    except ValueError:  # an enumeration of the user's own, which takes no other values
        return None


_READERS: dict[str, Callable[[Header, bytes], Any]] = {
    "text": _read_text,
    "int": _read_int,
    "float": _read_float,
    "bool": _read_bool,
    "duration": _read_duration,
    "hostport": _read_hostport,
    "milliseconds": _read_milliseconds,
}


class Header:
    """A typed header of an event class: a descriptor that reads its value off the wire's bytes.

    names: the header's name and other spellings of it, first found wins.
    kind: one of the keys of `_READERS`. failure: the value when missing or unreadable.
    members: the enumeration whose member the attribute gives; `coerce` gives the plain value.
    processed: `process()` gives it, under `key`; an `optional` one only if it was sent.
    """

    __slots__ = (
        "_false",
        "_known",
        "_line",
        "_names",
        "_read",
        "_true",
        "_unit",
        "_unknown",
        "attribute",
        "failure",
        "key",
        "kind",
        "members",
        "names",
        "optional",
        "processed",
    )

    def __init__(
        self,
        *names: str,
        kind: str = "text",
        failure: Any = None,
        processed: bool = False,
        optional: bool = False,
        key: str | None = None,
        true: tuple[str, ...] = (),
        false: tuple[str, ...] = (),
        unknown: tuple[str, ...] = (),
        unit: str = "",
        members: type[Enum] | None = None,
    ) -> None:
        if not names or any(_unfit(name) for name in names):
            raise ValueError(
                "a header needs names without colon, line end or spaces around, "
                f"not {', '.join(map(repr, names)) or 'none'}"
            )
        if kind not in _READERS:
            raise ValueError(f"kind must be one of {', '.join(_READERS)}, not {kind!r}")
        self.names = names
        self.kind = kind
        self.failure = failure
        self.processed = processed
        self.optional = optional
        self.key = names[0] if key is None else key
        self.attribute = ""
        self.members = members
        words = ((str(member.value), member) for member in members or ())
        self._known = {word.encode(): member for word, member in words if word not in unknown}
        self._names = tuple(name.encode() for name in names)
        self._line = b"\n" + self._names[0] + b":"
        # The checks that few headers need are in readers of their own: __get__ is the hot path.
        self._read = _READERS[kind]
        if members is not None:
            self._read = _read_member
        elif unknown:
            self._read = _read_unless_unknown
        self._true = tuple(word.encode() for word in true)
        self._false = tuple(word.encode() for word in false)
        self._unknown = tuple(word.encode() for word in unknown)
        self._unit = unit.encode()

    def __set_name__(self, owner: type, name: str) -> None:
        self.attribute = name

    def __get__(self, message: Any, owner: type | None = None) -> Any:
        if message is None:
            return self
        try:
            raw = message._bytes if message._is_event else b""
        except AttributeError:
            raise TypeError(f"{self!r} reads messages, not {type(message).__name__}") from None
        # As MessageCore._exact, written out: the call would be a tenth of the time.
        start = raw.rfind(self._line)
        if start >= 0:
            start += len(self._line)
            end = raw.find(b"\n", start)
            value = (raw[start:end] if end >= 0 else raw[start:]).strip(b" \t\r")
        else:
            value = message._find(self._names)[1]
        if value is None:
            return self.failure
        result = self._read(self, value)
        return self.failure if result is None else result

    def coerce(self, value: bytes) -> Any:
        """The typed value of a header's bytes, or the failure value if they cannot be read."""
        if value in self._unknown:
            return self.failure
        result = _READERS[self.kind](self, value)
        return self.failure if result is None else result

    def __repr__(self) -> str:
        return f"<{self.kind} header {self.names[0]}>"


def _unfit(name: str) -> bool:
    return not name or name != name.strip(" \t") or ":" in name or "\n" in name


# --- messages ---------------------------------------------------------------------------------


class _Line:
    """A header line: its name without spaces around, whether that is how it was sent, its value."""

    __slots__ = ("exact", "name", "value", "verbatim")

    def __init__(self, name: bytes, value: bytes) -> None:
        self.name = name.strip(b" \t")
        self.exact = len(self.name) == len(name)
        self.value = value.strip(b" \t\r")
        self.verbatim = value.removeprefix(b" ").removesuffix(b"\r")


class _Lines:
    """A message's header and data lines, None until split; and what its bytes lack of the raw."""

    __slots__ = ("data", "end", "headers")

    def __init__(
        self, headers: list[_Line] | None, data: list[bytes] | None, end: bytes = b""
    ) -> None:
        self.headers = headers
        self.data = data
        self.end = end


_NOT_SPLIT = _Lines(None, None)
_NOT_SPLIT_NOR_ENDED = _Lines(None, None, END)


class MessageCore:
    """One message's own bytes and what is read off them, lazily; made by Parser or from bytes."""

    # _bytes lacks the CRLF CRLF that ended the message if `_lines.end` has it.
    __slots__ = ("_bytes", "_lines")

    _headers: ClassVar[dict[str, Header]] = {}
    _processed: ClassVar[tuple[Header, ...]] = ()
    _is_event: ClassVar[bool] = False
    _is_response: ClassVar[bool] = False

    _bytes: bytes
    _lines: _Lines

    def __new__(cls, raw: bytes | bytearray | memoryview) -> Self:
        if not isinstance(raw, bytes | bytearray | memoryview):
            raise TypeError(
                f"{cls.__name__}() takes the bytes of one message, not {type(raw).__name__}"
            )
        if memoryview(raw).nbytes > LARGEST_MESSAGE:
            raise ValueError(f"a message has at most {LARGEST_MESSAGE} bytes")
        self = object.__new__(cls)
        self._bytes = bytes(raw)
        self._lines = _NOT_SPLIT
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Made anew from the bytes, under every protocol."""
        make = copyreg.__newobj__  # type: ignore[attr-defined]
        return make, (type(self), self.raw), self.__getstate__()

    def __getstate__(self) -> Any:
        """Only what a subclass added: the bytes travel as the constructor's argument."""
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
        """The message's bytes as they came, with the line that ended it."""
        return self._bytes + self._lines.end

    @property
    def name(self) -> str | None:
        """The event's name, or a response's word (`Success`); None if it has neither."""
        if self._is_response:
            return self.get("Response")
        raw = self._bytes
        if raw.startswith(b"Event:"):
            end = raw.find(b"\n")
            return _text(raw[6 : end if end >= 0 else len(raw)].strip(b" \t\r"))
        for line in self._split_headers():
            if line.name == b"Event":
                return _text(line.value)
        return None

    @property
    def action_id(self) -> str | None:
        """The ActionID header, or None."""
        return self.get("ActionID")

    @property
    def data(self) -> list[str]:
        """The lines that are not headers: a Command's output (either style), or strays."""
        if self._lines.headers is None and self._shaped():
            return []
        return [_text(line) for line in self._parsed().data or ()]

    def __getitem__(self, name: str) -> str:
        value = self._get(name)
        if value is None:
            raise KeyError(name)
        return _text(value)

    @overload
    def get(self, name: str, default: None = None, *, ignore_case: bool = False) -> str | None: ...
    @overload
    def get(self, name: str, default: _Default, *, ignore_case: bool = False) -> str | _Default: ...
    def get(self, name: str, default: Any = None, *, ignore_case: bool = False) -> Any:
        """The raw text of the last header called `name`, or `default`."""
        value = self._get(name)
        if value is None and ignore_case:
            value = self._find((_encoded(name),))[1]
        return default if value is None else _text(value)

    def get_all(self, name: str) -> list[str]:
        """The raw texts of every header called `name`, in the order they were sent."""
        wanted = _encoded(name)
        return [_text(line.value) for line in self._split_headers() if line.name == wanted]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._get(name) is not None

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
        """The headers, those typed whose class states a failure value, and the data lines."""
        shaped = self._shaped()
        headers: dict[str, Any] = _paired(*shaped) if shaped else {**self._split_texts()}
        for header in self._processed:
            sent_as, value = header._names[0], self._exact(header._line)
            if value is None:
                sent_as, value = self._find(header._names)
            if value is None:
                if not header.optional:
                    headers[header.key] = header.failure
                continue
            typed = header.coerce(value)
            headers[header.key] = typed
            if header.key == header.names[0] and sent_as != header._names[0]:
                headers[_text(sent_as)] = typed
        return headers, [] if shaped else self.data

    def to_dict(self, typed: bool = False) -> dict[str, Any]:
        """Every header: its text, a list when repeated; `typed` coerces the declared ones."""
        shaped = None if typed else self._shaped()
        if shaped and not shaped[0].repeats:
            return _paired(*shaped)
        every: dict[str, list[Any]] = {}
        for name, value in (
            zip(shaped[0].names, shaped[1], strict=True) if shaped else self._split_pairs(typed)
        ):
            every.setdefault(name, []).append(value)
        return {name: one[0] if len(one) == 1 else one for name, one in every.items()}

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str):
            return self.name == other
        if isinstance(other, MessageCore):
            return type(self) is type(other) and self.raw == other.raw
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]  # equal to a str, yet each one's own

    @classmethod
    def _declared(cls, name: str) -> Header | None:
        """The typed header that a class declares for a name on the wire, in whatever case."""
        return cls._headers.get(name) or cls._headers.get(name.lower())

    def _exact(self, line: bytes) -> bytes | None:
        """The value after the last `line` (LF, name, colon) of an event, without an index."""
        if not self._is_event:
            return None
        raw = self._bytes
        start = raw.rfind(line)
        if start < 0 and not raw.startswith(line[1:]):
            return None
        start += len(line)
        end = raw.find(b"\n", start)
        return (raw[start:end] if end >= 0 else raw[start:]).strip(b" \t\r")

    def _get(self, name: str) -> bytes | None:
        """The value of the last header sent as `name`, else of the last with spaces around it."""
        start = (_line_starts.get(name) if isinstance(name, str) else None) or _line_start(name)
        value = None if start is None else self._exact(start)
        if value is not None:
            return value
        wanted = _encoded(name)
        if self._lines.headers is None and wanted not in self._bytes:
            return None  # splitting the message would take fifty times as long
        spaced = None
        for line in reversed(self._split_headers()):
            if line.name == wanted:
                if line.exact:
                    return line.value
                spaced = line.value if spaced is None else spaced
        return spaced

    def _find(self, names: tuple[bytes, ...]) -> tuple[bytes, bytes | None]:
        """Name and value of the first of `names` that was sent: as spelled, else in any case."""
        if self._lines.headers is None and not self._may_have(names):
            return b"", None
        lines = self._split_headers()
        for exact in (True, False):
            for name in names:
                for line in reversed(lines):
                    if line.name == name and line.exact >= exact:
                        return line.name, line.value
        for name in names:
            for line in reversed(lines):
                if line.name.lower() == name.lower():
                    return line.name, line.value
        return b"", None

    def _may_have(self, names: tuple[bytes, ...]) -> bool:
        """False if no header can be called so; splitting the message takes ten times as long."""
        lowered = self._bytes.lower()
        return any(lowered.rfind(name.lower()) >= 0 for name in names)

    def _texts(self) -> dict[str, str]:
        """The last text of each name: sent so first, then those with spaces around."""
        shaped = self._shaped()
        return _paired(*shaped) if shaped else self._split_texts()

    def _split_texts(self) -> dict[str, str]:
        lines = self._split_headers()
        texts = {line.name: line.value for line in lines}
        texts.update({line.name: line.value for line in lines if line.exact})
        return {_text(name): _text(value) for name, value in texts.items()}

    def _split_pairs(self, typed: bool) -> Iterator[tuple[str, Any]]:
        """Each header's name and text, or typed value if its class declares it."""
        for line in self._split_headers():
            name = _text(line.name)
            header = self._declared(name) if typed else None
            yield name, _text(line.value) if header is None else header.coerce(line.value)

    def _shaped(self) -> tuple[_Shape, tuple[str, ...]] | None:
        """The shape and the values of an event that has one; None if it must be split.

        One match reads all values: four times as fast as line after line.
        """
        if not self._is_event:
            return None
        text = _text(self._bytes.removesuffix(END))
        for shape in _shapes.get(text[: text.find("\r")], ()):
            match = shape.match(text)
            if match is not None:
                return shape, match.groups()
        _learn_shape(self._bytes.removesuffix(END), self._split_headers())
        return None

    def _split_headers(self) -> list[_Line]:
        return self._parsed().headers or []

    def _parsed(self) -> _Lines:
        if self._lines.headers is None:
            headers, data = _split(self.raw, self._is_response)
            self._lines = _Lines(headers, data, self._lines.end)
        return self._lines


class _Shape(NamedTuple):
    """The headers that events of one kind nearly always carry, in this order.

    match: fullmatch of lines as Asterisk writes them, `Name: value` with no more space around
        either, no tab, and CRLF between; a group for each value.
    """

    match: Callable[[str], re.Match[str] | None]
    names: list[str]
    repeats: bool


def _paired(shape: _Shape, values: tuple[str, ...]) -> dict[str, Any]:
    return dict(zip(shape.names, values, strict=False))  # as many; strict takes a fifth longer


_SHAPED_LINE = ": ((?! )[^\r\n\t]*[^\r\n\t ]|)"
_shapes: dict[str, list[_Shape]] = {}
"""By an event's first line; at most MOST_SHAPES, none is ever forgotten."""


def _learn_shape(raw: bytes, lines: list[_Line]) -> None:
    """Keep the shape of an event as Asterisk writes it, while there is room."""
    sent = raw.split(b"\r\n")
    if len(lines) > LONGEST_SHAPE or len(sent) != len(lines):
        return
    if not all(text.startswith(line.name + b": ") for text, line in zip(sent, lines, strict=True)):
        return
    if len(sent[0]) > 2 * LONGEST_KEPT_NAME:
        return
    if any(len(line.name) > LONGEST_KEPT_NAME for line in lines):
        return
    names = [_text(line.name) for line in lines]
    known = _shapes.get(_text(sent[0]), [])
    if len(known) >= SHAPES_A_LINE or any(shape.names == names for shape in known):
        return
    if len(_shapes) >= MOST_SHAPES and not known:
        return
    pattern = re.compile("\r\n".join(re.escape(name) + _SHAPED_LINE for name in names))
    shape = _Shape(pattern.fullmatch, names, len(set(names)) < len(names))
    _shapes[_text(sent[0])] = [*known, shape]


def _split(raw: bytes, is_response: bool) -> tuple[list[_Line], list[bytes]]:
    """The header lines and the data lines of a message."""
    headers: list[_Line] = []
    data: list[bytes] = []
    follows = in_output = False
    for sent in raw.removesuffix(b"\n").split(b"\n"):
        text = sent.removesuffix(b"\r")
        name, colon, value = sent.partition(b":")
        line = _Line(name, value)
        if follows and text.endswith(MARKER):
            last = text.removesuffix(MARKER)
            if last.strip(b" \t"):
                data.append(last)
            break
        if follows and not (colon and (sent != text or line.name in FOLLOWS_HEADERS)):
            in_output = True
        if in_output or not colon:
            if in_output or text:
                data.append(text)
            continue
        headers.append(line)
        if is_response:
            if line.name == b"Output":
                data.append(line.verbatim)
            follows = follows or (line.name == b"Response" and line.value == b"Follows")
    return headers, data


# --- the parser -------------------------------------------------------------------------------

_MORE, _WHOLE, _BANNER, _TOO_LARGE, _LINE_TOO_LONG, _TOO_MANY_LINES = range(6)
_new: Any = object.__new__
_skip_blank = re.compile(rb"(?:\r?\n)+").match


def _bound(name: str, value: int, unit: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} is a number of {unit}, not {value!r}")
    if not 1 <= value <= LARGEST_MESSAGE:
        raise ValueError(f"{name} must be 1 to {LARGEST_MESSAGE} {unit}, not {value}")
    return value


class Parser:
    """Splits a stream, cut into chunks anywhere, into messages.

    only: event classes and event names to build; Event, Response or Message itself for all of
        their kind. The rest is skipped on the raw bytes and counted. None builds everything.
    max_message: the longest message in bytes, its end included.
    max_line: the longest line in bytes, its end included.
    max_headers: the most lines of a message: its headers, repeated ones too, and its output.
    """

    __slots__ = (
        "_at_start",
        "_crlf",
        "_event_name",
        "_first_lines",
        "_follows",
        "_harmless",
        "_is_response",
        "_line",
        "_lines",
        "_lock",
        "_max_headers",
        "_max_line",
        "_max_message",
        "_names_known",
        "_offset",
        "_pending",
        "_previous_crlf",
        "_rest",
        "_resume",
        "_select",
        "_skipping",
        "banner",
        "bytes",
        "malformed",
        "messages",
        "skipped",
    )

    def __init__(
        self,
        only: Any = None,
        max_message: int = 1 << 20,
        max_line: int = 1 << 18,
        max_headers: int = 1 << 17,
    ) -> None:
        self._max_message = _bound("max_message", max_message, "bytes")
        self._max_line = _bound("max_line", max_line, "bytes")
        self._max_headers = _bound("max_headers", max_headers, "lines")
        # So many bytes pass no bound, however they are divided into lines.
        self._harmless = min(max_message, max_line, max_headers)
        self._select = _registry.select(only)
        self.messages = 0
        self.bytes = 0
        self.malformed = 0
        self.skipped = 0
        self.banner: str | None = None
        self._lock = threading.Lock()
        self._first_lines: dict[bytes, type | None] = {}  # of plain events: what is built
        self._names_known = 0
        self._start_stream()

    @property
    def max_message(self) -> int:
        return self._max_message

    @property
    def max_line(self) -> int:
        return self._max_line

    @property
    def max_headers(self) -> int:
        return self._max_headers

    def __init_subclass__(cls) -> None:
        raise TypeError(f"type '{__name__}.Parser' is not an acceptable base type")

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"cannot pickle '{__name__}.Parser' object")

    def feed(self, data: bytes | bytearray | memoryview) -> list[Message]:
        """The messages that `data` completes.

        TypeError if it is not bytes-like, MessageTooLarge past a bound, ParserInUse if two
        calls overlap. Nothing else is raised, whatever the bytes. What breaks in from
        outside, as MemoryError, loses the chunk and the message begun; the next chunk is read.
        """
        try:
            chunk = data if isinstance(data, bytes) else bytes(memoryview(data))
        except TypeError:
            kind = type(data).__name__
            raise TypeError(
                f"feed() takes bytes, not {kind}: pass what the socket gave, undecoded"
            ) from None
        if not self._lock.acquire(blocking=False):
            raise ParserInUse
        try:
            return self._take_whole(chunk)
        finally:
            self._lock.release()

    def close(self) -> list[Message]:
        """End the stream: the messages still held back; then the parser is ready for another.

        TruncatedMessage if the stream ended inside a message.
        """
        if not self._lock.acquire(blocking=False):
            raise ParserInUse
        try:
            found = self._take_whole(b"")
            left, offset = bytes(self._pending), self._offset
            skipping = self._skipping
            self._start_stream()
            if left.strip(b"\r") and not skipping:
                self.malformed += 1
                raise TruncatedMessage(offset, left, found)
            return found
        finally:
            self._lock.release()

    def _start_stream(self) -> None:
        self._pending = bytearray()  # the message that is not whole yet
        self._rest = b""  # what is still to be split after an error
        self._offset = 0  # of the pending message, in the stream
        self._at_start = True
        self._skipping = False
        self._start_message()

    def _start_message(self) -> None:
        """Forget the last message; the indexes are relative to the start of the new one."""
        self._line = 0  # start of the line that is not whole yet
        self._lines = 0  # how many were read
        self._resume = 0  # where to look for its end
        self._crlf: bool | None = None  # how the first line ended
        self._previous_crlf = False
        self._follows = False
        self._event_name: bytes | None = None
        self._is_response = False

    def _take_whole(self, chunk: bytes) -> list[Message]:
        end = self._offset + len(self._pending) + len(self._rest) + len(chunk)
        self.bytes += len(chunk)
        try:
            return self._take(chunk)
        except MessageTooLarge:
            raise
        except BaseException:
            # KeyboardInterrupt, MemoryError: what is known of the message may not fit its bytes.
            self._start_stream()
            self._at_start = False
            self._offset = end
            raise

    def _take(self, chunk: bytes) -> list[Message]:
        found: list[Message] = []
        registered = len(self._select.names) + len(self._select.user_events)
        if registered != self._names_known:  # a class was registered since
            self._names_known = registered
            self._first_lines.clear()
        if self._rest:
            chunk, self._rest = self._rest + chunk, b""
        if self._waits_unread() and len(chunk) >= len(self._pending):
            chunk = bytes(self._pending) + chunk
            self._pending = bytearray()
        position = self._finish_pending(chunk, found) if self._pending else 0
        plain = chunk.rfind(b"\r\n\n") < 0
        while position < len(chunk):
            start = after = self._skip_blank_lines(chunk, position)
            if plain and not self._skipping:
                after = self._take_plain_events(chunk, start, found)
            self._offset += after - position
            if after > start:
                position = after
                continue
            if plain and self._can_wait(chunk, start):
                self._pending += chunk[start:]
                break
            position = self._take_message(chunk, start, found)
            if position < 0:
                self._pending += chunk[start:]
                self._trim_skipped()
                break
        return found

    def _can_wait(self, chunk: bytes, start: int) -> bool:
        """Whether what is left is the begin of a plain event, to be cut when its end has come."""
        feed = chunk.find(b"\n", start)
        return (
            not self._skipping
            and len(chunk) - start <= self._harmless
            and chunk.startswith(b"Event: ", start)
            and (feed < 0 or chunk.startswith(b"\r", feed - 1))
            and chunk.find(END, start) < 0
        )

    def _waits_unread(self) -> bool:
        """Whether no line of the pending message was read yet."""
        return bool(self._pending) and self._resume == 0 and not self._skipping

    def _take_plain_events(self, chunk: bytes, position: int, found: list[Message]) -> int:
        """Take the run of events at `position` that need no look at their lines; where it ends.

        They start with a plain name and CRLF, and the chunk has no other end of such a message
        than CRLF CRLF. The same as `_take_message`, fifty times as fast: one rsplit cuts and
        copies them all (split takes twice as long), in windows that bound what is cut in vain.
        """
        while chunk.startswith(b"Event: ", position):
            window = chunk[position : position + WINDOW]
            pieces = window.rsplit(END)
            rest = pieces.pop()  # not whole, or empty
            taken = self._build_plain_events(pieces, found)
            if taken < len(pieces) or not taken:
                return position + sum(map(len, pieces[:taken])) + len(END) * taken
            position += len(window) - len(rest)
        return position

    def _build_plain_events(self, pieces: list[bytes], found: list[Message]) -> int:
        """Build the events that the pieces are, up to one that is not plain; how many are built."""
        classes, add = self._first_lines, found.append
        longest = self._harmless - len(END)
        bounded = self._harmless >= WINDOW  # a piece and its end lie in one
        divided = bool(self._select.user_events)
        before, skipped = len(found), 0
        for piece in pieces:
            first_line = piece[: piece.find(b"\n") + 1]
            try:
                cls = classes[first_line]
            except KeyError:
                if not self._know_first_line(first_line):
                    break
                cls = classes[first_line]
            if piece[-1] == LF or not (bounded or len(piece) <= longest):
                break
            if cls is None and divided and first_line == USER_EVENT_LINE:
                cls = self._user_event_class(piece, _NOT_SPLIT_NOR_ENDED)
            if cls is None:
                skipped += 1
                continue
            message = _new(cls)
            message._bytes = piece
            message._lines = _NOT_SPLIT_NOR_ENDED
            add(message)
        built = len(found) - before
        self.messages += built
        self.skipped += skipped
        if built or skipped:
            self._at_start = False
        return built + skipped

    def _know_first_line(self, first_line: bytes) -> bool:
        """Keep what an event that begins so is built as; False if its name is not plain."""
        name = first_line[7:-2]
        if not name.isalnum() or first_line != b"Event: " + name + b"\r\n":
            return False
        if len(name) > LONGEST_KEPT_NAME:
            return False
        if len(self._first_lines) >= FIRST_LINES:
            self._first_lines.clear()
        divided = name == _registry.USER_EVENT and self._select.user_events
        self._first_lines[first_line] = (
            None if divided else self._select.names.get(name, self._select.event)
        )
        return True

    def _user_event_class(self, raw: bytes, lines: Any) -> type | None:
        """What the UserEvent `raw` is built as, by its header UserEvent; None to skip it."""
        select = self._select
        message = _new(MessageCore)
        message._bytes = raw
        message._lines = lines
        called = message._find((_registry.USER_EVENT,))[1] or b""
        return select.user_events.get(called, select.user_event)

    def _finish_pending(self, chunk: bytes, found: list[Message]) -> int:
        """Complete the message begun in earlier chunks; where in `chunk` the next one starts."""
        before = len(self._pending)
        self._pending += chunk
        if not self._skipping and self._pending[:1] == b"\r" and self._pending[1:2] == b"\n":
            self._pending = bytearray()
            self._offset += 2
            self._start_message()
            return 1
        end = self._take_message(self._pending, 0, found)
        if end < 0:
            self._trim_skipped()
            return len(chunk)
        self._pending = bytearray()
        return end - before

    def _skip_blank_lines(self, chunk: bytes, position: int) -> int:
        if self._skipping or not chunk.startswith(BLANK, position):
            return position
        return _skip_blank(chunk, position).end()  # type: ignore[union-attr]

    def _take_message(self, buffer: bytes | bytearray, start: int, found: list[Message]) -> int:
        """Take the message at `start`: the position after it, or -1 if it is not whole."""
        verdict, end = self._advance(buffer, start)
        if verdict == _MORE:
            return -1
        if verdict >= _TOO_LARGE:
            self._skip_message(buffer, start, found, verdict)
        if verdict == _WHOLE and not self._skipping:
            message = self._build(bytes(buffer[start:end]))
            if message is not None:
                found.append(message)
                self.messages += 1
        self._skipping = False
        self._offset += end - start
        self._start_message()
        return end

    def _advance(self, buffer: bytes | bytearray, start: int) -> tuple[int, int]:
        """Read on, line by line, in the message at `start`; what was reached, and where."""
        while True:
            newline = buffer.find(b"\n", start + self._resume)
            end = newline + 1 if newline >= 0 else len(buffer)
            line_bound = self._line + self._max_line
            if not self._skipping and end - start > min(self._max_message, line_bound):
                return _LINE_TOO_LONG if line_bound < self._max_message else _TOO_LARGE, end
            if newline < 0:
                self._resume = len(buffer) - start
                return _MORE, end
            text = bytes(buffer[start + self._line : newline])
            crlf = text.endswith(b"\r")
            text = text.removesuffix(b"\r")
            if self._crlf is None:
                self._crlf = crlf
                if self._is_banner(text):
                    self.banner = _text(text)
                    return _BANNER, end
            if self._ends_message(text):
                return _WHOLE, end
            if self._lines == self._max_headers and not self._skipping:
                return _TOO_MANY_LINES, end
            self._lines += 1
            self._line = self._resume = end - start
            self._previous_crlf = crlf
            self._note_header(text)

    def _is_banner(self, text: bytes) -> bool:
        """Asterisk's greeting, or at the start of a stream any line without a colon."""
        at_start, self._at_start = self._at_start, False
        if self._skipping:
            return False
        return text.startswith(BANNER) or (at_start and b":" not in text)

    def _ends_message(self, text: bytes) -> bool:
        if self._follows:
            return text.endswith(MARKER)
        return not text and (self._previous_crlf or not self._crlf)

    def _note_header(self, text: bytes) -> None:
        """Keep what tells the message's kind: Event, Response, or an old-style answer."""
        if self._follows or (self._skipping and len(text) > LONGEST_SKIPPED_LINE):
            return
        name, colon, value = text.partition(b":")
        if not colon:
            return
        name = name.strip(b" \t")
        if name == b"Event" and self._event_name is None:
            self._event_name = value.strip(b" \t\r")
        elif name == b"Response":
            self._is_response = True
            self._follows = self._event_name is None and value.strip(b" \t\r") == b"Follows"

    def _build(self, raw: bytes) -> Any:
        select = self._select
        if self._event_name is not None:
            cls = select.names.get(self._event_name, select.event)
            if self._event_name == _registry.USER_EVENT and select.user_events:
                cls = self._user_event_class(raw, _NOT_SPLIT)
        elif self._is_response:
            cls = select.response
        else:
            cls = select.message
            self.malformed += 1
        if cls is None:
            self.skipped += 1
            return None
        message = _new(cls)
        message._bytes = raw
        message._lines = _NOT_SPLIT
        return message

    def _skip_message(
        self, buffer: bytes | bytearray, start: int, found: list[Message], verdict: int
    ) -> NoReturn:
        """Report a too large message; its line in progress is where skipping begins."""
        offset = self._offset
        self._rest = bytes(buffer[start + self._line :])
        self._offset += self._line
        self._pending = bytearray()
        self._line = self._resume = 0
        self._skipping = True
        self.malformed += 1
        if verdict == _TOO_LARGE:
            raise MessageTooLarge(offset, self._max_message, found)
        if verdict == _LINE_TOO_LONG:
            raise MessageTooLarge(offset, self._max_line, found, "max_line")
        raise MessageTooLarge(offset, self._max_headers, found, "max_headers")

    def _trim_skipped(self) -> None:
        """Of a message that is skipped keep the line in progress, and of a long one its end."""
        if not self._skipping:
            return
        line = self._pending[self._line :]
        self._offset += self._line
        self._line = 0
        if len(line) > LONGEST_SKIPPED_LINE:
            kept = len(MARKER) + 1
            self._offset += len(line) - kept - LONGEST_SKIPPED_LINE
            line[:-kept] = b"-" * LONGEST_SKIPPED_LINE
        self._pending = line
        self._resume = len(line)

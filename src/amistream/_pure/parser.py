"""Parser: cuts the stream into messages, whichever way it is cut into chunks."""

from __future__ import annotations

import re
import threading
from collections import deque
from typing import TYPE_CHECKING, Any, NoReturn

from amistream import _registry
from amistream._pure.lines import END, NOT_SPLIT, NOT_SPLIT_WITHOUT_END, Lines
from amistream._pure.message import MessageCore, new_message
from amistream._pure.values import text
from amistream._wire import (
    BANNER,
    LONGEST_CACHED_NAME,
    LONGEST_SKIPPED_LINE,
    MARKER,
    MAX_HEADERS,
    MAX_LINE,
    MAX_MESSAGE,
    USER_EVENT,
    checked_bound,
    checked_prefix,
)
from amistream.errors import MessageTooLarge, ParserInUse, TruncatedMessage

if TYPE_CHECKING:
    from typing_extensions import Self

    from amistream.messages import Message

BLANK = (b"\r\n", b"\n")
USER_EVENT_LINE = b"Event: " + USER_EVENT + b"\r\n"
LF = 0x0A

WINDOW = 1 << 17
"""The most of a chunk that is cut into plain events at once, in bytes."""

FIRST_WINDOW = 1 << 9
"""How much is cut at first, and again after an event that is not plain: what is cut behind it is
cut in vain. Each window is twice as large as the one before."""

MOST_FIRST_LINES = 1024
"""How many first lines of events a parser caches."""

# What reading on in a message reached. Those from TOO_LARGE on are bounds that it passed.
MORE, WHOLE, IS_BANNER, TOO_LARGE, LINE_TOO_LONG, TOO_MANY_LINES = range(6)


class Parser:
    """Splits a stream into messages; the stream may be cut into chunks anywhere.

    only: the event classes and event names to build; Event, Response or Message itself stands for
        all messages of its kind. In a name, `*` stands for any bytes and `?` for one byte. The
        parser skips and counts the rest without building it. None builds everything.
    max_message: the most bytes of a message, its terminator included.
    max_line: the most bytes of a line, its line end included.
    max_headers: the most lines of a message: its headers, repeated ones too, and its output.
    keep_action_ids: a prefix. Events and responses whose ActionID begins with it are built too,
        whatever `only` says, and counted in `kept`; "" keeps none.
    """

    __slots__ = (
        "_at_start",
        "_chunks",
        "_event_name",
        "_first_line_crlf",
        "_first_lines",
        "_follows",
        "_is_response",
        "_kept_action_ids",
        "_line_count",
        "_line_start",
        "_lock",
        "_max_headers",
        "_max_line",
        "_max_message",
        "_names_known",
        "_offset",
        "_only",
        "_pending",
        "_plain",
        "_position",
        "_previous_crlf",
        "_safe_size",
        "_search_from",
        "_select",
        "_skipping",
        "_stream_size",
        "_waits_for_end",
        "_window",
        "banner",
        "bytes",
        "kept",
        "malformed",
        "messages",
        "skipped",
    )

    # When the interpreter ends, it sets the names of modules to None. A parser that a __del__ feeds
    # after that still finds these.
    _END = END
    _BLANK = BLANK
    _LF = LF
    _WINDOW = WINDOW
    _FIRST_WINDOW = FIRST_WINDOW
    _USER_EVENT = USER_EVENT
    _USER_EVENT_LINE = USER_EVENT_LINE
    _LONGEST_CACHED_NAME = LONGEST_CACHED_NAME
    _MOST_FIRST_LINES = MOST_FIRST_LINES
    _NOT_SPLIT_WITHOUT_END = NOT_SPLIT_WITHOUT_END
    _new: Any = object.__new__
    _blank_lines = re.compile(rb"(?:\r?\n)+").match

    _lock: threading.Lock

    def __new__(cls, *_: Any, **__: Any) -> Self:
        self = object.__new__(cls)
        self._lock = threading.Lock()
        return self

    def __init__(
        self,
        only: Any = None,
        max_message: int = MAX_MESSAGE,
        max_line: int = MAX_LINE,
        max_headers: int = MAX_HEADERS,
        keep_action_ids: str = "",
    ) -> None:
        if not self._lock.acquire(blocking=False):
            raise ParserInUse
        try:
            self._set_up(only, max_message, max_line, max_headers, keep_action_ids)
        finally:
            self._lock.release()

    def _set_up(
        self, only: Any, max_message: int, max_line: int, max_headers: int, keep_action_ids: str
    ) -> None:
        self._kept_action_ids = checked_prefix(keep_action_ids)
        self._max_message = checked_bound("max_message", max_message, "bytes")
        self._max_line = checked_bound("max_line", max_line, "bytes")
        self._max_headers = checked_bound("max_headers", max_headers, "lines")
        # A message of so many bytes passes no bound, however its lines are divided.
        self._safe_size = min(max_message, max_line, max_headers)
        self._first_lines: dict[bytes, type | None] = {}  # of plain events: the class to build
        self._names_known = 0
        self._set_selection(only)
        self.messages = 0
        self.bytes = 0
        self.malformed = 0
        self.skipped = 0
        self.kept = 0
        self.banner: str | None = None
        self._start_stream()

    def _set_selection(self, only: Any) -> None:
        only = _registry.frozen(only)
        self._select = _registry.select(only)
        self._only = only
        self._first_lines.clear()

    @property
    def only(self) -> Any:
        """What the parser builds. Setting it applies to each message that is not given yet.

        ParserInUse if another thread is at work in the parser.
        """
        return self._only

    @only.setter
    def only(self, only: Any) -> None:
        if not self._lock.acquire(blocking=False):
            raise ParserInUse
        try:
            self._set_selection(only)
        finally:
            self._lock.release()

    @property
    def keep_action_ids(self) -> str:
        return self._kept_action_ids.decode()

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

        TypeError if `data` is not bytes-like, MessageTooLarge if a message passes a bound,
        ParserInUse if two calls overlap. No bytes raise anything else. After MessageTooLarge the
        rest of the chunk waits for the next call, which may have no data. An error from outside,
        such as MemoryError, loses the chunk and the message in progress; the parser reads on
        with the next chunk.
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
            return self._take_chunk(chunk)
        finally:
            self._lock.release()

    def close(self) -> list[Message]:
        """End the stream: the messages not yet given. The parser is then ready for another stream.

        TruncatedMessage if the stream ended inside a message.
        """
        if not self._lock.acquire(blocking=False):
            raise ParserInUse
        try:
            found = self._take_chunk(b"")
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
        self._chunks: deque[bytes] = deque()  # not read to their end; more than one after an error
        self._position = -1  # in the first chunk, from where it is to be read; -1: it is new
        self._plain = False  # whether nothing but CRLF CRLF can end an event in the first chunk
        self._waits_for_end = False  # whether the pending message is only searched for its end
        self._stream_size = 0  # the bytes that were fed
        self._window = self._FIRST_WINDOW  # how much is cut into plain events next
        self._offset = 0  # of the pending message, in the stream
        self._at_start = True
        self._skipping = False
        self._start_message()

    def _start_message(self) -> None:
        """Forget the last message; the offsets are relative to the start of the new one."""
        self._line_start = 0  # of the line that is not whole yet
        self._line_count = 0  # of the lines that are whole
        self._search_from = 0  # for the end of that line
        self._first_line_crlf: bool | None = None  # None until it is whole
        self._previous_crlf = False
        self._follows = False
        self._event_name: bytes | None = None
        self._is_response = False

    def _take_chunk(self, chunk: bytes) -> list[Message]:
        """Split the chunk. After an error from outside, start anew behind it."""
        found: list[Message] = []
        self.bytes += len(chunk)
        self._stream_size += len(chunk)
        registered = self._select.count_names()
        if registered != self._names_known:  # a class was registered since
            self._names_known = registered
            self._first_lines.clear()
        try:
            self._chunks.append(chunk)
            while self._chunks:
                self._split_chunk(found)
                self._chunks.popleft()
                self._position = -1
            return found
        except MessageTooLarge:
            raise
        except BaseException:
            # KeyboardInterrupt, MemoryError: the state of the message may not fit its bytes.
            end = self._stream_size
            self._start_stream()
            self._at_start = False
            self._offset = self._stream_size = end
            raise

    def _split_chunk(self, found: list[Message]) -> None:
        """Take every message of the first chunk, from where an error stopped the reading."""
        if self._position < 0:
            self._start_chunk()
        if self._waits_for_end:
            return
        chunk = self._chunks[0]
        position = self._finish_pending(chunk, found) if self._pending else self._position
        while position < len(chunk):
            start = after = self._skip_blank_lines(chunk, position)
            if self._plain and not self._skipping:
                after = self._take_plain_events(chunk, start, found)
            self._offset += after - position
            if after > start:
                position = after
                continue
            if self._plain and self._can_wait(chunk, start):
                self._pending += chunk[start:]
                self._waits_for_end = b"\n" in self._pending
                break
            position = self._take_message(chunk, start, found)
            if position < 0:
                self._pending += chunk[start:]
                self._trim_skipped()
                break

    def _start_chunk(self) -> None:
        """Look at the first chunk as a whole, once."""
        chunk = self._chunks[0]
        if self._waits_for_end and self._goes_on_waiting(chunk):
            self._pending += chunk
            return
        is_joined = self._waits_for_end or len(chunk) >= len(self._pending)
        if is_joined and self._waits_unread():
            chunk = self._chunks[0] = bytes(self._pending) + chunk
            self._pending = bytearray()
        self._waits_for_end = False
        self._plain = chunk.rfind(b"\r\n\n") < 0
        self._position = 0

    def _can_wait(self, chunk: bytes, start: int) -> bool:
        """Whether the rest of the chunk begins a plain event, to be cut once its end is there."""
        feed = chunk.find(b"\n", start)
        return (
            not self._skipping
            and len(chunk) - start <= self._safe_size
            and chunk.startswith(b"Event: ", start)
            and (feed < 0 or chunk.startswith(b"\r", feed - 1))
            and chunk.find(self._END, start) < 0
        )

    def _goes_on_waiting(self, chunk: bytes) -> bool:
        """Whether the pending event, whose first line ends in CRLF, does not end in this chunk.

        Only the chunk is searched, so that small chunks of a large event cost little.
        """
        if len(self._pending) + len(chunk) > self._safe_size:
            return False
        seam = bytes(self._pending[-3:]) + chunk[:3]
        return not any(end in text for text in (chunk, seam) for end in (self._END, b"\r\n\n"))

    def _waits_unread(self) -> bool:
        """Whether there is a pending message and none of its lines was read yet."""
        return bool(self._pending) and self._search_from == 0 and not self._skipping

    def _take_plain_events(self, chunk: bytes, position: int, found: list[Message]) -> int:
        """Take the plain events at `position`, and return where they end.

        A plain event starts with a plain name and CRLF; in this chunk nothing but CRLF CRLF can
        end it. This does the same as `_take_message` and is fifty times as fast: one rsplit cuts
        and copies them all (split takes twice as long). A window bounds what is cut in vain.
        """
        kept = self._kept_action_ids
        while chunk.startswith(b"Event: ", position):
            window = chunk[position : position + self._window]
            pieces = window.rsplit(self._END)
            rest = pieces.pop()  # an event that is not whole, or empty
            is_kept = bool(kept) and kept in window
            taken = self._build_plain_events(pieces, found, is_kept)
            if taken < len(pieces):
                self._window = self._FIRST_WINDOW
                return position + sum(map(len, pieces[:taken])) + len(self._END) * taken
            position += len(window) - len(rest)
            if not pieces and (len(window) < self._window or self._window == self._WINDOW):
                return position
            if not pieces and not self._is_crlf_line(window):
                self._window = self._FIRST_WINDOW
                return position
            self._window = min(2 * self._window, self._WINDOW)
        return position

    @staticmethod
    def _is_crlf_line(window: bytes) -> bool:
        """Whether the first line of the window ends in CRLF, or beyond the window."""
        feed = window.find(b"\n")
        return feed < 0 or window.startswith(b"\r", feed - 1)

    def _build_plain_events(self, pieces: list[bytes], found: list[Message], is_kept: bool) -> int:
        """Build or skip the events up to the first that is not plain, and return their number.

        is_kept: whether one of them may be kept for its ActionID.
        """
        classes, add, new = self._first_lines, found.append, self._new
        line_feed, lines = self._LF, self._NOT_SPLIT_WITHOUT_END
        longest = self._safe_size - len(self._END)
        bounded = self._safe_size >= self._WINDOW  # an event and its end lie in one window
        select = self._select
        divided = bool(select.user_events)
        before, skipped = len(found), 0
        for piece in pieces:
            first_line = piece[: piece.find(b"\n") + 1] or piece + b"\r\n"
            try:
                cls = classes[first_line]
            except KeyError:
                if not self._cache_first_line(first_line):
                    break
                cls = classes[first_line]
            if piece[-1] == line_feed or not (bounded or len(piece) <= longest):
                break
            if cls is None and divided and first_line == self._USER_EVENT_LINE:
                cls = self._user_event_class(piece, lines, select.user_events, select.user_event)
            if is_kept and self._is_kept(piece, lines):
                self.kept += 1
                cls = cls or self._event_class(piece, lines, first_line[7:-2])
            if cls is None:
                skipped += 1
                continue
            message = new(cls)  # new_message, written out: this is the hot path
            message._bytes = piece
            message._lines = lines
            add(message)
        built = len(found) - before
        self.messages += built
        self.skipped += skipped
        if built or skipped:
            self._at_start = False
        return built + skipped

    def _cache_first_line(self, first_line: bytes) -> bool:
        """Cache the class of the events with this first line. False if the line is not plain."""
        name = first_line[7:-2]
        if not name.isalnum() or first_line != b"Event: " + name + b"\r\n":
            return False
        if len(name) > self._LONGEST_CACHED_NAME:
            return False
        if len(self._first_lines) >= self._MOST_FIRST_LINES:
            self._first_lines.clear()
        divided = name == self._USER_EVENT and self._select.user_events
        self._first_lines[first_line] = None if divided else self._select.class_for(name)
        return True

    @staticmethod
    def _user_event_class(
        raw: bytes, lines: Lines, user_events: dict[bytes, type], cls: type | None
    ) -> type | None:
        """The class that `user_events` has for the header UserEvent, or else `cls`."""
        message = new_message(MessageCore, raw, lines)
        called = message._find((USER_EVENT,))[1] or b""
        return user_events.get(called, cls)

    def _event_class(self, raw: bytes, lines: Lines, name: bytes) -> type | None:
        """The class for an event, whether it is selected or not."""
        cls = _registry.class_of(name)
        if name != self._USER_EVENT:
            return cls
        return self._user_event_class(raw, lines, _registry.user_events, cls)

    def _is_kept(self, raw: bytes, lines: Lines, kind: Any = MessageCore) -> bool:
        """Whether the ActionID of the message, read as a `kind`, begins with `keep_action_ids`."""
        kept = self._kept_action_ids
        if not kept or kept not in raw:
            return False
        action_id = new_message(kind, raw, lines).action_id
        return action_id is not None and action_id.startswith(kept.decode())

    def _finish_pending(self, chunk: bytes, found: list[Message]) -> int:
        """Complete the pending message, and return where in `chunk` the next one starts."""
        before = len(self._pending)
        self._pending += chunk
        if not self._skipping and self._pending[:1] == b"\r" and self._pending[1:2] == b"\n":
            self._pending = bytearray()
            self._offset += 2
            self._start_message()
            return 1
        try:
            end = self._take_message(self._pending, 0, found)
        except MessageTooLarge:
            # The line in progress may have begun before this chunk.
            self._pending = self._pending[self._position : before]
            self._position = max(0, self._position - before)
            self._trim_skipped()
            raise
        if end < 0:
            self._trim_skipped()
            return len(chunk)
        self._pending = bytearray()
        return end - before

    def _skip_blank_lines(self, chunk: bytes, position: int) -> int:
        if self._skipping or not chunk.startswith(self._BLANK, position):
            return position
        return self._blank_lines(chunk, position).end()  # type: ignore[union-attr]

    def _take_message(self, buffer: bytes | bytearray, start: int, found: list[Message]) -> int:
        """Take the message at `start`. Return the position after it, or -1 if it is not whole."""
        verdict, end = self._advance(buffer, start)
        if verdict == MORE:
            return -1
        if verdict >= TOO_LARGE:
            self._position = start + self._line_start
            self._skip_message(found, verdict)
        if verdict == WHOLE and not self._skipping:
            message = self._build(bytes(buffer[start:end]))
            if message is not None:
                found.append(message)
                self.messages += 1
        self._skipping = False
        self._offset += end - start
        self._start_message()
        return end

    def _advance(self, buffer: bytes | bytearray, start: int) -> tuple[int, int]:
        """Read on in the message at `start`. Return the verdict, and where reading stopped."""
        while True:
            newline = buffer.find(b"\n", start + self._search_from)
            end = newline + 1 if newline >= 0 else len(buffer)
            line_bound = self._line_start + self._max_line
            if not self._skipping and end - start > min(self._max_message, line_bound):
                return LINE_TOO_LONG if line_bound < self._max_message else TOO_LARGE, end
            if newline < 0:
                self._search_from = len(buffer) - start
                return MORE, end
            line = bytes(buffer[start + self._line_start : newline])
            crlf = line.endswith(b"\r")
            line = line.removesuffix(b"\r")
            if self._first_line_crlf is None:
                self._first_line_crlf = crlf
                if self._take_banner(line):
                    return IS_BANNER, end
            if self._ends_message(line):
                return WHOLE, end
            if self._line_count == self._max_headers and not self._skipping:
                return TOO_MANY_LINES, end
            self._line_count += 1
            self._line_start = self._search_from = end - start
            self._previous_crlf = crlf
            self._note_header(line)

    def _take_banner(self, line: bytes) -> bool:
        """Keep the banner: Asterisk's greeting, or at a stream's start any line without a colon."""
        at_start, self._at_start = self._at_start, False
        if self._skipping:
            return False
        if not line.startswith(BANNER) and (not at_start or b":" in line):
            return False
        self.banner = text(line)
        return True

    def _ends_message(self, line: bytes) -> bool:
        if self._follows:
            return line.endswith(MARKER)
        return not line and (self._previous_crlf or not self._first_line_crlf)

    def _note_header(self, line: bytes) -> None:
        """Note the headers that decide the message's kind: Event, Response, old-style answer."""
        if self._follows or (self._skipping and len(line) > LONGEST_SKIPPED_LINE):
            return
        name, colon, value = line.partition(b":")
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
        is_kept = False
        if self._event_name is not None:
            cls = select.class_for(self._event_name)
            if self._event_name == USER_EVENT and select.user_events:
                user_events, cls = select.user_events, select.user_event
                cls = self._user_event_class(raw, NOT_SPLIT, user_events, cls)
            is_kept = self._is_kept(raw, NOT_SPLIT)
            if cls is None and is_kept:
                cls = self._event_class(raw, NOT_SPLIT, self._event_name)
        elif self._is_response:
            cls = select.response
            is_kept = self._is_kept(raw, NOT_SPLIT, _registry.response_class())
            if cls is None and is_kept:
                cls = _registry.response_class()
        else:
            cls = select.message
            self.malformed += 1
        self.kept += is_kept
        if cls is None:
            self.skipped += 1
            return None
        return new_message(cls, raw, NOT_SPLIT)

    def _skip_message(self, found: list[Message], verdict: int) -> NoReturn:
        """Report a message that passed a bound. Skipping starts with its line in progress."""
        offset = self._offset
        self._offset += self._line_start
        self._line_start = self._search_from = 0
        self._skipping = True
        self.malformed += 1
        if verdict == TOO_LARGE:
            raise MessageTooLarge(offset, self._max_message, found)
        if verdict == LINE_TOO_LONG:
            raise MessageTooLarge(offset, self._max_line, found, "max_line")
        raise MessageTooLarge(offset, self._max_headers, found, "max_headers")

    def _trim_skipped(self) -> None:
        """Keep the line in progress of a skipped message, or only the end of a long line."""
        if not self._skipping:
            return
        line = self._pending[self._line_start :]
        self._offset += self._line_start
        self._line_start = 0
        if len(line) > LONGEST_SKIPPED_LINE + 1:  # one byte more may be the CR of the line end
            kept = len(MARKER) + 1
            self._offset += len(line) - kept - LONGEST_SKIPPED_LINE
            line[:-kept] = b"-" * LONGEST_SKIPPED_LINE
        self._pending = line
        self._search_from = len(line)

"""The lines of one message: which are headers, which are data, and how a header is found by name.

What counts as what on the wire:

* A line ends at LF; one CR before the LF belongs to the line end. A line that is empty without
  its line end is blank.
* The end of the first line tells a message's style. Asterisk ends it with CRLF; then only a blank
  line after another CRLF ends the message, and a bare LF belongs to a value. A message whose
  first line ends in a bare LF (a converted file, a proxy) ends at any blank line.
* A header is a line with a colon: the name stands before the first colon, the value after it,
  both without the spaces and tabs around them. Other lines are data lines.
* `Response: Follows` starts an old-style answer to Command: headers, then raw output up to a
  line that ends in `--END COMMAND--`. That line ends the message.
"""

from __future__ import annotations

from amistream._pure.values import text
from amistream._wire import FOLLOWS_HEADERS, LONGEST_CACHED_NAME, MARKER

END = b"\r\n\r\n"
"""The terminator of a message as Asterisk sends it: its last CRLF and the blank line."""

MOST_LINE_STARTS = 4096
"""How many names `line_start` caches; names longer than LONGEST_CACHED_NAME bypass the cache."""


class Line:
    """A header line: its name, whether the name was sent without spaces around it, its value."""

    __slots__ = ("exact", "name", "value", "verbatim")

    def __init__(self, name: bytes, value: bytes) -> None:
        self.name = name.strip(b" \t")
        self.exact = len(self.name) == len(name)
        self.value = value.strip(b" \t\r")
        self.verbatim = value.removeprefix(b" ").removesuffix(b"\r")


class Lines:
    """A message's header and data lines, None until it is split.

    `end` is the terminator if the message's own bytes lack it, else empty.
    """

    __slots__ = ("data", "end", "headers")

    def __init__(
        self, headers: list[Line] | None, data: list[bytes] | None, end: bytes = b""
    ) -> None:
        self.headers = headers
        self.data = data
        self.end = end


NOT_SPLIT = Lines(None, None)
NOT_SPLIT_WITHOUT_END = Lines(None, None, END)


def split_lines(raw: bytes, is_response: bool) -> Lines:
    """The header lines and the data lines of a message, whose bytes are whole."""
    headers: list[Line] = []
    data: list[bytes] = []
    follows = in_output = False
    for sent in raw.removesuffix(b"\n").split(b"\n"):
        content = sent.removesuffix(b"\r")
        name, colon, value = sent.partition(b":")
        line = Line(name, value)
        if follows and content.endswith(MARKER):
            last = content.removesuffix(MARKER)
            if last.strip(b" \t"):
                data.append(last)
            break
        if follows and not (colon and (sent != content or line.name in FOLLOWS_HEADERS)):
            in_output = True
        if in_output or not colon:
            if in_output or content:
                data.append(content)
            continue
        headers.append(line)
        if is_response:
            if line.name == b"Output":
                data.append(line.verbatim)
            follows = follows or (line.name == b"Response" and line.value == b"Follows")
    return Lines(headers, data)


def find_named(headers: list[Line], wanted: bytes) -> bytes | None:
    """The last value of a name; if all were sent with spaces around the name, the last of them."""
    spaced = None
    for line in reversed(headers):
        if line.name == wanted:
            if line.exact:
                return line.value
            spaced = line.value if spaced is None else spaced
    return spaced


def find(headers: list[Line], names: tuple[bytes, ...]) -> tuple[bytes, bytes | None]:
    """Name and value of the first of `names` that was sent: as spelled, else in any case."""
    for exact in (True, False):
        for name in names:
            for line in reversed(headers):
                if line.name == name and line.exact >= exact:
                    return line.name, line.value
    for name in names:
        for line in reversed(headers):
            if line.name.lower() == name.lower():
                return line.name, line.value
    return b"", None


def texts(headers: list[Line]) -> dict[str, str]:
    """The last text of each name; a header sent without spaces around its name comes first."""
    found = {line.name: line.value for line in headers}
    found.update({line.name: line.value for line in headers if line.exact})
    return {text(name): text(value) for name, value in found.items()}


def encoded_name(name: str) -> bytes:
    """The bytes of a header's name; TypeError if it is not a str."""
    if not isinstance(name, str):
        raise TypeError(f"a header's name is a str, not {type(name).__name__}")
    try:
        return name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return b"\n"  # no header can have this name, as none can have the name given


line_starts: dict[str, bytes] = {}
"""The cache of `line_start`, read without a call. When it is full, it forgets every name."""


def line_start(name: str) -> bytes | None:
    """How the header's line starts: LF, name and colon. None if no header can have the name."""
    wanted = encoded_name(name)
    if b":" in wanted or b"\n" in wanted or wanted != wanted.strip(b" \t"):
        return None
    start = b"\n" + wanted + b":"
    if len(wanted) <= LONGEST_CACHED_NAME:
        if len(line_starts) >= MOST_LINE_STARTS:
            line_starts.clear()
        line_starts[name] = start
    return start

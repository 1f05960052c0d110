"""The judge: a slow and simple reader of streams, with which both twins are compared."""

from __future__ import annotations

import re
from typing import NamedTuple

EVENT = re.compile(rb"[ \t]*Event[ \t]*:")
RESPONSE = re.compile(rb"[ \t]*Response[ \t]*:")
FOLLOWS = re.compile(rb"[ \t]*Response[ \t]*:[ \t\r]*Follows[ \t\r]*\n")
HEADER = re.compile(rb"[ \t]*([^:]*?)[ \t]*:[ \t\r]*(.*?)[ \t\r]*\Z", re.DOTALL)
BEFORE_OUTPUT = re.compile(rb"[^:\n]*:.*\r\n|[ \t]*(ActionID|Privilege|Message)[ \t]*:", re.DOTALL)
MARKER = re.compile(rb"--END COMMAND--\r?\n")


class Judged(NamedTuple):
    """A message: its kind ("Event", "Response" or "Message"), an event's name, its contents."""

    kind: str
    event: bytes | None
    headers: list[tuple[bytes, bytes]]
    data: list[bytes]
    raw: bytes


def read(stream: bytes) -> list[Judged]:
    """The complete messages of a stream."""
    messages: list[Judged] = []
    block: list[bytes] = []
    greeted = False
    for line in re.findall(rb"[^\n]*\n", stream):
        if not block:
            if line in (b"\n", b"\r\n"):
                continue
            is_first, greeted = not greeted, True
            if line.startswith(b"Asterisk Call Manager/") or (is_first and b":" not in line):
                continue
        block.append(line)
        if is_whole(block):
            messages.append(describe(block))
            block = []
    return messages


def is_whole(block: list[bytes]) -> bool:
    if output_after(block[:-1]):
        return MARKER.search(block[-1]) is not None
    crlf_only = block[0].endswith(b"\r\n")
    return block[-1] in (b"\n", b"\r\n") and (not crlf_only or block[-2].endswith(b"\r\n"))


def output_after(block: list[bytes]) -> int:
    """The number of lines up to an old-style `Response: Follows`; 0 in any other message."""
    for number, line in enumerate(block, 1):
        if EVENT.match(line):
            return 0
        if FOLLOWS.match(line):
            return number
    return 0


def describe(block: list[bytes]) -> Judged:
    head, output = block, []
    follows = output_after(block)
    if follows:
        while BEFORE_OUTPUT.match(block[follows]) and not MARKER.search(block[follows]):
            follows += 1
        head, output = block[:follows], block[follows:]
        output[-1] = MARKER.sub(b"", output[-1])
        if not output[-1].strip(b" \t"):
            output.pop()
    kind = "Response" if any(map(RESPONSE.match, head)) else "Message"
    if not follows and any(map(EVENT.match, head)):
        kind = "Event"
    headers, data = [], []
    for line in head:
        text = re.sub(rb"\r?\n\Z", b"", line)
        if found := HEADER.match(text):
            headers.append((found[1], found[2]))
            if kind == "Response" and found[1] == b"Output":
                data.append(text.split(b":", 1)[1].removeprefix(b" "))
        elif text:
            data.append(text)
    data += [re.sub(rb"\r?\n\Z", b"", line) for line in output]
    names = [value for name, value in headers if name == b"Event"]
    event = names[0] if kind == "Event" else None
    return Judged(kind, event, headers, data, b"".join(block))

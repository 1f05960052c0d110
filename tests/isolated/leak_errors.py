"""An error in the middle of a chunk releases the chunk, the earlier messages and the parser."""

from __future__ import annotations

from contextlib import suppress

from flat import HANGUP, PONG, stay_flat

import amistream
from amistream.core_events import Hangup
from amistream.enums import HangupCause

TOO_LARGE = b"Event: Hangup\r\nChannel: " + 300 * b"x" + b"\r\n\r\n"
PARSER = amistream.Parser(max_message=200)


class Again(amistream.Event, name="Hangup"):
    """An event whose name another class has."""

    __slots__ = ()


class Entering:
    """An object that raises an error when its bytes are requested."""

    def __bytes__(self) -> bytes:
        raise ValueError


def fed(part: bytes | bytearray | memoryview) -> list[amistream.Message]:
    try:
        return PARSER.feed(part)
    except amistream.MessageTooLarge as error:
        return error.messages


def too_large(chunk: bytes | bytearray | memoryview, at: int) -> None:
    """Feed a message that exceeds the bound, cut at `at`; all messages around it must come."""
    found = []
    for part in (chunk[:at], chunk[at:], b""):
        found += fed(part)
    if [message.raw for message in found] != [HANGUP, PONG, HANGUP]:
        raise SystemExit(f"cut at {at}: {found}")


def step() -> int:
    before = PARSER.messages
    around = HANGUP + PONG + TOO_LARGE + HANGUP
    for at in range(0, len(around), 11):
        too_large(around, at)
    kept = bytearray(around)
    too_large(memoryview(kept), 400)
    kept += b"not exported any more"
    for wrong in ("text", 7, None, Entering()):
        with suppress(TypeError):
            PARSER.feed(wrong)  # type: ignore[arg-type]
        with suppress(TypeError):
            amistream.Message(wrong)  # type: ignore[arg-type]
        with suppress(TypeError):
            amistream.Parser(only={wrong: 1} if wrong != "text" else 7)
    (event,) = PARSER.feed(HANGUP)
    for name in ("Nothing", "Cause\n", "\udcff"):
        with suppress(KeyError):
            event[name]
    for use in (hash, iter(event).__next__, event.get_all, HangupCause, Hangup.cause.__get__):
        with suppress(TypeError, ValueError):
            use(event)  # type: ignore[operator]
    with suppress(AttributeError):
        event.added = 1  # type: ignore[attr-defined]
    with suppress(amistream.EventNameTaken):
        amistream.register(Again)
    PARSER.feed(HANGUP + b"Event: Cut")
    try:
        PARSER.close()
    except amistream.TruncatedMessage as error:
        if error.raw != b"Event: Cut":
            raise SystemExit(error.raw) from error
    return PARSER.messages - before


stay_flat(step)

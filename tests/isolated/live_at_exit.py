"""The interpreter ends normally while parsers, events and errors are alive.

The argument `thread` adds a thread that parses while the interpreter ends.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading

from flat import HANGUP, PONG

import amistream
from amistream.core_events import Hangup
from amistream.headers import Int

PARSER = amistream.Parser()
PENDING = amistream.Parser(max_message=100)
KEPT = PARSER.feed(100 * (HANGUP + PONG) + b"Event: Cut\r\nX:")


@amistream.register
class Last(amistream.Event):
    """Parses when it is deleted, which happens after the modules are deleted."""

    __slots__ = ("feed", "parser")

    cause = Int("Cause")

    def __del__(self, write=os.write, hangup=HANGUP) -> None:  # type: ignore[no-untyped-def]
        # The modules' names may be None by now. The parser, which was not used before, must still
        # work. The other calls may raise errors, but must not crash.
        (event,) = self.feed(hangup)
        write(1, b"dropped\n")
        self.cause, event["Cause"], event.to_dict(), {**event}


LAST = PARSER.feed(b"\r\n\r\n" + HANGUP.replace(b"Hangup", b"Last"))[-1]
LAST.parser = amistream.Parser(only={Hangup, Last})
LAST.feed = LAST.parser.feed


try:
    PENDING.feed(HANGUP + b"Event: Long\r\n" + 200 * b"x")
except amistream.MessageTooLarge as error:
    ERROR = error


def go_on() -> None:
    parser = amistream.Parser()
    while True:
        for event in parser.feed(100 * HANGUP):
            event.to_dict()


if sys.argv[1:] == ["thread"]:
    threading.Thread(target=go_on, daemon=True).start()
atexit.register(PENDING.feed, 10 * HANGUP)
atexit.register(lambda: KEPT[0].process())

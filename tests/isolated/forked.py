"""After a fork the child process can parse, even if a thread of the parent was parsing."""

from __future__ import annotations

import os
import sys
import threading
import warnings
from contextlib import suppress

from flat import HANGUP, PONG

import amistream

if not hasattr(os, "fork"):
    print("no fork here")
    sys.exit(77)

warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12+ warns of fork with threads
sys.setswitchinterval(1e-6)
WHOLE = 20 * (HANGUP + PONG)
AT_WORK = amistream.Parser()
DONE = threading.Event()


def go_on() -> None:
    while not DONE.is_set():
        AT_WORK.feed(WHOLE)


def child(parser: amistream.Parser, kept: amistream.Event) -> int:
    """Return 0 if the parsers kept their state over the fork and still work."""
    (event,) = parser.feed(HANGUP[20:])
    if event.raw != HANGUP or parser.messages != 2 or kept.to_dict() != event.to_dict():
        return 1
    if len(amistream.Parser().feed(WHOLE)) != 40:
        return 2
    with suppress(amistream.ParserInUse):  # the thread that used it did not survive the fork
        AT_WORK.feed(WHOLE)
    return 0


thread = threading.Thread(target=go_on)
thread.start()
results = set()
for _ in range(40):
    parser = amistream.Parser()
    (kept,) = parser.feed(HANGUP + HANGUP[:20])
    process = os.fork()
    if not process:
        status = 3
        try:
            status = child(parser, kept)
        finally:
            os._exit(status)
    (event,) = parser.feed(HANGUP[20:])
    assert event.raw == HANGUP
    results.add(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
DONE.set()
thread.join()
print(f"the children ended with {sorted(results)}")
sys.exit(results != {0})

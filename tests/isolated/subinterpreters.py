"""Subinterpreters load the pure twin and state the reason; the main one loads the compiled twin.

The argument says when the main interpreter imports amistream: `before`, `after` or `between` the
imports of the subinterpreters.
"""

from __future__ import annotations

import sys

try:
    import _interpreters as interpreters
except ImportError:
    try:
        import _xxsubinterpreters as interpreters
    except ImportError:
        print("this Python has no subinterpreters")
        sys.exit(77)

CODE = """
import amistream
from amistream.core_events import Hangup

assert amistream.IMPLEMENTATION == "pure", amistream.IMPLEMENTATION
reason = amistream._impl.PURE_REASON
assert "subinterpreters" in reason or reason == "AMISTREAM_NO_EXTENSIONS is set", reason
parser = amistream.Parser()
for _ in range(100):
    event, = parser.feed(b"Event: Hangup\\r\\nCause: 16\\r\\n\\r\\n")
    assert type(event) is Hangup and event.cause == 16
    assert event.to_dict() == {"Event": "Hangup", "Cause": "16"}
"""


def main_imports() -> None:
    import amistream

    (event,) = amistream.Parser().feed(b"Event: Hangup\r\nCause: 16\r\n\r\n")
    assert event.cause == 16
    print(amistream.IMPLEMENTATION, amistream._impl.PURE_REASON, sep="|")


def create(isolated: bool) -> object:
    """Make a subinterpreter; an isolated one has its own GIL from Python 3.12 on."""
    if hasattr(interpreters, "new_config"):
        return interpreters.create("isolated" if isolated else "legacy")
    return interpreters.create(isolated=isolated)


def run(isolated: bool) -> object:
    interpreter = create(isolated)
    if hasattr(interpreters, "exec"):
        failed = interpreters.exec(interpreter, CODE)
        assert failed is None, failed
    else:
        interpreters.run_string(interpreter, CODE)
    return interpreter


when = sys.argv[1]
if when == "before":
    main_imports()
live = [run(isolated=True), run(isolated=False)]
interpreters.destroy(live.pop())
if when == "between":
    main_imports()
live.append(run(isolated=False))
while live:
    interpreters.destroy(live.pop())
interpreters.destroy(run(isolated=True))
if when == "after":
    main_imports()

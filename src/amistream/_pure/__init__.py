"""The pure twin: frames, headers and typed values in plain Python, the reference for behaviour.

Data flows through its rooms one way: `values` reads typed values off bytes, `lines` splits a
message into lines, `shapes` recognises messages with the same headers as an earlier one, `header`
declares a typed header, `message` reads one message, `parser` cuts the stream into messages.
`ext/` has the compiled twin, room by room the same.
"""

from __future__ import annotations

from amistream._pure.header import Header
from amistream._pure.message import MessageCore
from amistream._pure.parser import Parser

IMPLEMENTATION = "pure"

__all__ = ["IMPLEMENTATION", "Header", "MessageCore", "Parser"]

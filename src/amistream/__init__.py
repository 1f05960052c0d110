"""amistream: a fast, typed parser for the event stream of Asterisk's Manager Interface (AMI).

    parser = amistream.Parser()
    for message in parser.feed(data):
        ...

`IMPLEMENTATION` is the twin in use: "compiled", or "pure" if the extension is not built.
"""

from __future__ import annotations

from amistream import core_events
from amistream._impl import IMPLEMENTATION, Parser
from amistream.aggregates import Aggregate
from amistream.collector import Collector
from amistream.errors import (
    AMIError,
    DamagedFile,
    EventNameTaken,
    ExpandsTooMuch,
    MessageTooLarge,
    MissingExtra,
    ParserInUse,
    TooManyLists,
    TruncatedMessage,
)
from amistream.files import Reader, open, sample
from amistream.messages import Event, Message, Response
from amistream.registration import register, user_event

__version__ = "0.1.0"

__all__ = [
    "IMPLEMENTATION",
    "AMIError",
    "Aggregate",
    "Collector",
    "DamagedFile",
    "Event",
    "EventNameTaken",
    "ExpandsTooMuch",
    "Message",
    "MessageTooLarge",
    "MissingExtra",
    "Parser",
    "ParserInUse",
    "Reader",
    "Response",
    "TooManyLists",
    "TruncatedMessage",
    "core_events",
    "open",
    "register",
    "sample",
    "user_event",
]

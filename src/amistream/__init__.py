"""amistream: a fast, typed client and parser for Asterisk's Manager Interface (AMI).

    async with amistream.connect("pbx", username="lab", secret="...") as ami:
        async for event in ami.events(only={Hangup, "Queue*"}):
            ...

    parser = amistream.Parser()
    for message in parser.feed(data):
        ...

`IMPLEMENTATION` is the twin in use: "compiled", or "pure" if the extension is not built.
"""

from __future__ import annotations

from amistream import core_events
from amistream._impl import IMPLEMENTATION, Parser
from amistream.aggregates import Aggregate
from amistream.client import Gap, State, StateChange, connect
from amistream.collector import Collector
from amistream.errors import (
    ActionFailed,
    ActionTimeout,
    AMIError,
    CannotConnect,
    ClientClosed,
    ConnectionLost,
    ConnectionRefused,
    ConnectTimeout,
    DamagedFile,
    EventNameTaken,
    ExpandsTooMuch,
    ListIncomplete,
    LoginFailed,
    MessageTooLarge,
    MissingExtra,
    NotAnAMI,
    ParserInUse,
    PermissionDenied,
    SubscriptionInUse,
    SubscriptionOverflow,
    TLSFailed,
    TooManyLists,
    TruncatedMessage,
    UnknownEventName,
    Unsendable,
)
from amistream.files import Reader, open, sample
from amistream.messages import Event, Message, Response
from amistream.registration import register, user_event

__version__ = "0.1.0"

__all__ = [
    "IMPLEMENTATION",
    "AMIError",
    "ActionFailed",
    "ActionTimeout",
    "Aggregate",
    "CannotConnect",
    "ClientClosed",
    "Collector",
    "ConnectTimeout",
    "ConnectionLost",
    "ConnectionRefused",
    "DamagedFile",
    "Event",
    "EventNameTaken",
    "ExpandsTooMuch",
    "Gap",
    "ListIncomplete",
    "LoginFailed",
    "Message",
    "MessageTooLarge",
    "MissingExtra",
    "NotAnAMI",
    "Parser",
    "ParserInUse",
    "PermissionDenied",
    "Reader",
    "Response",
    "State",
    "StateChange",
    "SubscriptionInUse",
    "SubscriptionOverflow",
    "TLSFailed",
    "TooManyLists",
    "TruncatedMessage",
    "UnknownEventName",
    "Unsendable",
    "connect",
    "core_events",
    "open",
    "register",
    "sample",
    "user_event",
]

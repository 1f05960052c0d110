"""Events of a capture, in chunks of any size and read in every way, do not leak."""

from __future__ import annotations

import itertools

from flat import sample, stay_flat

import amistream
from amistream.core_events import Hangup

STREAM = sample()[: 1 << 20]  # ends inside a message; the next pass continues that message
SIZES = itertools.cycle([65_536, 4_096, 1_460, 65_536, 262_144, 700])
PARSER = amistream.Parser()
ONLY = amistream.Parser(only={Hangup, "Newchannel"})


def read(number: int, message: amistream.Message) -> None:
    way = number % 8
    if way == 0:
        message.to_dict()
    elif way == 1:
        message.process()
    elif way == 2:
        message.to_dict(typed=True)
    elif way == 3:
        message.get("uniqueid", ignore_case=True), message.get("Nothing"), "Channel" in message
    elif way == 4:
        dict(message), message.raw, message.data, message.name
    elif way == 5:
        for attribute in type(message).headers():
            getattr(message, attribute)
    elif way == 6:
        message.get_all("ChanVariable"), message == "Hangup", message == message, repr(message)
    # The eighth is dropped unread, as programs do with most events.


def step() -> int:
    before, start = PARSER.messages, 0
    while start < len(STREAM):
        size = next(SIZES)
        chunk = STREAM[start : start + size]
        start += size
        for number, message in enumerate(PARSER.feed(chunk)):
            read(number, message)
        ONLY.feed(chunk)
    return PARSER.messages - before


stay_flat(step)

"""Messages and errors that are pickled, unpickled or copied do not leak."""

from __future__ import annotations

import copy
import pickle

from flat import HANGUP, PONG, stay_flat

import amistream


class Noted(amistream.Event, name="Noted"):
    """An event with an attribute besides its bytes."""

    __slots__ = ("__dict__", "note")


amistream.register(Noted)
PARSER = amistream.Parser()
STREAM = 50 * (HANGUP + PONG + b"Event: Noted\r\nX: 1\r\n\r\n" + b"Stray: 1\r\n\r\n")


def step() -> int:
    before = PARSER.messages
    for number, message in enumerate(PARSER.feed(STREAM)):
        if isinstance(message, Noted):
            message.note, message.more = [number], message.raw
        message.get("X")
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            assert pickle.loads(pickle.dumps(message, protocol)) == message
        assert copy.deepcopy(message) == copy.copy(message) == message
    error = amistream.MessageTooLarge(0, 1, [message])
    assert pickle.loads(pickle.dumps(error)).messages == [message]
    try:
        pickle.dumps(PARSER)
    except TypeError:
        return PARSER.messages - before
    raise SystemExit("a parser was pickled")


stay_flat(step)

"""One connected client of a Simulator: a thread that answers its actions, and one that writes."""

from __future__ import annotations

import enum
import heapq
import itertools
import logging
import math
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

from amistream.testing import answers
from amistream.testing.playing import Player
from amistream.testing.requests import Action, ActionReader
from amistream.testing.source import BLOCK, Data
from amistream.testing.transport import Transport

if TYPE_CHECKING:
    from amistream.testing.simulator import Simulator

__all__ = ["Closing", "Session", "User"]

BANNER: Final = b"Asterisk Call Manager/11.0.0\r\n"
MOST_WAITING: Final = 64 << 20
"""The most bytes that wait for a client; one that needs more is cut off."""
MOST_ANSWERS: Final = 1 << 20
"""With so many bytes waiting for a client, its next action has to wait."""
MOST_LATER: Final = 10_000
"""How many events may wait for their moment."""
MOST_FILTERS: Final = 100
LINGER: Final = 0.5
"""Seconds in which a client may take what was sent before its connection is closed."""

logger = logging.getLogger("amistream.testing")

_PRIVILEGE: Final = re.compile(rb"^Privilege: ([^\r\n]*)", re.MULTILINE)
_TERMINATOR: Final = b"\r\n\r\n"


class User(NamedTuple):
    """A manager user: the secret, and the classes of events and actions, as in manager.conf."""

    secret: str
    read: str = "all"
    write: str = "all"

    def may_read(self, kind: str) -> bool:
        """Whether the user gets the events of this class."""
        return _has(self.read, kind)

    def may_write(self, kind: str) -> bool:
        """Whether the user may send the actions of this class."""
        return _has(self.write, kind)


def _has(classes: str, kind: str) -> bool:
    known = {one.strip() for one in classes.split(",")}
    return kind in known or "all" in known


class Closing(enum.IntEnum):
    """How a connection ends; a later one may only be more abrupt.

    CLOSE: after what waits for the client was sent. END: at once. RESET: with a reset.
    """

    CLOSE = 1
    END = 2
    RESET = 3


class Later(NamedTuple):
    """Bytes that wait for their moment."""

    due: float
    number: int
    data: bytes


class Filter(NamedTuple):
    """A filter that a client set: whether it hides what it finds, and how it searches."""

    hides: bool
    finds: Callable[[bytes], object]


class Session:
    """One connected client.

    user: who is logged in, or None. mask: the classes of events it asked for; empty for none.
    sent: with `record`, the bytes that were sent. played: set when the source was played.
    messages, bytes: how much of the source was sent. others: how many answers and other messages.
    """

    def __init__(self, simulator: Simulator, transport: Transport) -> None:
        self.simulator = simulator
        self.user: User | None = None
        self.challenge = ""
        self.mask: frozenset[str] = frozenset()
        self.filters: list[Filter] = []
        self.ends = False
        self.sent: bytearray | None = bytearray() if simulator.record else None
        self.played = threading.Event()
        self.messages = self.bytes = self.others = 0
        self.fin = threading.Event()
        """Set when nothing more will be sent."""
        self.reader: threading.Thread | None = None
        self._transport = transport
        self._changed = threading.Condition()
        self._opened = False
        self._outbox: deque[bytes] = deque()
        self._meanwhile: deque[bytes] = deque()
        self._waiting = 0
        self._later: list[Later] = []
        self._numbers = itertools.count()
        self._is_answering = False
        self._closing: Closing | None = None
        self._deadline = time.monotonic() + simulator.login_timeout
        self._player: Player | None = None
        self._play_at = 0.0
        self._left = threading.Event()
        if not simulator.source:
            self.played.set()

    # -- what others ask -----------------------------------------------------------------------

    @property
    def is_closing(self) -> bool:
        """Whether the connection ends or has ended."""
        return self._closing is not None

    def wants(self, kind: str) -> bool:
        """Whether the client takes the events of this class."""
        asked = "all" in self.mask or kind in self.mask
        return asked and self.user is not None and self.user.may_read(kind)

    def takes(self, message: bytes) -> bool:
        """Whether the client gets this message: by its Privilege, and by the client's filters."""
        found = _PRIVILEGE.search(message)
        if found is None:
            return self.user is not None
        kinds = [kind.strip() for kind in found[1].decode("utf-8", "replace").split(",")]
        return any(self.wants(kind) for kind in kinds if kind != "all") and self._passes(message)

    def _passes(self, message: bytes) -> bool:
        shows = [one for one in self.filters if not one.hides]
        if shows and not any(one.finds(message) for one in shows):
            return False
        return not any(one.hides and one.finds(message) for one in self.filters)

    def set_mask(self, text: str) -> None:
        """Note which classes of events the client asks for."""
        words = frozenset(word.strip().lower() for word in text.split(","))
        if words & {"on", "all", "yes", "true"} or words == {""}:
            words = frozenset({"all"})
        self.mask = words - {"off", "no", "none", "false", ""}

    # -- writing -------------------------------------------------------------------------------

    def write(self, data: bytes) -> bool:
        """Let bytes be sent, which nothing else comes between. False if the client is gone.

        While an action runs, what comes meanwhile waits until the action is answered.
        """
        with self._changed:
            if self.is_closing or not self._opened:
                return False
            if self._waiting + len(data) > MOST_WAITING:
                logger.warning("a client that reads too slowly was cut off")
                self._close(Closing.END)
                return False
            (self._meanwhile if self._is_answering else self._outbox).append(data)
            self._waiting += len(data)
            self._changed.notify_all()
            return True

    def write_later(self, data: bytes, seconds: float) -> None:
        """Let bytes be sent after some seconds, or at once if too many wait already."""
        if seconds <= 0 or len(self._later) >= MOST_LATER:
            self.write(data)
            return
        with self._changed:
            later = Later(time.monotonic() + seconds, next(self._numbers), data)
            heapq.heappush(self._later, later)
            self._changed.notify_all()

    def play(self) -> None:
        """Play the source to this client, once."""
        simulator = self.simulator
        with self._changed:
            if self._player is None and not self.played.is_set() and simulator.source:
                self._player = Player(
                    simulator.source, simulator.rate, simulator.repeat, simulator.one_by_one
                )
                self._changed.notify_all()

    def close(self, how: Closing = Closing.CLOSE, last: bytes = b"") -> None:
        """Close the connection. `last` is sent before, and nothing comes between."""
        with self._changed:
            self._close(how, last)

    def _close(self, how: Closing, last: bytes = b"") -> None:
        if self._closing is None or how > self._closing:
            if self._closing is None and self._opened:
                self._outbox.extend(self._meanwhile)
                self._meanwhile.clear()
                self._outbox.append(last)
                self._waiting += len(last)
            self._closing = how
            self._deadline = time.monotonic() + LINGER
            if how is Closing.RESET:
                self._transport.prepare_reset()
            elif how is Closing.END:
                self._transport.end()
            self._changed.notify_all()

    def look_again(self) -> None:
        """Let the writer look again whether the server stalls."""
        with self._changed:
            self._changed.notify_all()

    def _must_stop(self) -> bool:
        if self._closing is Closing.CLOSE:
            return time.monotonic() >= self._deadline
        return self._closing is not None

    def write_all(self) -> None:
        """Write what has to be written, until the connection ends: the writer's thread."""
        try:
            while self._write_next():
                pass
        except OSError:
            pass  # the client left, or reads nothing
        finally:
            self.close()
            self.played.set()
            self._end_connection()

    def _end_connection(self) -> None:
        if self._closing is Closing.CLOSE:
            self._transport.end_sending()
            self.fin.set()
            self._left.wait(LINGER)
        if self._closing is Closing.RESET:
            self._transport.end_receiving()
        else:
            self._transport.end()
        self.fin.set()

    def _write_next(self) -> bool:
        """Wait for the next thing to write, and write it. False at the end of the connection."""
        with self._changed:
            while (wait := self._seconds_to_wait()) is None or wait > 0:
                if wait is None:
                    return False
                self._changed.wait(None if math.isinf(wait) else wait)
            data = self._take_out() if self._outbox else None
        if data is not None:
            if data:
                self._send(data)
                self.others += data.count(_TERMINATOR)
            with self._changed:
                self._waiting -= len(data)
                self._changed.notify_all()
        elif self._player is not None:
            self._play_next(self._player)
            if not self._player_is_slow():
                self._play_fast()
        return True

    def _player_is_slow(self) -> bool:
        """Whether each block of the source has to be looked at."""
        return (
            self._player is None
            or self._player.is_timed
            or not self._takes_all()
            or self.sent is not None
            or self.simulator.bytes_per_second is not None
        )

    def _play_fast(self) -> None:
        """Send the source's blocks until something else has to be done.

        Without the lock, whose turns would take a third of the time; so what is new is seen after
        the next block.
        """
        simulator, player, send = self.simulator, self._player, self._transport.send
        assert player is not None
        for data, count in player.pieces():
            send(data, None, self._must_stop)
            self.messages += count
            self.bytes += len(data)
            if (
                self._outbox
                or self._later
                or self._is_answering
                or self._closing is not None
                or simulator.is_stalling
                or simulator.bytes_per_second is not None
            ):
                return

    def _seconds_to_wait(self) -> float | None:
        """How long nothing is to be done; 0 if something is, None at the end."""
        now = time.monotonic()
        closing = self._closing
        if closing is not None and (closing > Closing.CLOSE or now >= self._deadline):
            return None
        if self.simulator.is_stalling:
            return None if closing else math.inf
        if not self._opened:
            return self._login_left(now)
        while self._later and self._later[0].due <= now:
            later = heapq.heappop(self._later)
            self._outbox.append(later.data)
            self._waiting += len(later.data)
        if self._outbox:
            return 0.0
        if closing is not None:
            return None
        if self.user is None:
            return self._login_left(now)
        due = [later.due for later in self._later[:1]]
        player = self._player
        # At full speed a client that takes no events loses none: the player waits for it.
        if player and not self._is_answering and (player.is_timed or self._takes_any()):
            due.append(self._play_at)
        return max(0.0, min(due) - now) if due else math.inf

    def _login_left(self, now: float) -> float | None:
        """How long a client has to log in; None if it had its time."""
        return self._deadline - now if now < self._deadline else None

    def _takes_all(self) -> bool:
        user = self.user
        may_read = user is not None and user.may_read("all")
        return may_read and "all" in self.mask and not self.filters

    def _takes_any(self) -> bool:
        return bool(self.mask and self.user is not None and self.user.read.strip())

    def _take_out(self) -> bytes:
        """The bytes that are written next."""
        data = self._outbox.popleft()
        if self.simulator.one_by_one:
            return data
        gathered, size = [data], len(data)
        while self._outbox and size + len(self._outbox[0]) <= BLOCK:
            data = self._outbox.popleft()
            gathered.append(data)
            size += len(data)
        return b"".join(gathered)

    def _play_next(self, player: Player) -> None:
        taken = player.take(time.monotonic())
        if taken is None:
            self._player = None
            self.played.set()
        elif isinstance(taken, float):
            self._play_at = taken
        else:
            self._play_at = 0.0
            data, count = self._chosen(*taken)
            if count:
                self._send(data)
                self.messages += count
                self.bytes += len(data)

    def _chosen(self, data: Data, count: int) -> tuple[Data, int]:
        """Of the source's messages those that the client gets, and their number."""
        if self._takes_all():
            return data, count
        found = [message for message in _messages_in(bytes(data)) if self.takes(message)]
        return b"".join(found), len(found)

    def _send(self, data: Data) -> None:
        speed = self.simulator.bytes_per_second
        if speed is None:
            self._transport.send(data, self.sent, self._must_stop)
        else:
            self._send_slowly(memoryview(data))
        sent = self.sent
        if sent is not None and len(sent) > self.simulator.most_recorded:
            self.sent = None

    def _send_slowly(self, data: memoryview) -> None:
        while data:
            speed = self.simulator.bytes_per_second
            size = len(data) if speed is None else max(1, int(speed / 100))
            piece, data = data[:size], data[size:]
            self._transport.send(piece, self.sent, self._must_stop)
            with self._changed:
                pause = 0.0 if speed is None else len(piece) / speed
                if self._changed.wait_for(self._must_stop, pause):
                    raise TimeoutError("the connection ends")

    # -- actions -------------------------------------------------------------------------------

    def serve(self) -> None:
        """Greet the client, and answer its actions until it leaves: the reader's thread."""
        writer = threading.Thread(
            target=self.write_all, name="amistream simulator writer", daemon=True
        )
        writer.start()
        try:
            self._transport.open()
            with self._changed:
                self._changed.wait_for(lambda: self.is_closing or not self.simulator.is_stalling)
                self._opened = True
            self.write(self.simulator.source.banner or BANNER)
            self._answer_all()
        except OSError:
            pass  # the client left
        finally:
            self._left.set()
            self.close()
            writer.join()
            self._transport.close()
            self.simulator.forget(self)

    def _answer_all(self) -> None:
        reader = ActionReader()
        while data := self._transport.receive():
            for action in reader.feed(data):
                if self.ends or self.is_closing:
                    break  # what the client sends after the end is read and forgotten
                self._answer(action)

    def _answer(self, action: Action) -> None:
        """Answer an action. Meanwhile no event is sent, as Asterisk does."""
        simulator = self.simulator
        with self._changed:
            if not self._may_answer():
                self._changed.wait_for(self._may_answer)
            if self._closing is not None:
                return
            self._is_answering = True
        was_in = self.user is not None
        answer = b""
        try:
            simulator.note(action)
            if simulator.answer_delay:
                self.pause(simulator.answer_delay)
            answer = answers.answer_to(self, action)
        finally:
            with self._changed:
                self._is_answering = False
                if not self.is_closing:
                    self._outbox.append(answer)
                    self._outbox.extend(self._meanwhile)
                    self._meanwhile.clear()
                    self._waiting += len(answer)
                    self._changed.notify_all()
        if self.ends:
            self.close()
        elif (action.name == "simulatorplay" and was_in) or (
            simulator.autoplay and self.user is not None and self.mask
        ):
            self.play()

    def _may_answer(self) -> bool:
        if self.is_closing:
            return True
        return not self.simulator.is_stalling and self._waiting < MOST_ANSWERS

    def pause(self, seconds: float) -> None:
        """Wait, but not longer than the connection lasts."""
        with self._changed:
            self._changed.wait_for(lambda: self.is_closing, seconds)


def _messages_in(data: bytes) -> Iterator[bytes]:
    *whole, rest = data.split(_TERMINATOR)
    for message in whole:
        yield message + _TERMINATOR
    if rest:
        yield rest

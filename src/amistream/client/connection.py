"""One session with a Manager Interface, as a state machine without a socket and without a clock.

Whoever drives it passes the bytes that arrive and the time, sends the bytes that it wants sent,
and calls `tick` when its deadline is over. `now` is in seconds that never go back.
"""

from __future__ import annotations

import hashlib
import heapq
import itertools
import logging
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Literal

from amistream import _registry
from amistream._impl import Parser
from amistream._wire import BANNER
from amistream.client.actions import encode
from amistream.client.exchange import Exchange
from amistream.client.filters import asks_for, complete_filters
from amistream.client.lists import list_of, may_be_plain
from amistream.core_events import FullyBooted, Shutdown
from amistream.errors import (
    ActionTimeout,
    CannotConnect,
    ConnectionLost,
    ConnectTimeout,
    LoginFailed,
    MessageTooLarge,
    NotAnAMI,
    TruncatedMessage,
)
from amistream.messages import Event, Message, Response

if TYPE_CHECKING:
    from amistream.client.settings import Secret

__all__ = ["NEEDED", "Connection", "Phase"]

_logger = logging.getLogger("amistream")

LONGEST_BANNER: Final = 1024
"""How many bytes may come without a line end before it is clear that they are no banner."""

SETUP_TIMEOUT: Final = 30.0
"""Seconds for the answer to an action that the session itself sends after the login."""

NEEDED: Final = (Response, "OriginateResponse", FullyBooted, Shutdown)
"""What a connection needs from its parser, whatever else is selected."""

_NOTABLE: Final = frozenset({FullyBooted, Shutdown})


class Phase(Enum):
    """How far a session has come."""

    BANNER = 1
    """It waits for the first line."""
    LOGIN = 2
    """It waits for the challenge, or for the answer to the login."""
    BOOT = 3
    """It is logged in, and waits for FullyBooted. Actions may be sent."""
    READY = 4
    """It is logged in."""
    ENDED = 5
    """It is over; `failure` says why."""


class Connection:
    """One session: login, actions and their answers, lists, keepalive.

    host, port: for error messages only.
    secure: whether the bytes travel over TLS, so that the secret may be sent as text.
    prefix: what the ActionIDs of this session begin with. Its first character is rare in AMI
        streams, because the parser searches each message for it.
    output: what `take_output` will give; empty if there is nothing to send.
    numbers: the numbers of the ActionIDs. The sessions of a client share them, so that no late
        answer to an action of an earlier session is taken for another one.
    """

    def __init__(
        self,
        *,
        host: str,
        port: int,
        username: str,
        secret: Secret,
        prefix: str,
        events: str = "on",
        auth: Literal["md5", "plain"] = "md5",
        secure: bool = False,
        filters: tuple[str, ...] = (),
        timeout: float = 10.0,
        boot_timeout: float = 3.0,
        keepalive: float | None = None,
        keepalive_timeout: float = 10.0,
        numbers: Iterator[int] | None = None,
        now: float = 0.0,
    ) -> None:
        self.phase = Phase.BANNER
        self.failure: Exception | None = None
        self.booted: FullyBooted | None = None
        self.shutdown: Shutdown | None = None
        self.too_large = 0
        self.kinds: set[type] = set()
        self.parser = Parser(keep_action_ids=prefix)
        self._host = host
        self._port = port
        self._username = username
        self._secret = secret
        self._auth = auth
        self._secure = secure
        self._filters = filters
        self._events = events
        self._boot_timeout = boot_timeout
        self._keepalive = keepalive
        self._keepalive_timeout = keepalive_timeout
        self._prefix = prefix
        self._kept = 0
        self._numbers = itertools.count(1) if numbers is None else numbers
        self._open: dict[str, Exchange] = {}
        self._anonymous: list[Exchange] = []
        self._deadlines: list[tuple[float, int, Exchange]] = []
        self.output: list[bytes] = []
        self._heard = now
        self._quiet_since = now  # silence counts from here, or from `_heard`
        self._is_read = True
        self._ping: Exchange | None = None
        self._ping_sent = now
        self._phase_ends: float | None = now + timeout

    # -- what the driver asks ------------------------------------------------------------------

    @property
    def logged_in(self) -> bool:
        """Whether actions may be sent."""
        return self.phase in (Phase.BOOT, Phase.READY)

    @property
    def open_actions(self) -> int:
        """How many actions are not answered yet."""
        return len(self._open)

    @property
    def deadline(self) -> float | None:
        """When `tick` must be called at the latest; None if there is no need."""
        if self.phase is Phase.ENDED:
            return None
        moments = [self._phase_ends, self._silence_ends()]
        self._drop_finished()
        if self._deadlines:
            moments.append(self._deadlines[0][0])
        return min((moment for moment in moments if moment is not None), default=None)

    def take_output(self) -> bytes:
        """The bytes to send now."""
        joined = b"".join(self.output)
        self.output.clear()
        return joined

    # -- what happens --------------------------------------------------------------------------

    def receive(self, data: bytes | bytearray | memoryview, now: float) -> list[Message]:
        """The messages that `data` completes; `kinds` has their classes then.

        Answers and lists have been added to their actions; they are in the result too.
        """
        self._heard = now
        parser = self.parser
        try:
            found = parser.feed(data)
        except MessageTooLarge as error:
            found = self._feed_on(error)
        self.kinds = kinds = set(map(type, found))
        if self.phase is Phase.BANNER:
            self._look_at_banner(now)
        if parser.kept != self._kept or self._anonymous:
            self._kept = parser.kept
            self._take_own(found, now)
        if not _NOTABLE.isdisjoint(kinds):
            self._take_notable(found)
        return found

    def end(self, reason: str) -> None:
        """Note that the stream has ended or failed. No more bytes will come."""
        if self.phase is Phase.ENDED:
            return
        if self.phase is Phase.BANNER:
            where = "before it sent a banner: it is starting, or is no Manager Interface"
            self._fail(CannotConnect(self._host, self._port, f"{reason} {where}"))
        elif self.phase is Phase.LOGIN:
            where = "before it answered the login"
            self._fail(CannotConnect(self._host, self._port, f"{reason} {where}"))
        elif self.shutdown is not None:
            self._fail(ConnectionLost("Asterisk has shut down", shutdown=True))
        else:
            self._fail(ConnectionLost(reason))

    def tick(self, now: float) -> None:
        """End what is overdue at `now`."""
        if self.phase is Phase.ENDED:
            return
        self._expire_actions(now)
        if self._phase_ends is not None and now >= self._phase_ends:
            self._end_phase()
        silence_ends = self._silence_ends()
        if silence_ends is not None and now >= silence_ends:
            self._break_silence(now)

    def request(
        self,
        action: str,
        headers: Mapping[str, Any],
        now: float,
        timeout: float | None,
        *,
        outcome: str = "",
        hint: str = "",
    ) -> Exchange:
        """Send an action. Unsendable if it cannot be sent as it is; then nothing is sent."""
        if not self.logged_in:
            raise self.failure or ConnectionLost("the session is not logged in")
        return self._send(action, headers, now, timeout, outcome=outcome, hint=hint)

    def select(self, only: frozenset[Any] | None) -> None:
        """Let the parser build only these events. `only` must contain NEEDED; None builds all."""
        self.parser.only = None if only is None else _registry.Checked(only)

    def pause(self) -> None:
        """Note that the socket is not read. Silence does not count meanwhile."""
        self._is_read = False

    def resume(self, now: float) -> None:
        """Note that the socket is read again."""
        self._is_read = True
        self._quiet_since = now

    def abandon(self, exchange: Exchange) -> None:
        """Ignore the answer of this exchange, because no one waits for it any more."""
        exchange.finished = True
        self._close(exchange)

    # -- sending -------------------------------------------------------------------------------

    def _send(
        self,
        action: str,
        headers: Mapping[str, Any],
        now: float,
        timeout: float | None,
        *,
        outcome: str = "",
        hint: str = "",
        is_internal: bool = False,
    ) -> Exchange:
        number = next(self._numbers)
        action_id = f"{self._prefix}{number}"
        encoded = encode(action, action_id, headers)
        exchange = Exchange(
            action,
            action_id,
            kind=list_of(action),
            may_be_plain=may_be_plain(action),
            announces=self._announces_lists(),
            outcome=outcome,
            deadline=None if timeout is None else now + timeout,
            timeout=timeout,
            hint=hint,
            is_internal=is_internal,
        )
        self.output.append(encoded)
        self._open[action_id] = exchange
        if exchange.takes_anonymous:
            self._anonymous.append(exchange)
        if exchange.deadline is not None:
            self._drop_finished()
            heapq.heappush(self._deadlines, (exchange.deadline, number, exchange))
        return exchange

    def _announces_lists(self) -> bool:
        """Whether this Asterisk answers a list action with `EventList: start`: from 12 on."""
        version = (self.parser.banner or "").rpartition("/")[2].partition(".")[0]
        return not version.isdecimal() or int(version) >= 2

    def _close(self, exchange: Exchange) -> None:
        self._open.pop(exchange.action_id, None)
        if exchange.takes_anonymous and exchange in self._anonymous:
            self._anonymous.remove(exchange)

    # -- receiving -----------------------------------------------------------------------------

    def _feed_on(self, error: MessageTooLarge) -> list[Message]:
        """Count and log a message that is too large, and read on behind it."""
        self.too_large += 1
        _logger.warning("%s", error)
        try:
            return error.messages + self.parser.feed(b"")
        except MessageTooLarge as another:  # a chunk is too short for many of them
            return error.messages + self._feed_on(another)

    def _look_at_banner(self, now: float) -> None:
        banner = self.parser.banner
        if banner is None:
            if self.parser.messages or self.parser.bytes > LONGEST_BANNER:
                self._fail(self._not_an_ami("its first line is no banner"))
            return
        known = banner.encode("utf-8", "surrogateescape").startswith(BANNER)
        if not known and "manager" not in banner.lower() and "proxy" not in banner.lower():
            self._fail(self._not_an_ami(f"its first line is {banner[:60]!r}"))
            return
        self.phase = Phase.LOGIN
        if self._auth == "plain":
            self._send_login(now, plain=True)
        else:
            self._send("Challenge", {"AuthType": "MD5"}, now, None, is_internal=True)

    def _not_an_ami(self, reason: str) -> NotAnAMI:
        return NotAnAMI(self._host, self._port, f"it is not a Manager Interface: {reason}")

    def _take_own(self, found: list[Message], now: float) -> None:
        """Give the messages with our ActionIDs to the actions that wait for them."""
        for message in found:
            action_id = message.action_id
            if action_id is None:
                if self._anonymous and isinstance(message, Event):
                    for exchange in self._anonymous:
                        exchange.take_anonymous(message)
                continue
            waiting = self._open.get(action_id)
            if waiting is None:
                continue
            waiting.take(message)
            if waiting.finished:
                self._close(waiting)
                if waiting.is_internal:
                    self._go_on(waiting, now)
                if self.phase is Phase.ENDED:
                    return

    def _take_notable(self, found: list[Message]) -> None:
        for message in found:
            if isinstance(message, FullyBooted):
                self.booted = message
                if self.phase is Phase.BOOT:
                    self._be_ready()
            elif isinstance(message, Shutdown):
                self.shutdown = message

    # -- login ---------------------------------------------------------------------------------

    def _go_on(self, exchange: Exchange, now: float) -> None:
        """An action of the session itself was answered."""
        if exchange is self._ping:
            self._ping = None
            return
        if self.phase is not Phase.LOGIN:
            if exchange.error is not None:
                self._fail(exchange.error)
            return
        response = exchange.response
        reason = "no reason given" if response is None else response.message or "no reason given"
        if exchange.action == "Challenge":
            if exchange.error is None and response is not None and "Challenge" in response:
                self._send_login(now, challenge=response["Challenge"])
            elif self._secure:
                self._send_login(now, plain=True)
            else:
                hint = "it offers no MD5 challenge; auth='plain' would send the secret as text"
                self._fail(LoginFailed(self._username, f"{reason}: {hint}"))
        elif exchange.error is not None:
            self._fail(LoginFailed(self._username, reason))
        else:
            self._start_session(now)

    def _send_login(self, now: float, *, challenge: str = "", plain: bool = False) -> None:
        # The filters come before the events. FullyBooted is one of those of the class `system`.
        events = "system" if self._filters and self._events != "off" else self._events
        headers: dict[str, Any] = {"Username": self._username, "Events": events}
        if plain:
            headers["Secret"] = self._secret.reveal()
        else:
            key = hashlib.md5(challenge.encode(), usedforsecurity=False)
            key.update(self._secret.reveal().encode("utf-8", "surrogateescape"))
            headers |= {"AuthType": "MD5", "Key": key.hexdigest()}
        self._send("Login", headers, now, None, is_internal=True)

    def _start_session(self, now: float) -> None:
        self.phase = Phase.BOOT
        self._phase_ends = now + self._boot_timeout
        for text in complete_filters(self._filters, self._prefix):
            self._set_up(now, "Filter", {"Operation": "Add", "Filter": text})
        if self._filters and self._events != "off":
            self._set_up(now, "Events", {"EventMask": self._events})
        never_boots = not self._boot_timeout or not asks_for(self._events, "system")
        if self.booted is not None or never_boots:
            self._be_ready()

    def _set_up(self, now: float, action: str, headers: dict[str, str]) -> None:
        self._send(action, headers, now, SETUP_TIMEOUT, is_internal=True)

    def _be_ready(self) -> None:
        self.phase = Phase.READY
        self._phase_ends = None

    # -- time ----------------------------------------------------------------------------------

    def _drop_finished(self) -> None:
        """Forget the deadlines of finished exchanges, so that they do not pile up."""
        heap = self._deadlines
        while heap and heap[0][2].finished:
            heapq.heappop(heap)
        if len(heap) > 2 * len(self._open) + 64:
            heap[:] = [entry for entry in heap if not entry[2].finished]
            heapq.heapify(heap)

    def _expire_actions(self, now: float) -> None:
        for exchange in self._overdue(now):
            self._quiet_since = now
            self._close(exchange)
            exchange.fail(ActionTimeout(exchange.action, exchange.timeout or 0.0, exchange.hint))

    def _overdue(self, now: float) -> Iterator[Exchange]:
        while self._deadlines and self._deadlines[0][0] <= now:
            exchange = heapq.heappop(self._deadlines)[2]
            if not exchange.finished:
                yield exchange

    def _end_phase(self) -> None:
        """The banner, the login or FullyBooted did not come in time."""
        self._phase_ends = None
        if self.phase is Phase.BOOT:
            self.phase = Phase.READY
        elif self.phase is Phase.BANNER:
            reason = "it sent no banner in time; is it a Manager Interface?"
            self._fail(ConnectTimeout(self._host, self._port, reason))
        elif self.phase is Phase.LOGIN:
            reason = "it did not answer the login in time"
            self._fail(ConnectTimeout(self._host, self._port, reason))

    def _silence_ends(self) -> float | None:
        """When silence is long enough to act.

        Asterisk runs the actions of a session one after another and sends nothing meanwhile, so
        no silence counts while an action is inside its own timeout.
        """
        if self._keepalive is None or self.phase is not Phase.READY or not self._is_read:
            return None
        if self._ping is None:
            since = max(self._heard, self._quiet_since)
            return None if self._open else since + self._keepalive
        if len(self._open) > 1:
            return None
        since = max(self._heard, self._quiet_since, self._ping_sent)
        return since + self._keepalive_timeout

    def _break_silence(self, now: float) -> None:
        """Send a Ping, or end the session if the last one was in vain."""
        if self._ping is None:
            self._ping = self._send("Ping", {}, now, None, is_internal=True)
            self._ping_sent = now
        else:
            silent = now - self._heard
            self._fail(ConnectionLost(f"the server has been silent for {silent:.1f} s"))

    def _fail(self, error: Exception) -> None:
        """End the session, and every action with it. Nothing is sent again."""
        self.phase = Phase.ENDED
        self.failure = error
        self._phase_ends = None
        self.output.clear()
        try:
            self.parser.close()
        except TruncatedMessage as cut:
            _logger.info("%s", cut)
        waiting = [exchange for exchange in self._open.values() if not exchange.is_internal]
        self._open.clear()
        self._anonymous.clear()
        self._deadlines.clear()
        for exchange in waiting:
            is_shutdown = self.shutdown is not None
            exchange.fail(ConnectionLost(str(getattr(error, "reason", error)), is_shutdown))

"""The asyncio client: joins sessions, subscriptions and reconnecting to a socket and a clock."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import inspect
import itertools
import logging
import os
import socket
import ssl
import time
import weakref
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Hashable, Iterator
from functools import partial
from itertools import islice
from operator import length_hint
from typing import TYPE_CHECKING, Any, Final, TypeVar, overload

from amistream import _registry
from amistream.client.backoff import Backoff
from amistream.client.connection import Connection, Phase
from amistream.client.exchange import Exchange
from amistream.client.helpers import Actions
from amistream.client.lists import ListAction
from amistream.client.router import Router
from amistream.client.selection import Wanted
from amistream.client.settings import Settings
from amistream.client.states import Gap, State, StateChange
from amistream.client.subscriptions import (
    MAX_BYTES,
    MAX_EVENTS,
    Catcher,
    Overflow,
    Queue,
    new_queue,
)
from amistream.errors import (
    AMIError,
    CannotConnect,
    ClientClosed,
    ConnectionLost,
    ConnectionRefused,
    ConnectTimeout,
    LoginFailed,
    SubscriptionInUse,
    TLSFailed,
    Unsendable,
)
from amistream.messages import Event

if TYPE_CHECKING:
    from amistream.aggregates import Aggregate
    from amistream.core_events import FullyBooted

__all__ = ["Client", "Connecting", "Subscription"]

_logger = logging.getLogger("amistream")

BUFFER: Final = 1 << 18
"""How many bytes are read at once. The parser reads them where they are."""

MUCH: Final = 1 << 15
"""How many bytes at once show that more may have come already."""

READS_IN_A_TURN: Final = 3
"""How often the socket is read again in the same turn of the loop."""

TURN: Final = 0.01
"""For how many seconds a consumer may take events before the reader gets a turn again."""

PORTION: Final = 64
"""How many events a consumer takes before it looks at the clock."""

CLOSE_TIMEOUT: Final = 2.0
"""For how many seconds `close` waits for Asterisk's goodbye, and then for running callbacks."""

MOST_DRAINED: Final = 1 << 26
"""How many bytes are still read from a connection that failed while it was written to."""

AnyEvent = TypeVar("AnyEvent", bound=Event)
AnyCallback = TypeVar("AnyCallback", bound=Callable[..., object])
Seconds = float | None


class _Default:
    """Stands for `action_timeout`, because None already means to wait for ever."""

    def __repr__(self) -> str:
        return "action_timeout"


DEFAULT: Final = _Default()


class Connecting:
    """What `amistream.connect` returns: await it, or use it with `async with`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings.check()
        self._client: Client | None = None

    def __await__(self) -> Generator[Any, None, Client]:
        return self._connect().__await__()

    async def __aenter__(self) -> Client:
        self._client = await self._connect()
        return self._client

    async def __aexit__(self, *error: object) -> None:
        if self._client is not None:
            await self._client.close()

    async def _connect(self) -> Client:
        client = Client(self._settings)
        await client._start()
        return client


class _Signal:
    """Wakes the task that waits for a queue. It does not keep the subscription alive."""

    __slots__ = ("waiter",)

    def __init__(self) -> None:
        self.waiter: asyncio.Future[None] | None = None

    def wake(self) -> None:
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)


class Subscription:
    """The events that one consumer takes: an async iterator of Event and Gap.

    It begins when it is made. It ends with `close`, with its `async with`, or when nothing refers
    to it any more. It ends by itself when the client is closed. It raises SubscriptionOverflow if
    its policy says so, and LoginFailed or ConnectionLost if the client cannot go on; before that
    it gives the events that came.
    """

    def __init__(self, client: Client, queue: Queue) -> None:
        self._queue = queue
        self._loop = client._loop
        self._taken: Iterator[Event | Gap] = iter(())
        self._turn_ends = 0.0
        self._signal = _Signal()
        queue.wake = self._signal.wake
        self._finalizer = weakref.finalize(self, client._router.remove, queue)
        self._finalizer.atexit = False

    def __len__(self) -> int:
        """How many events wait."""
        return len(self._queue) + length_hint(self._taken)

    def __bool__(self) -> bool:
        return True

    @property
    def dropped(self) -> Counter[str]:
        """How many events the policy dropped, by event name."""
        return self._queue.dropped

    @property
    def received(self) -> int:
        """How many events came for this subscription, dropped ones included."""
        return self._queue.received

    @property
    def waiting_bytes(self) -> int:
        """How many bytes the waiting events have on the wire."""
        return self._queue.bytes

    @property
    def lag(self) -> float:
        """For how many seconds the oldest event in the queue has waited."""
        oldest = self._queue.oldest
        return 0.0 if oldest is None else max(0.0, self._loop.time() - oldest)

    def close(self) -> None:
        """End the subscription. The events that wait can still be taken."""
        self._finalizer()

    async def __aenter__(self) -> Subscription:
        return self

    async def __aexit__(self, *error: object) -> None:
        self.close()

    def __aiter__(self) -> AsyncIterator[Event | Gap]:
        return self._iterate()

    async def __anext__(self) -> Event | Gap:
        while True:
            for event in self._taken:
                return event
            if not self._take_batch() and not await self._wait():
                raise StopAsyncIteration

    async def _iterate(self) -> AsyncGenerator[Event | Gap, None]:
        """Yield the events in portions, and let the reader have its turn between them."""
        while True:
            taken = self._taken
            for event in taken if length_hint(taken) <= PORTION else islice(taken, PORTION):
                yield event
            if length_hint(taken) or self._take_batch():
                if self._loop.time() > self._turn_ends:
                    await asyncio.sleep(0)
                    self._turn_ends = self._loop.time() + TURN
            elif not await self._wait():
                return
            else:
                self._take_batch()

    def _take_batch(self) -> bool:
        batch = self._queue.take()
        self._taken = iter(batch)
        return bool(batch)

    async def _wait(self) -> bool:
        """Wait until there may be events; False at the end."""
        if self._queue.ended:
            if self._queue.error is not None:
                raise self._queue.error.with_traceback(None)
            return False
        if self._signal.waiter is not None:
            raise SubscriptionInUse
        self._signal.waiter = self._loop.create_future()
        try:
            await self._signal.waiter
        finally:
            self._signal.waiter = None
        self._turn_ends = self._loop.time() + TURN
        return True


class _Link(asyncio.BufferedProtocol):
    """One session on one socket."""

    def __init__(self, client: Client, session: Connection) -> None:
        self._client = client
        self._loop = client._loop
        self._router = client._router
        self._buffer = bytearray(BUFFER)
        self._view = memoryview(self._buffer)
        self._transport: asyncio.Transport | None = None
        self._descriptor = -1  # of a plain socket, while it is open
        self._timer: asyncio.TimerHandle | None = None
        self._flushes = False
        self._writable: asyncio.Future[None] | None = None
        self._reads = True
        self._only: Any = None
        self._phase = session.phase
        self.session = session
        self.ready: asyncio.Future[None] = self._loop.create_future()
        self.ended: asyncio.Future[None] = self._loop.create_future()
        self.logged_in_at: float | None = None

    # -- called by the transport ---------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        raw = transport.get_extra_info("socket")
        _keep_alive(raw, self._client._settings)
        if raw is not None and hasattr(os, "readv") and not transport.get_extra_info("ssl_object"):
            self._descriptor = raw.fileno()
        self.settle()

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._view

    def buffer_updated(self, size: int) -> None:
        self._take(self._view[:size])
        if size >= MUCH:
            self._read_on()
        # Bytes that arrive only move the deadline to a later moment, so the timer can stay.
        session = self.session
        if session.phase is not self._phase or session.output:
            self.settle()

    def eof_received(self) -> None:
        return None

    def connection_lost(self, error: Exception | None) -> None:
        if error is not None:
            self._drain()
        self._descriptor = -1
        reason = "the server closed the connection" if error is None else _told(error)
        self.session.end(reason)
        self._transport = None
        self.settle()

    def pause_writing(self) -> None:
        self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        if self._writable is not None:
            self._writable.set_result(None)
            self._writable = None

    # -- called by the client ------------------------------------------------------------------

    @property
    def can_write(self) -> bool:
        """Whether the server reads what was sent."""
        return self._writable is None

    async def wait_writable(self) -> None:
        """Wait while the server does not read what was sent."""
        while self._writable is not None and not self.ended.done():
            await asyncio.wait((self._writable, self.ended), return_when="FIRST_COMPLETED")

    def settle(self) -> None:
        """Do what follows from the state of the session: send, set the timer, tell the client."""
        session = self.session
        self._phase = session.phase
        if session.output and not self._flushes:
            self._flushes = True
            self._loop.call_soon(self._flush)  # at the end of this turn: one write for many actions
        if session.phase is Phase.READY and not self.ready.done():
            self.ready.set_result(None)
        if session.phase is Phase.ENDED:
            self._finish()
        else:
            self._set_timer()

    def note_request(self, deadline: float | None) -> None:
        """An action is to be sent; look at it again at its deadline."""
        if not self._flushes:
            self._flushes = True
            self._loop.call_soon(self._flush)
        if deadline is not None and (self._timer is None or self._timer.when() > deadline):
            self._set_timer()

    def abort(self) -> None:
        """Close the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    def resume_reading(self) -> None:
        """Read on, if nothing is full any more."""
        if not self._reads and not self._router.is_full and self._transport is not None:
            self._reads = True
            self.session.resume(self._loop.time())
            self._transport.resume_reading()
            self.settle()

    # -- inside --------------------------------------------------------------------------------

    def _take(self, data: memoryview) -> None:
        """Give bytes to the session, and what it makes of them to the subscriptions."""
        session, router = self.session, self._router
        if router.is_stale:
            router.refresh()
        if router.only is not self._only:
            self._only = router.only
            session.select(self._only)
        now = self._loop.time()
        messages = session.receive(data, now)
        if self.logged_in_at is None and session.logged_in:
            self.logged_in_at = now
            self._client._logged_in()
        if messages and router.queues:
            router.route(messages, session.kinds, None if self._only else len(data), now)
            if router.may_be_full:
                self._pause_reading()

    def _read_on(self) -> None:
        """Read what has come meanwhile, without a turn of the loop for each chunk.

        In a flood a turn costs as much as reading the chunk. The end of the stream and errors are
        left to the transport, which meets them too.
        """
        for _ in range(READS_IN_A_TURN):
            if self._descriptor < 0 or not self._reads or self.session.phase is Phase.ENDED:
                return
            try:
                size = os.readv(self._descriptor, (self._view,))
            except OSError:
                return
            if size:
                self._take(self._view[:size])
            if size < MUCH:
                return

    def _pause_reading(self) -> None:
        if self._reads and self._router.is_full and self._transport is not None:
            self._reads = False
            self.session.pause()
            self._transport.pause_reading()

    def _flush(self) -> None:
        self._flushes = False
        if self._transport is not None and self.session.output:
            self._transport.write(self.session.take_output())

    def _set_timer(self) -> None:
        """Have `_tick` called at the session's deadline, or before it."""
        deadline = self.session.deadline
        if deadline is None:
            return
        if self._timer is not None:
            if self._timer.when() <= deadline:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(deadline, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self.session.tick(self._loop.time())
        self.settle()

    def _drain(self) -> None:
        """Read what the kernel still holds: asyncio stops reading when writing fails."""
        raw = None if self._transport is None else self._transport.get_extra_info("socket")
        secure = self._transport is not None and self._transport.get_extra_info("ssl_object")
        if raw is None or secure:
            return
        with (
            contextlib.suppress(OSError, ValueError),
            socket.socket(fileno=os.dup(raw.fileno())) as rest,
        ):
            rest.setblocking(False)
            drained = 0
            while drained < MOST_DRAINED and (size := rest.recv_into(self._buffer)):
                self._take(self._view[:size])
                drained += size

    def _finish(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._writable is not None:
            self.resume_writing()
        self.abort()
        if self.ended.done():
            return
        self.ended.set_result(None)
        if not self.ready.done():
            self.ready.set_result(None)
        if self.logged_in_at is not None:
            self._client._lost(self)


class Client(Actions):
    """A connection to Asterisk that comes back by itself; `amistream.connect` makes it.

    Use it in the event loop that made it. Every method that waits may be cancelled.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self._router = Router()
        self._link: _Link | None = None
        self._prefix = f"~{os.urandom(3).hex()}-"
        self._numbers = itertools.count(1)
        self._state = State.CONNECTING
        self._state_callbacks: list[Callable[[StateChange], object]] = []
        self._callbacks: dict[asyncio.Task[None], Callable[..., object]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._supervisor: asyncio.Task[None] | None = None
        self._lost_at: float | None = None
        self._shutdown = False
        self._failure: Exception | None = None

    def __repr__(self) -> str:
        settings = self._settings
        where = f"{settings.username}@{settings.host}:{settings.port}"
        return f"<{type(self).__name__} {where} {self._state.value}>"

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    # -- state ---------------------------------------------------------------------------------

    @property
    def state(self) -> State:
        """The state of the connection."""
        return self._state

    @property
    def booted(self) -> FullyBooted | None:
        """The FullyBooted event of this session; None if none came."""
        return None if self._link is None else self._link.session.booted

    @property
    def banner(self) -> str | None:
        """The banner of the server, which has the version of the Manager Interface."""
        return None if self._link is None else self._link.session.parser.banner

    @property
    def open_actions(self) -> int:
        """How many actions wait for their answer."""
        return 0 if self._link is None else self._link.session.open_actions

    def on_state(self, callback: AnyCallback) -> AnyCallback:
        """Call `callback` with each StateChange, at once; also works as a decorator."""
        self._state_callbacks.append(callback)
        return callback

    async def wait_ready(self, timeout: float | None = None) -> None:
        """Wait until actions can be sent. TimeoutError if `timeout` seconds pass before."""
        deadline = None if timeout is None else self._loop.time() + timeout
        while self._state is not State.READY:
            self._check_open()
            changed = self._loop.create_future()
            wake = partial(_resolve, changed)
            self._state_callbacks.append(wake)
            try:
                left = None if deadline is None else deadline - self._loop.time()
                await asyncio.wait_for(changed, left)
            except asyncio.TimeoutError:
                raise TimeoutError(f"not connected within {timeout:g} s") from None
            finally:
                self._state_callbacks.remove(wake)

    # -- actions -------------------------------------------------------------------------------

    @overload
    async def send(
        self, action: ListAction, /, *, timeout: Seconds | _Default = ..., **headers: Any
    ) -> Aggregate: ...
    @overload
    async def send(
        self, action: str, /, *, timeout: Seconds | _Default = ..., **headers: Any
    ) -> Any: ...
    async def send(
        self, action: str, /, *, timeout: Seconds | _Default = DEFAULT, **headers: Any
    ) -> Any:
        """Send an action and return its answer: a Response, or for a list action its aggregate.

        headers: a list repeats its header for each item; `Variable` takes a dict; None leaves the
            header out; True and False become "true" and "false".
        timeout: seconds to wait for the answer; None waits for ever.

        Raises ActionFailed with the response, PermissionDenied, ListIncomplete with the list,
        ActionTimeout, ConnectionLost, or Unsendable if Asterisk would not read a header as it is
        meant. An action is never sent twice.
        """
        seconds = self._settings.action_timeout if isinstance(timeout, _Default) else timeout
        link = await self._writable_link()
        exchange = link.session.request(action, headers, self._loop.time(), seconds)
        return await self._wait_for_answer(link, exchange)

    async def _send_until(
        self, action: str, outcome: str, hint: str, timeout: float, headers: dict[str, Any]
    ) -> Any:
        """Send an action and return the event that tells its outcome."""
        asked = {word.strip().lower() for word in self._settings.events.split(",")}
        if not asked & {"on", "all", "yes", "true", "call", ""}:
            reason = f"it ends with an event of the class `call`; events={self._settings.events!r}"
            raise Unsendable(action, "", f"{reason} asks for none")
        link = await self._writable_link()
        now = self._loop.time()
        exchange = link.session.request(action, headers, now, timeout, outcome=outcome, hint=hint)
        return await self._wait_for_answer(link, exchange)

    async def _writable_link(self) -> _Link:
        self._check_open()
        if self._link is not None and not self._link.can_write:
            await self._link.wait_writable()
        if self._link is None or not self._link.session.logged_in:
            raise ConnectionLost("it is being opened again; wait_ready() waits for that")
        return self._link

    async def _wait_for_answer(self, link: _Link, exchange: Exchange) -> Any:
        answered = self._loop.create_future()
        exchange.on_finish = partial(_resolve, answered)
        link.note_request(exchange.deadline)
        try:
            await answered
        except asyncio.CancelledError:
            link.session.abandon(exchange)
            raise
        if exchange.error is not None:
            raise exchange.error
        return exchange.result

    # -- events --------------------------------------------------------------------------------

    def events(
        self,
        only: Any = None,
        *,
        overflow: Overflow = "error",
        max_events: int = MAX_EVENTS,
        max_bytes: int = MAX_BYTES,
        key: Callable[[Any], Hashable] | None = None,
    ) -> Subscription:
        """Subscribe to events, from now on.

        only: event classes, names and patterns, as for a Parser; None takes all events.
        overflow: what happens if more than `max_events` events or `max_bytes` bytes wait:
            "error" ends the subscription with SubscriptionOverflow; "drop_oldest" and
            "drop_newest" drop events and count them; "coalesce" keeps the newest event of each
            `key(event)`; "wait" stops reading, so that Asterisk may cut the client off.
        """
        self._check_open()
        _registry.warn_unknown(only)
        queue = new_queue(Wanted(only), overflow, max_events, max_bytes, key)
        queue.on_room = self._resume_reading
        self._router.add(queue)
        return Subscription(self, queue)

    def on(self, *only: Any, **options: Any) -> Callable[[AnyCallback], AnyCallback]:
        """Decorator: call a function, or await a coroutine function, with each wanted event.

        The options are those of `events`. The events come one after another. An exception is
        logged with the event's name; the callback goes on with the next event. It gets the Gaps
        too. `off` ends it.
        """

        def decorate(callback: AnyCallback) -> AnyCallback:
            subscription = self.events(only or None, **options)
            task = self._loop.create_task(_call(callback, subscription))
            self._callbacks[task] = callback
            task.add_done_callback(self._callbacks.pop)
            return callback

        return decorate

    def off(self, callback: Callable[..., object]) -> None:
        """Call a function that `on` registered no more."""
        for task, registered in list(self._callbacks.items()):
            if registered == callback:
                task.cancel()

    @overload
    async def wait_for(
        self,
        only: type[AnyEvent],
        accepts: Callable[[AnyEvent], object] = ...,
        *,
        timeout: float | None = ...,
    ) -> AnyEvent: ...
    @overload
    async def wait_for(
        self, only: Any, accepts: Callable[[Any], object] = ..., *, timeout: float | None = ...
    ) -> Event: ...
    async def wait_for(
        self,
        only: Any,
        accepts: Callable[[Any], object] = lambda event: True,
        *,
        timeout: float | None = None,
    ) -> Any:
        """The next event of these classes, names or patterns that `accepts` says yes to.

        Raises TimeoutError after `timeout` seconds, and ConnectionLost if the connection is lost:
        the event may have come meanwhile.
        """
        self._check_open()
        if self._state is not State.READY:
            raise ConnectionLost("it is being opened again; wait_ready() waits for that")
        _registry.warn_unknown(only)
        caught = self._loop.create_future()
        catcher = Catcher(Wanted(only), accepts, partial(_settle_catch, caught))
        self._router.add(catcher)
        try:
            return await asyncio.wait_for(caught, timeout)
        except asyncio.TimeoutError:
            raise TimeoutError(f"no such event within {timeout:g} s") from None
        finally:
            catcher.ended = True
            self._router.remove(catcher)

    # -- the end -------------------------------------------------------------------------------

    async def close(self) -> None:
        """Log off and close the connection. Subscriptions end after the events that came."""
        if self._state is State.CLOSED:
            return
        if self._supervisor is not None:
            self._supervisor.cancel()
        link, self._link = self._link, None
        self._end(None)
        if link is not None and not link.ended.done():
            if link.session.logged_in:
                link.session.request("Logoff", {}, self._loop.time(), None)
                link.settle()
                await asyncio.wait((link.ended,), timeout=CLOSE_TIMEOUT)
            link.session.end("the client closed the connection")
            link.settle()
        callbacks = set(self._callbacks) - {asyncio.current_task()}
        if callbacks:
            _, running = await asyncio.wait(callbacks, timeout=CLOSE_TIMEOUT)
            for task in running:
                task.cancel()

    # -- connecting ----------------------------------------------------------------------------

    async def _start(self) -> None:
        """Connect for the first time."""
        try:
            await self._open()
        except BaseException as error:
            self._end(error if isinstance(error, Exception) else None)
            raise
        self._supervisor = self._loop.create_task(self._keep_connected())

    async def _open(self) -> None:
        """Connect and log in, once."""
        settings = self._settings
        deadline = self._loop.time() + settings.timeout
        secret = await settings.secret.get()
        session = Connection(
            host=settings.host,
            port=settings.port,
            username=settings.username,
            secret=secret,
            prefix=self._prefix,
            events=settings.events,
            auth=settings.auth,
            secure=settings.tls is not None,
            filters=settings.filters,
            timeout=settings.timeout,
            boot_timeout=settings.boot_timeout,
            keepalive=settings.keepalive,
            keepalive_timeout=settings.keepalive_timeout,
            numbers=self._numbers,
            now=self._loop.time(),
        )
        link = _Link(self, session)
        try:
            await self._connect(link, deadline - self._loop.time())
            self._link = link
            await link.ready
        except BaseException:
            link.session.end("the attempt to connect was given up")
            link.settle()
            raise
        if session.failure is not None:
            raise session.failure
        self._set_state(State.READY)

    async def _connect(self, link: _Link, seconds: float) -> None:
        """Open the socket; every error becomes a CannotConnect."""
        host, port, tls = self._settings.host, self._settings.port, self._settings.tls
        context = await self._loop.run_in_executor(None, _context) if tls is True else tls
        opening = self._loop.create_connection(lambda: link, host, port, ssl=context)
        try:
            await asyncio.wait_for(opening, seconds)
        except asyncio.TimeoutError:
            reason = f"no connection within {self._settings.timeout:g} s"
            raise ConnectTimeout(host, port, reason) from None
        except ssl.SSLError as error:
            raise TLSFailed(host, port, _tls_reason(error)) from error
        except OSError as error:
            if _is_refused(error):
                raise ConnectionRefused(host, port, "nothing listens on this port") from None
            if context is not None and isinstance(error, ConnectionResetError):
                raise TLSFailed(host, port, "the server broke off the handshake") from error
            raise CannotConnect(host, port, _told(error)) from error

    async def _keep_connected(self) -> None:
        """Connect again whenever the connection is lost, until the client is closed."""
        backoff = Backoff(self._settings.max_backoff)
        while True:
            link = self._link
            assert link is not None
            await asyncio.shield(link.ended)
            if link.logged_in_at is not None:
                backoff.note_session(self._loop.time() - link.logged_in_at)
            if not self._settings.reconnect:
                self._end(link.session.failure)
                return
            if not await self._reconnect(backoff):
                return

    async def _reconnect(self, backoff: Backoff) -> bool:
        """Try until a session is ready; False if the client cannot go on."""
        while True:
            await asyncio.sleep(backoff.next())
            try:
                await self._open()
            except LoginFailed as error:
                self._end(error)
                return False
            except AMIError as error:
                _logger.info("%r: %s", self, error)
            except Exception:
                _logger.exception("%r: cannot connect", self)
            else:
                return True

    # -- what the link tells -------------------------------------------------------------------

    def _logged_in(self) -> None:
        """A session is logged in: events may follow, so the Gap comes before them."""
        if self._lost_at is not None:
            gap = Gap(self._lost_at, time.time(), self._shutdown)
            self._lost_at = None
            self._router.put_gap(gap)

    def _lost(self, link: _Link) -> None:
        """A session that was logged in has ended."""
        failure = link.session.failure
        if self._state in (State.CONNECTING, State.CLOSED):
            return  # whoever opens the client is told
        if self._lost_at is None:
            self._lost_at = time.time()
            self._shutdown = isinstance(failure, ConnectionLost) and failure.shutdown
        reason = failure or ConnectionLost("the session ended")
        _logger.warning("%r: %s", self, reason)
        self._set_state(State.LOST, reason, shutdown=self._shutdown)
        self._router.lose(reason)

    def _resume_reading(self) -> None:
        if self._link is not None:
            self._link.resume_reading()

    def _end(self, error: Exception | None) -> None:
        """The client is over: every subscription ends, with the error if there is one."""
        if self._state is State.CLOSED:
            return
        self._failure = error
        self._router.end(error)
        self._set_state(State.CLOSED, error)

    def _check_open(self) -> None:
        if self._state is State.CLOSED:
            raise self._failure or ClientClosed()

    def _set_state(
        self, state: State, reason: Exception | None = None, *, shutdown: bool = False
    ) -> None:
        if state is self._state:
            return
        self._state = state
        change = StateChange(state, time.time(), reason, shutdown)
        for callback in list(self._state_callbacks):
            self._call_back(callback, change)

    def _call_back(self, callback: Callable[[StateChange], object], change: StateChange) -> None:
        try:
            result = callback(change)
        except Exception:
            _logger.exception("the state callback %s failed", _name_of(callback))
            return
        if inspect.iscoroutine(result):
            task = self._loop.create_task(_guard(result, callback))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)


async def _call(callback: Callable[..., object], subscription: Subscription) -> None:
    """Call a function with each event of a subscription."""
    try:
        async for event in subscription:
            try:
                result = callback(event)
                if inspect.isawaitable(result):
                    await result
            except Exception:
                _logger.exception("the callback %s failed on %s", _name_of(callback), event.name)
    except AMIError as error:
        _logger.error("the callback %s is called no more: %s", _name_of(callback), error)
    finally:
        subscription.close()


async def _guard(running: Any, callback: Callable[..., object]) -> None:
    try:
        await running
    except Exception:
        _logger.exception("the state callback %s failed", _name_of(callback))


def _name_of(callback: Callable[..., object]) -> str:
    return getattr(callback, "__qualname__", type(callback).__name__)


def _resolve(future: asyncio.Future[None], _: object) -> None:
    if not future.done():
        future.set_result(None)


def _settle_catch(
    future: asyncio.Future[Event], event: Event | None, error: Exception | None
) -> None:
    if future.done():
        return
    if event is not None:
        future.set_result(event)
    elif error is not None:
        future.set_exception(error)


def _context() -> ssl.SSLContext:
    """A context that verifies the server; made in a thread, because it reads many files."""
    return ssl.create_default_context()


def _keep_alive(raw: socket.socket | None, settings: Settings) -> None:
    """Let the kernel notice a machine that is gone, also while an action is open."""
    if raw is None or settings.keepalive is None or raw.family == socket.AF_UNIX:
        return
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    seconds = settings.keepalive + settings.keepalive_timeout
    for name, value in (
        ("TCP_KEEPIDLE", max(1, round(settings.keepalive))),
        ("TCP_KEEPINTVL", max(1, round(settings.keepalive_timeout / 3))),
        ("TCP_KEEPCNT", 3),
        ("TCP_USER_TIMEOUT", round(1000 * seconds)),
    ):
        if hasattr(socket, name):
            with contextlib.suppress(OSError):
                raw.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _is_refused(error: OSError) -> bool:
    """Whether every address of the host refused; asyncio joins several errors into one text."""
    text = str(error)
    refused = text.count(f"[Errno {errno.ECONNREFUSED}]")
    return isinstance(error, ConnectionRefusedError) or 0 < refused == text.count("[Errno ")


def _told(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror[:1].lower() + error.strerror[1:]
    return str(error) or type(error).__name__


def _tls_reason(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is not trusted: {error.verify_message}"
    if error.reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"):
        return "the server does not speak TLS on this port"
    return f"the TLS handshake failed: {error.reason or error}"

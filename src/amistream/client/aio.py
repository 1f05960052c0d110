"""The asyncio client: actions, events and callbacks, over one session after another."""

from __future__ import annotations

import asyncio
import errno
import inspect
import itertools
import logging
import os
import ssl
import time
from collections.abc import Callable, Generator, Hashable
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar, overload

from amistream.client.backoff import Backoff
from amistream.client.connection import Connection
from amistream.client.consumer import Subscription
from amistream.client.exchange import Exchange
from amistream.client.filters import asks_for
from amistream.client.helpers import Actions
from amistream.client.link import Link, describe
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
    TLSFailed,
    Unsendable,
)
from amistream.messages import Event

if TYPE_CHECKING:
    from amistream.aggregates import Aggregate
    from amistream.core_events import FullyBooted

__all__ = ["Client", "Connecting", "Subscription"]

_logger = logging.getLogger("amistream")

CLOSE_TIMEOUT: Final = 2.0
"""For how many seconds `close` waits for Asterisk's goodbye, and then for running callbacks."""

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


class Client(Actions):
    """A connection to Asterisk that comes back by itself; `amistream.connect` makes it.

    Use it in the event loop that made it. Every method that waits may be cancelled.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self._router = Router()
        self._link: Link | None = None
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
        if not asks_for(self._settings.events, "call"):
            reason = f"it ends with an event of the class `call`; events={self._settings.events!r}"
            raise Unsendable(action, "", f"{reason} asks for none")
        link = await self._writable_link()
        now = self._loop.time()
        exchange = link.session.request(action, headers, now, timeout, outcome=outcome, hint=hint)
        return await self._wait_for_answer(link, exchange)

    async def _writable_link(self) -> Link:
        self._check_open()
        if self._link is not None and not self._link.can_write:
            await self._link.wait_writable()
        if self._link is None or not self._link.session.logged_in:
            raise _being_opened_again()
        return self._link

    async def _wait_for_answer(self, link: Link, exchange: Exchange) -> Any:
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
        queue = new_queue(Wanted(only), overflow, max_events, max_bytes, key)
        queue.on_room = self._resume_reading
        self._router.add(queue)
        return Subscription(queue, self._router.remove)

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
        """Stop calling a function that `on` registered."""
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
            raise _being_opened_again()
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
        link = Link(session, self._router, settings, self._logged_in, self._lost)
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

    async def _connect(self, link: Link, seconds: float) -> None:
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
            raise CannotConnect(host, port, describe(error)) from error

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

    def _lost(self, link: Link) -> None:
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


def _being_opened_again() -> ConnectionLost:
    return ConnectionLost("it is being opened again; wait_ready() waits for that")


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


def _is_refused(error: OSError) -> bool:
    """Whether every address of the host refused; asyncio joins several errors into one text."""
    text = str(error)
    refused = text.count(f"[Errno {errno.ECONNREFUSED}]")
    return isinstance(error, ConnectionRefusedError) or 0 < refused == text.count("[Errno ")


def _tls_reason(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is not trusted: {error.verify_message}"
    if error.reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"):
        return "the server does not speak TLS on this port"
    return f"the TLS handshake failed: {error.reason or error}"

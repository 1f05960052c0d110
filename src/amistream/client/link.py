"""One session on one socket: the asyncio protocol that joins them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable
from typing import Any, Final

from amistream.client.connection import Connection, Phase
from amistream.client.router import Router
from amistream.client.settings import Settings

__all__ = ["Link", "describe"]

BUFFER: Final = 1 << 18
"""How many bytes are read at once. The parser reads them where they are."""

MUCH: Final = 1 << 15
"""How many bytes at once show that more may have come already."""

READS_IN_A_TURN: Final = 3
"""How often the socket is read again in the same turn of the loop."""

MOST_DRAINED: Final = 1 << 26
"""How many bytes are still read from a connection that failed while it was written to."""


class Link(asyncio.BufferedProtocol):
    """One session on one socket.

    on_login: called when the session is logged in, before its events go to the subscriptions.
    on_loss: called when a session that was logged in has ended.
    ready, ended: futures that are done when the session is ready, or has ended before; and when
        it has ended.
    """

    def __init__(
        self,
        session: Connection,
        router: Router,
        settings: Settings,
        on_login: Callable[[], object],
        on_loss: Callable[[Link], object],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._router = router
        self._settings = settings
        self._on_login = on_login
        self._on_loss = on_loss
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
        _keep_alive(raw, self._settings)
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
        reason = "the server closed the connection" if error is None else describe(error)
        self.session.end(reason)
        if self._transport is not None:
            self._transport.close()  # or CPython 3.10 warns of a TLS transport
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
        if session.output:
            self._flush_soon()
        if session.phase is Phase.READY and not self.ready.done():
            self.ready.set_result(None)
        if session.phase is Phase.ENDED:
            self._finish()
        else:
            self._set_timer()

    def note_request(self, deadline: float | None) -> None:
        """An action is to be sent; look at it again at its deadline."""
        self._flush_soon()
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
            self._on_login()
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

    def _flush_soon(self) -> None:
        """Send at the end of this turn of the loop: one write for many actions."""
        if not self._flushes:
            self._flushes = True
            self._loop.call_soon(self._flush)

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
            self._on_loss(self)


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


def describe(error: Exception) -> str:
    """The text of an error, as a part of a sentence."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror[:1].lower() + error.strerror[1:]
    return str(error) or type(error).__name__

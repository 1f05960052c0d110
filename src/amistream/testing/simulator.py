"""The Simulator: an AMI server for tests and demonstrations, with faults on request.

One thread accepts clients; each client has a thread that answers its actions, and one that writes.
So it serves programs with and without asyncio alike.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import socket
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Literal

from amistream.errors import AMIError
from amistream.testing import answers
from amistream.testing.answers import Answered
from amistream.testing.requests import Action
from amistream.testing.session import Closing, Session, User
from amistream.testing.source import Pace, Source
from amistream.testing.transport import TlsTransport, Transport

if TYPE_CHECKING:
    import ssl

    from typing_extensions import Self

__all__ = ["Simulator", "User"]

CERTIFICATE: Final = Path(__file__).with_name("localhost.pem")
"""A certificate for localhost and its key. The key is public: it protects nothing."""

MOST_ACTIONS: Final = 10_000
"""How many actions `actions` keeps; older ones are forgotten."""
MOST_ACTION_BYTES: Final = 32 << 20
"""How many bytes the actions in `actions` may have had together."""
MOST_CLIENTS: Final = 1000
"""How many clients may be connected; more are turned away."""
MOST_RECORDED: Final = 64 << 20
"""How many bytes `recorded` keeps of one client."""
CLOSE_TIMEOUT: Final = 1.0
"""How long a fault waits until every connection has ended."""
STOP_TIMEOUT: Final = 2.0
ACCEPT_STEP: Final = 0.25
"""How often the accepting thread looks whether it has to end."""

logger = logging.getLogger("amistream.testing")

Handler = Callable[[Action], Answered]


class Simulator:
    """An AMI server on a loopback port. Use it with `with` or `async with`, or `start` and `stop`.

    source: what each client gets after its login: the path or the bytes of a capture, the Options
        of a call centre or a Workload, or None for nothing. A capture is played byte for byte,
        with the answers in it; its first line takes the place of the Simulator's own banner.
        Playing begins when the client has logged in and takes events. The classes of events that
        the client asked for and its filters are respected.
    rate: events a second; "recorded" for the times in the headers Timestamp; None for full speed.
        At a rate, what is played while a client takes no events is lost for it, as with Asterisk;
        at full speed the player waits for it.
    repeat: how often the source is played; None for ever.
    one_by_one: whether each event is written by itself, as Asterisk does.
    autoplay: whether a client gets the source at its login; otherwise `play` starts it, or the
        client's action SimulatorPlay.
    users: name to User; by default "lab" with the secret "labsecret".
    boots: whether a login is followed by FullyBooted, for users who read the class `system`.
    old_style: whether Command is answered as by Asterisk 13 and older.
    answer_delay: seconds before each answer. Answers of one client come one after another, and
        while an action runs its client gets no event, as with Asterisk.
    originate_delay: seconds until the OriginateResponse.
    login_timeout: seconds in which a client has to log in.
    write_timeout: after so many seconds a client that reads nothing is cut off.
    tls: True for a certificate that only protects tests, or an SSLContext.
    record: whether `recorded` keeps every byte that is sent, for tests.

    errors: what handlers of the test raised.
    """

    def __init__(
        self,
        source: Any = None,
        *,
        rate: Pace = None,
        repeat: int | None = 1,
        one_by_one: bool = False,
        autoplay: bool = True,
        users: Mapping[str, User | str] | None = None,
        boots: bool = True,
        old_style: bool = False,
        answer_delay: float = 0.0,
        originate_delay: float = 0.0,
        login_timeout: float = 30.0,
        write_timeout: float = 30.0,
        tls: Literal[True] | ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        record: bool = False,
    ) -> None:
        is_number = isinstance(rate, int | float) and rate > 0
        if rate is not None and rate != "recorded" and not is_number:
            raise ValueError(f"rate is events a second, 'recorded' or None, not {rate!r}")
        if repeat is not None and repeat < 0:
            raise ValueError(f"repeat must not be negative, not {repeat!r}")
        self.source = source if isinstance(source, Source) else Source(source)
        self.rate = rate
        self.repeat = repeat
        self.one_by_one = one_by_one
        self.autoplay = autoplay
        self.boots = boots
        self.old_style = old_style
        self.answer_delay = answer_delay
        self.originate_delay = originate_delay
        self.login_timeout = login_timeout
        self.write_timeout = write_timeout
        self.host = host
        self.port = port
        self.record = record
        self.most_recorded = MOST_RECORDED
        given = {"lab": "labsecret"} if users is None else users
        self.users = {
            name: user if isinstance(user, User) else User(user) for name, user in given.items()
        }
        self.handlers: dict[str, Handler] = {}
        self.pbx = answers.Pbx(self.source.workload)
        self._actions: deque[dict[str, Any]] = deque()
        self.errors: deque[Exception] = deque(maxlen=100)
        self.served = 0
        """How many clients have logged in and left."""
        self.bytes_per_second: float | None = None
        self.is_stalling = False
        self._sizes: deque[int] = deque()
        self._size = 0
        self._tls = tls
        self._listener: socket.socket | None = None
        self._sessions: dict[Session, None] = {}
        self._past: list[Session] = []
        self._counted: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []
        self._acceptor: threading.Thread | None = None

    # -- its life ------------------------------------------------------------------------------

    def start(self) -> Self:
        """Listen and serve. OSError if the port cannot be used."""
        self._stopped.clear()
        self.source.prepare()
        if self._tls is True:
            self._tls = _server_context()
        self.accept()
        return self

    def stop(self) -> None:
        """Send what waits, close every connection and end every thread, in two seconds at most."""
        deadline = time.monotonic() + STOP_TIMEOUT
        self._stopped.set()
        self.refuse()
        sessions = list(self._sessions)
        for session in sessions:
            session.close()
        for session in sessions:
            session.fin.wait(max(0.0, deadline - CLOSE_TIMEOUT - time.monotonic()))
            session.close(Closing.END)
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(max(0.0, deadline - time.monotonic()))
                if thread.is_alive():
                    logger.warning("%s has not ended; does a handler wait?", thread.name)
        self._threads.clear()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        import asyncio

        return await asyncio.get_running_loop().run_in_executor(None, self.start)

    async def __aexit__(self, *error: object) -> None:
        import asyncio

        await asyncio.get_running_loop().run_in_executor(None, self.stop)

    # -- what tests ask ------------------------------------------------------------------------

    @property
    def actions(self) -> list[dict[str, Any]]:
        """What the clients sent: the last 10,000 actions as dicts, without secrets.

        A repeated header is a list.
        """
        with self._lock:
            return list(self._actions)

    def forget_actions(self) -> None:
        """Empty `actions`."""
        with self._lock:
            self._actions.clear()
            self._sizes.clear()
            self._size = 0

    @property
    def sessions(self) -> list[Session]:
        """The connected clients."""
        with self._lock:
            return [session for session in self._sessions if not session.is_closing]

    @property
    def clients(self) -> int:
        """How many clients are logged in."""
        return sum(session.user is not None for session in self.sessions)

    @property
    def sent(self) -> Counter[str]:
        """What was sent: "messages" and "bytes" of the source, and "others", all other messages."""
        with self._lock:
            total = Counter(self._counted)
            for session in self._sessions:
                total.update(_counts_of(session))
            return total

    @property
    def recorded(self) -> list[bytes]:
        """With `record`: the bytes sent to each client, in the order of their connections.

        AMIError if a client got more than 64 MiB.
        """
        with self._lock:
            sent = [session.sent for session in self._past]
        if None in sent:
            raise AMIError(f"a client got more than the {self.most_recorded:,} bytes recorded")
        return [bytes(one) for one in sent if one is not None]

    @property
    def queues(self) -> dict[str, list[answers.Member]]:
        """Queue to its members."""
        return self.pbx.queues

    @property
    def variables(self) -> dict[tuple[str, str], str]:
        """Channel and name to the value of a variable; a global one has the channel ""."""
        return self.pbx.variables

    def trust(self) -> ssl.SSLContext:
        """A client's context that trusts the certificate of `tls=True`."""
        import ssl

        return ssl.create_default_context(cafile=str(CERTIFICATE))

    def on(self, action: str) -> Callable[[Handler], Handler]:
        """Decorator: let a function answer an action.

        It gets the headers. It returns the bytes of the answer; or its headers, which make a
        Success if they have no Response; or a list of events as pairs of a name and headers; or
        None for a Success without more. What it emits meanwhile comes after the answer.
        """

        def decorate(handler: Handler) -> Handler:
            self.handlers[action.lower()] = handler
            return handler

        return decorate

    def wait_clients(self, number: int = 1, timeout: float = 10.0) -> bool:
        """Wait until so many clients are logged in. False after `timeout` seconds."""
        return _wait_until(lambda: self.clients >= number, timeout)

    def wait_played(self, timeout: float = 60.0) -> bool:
        """Wait until the source was played to every client. False after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        return all(
            session.played.wait(max(0.0, deadline - time.monotonic())) for session in self.sessions
        )

    # -- sending -------------------------------------------------------------------------------

    def emit(
        self, name: str, headers: Mapping[str, Any] | None = None, *, after: float = 0.0
    ) -> None:
        """Send an event to every client that takes the class of its Privilege (`call`).

        A header whose value is a list is repeated. after: seconds until it is sent. ValueError if
        a text has a line end; `send` sends any bytes.
        """
        given = {"Privilege": "call,all", **(headers or {})}
        for text in (name, *itertools.chain.from_iterable(map(_texts, given.items()))):
            if "\r" in text or "\n" in text:
                raise ValueError(f"a header must not contain a line end: {text!r}")
        self.give(answers.event(name, given), after)

    def give(self, message: bytes, after: float = 0.0) -> None:
        """Send the bytes of an event to every client that takes it."""
        for session in self.sessions:
            if session.takes(message):
                session.write_later(message, after)

    def send(self, data: bytes, kind: str = "call") -> None:
        """Send bytes to every client that takes the events of this class."""
        for session in self.sessions:
            if session.wants(kind):
                session.write(data)

    def play(self) -> None:
        """Play the source to every client that is logged in."""
        for session in self.sessions:
            if session.user is not None:
                session.play()

    # -- faults --------------------------------------------------------------------------------

    def cut(self, *, mid_message: bool = False) -> None:
        """Close every connection, inside a message if `mid_message`.

        What was to be sent before is sent before.
        """
        half = b"Event: Newchannel\r\nPrivilege: ca" if mid_message else b""
        self._close_all(Closing.CLOSE, half)

    def reset(self) -> None:
        """Break every connection off, so that the client gets a reset."""
        self._close_all(Closing.RESET)

    def stall(self) -> None:
        """Send nothing any more and answer nothing, as a peer that died without a word."""
        self.is_stalling = True

    def resume(self) -> None:
        """End a stall."""
        self.is_stalling = False
        for session in self.sessions:
            session.look_again()

    def slow(self, bytes_per_second: float | None) -> None:
        """Send at most so many bytes a second to each client; None sends at full speed again."""
        if bytes_per_second is not None and not bytes_per_second > 0:
            raise ValueError(f"bytes_per_second must be positive, not {bytes_per_second!r}")
        self.bytes_per_second = bytes_per_second

    def garbage(self, data: bytes = b"\x00\xff garbage \r\n\x80\r\n\r\n") -> None:
        """Send bytes that are no message to every client."""
        for session in self.sessions:
            session.write(data)

    def refuse(self) -> None:
        """Listen no more: connections are refused."""
        with self._lock:
            listener, self._listener = self._listener, None
            acceptor = self._acceptor
        if listener is None or acceptor is None:
            return
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        acceptor.join(STOP_TIMEOUT)  # it closes the socket

    def accept(self) -> None:
        """Listen, on the same port as before."""
        with self._lock:
            if self._listener is not None or self._stopped.is_set():
                return
            family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
            listener = socket.create_server((self.host, self.port), family=family, backlog=128)
            listener.settimeout(ACCEPT_STEP)
            self._listener = listener
            self.port = listener.getsockname()[1]
            self._acceptor = self._start_thread(self._accept_clients, listener)

    def change_secret(self, username: str, secret: str) -> None:
        """Let a user log in with another secret from now on."""
        self.users[username] = self.users[username]._replace(secret=secret)

    def restart(self, down: float = 0.5) -> None:
        """Stop as Asterisk does, with a Shutdown event, and come back after `down` seconds.

        The method returns when it is down; `wait_up` waits until it is back.
        """
        self._shut_down("True", down)

    def shut_down(self) -> None:
        """Stop as Asterisk does, with a Shutdown event. `accept` comes back."""
        self._shut_down("False", None)

    def kill(self, down: float | None = 0.5) -> None:
        """Stop without a word, and come back after `down` seconds, or at `accept` if None.

        The method returns when it is down; `wait_up` waits until it is back.
        """
        self._go_down(down, b"")

    def wait_up(self, timeout: float = 10.0) -> bool:
        """Wait until the server listens. False after `timeout` seconds."""
        return _wait_until(lambda: self._listener is not None, timeout)

    # -- inside --------------------------------------------------------------------------------

    def note(self, action: Action) -> None:
        """Keep an action in `actions`."""
        with self._lock:
            self._actions.append(action.without_secrets())
            self._sizes.append(action.size)
            self._size += action.size
            while self._size > MOST_ACTION_BYTES or len(self._sizes) > MOST_ACTIONS:
                self._actions.popleft()
                self._size -= self._sizes.popleft()

    def forget(self, session: Session) -> None:
        """Let go of a client that has left."""
        with self._lock:
            if self._sessions.pop(session, session) is None:
                self._counted.update(_counts_of(session))
                self.served += session.user is not None

    def _shut_down(self, restarts: str, down: float | None) -> None:
        now = f"{time.time():.6f}"
        headers = {"Timestamp": now, "Shutdown": "Cleanly", "Restart": restarts}
        self._go_down(down, answers.event("Shutdown", {"Privilege": "system,all", **headers}))

    def _go_down(self, down: float | None, last: bytes) -> None:
        self.refuse()
        self._close_all(Closing.CLOSE, last)
        if down is not None:
            with self._lock:
                self._start_thread(self._come_back, down)

    def _come_back(self, down: float) -> None:
        if not self._stopped.wait(down):
            try:
                self.accept()
            except OSError as error:
                logger.error("the simulator cannot listen again: %s", error)
                self.errors.append(error)

    def _close_all(self, how: Closing, last: bytes = b"") -> None:
        with self._lock:
            sessions = list(self._sessions)
        for session in sessions:
            wanted = last.startswith(b"Event: Shutdown")
            session.close(how, last if not wanted or session.takes(last) else b"")
        deadline = time.monotonic() + CLOSE_TIMEOUT
        for session in sessions:
            if session.reader is not threading.current_thread():
                session.fin.wait(max(0.0, deadline - time.monotonic()))

    def _start_thread(self, function: Callable[..., None], *arguments: Any) -> threading.Thread:
        """Start a thread that `stop` waits for. The caller holds the lock."""
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        name = f"amistream simulator: {function.__name__}"
        thread = threading.Thread(target=function, args=arguments, name=name, daemon=True)
        thread.start()
        self._threads.append(thread)
        return thread

    def _accept_clients(self, listener: socket.socket) -> None:
        try:
            while self._listener is listener:
                if self.is_stalling:
                    self._stopped.wait(0.01)
                    continue
                try:
                    client, _ = listener.accept()
                except TimeoutError:
                    continue
                except OSError:  # refused, or too many open files
                    self._stopped.wait(0.01)
                    continue
                try:
                    self._serve(listener, client)
                except (OSError, RuntimeError):  # it has left, or no thread can be started
                    client.close()
        finally:
            listener.close()

    def _serve(self, listener: socket.socket, client: socket.socket) -> None:
        transport = (
            Transport(client, self.write_timeout)
            if self._tls is None or self._tls is True
            else TlsTransport(client, self.write_timeout, self._tls)
        )
        session = Session(self, transport)
        with self._lock:
            if self._listener is not listener or len(self._sessions) >= MOST_CLIENTS:
                client.close()
                return
            session.reader = self._start_thread(session.serve)
            self._sessions[session] = None
            if self.record:
                self._past.append(session)


def _counts_of(session: Session) -> dict[str, int]:
    return {"messages": session.messages, "bytes": session.bytes, "others": session.others}


def _texts(header: tuple[str, Any]) -> list[str]:
    """The name of a header and its values, as texts."""
    name, value = header
    return [name, *map(str, value if isinstance(value, list | tuple) else [value])]


def _wait_until(condition: Callable[[], bool], timeout: float) -> bool:
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.002)
    return True


def _server_context() -> ssl.SSLContext:
    import ssl  # plain connections do not need it

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context

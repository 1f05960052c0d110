"""The Simulator: an AMI server for tests and demonstrations, with faults on request.

One thread accepts clients; each client has a thread that answers its actions, and one that plays
the source. So it serves programs with and without asyncio alike.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from amistream.errors import AMIError
from amistream.testing import answers
from amistream.testing.answers import Headers
from amistream.testing.source import Pace, Source

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Simulator", "User"]

BANNER: Final = b"Asterisk Call Manager/11.0.0\r\n"
CERTIFICATE: Final = Path(__file__).with_name("localhost.pem")
"""A certificate for localhost and its key. The key is public: it protects nothing."""

LONGEST_ACTION: Final = 1 << 17
"""The most bytes of an action, as many as 128 lines of 1,024 bytes."""
MOST_HEADERS: Final = 128
MOST_ACTIONS: Final = 10_000
"""How many actions `actions` keeps; older ones are forgotten."""
MOST_CLIENTS: Final = 1000
TICK: Final = 0.001
"""How long the player sleeps between writes at a rate, in seconds."""
CLOSE_TIMEOUT: Final = 5.0
WRITE_TIMEOUT: Final = 30.0
"""After so many seconds a client that reads nothing is cut off."""

Handler = Callable[[Headers], "bytes | Mapping[str, Any] | None"]


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


class Simulator:
    """An AMI server on a loopback port. Use it with `with` or `async with`, or `start` and `stop`.

    source: what each client gets after its login: the path or the bytes of a capture, the Options
        of a call centre or a Workload, or None for nothing. A capture is played byte for byte,
        with the answers in it.
    rate: events a second; "recorded" for the times in the headers Timestamp; None for full speed.
    repeat: how often the source is played; None for ever.
    one_by_one: whether each event is written by itself, as Asterisk does.
    autoplay: whether a client gets the source at its login; otherwise `play` starts it, or the
        client's action SimulatorPlay.
    users: name to User; by default "lab" with the secret "labsecret".
    boots: whether a login is followed by FullyBooted, for users who read the class `system`.
    old_style: whether Command is answered as by Asterisk 13 and older.
    answer_delay: seconds before each answer. Answers of one client come one after another.
    tls: True for a certificate that only protects tests, or an SSLContext.
    record: whether `recorded` keeps every byte that is sent, for tests.

    actions: what the clients sent, as dicts; a repeated header is a list. Secrets are left out.
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
        tls: Literal[True] | ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        record: bool = False,
    ) -> None:
        if rate is not None and rate != "recorded" and not (rate > 0):
            raise ValueError(f"rate is events a second, 'recorded' or None, not {rate!r}")
        self.source = source if isinstance(source, Source) else Source(source)
        self.rate = rate
        self.repeat = repeat
        self.one_by_one = one_by_one
        self.autoplay = autoplay
        self.boots = boots
        self.old_style = old_style
        self.answer_delay = answer_delay
        self.host = host
        self.port = port
        self.record = record
        given = {"lab": "labsecret"} if users is None else users
        self.users = {
            name: user if isinstance(user, User) else User(user) for name, user in given.items()
        }
        self.handlers: dict[str, Handler] = {}
        self.queues = answers.members_of(self.source.workload)
        self.variables: dict[tuple[str, str], str] = {}
        self.actions: deque[dict[str, Any]] = deque(maxlen=MOST_ACTIONS)
        self.sent: Counter[str] = Counter()
        self._context = _server_context() if tls is True else tls
        self._listener: socket.socket | None = None
        self._sessions: set[Session] = set()
        self._past: list[Session] = []
        self._lock = threading.Lock()
        self._flows = threading.Event()
        self._flows.set()
        self._stopped = threading.Event()
        self._bytes_per_second: float | None = None
        self._threads: list[threading.Thread] = []

    # -- its life ------------------------------------------------------------------------------

    def start(self) -> Self:
        """Listen and serve. OSError if the port cannot be used."""
        self._stopped.clear()
        self.accept()
        return self

    def stop(self) -> None:
        """Close every connection and end every thread."""
        self._stopped.set()
        self._flows.set()
        self.refuse()
        for session in self.sessions:
            session.close()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(CLOSE_TIMEOUT)
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
        return self.start()

    async def __aexit__(self, *error: object) -> None:
        import asyncio

        await asyncio.get_running_loop().run_in_executor(None, self.stop)

    # -- what tests ask ------------------------------------------------------------------------

    @property
    def sessions(self) -> list[Session]:
        """The connected clients."""
        with self._lock:
            return list(self._sessions)

    @property
    def clients(self) -> int:
        """How many clients are logged in."""
        return sum(session.user is not None for session in self.sessions)

    @property
    def recorded(self) -> list[bytes]:
        """With `record`: the bytes sent to each client, in the order of their connections."""
        with self._lock:
            return [bytes(session.sent) for session in self._past]

    def trust(self) -> ssl.SSLContext:
        """A client's context that trusts the certificate of `tls=True`."""
        return ssl.create_default_context(cafile=str(CERTIFICATE))

    def on(self, action: str) -> Callable[[Handler], Handler]:
        """Decorator: let a function answer an action.

        It gets the headers, and returns the bytes of the answer, or the headers of a Success.
        """

        def decorate(handler: Handler) -> Handler:
            self.handlers[action.lower()] = handler
            return handler

        return decorate

    # -- sending -------------------------------------------------------------------------------

    def emit(self, name: str, headers: Mapping[str, Any] | None = None) -> None:
        """Send an event to every client that takes the class of its Privilege (`call`)."""
        given = {"Privilege": "call,all", **(headers or {})}
        self.send(answers.event(name, given), str(given["Privilege"]).partition(",")[0])

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

    def wait_played(self, timeout: float = 60.0) -> bool:
        """Wait until the source was played to every client. False after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        return all(
            session.played.wait(max(0.0, deadline - time.monotonic())) for session in self.sessions
        )

    # -- faults --------------------------------------------------------------------------------

    def cut(self, *, mid_message: bool = False) -> None:
        """Close every connection, inside a message if `mid_message`."""
        for session in self.sessions:
            if mid_message:
                session.write(b"Event: Newchannel\r\nPrivilege: ca")
            session.close()

    def reset(self) -> None:
        """Break every connection off, so that the client gets a reset."""
        for session in self.sessions:
            session.close(reset=True)

    def stall(self) -> None:
        """Send nothing any more and answer nothing, as a peer that died without a word."""
        self._flows.clear()

    def resume(self) -> None:
        """End a stall."""
        self._flows.set()

    def slow(self, bytes_per_second: float | None) -> None:
        """Send at most so many bytes a second; None sends at full speed again."""
        self._bytes_per_second = bytes_per_second

    def garbage(self, data: bytes = b"\x00\xff garbage \r\n\x80\r\n\r\n") -> None:
        """Send bytes that are no message to every client."""
        for session in self.sessions:
            session.write(data)

    def refuse(self) -> None:
        """Listen no more: connections are refused."""
        with self._lock:
            listener, self._listener = self._listener, None
        if listener is not None:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()

    def accept(self) -> None:
        """Listen, on the same port as before."""
        with self._lock:
            if self._listener is not None or self._stopped.is_set():
                return
            self._listener = socket.create_server((self.host, self.port), backlog=128)
            self.port = self._listener.getsockname()[1]
            self._start_thread(self._accept_clients, self._listener)

    def change_secret(self, username: str, secret: str) -> None:
        """Let a user log in with another secret from now on."""
        self.users[username] = self.users[username]._replace(secret=secret)

    def restart(self, down: float = 0.5) -> None:
        """Stop as Asterisk does, with a Shutdown event, and come back after `down` seconds."""
        headers = {"Privilege": "system,all", "Shutdown": "Cleanly", "Restart": "True"}
        self.emit("Shutdown", headers)
        self.kill(down)

    def kill(self, down: float = 0.5) -> None:
        """Stop without a word, and come back after `down` seconds."""
        self.refuse()
        for session in self.sessions:
            session.close()
        if not self._stopped.wait(down):
            self.accept()

    # -- inside --------------------------------------------------------------------------------

    def _start_thread(self, function: Callable[..., None], *arguments: Any) -> None:
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        thread = threading.Thread(
            target=function, args=arguments, name=f"amistream {function.__name__}", daemon=True
        )
        self._threads.append(thread)
        thread.start()

    def _accept_clients(self, listener: socket.socket) -> None:
        while not self._stopped.is_set():
            try:
                client, _ = listener.accept()
            except OSError:
                return
            if len(self._sessions) >= MOST_CLIENTS:
                client.close()
                continue
            session = Session(self, client)
            with self._lock:
                self._sessions.add(session)
                if self.record:
                    self._past.append(session)
            self._start_thread(session.serve)

    def _forget(self, session: Session) -> None:
        with self._lock:
            self._sessions.discard(session)

    def wait_flow(self) -> bool:
        """Wait while the server stalls. False if it has stopped."""
        self._flows.wait()
        return not self._stopped.is_set()


class Session:
    """One connected client.

    user: who is logged in, or None. mask: the classes of events it asked for; empty for none.
    sent: with `record`, the bytes that were sent.
    """

    def __init__(self, simulator: Simulator, client: socket.socket) -> None:
        self.simulator = simulator
        self.user: User | None = None
        self.challenge = ""
        self.mask: frozenset[str] = frozenset()
        self.ends = False
        self.sent = bytearray()
        self.played = threading.Event()
        self._socket = client
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._plays = False
        if not simulator.source:
            self.played.set()

    def wants(self, kind: str) -> bool:
        """Whether the client takes the events of this class."""
        asked = "all" in self.mask or kind in self.mask
        return asked and self.user is not None and self.user.may_read(kind)

    def set_mask(self, text: str) -> None:
        """Note which classes of events the client asks for."""
        words = frozenset(word.strip().lower() for word in text.split(","))
        if words & {"on", "all", "yes", "true"}:
            words = frozenset({"all"})
        self.mask = words - {"off", "no", "none", "false", ""}

    def serve(self) -> None:
        """Greet the client, and answer its actions until it leaves."""
        try:
            self._socket.settimeout(WRITE_TIMEOUT)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            context = self.simulator._context
            if context is not None:
                self._socket = context.wrap_socket(self._socket, server_side=True)
            self.write(self.simulator.source.banner or BANNER)
            self._answer_all()
        except (OSError, ValueError, AMIError):
            pass  # the client left, or sent what is no action
        finally:
            self.close()
            self.simulator._forget(self)

    def play(self) -> None:
        """Play the source to this client, once."""
        if not self._plays and self.simulator.source:
            self._plays = True
            self.simulator._start_thread(self._play)

    def write(self, data: bytes) -> bool:
        """Send bytes, which nothing else comes between. False if the client is gone."""
        simulator = self.simulator
        if not simulator.wait_flow():
            return False
        with self._lock:
            try:
                if simulator._bytes_per_second is None:
                    self._socket.sendall(data)
                else:
                    self._write_slowly(data)
            except OSError:
                self._closed.set()
                return False
            if simulator.record:
                self.sent += data
        return not self._closed.is_set()

    def close(self, *, reset: bool = False) -> None:
        """Close the connection."""
        self._closed.set()
        self.played.set()
        with contextlib.suppress(OSError):
            if reset:
                linger = struct.pack("ii", 1, 0)
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            # This wakes the thread that reads; SHUT_RD alone sends nothing.
            self._socket.shutdown(socket.SHUT_RD if reset else socket.SHUT_RDWR)
        with contextlib.suppress(OSError):
            self._socket.close()

    def _write_slowly(self, data: bytes) -> None:
        position = 0
        while position < len(data) and not self._closed.is_set():
            speed = self.simulator._bytes_per_second
            piece = len(data) if speed is None else max(1, int(speed / 100))
            self._socket.sendall(data[position : position + piece])
            position += piece
            if speed is not None:
                time.sleep(piece / speed)

    # -- actions -------------------------------------------------------------------------------

    def _answer_all(self) -> None:
        for headers in self._actions():
            shown = {
                name: value for name, value in headers.items() if name not in ("Secret", "Key")
            }
            self.simulator.actions.append(shown)
            if self.simulator.answer_delay:
                time.sleep(self.simulator.answer_delay)
            was_in = self.user is not None
            self.write(answers.answer_to(self, headers))
            if self.ends:
                return
            is_asked = headers.get("Action", "").lower() == "simulatorplay"
            if is_asked or (self.simulator.autoplay and not was_in and self.user is not None):
                self.play()

    def _actions(self) -> Iterator[dict[str, Any]]:
        """The actions that the client sends. ValueError if one is too long."""
        pending = b""
        while not self._closed.is_set():
            action, blank, rest = pending.partition(b"\r\n\r\n")
            if blank:
                pending = rest
                yield _headers(action)
                continue
            if len(pending) > LONGEST_ACTION:
                raise ValueError("an action is too long")
            try:
                data = self._socket.recv(1 << 16)
            except TimeoutError:
                continue
            if not data:
                return
            pending += data

    # -- playing -------------------------------------------------------------------------------

    def _play(self) -> None:
        simulator = self.simulator
        turns = 0
        while simulator.repeat is None or turns < simulator.repeat:
            turns += 1
            if not self._play_once(simulator.rate):
                break
        self.played.set()

    def _play_once(self, rate: Pace) -> bool:
        """Play the source once. False if the client is gone."""
        if rate == "recorded":
            return self._play_timed(self.simulator.source.timed())
        if rate is not None:
            numbered = enumerate(self.simulator.source.messages())
            return self._play_timed((number / rate, message) for number, message in numbered)
        if self.simulator.one_by_one:
            return all(self._give(message, 1) for message in self.simulator.source.messages())
        return all(self._give(block, count) for block, count in self.simulator.source.blocks())

    def _play_timed(self, timed: Iterator[tuple[float, bytes]]) -> bool:
        """Send each message when it is due; what is due at the same moment in one write."""
        start = time.monotonic()
        due: list[bytes] = []
        for offset, message in timed:
            if self._closed.is_set():
                return False
            while offset > time.monotonic() - start:
                if due and not self._give_all(due):
                    return False
                if self._closed.wait(min(0.1, max(TICK, offset + start - time.monotonic()))):
                    return False
            due.append(message)
            if (self.simulator.one_by_one or len(due) >= 256) and not self._give_all(due):
                return False
        return not due or self._give_all(due)

    def _give_all(self, due: list[bytes]) -> bool:
        given = self._give(b"".join(due), len(due))
        due.clear()
        return given

    def _give(self, data: bytes, count: int) -> bool:
        """Send events, if the client takes events."""
        if not self.mask:
            return not self._closed.is_set()
        self.simulator.sent["messages"] += count
        self.simulator.sent["bytes"] += len(data)
        return self.write(data)


def _headers(action: bytes) -> dict[str, Any]:
    """The headers of an action; a repeated header becomes a list. ValueError if it has too many."""
    found: dict[str, Any] = {}
    lines = action.split(b"\r\n")
    if len(lines) > MOST_HEADERS:
        raise ValueError("an action has too many headers")
    for line in lines:
        name, colon, value = line.decode("utf-8", "surrogateescape").partition(":")
        if not colon:
            continue
        value = value.lstrip(" ")
        if name not in found:
            found[name] = value
        elif isinstance(found[name], list):
            found[name].append(value)
        else:
            found[name] = [found[name], value]
    return found


def _server_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context

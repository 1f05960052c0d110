"""The tools that cases work with: actions, calls, phones, and waiting for events."""

from __future__ import annotations

import itertools
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from ami import Connection
from chroot import DATA, ENVIRONMENT, KILL_WITH_PARENT, Chroot, is_free
from lists import BY_ACTION, List, RequestedList

import amistream

DEFAULT_WAIT = 30.0
"""How long to wait for an answer or event, in seconds. It is long because machines may be busy."""


class NotSeenError(Exception):
    """An answer or event that a case waited for did not come in time."""


class Call(NamedTuple):
    """The two halves of a Local channel made by Originate, as the unique ids the lab gave them."""

    near: str
    far: str


class Lab:
    """A running Asterisk with two connections; both get all events.

    The listener only reads; the worker also sends the actions.
    """

    def __init__(self, chroot: Chroot, deadline: float) -> None:
        self.chroot = chroot
        self.ports = chroot.ports
        self.deadline = deadline
        self.connections: list[Connection] = []
        self.listener = self.connect("listener")
        self.worker = self.connect("worker")
        self.phones: list[subprocess.Popen[bytes]] = []
        self.requested: list[RequestedList] = []
        self.closing = threading.Event()
        self.sockets: list[socket.socket] = []
        self._calls = itertools.count(1)
        self._next_phone = itertools.count()

    def login(self) -> None:
        self.listener.login()
        self.worker.login()
        self.expect("FullyBooted", seconds=60)

    def connect(self, name: str) -> Connection:
        """Open one more connection; its stream is kept and checked."""
        connection = Connection(self.ports.ami, name)
        self.connections.append(connection)
        return connection

    def short_session(self, name: str, *actions: dict[str, str]) -> Connection:
        """Open a connection, send a few actions one after the other, and log off."""
        connection = self.connect(name)
        for headers in actions:
            connection.answer(connection.send(**headers), 5.0)
        connection.send(Action="Logoff")
        if not connection.wait_ended(self.remaining(10.0)):
            raise NotSeenError(f"Asterisk did not close the connection {name}")
        return connection

    # -- actions -------------------------------------------------------------------------------

    def send(self, action: str, **headers: object) -> str:
        return self.worker.send(Action=action, **headers)

    def request(self, action: str, **headers: object) -> amistream.Message:
        """Send an action and return its response; NotSeenError if none comes."""
        answer = self.worker.answer(self.send(action, **headers), self.remaining(DEFAULT_WAIT))
        if answer is None:
            raise NotSeenError(f"no response to {action} {headers or ''}")
        return answer

    def must_succeed(self, action: str, **headers: object) -> amistream.Message:
        """Send an action and return its response; NotSeenError if it is an error."""
        answer = self.request(action, **headers)
        if answer["Response"] == "Error":
            what = headers.get("Channel", headers)
            raise NotSeenError(f"{action} of {what} was refused: {answer.get('Message')}")
        return answer

    def request_list(self, entry: List) -> RequestedList:
        """Ask for a list; the end of the run checks whether it came complete."""
        requested = RequestedList(entry, self.send(entry.action, **entry.headers))
        self.requested.append(requested)
        return requested

    def list_members(self, action: str, **headers: str) -> list[amistream.Message]:
        """Ask for a list and return its members; NotSeenError if the list does not end."""
        requested = self.request_list(BY_ACTION[action]._replace(headers=headers))
        action_id, finisher = requested.action_id, requested.entry.finisher

        def is_finisher(message: amistream.Message) -> bool:
            return message.action_id == action_id and message.name == finisher

        if self.worker.wait(is_finisher, self.remaining(DEFAULT_WAIT)) is None:
            raise NotSeenError(f"{action} did not close")
        return [
            message
            for message in self.worker.messages
            if message.action_id == action_id and "Event" in message and not is_finisher(message)
        ]

    def cli(self, command: str) -> str:
        """The output of a CLI command."""
        return "\n".join(self.request("Command", Command=command).get_all("Output"))

    # -- events --------------------------------------------------------------------------------

    def position(self) -> int:
        """The listener's position in its stream; `expect(since=)` looks only at later events."""
        return len(self.listener.messages)

    def expect(
        self, name: str, seconds: float = DEFAULT_WAIT, since: int = 0, **headers: str
    ) -> amistream.Message:
        """The event with this name and these headers; NotSeenError if none comes in time."""

        def wanted(message: amistream.Message) -> bool:
            return message.get("Event") == name and all(
                message.get(header) == value for header, value in headers.items()
            )

        found = self.listener.wait(wanted, self.remaining(seconds), since)
        if found is None:
            shown = ", ".join(f"{header}: {value}" for header, value in headers.items())
            raise NotSeenError(f"no {name}{f' ({shown})' if shown else ''} within {seconds:g} s")
        return found

    def wait_until(
        self, what: str, holds: Callable[[], bool], seconds: float = DEFAULT_WAIT
    ) -> None:
        """Wait for a condition that no event reports; NotSeenError if it does not hold in time."""
        deadline = time.monotonic() + self.remaining(seconds)
        while not holds():
            if time.monotonic() > deadline:
                raise NotSeenError(f"{what}: not within {seconds:g} s")
            self.pause(0.1)

    def remaining(self, seconds: float) -> float:
        """That many seconds, or fewer if the deadline is closer."""
        return max(0.0, min(seconds, self.deadline - time.monotonic()))

    def pause(self, seconds: float) -> bool:
        """Let time pass, for sounds and timers only; False if the lab closes."""
        return not self.closing.wait(self.remaining(seconds))

    # -- calls ---------------------------------------------------------------------------------

    def call(self, exten: str, near: str = "wait", **headers: object) -> Call:
        """Make a Local channel: its far half runs exten@lab, its near half runs near@near.

        With a Channel of another kind there is no far half.
        """
        number = next(self._calls)
        call = Call(f"lab{number}-near", f"lab{number}-far")
        settings: dict[str, object] = {
            "Channel": f"Local/{exten}@lab/n",
            "ChannelId": call.near,
            "OtherChannelId": "" if "Channel" in headers else call.far,
            "Context": "near",
            "Exten": near,
            "Priority": 1,
            "CallerID": f'"Caller {number}" <{5000 + number}>',
            "Timeout": 30000,
            "Async": "true",
        }
        self.must_succeed("Originate", **{**settings, **headers})
        self.expect("Newchannel", Uniqueid=call.near if "Channel" in headers else call.far)
        return call

    def bridged_call(self, callee: str = "Local/wait@lab/n") -> tuple[Call, str]:
        """Make a call in a two-party bridge, which its near half dials; and the callee's id."""
        variables = [f"CALLEE={callee}", "FLAGS=tTkKhHxX"]
        call = self.call("wait", near="dial", Variable=variables)
        peer = self.expect("DialBegin", Uniqueid=call.near)["DestUniqueid"]
        for half in (call.near, peer):
            self.expect("BridgeEnter", Uniqueid=half)
        return call, peer

    def channel_name(self, uniqueid: str) -> str:
        """The name of a channel."""
        return self.expect("Newchannel", Uniqueid=uniqueid)["Channel"]

    def hang_up(self, *uniqueids: str) -> None:
        for uniqueid in uniqueids:
            self.send("Hangup", Channel=uniqueid)

    # -- phones --------------------------------------------------------------------------------

    def start_phone(
        self, scenario: str, *options: str, port: int | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a sipp process that plays a SIP scenario against Asterisk, on its own ports."""
        number = next(self._next_phone)
        port = port or self.ports.phones + 1 + number
        command = [
            *("sipp", "-sf", f"{DATA}/{scenario}", f"127.0.0.1:{self.ports.sip}"),
            *("-i", "127.0.0.1", "-mi", "127.0.0.1", "-p", str(port), "-nostdin"),
            *("-min_rtp_port", str(self.ports.phone_media + 4 * number)),
            *("-max_rtp_port", str(self.ports.phone_media + 4 * number + 3)),
            *("-timeout", "60s", "-timeout_error", *options),
        ]
        with open(self.chroot.path(f"{DATA}/sipp-{number}.log"), "wb") as log:
            phone = subprocess.Popen(
                self.chroot.command(*KILL_WITH_PARENT, *command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=ENVIRONMENT,
            )
        self.phones.append(phone)
        self.wait_until("sipp listens", lambda: phone.poll() is not None or not is_free(port))
        return phone

    def wait_finished(self, phone: subprocess.Popen[bytes], seconds: float = DEFAULT_WAIT) -> None:
        """Wait until a phone ends by itself; NotSeenError if it fails."""
        try:
            code = phone.wait(self.remaining(seconds))
        except subprocess.TimeoutExpired:
            raise NotSeenError(f"sipp did not end within {seconds:g} s: {phone.args!r}") from None
        if code != 0:
            raise NotSeenError(f"sipp failed with code {code}: {phone.args!r}")

    def close(self) -> None:
        """End the phones and the connections."""
        self.closing.set()
        for phone in self.phones:
            phone.kill()
            phone.wait()
        for open_socket in self.sockets:
            open_socket.close()
        for connection in self.connections:
            connection.wait_ended(2.0)
            connection.close()

"""What the acts of the scenario work with: actions, calls, phones, and events to wait for."""

from __future__ import annotations

import itertools
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from ami import Connection
from lists import BY_ACTION, Asked, List
from root import DATA, DIES_WITH_US, ENVIRONMENT, Root, is_free

import amistream

PATIENCE = 30.0
"""How long to wait for what has to come, in seconds: long, for a machine that is busy."""


class NotSeenError(Exception):
    """What an act waited for did not come in time."""


class Call(NamedTuple):
    """A Local channel made by Originate: its two halves, by the unique ids the lab gave them."""

    near: str
    far: str


class Lab:
    """A running Asterisk with two connections: one listens, one works; both get the events."""

    def __init__(self, root: Root, deadline: float) -> None:
        self.root = root
        self.ports = root.ports
        self.deadline = deadline
        self.connections: list[Connection] = []
        self.listener = self.connect("listener")
        self.worker = self.connect("worker")
        self.phones: list[subprocess.Popen[bytes]] = []
        self.asked: list[Asked] = []
        self.closing = threading.Event()
        self.sockets: list[socket.socket] = []
        self._calls = itertools.count(1)
        self._next_phone = itertools.count()

    def login(self) -> None:
        self.listener.login()
        self.worker.login()
        self.expect("FullyBooted", seconds=60)

    def connect(self, name: str) -> Connection:
        """One more connection, whose stream is kept and checked."""
        made = Connection(self.ports.ami, name)
        self.connections.append(made)
        return made

    def visit(self, name: str, *actions: dict[str, str]) -> Connection:
        """A short connection for a few actions, one after the other, until Asterisk closes it."""
        short = self.connect(name)
        for headers in actions:
            short.answer(short.send(**headers), 5.0)
        short.send(Action="Logoff")
        if not short.wait_ended(self.left(10.0)):
            raise NotSeenError(f"Asterisk did not close the connection {name}")
        return short

    # -- actions -------------------------------------------------------------------------------

    def send(self, action: str, **headers: object) -> str:
        return self.worker.send(Action=action, **headers)

    def ask(self, action: str, **headers: object) -> amistream.Message:
        """The response to an action; NotSeenError if none comes."""
        answer = self.worker.answer(self.send(action, **headers), self.left(PATIENCE))
        if answer is None:
            raise NotSeenError(f"no response to {action} {headers or ''}")
        return answer

    def must(self, action: str, **headers: object) -> amistream.Message:
        """The response to an action that has to succeed."""
        answer = self.ask(action, **headers)
        if answer["Response"] == "Error":
            what = headers.get("Channel", headers)
            raise NotSeenError(f"{action} of {what} was refused: {answer.get('Message')}")
        return answer

    def begin_list(self, entry: List) -> Asked:
        """Ask for a list; whether it comes whole is checked in the end."""
        asked = Asked(entry, self.send(entry.action, **entry.headers))
        self.asked.append(asked)
        return asked

    def show(self, action: str, **headers: str) -> list[amistream.Message]:
        """The members of a list that has to come; NotSeenError if it does not."""
        asked = self.begin_list(BY_ACTION[action]._replace(headers=headers))

        def ends(message: amistream.Message) -> bool:
            return message.action_id == asked.action_id and message.name == asked.entry.finisher

        if self.worker.wait(ends, self.left(PATIENCE)) is None:
            raise NotSeenError(f"{action} did not close")
        return [
            message
            for message in self.worker.messages
            if message.action_id == asked.action_id and "Event" in message and not ends(message)
        ]

    def cli(self, command: str) -> str:
        """The output of a CLI command."""
        return "\n".join(self.ask("Command", Command=command).get_all("Output"))

    # -- events --------------------------------------------------------------------------------

    def mark(self) -> int:
        """Where the listener's stream is now, to wait for what comes after."""
        return len(self.listener.messages)

    def expect(
        self, name: str, seconds: float = PATIENCE, since: int = 0, **headers: str
    ) -> amistream.Message:
        """The event with this name and these headers; NotSeenError if none comes in time."""

        def wanted(message: amistream.Message) -> bool:
            return message.get("Event") == name and all(
                message.get(header) == value for header, value in headers.items()
            )

        found = self.listener.wait(wanted, self.left(seconds), since)
        if found is None:
            shown = ", ".join(f"{header}: {value}" for header, value in headers.items())
            raise NotSeenError(f"no {name}{f' ({shown})' if shown else ''} within {seconds:g} s")
        return found

    def until(self, what: str, holds: Callable[[], bool], seconds: float = PATIENCE) -> None:
        """Wait for what no event tells; NotSeenError if it does not come to hold in time."""
        end = time.monotonic() + self.left(seconds)
        while not holds():
            if time.monotonic() > end:
                raise NotSeenError(f"{what}: not within {seconds:g} s")
            self.pause(0.1)

    def left(self, seconds: float) -> float:
        """That many seconds, or what the deadline leaves of them."""
        return max(0.0, min(seconds, self.deadline - time.monotonic()))

    def pause(self, seconds: float) -> bool:
        """Let time pass where only time helps, as for audio; False if the lab closes."""
        return not self.closing.wait(self.left(seconds))

    # -- calls ---------------------------------------------------------------------------------

    def call(self, exten: str, near: str = "wait", **headers: object) -> Call:
        """A Local channel whose far half runs exten@acts and whose near half near@near.

        With a Channel of another kind there is no far half.
        """
        number = next(self._calls)
        call = Call(f"lab{number}-near", f"lab{number}-far")
        settings: dict[str, object] = {
            "Channel": f"Local/{exten}@acts/n",
            "ChannelId": call.near,
            "OtherChannelId": "" if "Channel" in headers else call.far,
            "Context": "near",
            "Exten": near,
            "Priority": 1,
            "CallerID": f'"Caller {number}" <{5000 + number}>',
            "Timeout": 30000,
            "Async": "true",
        }
        self.must("Originate", **{**settings, **headers})
        self.expect("Newchannel", Uniqueid=call.near if "Channel" in headers else call.far)
        return call

    def connected(self, callee: str = "Local/wait@acts/n") -> tuple[Call, str]:
        """A call in a two-party bridge: its near half dials; and the callee's unique id."""
        variables = [f"CALLEE={callee}", "FLAGS=tTkKhHxX"]
        call = self.call("wait", near="dial", Variable=variables)
        peer = self.expect("DialBegin", Uniqueid=call.near)["DestUniqueid"]
        for half in (call.near, peer):
            self.expect("BridgeEnter", Uniqueid=half)
        return call, peer

    def channel(self, uniqueid: str) -> str:
        """The name of a channel."""
        return self.expect("Newchannel", Uniqueid=uniqueid)["Channel"]

    def hang_up(self, *uniqueids: str) -> None:
        for uniqueid in uniqueids:
            self.send("Hangup", Channel=uniqueid)

    # -- phones --------------------------------------------------------------------------------

    def phone(
        self, scenario: str, *options: str, port: int | None = None
    ) -> subprocess.Popen[bytes]:
        """A sipp that plays a scenario, against Asterisk, on ports of its own."""
        number = next(self._next_phone)
        port = port or self.ports.phones + 1 + number
        command = [
            *("sipp", "-sf", f"{DATA}/{scenario}", f"127.0.0.1:{self.ports.sip}"),
            *("-i", "127.0.0.1", "-mi", "127.0.0.1", "-p", str(port), "-nostdin"),
            *("-min_rtp_port", str(self.ports.phone_media + 4 * number)),
            *("-max_rtp_port", str(self.ports.phone_media + 4 * number + 3)),
            *("-timeout", "60s", "-timeout_error", *options),
        ]
        with open(self.root.path(f"{DATA}/sipp-{number}.log"), "wb") as log:
            phone = subprocess.Popen(
                self.root.command(*DIES_WITH_US, *command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=ENVIRONMENT,
            )
        self.phones.append(phone)
        self.until("sipp listens", lambda: phone.poll() is not None or not is_free(port))
        return phone

    def finished(self, phone: subprocess.Popen[bytes], seconds: float = PATIENCE) -> None:
        """Wait for a phone that ends by itself; NotSeenError if it fails."""
        try:
            code = phone.wait(self.left(seconds))
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
        for held in self.sockets:
            held.close()
        for connection in self.connections:
            connection.wait_ended(2.0)
            connection.close()

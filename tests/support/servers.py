"""Servers that the tests of the client connect to: a Simulator or a real Asterisk, alike."""

from __future__ import annotations

import abc
import contextlib
import importlib
import os
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from support.paths import ROOT

USERS = {
    "lab": "labsecret",
    "noperm": "noperm",
    "nosystem": "nosystem",
    "nocall": "nocall",
    "slow": "slow",
}


LASTING_THREAD = ThreadPoolExecutor(1)
"""Starts Asterisk, which the kernel kills when the thread that started it ends."""


class Server(abc.ABC):
    """A Manager Interface that can be killed and come back."""

    host = "127.0.0.1"
    port: int
    tls_port: int
    a_channel: str
    """A channel that answers and stays for some seconds."""
    no_channel: str
    """A channel that cannot be called."""

    def account(self, username: str = "lab") -> dict[str, Any]:
        """The arguments of `connect` for a user."""
        return {"port": self.port, "username": username, "secret": USERS[username]}

    @abc.abstractmethod
    def trust(self) -> ssl.SSLContext:
        """A context that trusts the server's certificate."""

    @abc.abstractmethod
    def kill(self) -> None:
        """End the server without a word."""

    @abc.abstractmethod
    def shut_down(self) -> None:
        """End the server in order."""

    @abc.abstractmethod
    def start(self) -> None:
        """Start the server again, on the same ports."""


class SimulatedServer(Server):
    """A Simulator, and one with TLS."""

    a_channel = "Local/wait@lab/n"
    no_channel = "Local/nosuch@lab/n"

    def __init__(self) -> None:
        testing = importlib.import_module("amistream.testing")
        users = {
            "lab": testing.User("labsecret"),
            "noperm": testing.User("noperm", read="", write=""),
            "nosystem": testing.User(
                "nosystem", read="call,agent,user", write="call,originate,command,reporting"
            ),
            "nocall": testing.User("nocall", read="system,agent"),
        }
        self.simulator = testing.Simulator(users=users)
        self._secure = testing.Simulator(users=users, tls=True)

    def __enter__(self) -> SimulatedServer:
        self.simulator.start()
        self._secure.start()
        self.port, self.tls_port = self.simulator.port, self._secure.port
        return self

    def __exit__(self, *error: object) -> None:
        self.simulator.stop()
        self._secure.stop()

    def trust(self) -> ssl.SSLContext:
        context: ssl.SSLContext = self._secure.trust()
        return context

    def kill(self) -> None:
        self.simulator.refuse()
        self.simulator.cut(mid_message=True)

    def shut_down(self) -> None:
        headers = {"Privilege": "system,all", "Shutdown": "Cleanly", "Restart": "False"}
        self.simulator.emit("Shutdown", headers)
        self.simulator.refuse()
        self.simulator.cut()

    def start(self) -> None:
        self.simulator.accept()


class RealServer(Server):
    """Asterisk in the chroot of ci/asterisk."""

    a_channel = "Local/wait@lab/n"
    no_channel = "Local/nosuch@lab/n"

    def __init__(self, chroot: Any) -> None:
        self.chroot = chroot
        self.port, self.tls_port = chroot.ports.ami, chroot.ports.ami_tls
        if not chroot.running:
            self.start()

    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.chroot.path("/etc/asterisk/lab.pem")))

    def kill(self) -> None:
        os.killpg(self.chroot._process.pid, signal.SIGKILL)
        self.chroot.wait_ended(5)

    def shut_down(self) -> None:
        command = self.chroot.command("/usr/sbin/asterisk", "-rx", "core stop now")
        subprocess.run(command, check=False, capture_output=True, timeout=20)
        self.chroot.wait_ended(20)

    def start(self) -> None:
        LASTING_THREAD.submit(self.chroot.start).result()
        wait_booted(self.chroot)


def wait_booted(chroot: Any) -> None:
    """Wait until Asterisk has booted: before, it may reset a connection that it accepted."""
    command = chroot.command("/usr/sbin/asterisk", "-rx", "core waitfullybooted")
    subprocess.run(command, check=False, capture_output=True, timeout=60)


@contextlib.contextmanager
def asterisk_of(folder: str) -> Iterator[Any]:
    """A running Asterisk in a chroot that ci/asterisk made, configured anew."""
    sys.path.insert(0, str(ROOT / "ci" / "asterisk"))
    try:
        chroot_module = importlib.import_module("chroot")
        media = importlib.import_module("media")
    finally:
        sys.path.pop(0)
    chroot = chroot_module.Chroot(Path(folder))
    chroot.configure(media.files())
    LASTING_THREAD.submit(chroot.start).result()
    try:
        wait_booted(chroot)
        yield chroot
    finally:
        chroot.stop()

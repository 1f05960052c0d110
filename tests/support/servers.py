"""Servers that the tests of the client connect to: a Simulator or a real Asterisk, alike."""

from __future__ import annotations

import abc
import importlib
import ssl
from typing import Any

from support.pbx import SECRETS, Asterisk


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
        return {"port": self.port, "username": username, "secret": SECRETS[username]}

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
    """An Asterisk of ci/asterisk."""

    a_channel = "Local/wait@lab/n"
    no_channel = "Local/nosuch@lab/n"

    def __init__(self, asterisk: Asterisk) -> None:
        self.asterisk = asterisk
        self.host, self.port, self.tls_port = asterisk.host, asterisk.port, asterisk.tls_port

    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.asterisk.certificate)

    def kill(self) -> None:
        self.asterisk.kill()

    def shut_down(self) -> None:
        self.asterisk.stop()

    def start(self) -> None:
        self.asterisk.start()

"""The client: from a host and a secret to typed events, actions and lists.

`connection` is the session as a state machine without socket and clock; `link` joins it to a
socket. `subscriptions` holds the queues, `router` fills them, `consumer` empties them. `aio` is
the client. Importing this package loads neither asyncio nor ssl.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Literal

from amistream.client.settings import Secret, Settings
from amistream.client.states import Gap, State, StateChange

if TYPE_CHECKING:
    from ssl import SSLContext

    from amistream.client.aio import Connecting

__all__ = ["Gap", "State", "StateChange", "connect"]


def connect(
    host: str,
    port: int | None = None,
    *,
    username: str,
    secret: str | Callable[[], str | Awaitable[str]],
    tls: Literal[True] | SSLContext | None = None,
    events: str = "on",
    auth: Literal["md5", "plain"] = "md5",
    filters: Iterable[str] = (),
    timeout: float = 10.0,
    boot_timeout: float = 3.0,
    action_timeout: float | None = 30.0,
    keepalive: float | None = 20.0,
    keepalive_timeout: float = 10.0,
    reconnect: bool = True,
    max_backoff: float = 10.0,
) -> Connecting:
    """Connect to Asterisk's Manager Interface and log in.

    Use it with `async with`, which closes the client at the end, or with `await`:

        async with amistream.connect("pbx", username="lab", secret="...") as ami:
            async for event in ami.events(only={Hangup}):
                ...

    host, port: the server; the port is 5038, or 5039 with TLS.
    username, secret: a user of manager.conf. `secret` may be a function, also an async one, that
        returns the secret; it is called for each login. No repr, log or traceback shows it.
    tls: True verifies the server's certificate; an SSLContext decides by itself.
    events: what Asterisk sends: "on", "off", or classes such as "call,agent".
    auth: "md5" never sends the secret itself; "plain" sends it as text. Over TLS, "md5" falls
        back to "plain" if the server offers no challenge.
    filters: filters that Asterisk applies to the events, as in the action Filter: regular
        expressions, such as "Event: Queue", or "!Event: RTCPSent" to exclude. They need the class
        `system` in the user's `write`. The client adds those that let pass what it needs itself.
    timeout: seconds for the connection and the login.
    boot_timeout: seconds to wait for FullyBooted. A user without the class `system` in `read`
        never gets it: `ami.booted` is then None.
    action_timeout: seconds for the answer to an action, unless `send` says otherwise; None waits
        for ever.
    keepalive: after so many seconds of silence the client sends a Ping; None sends none.
    keepalive_timeout: seconds for the answer to that Ping; without it the connection is lost.
    reconnect: whether a lost connection is opened again. The first connection is tried once.
    max_backoff: the longest pause in seconds between two attempts.

    Raises ConnectionRefused, ConnectTimeout, NotAnAMI, TLSFailed (all of them CannotConnect) or
    LoginFailed.
    """
    hidden = Secret(secret)
    del secret  # a traceback that shows variables must not show it
    settings = Settings(
        host=host,
        port=port if port is not None else (5038 if tls is None else 5039),
        username=username,
        secret=hidden,
        tls=tls,
        events=events,
        auth=auth,
        filters=tuple(filters),
        timeout=timeout,
        boot_timeout=boot_timeout,
        action_timeout=action_timeout,
        keepalive=keepalive,
        keepalive_timeout=keepalive_timeout,
        reconnect=reconnect,
        max_backoff=max_backoff,
    )
    from amistream.client.aio import Connecting

    return Connecting(settings)

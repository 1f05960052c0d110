"""Security: clients that were accepted or refused."""

from __future__ import annotations

from amistream.headers import Int, Text
from amistream.messages import Event

__all__ = [
    "AuthMethodNotAllowed",
    "ChallengeResponseFailed",
    "ChallengeSent",
    "FailedACL",
    "InvalidAccountID",
    "InvalidPassword",
    "InvalidTransport",
    "LoadAverageLimit",
    "MemoryLimit",
    "RequestBadFormat",
    "RequestNotAllowed",
    "RequestNotSupported",
    "SessionLimit",
    "SuccessfulAuth",
    "UnexpectedAddress",
]


class _SecurityEvent(Event):
    """The headers of every security event: the account, both addresses and the time."""

    __slots__ = ()

    event_time = Text("EventTV")
    severity = Text("Severity")
    service = Text("Service")
    event_version = Int("EventVersion")
    account_id = Text("AccountID")
    session_id = Text("SessionID")
    local_address = Text("LocalAddress")
    remote_address = Text("RemoteAddress")
    module = Text("Module")
    session_time = Text("SessionTV")


class AuthMethodNotAllowed(_SecurityEvent):
    """A client asked for an authentication method that is not allowed."""

    __slots__ = ()

    auth_method = Text("AuthMethod")


class ChallengeResponseFailed(_SecurityEvent):
    """A client answered a challenge wrongly."""

    __slots__ = ()

    challenge = Text("Challenge")
    response = Text("Response")
    expected_response = Text("ExpectedResponse")


class ChallengeSent(_SecurityEvent):
    """A client was challenged."""

    __slots__ = ()

    challenge = Text("Challenge")


class FailedACL(_SecurityEvent):
    """A client was refused by an access list."""

    __slots__ = ()

    acl_name = Text("ACLName")


class InvalidAccountID(_SecurityEvent):
    """A client named an account that does not exist."""

    __slots__ = ()


class InvalidPassword(_SecurityEvent):
    """A client gave a wrong password."""

    __slots__ = ()

    challenge = Text("Challenge")
    received_challenge = Text("ReceivedChallenge")
    received_hash = Text("ReceivedHash")


class InvalidTransport(_SecurityEvent):
    """A client used a transport that is not allowed."""

    __slots__ = ()

    attempted_transport = Text("AttemptedTransport")


class LoadAverageLimit(_SecurityEvent):
    """A client was refused because of the load."""

    __slots__ = ()


class MemoryLimit(_SecurityEvent):
    """A client was refused because there was no memory left."""

    __slots__ = ()


class RequestBadFormat(_SecurityEvent):
    """A client sent a request that could not be read."""

    __slots__ = ()

    request_type = Text("RequestType")
    request_params = Text("RequestParams")


class RequestNotAllowed(_SecurityEvent):
    """A client sent a request that is not allowed."""

    __slots__ = ()

    request_type = Text("RequestType")
    request_params = Text("RequestParams")


class RequestNotSupported(_SecurityEvent):
    """A client sent a request that is not supported."""

    __slots__ = ()

    request_type = Text("RequestType")


class SessionLimit(_SecurityEvent):
    """A client was refused because there are too many sessions."""

    __slots__ = ()


class SuccessfulAuth(_SecurityEvent):
    """A client authenticated itself."""

    __slots__ = ()

    using_password = Int("UsingPassword")


class UnexpectedAddress(_SecurityEvent):
    """A client connected from an unexpected address."""

    __slots__ = ()

    expected_address = Text("ExpectedAddress")

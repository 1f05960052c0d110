"""Enumerations for headers with a fixed set of values; a member equals the plain value."""

from __future__ import annotations

import sys
from enum import Enum, IntEnum
from typing import Any

if sys.version_info >= (3, 11):
    from enum import StrEnum
else:

    class StrEnum(str, Enum):
        """The StrEnum of Python 3.11 and later."""

        __str__ = str.__str__
        __format__ = str.__format__  # type: ignore[assignment]


__all__ = ["ChannelState", "DeviceState", "HangupCause", "MemberStatus", "OriginateReason"]


class _Number(IntEnum):
    """Numbers with names. Any other number also has a member, named UNKNOWN_ and the number."""

    @classmethod
    def _missing_(cls, value: object) -> Any:
        return _unknown_member(cls, value, f"UNKNOWN_{value}") if type(value) is int else None

    def __reduce_ex__(self, protocol: object) -> Any:
        return _by_value(self)

    __str__ = int.__repr__  # as IntEnum from Python 3.11 on
    __format__ = int.__format__  # type: ignore[assignment]


class _Word(StrEnum):
    """Words with names. Any other word also has a member, which has the word as its name."""

    @classmethod
    def _missing_(cls, value: object) -> Any:
        return _unknown_member(cls, value, value) if type(value) is str else None

    def __reduce_ex__(self, protocol: object) -> Any:
        return _by_value(self)


def _unknown_member(cls: Any, value: Any, name: str) -> Any:
    """A member for a value outside the set. It is not stored, so that no input can fill memory."""
    member: Any = type(value).__new__(cls, value)
    member._name_ = name
    member._value_ = value
    return member


def _by_value(member: Enum) -> Any:
    """Pickle a member by its value. Python 3.11.2 uses the name, which fails outside the set."""
    return type(member), (member.value,)


class ChannelState(_Number):
    """The state of a channel: the headers ChannelState, DestChannelState and so on."""

    DOWN = 0
    RESERVED = 1
    OFF_HOOK = 2
    DIALING = 3
    RING = 4
    RINGING = 5
    UP = 6
    BUSY = 7
    DIALING_OFF_HOOK = 8
    PRE_RING = 9


class DeviceState(_Word):
    """The state of a device: the header State of DeviceStateChange."""

    UNKNOWN = "UNKNOWN"
    NOT_INUSE = "NOT_INUSE"
    INUSE = "INUSE"
    BUSY = "BUSY"
    INVALID = "INVALID"
    UNAVAILABLE = "UNAVAILABLE"
    RINGING = "RINGING"
    RINGINUSE = "RINGINUSE"
    ONHOLD = "ONHOLD"


class MemberStatus(_Number):
    """The device state of a queue's member, as a number: the header Status."""

    UNKNOWN = 0
    NOT_INUSE = 1
    INUSE = 2
    BUSY = 3
    INVALID = 4
    UNAVAILABLE = 5
    RINGING = 6
    RINGINUSE = 7
    ONHOLD = 8


class OriginateReason(_Number):
    """The result of an Originate: the header Reason, one of Asterisk's AST_CONTROL_* codes."""

    BAD_NUMBER = 0
    """The number, the extension or the channel technology does not exist."""
    REJECT = 1
    """The far end hung up (AST_CONTROL_HANGUP)."""
    RING_LOCAL = 2
    """The local end rang (AST_CONTROL_RING)."""
    RING_REMOTE = 3
    """The far end rang and did not answer in time (AST_CONTROL_RINGING)."""
    ANSWERED = 4
    """The far end answered (AST_CONTROL_ANSWER)."""
    BUSY = 5
    """The far end is busy (AST_CONTROL_BUSY)."""
    CONGESTION = 8
    """The call could not be placed (AST_CONTROL_CONGESTION)."""
    INCOMPLETE = 30
    """The number is not complete (AST_CONTROL_INCOMPLETE)."""


class HangupCause(_Number):
    """Why a channel was hung up: the header Cause, a code of ITU-T Q.850; 0 is Asterisk's own."""

    NOT_DEFINED = 0
    UNALLOCATED_NUMBER = 1
    NO_ROUTE_TO_TRANSIT_NETWORK = 2
    NO_ROUTE_TO_DESTINATION = 3
    SEND_SPECIAL_INFORMATION_TONE = 4
    MISDIALLED_TRUNK_PREFIX = 5
    CHANNEL_UNACCEPTABLE = 6
    CALL_AWARDED_DELIVERED = 7
    PREEMPTION = 8
    PREEMPTION_CIRCUIT_RESERVED = 9
    PORTED_NUMBER = 14
    NORMAL_CLEARING = 16
    USER_BUSY = 17
    NO_USER_RESPONDING = 18
    NO_ANSWER = 19
    SUBSCRIBER_ABSENT = 20
    CALL_REJECTED = 21
    NUMBER_CHANGED = 22
    REDIRECTION_TO_NEW_DESTINATION = 23
    EXCHANGE_ROUTING_ERROR = 25
    NON_SELECTED_USER_CLEARING = 26
    DESTINATION_OUT_OF_ORDER = 27
    INVALID_NUMBER_FORMAT = 28
    FACILITY_REJECTED = 29
    RESPONSE_TO_STATUS_ENQUIRY = 30
    NORMAL_UNSPECIFIED = 31
    NO_CIRCUIT_AVAILABLE = 34
    NETWORK_OUT_OF_ORDER = 38
    TEMPORARY_FAILURE = 41
    SWITCHING_EQUIPMENT_CONGESTION = 42
    ACCESS_INFORMATION_DISCARDED = 43
    REQUESTED_CHANNEL_NOT_AVAILABLE = 44
    PRECEDENCE_CALL_BLOCKED = 46
    RESOURCE_UNAVAILABLE = 47
    QUALITY_OF_SERVICE_NOT_AVAILABLE = 49
    FACILITY_NOT_SUBSCRIBED = 50
    OUTGOING_CALLS_BARRED = 52
    INCOMING_CALLS_BARRED = 54
    BEARER_CAPABILITY_NOT_AUTHORIZED = 57
    BEARER_CAPABILITY_NOT_AVAILABLE = 58
    SERVICE_NOT_AVAILABLE = 63
    BEARER_CAPABILITY_NOT_IMPLEMENTED = 65
    CHANNEL_TYPE_NOT_IMPLEMENTED = 66
    FACILITY_NOT_IMPLEMENTED = 69
    ONLY_RESTRICTED_DIGITAL_AVAILABLE = 70
    SERVICE_NOT_IMPLEMENTED = 79
    INVALID_CALL_REFERENCE = 81
    CHANNEL_DOES_NOT_EXIST = 82
    NO_SUSPENDED_CALL_WITH_THIS_IDENTITY = 83
    CALL_IDENTITY_IN_USE = 84
    NO_CALL_SUSPENDED = 85
    CALL_WITH_IDENTITY_CLEARED = 86
    USER_NOT_MEMBER_OF_CLOSED_GROUP = 87
    INCOMPATIBLE_DESTINATION = 88
    INVALID_TRANSIT_NETWORK_SELECTION = 91
    INVALID_MESSAGE = 95
    MANDATORY_ELEMENT_MISSING = 96
    MESSAGE_TYPE_NONEXISTENT = 97
    MESSAGE_NOT_COMPATIBLE_WITH_STATE = 98
    ELEMENT_NONEXISTENT = 99
    INVALID_ELEMENT_CONTENTS = 100
    WRONG_CALL_STATE = 101
    RECOVERY_ON_TIMER_EXPIRY = 102
    PARAMETER_NONEXISTENT = 103
    PARAMETER_UNRECOGNIZED_DISCARDED = 110
    PROTOCOL_ERROR = 111
    INTERWORKING = 127

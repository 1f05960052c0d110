"""Call completion (CCSS): a caller is called back when the callee is free."""

from __future__ import annotations

from amistream.headers import Int, Text
from amistream.messages import Event

__all__ = [
    "CCAvailable",
    "CCCallerRecalling",
    "CCCallerStartMonitoring",
    "CCCallerStopMonitoring",
    "CCFailure",
    "CCMonitorFailed",
    "CCOfferTimerStart",
    "CCRecallComplete",
    "CCRequestAcknowledged",
    "CCRequested",
]


class _CallCompletionEvent(Event):
    """An event of a request for call completion; `core_id` identifies the request."""

    __slots__ = ()

    core_id = Int("CoreID")


class _CallerEvent(_CallCompletionEvent):
    """An event of the caller's side."""

    __slots__ = ()

    caller = Text("Caller")


class CCAvailable(_CallCompletionEvent):
    """A callee offers call completion."""

    __slots__ = ()

    callee = Text("Callee")
    service = Text("Service")


class CCOfferTimerStart(_CallerEvent):
    """A caller has `expires` seconds to ask for call completion."""

    __slots__ = ()

    expires = Int("Expires")


class CCRequested(_CallerEvent):
    """A caller asked for call completion."""

    __slots__ = ()

    callee = Text("Callee")


class CCRequestAcknowledged(_CallerEvent):
    """The callee's side accepted the request."""

    __slots__ = ()


class CCCallerStartMonitoring(_CallerEvent):
    """The callee became free while the caller was busy, so the caller is monitored until free."""

    __slots__ = ()


class CCCallerStopMonitoring(_CallerEvent):
    """The caller is no longer monitored."""

    __slots__ = ()


class CCCallerRecalling(_CallerEvent):
    """The caller is called back."""

    __slots__ = ()


class CCRecallComplete(_CallerEvent):
    """The caller answered the recall."""

    __slots__ = ()


class CCFailure(_CallerEvent):
    """Call completion failed."""

    __slots__ = ()

    reason = Text("Reason")


class CCMonitorFailed(_CallCompletionEvent):
    """A callee can no longer be monitored."""

    __slots__ = ()

    callee = Text("Callee")

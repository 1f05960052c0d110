"""The event class of both targets; it declares a header of every type."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from types import ModuleType
from typing import Any


class Colour(str, Enum):
    """An enumeration that accepts no other values."""

    RED = "red"
    NONE = "<none>"


@contextmanager
def registered(ami: ModuleType) -> Iterator[None]:
    """Make the twin's parsers use the class for its user event and for its vendor's event."""
    names = ami._registry.classes, ami._registry.user_events
    before = [dict(one) for one in names]
    fuzzed = declare(ami)
    ami.register(fuzzed)
    ami.user_event("Fuzzed")(fuzzed)
    try:
        yield
    finally:
        for one, known in zip(names, before, strict=True):
            for name in one.keys() - known.keys():
                del one[name]


def declare(ami: ModuleType) -> Any:
    """Make the class for this twin: a header of each type, declared in each possible way."""
    headers, enums = ami.headers, ami.enums

    class Fuzzed(ami.core_events.UserEvent, name="X-Fuzzed"):  # type: ignore[misc, call-arg, name-defined]
        """An event with a header of each type."""

        __slots__ = ()

        plain = headers.Text("Text", "OtherText")
        unless_unknown = headers.Text("Known", unknown=("<unknown>", "(null)", ""))
        whole = headers.Int("Int", "OtherInt")
        whole_or = headers.Int("IntOr", failure=-1)
        whole_if_sent = headers.Int("IntIfSent", failure=-1, optional=True)
        whole_unless = headers.Int("IntUnless", unknown=("-1", "0"))
        decimal = headers.Float("Float")
        seconds = headers.Float("Seconds", failure=-1, unit="(sec)")
        truth = headers.Bool("Bool")
        yes = headers.Bool("Yes", true="yes", failure=False, key="Agreed")
        yes_or_no = headers.Bool("YesOrNo", true="yes", false="no", failure=None)
        duration = headers.Duration("Duration")
        address = headers.HostPort("Address")
        address_or = headers.HostPort("AddressOr", failure=None)
        round_trip = headers.Milliseconds("RoundTrip")
        cause = headers.Enumeration("Cause", of=enums.HangupCause, failure=-1)
        device = headers.Enumeration("Device", of=enums.DeviceState)
        colour = headers.Enumeration("Colour", of=Colour)
        every = headers.Repeated("Every")
        variables = headers.Variables("Variable")
        numbered = headers.Numbered(headers.Int("Report<N>Count"))
        numbered_decimal = headers.Numbered(headers.Float("Report<N>Part", unit="(sec)"))

    return Fuzzed

"""Filters that Asterisk applies to the events, and how they keep what the client needs.

A filter is a regular expression over the text of an event. If there are filters, Asterisk sends
only the events that one of them matches; a filter with `!` excludes what it matches, whatever the
others say. Filters concern neither responses nor the events of lists.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from amistream.errors import Unsendable

__all__ = ["asks_for", "check_filter", "complete_filters"]

NEEDED_NAMES: Final = ("FullyBooted", "OriginateResponse", "Shutdown")

_EXCLUDED = re.compile(r"!Event: (?P<names>[\w|-]+|\([\w|-]+\))").fullmatch


def check_filter(text: str) -> str:
    """The filter; Unsendable if it could hide what the client needs."""
    if not text.startswith("!"):
        return text
    found = _EXCLUDED(text)
    if found is None:
        reason = "it could hide what the client needs; exclude by name: '!Event: RTCPSent'"
        raise Unsendable("Filter", "Filter", reason)
    for name in found["names"].strip("()").split("|"):
        hidden = next((needed for needed in NEEDED_NAMES if needed.startswith(name)), None)
        if hidden is not None:
            raise Unsendable("Filter", "Filter", f"the client needs {hidden}")
    return text


def complete_filters(filters: Iterable[str], prefix: str) -> list[str]:
    """The filters, and those that let pass what the client needs: its own events too."""
    wanted = [check_filter(text) for text in filters]
    if any(not text.startswith("!") for text in wanted):
        wanted.append(f"Event: ({'|'.join(NEEDED_NAMES)})")
        wanted.append(f"ActionID: {prefix}")
    return wanted


def asks_for(events: str, kind: str) -> bool:
    """Whether a login with `Events: events` asks for the events of a class."""
    asked = {word.strip().lower() for word in events.split(",")}
    return not asked.isdisjoint({"on", "all", "yes", "true", "", kind})

"""The base class of the events that end a list."""

from __future__ import annotations

from amistream.headers import Int, Text
from amistream.messages import Event


class ListEnd(Event):
    """The event that ends a list: `event_list` is "Complete" or "Cancelled"."""

    __slots__ = ()

    event_list = Text("EventList")
    list_items = Int("ListItems")

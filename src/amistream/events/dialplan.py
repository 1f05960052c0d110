"""The list of the dialplan."""

from __future__ import annotations

from amistream.aggregates import Aggregate, register_list
from amistream.events._lists import ListEnd
from amistream.headers import Int, Text
from amistream.messages import Event

__all__ = [
    "ListDialplan",
    "ShowDialPlanComplete",
    "ShowDialPlan_Aggregate",
]


class ListDialplan(Event):
    """A step of a context, or its include, switch or ignored pattern, of a ShowDialPlan list."""

    __slots__ = ()

    context = Text("Context")
    ignore_pattern = Text("IgnorePattern")
    switch = Text("Switch")
    include_context = Text("IncludeContext")
    extension = Text("Extension")
    extension_label = Text("ExtensionLabel")
    priority = Text("Priority")
    application = Text("Application")
    app_data = Text("AppData")
    registrar = Text("Registrar")


class ShowDialPlanComplete(ListEnd):
    """The end of a ShowDialPlan list."""

    __slots__ = ()

    list_extensions = Int("ListExtensions")
    list_priorities = Int("ListPriorities")
    list_contexts = Int("ListContexts")


# --- lists ------------------------------------------------------------------------------------


@register_list
class ShowDialPlan_Aggregate(Aggregate):
    """The dialplan, asked for with ShowDialPlan.

    ListItems is the number of events. ListExtensions, ListPriorities and ListContexts count what
    the events describe.
    """

    members = (ListDialplan,)
    finisher = ShowDialPlanComplete

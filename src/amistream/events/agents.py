"""Agents of app_agent_pool: logging in and off, and the list of them."""

from __future__ import annotations

from amistream.aggregates import Aggregate, register_list
from amistream.events._lists import ListEnd
from amistream.events._snapshots import ChannelEvent
from amistream.headers import Int, Text

__all__ = [
    "AgentLogin",
    "AgentLogoff",
    "Agents",
    "AgentsComplete",
    "Agents_Aggregate",
]


class AgentLogin(ChannelEvent):
    """An agent of app_agent_pool logged in."""

    __slots__ = ()

    agent = Text("Agent")


class AgentLogoff(ChannelEvent):
    """An agent of app_agent_pool logged off; `login_time` is the seconds logged in."""

    __slots__ = ()

    agent = Text("Agent")
    login_time = Int("Logintime")


class Agents(ChannelEvent):
    """An agent of an Agents list; `call_started` and `logged_in_time` are UNIX times."""

    __slots__ = ()

    agent = Text("Agent")
    agent_name = Text("Name")
    status = Text("Status")
    talking_to_channel = Text("TalkingToChan")
    call_started = Int("CallStarted")
    logged_in_time = Int("LoggedInTime")


class AgentsComplete(ListEnd):
    """The end of an Agents list."""

    __slots__ = ()


# --- lists ------------------------------------------------------------------------------------


@register_list
class Agents_Aggregate(Aggregate):
    """The agents of app_agent_pool, asked for with Agents."""

    members = (Agents,)
    finisher = AgentsComplete

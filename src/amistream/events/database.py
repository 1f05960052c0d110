"""Asterisk's database (AstDB): the answers to queries."""

from __future__ import annotations

from amistream.aggregates import Aggregate, register_list
from amistream.events._lists import ListEnd
from amistream.headers import Text
from amistream.messages import Event

__all__ = [
    "DBGetComplete",
    "DBGetResponse",
    "DBGetTreeComplete",
    "DBGetTreeResponse",
    "DBGetTree_Aggregate",
    "DBGet_Aggregate",
]


class DBGetResponse(Event):
    """The value that DBGet asked for."""

    __slots__ = ()

    family = Text("Family")
    key = Text("Key")
    val = Text("Val")


class DBGetComplete(ListEnd):
    """The end of a DBGet list."""

    __slots__ = ()


class DBGetTreeResponse(Event):
    """An entry of a DBGetTree list."""

    __slots__ = ()

    key = Text("Key")
    val = Text("Val")


class DBGetTreeComplete(ListEnd):
    """The end of a DBGetTree list."""

    __slots__ = ()


# --- lists ------------------------------------------------------------------------------------


@register_list
class DBGet_Aggregate(Aggregate):
    """One entry of the database, asked for with DBGet."""

    members = (DBGetResponse,)
    finisher = DBGetComplete
    # Asterisk before 1.8 answered with a DBGetResponse and no finisher.
    opens_unasked = False


@register_list
class DBGetTree_Aggregate(Aggregate):
    """The entries of the database below a key, asked for with DBGetTree."""

    members = (DBGetTreeResponse,)
    finisher = DBGetTreeComplete

"""Asterisk's database (AstDB): what was asked of it."""

from __future__ import annotations

from amistream.events._lists import ListEnd
from amistream.headers import Text
from amistream.messages import Event

__all__ = [
    "DBGetComplete",
    "DBGetResponse",
    "DBGetTreeComplete",
    "DBGetTreeResponse",
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

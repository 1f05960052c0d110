"""The answers by which a real Asterisk said that a list is empty (tests/data/empty-lists.ami)."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

import pytest
from support.paths import DATA

LISTS = (DATA / "empty-lists.ami").read_bytes()
NO_SUCH_THING = {"DBGet", "PJSIPShowEndpoint"}
"""These errors say that a thing which the action names does not exist."""


@pytest.fixture
def empty(ami: ModuleType) -> ModuleType:
    return importlib.import_module("amistream.client.empty")


def errors(ami: ModuleType) -> dict[str, Any]:
    """The error of each action, whose name is the ActionID in the data."""
    found = [one for one in ami.Parser().feed(LISTS) if one.get("Response") == "Error"]
    return {message.action_id: message for message in found}


def test_each_entry_was_seen_on_the_wire(ami: ModuleType, empty: ModuleType) -> None:
    seen = errors(ami)
    for action in empty.EMPTY:
        assert empty.is_empty_answer(action, seen[action])
        assert empty.is_empty_answer(action.lower(), seen[action])


def test_each_error_of_an_empty_asterisk_has_an_entry(ami: ModuleType, empty: ModuleType) -> None:
    assert errors(ami).keys() - NO_SUCH_THING == empty.EMPTY.keys()


def test_other_errors_say_no_such_thing(ami: ModuleType, empty: ModuleType) -> None:
    seen = errors(ami)
    for action in NO_SUCH_THING:
        assert not empty.is_empty_answer(action, seen[action])
    for action in empty.EMPTY:
        denied = ami.Response(b"Response: Error\r\nMessage: Permission denied\r\n\r\n")
        assert not empty.is_empty_answer(action, denied)


def test_every_list_of_an_empty_asterisk_ends_empty_and_valid(ami: ModuleType) -> None:
    """The session gives each list of the data, with its own ActionIDs put in."""
    connection = importlib.import_module("amistream.client.connection")
    settings = importlib.import_module("amistream.client.settings")
    session = connection.Connection(
        host="h", port=1, username="u", secret=settings.Secret("s"), prefix="~k-", auth="plain"
    )
    session.receive(b"Asterisk Call Manager/11.0.0\r\n", 0.0)
    session.receive(b"Response: Success\r\nActionID: ~k-1\r\n\r\n", 0.0)
    messages = [message for message in ami.Parser().feed(LISTS) if "Response" in message]
    asked = [message.action_id for message in messages if message.action_id not in NO_SUCH_THING]
    assert len(asked) > 25
    for action in asked:
        exchange = session.request(action, {}, 0.0, None)
        given, own_id = f"ActionID: {action}\r", f"ActionID: {exchange.action_id}\r"
        own = LISTS.replace(given.encode(), own_id.encode())
        session.receive(own, 0.0)
        assert exchange.error is None, (action, exchange.error)
        assert isinstance(exchange.result, ami.Aggregate) or action == "Hangup"
        assert exchange.result.valid
        assert exchange.result.finished
        assert exchange.result.received == 0

"""The errors by which Asterisk says that a list is empty."""

from __future__ import annotations

from typing import Final

from amistream.messages import Response

__all__ = ["EMPTY", "empty_message", "is_empty_answer"]

EMPTY: Final[dict[str, str]] = {
    "ConfbridgeList": "No active conferences.",
    "ConfbridgeListRooms": "No active conferences.",
    "DAHDIShowStatus": "No DAHDI detected",
    "PJSIPShowAors": "No AORs found",
    "PJSIPShowAuths": "No Auths found",
    "PJSIPShowContacts": "No Contacts found",
    "PJSIPShowEndpoints": "No endpoints found",
    "PJSIPShowResourceLists": "No resource lists found",
}
"""List action to the message of its error, as an Asterisk 22 without any such object sent it.

Errors about a thing that the action names, such as a queue or an endpoint, are no empty lists.
"""

_by_action = {action.lower(): message for action, message in EMPTY.items()}


def empty_message(action: str) -> str | None:
    """The message of the error that says that the list of this action is empty, or None."""
    return _by_action.get(action.lower())


def is_empty_answer(action: str, response: Response) -> bool:
    """Whether this error of a list action only says that the list is empty.

    Asterisk ends some of these messages with a line feed of their own.
    """
    return (response.message or "").strip() == empty_message(action)

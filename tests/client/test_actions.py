"""What an action looks like on the wire, and what is refused before anything is sent."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

import pytest


@pytest.fixture
def actions(ami: ModuleType) -> ModuleType:
    return importlib.import_module("amistream.client.actions")


@pytest.mark.parametrize(
    ("headers", "lines"),
    [
        ({}, []),
        ({"Queue": "support"}, ["Queue: support"]),
        ({"Queue": ["a", "b"]}, ["Queue: a", "Queue: b"]),
        ({"Queue": None, "Penalty": 0}, ["Penalty: 0"]),
        ({"Async": True, "Paused": False}, ["Async: true", "Paused: false"]),
        ({"Queue": "", "Timeout": 1.5}, ["Queue: ", "Timeout: 1.5"]),
        ({"Variable": {"a": "1", "b": 2}}, ['Variable: a="1"', 'Variable: b="2"']),
        ({"Variable": {"a": 'x,"y\\'}}, [r'Variable: a="x,\"y\\"']),
        ({"Variable": ["a=1", {"CHANNEL(language)": "de"}]}, None),
        ({"Name": "Zoë"}, ["Name: Zoë"]),
    ],
    ids=str,
)
def test_headers_on_the_wire(
    actions: ModuleType, headers: dict[str, Any], lines: list[str] | None
) -> None:
    if lines is None:
        lines = ["Variable: a=1", 'Variable: CHANNEL(language)="de"']
    expected = "\r\n".join(["Action: Do", "ActionID: ~1", *lines, "", ""])
    assert actions.encode("Do", "~1", headers) == expected.encode()


@pytest.mark.parametrize("character", ["\r", "\n", "\0", "\r\nAction: Originate"])
@pytest.mark.parametrize("where", ["action", "value", "item", "variable", "name"])
def test_what_would_end_a_line_is_refused(
    ami: ModuleType, actions: ModuleType, character: str, where: str
) -> None:
    evil = f"x{character}y"
    given: dict[str, tuple[str, dict[str, Any]]] = {
        "action": (evil, {}),
        "value": ("Do", {"Queue": evil}),
        "item": ("Do", {"Queue": ["a", evil]}),
        "variable": ("Do", {"Variable": {"a": evil}}),
        "name": ("Do", {evil: "a"}),
    }
    action, headers = given[where]
    with pytest.raises(ami.Unsendable):
        actions.encode(action, "~1", headers)


@pytest.mark.parametrize(
    "headers",
    [
        {"ActionID": "mine"},
        {"action": "Other"},
        {"Queue:": "a"},
        {"": "a"},
        {"Queue": b"bytes"},
        {"Queue": {1, 2}},
        {"Queue": {"a": "b"}},
        {"Queue": " leading spaces are dropped"},
        {"Queue": "\ttabs too"},
        {"Queue": "\x01"},
        {"Variable": {"a=b": "c"}},
        {"Variable": {"": "c"}},
        {"Variable": {"a": ["b"]}},
        {"Variable": {"a": None}},
    ],
    ids=str,
)
def test_what_asterisk_would_read_otherwise_is_refused(
    ami: ModuleType, actions: ModuleType, headers: dict[str, Any]
) -> None:
    with pytest.raises(ami.Unsendable) as caught:
        actions.encode("Do", "~1", headers)
    assert caught.value.action == "Do"
    assert caught.value.header == next(iter(headers))
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("text", ["x", "ë"])
def test_a_line_has_at_most_1024_bytes_with_its_crlf(
    ami: ModuleType, actions: ModuleType, text: str
) -> None:
    most = (1024 - 2 - len("Value: ")) // len(text.encode())
    actions.encode("Do", "~1", {"Value": most * text})
    with pytest.raises(ami.Unsendable, match=r"1,02[56] bytes; Asterisk reads at most 1,024"):
        actions.encode("Do", "~1", {"Value": (most + 1) * text})


def test_an_action_has_at_most_128_headers(ami: ModuleType, actions: ModuleType) -> None:
    actions.encode("Do", "~1", {"Variable": 126 * ["a=1"]})
    with pytest.raises(ami.Unsendable, match="129 headers; Asterisk reads 128"):
        actions.encode("Do", "~1", {"Variable": 127 * ["a=1"]})


def test_filters_let_pass_what_the_client_needs(ami: ModuleType) -> None:
    filters = importlib.import_module("amistream.client.filters")
    assert filters.complete_filters(["!Event: RTCPSent"], "~a-") == ["!Event: RTCPSent"]
    assert filters.complete_filters(["Event: Hangup"], "~a-") == [
        "Event: Hangup",
        "Event: (FullyBooted|OriginateResponse|Shutdown)",
        "ActionID: ~a-",
    ]


@pytest.mark.parametrize(
    "text", ["!Event: Orig", "!Event: (Hangup|Shutdown)", "!Privilege: system", "!Event: .*"]
)
def test_a_filter_that_could_hide_what_the_client_needs_is_refused(
    ami: ModuleType, text: str
) -> None:
    with pytest.raises(ami.Unsendable, match=r"client needs"):
        ami.connect("pbx", username="lab", secret="x", filters=[text])

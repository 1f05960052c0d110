"""What clients send is cut into actions as by Asterisk, and memory stays bounded."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st


@pytest.fixture(scope="module")
def requests() -> ModuleType:
    return importlib.import_module("amistream.testing.requests")


def read(requests: ModuleType, data: bytes) -> list[Any]:
    return list(requests.ActionReader().feed(data))


def test_headers_are_found_in_any_case_and_repeated_ones_are_lists(requests: ModuleType) -> None:
    data = b"action: Originate\r\nVariable: a=1\r\nVARIABLE: b=2\r\nActionID:x\r\nno header\r\n\r\n"
    (action,) = read(requests, data)
    assert action == {"action": "Originate", "Variable": ["a=1", "b=2"], "ActionID": "x"}
    assert action["Action"] == action.get("ACTION") == action.text("Action") == "Originate"
    assert (action.name, action.action_id, action.fault) == ("originate", "x", None)
    assert action.text("variable") == "a=1"
    assert action.all("variable") == ["a=1", "b=2"]
    assert action.all("Channel") == []
    assert action.get("Channel") is None
    with pytest.raises(KeyError):
        action["Channel"]


def test_line_feeds_alone_end_lines_too(requests: ModuleType) -> None:
    assert read(requests, b"Action: A\n\nAction: B\r\n\n\r\n") == [
        {"Action": "A"},
        {"Action": "B"},
        {},
    ]


def test_blanks_before_a_value_are_dropped_and_those_behind_it_stay(requests: ModuleType) -> None:
    assert read(requests, b"A: \t\x01 x \r\n\r\n") == [{"A": "x "}]


@pytest.mark.parametrize(("size", "fault"), [(1024, None), (1025, "line too long")])
def test_a_line_has_1024_bytes_at_most(requests: ModuleType, size: int, fault: str | None) -> None:
    line = b"Value: ".ljust(size - 2, b"x") + b"\r\n"
    first, second = read(requests, b"ActionID: 1\r\n" + line + b"\r\nActionID: 2\r\n\r\n")
    assert first.action_id == "1"
    assert fault in first.fault if fault else first.fault is None
    assert (second.action_id, second.fault) == ("2", None)


@pytest.mark.parametrize(("number", "fault"), [(128, None), (129, "Too many lines")])
def test_an_action_has_128_headers_at_most(
    requests: ModuleType, number: int, fault: str | None
) -> None:
    data = b"".join(b"H%d: x\r\n" % at for at in range(number)) + b"\r\nActionID: 2\r\n\r\n"
    first, second = read(requests, data)
    assert fault in first.fault if fault else first.fault is None
    assert len(first) == 128
    assert (second.action_id, second.fault) == ("2", None)


def test_neither_long_lines_nor_many_headers_are_kept(requests: ModuleType) -> None:
    reader = requests.ActionReader()
    for _ in range(100):
        assert list(reader.feed(10_000 * b"x")) == []
        assert len(reader._pending) < 1024
    for number in range(10_000):
        assert list(reader.feed(b"\r\nHeader%d: x" % number)) == []
    assert len(reader._action) <= 128
    (action,) = reader.feed(b"\r\n\r\n")
    assert "line too long" in action.fault


@given(st.lists(st.integers(1, 30)), st.data())
def test_chunks_do_not_change_the_actions(sizes: list[int], data: st.DataObject) -> None:
    requests = importlib.import_module("amistream.testing.requests")
    piece = st.sampled_from([b"A: 1\r\n", b"\r\n", b"\n", b":", b"x" * 600, b"B: \xff\r\n"])
    stream = b"".join(data.draw(st.lists(piece, max_size=12)))
    reader, found, rest = requests.ActionReader(), [], stream
    for size in sizes:
        found += reader.feed(rest[:size])
        rest = rest[size:]
    found += reader.feed(rest)
    whole = read(requests, stream)
    assert [(dict(one), one.fault) for one in found] == [(dict(one), one.fault) for one in whole]

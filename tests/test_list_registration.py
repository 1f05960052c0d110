"""Lists are declared beside their events, registered once, and are names of `aggregates` too."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

import pytest


def test_every_list_is_declared_beside_its_events(ami: ModuleType) -> None:
    for kind in ami.aggregates.ALL:
        assert kind.__module__.startswith("amistream.events.")
        assert {cls.__module__ for cls in (*kind.members, kind.finisher)} == {kind.__module__}
        assert kind.__name__ in importlib.import_module(kind.__module__).__all__


def test_every_list_is_a_name_of_aggregates(ami: ModuleType) -> None:
    star: dict[str, Any] = {}
    exec("from amistream.aggregates import *", star)
    for name in ami.aggregates.__all__:
        kind = getattr(ami.core_events, name)
        assert getattr(ami.aggregates, name) is kind
        assert star[name] is kind
        assert name in dir(ami.aggregates)
    from amistream.aggregates import QueueStatus_Aggregate

    assert QueueStatus_Aggregate is ami.core_events.QueueStatus_Aggregate


def test_a_name_that_is_no_list(ami: ModuleType) -> None:
    with pytest.raises(AttributeError, match=r"^module 'amistream.aggregates' has no attribute "):
        _ = ami.aggregates.Nothing_Aggregate
    with pytest.raises(ImportError, match="cannot import name 'Nothing_Aggregate'"):
        exec("from amistream.aggregates import Nothing_Aggregate")


def test_a_list_is_registered_once(ami: ModuleType) -> None:
    kind = ami.core_events.Status_Aggregate
    namesake = type("Status_Aggregate", (ami.Aggregate,), {})
    for again in (kind, namesake):
        with pytest.raises(
            ValueError, match=r"^Status_Aggregate is registered already, by amistream.events.chan"
        ):
            ami.aggregates.register_list(again)
    assert ami.aggregates.Status_Aggregate is kind


def test_a_collector_knows_every_registered_list(
    ami: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Phone(ami.Event):
        __slots__ = ()

    class PhonesComplete(ami.Event):
        __slots__ = ()

    monkeypatch.setattr(ami.aggregates, "_registered", dict(ami.aggregates._registered))

    @ami.aggregates.register_list
    class Phones_Aggregate(ami.Aggregate):  # noqa: N801 - named as the others are
        members = (Phone,)
        finisher = PhonesComplete

    collector = ami.Collector()
    assert ami.aggregates.Phones_Aggregate in ami.aggregates.ALL
    assert collector.add(Phone(b"Event: Phone\r\nActionID: 1\r\n\r\n")) is None
    done = collector.add(PhonesComplete(b"Event: PhonesComplete\r\nActionID: 1\r\n\r\n"))
    assert type(done) is Phones_Aggregate
    assert done.valid

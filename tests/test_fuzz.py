"""Replays the inputs that fuzzing kept: both twins and the judge agree on each."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import ModuleType
from typing import Any

import pytest
from fuzz import corpus, declared, streams, values

CHECKS = {"streams": streams.check, "values": values.check}


@pytest.fixture(autouse=True)
def _own_classes(both: Any) -> Iterator[None]:
    with ExitStack() as stack:
        for ami in both:
            stack.enter_context(declared.registered(ami))
        yield


@contextmanager
def naming(what: str) -> Iterator[None]:
    try:
        yield
    except AssertionError as error:
        raise AssertionError(f"{what}: {error}") from error


def run_inputs(both: Any, target: str, every: int = 1) -> None:
    """Run a target on the inputs made by hand and every n-th kept one; an error names the input."""
    kept = dict(list(corpus.load(target).items())[::every])
    made = {f"made by hand {n}": one for n, one in enumerate(corpus.hand_made(target))}
    for name, data in {**made, **kept}.items():
        with naming(f"{target}, {name}, {data!r}"):
            CHECKS[target](both.compiled, both.pure, data)


@pytest.mark.parametrize("every", [8, pytest.param(1, marks=pytest.mark.heavy)])
@pytest.mark.parametrize("target", CHECKS)
def test_the_twins_tell_the_same_of_what_was_kept(both: Any, target: str, every: int) -> None:
    assert len(corpus.load(target)) > 20
    run_inputs(both, target, every)


@pytest.mark.parametrize(
    ("target", "name", "wrong"),
    [
        ("streams", "BANNER", b"Asterisk Call Manager/2"),
        ("streams", "MARKER", b"-END COMMAND--"),
        ("streams", "FOLLOWS_HEADERS", (b"ActionID", b"Privilege")),
        ("streams", "LONGEST_SKIPPED_LINE", 10),
        ("streams", "_are_trimmed", lambda joined, count: True),
        ("values", "LONGEST_NUMBER", 65),
    ],
)
def test_a_twin_that_is_wrong_is_found(
    both: Any,
    use: Callable[[str], ModuleType],
    monkeypatch: pytest.MonkeyPatch,
    target: str,
    name: str,
    wrong: Any,
) -> None:
    use("pure")
    rooms = [
        importlib.import_module(f"amistream._pure.{room}")
        for room in ("values", "lines", "shapes", "message", "parser")
    ]
    for changed, value in ((name, wrong), ("shapes", rooms[2].Shapes())):
        for room in rooms:
            if hasattr(room, changed):
                monkeypatch.setattr(room, changed, value)
    with pytest.raises(AssertionError, match=f"^{target}, [0-9a-z ]+, b['\"]"):
        run_inputs(both, target)


def test_a_judge_that_is_wrong_is_found(both: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    judge = importlib.import_module("support.judge")
    monkeypatch.setattr(judge, "MARKER", judge.re.compile(rb"--END COMMAND--\n"))
    with pytest.raises(AssertionError, match=r"^streams, "):
        run_inputs(both, "streams")


def test_an_archive_is_the_same_for_the_same_inputs(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corpus, "HERE", tmp_path)
    inputs = [b"one", b"two", b"three"]
    corpus.save("values", inputs)
    first = corpus.archive("values").read_bytes()
    corpus.save("values", reversed(inputs))
    assert corpus.archive("values").read_bytes() == first
    assert sorted(corpus.load("values").values()) == sorted(inputs)

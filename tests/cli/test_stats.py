"""`amistream stats`: the figures, the table at a terminal, and the progress bar."""

from __future__ import annotations

import json
import subprocess

import pytest
from support.commands import (
    CUT_OFF,
    HANGUP,
    LIST_ACTIONS,
    MODULE,
    QUEUE_EVENTS,
    WITHOUT_RICH,
    error_line,
)


@pytest.mark.parametrize("python", [MODULE, WITHOUT_RICH])
def test_stats(run, python):
    done = run("stats", QUEUE_EVENTS, python=python)
    rows = [line.split() for line in done.stdout.decode().splitlines()]
    texts = [" ".join(row) for row in rows]
    assert done.returncode == 0
    assert rows[:5] == [
        ["messages", "24,572"],
        ["responses", "1"],
        ["malformed", "0"],
        ["bytes", "10,558,305"],
        ["calls", "216"],
    ]
    assert texts[5] == "time 2026-11-23 09:48:37 UTC to 2026-11-23 09:49:23 UTC (46.2 s)"
    assert texts[6] == "rate 532.1 events/s"
    assert ["event", "count", "share"] in rows
    assert ["CEL", "4,605", "18.7%"] in rows
    assert ["Hangup", "808", "3.3%"] in rows


def test_stats_as_json(run):
    stats = json.loads(run("stats", LIST_ACTIONS, "--json").stdout)
    assert stats["messages"] == 2889
    assert stats["responses"] == 567
    assert stats["malformed"] == 0
    assert stats["bytes"] == 896_519
    assert stats["calls"] == 113
    assert stats["events"]["ListDialplan"] == 1031
    assert sum(stats["events"].values()) == 2889 - 567


def test_stats_without_timestamps(run, save):
    path = save(HANGUP + b"Odd: one\r\n\r\n")
    stats = json.loads(run("stats", path, "--json").stdout)
    assert stats["malformed"] == 1
    assert stats["first_timestamp"] is stats["seconds"] is stats["events_per_second"] is None
    text = run("stats", path).stdout
    assert b"time" not in text
    assert b"rate" not in text


@pytest.mark.parametrize("stamp", [b"nan", b"1e300", b"-1e17", b"inf"])
def test_stats_of_timestamps_that_are_no_time(run, save, stamp):
    path = save(b"Event: X\r\nTimestamp: " + stamp + b"\r\n\r\n")
    assert run("stats", path).returncode == 0
    assert json.loads(run("stats", path, "--json").stdout)["messages"] == 1


def test_stats_of_nothing(run, save):
    done = run("stats", save(b""))
    assert done.returncode == 0
    assert done.stdout.startswith(b"messages   0\n")


def test_stats_of_a_name_that_would_steer_the_terminal(run, save):
    done = run("stats", save(b"Event: \x1b[2J\xe9[red]\r\n\r\n"))
    assert b"\\x1b[2J\\xe9[red]" in done.stdout


def test_a_long_name_does_not_widen_every_row(run, save):
    names = [b"N%d" % number for number in range(100)]
    stream = b"".join(b"Event: %b\r\n\r\n" % name for name in [*names, 50_000 * b"n"])
    done = run("stats", save(stream))
    assert len(done.stdout) < 70_000
    assert b"\nN99" + 57 * b" " + b"      1   1.0%\n" in done.stdout


def test_a_table_at_a_terminal(at_terminal):
    status, shown = at_terminal("stdout", "stats", QUEUE_EVENTS)
    assert status == 0
    assert "24,572" in shown
    assert "\N{BOX DRAWINGS LIGHT VERTICAL} CEL " in shown


def test_a_plain_table_at_a_terminal_without_rich(at_terminal):
    status, shown = at_terminal("stdout", "stats", QUEUE_EVENTS, python=WITHOUT_RICH)
    assert status == 0
    assert "CEL                 4,605  18.7%\r\n" in shown


def test_a_name_that_looks_like_markup(at_terminal, save):
    _, shown = at_terminal("stdout", "stats", save(b"Event: [red]x[/red]\r\n\r\n"))
    assert "[red]x[/red]" in shown


@pytest.mark.heavy
@pytest.mark.parametrize("python", [MODULE, WITHOUT_RICH])
def test_progress_of_a_long_file(at_terminal, save, python):
    path = save(HANGUP * (18 * (1 << 20) // len(HANGUP)))
    status, shown = at_terminal("stderr", "stats", path, python=python)
    assert status == 0
    assert "reading" in shown
    assert "%" in shown


@pytest.mark.parametrize("python", [MODULE, WITHOUT_RICH])
def test_progress_of_what_takes_long_and_has_no_size(at_terminal, python):
    status, shown = at_terminal("stderr", "stats", "-", python=python, stdin=subprocess.PIPE)
    assert status == 0
    assert "reading" in shown


def test_no_progress_of_a_short_file(at_terminal):
    assert at_terminal("stderr", "stats", QUEUE_EVENTS) == (0, "")


@pytest.mark.heavy
def test_no_progress_without_a_terminal(run, save):
    path = save(HANGUP * (18 * (1 << 20) // len(HANGUP)))
    assert run("stats", path).stderr == b""


def test_standard_input_that_is_cut_off(run):
    done = run("stats", "-", input=HANGUP + CUT_OFF)
    assert done.returncode == 1
    assert b"Hangup" in done.stdout
    assert error_line(done).startswith("<stdin>: the stream ends inside the message at byte 46,")

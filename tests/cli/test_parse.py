"""`amistream parse`: text, JSON, CSV, and damaged streams."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.commands import (
    BANNER,
    CUT_OFF,
    HANGUP,
    LIST_ACTIONS,
    MODULE,
    NEWCHANNEL,
    QUEUE_EVENTS,
    WITHOUT_RICH,
    error_line,
    read_json,
    read_terminal,
)


def test_text_has_a_blank_line_between_two_messages(run, save):
    done = run("parse", save(BANNER + HANGUP + b"\r\n\r\n" + NEWCHANNEL))
    assert done.returncode == 0
    assert done.stdout == (
        b"Event: Hangup\nCause: 16\nChannel: PJSIP/a\n\nEvent: Newchannel\nChannel: PJSIP/b\n"
    )
    assert done.stderr == b""


def test_text_of_a_whole_recording(run):
    done = run("parse", QUEUE_EVENTS)
    blocks = done.stdout.decode().split("\n\n")
    assert done.returncode == 0
    assert len(blocks) == 24_572
    assert sum(block.startswith("Event: CEL\n") for block in blocks) == 4605
    assert sum(block.startswith("Event: Hangup\n") for block in blocks) == 808


def test_text_cannot_steer_the_terminal(run, save):
    done = run(
        "parse", save(b"Event: X\r\nName: a\x1b[2Jb\x07\x00\r\nOther: \xe9\xc3\xa9\tz\r\n\r\n")
    )
    assert done.stdout == b"Event: X\nName: a\\x1b[2Jb\\x07\\x00\nOther: \\xe9\xc3\xa9\tz\n"


STEERING = "a\x1b[2J\x07\u0085b\u202ec\u2066d\u200fe\u061cf\x7fg"
ESCAPED = r"a\x1b[2J\x07\x85b\u202ec\u2066d\u200fe\u061cf\x7fg"


def test_no_form_can_steer_the_terminal(at_terminal, save):
    """Text, JSON and CSV at a real terminal; names of headers as well as values."""
    raw = f"Event: X\r\n{STEERING}: {STEERING}\r\nOther: \xe9\r\n\r\n".encode()
    path = save(raw + b"Event: X\r\nBad: \xff\xc2\x85\r\n\r\n")
    assert at_terminal("stdout", "parse", path)[1].replace("\r", "") == (
        f"Event: X\n{ESCAPED}: {ESCAPED}\nOther: \xe9\n\nEvent: X\nBad: \\xff\\x85\n"
    )
    _, text = at_terminal("stdout", "parse", path, "--csv")
    assert text.replace("\r", "") == (
        f"Event,{ESCAPED},Other,Bad\nX,{ESCAPED},\xe9,\nX,,,\\xff\\x85\n"
    )
    _, text = at_terminal("stdout", "parse", path, "--json")
    assert text.replace("\r", "").replace("\n", "").isprintable()
    first, second = map(json.loads, text.splitlines())
    assert first == {"Event": "X", STEERING: STEERING, "Other": "\xe9"}
    assert second == {"Event": "X", "Bad": "\udcff\x85"}


def test_csv_in_a_file_has_the_bytes_that_were_sent(run, save):
    raw = f"Event: X\r\nName: {STEERING}\r\n\r\n".encode() + b"Event: X\r\nName: \xff\r\n\r\n"
    done = run("parse", save(raw), "--csv")
    assert done.stdout == f"Event,Name\r\nX,{STEERING}\r\n".encode() + b"X,\xff\r\n"


@pytest.mark.skipif(sys.platform == "win32", reason="no file can have this name")
def test_an_error_is_one_line_that_steers_nothing(run, tmp_path):
    done = run("parse", tmp_path / "a\x1b[2J\nb\u202e.ami")
    assert error_line(done) == rf"{tmp_path}/a\x1b[2J\x0ab\u202e.ami: No such file or directory"


def test_csv_of_ever_new_headers_is_refused(run, save):
    """A table has rows times columns cells, so a small file could make a huge one."""
    path = save(b"".join(b"Event: X\r\nH%d: 1\r\n\r\n" % number for number in range(9)))
    done = run("parse", path, "--csv", "--max-columns", "9")
    assert (done.returncode, done.stdout) == (2, b"")
    assert error_line(done) == (
        "the table would have more than 9 columns: choose events with --only, raise "
        "--max-columns, or use --json"
    )
    assert len(read_csv(run("parse", path, "--csv", "--max-columns", "10"))) == 9
    many = save(b"Event: X\r\n" + b"".join(b"H%d: 1\r\n" % n for n in range(5000)) + b"\r\n")
    assert error_line(run("parse", many, "--csv")).startswith(
        "the table would have more than 4,096"
    )


def test_the_sample(run):
    done = run("parse", "--sample", "--json")
    events = [json.loads(line).get("Event") for line in done.stdout.splitlines()]
    assert done.returncode == 0
    assert len(events) == 1500
    assert events.count("VarSet") == 272


def test_only_some_events(run):
    done = run("parse", QUEUE_EVENTS, "--only", "Hangup, OriginateResponse", "--json")
    events = [json.loads(line)["Event"] for line in done.stdout.splitlines()]
    assert events.count("Hangup") == 808
    assert events.count("OriginateResponse") == 216
    assert len(events) == 808 + 216


def test_only_what_patterns_match(run):
    done = run("parse", QUEUE_EVENTS, "--only", "QueueCaller*,Hang?p", "--json")
    names = {message["Event"] for message in read_json(done)}
    assert {"Hangup", "QueueCallerJoin", "QueueCallerLeave"} <= names
    assert all(name.startswith(("Hangup", "QueueCaller")) for name in names)


@pytest.mark.parametrize(
    ("name", "hint"),
    [("Hangpu", "; did you mean 'Hangup'?"), ("hangup", "; did you mean 'Hangup'?"), ("Zz*", "")],
)
def test_an_unknown_name_is_an_error_unless_it_is_allowed(run, name, hint):
    done = run("parse", QUEUE_EVENTS, "--only", name)
    assert done.returncode == 2
    assert done.stdout == b""
    line = error_line(done)
    assert f"{name!r}{hint}; --unknown-names allows it" in line
    allowed = run("parse", QUEUE_EVENTS, "--only", f"{name},Cdr", "--unknown-names", "--json")
    assert {message["Event"] for message in read_json(allowed)} == {"Cdr"}
    assert allowed.stderr == b""


def test_only_responses(run):
    done = run("parse", LIST_ACTIONS, "--only", "Response", "--json")
    words = [json.loads(line)["Response"] for line in done.stdout.splitlines()]
    assert words.count("Success") == 501
    assert words.count("Error") == 66
    assert len(words) == 567


@pytest.mark.parametrize("form", [[], ["--json"], ["--csv"]])
def test_standard_input(run, form):
    data = Path(QUEUE_EVENTS).read_bytes()
    piped = run("parse", "-", "--only", "Cdr", *form, input=data)
    assert piped.returncode == 0
    assert piped.stdout == run("parse", QUEUE_EVENTS, "--only", "Cdr", *form).stdout
    assert piped.stdout.count(b"DOCUMENTATION") == 672


def test_json_keeps_every_header(run, save):
    stream = (
        b"Event: Status\r\nCause: 16\r\nChanVariable: a=1\r\nName:  J\xc3\xb6rg\r\n"
        b"ChanVariable: b=2\r\nEmpty:\r\n\r\n"
    )
    done = run("parse", save(stream), "--json")
    assert read_json(done) == [
        {
            "Event": "Status",
            "Cause": "16",
            "ChanVariable": ["a=1", "b=2"],
            "Name": "J\xf6rg",
            "Empty": "",
        }
    ]
    assert "J\xf6rg".encode() in done.stdout


def test_json_of_bytes_that_are_not_utf_8(run, save):
    values = [b"\xe9", b"\xff\xfe", b"\xed\xa0\x80", b'"\\\x01\xc3', bytes(range(0x80, 0x100))]
    stream = b"".join(b"Event: X\r\nN\xe9: " + value + b"\r\n\r\n" for value in values)
    objects = read_json(run("parse", save(stream), "--json"))
    texts = [one["N\udce9"] for one in objects]
    assert [text.encode("utf-8", "surrogateescape") for text in texts] == values


def test_json_of_lines_that_are_no_headers(run, save):
    stream = b"Event: X\r\nstray\r\nother\r\n\r\nEvent: Y\r\ndata: mine\r\nstray\r\n\r\n"
    assert read_json(run("parse", save(stream), "--json")) == [
        {"Event": "X", "data": ["stray", "other"]},
        {"Event": "Y", "data": "mine", "data lines": ["stray"]},
    ]


def test_json_of_a_commands_output(run):
    answers = read_json(run("parse", LIST_ACTIONS, "--only", "Response", "--json"))
    queues = next(one for one in answers if one["ActionID"] == "lab-43")
    assert queues["data"][1] == "   Members: "
    assert queues["Output"][1] == "Members:"
    assert len(queues["data"]) == len(queues["Output"]) == 14


def test_typed_json(run, save):
    stream = (
        b"Event: Hangup\r\nTimestamp: 1795427317.25\r\nCause: 16\r\nCallerIDNum: <unknown>\r\n"
        b"Priority: nonsense\r\nUnheardOf: 7\r\n\r\n"
    )
    assert read_json(run("parse", save(stream), "--json", "--typed")) == [
        {
            "Event": "Hangup",
            "Timestamp": 1795427317.25,
            "Cause": 16,
            "CallerIDNum": None,
            "Priority": None,
            "UnheardOf": "7",
        }
    ]


def test_typed_json_of_numbers_that_json_lacks(run, save):
    stream = (
        b"Event: Hangup\r\nTimestamp: nan\r\nTimestamp: 1.5\r\nTimestamp: 1e999\r\nCause: 16\r\n"
        b"\r\nEvent: Hangup\r\nTimestamp: -inf\r\n\r\n"
    )
    assert read_json(run("parse", save(stream), "--json", "--typed")) == [
        {"Event": "Hangup", "Timestamp": ["nan", 1.5, "1e999"], "Cause": 16},
        {"Event": "Hangup", "Timestamp": "-inf"},
    ]


def test_typed_json_of_an_address(run, save):
    stream = b"Event: RTCPSent\r\nTo: 10.0.0.1:5004\r\n\r\n"
    assert read_json(run("parse", save(stream), "--json", "--typed")) == [
        {"Event": "RTCPSent", "To": ["10.0.0.1", 5004]}
    ]


@pytest.mark.heavy
def test_typed_json_of_a_whole_recording(run):
    objects = read_json(run("parse", QUEUE_EVENTS, "--json", "--typed"))
    assert len(objects) == 24_572
    hangups = [one for one in objects if one.get("Event") == "Hangup"]
    assert len(hangups) == 808
    assert all(isinstance(one["Cause"], int) for one in hangups)


def read_csv(done: subprocess.CompletedProcess[bytes]) -> list[dict[str, str]]:
    assert done.returncode == 0, done.stderr
    text = done.stdout.decode("utf-8", "surrogateescape")
    return list(csv.DictReader(io.StringIO(text, newline="")))


CSV_STREAM = (
    b"Event: A\r\nOne: 1, with a comma\r\nMany: x\r\nMany: y\r\n\r\n"
    b'Event: B\r\nTwo: "quoted"\xe9\rand a return\r\nstray\r\nother\r\n\r\n'
)


def test_csv_has_a_column_for_each_header(run, save):
    assert read_csv(run("parse", save(CSV_STREAM), "--csv")) == [
        {"Event": "A", "One": "1, with a comma", "Many": "x\ny", "Two": "", "data": ""},
        {
            "Event": "B",
            "One": "",
            "Many": "",
            "Two": '"quoted"\udce9\rand a return',
            "data": "stray\nother",
        },
    ]


def test_csv_of_a_header_named_data(run, save):
    stream = b"Event: A\r\nstray\r\n\r\nEvent: B\r\ndata: mine\r\n\r\n"
    assert read_csv(run("parse", save(stream), "--csv")) == [
        {"Event": "A", "data": "", "data lines": "stray"},
        {"Event": "B", "data": "mine", "data lines": ""},
    ]


def test_csv_of_a_whole_recording_agrees_with_json(run):
    rows = read_csv(run("parse", LIST_ACTIONS, "--csv"))
    objects = read_json(run("parse", LIST_ACTIONS, "--json"))
    assert len(rows) == 2889
    for row, one in zip(rows, objects, strict=True):
        cells = {
            name: value if isinstance(value, str) else "\n".join(value)
            for name, value in one.items()
        }
        assert row == dict.fromkeys(row, "") | cells


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_csv_of_what_can_be_read_only_once(run, tmp_path, save):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cp", str(save(CSV_STREAM)), str(pipe)]):
        rows = read_csv(run("parse", pipe, "--csv"))
    assert [row["Event"] for row in rows] == ["A", "B"]


def test_csv_of_nothing(run, save):
    done = run("parse", save(BANNER), "--csv")
    assert (done.returncode, done.stdout) == (0, b"")


@pytest.mark.parametrize(
    ("form", "hangups"),
    [([], b"Event: Hangup\n"), (["--json"], b'"Event": "Hangup"'), (["--csv"], b"Hangup,")],
)
def test_a_stream_that_is_cut_off(run, save, form, hangups):
    path = save(HANGUP * 2 + CUT_OFF)
    done = run("parse", path, *form)
    assert done.returncode == 1
    assert done.stdout.count(hangups) == 2
    assert error_line(done) == (
        f"{path}: the stream ends inside the message at byte {len(HANGUP) * 2}, "
        f"after {len(CUT_OFF)} bytes of it"
    )


def test_a_damaged_file(run, save):
    path = save(Path(QUEUE_EVENTS).read_bytes()[:-4], "cut.gz")
    done = run("parse", path, "--only", "Hangup")
    assert done.returncode == 1
    assert done.stdout.count(b"Event: Hangup\n") == 808
    assert error_line(done) == (
        f"{path} is damaged: the compressed data ends early (after byte 10558305 of the AMI stream)"
    )


@pytest.mark.parametrize("form", [[], ["--json"], ["--csv"]])
def test_a_message_that_is_too_large(run, save, form):
    huge = b"Event: Huge\r\nFilling: " + b"x" * (1 << 20) + b"\r\n\r\n"
    path = save(HANGUP + huge + NEWCHANNEL)
    done = run("parse", path, *form)
    assert done.returncode == 1
    assert b"Hangup" in done.stdout
    assert b"Newchannel" in done.stdout
    assert b"Huge" not in done.stdout
    assert error_line(done).startswith(
        f"{path}: the message at byte {len(HANGUP)} has a line longer than max_line=262144 bytes"
    )
    done = run("parse", path, *form, "--max-line", str(1 << 20))
    assert error_line(done).startswith(
        f"{path}: the message at byte {len(HANGUP)} is longer than max_message=1048576 bytes"
    )
    done = run("parse", path, *form, "--max-line", str(1 << 21), "--max-message", str(1 << 21))
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"Huge" in done.stdout


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="the standard library reads zst")
def test_zst_without_the_extra(run, save):
    python = ("-c", WITHOUT_RICH[1].replace("rich", "zstandard"))
    done = run("parse", save(b"\x28\xb5\x2f\xfd" + bytes(100)), python=python)
    assert done.returncode == 2
    assert error_line(done) == 'reading .zst files needs an extra: pip install "amistream[zstd]"'


def test_a_reader_that_leaves_after_the_first_line(environment):
    with subprocess.Popen(
        [sys.executable, *MODULE, "parse", QUEUE_EVENTS],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout.readline() == b"Response: Success\n"
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 141


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_control_c_is_quiet(environment):
    # A shell starts background jobs with SIGINT ignored, and their child processes inherit that.
    heed = ["-c", "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"]
    heed[1] += "import sys; from amistream.cli import main; sys.exit(main())"
    with subprocess.Popen(
        [sys.executable, "-u", *heed, "parse", "-"],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        process.stdin.write(HANGUP)
        process.stdin.flush()
        assert process.stdout.readline() == b"Event: Hangup\n"
        process.send_signal(signal.SIGINT)
        process.stdin.close()
        process.stdout.read()
        assert process.stderr.read() == b""
        assert process.wait(60) == 130


def test_messages_are_shown_at_a_terminal_as_they_come(environment):
    pty = pytest.importorskip("pty")
    master, slave = pty.openpty()
    with subprocess.Popen(
        [sys.executable, *MODULE, "parse", "-"],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=slave,
    ) as process:
        os.close(slave)
        process.stdin.write(HANGUP)
        process.stdin.flush()
        assert os.read(master, 1000).startswith(b"Event: Hangup\r\n")
        process.stdin.close()
        read_terminal(master)
        assert process.wait(60) == 0

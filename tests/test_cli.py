"""The command line, run as a person runs it: real processes, pipes and terminals."""

from __future__ import annotations

import csv
import io
import json
import lzma
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

DATA = Path(__file__).parent / "data"
QUEUE_EVENTS = str(DATA / "queue-events.ami.gz")
LIST_ACTIONS = str(DATA / "list-actions.ami.gz")

MODULE = ("-m", "amistream")
WITHOUT_RICH = (
    "-c",
    "import sys; sys.modules['rich'] = None; from amistream.cli import main; sys.exit(main())",
)

BANNER = b"Asterisk Call Manager/11.0.0\r\n"
HANGUP = b"Event: Hangup\r\nCause: 16\r\nChannel: PJSIP/a\r\n\r\n"
NEWCHANNEL = b"Event: Newchannel\r\nChannel: PJSIP/b\r\n\r\n"
CUT_OFF = b"Event: Cut\r\nChannel: "

Run = Callable[..., "subprocess.CompletedProcess[bytes]"]


@pytest.fixture(scope="module")
def environment(ami: ModuleType) -> dict[str, str]:
    """What makes a process use the twin that is tested."""
    variables = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("AMISTREAM_") and name != "PYTHONUNBUFFERED"
    }
    twin = "NO" if ami.IMPLEMENTATION == "pure" else "REQUIRE"
    return variables | {f"AMISTREAM_{twin}_EXTENSIONS": "1", "TERM": "xterm", "COLUMNS": "80"}


@pytest.fixture
def run(environment: dict[str, str]) -> Run:
    """Run the command line to its end."""

    def run(
        *arguments: object, python: tuple[str, ...] = MODULE, **options: Any
    ) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, *python, *map(str, arguments)]
        return subprocess.run(
            command, env=environment, capture_output=True, timeout=60, check=False, **options
        )

    return run


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    def write(data: bytes, name: str = "recorded.ami") -> Path:
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return write


def error_line(done: subprocess.CompletedProcess[bytes]) -> str:
    """What was told on standard error: one line and no traceback."""
    text = done.stderr.decode()
    assert text.count("\n") == 1, text
    assert text.startswith("amistream: ")
    return text.removeprefix("amistream: ").removesuffix("\n").replace("\r", "")


# --- parse ------------------------------------------------------------------------------------


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


# --- JSON -------------------------------------------------------------------------------------


def read_json(done: subprocess.CompletedProcess[bytes]) -> list[dict[str, Any]]:
    assert done.returncode == 0, done.stderr
    lines = done.stdout.decode("utf-8").split("\n")
    assert lines.pop() == ""
    return [json.loads(line, parse_constant=pytest.fail) for line in lines]


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


def test_typed_json_of_a_whole_recording(run):
    objects = read_json(run("parse", QUEUE_EVENTS, "--json", "--typed"))
    assert len(objects) == 24_572
    hangups = [one for one in objects if one.get("Event") == "Hangup"]
    assert len(hangups) == 808
    assert all(isinstance(one["Cause"], int) for one in hangups)


# --- CSV --------------------------------------------------------------------------------------


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


# --- damage -----------------------------------------------------------------------------------


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


@pytest.mark.parametrize("command", ["parse", "stats"])
def test_the_bounds_of_a_command(run, save, command):
    path = save(lzma.compress(NEWCHANNEL + 90_000_000 * b"\n" + HANGUP, preset=0))
    done = run(command, path)
    assert (done.returncode, b"Hangup" in done.stdout) == (1, False)
    assert b"Newchannel" in done.stdout
    assert error_line(done).startswith(f"{path} expands to more than max_expansion=1000 times its")
    done = run(command, path, "--max-expansion", "100000", "--max-headers", "2")
    offset = len(NEWCHANNEL) + 90_000_000
    assert error_line(done).startswith(
        f"{path}: the message at byte {offset} has more than max_headers=2 lines"
    )
    for bad in ("0", "-1", "1e3", "x", str(1 << 31)):
        done = run(command, path, "--max-line", bad)
        assert done.returncode == 2
        assert b"argument --max-line: a number from 1 to 2,147,483,647, not " in done.stderr


def test_standard_input_that_is_cut_off(run):
    done = run("stats", "-", input=HANGUP + CUT_OFF)
    assert done.returncode == 1
    assert b"Hangup" in done.stdout
    assert error_line(done).startswith("<stdin>: the stream ends inside the message at byte 46,")


# --- stats ------------------------------------------------------------------------------------


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


# --- doctor, help, version --------------------------------------------------------------------


def test_doctor(run, ami):
    done = run("doctor")
    findings = dict(line.split(None, 1) for line in done.stdout.decode().splitlines()[:6])
    assert done.returncode == 0
    assert findings["amistream"] == ami.__version__
    assert findings["Python"].endswith(sys.version.split()[0])
    assert findings["rich"][0].isdigit()
    if ami.IMPLEMENTATION == "pure":
        assert findings["parser"] == "pure (AMISTREAM_NO_EXTENSIONS is set)"
        cpython = sys.implementation.name == "cpython"
        hint = b"unset AMISTREAM_NO_EXTENSIONS" if cpython else b"needs CPython"
        assert hint in done.stdout
    else:
        assert findings["parser"].startswith("compiled (scans with ")


def test_doctor_tells_what_is_missing(run):
    done = run("doctor", python=WITHOUT_RICH)
    assert done.returncode == 0
    assert b'not installed: pip install "amistream[cli]"' in done.stdout


def test_doctor_without_the_extension(run, environment):
    """As where there was no compiler when it was installed."""
    missing = "import sys; sys.modules['amistream._speedups'] = None; "
    environment = {
        name: value for name, value in environment.items() if not name.startswith("AMISTREAM_")
    }
    done = subprocess.run(
        [sys.executable, "-c", missing + WITHOUT_RICH[1], "doctor"],
        env=environment,
        capture_output=True,
        check=True,
    )
    assert b"pure (the compiled twin cannot be loaded: " in done.stdout
    if sys.implementation.name == "cpython":
        assert b"install a C compiler" in done.stdout


def test_version(run, ami):
    done = run("--version")
    assert done.stdout.decode().split() == [
        "amistream",
        ami.__version__,
        f"({ami.IMPLEMENTATION})",
    ]


@pytest.mark.parametrize("command", [[], ["parse"], ["stats"]])
def test_help_gives_examples(run, command):
    done = run(*command, "--help")
    assert done.returncode == 0
    assert b"examples:\n" in done.stdout


# --- errors -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["fetch"],
        ["parse"],
        ["parse", "a.ami", "--sample"],
        ["parse", "--sample", "--json", "--csv"],
        ["parse", "--sample", "--typed"],
        ["parse", "--sample", "--only", " , "],
        ["stats", "--sample", "--csv"],
    ],
)
def test_a_wrong_command(run, arguments):
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stdout == b""
    assert done.stderr.startswith(b"usage: ")
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("command", [["parse"], ["parse", "--csv"], ["stats"]])
def test_a_file_that_is_missing(run, tmp_path, command):
    done = run(*command, tmp_path / "missing.ami")
    assert done.returncode == 2
    assert error_line(done) == f"{tmp_path / 'missing.ami'}: No such file or directory"


@pytest.mark.parametrize("command", [["parse"], ["parse", "--csv"], ["stats"]])
def test_a_folder(run, tmp_path, command):
    done = run(*command, tmp_path)
    assert done.returncode == 2
    assert str(tmp_path) in error_line(done)


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="the standard library reads zst")
def test_zst_without_the_extra(run, save):
    python = ("-c", WITHOUT_RICH[1].replace("rich", "zstandard"))
    done = run("parse", save(b"\x28\xb5\x2f\xfd" + bytes(100)), python=python)
    assert done.returncode == 2
    assert error_line(done) == 'reading .zst files needs an extra: pip install "amistream[zstd]"'


@pytest.mark.parametrize("command", [["parse", "-"], ["parse", "-", "--csv"], ["stats", "-"]])
@pytest.mark.skipif(os.name != "posix", reason="needs a shell's redirections")
def test_closed_standard_input(environment, command):
    shell = ["sh", "-c", '"$@" <&-', "sh", sys.executable, *MODULE, *command]
    done = subprocess.run(shell, env=environment, capture_output=True, check=False)
    assert done.returncode == 2
    assert error_line(done) == "standard input is closed"


@pytest.mark.skipif(os.name != "posix", reason="needs a shell's redirections")
def test_closed_standard_output(environment):
    shell = ["sh", "-c", '"$@" >&-', "sh", sys.executable, *MODULE, "doctor"]
    done = subprocess.run(shell, env=environment, capture_output=True, check=False)
    assert done.returncode == 2
    assert error_line(done) == "standard output is closed"


@pytest.mark.parametrize("command", [["parse", QUEUE_EVENTS], ["stats", QUEUE_EVENTS], ["doctor"]])
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk(environment, command):
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, *MODULE, *command],
            env=environment,
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == 2
    assert error_line(done) == "No space left on device"


@pytest.mark.parametrize(
    "command",
    [
        ["parse", QUEUE_EVENTS],
        ["parse", QUEUE_EVENTS, "--json"],
        ["parse", QUEUE_EVENTS, "--csv"],
        ["stats", QUEUE_EVENTS],
        ["--help"],
    ],
)
def test_a_broken_pipe_is_quiet(environment, command):
    read_end, write_end = os.pipe()
    os.close(read_end)
    try:
        done = subprocess.run(
            [sys.executable, *MODULE, *command],
            env=environment,
            stdout=write_end,
            stderr=subprocess.PIPE,
            check=False,
        )
    finally:
        os.close(write_end)
    assert done.stderr == b""
    assert done.returncode == 141


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
    # A shell starts what runs in the background with SIGINT ignored, and so its children.
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


# --- at a terminal ----------------------------------------------------------------------------


@pytest.fixture
def at_terminal(environment: dict[str, str]) -> Run:
    """Run with one stream connected to a terminal; what was shown there."""
    pty = pytest.importorskip("pty")

    def run_there(
        stream: str, *arguments: object, python: tuple[str, ...] = MODULE, **options: Any
    ) -> tuple[int, str]:
        master, slave = pty.openpty()
        streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, stream: slave}
        command = [sys.executable, *python, *map(str, arguments)]
        process = subprocess.Popen(command, env=environment, **streams, **options)
        os.close(slave)
        if process.stdin:
            feed_until_shown(process.stdin, master)
        shown = read_terminal(master)
        return process.wait(60), shown

    return run_there


def feed_until_shown(pipe: Any, master: int) -> None:
    """Keep writing until the terminal shows something, for half a minute at most."""
    with pipe:
        for _ in range(150):
            pipe.write(HANGUP * 100)
            pipe.flush()
            if select.select([master], [], [], 0.2)[0]:
                return


def read_terminal(master: int) -> str:
    shown = b""
    while True:
        try:
            piece = os.read(master, 1 << 16)
        except OSError:
            piece = b""
        if not piece:
            os.close(master)
            return shown.decode()
        shown += piece


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


def test_no_progress_without_a_terminal(run, save):
    path = save(HANGUP * (18 * (1 << 20) // len(HANGUP)))
    assert run("stats", path).stderr == b""

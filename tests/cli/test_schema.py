"""`amistream schema`: the declared events, and what an Asterisk documents beyond them."""

from __future__ import annotations

import bz2
import gzip
import importlib
import io
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest
from support.calls import calls_of
from support.paths import DATA, ROOT

DOCUMENTATION = DATA / "documentation.xml"
README = ROOT / "README.md"
XINCLUDE = 'xmlns:xi="http://www.w3.org/2001/XInclude"'
BEGIN, END = "<!-- coverage -->\n", "<!-- /coverage -->"


class Done(NamedTuple):
    """The exit code and the output of a run."""

    code: int
    out: str
    err: str


Run = Callable[..., Done]


@pytest.fixture
def run(ami: ModuleType, capsysbinary: Any) -> Run:
    """Run `amistream schema` with the tested twin."""
    main = importlib.import_module("amistream.cli").main

    def run(*arguments: object) -> Done:
        try:
            code = main(["schema", *map(str, arguments)])
        except SystemExit as end:
            code = end.code
        out, err = capsysbinary.readouterr()
        return Done(code, out.decode(), err.decode())

    return run


def read_json(done: Done, code: int = 0) -> Any:
    assert (done.code, done.err) == (code, "")
    return json.loads(done.out, parse_constant=pytest.fail)


def error_line(done: Done) -> str:
    """The one line on standard error; standard output must be empty."""
    assert (done.code, done.out) == (2, "")
    assert done.err.count("\n") == 1
    return done.err.removeprefix("amistream: ").removesuffix("\n")


def rows(text: str) -> list[list[str]]:
    """The cells of a table, which two or more spaces separate."""
    return [[cell for cell in line.split("  ") if cell] for line in text.splitlines()]


# --- what is declared -------------------------------------------------------------------------


def declared(ami: ModuleType) -> dict[str, type]:
    """The classes of `core_events`, by the event name that each serves."""
    ours = {one for one in vars(ami.core_events).values() if isinstance(one, type)}
    return {name.decode(): cls for name, cls in ami._registry.classes.items() if cls in ours}


def test_what_a_program_registers_is_left_out(run, ami, monkeypatch):
    class Mine(ami.Event):
        __slots__ = ()

    before = run("--json").out
    monkeypatch.setitem(ami._registry.classes, b"Mine", Mine)
    assert run("--json").out == before


def test_every_event_has_a_line_under_its_subsystem(run, ami):
    done = run()
    assert (done.code, done.err) == (0, "")
    names = {row[0] for row in rows(done.out) if len(row) == 3 and row[1].strip().isdigit()}
    assert names == {cls._event_name for cls in declared(ami).values()}
    queues = done.out.split("\nqueues: ")[1].split("\n\n")[0]
    assert "\n  QueueMember " in queues
    assert "Hangup" not in queues


def test_a_line_says_how_many_headers_and_what_it_is(run, ami):
    (line,) = [line for line in run().out.splitlines() if line.startswith("  AsyncAGIEnd ")]
    cls = ami.core_events.AsyncAGIEnd
    count = len(cls.headers()) - len(ami.Event.headers())
    assert line.split(maxsplit=2) == ["AsyncAGIEnd", str(count), cls.__doc__]


def test_numbers_stand_below_each_other(run):
    block = run().out.split("\nrtp: ")[0].split("\n\nqueues: ")[1].split("\n\n")[0]
    lines = block.splitlines()[1:]
    ends = {re.match(r"  \w+ +\d+", line).end() for line in lines}
    assert len(lines) > 20
    assert len(ends) == 1


def test_a_list_has_a_line(run):
    assert [
        "QueueStatus",
        "QueueParams, QueueMember, QueueEntry",
        "QueueStatusComplete",
    ] in [[cell.strip() for cell in row] for row in rows(run().out)]


def test_an_event_in_full(run):
    done = run("QueueMember")
    table = [[cell.strip() for cell in row] for row in rows(done.out)]
    assert done.code == 0
    assert table[0] == ["QueueMember (queues)"]
    assert ["Asterisk sends it in answer to QueueStatus."] in table
    assert ["Penalty", "penalty", "int or -1"] in table
    assert ["Paused", "paused", "true/false"] in table
    assert ["InCall", "in_call", "true/false or None"] in table
    assert ["MemberName, Name", "member_name", "text or None"] in table
    assert "Every event also has these attributes: privilege, timestamp, " in done.out
    assert ["Privilege", "privilege", "text or None"] not in table


def test_an_event_with_two_names(run):
    assert run("newexten").out.startswith("Newexten, also NewExten (channels)\n")
    assert run("newexten").out == run("NewExten").out


def test_a_list_in_full(run):
    done = run("SIPpeers")
    assert [[cell.strip() for cell in row] for row in rows(done.out)][-3:] == [
        ["events", "PeerEntry"],
        ["ended by", "PeerlistComplete"],
        ["class", "SIPpeers_Aggregate"],
    ]


def test_names_may_be_patterns_and_their_case_does_not_count(run):
    events = read_json(run("--json", "queuemember?*", "Hangup"))["events"]
    assert {"Hangup", "QueueMemberAdded", "QueueMemberRemoved"} < set(events)
    assert "QueueMember" not in events
    assert "QueueEntry" not in events
    titles = [line for line in run("queuemember?*", "Hangup").out.split("\n") if "(queues)" in line]
    assert len(titles) == len(events) - 1


def test_a_name_that_fits_nothing(run):
    assert error_line(run("Hangup", "Hangpu")) == (
        "no event or list is called Hangpu; did you mean Hangup?"
    )
    assert error_line(run("Zzz*")) == "no event or list is called Zzz*"
    assert error_line(run("\x1b[2J")) == "no event or list is called \\x1b[2J"


def test_json_has_everything(run, ami):
    schema = read_json(run("--json"))
    assert list(schema) == ["amistream", "envelope", "events", "lists", "enumerations"]
    assert schema["amistream"] == ami.__version__
    assert schema["envelope"][1] == {
        "name": "Timestamp",
        "names": ["Timestamp"],
        "attribute": "timestamp",
        "type": "float",
        "failure": None,
    }
    classes = declared(ami)
    assert {name for one in schema["events"].values() for name in one["names"]} == set(classes)
    for name, event in schema["events"].items():
        cls = classes[name]
        assert list(event) == ["class", "module", "names", "doc", "headers"]
        assert (event["class"], event["module"]) == (cls.__name__, cls.__module__)
        attributes = [header["attribute"] for header in event["headers"]]
        assert attributes == [key for key in cls.headers() if key not in ami.Event.headers()]
    for lists in schema["lists"].values():
        assert {*lists["members"], lists["finisher"]} <= set(schema["events"])


def test_json_of_a_list(run):
    assert read_json(run("--json"))["lists"]["Status"] == {
        "class": "Status_Aggregate",
        "module": "amistream.events.channels",
        "doc": "The channels with their state, asked for with Status.",
        "members": ["Status"],
        "finisher": "StatusComplete",
    }


def header_in_json(run: Run, event: str, attribute: str) -> dict[str, Any]:
    headers = read_json(run("--json", event))["events"][event]["headers"]
    (found,) = [header for header in headers if header.pop("attribute") == attribute]
    assert found["name"] == found["names"][0]
    del found["names"]
    return found


@pytest.mark.parametrize(
    ("event", "attribute", "expected"),
    [
        ("PeerEntry", "dynamic", {"name": "Dynamic", "type": "bool", "failure": False}),
        ("PeerEntry", "status", {"name": "Status", "type": "milliseconds", "failure": -1}),
        ("CoreShowChannel", "duration", {"name": "Duration", "type": "duration", "failure": -1}),
        ("RTCPSent", "to", {"name": "To", "type": "hostport", "failure": None}),
        ("RTCPSent", "dlsr", {"name": "DLSR", "type": "float", "failure": -1.0}),
        ("VarSet", "variable", {"name": "Variable", "type": "text", "failure": None}),
        (
            "Hangup",
            "cause",
            {
                "name": "Cause",
                "type": "enumeration",
                "enumeration": "HangupCause",
                "failure": None,
            },
        ),
        ("Hangup", "channel_variables", {"name": "ChanVariable", "type": "variables"}),
        (
            "RTCPSent",
            "report_lsr",
            {
                "name": "Report<N>LSR",
                "type": "numbered",
                "element": {"type": "int", "failure": None},
            },
        ),
    ],
)
def test_the_types_in_json(run, event, attribute, expected):
    assert header_in_json(run, event, attribute) == expected


def test_the_types_in_words(ami):
    enums = importlib.import_module("amistream.enums")
    headers = importlib.import_module("amistream.headers")
    in_words = importlib.import_module("amistream.cli.schema._declared").type_in_words
    said = {
        in_words(header)
        for header in (
            headers.Text("A"),
            headers.Int("A"),
            headers.Int("A", failure=-1),
            headers.Float("A"),
            headers.Bool("A", true="1", failure=False),
            headers.Bool("A", true="1", false="0"),
            headers.Duration("A"),
            headers.HostPort("A"),
            headers.Milliseconds("A"),
            headers.Enumeration("A", of=enums.HangupCause),
            headers.Repeated("A"),
            headers.Variables("A"),
            headers.Numbered(headers.Int("A<N>")),
        )
    }
    assert said == {
        "text or None",
        "int or None",
        "int or -1",
        "float or None",
        "true/false",
        "true/false or None",
        "seconds or -1",
        "(host, port) or None",
        "milliseconds or -1",
        "HangupCause or None",
        "tuple of text",
        "dict of text",
        "tuple of (int or None)",
    }


def test_the_types_for_programs_of_what_is_repeated(ami):
    enums = importlib.import_module("amistream.enums")
    headers = importlib.import_module("amistream.headers")
    schemas = importlib.import_module("amistream.cli.schema._declared")
    numbered = headers.Numbered(headers.Enumeration("A<N>", of=enums.ChannelState))
    assert schemas.type_for_programs(headers.Repeated("A")) == {"type": "texts"}
    assert schemas.type_for_programs(numbered)["element"]["enumeration"] == "ChannelState"
    assert schemas.members_of(numbered) is enums.ChannelState


def test_json_has_the_enumerations_in_use(run):
    enumerations = read_json(run("--json", "Hangup"))["enumerations"]
    assert list(enumerations) == ["ChannelState", "HangupCause"]
    assert enumerations["HangupCause"]["NORMAL_CLEARING"] == 16
    assert enumerations["ChannelState"]["UP"] == 6


@pytest.mark.parametrize("form", [[], ["--json"], ["--markdown"], ["*"]])
def test_both_twins_print_the_same(both, use, capsysbinary, form):
    printed = []
    for twin in ("compiled", "pure"):
        use(twin)
        assert importlib.import_module("amistream.cli").main(["schema", *form]) == 0
        printed.append(capsysbinary.readouterr().out)
    assert printed[0] == printed[1]


def test_names_are_in_order(run):
    schema = read_json(run("--json"))
    for names in (schema["events"], schema["lists"]):
        assert list(names) == sorted(names, key=str.casefold)


# --- the table of coverage --------------------------------------------------------------------


def number(cell: str) -> int:
    return int(cell.replace(",", "") or 0)


def test_markdown_counts(run):
    done = run("--markdown")
    titles, _, *lines = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in done.out.splitlines()
    ]
    schema = read_json(run("--json"))
    assert titles == ["subsystem", "events", "headers", "lists", "asked for with"]
    *parts, total = lines
    for column in (1, 2, 3):
        assert number(total[column]) == sum(number(part[column]) for part in parts)
    assert int(total[1]) == len(schema["events"])
    assert int(total[3]) == len(schema["lists"])
    queues = next(part for part in parts if part[0] == "queues")
    assert "QueueStatus, QueueSummary" in queues[4]
    in_queues = [one for one in schema["events"].values() if one["module"].endswith(".queues")]
    assert int(queues[1]) == len(in_queues)
    assert int(queues[2]) == sum(len(one["headers"]) for one in in_queues)


@pytest.mark.skipif(not README.exists(), reason="the tests run without the tree")
def test_readme_has_the_table(run):
    _, begin, rest = README.read_text("utf-8").partition(BEGIN)
    table, end, _ = rest.partition(END)
    assert begin, f"README.md lacks {BEGIN}"
    assert end, f"README.md lacks {END}"
    assert table == run("--markdown").out, "put in what `amistream schema --markdown` prints"


# --- the difference ---------------------------------------------------------------------------


@pytest.fixture
def edited(tmp_path: Path) -> Callable[..., Path]:
    """The documentation with some of its text replaced."""

    def edit(*changes: tuple[str, str]) -> Path:
        text = DOCUMENTATION.read_text("utf-8")
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / "core-en_US.xml"
        path.write_text(text, "utf-8")
        return path

    return edit


def event_in_xml(name: str, *syntax: str, synopsis: str = "Something is told.") -> str:
    return (
        f'<managerEvent name="{name}"><managerEventInstance><synopsis>{synopsis}</synopsis>'
        f"<syntax>{''.join(syntax)}</syntax></managerEventInstance></managerEvent>"
    )


def parameter(name: str) -> str:
    return f'<parameter name="{name}"><para>A value.</para></parameter>'


def include(event: str, which: str = "") -> str:
    path = f"/docs/managerEvent[@name='{event}']/managerEventInstance/syntax/parameter{which}"
    return f'<xi:include xpointer="xpointer({path})"/>'


def added(*xml: str) -> tuple[str, str]:
    return ("</docs>", f"{''.join(xml)}</docs>")


def test_nothing_is_new(run):
    done = run("--diff", DOCUMENTATION)
    assert (done.code, done.err) == (0, "")
    first, _, lacking = done.out.partition("\n")
    assert first == f"{DOCUMENTATION} describes 10 events. Nothing in it is new."
    assert lacking.startswith("\namistream declares ")
    assert lacking.endswith("--all lists them.\n")


def test_a_new_event(run, edited):
    teleported = event_in_xml(
        "ChannelTeleported",
        '<channel_snapshot prefix="From"/><bridge_snapshot/>',
        parameter("Distance"),
        synopsis="\n  A channel  is\n elsewhere.\n",
    )
    path = edited(added(teleported))
    new = read_json(run("--diff", path, "--json"), 1)["new"]
    assert list(new["events"]) == ["ChannelTeleported"]
    assert new["headers"] == new["lists"] == {}
    event = new["events"]["ChannelTeleported"]
    assert event["synopsis"] == "A channel is elsewhere."
    assert event["headers"][:2] == ["FromChannel", "FromChannelState"]
    assert {"FromLinkedid", "BridgeUniqueid", "BridgeNumChannels"} < set(event["headers"])
    assert event["headers"][-1] == "Distance"
    done = run("--diff", path)
    assert done.code == 1
    assert " describes 11 events. New in it:\n\nevents (1):\n" in done.out
    assert "  ChannelTeleported: A channel is elsewhere.\n      FromChannel, From" in done.out
    assert all(len(line) <= 100 for line in done.out.splitlines()[1:])


def test_a_long_name_stays_whole(run, edited):
    name = "LongHeader" * 12
    path = edited(added(event_in_xml("Long", *map(parameter, ("A", name, "B")))))
    assert f"\n      A,\n      {name},\n      B\n" in run("--diff", path).out


def test_new_headers(run, edited):
    path = edited(
        ('<parameter name="TechCause" required="false"/>', parameter("TechCause") * 2),
        ('<parameter name="AppData"/>', parameter("AppMood") + parameter("Timestamp")),
        ('<parameter name="cause-TXT"/>', '<channel_snapshot prefix="Old"/>'),
    )
    new = read_json(run("--diff", path, "--json"), 1)["new"]
    assert new["events"] == new["lists"] == {}
    assert list(new["headers"]) == ["Hangup", "NewExten"]
    assert new["headers"]["Hangup"][:2] == ["OldChannel", "OldChannelState"]
    assert new["headers"]["NewExten"] == ["AppMood"]
    text = run("--diff", path).out
    assert "  NewExten: AppMood\n" in text
    assert "lists, or" not in text


def test_headers_that_are_referred_to(run, edited):
    """An event may include headers of other events, all or some, also indirectly; not snapshots."""
    one = event_in_xml("Hangup", include("Second"))
    second = event_in_xml(
        "Second",
        "<channel_snapshot prefix='Not'/>",
        parameter("AlphaTwo"),
        include("Third", "[contains(@name, 'Alpha')]"),
        include("Third", "[@name='BetaThree']"),
    )
    third = event_in_xml("Third", *map(parameter, ("AlphaThree", "BetaThree", "GammaThree")))
    new = read_json(run("--diff", edited(added(one, second, third)), "--json"), 1)["new"]
    assert new["headers"] == {"Hangup": ["AlphaTwo", "AlphaThree", "BetaThree"]}


def test_two_descriptions_of_one_event(run, edited):
    more = event_in_xml("Hangup", parameter("Cause"), parameter("Mood"), synopsis="Again.")
    twice = event_in_xml("Unheard", synopsis="First.") + event_in_xml("Unheard", parameter("A"))
    new = read_json(run("--diff", edited(added(more, twice)), "--json"), 1)["new"]
    assert new["headers"] == {"Hangup": ["Mood"]}
    assert new["events"] == {"Unheard": {"synopsis": "First.", "headers": ["A"]}}


def test_numbered_headers(run, edited):
    path = edited(('<parameter name="ReportXLSR"/>', parameter("ReportXMood")))
    new = read_json(run("--diff", path, "--json"), 1)["new"]
    assert new["headers"] == {"RTCPReceived": ["ReportXMood"], "RTCPSent": ["ReportXMood"]}


def test_headers_with_a_path(ami):
    """For Currency/Amount/Cost the documentation has each part alone."""
    headers = importlib.import_module("amistream.headers")
    schemas = importlib.import_module("amistream.cli.schema._declared")
    documentation = importlib.import_module("amistream.cli.schema._documentation")
    difference = importlib.import_module("amistream.cli.schema._difference")

    class Charged(ami.Event):
        __slots__ = ()

        cost = headers.Int("Currency/Amount/Cost")

    event = schemas.Declaration(("Charged",), Charged, "here", {"cost": Charged.cost})
    described = documentation.DocumentedEvent("", ("Currency", "Cost", "Kind"))
    found = difference.compare(
        documentation.Documentation("here", {"Charged": described}, {}, ()),
        schemas.Declared({"Charged": event}, {}),
    )
    assert found.headers == {"Charged": ["Kind"]}
    assert found.undocumented_headers == {}


MOODS = """
<manager name="MoodList"><syntax><parameter name="NoHeader"/></syntax><responses>
  <list-elements>
    <managerEvent name="MoodItem"><managerEventInstance><syntax><parameter name="Mood"/></syntax>
    </managerEventInstance></managerEvent>
    <xi:include xpointer="xpointer(/docs/managerEvent[@name='Hangup'])"/>
  </list-elements>
  <xi:include xpointer="xpointer(/docs/managerEvent[@name='CoreShowChannelsComplete'])"/>
</responses></manager>
"""


def test_a_new_list(run, edited):
    path = edited(added(MOODS))
    new = read_json(run("--diff", path, "--json"), 1)["new"]
    assert new["events"] == {"MoodItem": {"synopsis": "", "headers": ["Mood"]}}
    assert new["lists"] == {
        "MoodList": {"members": ["MoodItem", "Hangup"], "finisher": "CoreShowChannelsComplete"}
    }
    done = run("--diff", path)
    assert "  MoodList: MoodItem, Hangup, ended by CoreShowChannelsComplete\n" in done.out
    assert "\n  MoodItem\n      Mood\n" in done.out


def test_a_new_event_of_a_known_list(run, edited):
    pointer = "xpointer(/docs/managerEvent[@name='CoreShowChannel'])"
    path = edited((pointer, pointer.replace("CoreShowChannel", "Hangup")))
    new = read_json(run("--diff", path, "--json"), 1)["new"]
    assert new["lists"] == {"CoreShowChannels": {"members": ["Hangup"], "finisher": None}}


def test_another_end_of_a_known_list(run, edited):
    inline = '<managerEvent language="en_US" name="CoreShowChannelsComplete">'
    path = edited((inline, inline.replace("CoreShowChannelsComplete", "StatusComplete")))
    new = read_json(run("--diff", path, "--json"), 1)["new"]
    assert new["lists"] == {"CoreShowChannels": {"members": [], "finisher": "StatusComplete"}}


def test_what_is_not_documented(run):
    found = read_json(run("--diff", DOCUMENTATION, "--json"))["undocumented"]
    assert "QueueMemberPaused" in found["events"]
    assert not {"Hangup", "Newexten", "NewExten"} & set(found["events"])
    assert "Hangup" not in found["headers"]
    assert "DialBegin" not in found["headers"]
    assert "TheirLastSR" in found["headers"]["RTCPSent"]
    assert "Report<N>IAJitter" in found["headers"]["RTCPReceived"]
    assert "Report<N>LSR" not in found["headers"]["RTCPReceived"]
    text = run("--diff", DOCUMENTATION, "--all").out
    assert f"\nevents that it does not mention ({len(found['events'])}):\n" in text
    assert "\n  RTCPSent: " in text
    assert " QueueMemberPaused," in text
    assert "--all" not in text


def test_references_that_cannot_be_followed(run, edited):
    missing = include("Missing")
    other = "<xi:include xpointer=\"xpointer(/docs/info[@name='Elsewhere'])\"/>"
    path = edited(added(event_in_xml("Hangup", missing, other)))
    done = run("--diff", path)
    assert done.code == 0
    assert done.err == (
        f"amistream: {path}: cannot follow xpointer(/docs/info[@name='Elsewhere'])\n"
        f"amistream: {path}: cannot follow managerEvent Missing\n"
    )


def test_compressed_documentation(run, tmp_path):
    path = tmp_path / "core-en_US.xml.gz"
    path.write_bytes(gzip.compress(DOCUMENTATION.read_bytes()))
    assert read_json(run("--diff", path, "--json"))["documented_events"] == 10


def test_documentation_from_standard_input(run, monkeypatch):
    stdin = io.TextIOWrapper(io.BytesIO(DOCUMENTATION.read_bytes()))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert run("--diff", "-").out.startswith("<stdin> describes 10 events. Nothing")


def test_names_that_would_steer_the_terminal(run, edited):
    path = edited(added(event_in_xml("A&#x9b;2J", synopsis="B&#x9b;2J")))
    assert "  A\\x9b2J: B\\x9b2J\n" in run("--diff", path).out


INSTALLED = Path("/usr/share/asterisk/documentation/core-en_US.xml")


@pytest.mark.skipif(not INSTALLED.exists(), reason="needs an Asterisk")
def test_the_documentation_of_a_real_asterisk(run):
    done = run("--diff", INSTALLED, "--json")
    found = json.loads(done.out)
    assert (done.code, done.err) == (int(any(found["new"].values())), "")
    assert found["documented_events"] > 100
    assert "Hangup" not in found["undocumented"]["events"]


# --- files that are no documentation ----------------------------------------------------------


def refused(path: object, reason: str) -> str:
    return (
        f"{path} is not the documentation of an Asterisk, such as "
        f"/usr/share/asterisk/documentation/core-en_US.xml: {reason}"
    )


BOMB = (
    '<!DOCTYPE docs [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    "<docs>&b;</docs>"
)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is not XML: no element found: line 1, column 0"),
        (b"[general]\nenabled = yes\n", "it is not XML: syntax error: line 1, column 0"),
        (b"\xff\xfe\x00", "it is not XML: "),
        (b'<?xml version="1.0" encoding="x-unheard-of"?><docs/>', "it is not XML: "),
        (b"<docs><managerEvent name='A'>", "it is not XML: no element found"),
        (b"<docs><manager name='Login'/></docs>", "it has no managerEvent"),
        (b"<docs><managerEvent/></docs>", "it has no managerEvent"),
        (BOMB.encode(), "it has an internal DTD"),
        (b'<!DOCTYPE d [<!ENTITY a SYSTEM "a">]><d>&a;</d>', "it has an internal DTD"),
        (b'<!DOCTYPE d [<!ENTITY % a SYSTEM "a"> %a;]><d/>', "it has an internal DTD"),
        (b'<!DOCTYPE d [<!ATTLIST a b CDATA "c">]><d/>', "it has an internal DTD"),
    ],
)
def test_a_file_that_is_no_documentation(run, tmp_path, content, reason):
    path = tmp_path / "core-en_US.xml"
    path.write_bytes(content)
    assert error_line(run("--diff", path)).startswith(refused(path, reason))


def test_references_in_a_circle(run, edited):
    path = edited(added(event_in_xml("One", include("Two")), event_in_xml("Two", include("One"))))
    assert error_line(run("--diff", path)) == refused(path, "its references are nested too deeply")


@pytest.mark.parametrize(
    ("limit", "value", "reason"),
    [
        ("MOST_BYTES", 1000, "it is larger than 0 MiB"),
        ("MOST_EVENTS", 3, "it has more than 3 events"),
        ("MOST_HEADERS", 3, "an event in it has more than 3 headers"),
        ("MOST_NAMES", 30, "its events have more than 30 headers together"),
        ("LONGEST_NAME", 10, "a name in it is longer than 10 characters"),
    ],
)
def test_a_file_that_is_too_much(run, monkeypatch, limit, value, reason):
    module = importlib.import_module("amistream.cli.schema._documentation")
    monkeypatch.setattr(module, limit, value)
    assert error_line(run("--diff", DOCUMENTATION)) == refused(DOCUMENTATION, reason)


def test_many_references(ami, tmp_path, monkeypatch):
    """A file of 2.2 MB, with 2,000 headers and 20,000 references that choose some of them."""
    module = importlib.import_module("amistream.cli.schema._documentation")
    monkeypatch.setattr(module, "MOST_NAMES", 100_000)
    headers = "".join(parameter(f"Header{number}") for number in range(2_000))
    chosen = "".join(include("One", f"[contains(@name, '{number}')]") for number in range(20_000))
    path = tmp_path / "core-en_US.xml"
    path.write_text(
        f"<docs {XINCLUDE}>{event_in_xml('One', headers)}{event_in_xml('Two', chosen)}</docs>"
    )

    def read() -> None:
        reason = "its events have more than 100,000 headers together"
        with pytest.raises(module.UnusableDocumentation, match=reason):
            module.read_documentation(str(path))

    assert path.stat().st_size > 2_000_000
    assert calls_of(read) < 500_000  # of the 22,000 elements, and of the names


def test_the_same_reference_many_times(ami, tmp_path):
    module = importlib.import_module("amistream.cli.schema._documentation")
    headers = "".join(parameter(f"Header{number}") for number in range(2_000))
    path = tmp_path / "core-en_US.xml"
    two = event_in_xml("Two", 20_000 * include("One"))
    path.write_text(f"<docs {XINCLUDE}>{event_in_xml('One', headers)}{two}</docs>")
    found = module.read_documentation(str(path))
    assert found.events["Two"].headers == found.events["One"].headers
    assert len(found.events["Two"].headers) == 2_000


def test_a_large_file_is_refused_before_it_is_read_whole(run, tmp_path):
    path = tmp_path / "core-en_US.xml.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(b"<docs>")
        for _ in range(70):
            file.write(b" " * (1 << 20))
    assert error_line(run("--diff", path)) == refused(path, "it is larger than 64 MiB")


def test_damaged_documentation(run, tmp_path):
    path = tmp_path / "core-en_US.xml.gz"
    path.write_bytes(gzip.compress(DOCUMENTATION.read_bytes())[:-6])
    assert error_line(run("--diff", path)) == (f"{path} is damaged: the compressed data ends early")


def test_documentation_in_a_compression_that_is_not_read(run, tmp_path):
    path = tmp_path / "core-en_US.xml.bz2"
    path.write_bytes(bz2.compress(DOCUMENTATION.read_bytes()))
    assert error_line(run("--diff", path)).startswith(refused(path, "it is not XML: "))


def test_a_file_that_is_missing(run, tmp_path):
    path = tmp_path / "missing.xml"
    assert error_line(run("--diff", path)) == f"{path}: No such file or directory"


def test_a_file_without_a_name(run):
    assert error_line(run("--diff", "")) == "No such file or directory"


def test_a_folder(run, tmp_path):
    assert str(tmp_path) in error_line(run("--diff", tmp_path))


# --- the command ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ["--all"],
        ["--json", "--markdown"],
        ["--markdown", "Hangup"],
        ["--markdown", "--diff", DOCUMENTATION],
        ["Hangup", "--diff", DOCUMENTATION],
        ["--diff"],
    ],
)
def test_a_wrong_command(run, arguments):
    done = run(*arguments)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("usage: amistream schema ")


def test_help_gives_examples(run):
    done = run("--help")
    assert done.code == 0
    assert "examples:\n" in done.out
    assert "exit codes:\n" in done.out


def test_lines_are_cut_at_a_terminal_and_nowhere_else(run, monkeypatch):
    whole = run().out
    assert max(map(len, whole.splitlines())) > 60
    monkeypatch.setenv("COLUMNS", "60")
    assert run().out == whole
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    lines = run().out.splitlines()
    assert max(map(len, lines)) <= 60
    for cut, line in zip(lines, whole.splitlines(), strict=True):
        assert cut == line or (cut.endswith("...") and line.startswith(cut[:-3]))


def test_a_process_of_its_own():
    command = [sys.executable, "-m", "amistream", "schema", "Hangup", "--json"]
    done = subprocess.run(command, capture_output=True, check=True)
    assert list(json.loads(done.stdout)["events"]) == ["Hangup"]

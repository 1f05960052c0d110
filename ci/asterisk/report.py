"""The report at the end of a run: events seen, how the lists ended, problems."""

from __future__ import annotations

import shutil
import textwrap
from collections import Counter

from lists import Outcome

from amistream import core_events
from amistream.messages import Event

EXPECTED_ABSENT = {
    "exist only in older Asterisk": """
        AGIExec AsyncAGI ChannelUpdate DTMF MonitorStart MonitorStop QueueMemberPaused""",
    "need telephony hardware": """
        AOC-D AOC-E AOC-S Alarm AlarmClear DAHDIChannel DAHDIShowChannels DAHDIShowStatus
        DAHDIShowStatusComplete DNDState MCID MobileStatus PRIShowSpans SpanAlarm SpanAlarmClear""",
    "belong to a module that Debian leaves out": """
        MWIGet MWIGetComplete MeetmeEnd MeetmeJoin MeetmeLeave MeetmeList MeetmeListComplete
        MeetmeListRooms MeetmeListRoomsComplete MeetmeMute MeetmeTalkRequest MeetmeTalking""",
    "need a debugging build": "DeadlockStart",
    "are documented, but no code of Asterisk 22 sends them": """
        CloseSession OutboundSubscriptionDetail Placeholder Rename""",
}
"""Events that cannot come here, by reason."""


def event_names() -> set[str]:
    """The names of the events that the library has a class for."""
    declared = vars(core_events).values()
    classes = (value for value in declared if isinstance(value, type) and issubclass(value, Event))
    return {cls._event_name for cls in classes if cls is not Event}


def show_events(seen: Counter[str]) -> None:
    heading(f"{len(seen)} kinds of events, {sum(seen.values()):,} in all")
    columns([f"{name} {number:,}" for name, number in sorted(seen.items())])
    missing = event_names() - seen.keys()
    heading(f"{len(missing)} kinds have a class but did not come")
    for reason, names in EXPECTED_ABSENT.items():
        show_names(reason, missing & set(names.split()))
    known = set(" ".join(EXPECTED_ABSENT.values()).split())
    show_names("no known reason", missing - known)
    show_names("listed as absent, but came", known & seen.keys())


def show_names(what: str, names: set[str]) -> None:
    if names:
        text = f"{what}: {', '.join(sorted(names))}"
        print(textwrap.fill(text, 110, initial_indent="  ", subsequent_indent="      "))


def show_lists(outcomes: dict[str, Outcome]) -> None:
    answered = {name: outcome for name, outcome in outcomes.items() if outcome.answered}
    heading(f"{len(answered)} of {len(outcomes)} list actions answered with a list")
    columns(
        [
            f"{name} {outcome.complete}x, {outcome.members} members"
            for name, outcome in answered.items()
        ]
    )
    refused = {name: outcome.refused for name, outcome in outcomes.items() if not outcome.answered}
    if refused:
        heading("not answered by this Asterisk")
        for name, reason in sorted(refused.items()):
            print(f"  {name}: {reason}")


def show_problems(problems: list[str]) -> None:
    heading(count(len(problems), "problem") if problems else "no problems")
    for problem in problems:
        print(textwrap.fill(problem, 110, initial_indent="  ", subsequent_indent="      "))


def count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def heading(text: str) -> None:
    print(f"\n-- {text}", flush=True)


def columns(entries: list[str]) -> None:
    """Print entries side by side, as many as fit into the terminal's width."""
    if not entries:
        return
    width = max(map(len, entries)) + 2
    per_line = max(1, (shutil.get_terminal_size((110, 24)).columns - 2) // width)
    for first in range(0, len(entries), per_line):
        line = entries[first : first + per_line]
        print("  " + "".join(entry.ljust(width) for entry in line).rstrip())

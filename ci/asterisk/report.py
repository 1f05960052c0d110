"""The report at the end: what was seen, how the lists ended, and what is wrong."""

from __future__ import annotations

import shutil
import textwrap
from collections import Counter

from lists import Outcome

from amistream import core_events
from amistream.messages import Event

ABSENT = {
    "from older Asterisk": """
        AGIExec AsyncAGI ChannelUpdate DTMF MonitorStart MonitorStop QueueMemberPaused""",
    "needs telephony hardware": """
        AOC-D AOC-E AOC-S Alarm AlarmClear DAHDIChannel DAHDIShowChannels DAHDIShowStatus
        DAHDIShowStatusComplete DNDState MCID MobileStatus PRIShowSpans SpanAlarm SpanAlarmClear""",
    "of a module that Debian leaves out": """
        MWIGet MWIGetComplete MeetmeEnd MeetmeJoin MeetmeLeave MeetmeList MeetmeListComplete
        MeetmeListRooms MeetmeListRoomsComplete MeetmeMute MeetmeTalkRequest MeetmeTalking""",
    "of a debugging build": "DeadlockStart",
    "documented, and sent by nothing in Asterisk 22": """
        CloseSession OutboundSubscriptionDetail Placeholder Rename""",
}
"""Why events do not come here."""


def event_names() -> set[str]:
    """The events that the library has a class for."""
    declared = vars(core_events).values()
    classes = (value for value in declared if isinstance(value, type) and issubclass(value, Event))
    return {cls._event_name for cls in classes if cls is not Event}


def show_events(seen: Counter[str]) -> None:
    heading(f"{len(seen)} kinds of events, {sum(seen.values()):,} in all")
    columns([f"{name} {number:,}" for name, number in sorted(seen.items())])
    missing = event_names() - seen.keys()
    heading(f"{len(missing)} kinds have a class and did not come")
    for reason, names in ABSENT.items():
        show_names(reason, missing & set(names.split()))
    known = set(" ".join(ABSENT.values()).split())
    show_names("for no known reason", missing - known)
    show_names("said to be absent, and came", known & seen.keys())


def show_names(what: str, names: set[str]) -> None:
    if names:
        text = f"{what}: {', '.join(sorted(names))}"
        print(textwrap.fill(text, 110, initial_indent="  ", subsequent_indent="      "))


def show_lists(outcomes: dict[str, Outcome]) -> None:
    answered = {name: outcome for name, outcome in outcomes.items() if outcome.answered}
    heading(f"{len(answered)} of {len(outcomes)} list actions answered with a list")
    columns([f"{name} {end.whole}x, {end.members} members" for name, end in answered.items()])
    refused = {name: end.refused for name, end in outcomes.items() if not end.answered}
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
    """Entries side by side, as many as there is room for."""
    if not entries:
        return
    width = max(map(len, entries)) + 2
    across = max(1, (shutil.get_terminal_size((110, 24)).columns - 2) // width)
    for at in range(0, len(entries), across):
        print("  " + "".join(entry.ljust(width) for entry in entries[at : at + across]).rstrip())

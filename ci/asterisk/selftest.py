"""Checks the checks: they must find every kind of fault in faulty input."""

from __future__ import annotations

from collections import Counter

import checks
import lists
from chroot import LabError

from amistream import Event, Message, Parser
from amistream.headers import Float, HostPort, Int, Numbered, Text, Variables


class AllHeaderTypes(Event):
    """An event with a header of each type."""

    __slots__ = ()

    number = Int("Number")
    failing = Int("Failing", failure=-1)
    ratio = Float("Ratio")
    place = HostPort("Place")
    words = Text("Words", unknown=("<unknown>",))
    parts = Numbered(Int("Part<N>Size"))
    variables = Variables("ChanVariable")


CORRECT_LINES = (
    "Number: 1",
    "NUMBER: 1",
    "Number: ",
    "Failing: -1",
    "Place: 127.0.0.1:5060",
    "Words: <unknown>",
    "Part0Size: 1\r\nPart1Size: 2",
    "ChanVariable(Local/1;2): a=b",
    "ActionID: x\r\nPrivilege: call,all\r\nTimestamp: 1.5",
)
FAULTY_LINES = {
    "Colour: red": "undeclared header Colour",
    "Colour0Size: 1": "undeclared header Colour0Size",
    "Number: one": "Number is not read by number",
    "Failing: x": "Failing is not read by failing",
    "Ratio: 1,5": "Ratio is not read by ratio",
    "Place: nowhere": "Place is not read by place",
    "Part0Size: 1\r\nPart1Size: x": "Part1Size is not read by parts",
    "Part1Size: 1": "Part1Size is not read by parts",
    "ChanVariable": "a line that is no header",
}


def run() -> None:
    """Test the checks; LabError if they miss a fault, or find one in correct input."""
    for line in CORRECT_LINES:
        _test_line(line, "")
    for line, fault in FAULTY_LINES.items():
        _test_line(line, fault)
    problems = checks.Problems()
    checks.check_event(Event(b"Event: NoSuchEvent\r\n\r\n"), problems)
    _compare(problems.lines(), "event without a class: NoSuchEvent")
    _test_counts()
    for answer, fault in LISTS.items():
        _test_list(answer, fault)


def _test_line(line: str, fault: str) -> None:
    problems = checks.Problems()
    event = AllHeaderTypes(f"Event: AllHeaderTypes\r\n{line}\r\n\r\n".encode())
    checks.check_event(event, problems)
    _compare(problems.lines(), fault)


def _compare(found: list[str], fault: str) -> None:
    if bool(found) != bool(fault) or not all(fault in line for line in found):
        raise LabError(f"the checks are wrong: {fault or 'nothing'} expected, found {found}")


def _test_counts() -> None:
    data = (
        b"Asterisk Call Manager/11.0.0\r\nEvent: A\r\nResponse: x\r\n\r\n\r\nResponse: Success\r\n"
        b"Message: none\n\r\n\r\na table\nof lines\n\r\nEvent: B\r\n\r\n"
    )
    counts = checks.count_by_bytes(data)
    if counts != Counter({"Event A": 1, "Event B": 1, "Response Success": 1, "neither": 1}):
        raise LabError(f"the count without a parser is wrong: {counts}")
    for lost in counts:
        problems = checks.Problems()
        checks.compare_counts(counts - Counter([lost]), counts, problems)
        _compare(problems.lines(), f"messages lost or split, {lost}")


BEGIN = "Response: Success\r\nActionID: 1\r\nEventList: start\r\n\r\n"
MEMBER = "Event: Agents\r\nActionID: 1\r\nAgent: 1001\r\n\r\n"
END = "Event: AgentsComplete\r\nActionID: 1\r\nEventList: Complete\r\nListItems: {}\r\n\r\n"
LISTS = {
    BEGIN + MEMBER + MEMBER + END.format(2): "",
    BEGIN + END.format(0): "",
    BEGIN + MEMBER: "does not close",
    BEGIN + MEMBER + END.format(2): "states 2 members",
    BEGIN + END.format(1) + MEMBER: "goes on after",
    BEGIN + BEGIN + END.format(0): "2 responses",
    "": "0 responses",
}


def _test_list(answer: str, fault: str) -> None:
    problems = checks.Problems()
    messages: list[Message] = Parser().feed(answer.encode())
    requested = [lists.RequestedList(lists.List("Agents", "AgentsComplete"), "1")]
    lists.verify(messages, requested, problems)
    _compare([line for line in problems.lines() if "still waits" not in line], fault)

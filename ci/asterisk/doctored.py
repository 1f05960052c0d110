"""Checks the checks: input doctored with each kind of fault, which has to be found."""

from __future__ import annotations

from collections import Counter

import checks
import lists
from root import LabError

from amistream import Event, Message, Parser
from amistream.headers import Float, HostPort, Int, Numbered, Text, Variables


class Doctored(Event):
    """An event of each kind of header."""

    __slots__ = ()

    number = Int("Number")
    failing = Int("Failing", failure=-1)
    ratio = Float("Ratio")
    place = HostPort("Place")
    words = Text("Words", unknown=("<unknown>",))
    parts = Numbered(Int("Part<N>Size"))
    variables = Variables("ChanVariable")


FINE = (
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
FAULTS = {
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
    """LabError if a fault is not found, or one is found where there is none."""
    for line in FINE:
        _expect(line, "")
    for line, fault in FAULTS.items():
        _expect(line, fault)
    problems = checks.Problems()
    checks.check_event(Event(b"Event: NoSuchEvent\r\n\r\n"), problems)
    _found(problems, "event without a class: NoSuchEvent")
    _check_counts()
    for answer, fault in LISTS.items():
        _check_list(answer, fault)


def _expect(line: str, fault: str) -> None:
    problems = checks.Problems()
    checks.check_event(Doctored(f"Event: Doctored\r\n{line}\r\n\r\n".encode()), problems)
    _found(problems, fault)


def _found(problems: checks.Problems, fault: str) -> None:
    lines = problems.lines()
    if bool(lines) != bool(fault) or not all(fault in line for line in lines):
        raise LabError(f"the checks are wrong: {fault or 'nothing'} expected, found {lines}")


def _check_counts() -> None:
    data = (
        b"Asterisk Call Manager/11.0.0\r\nEvent: A\r\nResponse: x\r\n\r\n\r\nResponse: Success\r\n"
        b"Message: none\n\r\n\r\na table\nof lines\n\r\nEvent: B\r\n\r\n"
    )
    plain = checks.plain_count(data)
    if plain != Counter({"Event A": 1, "Event B": 1, "Response Success": 1, "neither": 1}):
        raise LabError(f"the plain count is wrong: {plain}")
    for lost in plain:
        problems = checks.Problems()
        checks.compare_counts(plain - Counter([lost]), plain, problems)
        _found(problems, f"messages lost or split, {lost}")


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


def _check_list(answer: str, fault: str) -> None:
    problems = checks.Problems()
    messages: list[Message] = Parser().feed(answer.encode())
    asked = [lists.Asked(lists.List("Agents", "AgentsComplete"), "1")]
    lists.verify(messages, asked, problems)
    found = [line for line in problems.lines() if "still waits" not in line]
    if bool(found) != bool(fault) or not all(fault in line for line in found):
        raise LabError(f"the checks are wrong: {fault or 'nothing'} expected, found {found}")

"""How a Simulator answers actions, as an Asterisk 22 does."""

from __future__ import annotations

import hashlib
import itertools
import random
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from amistream.testing.workload import Workload

if TYPE_CHECKING:
    from amistream.testing.simulator import Session

__all__ = ["ANSWERS", "Headers", "answer", "event", "members_of", "whole_list"]

Headers = Mapping[str, Any]
Answer = Callable[["Session", Headers], bytes]

VERSION = "Asterisk 22.0.0 (the Simulator of amistream)"

NEEDED_CLASS = {
    "originate": "originate",
    "command": "command",
    "filter": "system",
    "getvar": "call",
    "setvar": "call",
    "hangup": "call",
    "redirect": "call",
    "queueadd": "agent",
    "queueremove": "agent",
    "queuepause": "agent",
    "reload": "system",
    "coresettings": "system",
    "userevent": "user",
}
"""Action in lower case to the class that a user's `write` needs; other actions need none."""


def message(*headers: tuple[str, Any]) -> bytes:
    """The bytes of a message; a header with the value None is left out."""
    lines = [f"{name}: {value}\r\n" for name, value in headers if value is not None]
    return ("".join(lines) + "\r\n").encode("utf-8", "surrogateescape")


def answer(word: str, action_id: str | None, *headers: tuple[str, Any]) -> bytes:
    """The bytes of a response."""
    return message(("Response", word), ("ActionID", action_id), *headers)


def event(name: str, headers: Headers | Iterable[tuple[str, Any]] = ()) -> bytes:
    """The bytes of an event."""
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    return message(("Event", name), *pairs)


def whole_list(
    action_id: str | None, members: Iterable[tuple[str, Headers]], finisher: str
) -> bytes:
    """The bytes of a list: its response, its members, and its finisher with their number."""
    begin = answer("Success", action_id, ("EventList", "start"), ("Message", "Result will follow"))
    found = [event(name, {**headers, "ActionID": action_id}) for name, headers in members]
    end = {"ActionID": action_id, "EventList": "Complete", "ListItems": len(found)}
    return begin + b"".join(found) + event(finisher, end)


def members_of(workload: Workload | None) -> dict[str, list[tuple[str, str]]]:
    """Queue to its members, as interface and name: those of the call centre, or a few."""
    if workload is None:
        return {
            "support": [("PJSIP/101", "Alice"), ("PJSIP/102", "Bob")],
            "sales": [("PJSIP/103", "Chloë")],
        }
    queues = [f"queue-{number + 1:02}" for number in range(workload.options.queues)]
    agents = [
        (f"Local/{1001 + number}@agents/n", f"Agent {1001 + number}")
        for number in range(workload.options.agents)
    ]
    return {queue: agents[at :: len(queues)] for at, queue in enumerate(queues)}


# --- the actions --------------------------------------------------------------------------------


def _challenge(session: Session, headers: Headers) -> bytes:
    if headers.get("AuthType", "").upper() != "MD5":
        return _error(headers, "Must specify AuthType")
    session.challenge = str(random.randrange(10**8, 10**9))
    return answer("Success", headers.get("ActionID"), ("Challenge", session.challenge))


def _login(session: Session, headers: Headers) -> bytes:
    user = session.simulator.users.get(headers.get("Username", ""))
    if user is None or not _knows_secret(user.secret, session.challenge, headers):
        session.ends = True
        return _error(headers, "Authentication failed")
    session.user = user
    session.set_mask(headers.get("Events", "on"))
    accepted = answer("Success", headers.get("ActionID"), ("Message", "Authentication accepted"))
    if not session.simulator.boots or not session.wants("system"):
        return accepted
    booted = {"Privilege": "system,all", "Uptime": 60, "LastReload": 60, "Status": "Fully Booted"}
    return accepted + event("FullyBooted", booted)


def _knows_secret(secret: str, challenge: str, headers: Headers) -> bool:
    if headers.get("AuthType", "").upper() != "MD5":
        return bool(headers.get("Secret") == secret)
    if not challenge:
        return False
    digest = hashlib.md5((challenge + secret).encode(), usedforsecurity=False)
    return bool(headers.get("Key") == digest.hexdigest())


def _logoff(session: Session, headers: Headers) -> bytes:
    session.ends = True
    goodbye = ("Message", "Thanks for all the fish.")
    return answer("Goodbye", headers.get("ActionID"), goodbye)


def _ping(session: Session, headers: Headers) -> bytes:
    now = f"{time.time():.6f}"
    return answer("Success", headers.get("ActionID"), ("Ping", "Pong"), ("Timestamp", now))


def _events(session: Session, headers: Headers) -> bytes:
    session.set_mask(headers.get("EventMask", ""))
    return answer("Success", headers.get("ActionID"), ("Events", "On" if session.mask else "Off"))


def _success(text: str) -> Answer:
    def say(session: Session, headers: Headers) -> bytes:
        return answer("Success", headers.get("ActionID"), ("Message", text))

    return say


_originated = itertools.count(1)


def _originate(session: Session, headers: Headers) -> bytes:
    if not headers.get("Channel"):
        return _error(headers, "Channel not specified")
    number = next(_originated)
    name = f"{headers['Channel'].removesuffix('/n')}-{number:08x};1"
    for name_and_value in _variables(headers.get("Variable", ())):
        session.simulator.variables[name, name_and_value[0]] = name_and_value[1]
    queued = answer(
        "Success", headers.get("ActionID"), ("Message", "Originate successfully queued")
    )
    if not session.wants("call"):
        return queued
    result = {
        "Privilege": "call,all",
        "ActionID": headers.get("ActionID"),
        "Response": "Failure" if "nosuch" in headers["Channel"] else "Success",
        "Channel": name,
        "Context": headers.get("Context", ""),
        "Exten": headers.get("Exten", ""),
        "Application": headers.get("Application", ""),
        "Data": headers.get("Data", ""),
        "Reason": 0 if "nosuch" in headers["Channel"] else 4,
        "Uniqueid": f"{int(time.time())}.{number}",
        "CallerIDNum": "<unknown>",
        "CallerIDName": "<unknown>",
    }
    return queued + event("OriginateResponse", result)


def _variables(lines: str | Iterable[str]) -> Iterable[tuple[str, str]]:
    """Names and values of Variable headers. Only quotes keep a comma, a quote or a backslash."""
    for line in [lines] if isinstance(lines, str) else lines:
        name, _, text = line.partition("=")
        if text[:1] == '"' and text[-1:] == '"' and len(text) > 1:
            characters = iter(text[1:-1])
            text = "".join(next(characters, "") if one == "\\" else one for one in characters)
        yield name, text


def _getvar(session: Session, headers: Headers) -> bytes:
    name = headers.get("Variable", "")
    value = session.simulator.variables.get((headers.get("Channel", ""), name), "")
    return answer("Success", headers.get("ActionID"), ("Variable", name), ("Value", value))


def _setvar(session: Session, headers: Headers) -> bytes:
    place = headers.get("Channel", ""), headers.get("Variable", "")
    session.simulator.variables[place] = headers.get("Value", "")
    return answer("Success", headers.get("ActionID"), ("Message", "Variable Set"))


def _command(session: Session, headers: Headers) -> bytes:
    command = headers.get("Command", "")
    known = {"core show version": [VERSION], "core show uptime": ["System uptime: 1 minute", ""]}
    output = known.get(command, [f"No such command '{command}'"])
    word = "Success" if command in known else "Error"
    lines = [("Output", line) for line in output]
    follows = ("Message", "Command output follows")
    if session.simulator.old_style:
        text = "\n".join([*output, ""])
        head = f"Response: Follows\r\nPrivilege: Command\r\nActionID: {headers.get('ActionID')}\r\n"
        return f"{head}{text}--END COMMAND--\r\n\r\n".encode()
    return answer(word, headers.get("ActionID"), follows, *lines)


def _core_settings(session: Session, headers: Headers) -> bytes:
    return answer(
        "Success",
        headers.get("ActionID"),
        ("AMIversion", "11.0.0"),
        ("AsteriskVersion", VERSION),
        ("SystemName", ""),
    )


def _queue_status(session: Session, headers: Headers) -> bytes:
    found: list[tuple[str, Headers]] = []
    for queue, members in session.simulator.queues.items():
        if headers.get("Queue", queue) != queue:
            continue
        found.append(("QueueParams", {"Queue": queue, "Max": 0, "Strategy": "ringall", "Calls": 0}))
        for interface, name in members:
            member = {"Queue": queue, "Name": name, "Location": interface, "Paused": 0, "Status": 1}
            found.append(("QueueMember", member))
    return whole_list(headers.get("ActionID"), found, "QueueStatusComplete")


def _queue_summary(session: Session, headers: Headers) -> bytes:
    found = [
        ("QueueSummary", {"Queue": queue, "LoggedIn": len(members), "Available": len(members)})
        for queue, members in session.simulator.queues.items()
        if headers.get("Queue", queue) == queue
    ]
    return whole_list(headers.get("ActionID"), found, "QueueSummaryComplete")


def _queue_add(session: Session, headers: Headers) -> bytes:
    members = session.simulator.queues.get(headers.get("Queue", ""))
    if members is None:
        return _error(headers, "Unable to add interface to queue: No such queue")
    interface = headers.get("Interface", "")
    if any(interface == known for known, _ in members):
        return _error(headers, "Unable to add interface: Already there")
    members.append((interface, headers.get("MemberName", interface)))
    return answer("Success", headers.get("ActionID"), ("Message", "Added interface to queue"))


def _queue_remove(session: Session, headers: Headers) -> bytes:
    members = session.simulator.queues.get(headers.get("Queue", ""))
    if members is None:
        return _error(headers, "Unable to remove interface from queue: No such queue")
    kept = [one for one in members if one[0] != headers.get("Interface")]
    if len(kept) == len(members):
        return _error(headers, "Unable to remove interface: Not there")
    members[:] = kept
    return answer("Success", headers.get("ActionID"), ("Message", "Removed interface from queue"))


def _empty_list(finisher: str) -> Answer:
    def say(session: Session, headers: Headers) -> bytes:
        return whole_list(headers.get("ActionID"), (), finisher)

    return say


def _refusal(text: str) -> Answer:
    def say(session: Session, headers: Headers) -> bytes:
        return _error(headers, text)

    return say


def _user_event(session: Session, headers: Headers) -> bytes:
    sent = {"Privilege": "user,all", **headers}
    sent.pop("Action", None)
    session.simulator.send(event("UserEvent", sent), "user")
    return answer("Success", headers.get("ActionID"), ("Message", "Event Sent"))


def _error(headers: Headers, text: str) -> bytes:
    return answer("Error", headers.get("ActionID"), ("Message", text))


def answer_to(session: Session, headers: Headers) -> bytes:
    """The answer to an action, as Asterisk gives it."""
    name = headers.get("Action")
    if not name:
        return _error(headers, "Missing action in request")
    action = name.lower()
    if session.user is None and action not in ("login", "challenge", "logoff"):
        return _error(headers, "Permission denied")
    needed = NEEDED_CLASS.get(action)
    if needed is not None and session.user is not None and not session.user.may_write(needed):
        return _error(headers, "Permission denied")
    own = session.simulator.handlers.get(action)
    if own is not None:
        given = own(headers)
        if isinstance(given, bytes):
            return given
        return answer("Success", headers.get("ActionID"), *(given or {}).items())
    known = ANSWERS.get(action)
    if known is None:
        hint = "Use Action: ListCommands to show available commands."
        return _error(headers, f"Invalid/unknown command: {name}. {hint}")
    return known(session, headers)


ANSWERS: dict[str, Answer] = {
    "challenge": _challenge,
    "login": _login,
    "logoff": _logoff,
    "ping": _ping,
    "events": _events,
    "filter": _success("Success"),
    "originate": _originate,
    "getvar": _getvar,
    "setvar": _setvar,
    "command": _command,
    "coresettings": _core_settings,
    "hangup": _success("Channel Hungup"),
    "redirect": _success("Redirect successful"),
    "queuestatus": _queue_status,
    "queuesummary": _queue_summary,
    "queueadd": _queue_add,
    "queueremove": _queue_remove,
    "queuepause": _success("Interface paused successfully"),
    "reload": _success("Module Reloaded"),
    "userevent": _user_event,
    "simulatorplay": _success("The source is played"),
    "coreshowchannels": _empty_list("CoreShowChannelsComplete"),
    "status": _empty_list("StatusComplete"),
    "parkedcalls": _empty_list("ParkedCallsComplete"),
    "pjsipshowcontacts": _refusal("No Contacts found\n"),
    "pjsipshowendpoints": _refusal("No endpoints found\n"),
    "confbridgelistrooms": _refusal("No active conferences."),
    "voicemailuserslist": _success("There are no voicemail users currently defined."),
}
"""Action in lower case to what answers it."""

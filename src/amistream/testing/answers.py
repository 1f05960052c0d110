"""How a Simulator answers actions, as an Asterisk 22 does."""

from __future__ import annotations

import hashlib
import itertools
import logging
import random
import re
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from amistream.client.empty import empty_message
from amistream.client.lists import list_of
from amistream.testing.requests import Action
from amistream.testing.workload import Workload

if TYPE_CHECKING:
    from amistream.testing.session import Session

__all__ = ["ANSWERS", "Answered", "Member", "Pbx", "answer", "answer_to", "event", "whole_list"]

Headers = Mapping[str, Any]
Answered = bytes | Headers | list[tuple[str, Headers]] | None
"""What a handler of a test gives: bytes, the headers of a response, events of a list, or None."""
Answer = Callable[["Session", Action], bytes]

VERSION: Final = "Asterisk 22.0.0 (the Simulator of amistream)"
MOST_KEPT: Final = 10_000
"""How many variables, channels, and members of a queue clients can make."""
MOST_FILTERS: Final = 100

NEEDED_CLASSES: Final = {
    "originate": "originate call",
    "command": "command",
    "filter": "system",
    "getvar": "call reporting",
    "setvar": "call",
    "hangup": "call system",
    "redirect": "call",
    "queueadd": "agent",
    "queueremove": "agent",
    "queuepause": "agent",
    "reload": "system config",
    "coresettings": "system reporting",
    "coreshowchannels": "system reporting",
    "status": "system call reporting",
    "userevent": "user",
}
"""Action in lower case to the classes of which a user's `write` needs one; others need none."""

_START_IN_CAPITALS: Final = {"FAXSessionsComplete"}
"""The finishers of lists that Asterisk announces with "Start"."""

logger = logging.getLogger("amistream.testing")


def message(*headers: tuple[str, Any]) -> bytes:
    """The bytes of a message. None leaves a header out, a list repeats it."""
    lines = []
    for name, value in headers:
        for one in value if isinstance(value, list | tuple) else [value]:
            if one is not None:
                lines.append(f"{name}: {one}\r\n")  # noqa: PERF401
    return ("".join(lines) + "\r\n").encode("utf-8", "surrogateescape")


def answer(word: str, action_id: str | None, *headers: tuple[str, Any]) -> bytes:
    """The bytes of a response."""
    return message(("Response", word), ("ActionID", action_id), *headers)


def event(name: str, headers: Headers | Iterable[tuple[str, Any]] = ()) -> bytes:
    """The bytes of an event."""
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    return message(("Event", name), *pairs)


def whole_list(
    action_id: str | None,
    members: Iterable[tuple[str, Headers]],
    finisher: str,
    count_header: str = "ListItems",
) -> bytes:
    """The bytes of a list: its response, its members, and its finisher with their number."""
    word = "Start" if finisher in _START_IN_CAPITALS else "start"
    begin = answer("Success", action_id, ("EventList", word), ("Message", "Result will follow"))
    found = [event(name, {**headers, "ActionID": action_id}) for name, headers in members]
    end = {"ActionID": action_id, "EventList": "Complete", "ListItems": len(found)}
    return begin + b"".join(found) + event(finisher, {**end, count_header: len(found)})


class Member(NamedTuple):
    """A member of a queue."""

    interface: str
    name: str
    paused: bool = False
    penalty: int = 0


class Pbx:
    """What the simulated Asterisk knows: queues, variables, and the channels of Originate.

    queues: queue to its members: those of the call centre, or a few.
    variables: channel and name to the value; a global one has the channel "".
    channels: the name of a channel to the headers that describe it.
    """

    def __init__(self, workload: Workload | None) -> None:
        self.queues = _queues_of(workload)
        self.variables: dict[tuple[str, str], str] = {}
        self.channels: dict[str, dict[str, str]] = {}
        self.knows_all_channels = workload is None
        """Whether no other channels exist; the clients of a call centre also know its calls."""
        self._numbers = itertools.count(1)

    def set(self, channel: str, name: str, value: str) -> None:
        """Set a variable. The oldest one is forgotten if there are too many."""
        _keep(self.variables, (channel, name), value)

    def add_channel(self, asked_for: str, extension: str, context: str) -> dict[str, str]:
        """A new channel: its headers."""
        number = next(self._numbers)
        is_local = asked_for.lower().startswith("local/")
        name = f"{asked_for.removesuffix('/n')}-{number:08x}{';1' * is_local}"
        found = {
            "Channel": name,
            "ChannelState": "6",
            "ChannelStateDesc": "Up",
            "CallerIDNum": "<unknown>",
            "CallerIDName": "<unknown>",
            "ConnectedLineNum": "<unknown>",
            "ConnectedLineName": "<unknown>",
            "Language": "en",
            "AccountCode": "",
            "Context": context,
            "Exten": extension,
            "Priority": "1",
            "Uniqueid": f"{int(time.time())}.{number}",
        }
        found["Linkedid"] = found["Uniqueid"]
        _keep(self.channels, name, found)
        return found

    def has_channel(self, name: str) -> bool:
        """Whether a channel exists, as far as anyone can tell."""
        return name in self.channels or not self.knows_all_channels


def _keep(kept: dict[Any, Any], key: Any, value: Any) -> None:
    kept[key] = value
    while len(kept) > MOST_KEPT:
        kept.pop(next(iter(kept)), None)


def _queues_of(workload: Workload | None) -> dict[str, list[Member]]:
    if workload is None:
        return {
            "support": [Member("PJSIP/101", "Alice"), Member("PJSIP/102", "Bob")],
            "sales": [Member("PJSIP/103", "Chloë")],
        }
    queues = [f"queue-{number + 1:02}" for number in range(workload.options.queues)]
    agents = [
        Member(f"Local/{1001 + number}@agents/n", f"Agent {1001 + number}")
        for number in range(workload.options.agents)
    ]
    return {queue: agents[at :: len(queues)] for at, queue in enumerate(queues)}


# --- the session --------------------------------------------------------------------------------


def _challenge(session: Session, action: Action) -> bytes:
    if action.text("AuthType").upper() != "MD5":
        return _error(action, "Must specify AuthType")
    session.challenge = str(random.randrange(10**8, 10**9))
    return answer("Success", action.action_id, ("Challenge", session.challenge))


def _login(session: Session, action: Action) -> bytes:
    if session.user is not None:
        return _success(action, "Already authenticated")
    user = session.simulator.users.get(action.text("Username"))
    if user is None or not _knows_secret(user.secret, session.challenge, action):
        session.ends = True
        return _error(action, "Authentication failed")
    session.user = user
    session.set_mask(action.text("Events"))
    accepted = _success(action, "Authentication accepted")
    if not session.simulator.boots or not session.wants("system"):
        return accepted
    booted = {"Privilege": "system,all", "Uptime": 60, "LastReload": 60, "Status": "Fully Booted"}
    return accepted + event("FullyBooted", booted)


def _knows_secret(secret: str, challenge: str, action: Action) -> bool:
    if action.text("AuthType").upper() != "MD5":
        return action.text("Secret") == secret
    if not challenge:
        return False
    digest = hashlib.md5((challenge + secret).encode(), usedforsecurity=False)
    return action.text("Key").lower() == digest.hexdigest()


def _logoff(session: Session, action: Action) -> bytes:
    session.ends = True
    return answer("Goodbye", action.action_id, ("Message", "Thanks for all the fish."))


def _ping(session: Session, action: Action) -> bytes:
    now = f"{time.time():.6f}"
    return answer("Success", action.action_id, ("Ping", "Pong"), ("Timestamp", now))


def _events(session: Session, action: Action) -> bytes:
    session.set_mask(action.text("EventMask", "off"))
    return answer("Success", action.action_id, ("Events", "On" if session.mask else "Off"))


_EXACT_NAME: Final = re.compile(r"name\(([^()]+)\),method\(none\)")


def _filter(session: Session, action: Action) -> bytes:
    from amistream.testing.session import Filter

    if action.text("Operation").lower() != "add":
        return _error(action, "Unknown operation")
    exact = _EXACT_NAME.fullmatch(action.text("MatchCriteria"))
    pattern = action.text("Filter")
    hides = pattern.startswith("!")
    pattern = pattern.removeprefix("!")
    if exact is not None:
        pattern = rf"\AEvent: {re.escape(exact[1])}\r\n"
    check = "Check the syntax of the filter given."
    if not pattern or (action.text("MatchCriteria") and exact is None):
        return _error(action, f"Filter was formatted incorrectly.  {check}")
    if len(session.filters) >= MOST_FILTERS:
        return _error(action, "Filter could not be allocated")
    try:
        finds = re.compile(pattern.encode("utf-8", "surrogateescape")).search
    except (re.error, RecursionError, OverflowError):
        return _error(action, f"Filter did not compile.  {check}")
    session.filters.append(Filter(hides, finds))
    return _success(action, "Success")


def _play(session: Session, action: Action) -> bytes:
    return _success(action, "The source is played")


# --- calls --------------------------------------------------------------------------------------

_FAILURES: Final = {"nosuch": 0, "busy": 5, "noanswer": 3}
"""What a channel's name may have in it, to the Reason for which it cannot be called."""


def _originate(session: Session, action: Action) -> bytes:
    simulator = session.simulator
    asked_for = action.text("Channel")
    if not asked_for:
        return _error(action, "Channel not specified")
    if not action.text("Timeout", "30000").strip().isdigit():
        return _error(action, "Invalid timeout")
    context, extension = action.text("Context"), action.text("Exten")
    reason = next((reason for word, reason in _FAILURES.items() if word in asked_for), 4)
    answered = reason == 4
    is_async = action.text("Async").strip().lower() in ("yes", "true", "y", "t", "1", "on")
    if not is_async:
        session.pause(simulator.originate_delay)
    channel = {"Channel": asked_for, "Uniqueid": "<unknown>"}
    if answered:
        channel = simulator.pbx.add_channel(asked_for, extension, context)
        for name, value in _variables(action.all("Variable")):
            simulator.pbx.set(channel["Channel"], name, value)
        simulator.give(event("Newchannel", {"Privilege": "call,all", **channel}))
    if not is_async:
        return (
            _success(action, "Originate successfully queued")
            if answered
            else (_error(action, "Originate failed"))
        )
    result = {
        "Privilege": "call,all",
        "ActionID": action.action_id,
        "Response": "Success" if answered else "Failure",
        "Channel": channel["Channel"],
        "Context": context,
        "Exten": extension,
        "Application": action.text("Application"),
        "Data": action.text("Data"),
        "Reason": reason,
        "Uniqueid": channel["Uniqueid"],
        "CallerIDNum": "<unknown>",
        "CallerIDName": "<unknown>",
    }
    simulator.give(event("OriginateResponse", result), simulator.originate_delay)
    return _success(action, "Originate successfully queued")


def _variables(lines: list[str]) -> Iterable[tuple[str, str]]:
    """Names and values of Variable headers. Only quotes keep a comma, a quote or a backslash."""
    for line in lines:
        name, _, text = line.partition("=")
        if text[:1] == '"' and text[-1:] == '"' and len(text) > 1:
            characters = iter(text[1:-1])
            text = "".join(next(characters, "") if one == "\\" else one for one in characters)
        yield name, text


def _hangup(session: Session, action: Action) -> bytes:
    pbx = session.simulator.pbx
    name = action.text("Channel")
    if len(name) > 1 and name.startswith("/") and name.endswith("/"):
        return _hang_up_matching(session, action, name[1:-1])
    if not pbx.has_channel(name):
        return _error(action, "No such channel")
    _hang_up(session, action, name)
    return _success(action, "Channel Hungup")


def _hang_up_matching(session: Session, action: Action, pattern: str) -> bytes:
    try:
        finds = re.compile(pattern).search
    except (re.error, RecursionError, OverflowError):
        return _error(action, "Regex compile failed")
    names = [name for name in list(session.simulator.pbx.channels) if finds(name)]
    for name in names:
        _hang_up(session, action, name)
    found = [("ChannelHungup", {"Channel": name}) for name in names]
    return whole_list(action.action_id, found, "ChannelsHungupListComplete")


def _hang_up(session: Session, action: Action, name: str) -> None:
    channel = session.simulator.pbx.channels.pop(name, None)
    if channel is not None:
        cause = action.text("Cause") or "16"
        end = {"Cause": cause, "Cause-txt": "Normal Clearing" if cause == "16" else "Unknown"}
        hangup = event("Hangup", {"Privilege": "call,all", **channel, **end})
        session.simulator.give(hangup)


def _redirect(session: Session, action: Action) -> bytes:
    pbx = session.simulator.pbx
    name = action.text("Channel")
    if not pbx.has_channel(name):
        return _error(action, f"Channel does not exist: {name}")
    place = {name: action.text(name) for name in ("Context", "Exten", "Priority")}
    pbx.channels.get(name, {}).update(place)
    return _success(action, "Redirect successful")


def _getvar(session: Session, action: Action) -> bytes:
    pbx = session.simulator.pbx
    channel, name = action.text("Channel"), action.text("Variable")
    if not name:
        return _error(action, "No variable specified")
    if channel and not pbx.has_channel(channel):
        return _error(action, "No such channel")
    value = pbx.variables.get((channel, name), "")
    return answer("Success", action.action_id, ("Variable", name), ("Value", value))


def _setvar(session: Session, action: Action) -> bytes:
    pbx = session.simulator.pbx
    channel, name = action.text("Channel"), action.text("Variable")
    if not name:
        return _error(action, "No variable specified")
    if channel and not pbx.has_channel(channel):
        return _error(action, "No such channel")
    pbx.set(channel, name, action.text("Value"))
    return _success(action, "Variable Set")


def _core_show_channels(session: Session, action: Action) -> bytes:
    found = [("CoreShowChannel", channel) for channel in _channels(session)]
    return whole_list(action.action_id, found, "CoreShowChannelsComplete")


def _status(session: Session, action: Action) -> bytes:
    name = action.text("Channel")
    if name and name not in session.simulator.pbx.channels:
        return _error(action, "No such channel")
    found = [
        ("Status", channel) for channel in _channels(session) if name in ("", channel["Channel"])
    ]
    return whole_list(action.action_id, found, "StatusComplete", "Items")


def _channels(session: Session) -> list[dict[str, str]]:
    return list(session.simulator.pbx.channels.values())


# --- the system ---------------------------------------------------------------------------------


def _command(session: Session, action: Action) -> bytes:
    command = action.text("Command")
    if not command:
        return _error(action, "No command provided")
    known = {"core show version": [VERSION], "core show uptime": ["System uptime: 1 minute", ""]}
    unknown = f"No such command '{command}' (type 'core show help {command}' for other possible"
    output = known.get(command, [f"{unknown} commands)"])
    if session.simulator.old_style:
        text = "\n".join([*output, ""])
        head = [("Response", "Follows"), ("Privilege", "Command"), ("ActionID", action.action_id)]
        end = f"{text}--END COMMAND--\r\n\r\n".encode("utf-8", "surrogateescape")
        return message(*head).removesuffix(b"\r\n") + end
    word = "Success" if command in known else "Error"
    lines = [("Output", line) for line in output]
    return answer(word, action.action_id, ("Message", "Command output follows"), *lines)


def _core_settings(session: Session, action: Action) -> bytes:
    version = ("AMIversion", "11.0.0"), ("AsteriskVersion", VERSION), ("SystemName", "")
    return answer("Success", action.action_id, *version)


def _user_event(session: Session, action: Action) -> bytes:
    sent = {"Privilege": "user,all", "UserEvent": action.text("UserEvent"), **action}
    for name in list(sent):
        if name.lower() == "action":
            del sent[name]
    session.simulator.give(event("UserEvent", sent))
    return _success(action, "Event Sent")


def _say(text: str) -> Answer:
    return lambda session, action: _success(action, text)


# --- queues -------------------------------------------------------------------------------------


def _queue_status(session: Session, action: Action) -> bytes:
    found: list[tuple[str, Headers]] = []
    wanted = action.text("Member")
    for queue, members in _asked_for(session, action):
        found.append(("QueueParams", {"Queue": queue, "Max": 0, "Strategy": "ringall", "Calls": 0}))
        for one in members:
            if wanted in ("", one.interface):
                paused = {"Paused": int(one.paused), "Penalty": one.penalty, "Status": 1}
                place = {"Queue": queue, "Name": one.name, "Location": one.interface}
                found.append(("QueueMember", {**place, "Membership": "dynamic", **paused}))
    return whole_list(action.action_id, found, "QueueStatusComplete")


def _queue_summary(session: Session, action: Action) -> bytes:
    found = [
        (
            "QueueSummary",
            {
                "Queue": queue,
                "LoggedIn": len(members),
                "Available": sum(not one.paused for one in members),
                "Callers": 0,
                "HoldTime": 0,
                "TalkTime": 0,
                "LongestHoldTime": 0,
            },
        )
        for queue, members in _asked_for(session, action)
    ]
    return whole_list(action.action_id, found, "QueueSummaryComplete")


def _asked_for(session: Session, action: Action) -> list[tuple[str, list[Member]]]:
    wanted = action.text("Queue")
    queues = session.simulator.pbx.queues
    return [(name, members) for name, members in queues.items() if wanted in ("", name)]


def _queue_add(session: Session, action: Action) -> bytes:
    members = session.simulator.pbx.queues.get(action.text("Queue"))
    interface = action.text("Interface")
    if not interface:
        return _error(action, "'Interface' not specified.")
    if members is None:
        return _error(action, "Unable to add interface to queue: No such queue")
    if any(interface == one.interface for one in members):
        return _error(action, "Unable to add interface: Already there")
    if len(members) >= MOST_KEPT:
        return _error(action, "Out of memory")
    penalty = action.text("Penalty")
    members.append(
        Member(
            interface,
            action.text("MemberName") or interface,
            action.text("Paused").lower() in ("yes", "true", "1", "on"),
            int(penalty) if penalty.isdecimal() else 0,
        )
    )
    return _success(action, "Added interface to queue")


def _queue_remove(session: Session, action: Action) -> bytes:
    members = session.simulator.pbx.queues.get(action.text("Queue"))
    if members is None:
        return _error(action, "Unable to remove interface from queue: No such queue")
    kept = [one for one in members if one.interface != action.text("Interface")]
    if len(kept) == len(members):
        return _error(action, "Unable to remove interface: Not there")
    members[:] = kept
    return _success(action, "Removed interface from queue")


def _queue_pause(session: Session, action: Action) -> bytes:
    pauses = action.text("Paused").lower() in ("yes", "true", "1", "on")
    found = False
    for _, members in _asked_for(session, action):
        for at, one in enumerate(members):
            if one.interface == action.text("Interface"):
                members[at] = one._replace(paused=pauses)
                found = True
    if not found:
        return _error(action, "Interface not found")
    done = "paused" if pauses else "unpaused"
    return _success(action, f"Interface {done} successfully")


def _endpoints(session: Session, action: Action) -> bytes:
    names = sorted(_interfaces(session))
    found = [
        ("EndpointList", {"ObjectType": "endpoint", "ObjectName": name.removeprefix("PJSIP/")})
        for name in names
        if name.startswith("PJSIP/")
    ]
    if not found:
        return _error(action, "No endpoints found\n")
    return whole_list(action.action_id, found, "EndpointListComplete")


def _device_states(session: Session, action: Action) -> bytes:
    found = [
        ("DeviceStateChange", {"Device": name, "State": "NOT_INUSE"})
        for name in sorted(_interfaces(session))
    ]
    return whole_list(action.action_id, found, "DeviceStateListComplete")


def _interfaces(session: Session) -> set[str]:
    queues = session.simulator.pbx.queues.values()
    return {one.interface for members in queues for one in members}


# --- all actions --------------------------------------------------------------------------------


def _error(action: Action, text: str) -> bytes:
    return answer("Error", action.action_id, ("Message", text))


def _success(action: Action, text: str) -> bytes:
    return answer("Success", action.action_id, ("Message", text))


def _list_of(action: str) -> tuple[str, str] | None:
    """The finisher of a list action, and the header that counts its members."""
    kind = list_of(action)
    return None if kind is None else (kind.finisher.__name__, kind.count_header)


def _own_answer(session: Session, action: Action) -> bytes:
    """The answer of a test's handler."""
    try:
        given = session.simulator.handlers[action.name](action)
    except Exception as error:
        # A client must not wait for ever because a test is wrong; and the test shall see why.
        logger.exception("the handler of the action %s failed", action.text("Action"))
        session.simulator.errors.append(error)
        return _error(action, f"The handler of {action.text('Action')} failed: {error!r}")
    if isinstance(given, bytes):
        return given
    if isinstance(given, list):
        finisher = f"{action.text('Action')}Complete", "ListItems"
        return whole_list(action.action_id, given, *(_list_of(action.name) or finisher))
    headers = dict(given or {})
    return answer(headers.pop("Response", "Success"), action.action_id, *headers.items())


def answer_to(session: Session, action: Action) -> bytes:
    """The answer to an action, as Asterisk gives it."""
    name = action.name
    if action.fault is not None:
        return _error(action, action.fault)
    if not name:
        return _error(action, "Missing action in request")
    user = session.user
    if user is None and name not in ("login", "challenge", "logoff"):
        return _error(action, "Permission denied")
    needed = NEEDED_CLASSES.get(name, "").split()
    if user is not None and needed and not any(map(user.may_write, needed)):
        return _error(action, "Permission denied")
    if name in session.simulator.handlers:
        return _own_answer(session, action)
    known = ANSWERS.get(name)
    if known is not None:
        return known(session, action)
    empty = empty_message(name)
    if empty is not None:
        return _error(action, f"{empty}\n" if name.startswith("pjsip") else empty)
    finisher = _list_of(name)
    if finisher is not None:
        return whole_list(action.action_id, (), *finisher)
    hint = "Use Action: ListCommands to show available commands."
    return _error(action, f"Invalid/unknown command: {action.text('Action')}. {hint}")


def _refuse(text: str) -> Answer:
    return lambda session, action: _error(action, text)


def _endpoint(session: Session, action: Action) -> bytes:
    name = action.text("Endpoint")
    if f"PJSIP/{name}" not in _interfaces(session):
        return _error(action, f"Unable to retrieve endpoint {name}")
    found = [("EndpointDetail", {"ObjectType": "endpoint", "ObjectName": name})]
    return whole_list(action.action_id, found, "EndpointDetailComplete")


ANSWERS: Final[dict[str, Answer]] = {
    "challenge": _challenge,
    "login": _login,
    "logoff": _logoff,
    "ping": _ping,
    "events": _events,
    "filter": _filter,
    "simulatorplay": _play,
    "originate": _originate,
    "hangup": _hangup,
    "redirect": _redirect,
    "getvar": _getvar,
    "setvar": _setvar,
    "coreshowchannels": _core_show_channels,
    "status": _status,
    "command": _command,
    "coresettings": _core_settings,
    "reload": _say("Module Reloaded"),
    "userevent": _user_event,
    "queuestatus": _queue_status,
    "queuesummary": _queue_summary,
    "queueadd": _queue_add,
    "queueremove": _queue_remove,
    "queuepause": _queue_pause,
    "pjsipshowendpoints": _endpoints,
    "devicestatelist": _device_states,
    "pjsipshowendpoint": _endpoint,
    "dbget": _refuse("Database entry not found"),
    "voicemailuserslist": _say("There are no voicemail users currently defined."),
    "voicemailuserstatus": _say("There is no voicemail user of the given info."),
    "voicemailboxsummary": _say("There is no voicemail user matching the given user."),
}
"""Action in lower case to what answers it."""

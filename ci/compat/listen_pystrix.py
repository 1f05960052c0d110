"""A plain pystrix program: records the events between two marks, and the answers."""

import json
import sys
import threading
from typing import Any

from pystrix.ami import Manager, core

HOST, PORT, USER, SECRET, PATH = sys.argv[1:]
VOLATILE = ("ActionID", "RTT", "CommandID", "Timestamp")

events: list[list[Any]] = []
answers: list[list[Any]] = []
marked = False
ended = threading.Event()
aggregated = threading.Event()


def record(event: Any, manager: Any) -> None:
    """Record an event: its name, its class, its headers in order, typed and raw, its data lines."""
    global marked
    if event == "QueueStatus_Aggregate":
        kinds = {key: len(found) for key, found in event.items() if isinstance(key, str)}
        answers.append([event.name, event.valid, event.error_message, kinds])
        aggregated.set()
        return
    headers, data = event.process()
    marked = marked or headers.get("UserEvent") == "ProofBegins"
    if not marked or ended.is_set():
        return
    asked = (event.name, type(event).__name__, event.get("Uniqueid"), event.action_id)
    events.append([*asked, list(headers.items()), list(event.items()), data])
    if headers.get("UserEvent") == "ProofEnds":
        ended.set()


def without_volatile(message: Any) -> list[tuple[str, str]]:
    """The headers of an answer, without those that differ each time."""
    return sorted((str(k), str(v)) for k, v in message.items() if k not in VOLATILE)


def send(manager: Any, request: Any) -> None:
    """Record the answer to an action, and its list if it has one."""
    answered = manager.send_action(request)
    lists = {}
    for key, found in (answered.events or {}).items():
        if isinstance(key, str):
            every = found if isinstance(found, list) else [found] if found else []
            lists[key] = sorted(map(without_volatile, every))
    outcome = (request["Action"], answered.success, answered.events_timeout)
    answers.append([*outcome, without_volatile(answered.result), lists])


def synchronous(request: Any) -> Any:
    request.synchronous = True
    return request


manager = Manager(aggregate_timeout=10)
manager.register_callback("", record)
# Without the drop-in, pystrix loses its connection if nothing comes for so many seconds.
manager.connect(HOST, int(PORT), timeout=60)
assert manager.send_action(core.Login(USER, SECRET)).success
for request in (
    core.Ping(),
    core.DBPut("proof", "key", "v\N{LATIN SMALL LETTER A WITH DIAERESIS}lue: 1"),
    synchronous(core.DBGet("proof", "key")),
    core.GetConfig("manager.conf"),
    core.ListCommands(),
    core.ModuleCheck("app_queue.so"),
    synchronous(core.QueueStatus()),
    synchronous(core.QueueSummary()),
    synchronous(core.ParkedCalls()),
    core.MailboxCount("100@default"),
    core.Getvar("NOTHING"),
    core.Hangup("Local/none"),
):
    send(manager, request)
request = core.QueueStatus()
request.aggregate = True
assert manager.send_action(request).success
assert aggregated.wait(20)
print("listening", flush=True)
assert ended.wait(300)
with open(PATH, "w", encoding="utf-8", errors="surrogateescape") as file:
    json.dump({"events": events, "answers": answers}, file)
sys.stdout.flush()

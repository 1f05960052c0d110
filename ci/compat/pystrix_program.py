"""A plain pystrix program: it writes down the events between two marks, and what actions give."""

import json
import sys
import threading

from pystrix.ami import Manager, core

HOST, PORT, USER, SECRET, PATH = sys.argv[1:]
VOLATILE = ("ActionID", "RTT", "CommandID", "Timestamp")

events = []
answers = []
marked = False
ended = threading.Event()
aggregated = threading.Event()


def write_down(event, manager):
    """Name, class, typed headers in their order, data lines, what is asked of it directly."""
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


def steady(message):
    """An answer's headers but for those that differ each time."""
    return sorted((str(k), str(v)) for k, v in message.items() if k not in VOLATILE)


def ask(manager, request):
    """Write down what an action gives, its list too if it has one."""
    answered = manager.send_action(request)
    lists = {}
    for key, found in (answered.events or {}).items():
        if isinstance(key, str):
            every = found if isinstance(found, list) else [found] if found else []
            lists[key] = sorted(map(steady, every))
    told = (request["Action"], answered.success, answered.events_timeout)
    answers.append([*told, steady(answered.result), lists])


def in_one_go(request):
    request.synchronous = True
    return request


manager = Manager(aggregate_timeout=10)
manager.register_callback("", write_down)
# pystrix alone loses its connection when nothing comes for this long.
manager.connect(HOST, int(PORT), timeout=60)
assert manager.send_action(core.Login(USER, SECRET)).success
for request in (
    core.Ping(),
    core.DBPut("proof", "key", "v\N{LATIN SMALL LETTER A WITH DIAERESIS}lue: 1"),
    in_one_go(core.DBGet("proof", "key")),
    core.GetConfig("manager.conf"),
    core.ListCommands(),
    core.ModuleCheck("app_queue.so"),
    in_one_go(core.QueueStatus()),
    in_one_go(core.QueueSummary()),
    in_one_go(core.ParkedCalls()),
    core.MailboxCount("100@default"),
    core.Getvar("NOTHING"),
    core.Hangup("Local/none"),
):
    ask(manager, request)
request = core.QueueStatus()
request.aggregate = True
assert manager.send_action(request).success
assert aggregated.wait(20)
print("listening", flush=True)
assert ended.wait(300)
with open(PATH, "w", encoding="utf-8", errors="surrogateescape") as file:
    json.dump({"events": events, "answers": answers}, file)
sys.stdout.flush()

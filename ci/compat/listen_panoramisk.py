"""A plain panoramisk program: records the events between two marks, and the answers."""

import asyncio
import json
import sys
from typing import Any

from panoramisk import Manager

host, port, user, secret, path = sys.argv[1:]
seen: list[list[Any]] = []
answers: list[list[Any]] = []
over: asyncio.Future[None]
ACTIONS = [
    ({"Action": "Ping"}, None),
    ({"Action": "ListCommands"}, None),
    ({"Action": "QueueStatus"}, True),
    ({"Action": "PJSIPShowEndpoints"}, None),
    ({"Action": "ExtensionStateList"}, None),
    ({"Action": "BridgeTechnologyList"}, None),
    ({"Action": "Command", "Command": "core show version"}, None),
    ({"Action": "Command", "Command": "dialplan show globals"}, None),
    ({"Action": "GetConfig", "Filename": "manager.conf", "Category": "general"}, None),
    ({"Action": "NoSuchAction"}, None),
    ({"Action": "DBGet", "Family": "compat", "Key": "k"}, None),
]


def record(manager: Any, message: Any) -> None:
    if message.userevent == "CompatBegin":
        seen.clear()
    seen.append([message.event, message.uniqueid, list(message.items())])
    if message.userevent == "CompatEnd":
        over.set_result(None)


async def main() -> None:
    global over
    loop = asyncio.get_running_loop()
    over, logged_in = loop.create_future(), loop.create_future()
    manager = Manager(
        loop=loop,
        host=host,
        port=int(port),
        username=user,
        secret=secret,
        on_login=lambda manager: logged_in.set_result(None),
    )
    manager.register_event("*", record)
    await manager.connect()
    await logged_in
    print("listening", flush=True)
    for action, as_list in ACTIONS:
        got = await asyncio.wait_for(manager.send_action(dict(action), as_list=as_list), 30)
        every = got if isinstance(got, list) else [got]
        answers.append([action["Action"], [[[k, v] for k, v in one.items()] for one in every]])
    await asyncio.wait_for(over, 120)
    manager.close()
    with open(path, "w") as file:
        json.dump({"seen": seen, "answers": answers}, file)


asyncio.run(main())

"""What is driven: all acts side by side, a call centre behind them, and rounds of every list."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import lists
from acts import ACTS
from lab import Lab, NotSeenError
from root import Progress

AT_ONCE = 8
LIST_ROUNDS = 4
CALLERS = (
    '"Zoë Å" <100>',
    "Jane Doe <5551234>",
    '"O\'Brien, \\"Pat\\"" <5550001>',
    "<anonymous>",
    "João <351210000000>",
)
CALLED = ("qsupport",) * 5 + ("qsales",) * 3 + ("conf", "flash", "record", "vars")


class Scenario:
    """One drive of a lab; `failed` has the acts that could not do their part, and why."""

    def __init__(self, lab: Lab, seconds: float, calls_per_second: float, seed: int) -> None:
        self.lab = lab
        self.seconds = seconds
        self.rate = calls_per_second
        self.seed = seed
        self.calls = 0
        self.failed: dict[str, str] = {}

    def run(self, progress: Progress) -> None:
        """Drive everything; it ends when the acts have and the time is up."""
        begun = time.monotonic()
        works = {"the call centre": self._call_centre, "the rounds of lists": self._ask_for_lists}
        behind = [threading.Thread(target=self._guarded, args=work) for work in works.items()]
        for thread in behind:
            thread.start()
        try:
            self._run_acts(progress)
            while self.lab.pause(min(1.0, begun + self.seconds - time.monotonic())):
                if time.monotonic() - begun >= self.seconds or not self.lab.left(1.0):
                    break
        finally:
            self.lab.closing.set()
            for thread in behind:
                thread.join()

    def _run_acts(self, progress: Progress) -> None:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            running = {pool.submit(act, self.lab): f"the act {act.__name__}" for act in ACTS}
            try:
                for number, (future, name) in enumerate(running.items(), 1):
                    try:
                        future.result()
                    except Exception as reason:  # one act must not hide what the others found
                        self._note(name, reason)
                    progress(f"acts {number}/{len(running)}, {self.lab.mark():,} messages")
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                self.lab.close()  # no act waits any longer
                raise

    def _guarded(self, name: str, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as reason:
            self._note(name, reason)

    def _note(self, name: str, reason: Exception) -> None:
        kind = "" if isinstance(reason, NotSeenError) else f"{type(reason).__name__}: "
        self.failed[name] = f"{kind}{reason}"

    def _call_centre(self) -> None:
        """Calls that arrive at random, until the lab closes."""
        dice = random.Random(self.seed)
        while self.lab.pause(dice.expovariate(self.rate)):
            self.calls += 1
            self.lab.send(
                "Originate",
                Channel=f"Local/{dice.choice(CALLED)}@acts/n",
                Context="near",
                Exten=dice.choice(("short", "short", "dtmf")),
                Priority=1,
                CallerID=dice.choice(CALLERS),
                Timeout=20000,
                Async="true",
                Variable=[
                    f"CAMPAIGN=x{self.calls}",
                    "NOTE=a: b; c=d",
                    f"PATIENCE={dice.randint(2, 8)}",
                ],
            )

    def _ask_for_lists(self) -> None:
        """Ask for every list a few times, while a call is up for those that need one."""
        lab = self.lab
        lab.must("DBPut", Family="lab", Key="k", Val="värde: 1")
        gap = self.seconds / (LIST_ROUNDS + 1)
        for _ in range(LIST_ROUNDS):
            call, _ = lab.connected()
            bridge = lab.expect("BridgeEnter", Uniqueid=call.near)["BridgeUniqueid"]
            member = lab.call("conf")
            lab.expect("ConfbridgeJoin", Uniqueid=member.far)
            for _ in range(2):
                lab.call("doomed")
            names = {"bridge": bridge, "channel": lab.channel(call.near)}
            for entry in lists.LISTS:
                headers = {name: value.format_map(names) for name, value in entry.headers.items()}
                last = lab.begin_list(entry._replace(headers=headers))
            lab.worker.answer(last.action_id)
            if not lab.pause(gap):
                break
            lab.hang_up(call.near, member.near)


def settle(lab: Lab, seconds: float) -> None:
    """Hang every channel up and wait until none is left."""
    lab.send("Hangup", Channel="/./")
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if "0 active channels" in lab.cli("core show channels count"):
            return
        time.sleep(0.3)


def stop(lab: Lab) -> None:
    """Tell Asterisk to stop, on a connection of its own: that one gets nothing more."""
    stopper = lab.connect("stopper")
    stopper.login()
    stopper.send(Action="Command", Command="core stop now")
    for connection in (lab.listener, lab.worker):
        if not connection.wait_ended(20):
            raise NotSeenError(f"Asterisk did not close the connection {connection.name}")

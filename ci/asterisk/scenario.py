"""The scenario: all cases in parallel, a call centre in the background, and every list action."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import lists
from cases import CASES
from chroot import Progress
from lab import Lab, NotSeenError

PARALLEL_CASES = 8
LIST_ROUNDS = 4
CALLER_IDS = (
    '"Zoë Å" <100>',
    "Jane Doe <5551234>",
    '"O\'Brien, \\"Pat\\"" <5550001>',
    "<anonymous>",
    "João <351210000000>",
)
CALLED_EXTENSIONS = ("qsupport",) * 5 + ("qsales",) * 3 + ("conf", "flash", "record", "vars")


class Scenario:
    """One run of the scenario; `failed` maps each failed part to the reason."""

    def __init__(self, lab: Lab, seconds: float, calls_per_second: float, seed: int) -> None:
        self.lab = lab
        self.seconds = seconds
        self.rate = calls_per_second
        self.seed = seed
        self.calls = 0
        self.failed: dict[str, str] = {}

    def run(self, progress: Progress) -> None:
        """Run everything until all cases have ended and the time is up."""
        started = time.monotonic()
        tasks = {"the call centre": self._call_centre, "the rounds of lists": self._ask_for_lists}
        background = [threading.Thread(target=self._guarded, args=task) for task in tasks.items()]
        for thread in background:
            thread.start()
        try:
            self._run_cases(progress)
            while self.lab.pause(min(1.0, started + self.seconds - time.monotonic())):
                if time.monotonic() - started >= self.seconds or not self.lab.remaining(1.0):
                    break
        finally:
            self.lab.closing.set()
            for thread in background:
                thread.join()

    def _run_cases(self, progress: Progress) -> None:
        with ThreadPoolExecutor(PARALLEL_CASES) as pool:
            running = {pool.submit(case, self.lab): f"the case {case.__name__}" for case in CASES}
            try:
                for number, (future, name) in enumerate(running.items(), 1):
                    try:
                        future.result()
                    except Exception as reason:  # a failed case must not end the other cases
                        self._record_failure(name, reason)
                    progress(f"cases {number}/{len(running)}, {self.lab.position():,} messages")
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                self.lab.close()  # every case that still waits fails at once
                raise

    def _guarded(self, name: str, task: Callable[[], None]) -> None:
        try:
            task()
        except Exception as reason:
            self._record_failure(name, reason)

    def _record_failure(self, name: str, reason: Exception) -> None:
        kind = "" if isinstance(reason, NotSeenError) else f"{type(reason).__name__}: "
        self.failed[name] = f"{kind}{reason}"

    def _call_centre(self) -> None:
        """Make calls at random times until the lab closes."""
        rng = random.Random(self.seed)
        while self.lab.pause(rng.expovariate(self.rate)):
            self.calls += 1
            self.lab.send(
                "Originate",
                Channel=f"Local/{rng.choice(CALLED_EXTENSIONS)}@lab/n",
                Context="near",
                Exten=rng.choice(("short", "short", "dtmf")),
                Priority=1,
                CallerID=rng.choice(CALLER_IDS),
                Timeout=20000,
                Async="true",
                Variable=[
                    f"CAMPAIGN=x{self.calls}",
                    "NOTE=a: b; c=d",
                    f"PATIENCE={rng.randint(2, 8)}",
                ],
            )

    def _ask_for_lists(self) -> None:
        """Ask for every list a few times; a call is up for the lists that need one."""
        lab = self.lab
        lab.must_succeed("DBPut", Family="lab", Key="k", Val="värde: 1")
        gap = self.seconds / (LIST_ROUNDS + 1)
        for _ in range(LIST_ROUNDS):
            call, _ = lab.bridged_call()
            bridge = lab.expect("BridgeEnter", Uniqueid=call.near)["BridgeUniqueid"]
            member = lab.call("conf")
            lab.expect("ConfbridgeJoin", Uniqueid=member.far)
            for _ in range(2):
                lab.call("doomed")
            names = {"bridge": bridge, "channel": lab.channel_name(call.near)}
            for entry in lists.LISTS:
                headers = {name: value.format_map(names) for name, value in entry.headers.items()}
                last = lab.request_list(entry._replace(headers=headers))
            lab.worker.answer(last.action_id)
            if not lab.pause(gap):
                break
            lab.hang_up(call.near, member.near)


def hang_up_all(lab: Lab, seconds: float) -> None:
    """Hang up every channel and wait until none is left."""
    lab.send("Hangup", Channel="/./")
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if "0 active channels" in lab.cli("core show channels count"):
            return
        time.sleep(0.3)


def stop_asterisk(lab: Lab) -> None:
    """Tell Asterisk to stop, on a separate connection: that connection gets no answer."""
    stopper = lab.connect("stopper")
    stopper.login()
    stopper.send(Action="Command", Command="core stop now")
    for connection in (lab.listener, lab.worker):
        if not connection.wait_ended(20):
            raise NotSeenError(f"Asterisk did not close the connection {connection.name}")

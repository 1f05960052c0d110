"""Changes one thing at a time in the sources and counts which changes the tests notice.

    python ci/mutation.py --module headers       every mutant of src/amistream/headers.py
    python ci/mutation.py                        of all modules, which takes hours
    python ci/mutation.py --module _fallback --sample 300
    python ci/mutation.py --survivors            after tests were added: those left, once more
    python ci/mutation.py --show                 what is known, and the survivors as diffs

The changes are mutmut's. Its own runner is not used: it mutates functions behind a switch that
is read when they are called, so it leaves out properties, `__new__` and all that is evaluated on
import - the declarations and tables these modules are made of. Here every mutant is a source of
its own, imported afresh by a fork of this process that runs the tests on the pure twin. What
only type checkers read is left alone: annotations, overloads, TypeVars.

A mutant is killed when a test fails, when a module cannot be imported, or when the tests take far
longer than without it (a timeout). Verdicts are kept in .mutation/ as they come: interrupt it and
start it again. After a change of a function its mutants are new ones; --fresh forgets the others
too. The first run makes a venv there with mutmut and the tests' requirements.
tests/MUTATION.md has the last figures and says why each survivor may live, by the key it has here.
"""

from __future__ import annotations

import argparse
import difflib
import gc
import hashlib
import importlib
import importlib.util
import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import suppress
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Any, NamedTuple, TextIO

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "src" / "amistream"
EXPLAINED = ROOT / "tests" / "MUTATION.md"
KEPT = ROOT / ".mutation"
PYTHON = KEPT / "venv" / "bin" / "python"
MUTMUT = "mutmut==3.8.1"
MODULES = ("headers", "messages", "aggregates", "collector", "_fallback")

TESTS = {
    "headers": "headers messages events core_events registration work",
    "messages": "messages headers events registration work wire",
    "aggregates": "aggregates lists collector events core_events",
    "collector": "aggregates lists collector",
    "_fallback": "wire messages headers parser differential registration work",
}
"""The tests that are of the module; others, such as those of the command line, are left out."""
CAPTURES = ("queue_events", "list_actions", "capture")
"""In the names of tests that read the large streams; left out too, each takes seconds."""
EXAMPLES = 50
LONGEST = 600
"""Seconds by the clock that all tests of a mutant have."""
MEMORY = 4 << 30
KILLED, SURVIVED, TIMEOUT = "killed", "survived", "timeout"


class Mutant(NamedTuple):
    """One change: where, what the source is with it, and how it is called in the results."""

    module: str
    place: str
    line: int
    source: str
    diff: str
    key: str


def main() -> int:
    """Mutate, run, keep and tell; the exit code."""
    options = _options()
    if importlib.util.find_spec("mutmut") is None:
        if not PYTHON.exists():
            _make_venv()
        os.execv(PYTHON, [PYTHON, *sys.argv])
    mutants = {module: _chosen(module, options) for module in options.module or MODULES}
    known = {module: {} if options.fresh else _read_verdicts(module) for module in mutants}
    if not options.show:
        for module, every in mutants.items():
            _run_module(module, every, known[module], options)
    _tell_survivors(mutants, known)
    _tell_figures(mutants, known)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--module", action="append", choices=MODULES, help="only this one; may be repeated")
    add("--sample", type=int, metavar="N", help="only the first N mutants of each module")
    add("--seed", type=int, default=0, help="of the order they are run in, which is at random")
    add("--jobs", type=int, default=1, help="how many mutants at once, 1 without it")
    add("--survivors", action="store_true", help="run only what survived so far")
    add("--fresh", action="store_true", help="forget the verdicts of these modules")
    add("--show", action="store_true", help="run nothing, tell what is known")
    return parser.parse_args()


def _make_venv() -> None:
    print("making a venv with mutmut and the tests' requirements ...", flush=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", PYTHON.parent.parent], check=True)
    install = [PYTHON, "-m", "pip", "install", "-q"]
    subprocess.run([*install, "-e", f"{ROOT}[test]", MUTMUT], check=True)


# --- the mutants ------------------------------------------------------------------------------


def _chosen(module: str, options: argparse.Namespace) -> list[Mutant]:
    """The mutants in the order they are run, at random, so that the first are a sample."""
    every = list(_mutants(module))
    random.Random(options.seed).shuffle(every)
    every.reverse()
    return every[: options.sample]


def _mutants(module: str) -> Iterator[Mutant]:
    """Every mutant of a module, in the source's order."""
    import libcst as cst
    from libcst.metadata import MetadataWrapper, WhitespaceInclusivePositionProvider
    from mutmut.mutation.mutators import mutation_operators

    source = (SOURCES / f"{module}.py").read_text()
    wrapper = MetadataWrapper(cst.parse_module(source))
    spans = wrapper.resolve(WhitespaceInclusivePositionProvider)
    starts = [0]
    for text in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(text))
    seen: Counter[str] = Counter()
    for node, place in _mutable(wrapper.module, ""):
        for kind, operator in mutation_operators:
            if not isinstance(node, kind):
                continue
            for changed in operator(node):
                span = spans[node]
                start = starts[span.start.line - 1] + span.start.column
                end = starts[span.end.line - 1] + span.end.column
                made = source[:start] + wrapper.module.code_for_node(changed) + source[end:]
                diff = _diff(source, made)
                said = f"{place}\n{diff}"
                seen[said] += 1
                key = hashlib.sha256(f"{said}\n{seen[said]}".encode()).hexdigest()[:16]
                yield Mutant(module, place, span.start.line, made, diff, key)


def _mutable(node: Any, place: str) -> Iterator[tuple[Any, str]]:
    """The nodes that may be mutated and the names of the definitions around each."""
    import libcst as cst
    import libcst.matchers as m

    overload = m.Decorator(decorator=m.Name("overload"))
    for_types = (
        m.Annotation()
        | m.FunctionDef(decorators=[m.ZeroOrMore(), overload, m.ZeroOrMore()])
        | m.Assign(value=m.Call(func=m.Name("TypeVar")))
        | m.Call(func=m.Name("len") | m.Name("isinstance"))  # as mutmut does: all of them raise
    )
    if m.matches(node, for_types):
        return
    if m.matches(node, m.If(test=m.Name("TYPE_CHECKING"))):
        if node.orelse is not None:
            yield from _mutable(node.orelse, place)
        return
    if isinstance(node, cst.FunctionDef | cst.ClassDef):
        place = f"{place}.{node.name.value}".lstrip(".")
    yield node, place
    for child in node.children:
        yield from _mutable(child, place)


def _diff(old: str, new: str) -> str:
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=0)
    return "\n".join(line for line in lines if not line.startswith(("---", "+++", "@@")))


# --- running them -----------------------------------------------------------------------------


class _Finder:
    """Gives one module another source; first in sys.meta_path."""

    def __init__(self, mutant: Mutant) -> None:
        self.name = f"amistream.{mutant.module}"
        self.path = str(SOURCES / f"{mutant.module}.py")
        self.source = mutant.source

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name != self.name:
            return None
        loader = _Loader(name, self.path)
        loader.source = self.source
        return importlib.util.spec_from_file_location(name, self.path, loader=loader)


class _Loader(SourceFileLoader):
    source: str

    def get_code(self, fullname: str) -> CodeType:
        return compile(self.source, self.path, "exec", dont_inherit=True)


class _Child(NamedTuple):
    """A fork that runs the tests on a mutant."""

    mutant: Mutant
    output: int
    until: float


class _Runs:
    """A pytest plugin: where the tests would be run, they are run for each mutant, in a fork.

    The tests are collected once. They take the package from the fixtures of tests/conftest.py,
    so that a child can import it anew, mutated.
    """

    def __init__(
        self, module: str, mutants: list[Mutant], kills: Counter[str], both: bool, jobs: int
    ) -> None:
        self.module = module
        self.mutants = mutants
        self.both = both  # the tests that compare the twins, else those of the pure one
        self.jobs = jobs
        self.kills = kills
        self.kills_at: dict[str, Counter[str]] = defaultdict(Counter)
        self.seconds: dict[str, float] = defaultdict(float)
        self.failed = ""

    def pytest_collection(self) -> None:
        from hypothesis import HealthCheck, Phase, settings

        settings.register_profile(
            "mutation",
            max_examples=EXAMPLES,
            derandomize=True,
            database=None,
            deadline=None,
            phases=(Phase.explicit, Phase.generate),
            suppress_health_check=list(HealthCheck),
        )
        settings.load_profile("mutation")

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        if self.both:
            items[:] = [item for item in items if "both" in item.fixturenames]
        items[:] = [item for item in items if not any(name in item.nodeid for name in CAPTURES)]

    def pytest_runtest_logreport(self, report: Any) -> None:
        self.seconds[report.nodeid] += report.duration
        if report.failed and not self.failed:
            self.failed = report.nodeid

    def pytest_runtestloop(self, session: Any) -> bool:
        gc.collect()
        gc.freeze()
        said = self._run_unchanged(session)
        if said["failed"] is not None:
            raise SystemExit(f"{self.module}: fails without a mutant: {said['failed']}")
        self.seconds.update(said["seconds"])
        with (KEPT / f"{self.module}.jsonl").open("a") as results:
            self._run_all(session, results)
        return True

    def _run_unchanged(self, session: Any) -> dict[str, Any]:
        pid, output = self._fork(session, None)
        said = _drain(output)
        os.waitpid(pid, 0)
        return said

    def _run_all(self, session: Any, results: TextIO) -> None:
        queue = list(reversed(self.mutants))
        running: dict[int, _Child] = {}
        progress = _Progress(self.module, len(queue))
        try:
            while queue or running:
                while queue and len(running) < self.jobs:
                    mutant = queue.pop()
                    pid, output = self._fork(session, mutant)
                    running[pid] = _Child(mutant, output, time.monotonic() + LONGEST)
                for pid, code in _wait(running):
                    mutant, output, _ = running.pop(pid)
                    failed = _drain(output)["failed"] if code >= 0 else ""
                    verdict = TIMEOUT if code < 0 else SURVIVED if failed is None else KILLED
                    if verdict == KILLED:
                        self.kills[failed] += 1
                        self.kills_at[mutant.place][failed] += 1
                    known = {"key": mutant.key, "verdict": verdict, "by": failed}
                    print(json.dumps(known), file=results, flush=True)
                    progress.tell(verdict)
        finally:
            for pid in running:
                _kill_group(pid)

    def _fork(self, session: Any, mutant: Mutant | None) -> tuple[int, int]:
        reading, writing = os.pipe()
        pid = os.fork()
        if pid:
            os.close(writing)
            return pid, reading
        try:
            os.close(reading)
            os.setsid()
            nowhere = os.open(os.devnull, os.O_RDWR)
            for descriptor in (0, 1, 2):
                os.dup2(nowhere, descriptor)
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            failed = self._run_tests(session, mutant)
            with os.fdopen(writing, "w") as pipe:
                seconds = self.seconds if mutant is None else {}
                json.dump({"failed": failed, "seconds": seconds}, pipe)
        finally:
            os._exit(0)

    def _run_tests(self, session: Any, mutant: Mutant | None) -> str | None:
        """The first test that fails, "import" if none could be run, None if all pass."""
        conftest = session.config.pluginmanager.get_plugin(str(ROOT / "tests" / "conftest.py"))
        self._limit(10.0)
        if mutant is not None:
            sys.meta_path.insert(0, _Finder(mutant))  # type: ignore[arg-type]
        try:
            conftest.TWINS.use("compiled" if self.both else "pure")
            conftest.TWINS.trees.pop("pure", None)
            if not self.both:
                importlib.import_module("support.twins").without_amistream()
                conftest.TWINS.current = None
            conftest.TWINS.use("pure")
        except BaseException:
            return "import"
        items = sorted(session.items, key=lambda item: self._rank(item.nodeid, mutant))
        for item, following in zip(items, [*items[1:], None], strict=True):
            self._limit(3.0 + 5 * self.seconds[item.nodeid] if mutant else 60.0)
            try:
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            except BaseException:
                return str(item.nodeid)
            if self.failed:
                return self.failed
        return None

    def _rank(self, test: str, mutant: Mutant | None) -> tuple[float, ...]:
        """First what killed a mutant of this function, then of this module, then what is quick."""
        here = self.kills_at[mutant.place][test] if mutant else 0
        return -here, -self.kills[test], self.seconds[test]

    def _limit(self, seconds: float) -> None:
        """Die after so much time of the processor, which a busy machine does not change.

        What waits for ever takes none: it dies after ten times as much by the clock.
        """
        signal.setitimer(signal.ITIMER_PROF, seconds)
        signal.setitimer(signal.ITIMER_REAL, 10 * seconds)


class _Progress:
    def __init__(self, module: str, of: int) -> None:
        self.module = module
        self.of = of
        self.counts: Counter[str] = Counter()
        self.began = time.monotonic()

    def tell(self, verdict: str) -> None:
        self.counts[verdict] += 1
        done = self.counts.total()
        terminal = sys.stdout.isatty()
        if not terminal and done % 25 and done != self.of:
            return
        minutes = (time.monotonic() - self.began) / done * (self.of - done) / 60
        said = f"{self.module}: {done} of {self.of}, {self.counts[SURVIVED]} survived"
        end = "" if terminal and done < self.of else "\n"
        print(f"{said}, {minutes:.0f} min left", end="\r" if terminal else end, flush=True)


def _run_module(
    module: str, mutants: list[Mutant], known: dict[str, Any], options: argparse.Namespace
) -> None:
    """Add what the mutants left come to, to the verdicts kept and to `known`."""
    KEPT.mkdir(exist_ok=True)
    path = KEPT / f"{module}.jsonl"
    if options.fresh:
        path.unlink(missing_ok=True)
    kills = Counter(verdict["by"] for verdict in known.values() if verdict["by"])
    wanted = SURVIVED if options.survivors else ""
    left = [one for one in mutants if known.get(one.key, {}).get("verdict", "") == wanted]
    _run_pytest(_Runs(module, left, kills, False, options.jobs))
    known.update(_read_verdicts(module))
    if module == "_fallback":
        left = [one for one in left if known[one.key]["verdict"] == SURVIVED]
        _run_pytest(_Runs(module, left, kills, True, options.jobs))
        known.update(_read_verdicts(module))


def _run_pytest(runs: _Runs) -> None:
    """In a process of its own, as the twins are loaded once a process."""
    if not runs.mutants:
        return
    pid = os.fork()
    if pid:
        _, status = os.waitpid(pid, 0)
        if status != 0:
            raise SystemExit(f"{runs.module}: stopped; start it again to go on")
        return
    code = 1
    try:
        import pytest

        os.chdir(ROOT)
        os.environ["AMISTREAM_NO_EXTENSIONS"] = "0" if runs.both else "1"
        names = ["differential"] if runs.both else TESTS[runs.module].split()
        arguments = ["-s", "-o", "addopts=", "-p", "no:terminal", "-p", "no:cacheprovider"]
        arguments += [f"tests/test_{name}.py" for name in names]
        code = int(pytest.main([*arguments, *([] if runs.both else ["--pure-only"])], [runs]))
    finally:
        sys.stdout.flush()
        os._exit(code)


def _drain(descriptor: int) -> dict[str, Any]:
    """What a child said; one that said nothing broke down under the mutant."""
    with os.fdopen(descriptor) as pipe:
        text = pipe.read()
    return json.loads(text) if text else {"failed": "breakdown", "seconds": {}}


def _wait(running: dict[int, _Child]) -> list[tuple[int, int]]:
    """The children that have ended, with their exit codes, negative for a signal's or too late."""
    while True:
        ended = []
        for pid, child in running.items():
            late = time.monotonic() > child.until
            if late:
                _kill_group(pid)
            found, status = os.waitpid(pid, 0 if late else os.WNOHANG)
            if found:
                code = os.waitstatus_to_exitcode(status)
                ended.append((pid, -signal.SIGKILL if late else code))
        if ended:
            return ended
        time.sleep(0.005)


def _kill_group(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


# --- telling ----------------------------------------------------------------------------------


def _read_verdicts(module: str) -> dict[str, Any]:
    path = KEPT / f"{module}.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return {said["key"]: said for said in map(json.loads, lines)}


def _counts(mutants: list[Mutant], known: dict[str, Any]) -> Counter[str]:
    return Counter(known[one.key]["verdict"] if one.key in known else "" for one in mutants)


def _tell_survivors(mutants: dict[str, list[Mutant]], known: dict[str, dict[str, Any]]) -> None:
    explained = EXPLAINED.read_text() if EXPLAINED.exists() else ""
    for module, every in mutants.items():
        for one in sorted(every, key=lambda one: one.line):
            if known[module].get(one.key, {}).get("verdict") == SURVIVED:
                key = one.key[:6]
                note = "" if key in explained else "; not explained yet"
                print(f"\n{module}.py:{one.line} {one.place} [{key}{note}]\n{one.diff}")


def _tell_figures(mutants: dict[str, list[Mutant]], known: dict[str, dict[str, Any]]) -> None:
    print(f"\n{'module':12}{'mutants':>8}{'killed':>8}{'timeout':>8}{'survived':>9}{'not run':>8}")
    for module, every in mutants.items():
        counts = _counts(every, known[module])
        row = f"{module:12}{len(every):8}{counts[KILLED]:8}{counts[TIMEOUT]:8}{counts[SURVIVED]:9}"
        ran = len(every) - counts[""]
        rate = f"{100 * (ran - counts[SURVIVED]) / ran:7.1f} %" if ran else ""
        print(f"{row}{counts['']:8}{rate}")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("\ninterrupted; start it again to go on")

"""What both drop-ins do alike: install, uninstall, check the library, and run programs."""

from __future__ import annotations

import importlib
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from support.drop_ins import HANGUP, LIBRARIES, Library, message
from support.paths import DATA

Run = Callable[..., "subprocess.CompletedProcess[str]"]

LONG = message("Event: Long", f"A: {'x' * 500}")


@pytest.fixture(params=LIBRARIES)
def library(request: pytest.FixtureRequest) -> Library:
    return LIBRARIES[request.param]


@pytest.fixture
def drop_in(ami: ModuleType, library: Library) -> Iterator[ModuleType]:
    """The drop-in of the twin, not yet installed; afterwards the library is as it was."""
    before = library.parts()
    module = library.drop_in()
    yield module
    module.uninstall()
    assert library.parts() == before


@pytest.fixture
def run(ami: ModuleType, library: Library, tmp_path: Path) -> Run:
    """Run `python -m amistream.compat.LIBRARY` with the twin, in a folder of its own."""
    variables = {name: value for name, value in os.environ.items() if "AMISTREAM" not in name}
    twin = "NO" if ami.IMPLEMENTATION == "pure" else "REQUIRE"
    environment = variables | {f"AMISTREAM_{twin}_EXTENSIONS": "1"}
    folder = tmp_path / "working folder"
    folder.mkdir()

    def run(
        *arguments: str, python: tuple[str, ...] = (), **variables: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *python, "-m", f"amistream.compat.{library.name}", *arguments],
            cwd=folder,
            env=environment | variables,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


# --- install and uninstall --------------------------------------------------------------------


def test_install_twice_and_uninstall_twice(drop_in: ModuleType, library: Library) -> None:
    before = library.parts()
    assert not drop_in.is_installed()
    drop_in.uninstall()
    assert not drop_in.is_installed()
    for _ in range(2):
        drop_in.install()
        assert drop_in.is_installed()
        assert library.parts() != before
    for _ in range(2):
        drop_in.uninstall()
        assert not drop_in.is_installed()
        assert library.parts() == before


def test_a_with_block_leaves_what_it_found(drop_in: ModuleType, library: Library) -> None:
    stream = HANGUP + LONG
    with drop_in.installed(max_message=300):
        assert library.read_names(stream) == ["Hangup"]
        with drop_in.installed(max_message=3000):
            assert library.read_names(stream) == ["Hangup", "Long"]
        assert library.read_names(stream) == ["Hangup"]
        with pytest.raises(LookupError), drop_in.installed():
            raise LookupError
        assert drop_in.is_installed()
        assert library.read_names(stream) == ["Hangup"]
    assert not drop_in.is_installed()


def test_a_with_block_uninstalls_after_an_error(drop_in: ModuleType) -> None:
    with pytest.raises(LookupError), drop_in.installed():
        raise LookupError
    assert not drop_in.is_installed()


def test_a_second_install_sets_the_bound(drop_in: ModuleType, library: Library) -> None:
    drop_in.install(max_message=300)
    assert library.read_names(HANGUP + LONG) == ["Hangup"]
    drop_in.install()
    assert library.read_names(HANGUP + LONG) == ["Hangup", "Long"]


def test_a_bound_that_is_none_is_refused(drop_in: ModuleType) -> None:
    with pytest.raises(ValueError, match="max_message"):
        drop_in.install(max_message=0)
    assert not drop_in.is_installed()
    with drop_in.installed(), pytest.raises(ValueError, match="max_message"):
        drop_in.install(max_message=-1)


def test_a_part_that_something_else_replaced_is_named(
    ami: ModuleType, drop_in: ModuleType, library: Library
) -> None:
    before = library.parts()
    owner, name = library.part
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, lambda *arguments: None)
        replaced = library.parts()
        with pytest.raises(ami.AMIError) as caught:
            drop_in.install()
        assert library.parts() == replaced
    assert type(caught.value).__name__ == "AlreadyReplaced"
    assert isinstance(caught.value, RuntimeError)
    assert str(caught.value) == (
        f"something else has already replaced {library.name}'s {owner.__name__}.{name}; "
        "undo that first"
    )
    assert (caught.value.library, caught.value.part) == (library.name, f"{owner.__name__}.{name}")
    assert not drop_in.is_installed()
    assert library.parts() == before


def test_the_other_twin_cannot_be_installed_over_it(
    drop_in: ModuleType,
    library: Library,
    use: Callable[[str], ModuleType],
    request: pytest.FixtureRequest,
) -> None:
    if request.config.getoption("--pure-only"):
        pytest.skip("there is no other twin")
    drop_in.install()
    ours = importlib.import_module("amistream").IMPLEMENTATION
    use("pure" if ours == "compiled" else "compiled")
    other = library.drop_in()
    assert other is not drop_in
    replaced = importlib.import_module("amistream.compat").AlreadyReplaced
    with pytest.raises(replaced, match=f"already replaced {library.name}'s "):
        other.install()
    other.uninstall()
    assert drop_in.is_installed()


# --- the library ------------------------------------------------------------------------------


def test_another_version_is_refused_by_name(
    ami: ModuleType, drop_in: ModuleType, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.set_version(monkeypatch, "0.9")
    before = library.parts()
    for install in (drop_in.install, lambda: drop_in.installed().__enter__()):
        with pytest.raises(ami.AMIError) as caught:
            install()
        assert type(caught.value).__name__ == "WrongVersion"
        assert isinstance(caught.value, ImportError)
        assert str(caught.value) == (
            f"{library.name} 0.9 is installed, but the drop-in is tested only with "
            f"{library.name} {' and '.join(library.known_versions)}"
        )
    assert library.known_versions == drop_in.KNOWN_VERSIONS
    loaded = pickle.loads(pickle.dumps(caught.value))
    assert (loaded.library, loaded.found) == (library.name, "0.9")
    assert loaded.known == library.known_versions
    assert library.parts() == before
    assert not drop_in.is_installed()


def test_a_library_that_is_not_installed(
    ami: ModuleType, drop_in: ModuleType, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.hide(monkeypatch)
    with pytest.raises(ami.AMIError) as caught:
        drop_in.install()
    assert type(caught.value).__name__ == "MissingLibrary"
    assert str(caught.value) == (
        f"{library.name} is not installed, and its drop-in needs it: "
        f"pip install {library.name}=={library.known_versions[-1]}"
    )
    drop_in.uninstall()
    assert not drop_in.is_installed()


def test_the_package_can_be_imported_without_the_library(ami: ModuleType, library: Library) -> None:
    program = (
        f"import sys; sys.modules['{library.name}'] = None\n"
        f"import amistream.compat.{library.name} as drop_in\n"
        "drop_in.uninstall(); print(drop_in.is_installed(), drop_in.KNOWN_VERSIONS)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"False {library.known_versions}\n"


# --- a program that stays unchanged -----------------------------------------------------------

PROGRAM = """\
import importlib, sys
import amistream
try:
    import beside
except ModuleNotFoundError:
    beside = None
drop_in = importlib.import_module(f"amistream.compat.{sys.argv[1]}")
print(__name__, sys.argv[1:], drop_in.is_installed(), amistream.IMPLEMENTATION)
print("found" if beside else "not found")
sys.exit(7)
"""


@pytest.fixture
def program(tmp_path: Path) -> str:
    """A program, in another folder than the working folder, with a module beside it."""
    folder = tmp_path / "programs"
    folder.mkdir()
    (folder / "beside.py").write_text("")
    (folder / "dialer.py").write_text(PROGRAM)
    return str(folder / "dialer.py")


def test_a_script_is_run_with_it(ami: ModuleType, run: Run, library: Library, program: str) -> None:
    done = run(program, library.name, "-m", "-a", "--help")
    assert done.stdout.splitlines() == [
        f"__main__ ['{library.name}', '-m', '-a', '--help'] True {ami.IMPLEMENTATION}",
        "found",
    ], done.stderr
    assert (done.stderr, done.returncode) == ("", 7)


def test_a_module_is_run_with_it(ami: ModuleType, run: Run, library: Library, program: str) -> None:
    done = run("-m", "dialer", library.name, "-a", PYTHONPATH=os.path.dirname(program))
    assert done.stdout.splitlines() == [
        f"__main__ ['{library.name}', '-a'] True {ami.IMPLEMENTATION}",
        "found",
    ], done.stderr
    assert (done.stderr, done.returncode) == ("", 7)


def test_a_script_that_is_a_link_finds_what_is_beside_its_file(
    run: Run, library: Library, program: str, tmp_path: Path
) -> None:
    link = tmp_path / "link.py"
    link.symlink_to(program)
    assert run(str(link), library.name).stdout.splitlines()[-1] == "found"


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 has no option -P")
@pytest.mark.parametrize(
    ("python", "variables"), [(("-P",), {}), ((), {"PYTHONSAFEPATH": "1"})], ids=["-P", "variable"]
)
def test_a_safe_path_stays_without_the_script_s_folder(
    run: Run, library: Library, program: str, python: tuple[str, ...], variables: dict[str, str]
) -> None:
    done = run(program, library.name, python=python, **variables)
    assert done.stdout.splitlines()[-1] == "not found", done.stderr
    assert done.returncode == 7


def test_a_program_that_is_not_there(run: Run, library: Library) -> None:
    done = run("no/such/program.py")
    prefix = f"python -m amistream.compat.{library.name}: "
    assert done.stderr.startswith(f"{prefix}there is no program no/such/program.py\n")
    assert f"usage: {prefix.rstrip(': ')} [-h] [-m] program" in done.stderr
    assert (done.stdout, done.returncode) == ("", 2)


def test_a_command_line_that_is_not_understood(
    drop_in: ModuleType, library: Library, capsys: pytest.CaptureFixture[str]
) -> None:
    usage = f"usage: python -m amistream.compat.{library.name} "
    assert drop_in.main([]) == 2
    assert capsys.readouterr().err.startswith(usage)
    assert drop_in.main(["--nothing", "program.py"]) == 2
    assert "--nothing" in capsys.readouterr().err
    assert drop_in.main(["--help"]) == 0
    assert capsys.readouterr().out.startswith(usage)
    assert not drop_in.is_installed()


def test_a_library_of_another_version_is_an_error_of_the_command(
    drop_in: ModuleType,
    library: Library,
    program: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    library.set_version(monkeypatch, "0.9")
    assert drop_in.main([program]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"python -m amistream.compat.{library.name}: ")
    assert f"{library.name} 0.9 is installed" in captured.err


# --- names and pickles of 0.1.0 ---------------------------------------------------------------


@pytest.fixture(scope="module")
def pickles() -> Any:
    """Pickles that 0.1.0 made of the errors, and of pystrix's messages with the drop-in installed.

    By name and then by pickle protocol, as text in latin-1. There are none of panoramisk's
    messages: neither panoramisk's own nor the drop-in's could be loaded again.
    """
    return json.loads((DATA / "pickles-compat-0.1.0.json").read_text())


@pytest.mark.parametrize("protocol", ["0", "2", "4"])
def test_errors_that_0_1_0_pickled_load(ami: ModuleType, pickles: Any, protocol: str) -> None:
    compat = importlib.import_module("amistream.compat")
    for name, arguments in {
        "MissingLibrary": ("pystrix", ("1.2.0", "1.3.0")),
        "WrongVersion": ("panoramisk", "1.5", ("1.4",)),
        "AlreadyReplaced": ("pystrix", "_Message"),
    }.items():
        loaded = pickle.loads(pickles[name][protocol].encode("latin-1"))
        made = getattr(compat, name)(*arguments)
        assert type(loaded) is type(made)
        assert (loaded.args, vars(loaded), str(loaded)) == (made.args, vars(made), str(made))


@pytest.mark.parametrize("is_installed", [False, True])
@pytest.mark.parametrize("protocol", ["0", "2", "4"])
def test_pystrix_s_messages_that_0_1_0_pickled_load(
    ami: ModuleType, pickles: Any, protocol: str, is_installed: bool
) -> None:
    expected: dict[str, tuple[str, dict[str, str], list[str]]] = {
        "event": (
            "Hangup",
            {"Event": "Hangup", "Channel": "SIP/1-0000", "Uniqueid": "17.1", "Cause": "16"},
            [],
        ),
        "event with an attribute": ("Hangup", {"Event": "Hangup", "Cause": "16"}, []),
        "unknown event": (
            "Sold",
            {"Event": "Sold", "ChanVariable": "b=2", "X": "\udcff"},
            ["no header"],
        ),
        "response": (
            "Success",
            {"Response": "Success", "ActionID": "7", "Output": "two"},
            ["one", "two"],
        ),
    }
    drop_in = LIBRARIES["pystrix"].drop_in()
    if is_installed:
        drop_in.install()
    try:
        for kind, (name, headers, data) in expected.items():
            loaded = pickle.loads(pickles[kind][protocol].encode("latin-1"))
            assert type(loaded).__module__.startswith("pystrix.ami.")
            assert (loaded.name, dict(loaded), loaded.data) == (name, headers, data)
            assert loaded.headers == headers
            assert loaded.raw[0] == f"{next(iter(headers))}: {name}\r\n"
            assert vars(loaded).get("mine") == ([1] if "attribute" in kind else None)
    finally:
        drop_in.uninstall()


def test_the_public_names_of_0_1_0_stay(drop_in: ModuleType) -> None:
    names = {"KNOWN_VERSIONS", "MAX_MESSAGE", "install", "installed", "main", "uninstall"}
    assert names | {"is_installed"} <= set(drop_in.__all__)
    compat = importlib.import_module("amistream.compat")
    names = {"AlreadyReplaced", "MissingLibrary", "WrongVersion", "check_version", "load"}
    assert names == set(compat.__all__)
    assert all(hasattr(compat, name) for name in names)

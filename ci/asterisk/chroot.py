"""The Debian root directory (chroot) that Asterisk runs in: build, configure, start, stop."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
SUITE = "sid"
"""The only suite that has Asterisk."""
PACKAGES = ("asterisk", "asterisk-tests", "sip-tester")
UNPACKED = ("asterisk-dahdi", "libopenr2-3", "libpri1.4", "libss7-2.0", "libtonezone2.0")
"""These are only unpacked, because installing them builds a kernel module. Without it Asterisk
still answers their list actions, with empty lists."""
UNPACK = "cd /tmp && apt-get download -q $@ && for deb in *.deb; do dpkg -x $deb /; done"
KILL_WITH_PARENT = ("setpriv", "--pdeathsig", "KILL")
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "TERM": "xterm"}
STARTED, COMPLETE = "lab-started", "lab-complete"
"""Marker files in a chroot of this lab: its build has started, and it is complete."""
RESERVED = "AMISTREAM_LAB"
"""The environment variable that tells a run's commands which chroot the run has locked."""
FETCH_LIMIT = 300.0
START_LIMIT = 60.0
DATA = "/var/lib/lab"
"""The folder of the lab's own files, as Asterisk sees it."""
CERTIFICATE = HERE.parent.parent / "src" / "amistream" / "testing" / "localhost.pem"
"""The certificate and key of the Simulator, for AMI over TLS."""


Progress = Callable[[str], None]


class UnavailableError(Exception):
    """Asterisk cannot be fetched here: the run is skipped."""


class LabError(Exception):
    """Asterisk is installed but does not work as it must: the run fails."""


class Ports:
    """A block of free ports on loopback."""

    BLOCK = 400

    def __init__(self, base: int) -> None:
        self.base = base
        self.ami = base
        self.sip = base + 1
        self.loop = base + 2
        self.iax = base + 3
        self.iax_far = base + 4
        self.xmpp = base + 5
        self.nobody = base + 6
        self.ami_tls = base + 7
        self.phones = base + 20
        self.phone_media = base + 100
        self.rtp = base + 200
        self.rtp_end = base + 359
        self.fax = base + 360
        self.fax_end = base + 399

    @classmethod
    def find(cls) -> Ports:
        """The first block below the ephemeral ports whose main ports are free."""
        for base in range(20_000, 32_000, cls.BLOCK):
            if all(is_free(port) for port in range(base, base + 60)):
                return cls(base)
        raise LabError("no free block of ports on loopback")

    def names(self) -> dict[str, str]:
        return {name: str(value) for name, value in vars(self).items()}


def is_free(port: int) -> bool:
    """Whether no process uses this port on 127.0.0.1, neither TCP nor UDP."""
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True


class Chroot:
    """A Debian chroot made for the lab; it needs no mounts and changes nothing outside itself."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = Ports.find()
        self.log = folder / "asterisk.log"
        self.crashed = False
        self._process: subprocess.Popen[bytes] | None = None

    # -- building it ---------------------------------------------------------------------------

    @contextlib.contextmanager
    def reserved(self) -> Iterator[None]:
        """Lock this chroot, so that no other run uses it. A command of the run itself may."""
        if os.environ.get(RESERVED) == str(self.folder):
            yield
            return
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        with open(f"{self.folder}.lock", "w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise LabError(f"another run uses {self.folder}; choose one with --root") from None
            try:
                yield
            finally:
                if not self.folder.exists():
                    os.unlink(lock.name)

    @property
    def complete(self) -> bool:
        return (self.folder / COMPLETE).exists()

    def build(self, progress: Progress) -> None:
        """Make the chroot and install Asterisk in it, unless it is complete."""
        _check_platform()
        if self.complete:
            return
        installer, mirror = _find_debootstrap(), _find_mirror()
        if self.folder.exists() and any(self.folder.iterdir()):
            self.remove()  # the rest of an interrupted run
        self._write(STARTED, "")
        try:
            self._install(installer, mirror, progress)
        except BaseException:
            self.remove()
            raise

    def _install(self, installer: str, mirror: str, progress: Progress) -> None:
        options = ("--variant=minbase", "--include=ca-certificates")
        _fetch([installer, *options, SUITE, str(self.folder), mirror])
        progress("installing Asterisk and sipp")
        self._write("etc/apt/apt.conf.d/90lab", APT_SETTINGS)
        self._write("etc/dpkg/dpkg.cfg.d/lab", DPKG_SETTINGS)
        self._write("usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n").chmod(0o755)
        _fetch(self.command("apt-get", "update", "-q"))
        install = ("apt-get", "install", "-y", "-q", "--no-install-recommends")
        _fetch(self.command(*install, *PACKAGES))
        try:
            _fetch(self.command("sh", "-ec", UNPACK, "unpack", *UNPACKED))
        except UnavailableError as reason:
            progress(f"without {', '.join(UNPACKED)}: {reason}")
        self._write(COMPLETE, "")

    def remove(self) -> None:
        """Delete the chroot and nothing else; first unmount what debootstrap left mounted in it."""
        if not (self.folder / STARTED).exists():
            raise LabError(f"{self.folder} exists but is no chroot of this lab; it was not removed")
        for place in reversed(_mounted_below(self.folder)):
            if subprocess.run(["umount", place], check=False).returncode != 0:
                raise LabError(f"{place} is still mounted; unmount it and remove {self.folder}")
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.folder.exists():
            raise LabError(f"{self.folder} could not be removed completely")

    def command(self, *words: str) -> list[str]:
        """A command line that runs inside the chroot."""
        return ["chroot", str(self.folder), *words]

    def path(self, inside: str) -> Path:
        """The path on this machine of a path in the chroot."""
        return self.folder / inside.lstrip("/")

    def _write(self, inside: str, text: str | bytes) -> Path:
        path = self.path(inside)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    # -- running it ----------------------------------------------------------------------------

    def configure(self, files: dict[str, bytes]) -> None:
        """Write the configuration with this run's ports, and the files that calls need."""
        names = self.ports.names() | {"data": DATA}
        for spool in ("var/spool/asterisk", "var/log/asterisk", DATA.lstrip("/")):
            shutil.rmtree(self.folder / spool, ignore_errors=True)
            (self.folder / spool).mkdir(parents=True)
        for made in ("/var/lib/asterisk/astdb.sqlite3", "/etc/asterisk/lab_made.conf"):
            self.path(made).unlink(missing_ok=True)
        self.path("/var/run/asterisk").mkdir(parents=True, exist_ok=True)
        self.path("/var/log/asterisk/full_disk").symlink_to("/dev/full")
        for source in sorted((HERE / "etc").iterdir()):
            text = fill_in(source.read_text(), names)
            if source.name == "modules.conf":
                text += "".join(f"noload = {name}\n" for name in self._test_modules())
            self._write(f"etc/asterisk/{source.name}", text)
        self._write("etc/asterisk/lab.pem", CERTIFICATE.read_bytes())
        for source in sorted((HERE / "sipp").iterdir()):
            self._write(f"{DATA}/{source.name}", fill_in(source.read_text(), names))
        for name, content in files.items():
            self._write(f"{DATA}/{name}", content).chmod(0o755)

    def _test_modules(self) -> list[str]:
        return sorted(path.name for path in self.folder.glob("usr/lib/*/asterisk/modules/test_*"))

    def start(self) -> None:
        """Start Asterisk and wait for the banner of its AMI; LabError if none comes."""
        with open(self.log, "wb") as log:
            self._process = subprocess.Popen(
                self.command(*KILL_WITH_PARENT, "/usr/sbin/asterisk", "-f", "-v"),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=ENVIRONMENT,
            )
        self.wait_banner()

    def wait_banner(self) -> None:
        """Wait for the banner of Asterisk's AMI; LabError if none comes."""
        deadline = time.monotonic() + START_LIMIT
        while time.monotonic() < deadline and self.running:
            if self._sends_banner():
                return
            time.sleep(0.1)
        state = "sent no banner in time" if self.running else "ended at once"
        raise LabError(f"Asterisk {state}; its log ends with:\n{self.log_tail()}")

    def run_cli(self, command: str) -> None:
        """Run a command of Asterisk's command line. LabError if it takes too long."""
        words = self.command("/usr/sbin/asterisk", "-rx", command)
        try:
            subprocess.run(words, check=False, capture_output=True, timeout=START_LIMIT)
        except subprocess.TimeoutExpired:
            raise LabError(f"Asterisk did not run {command!r} in time") from None

    def _sends_banner(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.ports.ami), 1) as ami:
                return ami.recv(64).startswith(b"Asterisk Call Manager")
        except OSError:
            return False

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """Asterisk's process id while it runs."""
        return self._process.pid if self._process is not None and self.running else None

    def wait_ended(self, seconds: float) -> bool:
        """Whether Asterisk ends by itself in time."""
        if self._process is None:
            return True
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to Asterisk and whatever it started."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    def stop(self) -> None:
        """End Asterisk and whatever it started."""
        if self._process is None:
            return
        # chroot and setpriv exec'd Asterisk, so the process that a signal ended was Asterisk.
        self.crashed = (self._process.poll() or 0) < 0
        for number, seconds in ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0)):
            self.send_signal(number)
            if self.wait_ended(seconds):
                break
        self._process = None

    def log_tail(self, lines: int = 30) -> str:
        """The last lines that Asterisk printed and logged."""
        logs = (self.log, self.path("/var/log/asterisk/messages"))
        texts = [log.read_text(errors="replace") for log in logs if log.exists()]
        return "\n".join(line for text in texts for line in text.splitlines()[-lines:])


def fill_in(text: str, names: dict[str, str]) -> str:
    """The text with every `@{name}` replaced; a dialplan's `${name}` stays as it is."""
    return re.sub(r"@\{(\w+)\}", lambda found: names[found[1]], text)


APT_SETTINGS = """\
// A lab may use a mirror that is no longer updated.
Acquire::Check-Valid-Until "false";
"""
DPKG_SETTINGS = """\
path-exclude=/usr/share/doc/*
path-exclude=/usr/share/man/*
force-unsafe-io
"""


def _check_platform() -> None:
    if not sys.platform.startswith("linux"):
        raise UnavailableError(f"this is {sys.platform}, not Linux")
    if os.geteuid() != 0:
        raise UnavailableError("only the user root can make and run a chroot")


def _find_debootstrap() -> str:
    if shutil.which("debootstrap") is None and shutil.which("apt-get") is not None:
        with contextlib.suppress(UnavailableError):  # the install may work without this source
            _fetch(["apt-get", "update", "-q"])
        _fetch(["apt-get", "install", "-y", "-q", "debootstrap"])
    found = shutil.which("debootstrap")
    if found is None:
        raise UnavailableError("debootstrap is missing, and so is apt-get to install it")
    return found


def _find_mirror() -> str:
    """The mirror that DEBIAN_MIRROR names, or that of this machine's apt sources."""
    if chosen := os.environ.get("DEBIAN_MIRROR"):
        return chosen
    folder = Path("/etc/apt")
    for source in sorted(folder.glob("sources.list.d/*.sources")):
        for stanza in source.read_text().split("\n\n"):
            found = re.search(r"(?m)^URIs: *(\S+)", stanza)
            if found and re.search(r"(?m)^Components:.*\bmain\b", stanza):
                return found[1]
    for source in (folder / "sources.list", *sorted(folder.glob("sources.list.d/*.list"))):
        text = source.read_text() if source.exists() else ""
        found = re.search(r"(?m)^deb (?:\[[^]]*\] )?(\S+/debian/?) \S+ main", text)
        if found:
            return found[1]
    raise UnavailableError("this machine's apt sources name no Debian mirror; set DEBIAN_MIRROR")


def _fetch(command: list[str]) -> None:
    """Run a command that needs the network; UnavailableError with its last output if it fails."""
    process = subprocess.Popen(
        command,
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=FETCH_LIMIT)
    except BaseException as reason:
        os.killpg(process.pid, signal.SIGKILL)  # the command and all its children
        process.communicate()
        if isinstance(reason, subprocess.TimeoutExpired):
            raise UnavailableError(f"{command[0]} took more than {FETCH_LIMIT:.0f} s") from None
        raise
    if process.returncode != 0:
        last_lines = "\n  ".join(output.decode(errors="replace").splitlines()[-5:])
        raise UnavailableError(f"{' '.join(command[:4])} ... failed:\n  {last_lines}")


def _mounted_below(folder: Path) -> list[str]:
    mounts = Path("/proc/mounts")
    lines = mounts.read_text().splitlines() if mounts.exists() else []
    mount_points = [line.split(" ")[1] for line in lines]
    return [place for place in mount_points if place.startswith(f"{folder.resolve()}/")]

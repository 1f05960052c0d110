"""Debian's packages of any architecture and release, unpacked into a folder."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from ci.checkout import Checkout, Skipped

APT = Path("/etc/apt")
SOURCES = (APT / "sources.list.d" / "debian.sources", APT / "sources.list")
# The line has this form in both formats of a list of sources; comments may name other mirrors.
MIRROR = r"^(?:URIs:|deb )[^#\n]*?(https?://\S+/debian)\b"


class Debian:
    """Packages unpacked into `root`.

    Nothing is installed, and the machine's own apt is not changed: apt keeps its lists and packages
    in the checkout's folder.
    """

    def __init__(self, checkout: Checkout, architecture: str, release: str = "") -> None:
        self.checkout = checkout
        self.architecture = architecture
        self.root = checkout.folder / "root"
        self.state = checkout.folder / "apt"
        sources = next((path for path in SOURCES if path.exists()), None)
        if sources is None:
            raise Skipped("apt has no list of sources")
        for folder in ("lists/partial", "archives/partial"):
            (self.state / folder).mkdir(parents=True)
        (self.state / "status").touch()
        if release:
            mirror = re.search(MIRROR, sources.read_text(), re.MULTILINE)
            if mirror is None:
                raise Skipped(f"apt's list of sources has no mirror of Debian for {release}")
            sources = self.state / "sources.list"
            sources.write_text(f"deb {mirror[1]} {release} main\n")
        self.sources = sources

    def apt(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run apt-get for this architecture alone."""
        settings = {
            "APT::Architecture": self.architecture,
            "APT::Architectures": self.architecture,
            "APT::Sandbox::User": "root",
            "Debug::NoLocking": "1",
            "Dir::Cache": self.state,
            "Dir::Cache::archives": self.state / "archives",
            "Dir::Etc::sourcelist": self.sources,
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::State": self.state,
            "Dir::State::status": self.state / "status",
        }
        options = [part for name, value in settings.items() for part in ("-o", f"{name}={value}")]
        return self.checkout.run("apt-get", "-q", *options, *command)

    def unpack(self, *packages: str) -> None:
        """Unpack the packages and their dependencies into `root`."""
        # One of several lists may fail; the download shows whether the others are enough.
        self.apt("update")
        options = ("-y", "--download-only", "--no-install-recommends")
        done = self.apt("install", *options, *packages)
        if done.returncode != 0:
            last = done.stdout.strip().splitlines()[-1]
            wanted = " ".join(packages)
            raise Skipped(f"apt cannot get {wanted} for {self.architecture}: {last}")
        self.root.mkdir()
        for package in sorted((self.state / "archives").glob("*.deb")):
            self.checkout.must_run("dpkg", "-x", package, self.root)

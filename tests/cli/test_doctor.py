"""`amistream doctor`: what is installed and what is missing."""

from __future__ import annotations

import subprocess
import sys

from support.commands import WITHOUT_RICH


def test_doctor(run, ami):
    done = run("doctor")
    findings = dict(line.split(None, 1) for line in done.stdout.decode().splitlines()[:6])
    assert done.returncode == 0
    assert findings["amistream"] == ami.__version__
    assert findings["Python"].endswith(sys.version.split()[0])
    assert findings["rich"][0].isdigit()
    if ami.IMPLEMENTATION == "pure":
        assert findings["parser"] == "pure (AMISTREAM_NO_EXTENSIONS is set)"
        cpython = sys.implementation.name == "cpython"
        hint = b"unset AMISTREAM_NO_EXTENSIONS" if cpython else b"needs CPython"
        assert hint in done.stdout
    else:
        assert findings["parser"].startswith("compiled (scans with ")


def test_doctor_tells_what_is_missing(run):
    done = run("doctor", python=WITHOUT_RICH)
    assert done.returncode == 0
    assert b'not installed: pip install "amistream[cli]"' in done.stdout


def test_doctor_without_the_extension(run, environment):
    """The extension is missing if there was no compiler at installation."""
    missing = "import sys; sys.modules['amistream._compiled'] = None; "
    environment = {
        name: value for name, value in environment.items() if not name.startswith("AMISTREAM_")
    }
    done = subprocess.run(
        [sys.executable, "-c", missing + WITHOUT_RICH[1], "doctor"],
        env=environment,
        capture_output=True,
        check=True,
    )
    assert b"pure (the compiled twin cannot be loaded: " in done.stdout
    if sys.implementation.name == "cpython":
        assert b"install a C compiler" in done.stdout

"""README's first example works when pasted, with `amistream simulate` in the other terminal."""

from __future__ import annotations

import re
import subprocess
import sys

from support.paths import ROOT


def test_the_first_example_works_when_pasted() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    program = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert program is not None
    simulate = [sys.executable, "-m", "amistream", "simulate", "--port", "0", "--rate", "20000"]
    with subprocess.Popen(simulate, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr is not None
            found = re.search(r"127\.0\.0\.1:(\d+)", server.stderr.readline())
            assert found is not None
            code = program[1].replace('"127.0.0.1"', f'"127.0.0.1", {found[1]}')
            with subprocess.Popen(
                [sys.executable, "-u", "-c", code], stdout=subprocess.PIPE, text=True
            ) as reader:
                assert reader.stdout is not None
                try:
                    lines = [reader.stdout.readline() for _ in range(20)]
                finally:
                    reader.kill()
        finally:
            server.kill()
    assert re.match(
        r"<QueueStatus_Aggregate .*: 1 QueueParams, 25 QueueMember, .*; whole>", lines[0]
    )
    assert all(re.match(r"<(Hangup|Queue)", line) for line in lines[1:])

"""For tests and demonstrations: an AMI server in the library, and a call centre to play on it.

with Simulator(Options(calls_per_second=20), rate=2000) as pbx:
    ...  # a client connects to pbx.host, pbx.port as "lab" with the secret "labsecret"
"""

from __future__ import annotations

from amistream.testing.simulator import Simulator, User
from amistream.testing.workload import Options, Plan, Workload

__all__ = ["Options", "Plan", "Simulator", "User", "Workload"]

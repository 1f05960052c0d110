"""The asyncio clients' race: `python -m bench.client CONTENDER WORK` reads a stream from a socket.

A server in a process of its own sends the capture of a call centre again and again, in writes of
64 KiB, as fast as the client takes it. The program prints the seconds and the events as JSON.
"""

from __future__ import annotations

"""A byte tap: it stands between a client and a server, and keeps what the server sends."""

from __future__ import annotations

import asyncio
import contextlib

BLOCK = 1 << 16


class Tap:
    """Forwards connections to a port, and keeps the bytes of each that came from there.

    streams: the bytes of each connection that the server accepted, in order.
    """

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.port = 0
        self.streams: list[bytearray] = []
        self._target = port
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Tap:
        self._server = await asyncio.start_server(self._accept, self.host, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *error: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            from_server, to_server = await asyncio.open_connection(self.host, self._target)
        except OSError:
            writer.transport.abort()
            return
        kept = bytearray()
        self.streams.append(kept)
        forwarding = asyncio.create_task(_forward(reader, to_server, bytearray()))
        try:
            await _forward(from_server, writer, kept)
        finally:
            forwarding.cancel()
            for end in (writer, to_server):
                end.close()
                with contextlib.suppress(OSError):
                    await end.wait_closed()


async def _forward(
    source: asyncio.StreamReader, target: asyncio.StreamWriter, kept: bytearray
) -> None:
    """Copy everything until the source ends or the target is gone."""
    with contextlib.suppress(OSError):
        while block := await source.read(BLOCK):
            kept += block
            target.write(block)
            await target.drain()

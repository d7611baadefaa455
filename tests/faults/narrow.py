"""A narrow link that carries TCP only: a proxy that passes on what the server sends at so many bits a second.

It reads no faster and buffers little, so what does not fit piles up in the server, as before any slow network. Loopback
only.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_BUFFER_BYTES = 16 << 10
_TURN_SECONDS = 0.01


class Narrow:
    """The proxy at `port`; `down_bps` may be changed at any time, None is as fast as it goes."""

    def __init__(self, server: tuple[str, int], down_bps: int | None) -> None:
        self.down_bps = down_bps
        self.port = 0
        self._server = server
        self._links: set[asyncio.Task[None]] = set()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection until either side ends it."""
        upstream = socket.socket()
        upstream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)  # before connecting: it sets the window
        upstream.setblocking(False)
        await asyncio.get_running_loop().sock_connect(upstream, self._server)
        up_reader, up_writer = await asyncio.open_connection(sock=upstream, limit=_BUFFER_BYTES)
        tasks = {asyncio.create_task(self._pass(reader, up_writer)), asyncio.create_task(self._down(up_reader, writer))}
        self._links |= tasks
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        self._links -= tasks
        for end in (writer, up_writer):
            end.close()

    def close(self) -> None:
        for task in self._links:
            task.cancel()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()

    async def _down(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        due = asyncio.get_running_loop().time()
        while True:
            bps = self.down_bps
            data = await reader.read(65_536 if bps is None else max(1, round(bps * _TURN_SECONDS / 8)))
            if not data:
                return
            writer.write(data)
            await writer.drain()
            if bps is not None:
                now = asyncio.get_running_loop().time()
                due = max(due, now - _TURN_SECONDS) + len(data) * 8 / bps
                await asyncio.sleep(due - now)


@asynccontextmanager
async def narrow(server: tuple[str, int], down_bps: int | None = None) -> AsyncIterator[Narrow]:
    link = Narrow(server, down_bps)
    listener = await asyncio.start_server(link.accept, "127.0.0.1", 0)
    link.port = listener.sockets[0].getsockname()[1]
    try:
        yield link
    finally:
        listener.close()
        link.close()

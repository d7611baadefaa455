"""Start a real server as its own process, on free ports, and stop it again: for the demo, the tests and the benches."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

READY = re.compile(r"^Ready: (\S+)")
ENTER = re.compile(r"https?://\S+/enter\?key=\S+")

START_SECONDS = 120
"""Loading Python takes a second or two, and a minute on a machine that is busy with other things."""


class Server:
    """A running `bichron serve`. `url` is its address, `enter_link` makes whoever follows it an instructor."""

    def __init__(self, process: asyncio.subprocess.Process, url: str, enter_link: str) -> None:
        self.process = process
        self.url = url
        self.enter_link = enter_link

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1].strip("/"))

    async def kill(self) -> None:
        """End it as a power cut does: no goodbye."""
        self.process.kill()
        await self.process.wait()

    async def stop(self) -> int:
        """Ask it to end; its exit code."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return await asyncio.wait_for(self.process.wait(), 15)
        except TimeoutError:
            await self.kill()
            raise


async def start_server(data: Path, port: int = 0, udp_port: int = 0, options: Sequence[str] = ()) -> Server:
    """Start a server and wait until it is ready. Raises RuntimeError with what it said if it never is."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "server", "serve", "--data", str(data)),
        *("--port", str(port), "--udp-port", str(udp_port), *options),
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    if process.stdout is None:
        raise RuntimeError("a piped process has a stdout")
    said, enter_link = [], ""
    try:
        async with asyncio.timeout(START_SECONDS):
            while line := (await process.stdout.readline()).decode():
                said.append(line)
                if link := ENTER.search(line):
                    enter_link = link.group()
                if ready := READY.match(line):
                    drain = asyncio.create_task(discard(process.stdout))
                    process_tasks.add(drain)
                    drain.add_done_callback(process_tasks.discard)
                    return Server(process, ready.group(1).rstrip("/"), enter_link)
    except TimeoutError:
        process.kill()
        await process.wait()
        said.append(f"nothing more in {START_SECONDS} s")
    raise RuntimeError(f"the server did not start: {''.join(said)}")


process_tasks: set[asyncio.Task[None]] = set()
"""Keeps the readers below alive: the event loop itself holds tasks only weakly."""


async def discard(stream: asyncio.StreamReader) -> None:
    """Read what a process says, so that it never blocks on a full pipe."""
    while await stream.read(65_536):
        pass


@asynccontextmanager
async def running_server(data: Path, options: Sequence[str] = ()) -> AsyncIterator[Server]:
    server = await start_server(data, options=options)
    try:
        yield server
    finally:
        await server.stop()

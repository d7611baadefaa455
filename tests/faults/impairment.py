"""A bad network between a peer and the server: a UDP proxy that loses, delays and reorders by seeded dice.

Put it between by telling the peer the proxy's port instead of the server's (`through` does that to an answer). Every
client address gets a socket of its own towards the server, as behind a NAT; `move` gives all of them new ones, which is
what a change of network looks like from the server. Loopback only.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple, cast

Address = tuple[str, int]

_CANDIDATE = re.compile(r"^(a=candidate:\S+ 1 udp \d+ )(\S+) (\d+) ", re.MULTILINE)
_TCP_CANDIDATE = re.compile(r"^a=candidate:\S+ 1 tcp .*\r?\n", re.MULTILINE)


class Weather(NamedTuple):
    """What happens to datagrams of one direction. Chances are 0 to 1."""

    loss: float = 0.0
    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    """Each datagram waits up to this much longer, evenly spread: so they also overtake one another."""
    late: float = 0.0
    """Chance of being held back for another 50 ms."""


CLEAR = Weather()
_LATE_MS = 50.0


class _Direction:
    """Dice and weather of one way."""

    def __init__(self, weather: Weather, seed: int) -> None:
        self.weather = weather
        self._dice = random.Random(seed)

    def wait_ms(self) -> float | None:
        """How long the next datagram takes; None if it never arrives. Three throws a datagram, whatever the weather."""
        lost, jitter, late = (self._dice.random() for _ in range(3))
        if lost < self.weather.loss:
            return None
        held_ms = _LATE_MS if late < self.weather.late else 0.0
        return self.weather.delay_ms + jitter * self.weather.jitter_ms + held_ms


class _Upstream(asyncio.DatagramProtocol):
    """The proxy's socket towards the server for one client."""

    def __init__(self, proxy: Impairment, client: Address) -> None:
        self._proxy = proxy
        self._client = client
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: object) -> None:
        self._proxy.down(self._client, data)


class Impairment(asyncio.DatagramProtocol):
    """The proxy. `uplink` and `downlink` may be changed at any time."""

    def __init__(self, server: Address, seed: int) -> None:
        self.server = server
        self.counts: Counter[str] = Counter()
        self._up = _Direction(CLEAR, seed)
        self._down = _Direction(CLEAR, seed + 1)
        self._upstreams: dict[Address, _Upstream] = {}
        self._waiting: dict[Address, list[bytes]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._transport: asyncio.DatagramTransport | None = None

    def set(self, uplink: Weather = CLEAR, downlink: Weather = CLEAR) -> None:
        """The weather from now on."""
        self._up.weather, self._down.weather = uplink, downlink

    @property
    def port(self) -> int:
        """The port to send to instead of the server's."""
        if self._transport is None:
            raise RuntimeError("not open")
        return int(self._transport.get_extra_info("sockname")[1])

    def through(self, answer: str) -> str:
        """The answer with the proxy as its only candidate."""
        return _CANDIDATE.sub(rf"\g<1>{self.server[0]} {self.port} ", _TCP_CANDIDATE.sub("", answer))

    def move(self) -> None:
        """From now on the server sees every client at another address; the old one is gone."""
        old, self._upstreams = self._upstreams, {}
        for upstream in old.values():
            if upstream.transport is not None:
                upstream.transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self._pass(self._up, "up", lambda: self._to_server(addr, data))

    def down(self, client: Address, data: bytes) -> None:
        """Something the server sent to a client."""
        self._pass(self._down, "down", lambda: self._to_client(client, data))

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        self.move()
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    def _pass(self, direction: _Direction, name: str, deliver: Callable[[], None]) -> None:
        wait_ms = direction.wait_ms()
        self.counts[name if wait_ms is not None else f"{name}-lost"] += 1
        if wait_ms is None:
            return
        asyncio.get_running_loop().call_later(wait_ms / 1000, deliver)

    def _to_client(self, client: Address, data: bytes) -> None:
        if self._transport is not None:
            self._transport.sendto(data, client)

    def _to_server(self, client: Address, data: bytes) -> None:
        upstream = self._upstreams.get(client)
        if upstream is not None and upstream.transport is not None:
            upstream.transport.sendto(data)
            return
        if self._transport is None:
            return
        self._waiting.setdefault(client, []).append(data)
        if len(self._waiting[client]) == 1:
            task = asyncio.create_task(self._reach_server(client))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _reach_server(self, client: Address) -> None:
        upstream = self._upstreams[client] = _Upstream(self, client)
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: upstream, remote_addr=self.server)
        for data in self._waiting.pop(client):
            self._to_server(client, data)


@asynccontextmanager
async def impaired(server: Address, seed: int = 7) -> AsyncIterator[Impairment]:
    """A proxy in front of `server` (address, UDP port); clear weather at first."""
    proxy = Impairment(server, seed)
    await asyncio.get_running_loop().create_datagram_endpoint(lambda: proxy, local_addr=(server[0], 0))
    try:
        yield proxy
    finally:
        proxy.close()

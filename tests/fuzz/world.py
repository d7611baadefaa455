"""The media port with real peers behind it, as a target: a datagram from one of them or from a stranger.

The first byte says who sends it and whether his keys protect it; what a peer's keys protect gets past SRTP, and so
to everything behind it. Every so often the world is made anew.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from contextlib import AsyncExitStack

from OpenSSL import SSL
from pylibsrtp import Error as SrtpError

from server.media.net.dtls import Identity
from server.media.shapes import Circle
from server.media.tap import Frame
from tests.media.peers import Pace, Stage, stage
from tests.media.wire import Camera, Microphone, Wire, WirePeer

_STRANGER, _KNOWN, _SENDER, _VIEWER, _KINDS = range(5)
_LAYERS = ("l", "m", "h")

# Shorter than consent lasts; a peer's packets a second are limited, so time passes with each.
_INPUTS_PER_WORLD = 2_000
_SECONDS_PER_INPUT = 0.004


class _Nowhere:
    def write(self, frame: Frame) -> None: ...
    def close(self) -> None: ...


class World:
    """A sender with camera and microphone, both recorded, a viewer, and a stranger."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._exit = AsyncExitStack()
        self._pace = Pace()
        self._taken = 0
        self._seq = 0
        self._loop.run_until_complete(self._begin())

    async def _begin(self) -> None:
        room = await self._exit.enter_async_context(stage(self._pace))
        self._plane, self._ledger = room.plane, room.ledger
        self._sender = await _enter(room, "ann", camera=_LAYERS, mic=())
        self._viewer = await _enter(room, "bo")
        for source in ("camera", "mic"):
            self._plane.record(self._sender.id, source, _Nowhere())
        camera, microphone = Camera(self._sender), Microphone(self._sender)
        for _ in range(3):
            await camera.shoot(keyframe=True)
            await microphone.say()
        await self._ledger.until(lambda: len(self._viewer.rtp) > 1)
        self._stranger = await Wire.open(room)

    def take(self, data: bytes) -> bool:
        """Send it and let it have its effects; False once this world is worn out."""
        self._loop.run_until_complete(self._take(data))
        self._taken += 1
        return self._taken < _INPUTS_PER_WORLD

    async def _take(self, data: bytes) -> None:
        kind, datagram = (data[0] % _KINDS, data[1:]) if data else (_STRANGER, data)
        if kind == _STRANGER:
            self._stranger.send(datagram)
        elif kind == _KNOWN:
            self._sender.wire.send(datagram)
        else:
            with contextlib.suppress(SrtpError, IndexError):  # libsrtp protects no nonsense of some kinds
                await (self._sender if kind == _SENDER else self._viewer).send(self._fresh(datagram))
        self._pace.passes(_SECONDS_PER_INPUT)
        for _ in range(3):  # it arrives, is forwarded, and arrives again
            await asyncio.sleep(0)
        for peer in (self._sender, self._viewer):
            peer.rtp.clear()
            peer.rtcp.clear()
            peer.wire.raw.clear()
        assert self._stranger.raw == [], "a stranger was answered"
        assert self._ledger.gone == [], "a peer was lost"
        errors = {name: self._plane.counts[name] for name in ("drop-error", "mishaps")}
        assert not any(errors.values()), f"errors of our own: {errors}"

    def _fresh(self, packet: bytes) -> bytes:
        """With a sequence number that SRTP has not had, on one of a few streams; RTCP as it is."""
        if len(packet) < 12 or 192 <= packet[1] < 224:
            return packet
        self._seq = self._seq + 1 & 0xFFFF
        return (
            packet[:2] + self._seq.to_bytes(2, "big") + packet[4:8] + bytes((0, 0, 0x10, packet[11] & 7)) + packet[12:]
        )

    def close(self) -> None:
        """Everything it opened."""
        self._loop.run_until_complete(self._exit.aclose())
        self._loop.close()


async def _enter(room: Stage, name: str, **publish: tuple[str, ...]) -> WirePeer:
    peer = WirePeer(room, name)
    room.plane.place(peer.id, Circle("main"))
    room.plane.allow(peer.id, frozenset(publish))
    await peer.connect(publish)
    return peer


_present: World | None = None


def take(data: bytes) -> None:
    """See targets.py. The world is made at the first call."""
    global _present
    _present = _present or World()
    try:
        goes_on = _present.take(data)
    except AssertionError:
        end()
        raise
    if not goes_on:
        end()


def end() -> None:
    """Give up the present world."""
    global _present
    if _present is not None:
        _present.close()
        _present = None


def seeds(datagrams: Iterable[bytes]) -> Iterable[bytes]:
    """Each from everybody."""
    for datagram in datagrams:
        yield from (bytes((kind,)) + datagram for kind in range(_KINDS))


def offer() -> str:
    """That of a hand-made peer."""

    async def make() -> str:
        async with stage() as room:
            return WirePeer(room, "ann").offer({"camera": _LAYERS, "mic": ()})

    return asyncio.run(make())


def client_hello(identity: Identity) -> bytes:
    """The first flight of a DTLS client."""
    client = SSL.Connection(identity.context)
    client.set_connect_state()
    with contextlib.suppress(SSL.WantReadError):
        client.do_handshake()
    return client.bio_read(4096)

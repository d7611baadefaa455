"""Peers behind a proxy that loses and delays by seeded dice: they get in, and what is lost is repaired both ways.

What browsers make of it is measured by bench/loss.py; here is the server's half, without them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from server.media.rtp import rtcp
from server.media.rtp.header import parse
from server.media.rtp.nack import GapDetector
from server.media.shapes import Circle
from tests.faults.impairment import Impairment, Weather, impaired
from tests.media.peers import HOST, Stage, stage
from tests.media.wire import Microphone, WirePeer

pytestmark = pytest.mark.media

STORM = Weather(loss=0.2, delay_ms=10, jitter_ms=10)
SHOWERS = Weather(loss=0.1, delay_ms=10, jitter_ms=5, late=0.02)


@asynccontextmanager
async def behind(room: Stage, peer: WirePeer, seed: int) -> AsyncIterator[Impairment]:
    async with impaired((HOST, room.plane.port), seed) as proxy:
        peer.wire.destination = (HOST, proxy.port)
        yield proxy


async def enter(peer: WirePeer, *published: str) -> None:
    """As `connect`, with checks that are repeated until one comes through."""
    await peer.wire.start()
    await peer.ask(dict.fromkeys(published, ()), audio=1, video=0)
    async with asyncio.timeout(20):
        while not await peer.check(nominate=True):
            pass
        await peer.shake_hands()


async def test_everyone_gets_in_through_twenty_percent_loss() -> None:
    async with stage() as room, AsyncExitStack() as proxies:
        peers = [WirePeer(room, f"peer-{n}") for n in range(6)]
        for seed, peer in enumerate(peers):
            proxy = await proxies.enter_async_context(behind(room, peer, seed))
            proxy.set(STORM, STORM)
        await asyncio.gather(*(enter(peer) for peer in peers))
        assert room.plane.stats()["now-connected"] == len(peers)
        assert room.plane.stats()["dtls-restart"] == 0


async def repeat_what_is_asked_for(speaker: WirePeer, spoken: dict[int, bytes]) -> None:
    """What a browser does with NACKs for sound."""
    answered = 0
    while True:
        for told in speaker.rtcp[answered:]:
            answered += 1
            if isinstance(told, rtcp.Nack):
                for seq in told.seqs:
                    await speaker.send(spoken[seq])
        await asyncio.sleep(0.005)


async def ask_for_what_is_missing(listener: WirePeer, ssrc: int) -> None:
    """What a browser does with gaps in sound."""
    gaps, seen = GapDetector(), 0
    clock = asyncio.get_running_loop().time
    while True:
        for packet in listener.rtp[seen:]:
            gaps.arrived(parse(packet).seq, round(clock() * 1000))
        seen = len(listener.rtp)
        missing = gaps.due(round(clock() * 1000), rtt_ms=40)
        if missing:
            await listener.send(rtcp.Nack(1, ssrc, tuple(missing)).encode())
        await asyncio.sleep(0.005)


async def test_sound_is_repaired_on_its_way_up_and_on_its_way_down() -> None:
    async with stage() as room, AsyncExitStack() as surroundings:
        ann, bo = WirePeer(room, "ann"), WirePeer(room, "bo")
        proxies = [
            await surroundings.enter_async_context(behind(room, peer, seed)) for seed, peer in enumerate((ann, bo))
        ]
        for peer in (ann, bo):
            room.plane.place(peer.id, Circle("main"))
            room.plane.allow(peer.id, frozenset({"mic"}))
        await enter(ann, "mic")
        await enter(bo)
        microphone, spoken = Microphone(ann), dict[int, bytes]()

        async def say(text: bytes) -> None:
            packet = microphone.packet(text=text)
            spoken[parse(packet).seq] = packet
            await ann.send(packet)
            await asyncio.sleep(0.01)

        ssrc = bo.slot_ssrc("a0")
        async with asyncio.timeout(5):
            while not bo.rtp:  # a voice is first heard, then given a slot
                await say(b"before")
        for proxy in proxies:
            proxy.set(SHOWERS, SHOWERS)
        tasks = [
            asyncio.create_task(repeat_what_is_asked_for(ann, spoken)),
            asyncio.create_task(ask_for_what_is_missing(bo, ssrc)),
        ]
        said = {f"word {n}".encode() for n in range(300)}
        for n in range(300):
            await say(f"word {n}".encode())
        for proxy in proxies:
            proxy.set()
        await say(b"after")
        try:
            await room.ledger.until(lambda: said <= {text for _, text in bo.received(ssrc)}, timeout=5)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        lost = sum(proxy.counts["up-lost"] + proxy.counts["down-lost"] for proxy in proxies)
        assert lost > 60
        assert room.plane.stats()["nack-out"] > 15
        assert room.plane.stats()["nack-in"] > 15

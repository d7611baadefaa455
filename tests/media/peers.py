"""Real WebRTC peers against a real media plane on loopback, and a listener that remembers what it was told."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import aioice.ice
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from aiortc.rtcrtpparameters import RTCRtpCodecCapability
from aiortc.rtcrtpsender import RTCRtpSender
from av import AudioFrame, VideoFrame

from server.media.fanout import FanOut
from server.media.fanout.best import open_fan_out
from server.media.net.udpmux import UdpMux
from server.media.plane import UdpPlane, anchored_clock
from server.media.shapes import Circle, LinkReport, PeerId, Shown, SlotContent
from server.synthetic.participant import ONE_TRANSPORT
from server.synthetic.voices import loudness, mono

HOST = "127.0.0.1"

# aioice leaves loopback out of its own addresses; tests live there.
aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: [HOST]


class Clock:
    """Real time, plus what a test adds."""

    def __init__(self) -> None:
        self._now = anchored_clock()
        self.added_us = 0

    def __call__(self) -> int:
        return self._now() + self.added_us


class Pace:
    """Time that passes as a test says: what it sends at a pace of its own has that pace on a busy machine too."""

    def __init__(self) -> None:
        self._now_us = anchored_clock()()

    def __call__(self) -> int:
        return self._now_us

    def passes(self, seconds: float) -> None:
        """So much later."""
        self._now_us += round(seconds * 1_000_000)


class Ledger:
    """A MediaListener that writes everything down and wakes whoever waits."""

    def __init__(self) -> None:
        self.connected: list[PeerId] = []
        self.gone: list[tuple[PeerId, str]] = []
        self.slots: dict[PeerId, list[SlotContent]] = {}
        self.slot_reports = 0
        self.reports: list[Mapping[PeerId, LinkReport]] = []
        self.demands: dict[tuple[PeerId, str], list[str]] = {}
        self.loudness: dict[Circle, tuple[Mapping[PeerId, int], PeerId | None]] = {}
        self._news = asyncio.Event()

    def media_connected(self, peer: PeerId) -> None:
        self.connected.append(peer)
        self.wake()

    def media_lost(self, peer: PeerId, reason: str) -> None:
        self.gone.append((peer, reason))
        self.wake()

    def slots_changed(self, peer: PeerId, slots: Sequence[SlotContent]) -> None:
        self.slots[peer] = list(slots)
        self.slot_reports += 1
        self.wake()

    def layers_wanted(self, peer: PeerId, source: str, rids: Sequence[str]) -> None:
        self.demands.setdefault((peer, source), []).append("".join(rids) or "-")
        self.wake()

    def links(self, reports: Mapping[PeerId, LinkReport]) -> None:
        self.reports.append(reports)
        self.wake()

    def levels(self, circle: Circle, levels: Mapping[PeerId, int], speaker: PeerId | None) -> None:
        self.loudness[circle] = (levels, speaker)
        self.wake()

    def wake(self) -> None:
        self._news.set()

    async def until(self, condition: Callable[[], bool], timeout: float = 10) -> None:
        """Wait until something that was told, received or decoded makes `condition` true."""
        async with asyncio.timeout(timeout):
            while not condition():
                self._news.clear()
                await self._news.wait()

    def carried(self, peer: PeerId) -> set[tuple[str, str]]:
        """(peer, source) of every occupied slot of a viewer."""
        return {(slot.peer, slot.source) for slot in self.slots.get(peer, []) if slot.peer}


async def counted(plane: UdpPlane, name: str, least: int = 1) -> None:
    """Wait until the plane has counted something `least` times; counters tell nobody when they move."""
    async with asyncio.timeout(5):
        while plane.stats().get(name, 0) < least:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def codecs(*names: str) -> list[RTCRtpCodecCapability]:
    """aiortc's, with retransmissions."""
    wanted = {f"video/{name}" for name in (*names, "rtx")}
    return [codec for codec in RTCRtpSender.getCapabilities("video").codecs if codec.mimeType in wanted]


class Receiving:
    """What was decoded from one receiving line."""

    def __init__(self) -> None:
        self.frames = 0
        self.picture: VideoFrame | None = None
        self.sound: AudioFrame | None = None

    def hears(self, hz: int) -> bool:
        return self.sound is not None and loudness(mono(self.sound), hz) > 300


class Person:
    """One aiortc peer connection to the plane."""

    def __init__(self, plane: UdpPlane, ledger: Ledger, name: str) -> None:
        self.id = PeerId(name)
        self.plane = plane
        self.ledger = ledger
        self.received: dict[str, Receiving] = {}
        self.answer = ""
        self.connection = RTCPeerConnection(ONE_TRANSPORT)
        self._tasks: list[asyncio.Task[None]] = []

    async def connect(
        self,
        tracks: Mapping[str, MediaStreamTrack],
        audio: int = 2,
        video: int = 3,
        sends: str = "VP8",
        shows: Sequence[str] = ("VP8",),
    ) -> None:
        """Offer the tracks by source and some slots, with these codecs for pictures; returns when media can flow."""
        connection = self.connection
        sending = {source: connection.addTransceiver(track, "sendonly") for source, track in tracks.items()}
        for kind, count in (("audio", audio), ("video", video)):
            for _ in range(count):
                connection.addTransceiver(kind, "recvonly")
        for transceiver in connection.getTransceivers():
            if transceiver.kind == "video":
                names = [sends] if transceiver.direction == "sendonly" else shows
                transceiver.setCodecPreferences(codecs(*names))
        await connection.setLocalDescription(await connection.createOffer())
        sources = {str(transceiver.mid): source for source, transceiver in sending.items()}
        answer = await self.plane.connect(self.id, connection.localDescription.sdp, sources)
        self.answer = answer.sdp
        await connection.setRemoteDescription(RTCSessionDescription(answer.sdp, "answer"))
        for transceiver in connection.getTransceivers():
            if transceiver.mid in answer.slots:
                receiving = self.received[str(transceiver.mid)] = Receiving()
                self._tasks.append(asyncio.create_task(self._receive(transceiver.receiver.track, receiving)))
        await self.ledger.until(lambda: self.id in self.ledger.connected)

    def slot(self, peer: str, source: str) -> Receiving | None:
        """What comes from the slot that carries somebody's source now."""
        contents = self.ledger.slots.get(self.id, [])
        return next((self.received[slot.mid] for slot in contents if (slot.peer, slot.source) == (peer, source)), None)

    def cannot_show(self, peer: str, source: str) -> bool:
        """Whether the slot that carries somebody's source says so."""
        contents = self.ledger.slots.get(self.id, [])
        return any(slot.shown is Shown.UNPLAYABLE for slot in contents if (slot.peer, slot.source) == (peer, source))

    def frames(self, peer: str, source: str) -> int:
        slot = self.slot(peer, source)
        return slot.frames if slot is not None else 0

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.connection.close()

    async def _receive(self, track: MediaStreamTrack, into: Receiving) -> None:
        with contextlib.suppress(MediaStreamError):
            while True:
                frame = await track.recv()
                into.frames += 1
                if isinstance(frame, VideoFrame):
                    into.picture = frame
                elif isinstance(frame, AudioFrame):
                    into.sound = frame
                self.ledger.wake()


class Stage:
    """A plane with a listener; people come and go."""

    def __init__(self, plane: UdpPlane, ledger: Ledger, address: str) -> None:
        self.plane = plane
        self.ledger = ledger
        self.address = address
        """Where peers find the plane, and come from."""
        self.exit = AsyncExitStack()
        """Whoever comes is closed at the end, also when the test fails."""

    async def person(
        self,
        name: str,
        circle: str = "class/main",
        tracks: Mapping[str, MediaStreamTrack] | None = None,
        audio: int = 2,
        video: int = 3,
        sends: str = "VP8",
        shows: Sequence[str] = ("VP8",),
    ) -> Person:
        """Somebody in a circle who may send all his tracks."""
        person = Person(self.plane, self.ledger, name)
        self.exit.push_async_callback(person.close)
        tracks = tracks or {}
        self.plane.place(person.id, Circle(circle))
        self.plane.allow(person.id, frozenset(tracks))
        await person.connect(tracks, audio, video, sends, shows)
        return person


@asynccontextmanager
async def stage(
    clock: Callable[[], int] | None = None,
    bind: str = HOST,
    address: str = HOST,
    ledger: Ledger | None = None,
    fan_out: Callable[[UdpMux, Counter[str]], FanOut] = open_fan_out,
) -> AsyncIterator[Stage]:
    """A plane on a free port."""
    ledger = ledger or Ledger()
    plane = await UdpPlane.open(bind, 0, address, ledger, clock, fan_out)
    stage = Stage(plane, ledger, address)
    try:
        async with stage.exit:
            yield stage
    finally:
        await plane.close()

"""A participant with valid keys who means ill: whatever he sends, nothing of ours raises and the others go on."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.media.net.dtls import Identity
from server.media.net.link import MEDIA_PER_SECOND, RTCP_PER_SECOND
from server.media.offer import parse_offer
from server.media.peer import Connection, Peer
from server.media.recording import Recording
from server.media.rtp import header, rtcp
from server.media.shapes import Circle, PeerId
from server.media.tap import Frame
from tests.media.peers import Stage, counted, stage
from tests.media.wire import LEVEL_ID, MID_ID, OPUS, REPAIRED_ID, RID_ID, RTX, TWCC_ID, VP8, Camera, WirePeer, label

pytestmark = pytest.mark.media

PUBLISHED = {"mic": (), "camera": ("l", "m", "h"), "screen": ()}
NOW_US = 1_800_000_000_000_000

numbers = st.integers(0, 0xFFFF)
few_ssrcs = st.sampled_from([0, 1, 0x1000, 0x1001, 0x2000, 0xFFFFFFFF])
extensions = st.dictionaries(
    st.sampled_from([LEVEL_ID, TWCC_ID, MID_ID, RID_ID, REPAIRED_ID, 14]),
    st.one_of(st.binary(min_size=1, max_size=16), st.sampled_from([b"mic", b"camera", b"screen", b"l", b"h", b"v0"])),
)
media = st.builds(
    lambda *parts, marker, extensions, padding: header.build(
        *parts, marker=marker, extensions=extensions, padding=padding
    ),
    st.sampled_from([OPUS, VP8, RTX, 0, 63, 127]),
    numbers,
    st.integers(0, 0xFFFFFFFF),
    few_ssrcs,
    st.binary(max_size=60),
    marker=st.booleans(),
    extensions=extensions,
    padding=st.integers(0, 255),
)
damaged = st.builds(
    lambda packet, at, byte: packet[: at % len(packet)] + bytes((byte,)) + packet[at % len(packet) + 1 :],
    media,
    st.integers(0, 200),
    st.integers(0, 255),
)


@st.composite
def control(draw: st.DrawFn) -> bytes:
    """An RTCP packet with an honest length and anything in it, or a compound of such."""
    packet = b""
    for _ in range(draw(st.integers(1, 4))):
        body = draw(st.one_of(st.binary(max_size=80), st.binary(min_size=1200, max_size=1400)))
        body = struct.pack("!II", draw(few_ssrcs), draw(few_ssrcs)) + body[: len(body) // 4 * 4]
        kind, count = draw(st.integers(192, 223)), draw(st.integers(0, 31))
        packet += struct.pack("!BBH", 0x80 | count, kind, len(body) // 4) + body
    return packet


class Tape:
    """A sink that keeps what is written to it."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []

    def write(self, frame: Frame) -> None:
        self.frames.append(frame)

    def close(self) -> None: ...


@asynccontextmanager
async def mallory(room: Stage) -> AsyncIterator[Connection]:
    """A connection whose packets are handed in decrypted, allowed everything and recorded."""
    author = WirePeer(room, "mallory")
    peer = Peer(PeerId("mallory"))
    offer = parse_offer(author.offer(PUBLISHED, audio=2, video=2))
    connection = peer.connection = Connection(
        peer, offer, {source: source for source in PUBLISHED}, Identity(), room.plane
    )
    for track in connection.publisher.tracks():
        track.allowed = True
        track.recording = Recording(Tape())
    yield connection
    connection.close()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.one_of(
            media.map(lambda packet: ("rtp", packet)),
            damaged.map(lambda packet: ("rtp", packet)),
            st.binary(min_size=12, max_size=80).map(lambda packet: ("rtp", packet)),
            control().map(lambda packet: ("rtcp", packet)),
            st.binary(min_size=4, max_size=80).map(lambda packet: ("rtcp", packet)),
        ),
        max_size=60,
    )
)
async def test_no_bytes_of_a_participant_raise(sent: list[tuple[str, bytes]]) -> None:
    async with stage() as room, mallory(room) as connection:
        for index, (kind, packet) in enumerate(sent):
            take: Callable[[bytes, int], None] = connection.link.opened if kind == "rtp" else connection.rtcp
            take(packet, NOW_US + 1000 * index)
        connection.tick(NOW_US + 100_000, in_turn=True)
        connection.publisher.tick(NOW_US + 2_000_000)
        connection.downlink.tick(NOW_US + 2_000_000)


class Call:
    """Ann's camera, watched by Bo, with Mallory in the same circle; all with valid keys."""

    def __init__(self, room: Stage, ann: WirePeer, bo: WirePeer, mallory: WirePeer) -> None:
        self.plane, self.ledger = room.plane, room.ledger
        self.ann, self.bo, self.mallory = ann, bo, mallory
        self.camera = Camera(ann, rids=("l",))

    async def goes_on(self) -> None:
        """A new picture of Ann's reaches Bo, nobody was lost, and nothing of ours went wrong."""
        ssrc = next(self.bo.slot_ssrc(slot.mid) for slot in self.ledger.slots[self.bo.id] if slot.peer == self.ann.id)
        fresh = {f"l{self.camera.frame + n}" for n in range(1, 100)}
        async with asyncio.timeout(5):
            # A flood may overrun the socket for a moment; then one picture is lost, and the next is not.
            while fresh.isdisjoint(label(payload) for _, payload in self.bo.received(ssrc)):
                await self.camera.shoot()
                await asyncio.sleep(0.03)
        assert self.ledger.gone == []
        assert self.plane.stats().get("drop-error", 0) == 0

    def asked(self, publisher: WirePeer) -> int:
        """How many keyframes somebody was asked for."""
        return sum(isinstance(told, rtcp.Pli) for told in publisher.rtcp)


@asynccontextmanager
async def call() -> AsyncIterator[Call]:
    async with stage() as room:
        people = [WirePeer(room, name) for name in ("ann", "bo", "mallory")]
        publishing: list[dict[str, Sequence[str]]] = [{"camera": ("l",)}, {}, {"camera": ("l", "h"), "mic": ()}]
        for person, published in zip(people, publishing, strict=True):
            room.plane.place(person.id, Circle("main"))
            room.plane.allow(person.id, frozenset(published))
            await person.connect(published, audio=2, video=2)
        scene = Call(room, *people)
        await scene.camera.shoot(keyframe=True)
        await scene.goes_on()
        yield scene


async def test_a_storm_of_picture_loss_costs_the_sender_a_few_keyframes() -> None:
    async with call() as scene:
        mallory, camera = scene.mallory, scene.camera
        await scene.ledger.until(lambda: any(slot.peer == scene.ann.id for slot in scene.ledger.slots[mallory.id]))
        mid = next(slot.mid for slot in scene.ledger.slots[mallory.id] if slot.peer == scene.ann.id)
        complaint = rtcp.Pli(1, mallory.slot_ssrc(mid)).encode()
        before = scene.asked(scene.ann)
        for _ in range(20):
            for _ in range(10):
                await mallory.send(complaint)
            await camera.shoot(keyframe=True)  # each answer is complained of again
            await asyncio.sleep(0.02)
        await counted(scene.plane, "pli-over-budget", 50)
        assert scene.asked(scene.ann) - before <= 4
        await scene.goes_on()


async def test_a_storm_of_reports_is_cut_off() -> None:
    async with call() as scene:
        mallory = scene.mallory
        ssrc = mallory.slot_ssrc("v0")
        everything = rtcp.Nack(1, ssrc, tuple(range(4000))).encode()
        for _ in range(RTCP_PER_SECOND + 200):
            await mallory.send(everything)
        await counted(scene.plane, "drop-flood", 100)
        await scene.goes_on()


async def test_a_storm_of_media_is_cut_off() -> None:
    async with call() as scene:
        mallory = scene.mallory
        for seq in range(MEDIA_PER_SECOND + 500):
            ids = {MID_ID: b"mic", LEVEL_ID: b"\x05"}
            await mallory.send(header.build(OPUS, seq & 0xFFFF, 0, 0x5000, b"loud", extensions=ids))
            if seq % 200 == 0:
                await asyncio.sleep(0)
        await counted(scene.plane, "drop-flood", 100)
        await scene.goes_on()


async def test_ones_own_ssrc_may_be_anybodys() -> None:
    async with call() as scene:
        double = Camera(scene.mallory, rids=("l", "h"))
        assert double.ssrc("l") == scene.camera.ssrc("l")
        await double.shoot(keyframe=True)
        await scene.ledger.until(lambda: any(slot.peer == "mallory" for slot in scene.ledger.slots[scene.bo.id]))
        await scene.goes_on()
        await double.shoot(keyframe=True)
        await scene.goes_on()


async def test_a_new_ssrc_with_every_packet_changes_the_layer_no_more_than_twice_a_second() -> None:
    async with call() as scene:
        camera = Camera(scene.mallory, rids=("l", "h"))
        for ssrc in range(0x7000, 0x7000 + 300):
            packet = bytearray(camera.packet("l", keyframe=True))
            packet[8:12] = ssrc.to_bytes(4, "big")
            await scene.mallory.send(bytes(packet))
        await counted(scene.plane, "drop-unknown-ssrc", 20)
        await counted(scene.plane, "srtp-refused", 30)  # after so many nobody decrypts another
        assert scene.asked(scene.mallory) < 5
        await scene.goes_on()


@pytest.mark.parametrize("garbage", [b"\x90\x80\xff\xff\x00\x9d\x01\x2a" + bytes(20), b"\x10" + b"\xff" * 400, b"\x00"])
async def test_pictures_that_are_garbage_are_a_matter_of_whoever_watches_them(garbage: bytes) -> None:
    async with call() as scene:
        for seq in range(100):
            ids = {MID_ID: b"camera", RID_ID: b"l"}
            await scene.mallory.send(header.build(VP8, seq, 90 * seq, 0x7000, garbage, extensions=ids))
        await scene.goes_on()

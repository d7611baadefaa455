"""The one port under friendly and hostile fire: paths, consent, strangers, TCP."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
from binascii import crc32
from collections.abc import Iterator
from pathlib import Path

import pytest
from pylibsrtp import Error as SrtpError

from server.media.net.ice import MAX_PATHS
from server.media.plane import UdpPlane
from server.media.rtp import header
from server.media.shapes import Circle
from tests.media.peers import HOST, Clock, Ledger, Stage, counted, stage
from tests.media.wire import Camera, TcpWire, Wire, WirePeer, label

pytestmark = pytest.mark.media

PATIENCE_BYTES = 128 << 10


async def enter(room: Stage, name: str, publish: bool = False, tcp: bool = False) -> WirePeer:
    peer = WirePeer(room, name, tcp=tcp)
    room.plane.place(peer.id, Circle("main"))
    room.plane.allow(peer.id, frozenset({"camera"}))
    await peer.connect({"camera": ("l",)} if publish else {})
    return peer


def frames(viewer: WirePeer) -> list[str]:
    return [label(payload) for _, payload in viewer.received(viewer.slot_ssrc("v0"))]


async def test_a_peer_that_stops_answering_checks_is_lost_after_fifteen_seconds() -> None:
    clock = Clock()
    async with stage(clock) as room:
        peer = await enter(room, "ann")
        clock.added_us += 14_000_000
        assert await peer.check(nominate=False)
        clock.added_us += 14_000_000
        await room.ledger.until(lambda: room.plane.stats()["now-connected"] == 1)
        assert room.ledger.gone == []
        clock.added_us += 2_000_000
        await room.ledger.until(lambda: room.ledger.gone == [(peer.id, "timeout")], timeout=2)


async def test_a_closed_connection_is_told_at_once() -> None:
    async with stage() as room:
        peer = await enter(room, "ann")
        await peer.close()
        await room.ledger.until(lambda: room.ledger.gone == [(peer.id, "closed")])


async def test_media_follows_a_peer_to_another_network() -> None:
    async with stage() as room:
        ann, bo = await enter(room, "ann", publish=True), await enter(room, "bo")
        camera = Camera(ann, rids=("l",))
        await camera.shoot(keyframe=True)
        await room.ledger.until(lambda: frames(bo) == ["l1"])

        elsewhere = await Wire.open(room)
        assert await bo.check(nominate=True, wire=elsewhere)
        before = len(bo.wire.raw)
        await camera.shoot()
        await room.ledger.until(lambda: len(elsewhere.raw) == 2)
        assert len(bo.wire.raw) == before


async def test_an_address_that_is_in_use_cannot_be_taken_over() -> None:
    async with stage() as room:
        ann = await enter(room, "ann")
        mallory = WirePeer(room, "mallory")
        await mallory.ask()
        assert not await mallory.check(nominate=True, wire=ann.wire)
        assert room.plane.stats()["drop-address-taken"] == 1
        assert await ann.check(nominate=True)


async def test_a_peer_keeps_only_a_few_paths() -> None:
    async with stage() as room:
        ann = await enter(room, "ann")
        wires = [await Wire.open(room) for _ in range(2 * MAX_PATHS)]
        for wire in wires:
            assert await ann.check(nominate=True, wire=wire)
        wires[0].send(bytes([0x80, 0x60]) + bytes(30))
        await counted(room.plane, "drop-stranger")


def hostile(genuine: bytes) -> Iterator[bytes]:
    """Malformed datagrams of every kind. `genuine` is a real binding request, to be damaged."""
    dice = random.Random(7)
    for size in (*range(40), 1200, 1472, 1501, 4000):
        yield bytes(size)
        yield dice.randbytes(size)
    for first in range(256):
        yield bytes([first]) + dice.randbytes(dice.randrange(0, 200))
    for _ in range(600):
        damaged = bytearray(genuine)
        for _ in range(dice.randrange(1, 4)):
            damaged[dice.randrange(len(damaged))] = dice.randrange(256)
        yield bytes(damaged)
        yield with_fingerprint(damaged)
    for cut in range(len(genuine)):
        yield genuine[:cut]
        yield with_fingerprint(bytearray(genuine[: cut // 4 * 4]) + bytearray(8))
    for length in range(0, 65536, 997):
        yield genuine[:2] + length.to_bytes(2, "big") + genuine[4:]
    for kind in (20, 21, 22, 23, 32, 63):
        for size in (0, 1, 2, 12, 300):
            yield struct.pack("!BHHIHH", kind, 0xFEFD, 0, 0, 1, size) + dice.randbytes(size)
            yield struct.pack("!BHHIHH", kind, 0xFEFD, 1, 0, 1, 65535) + dice.randbytes(size)
    yield struct.pack("!BHHIHHBB", 21, 0xFEFD, 0, 0, 0, 2, 2, 40)  # a plaintext fatal alert
    for seq in range(300):
        yield header.build(96, seq, 0, 0x1000, dice.randbytes(dice.randrange(0, 1200)))
        yield bytes([0x80, 200 + seq % 8]) + dice.randbytes(40)


def with_fingerprint(message: bytearray) -> bytes:
    """A damaged STUN message whose length and FINGERPRINT fit, so that it gets past the cheap checks."""
    if len(message) < 28:
        return bytes(message)
    message[2:4] = (len(message) - 20).to_bytes(2, "big")
    message[-8:-4] = b"\x80\x28\x00\x04"
    message[-4:] = (crc32(message[:-8]) ^ 0x5354554E).to_bytes(4, "big")
    return bytes(message)


async def test_strangers_get_no_answer_and_disturb_nobody() -> None:
    async with stage() as room:
        ann, bo = await enter(room, "ann", publish=True), await enter(room, "bo")
        camera = Camera(ann, rids=("l",))
        await camera.shoot(keyframe=True)
        stranger = await Wire.open(room)
        genuine = ann.request(nominate=True)
        # Damage that the fingerprint's repair undid is none.
        datagrams = [datagram for datagram in hostile(genuine) if datagram != genuine]
        assert len(datagrams) > 2000
        for index, datagram in enumerate(datagrams):
            stranger.send(datagram)
            if index % 50 == 0:
                await camera.shoot()
        await camera.shoot()
        last = f"l{camera.frame}"
        await room.ledger.until(lambda: last in frames(bo))
        assert len(frames(bo)) == camera.frame
        assert stranger.raw == []
        assert room.ledger.gone == []
        assert await ann.check(nominate=True)


async def test_what_a_known_peer_sends_amiss_costs_nobody_anything() -> None:
    async with stage() as room:
        ann, bo = await enter(room, "ann", publish=True), await enter(room, "bo")
        camera = Camera(ann, rids=("l",))
        await camera.shoot(keyframe=True)
        for datagram in hostile(ann.request(nominate=True)):
            if datagram[:1] != b"\x00":  # requests may be genuine by chance
                ann.wire.send(datagram)
        dice = random.Random(8)
        for _ in range(500):  # authenticated, and still nonsense
            for sender in (ann, bo):
                second = dice.choice((96, 97, 111, 200, 201, 205, 206))
                with contextlib.suppress(SrtpError):  # libsrtp protects no nonsense of some kinds
                    await sender.send(bytes([0x80 | dice.randrange(64), second]) + dice.randbytes(60))
        await camera.shoot()
        await room.ledger.until(lambda: f"l{camera.frame}" in frames(bo))
        assert room.ledger.gone == []


async def test_a_forged_alert_during_the_handshake_does_not_end_it() -> None:
    async with stage() as room:
        peer = WirePeer(room, "ann")
        await peer.wire.start()
        await peer.ask()
        assert await peer.check(nominate=True)
        alert = struct.pack("!BHHIHHBB", 21, 0xFEFD, 0, 0, 0, 2, 2, 40)
        peer.wire.send(alert)
        handshake = asyncio.create_task(peer.shake_hands())
        for _ in range(20):
            peer.wire.send(alert)
            await asyncio.sleep(0)
        await handshake
        assert room.ledger.connected == [peer.id]


async def test_a_handshake_with_the_wrong_certificate_gives_no_keys() -> None:
    async with stage() as room:
        peer = WirePeer(room, "ann")
        impostor = WirePeer(room, "mallory")
        await peer.wire.start()
        await peer.ask()
        impostor.answer = peer.answer
        impostor.move_to(peer.wire)
        assert await peer.check(nominate=True)
        handshake = asyncio.create_task(impostor.shake_hands())
        await counted(room.plane, "dtls-restart")
        assert room.plane.stats()["now-connected"] == 0
        assert room.ledger.connected == []
        handshake.cancel()
        await asyncio.gather(handshake, return_exceptions=True)


async def test_a_wrong_password_is_not_answered() -> None:
    async with stage() as room:
        peer = WirePeer(room, "ann")
        await peer.wire.start()
        await peer.ask()
        peer.wire.send(peer.request(nominate=True, password="wrong"))
        peer.wire.send(peer.request(nominate=True, ufrag="nobody"))
        await counted(room.plane, "stun-forged")
        await counted(room.plane, "drop-stun")
        assert peer.wire.raw == []


async def test_a_peer_without_udp_comes_over_tcp_on_the_same_port() -> None:
    async with stage() as room:
        ann, bo = await enter(room, "ann", publish=True, tcp=True), await enter(room, "bo", tcp=True)
        assert f"tcp 1671430143 {HOST} {room.plane.port} typ host tcptype passive" in ann.answer
        camera = Camera(ann, rids=("l",))
        await camera.shoot(keyframe=True)
        await camera.shoot(size=1000)
        await room.ledger.until(lambda: frames(bo) == ["l1", "l2"])


async def test_a_tcp_connection_that_breaks_is_not_the_end_of_the_peer() -> None:
    async with stage() as room:
        ann, bo = await enter(room, "ann", publish=True), await enter(room, "bo", tcp=True)
        bo.wire.close()
        elsewhere = await TcpWire.open(room)
        assert await bo.check(nominate=True, wire=elsewhere)
        camera = Camera(ann, rids=("l",))
        await camera.shoot(keyframe=True)
        await room.ledger.until(lambda: len(elsewhere.raw) == 2)
        assert room.ledger.gone == []


@pytest.mark.skipif(not Path("/proc/net/if_inet6").exists(), reason="this machine has no IPv6")
@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
@pytest.mark.parametrize("address", [HOST, "::1"])
async def test_one_port_serves_both_families(tcp: bool, address: str) -> None:
    async with stage(bind="::", address=address) as room:
        ann, bo = await enter(room, "ann", publish=True, tcp=tcp), await enter(room, "bo", tcp=tcp)
        camera = Camera(ann, rids=("l",))
        await camera.shoot(keyframe=True)
        await camera.shoot()
        await room.ledger.until(lambda: frames(bo) == ["l1", "l2"])


@pytest.mark.parametrize("noise", [b"GET / HTTP/1.1\r\n\r\n", bytes(2), b"\xff\xff", b"\x00\x14" + bytes([128] * 20)])
async def test_noise_over_tcp_is_hung_up_on(noise: bytes) -> None:
    async with stage() as room:
        stranger = await TcpWire.open(room)
        stranger.write(noise)
        async with asyncio.timeout(5):
            await stranger.closed.wait()
        assert stranger.raw == []


async def test_a_stranger_over_tcp_gets_few_frames_in() -> None:
    async with stage() as room:
        stranger = await TcpWire.open(room)
        check = b"\x00\x01\x00\x00\x21\x12\xa4\x42" + bytes(12)
        stranger.write(5_000 * (len(check).to_bytes(2, "big") + check))
        async with asyncio.timeout(5):
            await stranger.closed.wait()
        assert room.plane.counts["drop-stun"] <= 20


async def test_the_port_is_free_again_after_closing() -> None:
    ledger = Ledger()
    plane = await UdpPlane.open(HOST, 0, HOST, ledger)
    port = plane.port
    await plane.close()
    again = await UdpPlane.open(HOST, port, HOST, ledger)
    assert again.port == port
    await again.close()


def lines(sdp: str, start: str) -> list[str]:
    return [line for line in sdp.splitlines() if line.startswith(start)]


async def test_an_ice_restart_changes_the_credentials_and_interrupts_nothing() -> None:
    async with stage() as room:
        ann, bo = await enter(room, "ann", publish=True), await enter(room, "bo")
        camera = Camera(ann, rids=("l",))
        await camera.shoot(keyframe=True)
        before = bo.answer
        bo.ufrag = "anew"
        await bo.ask()
        assert lines(bo.answer, "a=ice-ufrag") != lines(before, "a=ice-ufrag")
        assert lines(bo.answer, "a=ssrc") == lines(before, "a=ssrc")
        assert lines(bo.answer, "o=")[0] == lines(before, "o=")[0].replace(" 1 IN", " 2 IN")
        await camera.shoot()  # nothing is checked yet: it still goes where it went
        await room.ledger.until(lambda: frames(bo) == ["l1", "l2"])

        elsewhere = await Wire.open(room)
        assert await bo.check(nominate=True, wire=elsewhere)
        bo.wire.close()
        bo.move_to(elsewhere)
        await camera.shoot()
        await room.ledger.until(lambda: len(elsewhere.raw) == 2)
        assert room.plane.stats()["connects"] == 2
        assert room.ledger.gone == []


async def test_after_another_ice_restart_the_first_credentials_are_strangers() -> None:
    async with stage() as room:
        bo = await enter(room, "bo")
        first = bo.request(nominate=True)
        for ufrag in ("once", "twice"):
            bo.ufrag = ufrag
            await bo.ask()
        elsewhere = await Wire.open(room)
        elsewhere.send(first)
        await counted(room.plane, "drop-stun")
        assert await bo.check(nominate=True, wire=elsewhere)


async def test_an_offer_with_other_lines_is_a_new_connection() -> None:
    async with stage() as room:
        bo = await enter(room, "bo")
        before = bo.answer
        await bo.ask(audio=2)
        assert lines(bo.answer, "o=") != lines(before, "o=")
        assert room.plane.stats()["now-connected"] == 0


async def test_what_a_slow_tcp_peer_has_not_taken_is_dropped_and_not_kept_by_the_kernel() -> None:
    """Megabytes would be half a minute of a slow link, and nobody could tell how old they are."""
    async with stage() as room:
        asleep = socket.socket()
        asleep.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 10)
        asleep.connect((HOST, room.plane.port))
        await counted(room.plane, "tcp-accepted")
        (path,) = room.plane._tcp.paths
        packets = 0
        while not room.plane.counts["send-tcp-backlog"]:
            path.send(bytes(1200))
            packets += 1
        asleep.close()
        assert packets * 1200 < PATIENCE_BYTES

"""A server with several addresses answers from the one that was asked. All of 127.0.0.0/8 is ours."""

from __future__ import annotations

import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from server.media.fanout import FanOut
from server.media.fanout.best import open_fan_out
from server.media.fanout.pure import PureFanOut
from server.media.net import pktinfo
from server.media.net.best import open_intake, why_not_native
from server.media.net.intake import Open, PureIntake
from server.media.net.udpmux import UdpMux, UdpPath
from tests.media.peers import Stage, stage
from tests.media.test_fanout import Viewer, pictures
from tests.media.test_transport import enter, frames
from tests.media.wire import Camera, WirePeer

ONE, OTHER = "127.0.0.1", "127.0.0.2"
HAS_IPV6 = Path("/proc/net/if_inet6").exists()
EVERYWHERE = [
    "0.0.0.0",
    pytest.param("::", marks=pytest.mark.skipif(not HAS_IPV6, reason="this machine has no IPv6")),
]


@pytest.fixture(params=EVERYWHERE)
def udp(request: pytest.FixtureRequest) -> Iterator[socket.socket]:
    """A socket that listens on all addresses."""
    host = str(request.param)
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as udp:
        if ":" in host:
            udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        udp.setblocking(False)
        pktinfo.ask(udp)
        udp.bind((host, 0))
        yield udp


def named(udp: socket.socket, host: str) -> str:
    """An IPv4 address as this socket has it."""
    return f"::ffff:{host}" if udp.family == socket.AF_INET6 else host


def packed(udp: socket.socket, host: str) -> bytes:
    return socket.inet_pton(udp.family, named(udp, host))


FAN_OUTS: dict[str, Callable[[UdpMux, Counter[str]], FanOut]] = {
    "best": open_fan_out,
    "python": PureFanOut,
    "sendto": lambda mux, counts: PureFanOut(mux, counts, None),
}


@pytest.mark.parametrize("make", FAN_OUTS.values(), ids=FAN_OUTS)
@pytest.mark.parametrize("count", [1, 5])
def test_packets_leave_from_the_address_their_viewer_speaks_to(
    udp: socket.socket, make: Callable[[UdpMux, Counter[str]], FanOut], count: int
) -> None:
    mux = UdpMux(udp, lambda: 0, Counter())
    fan_out = make(mux, Counter())
    viewers = [Viewer(mux, 1000), Viewer(mux, 1001)]
    for viewer, local in zip(viewers, (ONE, OTHER), strict=True):
        host, port = viewer.socket.getsockname()
        destination = (named(udp, host), port, 0, 0) if udp.family == socket.AF_INET6 else (host, port)
        viewer.departures.link.ice.selected = UdpPath(mux, destination, packed(udp, local))
        viewer.queue(pictures([100] * count))
    fan_out.send([viewer.departures for viewer in viewers], [], time.monotonic_ns() // 1000)
    for viewer, local in zip(viewers, (ONE, OTHER), strict=True):
        with viewer.socket as received:
            assert [received.recvfrom(2048)[1][0] for _ in range(count)] == [local] * count


@pytest.mark.parametrize("intake", [PureIntake, open_intake], ids=["python", why_not_native() or "compiled"])
def test_a_datagram_is_told_with_the_address_it_came_to(udp: socket.socket, intake: Open) -> None:
    taken: list[tuple[bytes, bytes, int]] = []
    failed: list[None] = []
    counts: Counter[str] = Counter()
    inlet = intake(
        udp,
        {},
        lambda datagram, source, local, arrival_us: taken.append((datagram, local, arrival_us)),
        lambda: failed.append(None),
        counts,
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        for host in (ONE, OTHER, ONE):
            peer.sendto(bytes(20), (host, udp.getsockname()[1]))
    inlet.drain(0, time.time_ns() // 1000)
    assert [local for _, local, _ in taken] == [packed(udp, host) for host in (ONE, OTHER, ONE)]
    assert failed == []


def test_only_a_link_local_address_names_its_interface() -> None:
    for host, scope in (("fe80::1", 7), ("2001:db8::1", 0)):
        local = socket.inet_pton(socket.AF_INET6, host)
        ((level, kind, value),) = pktinfo.answering(local, 7)
        assert (level, kind, value) == (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, local + scope.to_bytes(4, "little"))
    assert pktinfo.answering(b"") == []
    assert pktinfo.packed([]) == b""


def heard_from(peer: WirePeer) -> set[str]:
    """Since the last time."""
    heard, peer.wire.heard_from = peer.wire.heard_from, set()
    return heard


@pytest.mark.media
@pytest.mark.parametrize("bind", EVERYWHERE)
async def test_all_that_a_peer_gets_comes_from_the_address_it_was_told(bind: str) -> None:
    async with stage(bind=bind, address=OTHER) as room:
        ann, bo = await enter(room, "ann", publish=True), await enter(room, "bo")
        await shown(room, ann, bo, ["l1", "l2", "l3"])
        assert heard_from(ann) == heard_from(bo) == {OTHER}


@pytest.mark.media
async def test_a_peer_may_try_several_of_our_addresses_from_one_of_its_own() -> None:
    async with stage(bind="0.0.0.0") as room:
        ann, bo = await enter(room, "ann", publish=True), await enter(room, "bo")
        port = room.plane.port
        assert heard_from(bo) == {ONE}
        bo.wire.destination = (OTHER, port)
        assert await bo.check(nominate=False)
        assert heard_from(bo) == {OTHER}
        camera = Camera(ann, rids=("l",))
        await camera.shoot(keyframe=True)
        await room.ledger.until(lambda: frames(bo) == ["l1"])
        assert heard_from(bo) == {ONE}  # only tried, not chosen

        assert await bo.check(nominate=True)
        heard_from(bo)  # what came until now
        await camera.shoot()
        await room.ledger.until(lambda: frames(bo) == ["l1", "l2"])
        assert heard_from(bo) == {OTHER}
        bo.wire.destination = (ONE, port)
        assert await bo.check(nominate=True)
        heard_from(bo)
        await camera.shoot()
        await room.ledger.until(lambda: frames(bo) == ["l1", "l2", "l3"])
        assert heard_from(bo) == {ONE}


async def shown(room: Stage, sender: WirePeer, viewer: WirePeer, expected: list[str]) -> None:
    camera = Camera(sender, rids=("l",))
    for number in range(len(expected)):
        await camera.shoot(keyframe=number == 0)
    await room.ledger.until(lambda: frames(viewer) == expected)

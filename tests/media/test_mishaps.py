"""An error of our own costs the one who met it, and nobody else."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Sequence

import pytest

from server.media.demand import PATIENCE_US
from server.media.fanout import Departures, Flow
from server.media.fanout.pure import PureFanOut
from server.media.mishaps import Mishaps
from server.media.peer import Connection, Peer
from server.media.rounds import Rounds
from server.media.shapes import Circle, PeerId, SlotContent
from tests.media.peers import Clock, Ledger, Stage, counted, stage
from tests.media.wire import Camera, WirePeer, label

PARTS = 5


class Ticked(Connection):
    """A connection that counts its ticks, and may fail at them and at its end."""

    def __init__(self, *, broken: bool) -> None:
        self.is_up = False
        self.awake_until_us = 0
        self.ticks = 0
        self._broken = broken

    def tick(self, now_us: int, in_turn: bool) -> None:
        self.ticks += 1
        if self._broken:
            raise IndexError("ours")


@pytest.mark.parametrize("in_turn", [True, False], ids=["in turn", "restless"])
@pytest.mark.parametrize("fails_to_end", [False, True], ids=["ends", "fails to end"])
def test_a_peer_whose_tick_fails_is_ended_and_the_others_are_looked_after(
    in_turn: bool, fails_to_end: bool, caplog: pytest.LogCaptureFixture
) -> None:
    ended: list[str] = []

    def end(peer: Peer) -> None:
        peer.connection = None
        ended.append(peer.id)
        if fails_to_end:
            raise KeyError("ours too")

    rounds = Rounds(PARTS, Mishaps(lambda: 0, Counter(), end))
    peers = [Peer(PeerId(name)) for name in ("ann", "bo", "cy")]
    connections = [Ticked(broken=peer.id == "bo") for peer in peers]
    for peer, connection in zip(peers, connections, strict=True):
        peer.connection = connection
        if not in_turn:
            rounds.wakes(peer)
    for now in range(2 * PARTS):
        rounds.tick(peers if in_turn else [], now)
    assert ended == ["bo"]
    ann, bo, cy = (connection.ticks for connection in connections)
    assert bo == 1
    assert ann > 1
    assert cy > 1
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "IndexError: ours" in caplog.text


class Unlucky(Ledger):
    """A listener that fails over one peer."""

    def __init__(self, at: str) -> None:
        super().__init__()
        self._at = at

    def media_connected(self, peer: PeerId) -> None:
        super().media_connected(peer)
        if (peer, self._at) == ("bo", "connecting"):
            raise RuntimeError("ours")

    def slots_changed(self, peer: PeerId, slots: Sequence[SlotContent]) -> None:
        super().slots_changed(peer, slots)
        if (peer, self._at) == ("bo", "seating") and any(slot.peer for slot in slots):
            raise RuntimeError("ours")

    def layers_wanted(self, peer: PeerId, source: str, rids: Sequence[str]) -> None:
        super().layers_wanted(peer, source, rids)
        if (peer, self._at) == ("bo", "asking for layers"):
            raise RuntimeError("ours")


async def enter(room: Stage, name: str, *publish: str, tcp: bool = False) -> WirePeer:
    peer = WirePeer(room, name, tcp=tcp)
    room.plane.place(peer.id, Circle("main"))
    room.plane.allow(peer.id, frozenset(publish))
    await peer.connect(dict.fromkeys(publish, ("l",)), video=2)
    return peer


def frames(viewer: WirePeer) -> list[str]:
    return [label(payload) for _, payload in viewer.received(viewer.slot_ssrc("v0"))]


@pytest.mark.media
@pytest.mark.parametrize("at", ["seating", "asking for layers"])
async def test_a_peer_who_cannot_be_served_is_told_so_and_the_others_go_on(at: str) -> None:
    clock = Clock()
    async with stage(clock, ledger=Unlucky(at)) as room:
        await enter(room, "bo", "camera")
        clock.added_us += PATIENCE_US  # nobody watches him
        cy = await enter(room, "cy")
        ann = await enter(room, "ann", "camera")
        await room.ledger.until(lambda: room.ledger.gone == [("bo", "error")])
        await room.ledger.until(lambda: room.ledger.carried(cy.id) == {("ann", "camera")})
        await Camera(ann, rids=("l",)).shoot(keyframe=True)
        mid = next(slot.mid for slot in room.ledger.slots[cy.id] if slot.peer)
        await room.ledger.until(lambda: len(cy.received(cy.slot_ssrc(mid))) == 1)
        assert room.plane.stats()["now-peers"] == 2


@pytest.mark.media
@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
async def test_a_datagram_on_which_we_fail_costs_neither_the_next_ones_nor_the_connection(tcp: bool) -> None:
    async with stage(ledger=Unlucky("connecting")) as room:
        bo = await enter(room, "bo", tcp=tcp)
        await counted(room.plane, "drop-error")
        assert await bo.check(nominate=True)
        assert room.ledger.gone == []


class Stumbling(PureFanOut):
    """Fails once, with the first of its viewers done and the others not."""

    stumbles = True

    def send(self, departing: Iterable[Departures], flows: Iterable[Flow], now_us: int) -> None:
        flows = list(flows)
        if self.stumbles and len(flows[0][0].slots if flows else ()) == 2:
            self.stumbles = False
            stream, packets = flows[0]
            slot = stream.slots[1]
            slot.departures.parcels.append((slot.rewriter, packets, False))
            raise RuntimeError("ours")
        super().send(departing, flows, now_us)


@pytest.mark.media
async def test_a_burst_on_which_we_fail_is_lost_and_the_next_one_is_not() -> None:
    async with stage(fan_out=Stumbling) as room:
        ann = await enter(room, "ann", "camera")
        viewers = [await enter(room, name) for name in ("bo", "cy")]
        camera = Camera(ann, rids=("l",))
        await camera.shoot(keyframe=True)
        await counted(room.plane, "mishaps")
        await camera.shoot(keyframe=True)
        await room.ledger.until(lambda: all(frames(viewer) == ["l2"] for viewer in viewers))
        assert room.ledger.gone == []

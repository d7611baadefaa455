"""Layers that nobody wants are not asked for: first the rule by itself, then with real transport."""

from __future__ import annotations

import asyncio

import pytest

from server.media.demand import PATIENCE_US, Demand
from server.media.shapes import Want
from server.media.tap import Frame
from tests.media.peers import Pace
from tests.media.test_forwarding import FRAME, LAYERS, Cast, Film, cast
from tests.media.wire import Camera, WirePeer

SECOND = 1_000_000


def test_what_is_wanted_again_is_asked_for_at_once_and_what_is_not_goes_on_for_a_while() -> None:
    demand = Demand(LAYERS, 0)
    assert demand.wanted(0) == ("l", "m", "h")
    demand.want("l", 2 * SECOND)
    assert demand.wanted(2 * SECOND) == ("l", "m", "h")
    assert demand.wanted(PATIENCE_US) == ("l",)
    demand.want("h", PATIENCE_US + 1)
    assert demand.wanted(PATIENCE_US + 1) == ("l", "m", "h")
    assert demand.wanted(20 * SECOND) == ()


def test_a_picture_without_layers_is_wanted_or_not() -> None:
    demand = Demand((), 0)
    demand.want("", SECOND)
    demand.want("h", 9 * SECOND)
    assert demand.wanted(2 * SECOND) == ("",)
    assert demand.wanted(9 * SECOND) == ()


class Obedient:
    """A browser: it sends the layers that are wanted, as often as a camera does."""

    def __init__(self, room: Cast, peer: WirePeer) -> None:
        self._room = room
        self._peer = peer
        self._camera = Camera(peer)

    async def film_until(self, viewer: WirePeer | None, layer: str) -> None:
        """Until that is what the viewer gets, or (no viewer) what is sent."""
        async with asyncio.timeout(8):
            while self._shown(viewer) != layer:
                keyframe = self._camera.frame % 10 == 0 or self._resumed()
                await self._camera.shoot(keyframe=keyframe, rids=self._wanted())
                await asyncio.sleep(FRAME)

    def _shown(self, viewer: WirePeer | None) -> str:
        if viewer is None:
            return "".join(self._wanted()) or "-"
        frames = self._room.frames(viewer)
        return frames[-1][0] if frames else ""

    def _wanted(self) -> list[str]:
        said = self._room.ledger.demands.get((self._peer.id, "camera"), ["lmh"])[-1]
        return [] if said == "-" else list(said)

    def _resumed(self) -> bool:
        return self._camera.frame > 0 and "h" in self._wanted()


@pytest.mark.media
async def test_the_top_layer_rests_while_only_thumbnails_are_shown_and_is_back_at_once() -> None:
    async with cast() as room:
        ann = await room.enter("ann", {"camera": LAYERS})
        bo = await room.enter("bo")
        browser = Obedient(room, ann)
        room.plane.watch(bo.id, [Want(ann.id, "camera", "low")])
        await browser.film_until(None, "l")
        demands = room.ledger.demands[ann.id, "camera"]
        assert demands == ["l"]

        began = asyncio.get_running_loop().time()
        room.plane.watch(bo.id, [Want(ann.id, "camera", "high")])
        await browser.film_until(bo, "h")
        assert demands == ["l", "lmh"]
        assert asyncio.get_running_loop().time() - began < 1.5


@pytest.mark.media
async def test_a_camera_that_nobody_sees_rests_until_somebody_comes() -> None:
    async with cast() as room:
        ann = await room.enter("ann", {"camera": LAYERS})
        browser = Obedient(room, ann)
        await browser.film_until(None, "-")
        bo = await room.enter("bo")
        await browser.film_until(bo, "l")
        assert room.ledger.demands[ann.id, "camera"][:2] == ["-", "l"]

        # Switched off and on again it begins with everything, before anybody had to say so.
        room.plane.allow(ann.id, frozenset())
        assert room.ledger.demands[ann.id, "camera"][-1] == "lmh"


class Nowhere:
    def write(self, frame: Frame) -> None: ...
    def close(self) -> None: ...


@pytest.mark.media
async def test_what_is_recorded_is_wanted_at_its_best() -> None:
    async with cast() as room:
        ann = await room.enter("ann", {"camera": LAYERS})
        browser = Obedient(room, ann)
        await browser.film_until(None, "-")
        room.plane.record(ann.id, "camera", Nowhere())
        assert room.ledger.demands[ann.id, "camera"] == ["-", "lmh"]
        await browser.film_until(None, "lmh")
        room.plane.stop_recording(ann.id, "camera")
        await browser.film_until(None, "-")


@pytest.mark.media
async def test_a_viewer_whose_link_is_too_narrow_does_not_ask_for_what_he_cannot_get() -> None:
    pace = Pace()
    async with cast(pace) as room:
        ann = await room.enter("ann", {"camera": LAYERS})
        bo = await room.enter("bo")
        room.plane.watch(bo.id, [Want(ann.id, "camera", "high")])
        film = Film(ann, bo, pace, {"l": 100, "m": 400, "h": 1000})
        await film.until(lambda: (ann.id, "camera") in room.ledger.demands, narrow=True)
        assert room.ledger.demands[ann.id, "camera"] == ["l"]

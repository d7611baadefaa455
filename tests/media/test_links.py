"""What the plane says of everybody's connection: the gauge by itself, then by real RTCP."""

from __future__ import annotations

import asyncio

import pytest

from server.media.gauge import LinkGauge, Totals
from server.media.shapes import LinkReport, Want
from tests.media.test_forwarding import FRAME, LAYERS, cast, half_of
from tests.media.wire import Camera

SECOND = 1_000_000


def look(gauge: LinkGauge, now_us: int, *totals: int) -> LinkReport | None:
    return gauge.report(Totals(*totals), now_us, round_trip_ms=40, up_bps=7, pictures=2, reduced=())


def test_a_stretch_is_what_was_added_since_the_last_look() -> None:
    gauge = LinkGauge(0)
    assert look(gauge, 4 * SECOND, 100, 90, 200, 0, 50_000) == LinkReport(40, 0.1, 0.0, 7, 100_000, 2, ())
    assert look(gauge, 8 * SECOND, 200, 190, 300, 25, 50_000) == LinkReport(40, 0.0, 0.25, 7, 0, 2, ())


def test_too_little_says_nothing_and_a_stream_that_ended_is_no_loss() -> None:
    gauge = LinkGauge(0)
    assert look(gauge, SECOND, 10, 5, 3, 1, 0) is None
    look(gauge, 2 * SECOND, 1000, 1000, 0, 0, 0)
    after = look(gauge, 3 * SECOND, 100, 100, 500, 0, 0)
    assert after is not None
    assert (after.lost_up, after.lost_down) == (0.0, 0.0)


@pytest.mark.media
async def test_loss_is_measured_where_it_happens() -> None:
    """Ann loses a third of what she sends, Bo half of what he is sent."""
    async with cast() as room:
        ann = await room.enter("ann", {"camera": LAYERS})
        bo = await room.enter("bo")
        room.plane.watch(bo.id, [Want(ann.id, "camera", "high")])
        camera, told = Camera(ann), 0

        async def film() -> None:
            nonlocal told
            while True:
                if camera.frame % 3 == 2:
                    for rid in LAYERS:
                        camera.packet(rid, keyframe=False)
                    camera.frame += 1
                await camera.shoot(keyframe=True)
                await asyncio.sleep(FRAME)
                if len(bo.rtp) >= told + 10:
                    await bo.send(half_of(bo.rtp[told:]))
                    told = len(bo.rtp)

        filming = asyncio.create_task(film())
        try:
            await room.ledger.until(lambda: any(len(reports) == 2 for reports in room.ledger.reports))
        finally:
            filming.cancel()
        reports = next(reports for reports in room.ledger.reports if len(reports) == 2)
        assert 0.2 < reports[ann.id].lost_up < 0.45
        assert reports[ann.id].lost_down == 0
        assert 0.3 < reports[bo.id].lost_down < 0.7
        assert reports[ann.id].up_bps > 0
        assert reports[bo.id].down_bps > 0

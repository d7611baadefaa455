"""What the metrics say about the event loop."""

from __future__ import annotations

import asyncio
import time

from server.live.ports import Less, LinkReport, PeerId, Reduced
from server.observe import LAG_LOOKED_AT_S, Metrics


def over(metrics: Metrics, seconds: float) -> float:
    """How many looks found the loop later than that."""
    values = {}
    for family in metrics.loop_lag.collect():
        for sample in family.samples:
            values[sample.labels.get("le", sample.name)] = sample.value
    return float(values["+Inf"] - values[str(seconds)])


async def test_a_loop_that_stands_still_is_late_for_everything_that_was_due_meanwhile() -> None:
    metrics = Metrics()
    async with metrics.loop_observed():
        await asyncio.sleep(0)
        time.sleep(LAG_LOOKED_AT_S * 15)  # noqa: ASYNC251, the fault that is to be seen
        await asyncio.sleep(LAG_LOOKED_AT_S)
    assert over(metrics, 0.2) >= 3
    assert over(metrics, 0.1) >= 8


def test_connections_are_counted_and_nobody_is_named() -> None:
    metrics = Metrics()
    ann = PeerId("class/ann")
    reduced = (Reduced(ann, "camera", Less.FEWER, "h", 1), Reduced(ann, "screen", Less.NOTHING, "", None))
    metrics.note_links([LinkReport(40, 0.0, 0.05, 1, 1, 3, reduced), LinkReport(None, 0.0, 0.0, 1, 1, 1, ())])
    text = metrics.exposition().decode()
    assert 'bichron_media_lost_ratio_bucket{direction="down",le="0.03"} 1.0' in text
    assert 'bichron_media_lost_ratio_count{direction="down"} 2.0' in text
    assert "bichron_media_round_trip_seconds_count 1.0" in text
    assert "bichron_media_reduced 1.0" in text
    for shown, count in (("as-wished", 2.0), ("fewer", 1.0), ("smaller", 0.0), ("nothing", 1.0)):
        assert f'bichron_media_pictures{{shown="{shown}"}} {count}' in text
    assert "ann" not in text

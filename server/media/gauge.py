"""How one peer's connection has done over the last few seconds, from what RTCP told on the way: loss, rate, delay.

Counts go in as totals since the beginning, so that nothing is done per packet. A stream that ended takes its totals
with it; the stretch in which that happens counts as nothing rather than as less.
"""

from __future__ import annotations

from typing import NamedTuple

from server.media.shapes import LinkReport, Reduced


class Totals(NamedTuple):
    """Since the connection began. Up: what the peer sends, as the network delivered it, repeats aside."""

    up_expected: int
    up_received: int
    down_sent: int
    """Of those whose fate the viewer has told."""

    down_lost: int
    down_bytes: int


class LinkGauge:
    """Compares totals with those of the last look. Times are microseconds of one clock."""

    def __init__(self, now_us: int) -> None:
        self._before = Totals(0, 0, 0, 0, 0)
        self._since_us = now_us

    def report(
        self,
        totals: Totals,
        now_us: int,
        *,
        round_trip_ms: int | None,
        up_bps: int,
        pictures: int,
        reduced: tuple[Reduced, ...],
    ) -> LinkReport | None:
        """The time since the last call; None where so little went either way that it says nothing."""
        before, self._before = self._before, totals
        since_us, self._since_us = self._since_us, now_us
        up_expected = totals.up_expected - before.up_expected
        down_sent = totals.down_sent - before.down_sent
        if max(up_expected, down_sent) < FEWEST:
            return None
        up_lost = up_expected - (totals.up_received - before.up_received)
        return LinkReport(
            round_trip_ms=round_trip_ms,
            lost_up=_share(up_lost, up_expected),
            lost_down=_share(totals.down_lost - before.down_lost, down_sent),
            up_bps=up_bps,
            down_bps=(totals.down_bytes - before.down_bytes) * 8_000_000 // max(1, now_us - since_us),
            pictures=pictures,
            reduced=reduced,
        )


FEWEST = 20
"""Packets: fewer are no sample."""


def _share(lost: int, of: int) -> float:
    return min(1.0, max(0, lost) / of) if of >= FEWEST else 0.0

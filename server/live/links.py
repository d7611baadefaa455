"""How good everyone's connection is, in three words, from what the media plane measures. Pure.

Loss matters most for speech (people notice from about 5 %), then delay (ITU-T G.114). One bad report proves nothing:
two in a row make it worse, three make it better. The browser judges by the same measure (web/src/media/quality.ts).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from msgspec import Struct

from server.media.shapes import LinkReport, Reduced
from server.rooms.kernel import ParticipantId


class Quality(Enum):
    """In order of getting worse."""

    GOOD = "good"
    FAIR = "fair"
    WEAK = "weak"


class Link(Struct, frozen=True):
    """One's own connection. `lost_in` and `lost_out` are percent of what one is sent and of what one sends."""

    quality: Quality
    lost_in: int = 0
    lost_out: int = 0
    round_trip_ms: int | None = None
    reduced: tuple[Reduced, ...] = ()
    """Pictures that come with less than they would on a better connection."""


UNMEASURED = Link(Quality.GOOD)

_RANK = {quality: rank for rank, quality in enumerate(Quality)}
_TO_GET_WORSE = 2
_TO_GET_BETTER = 3


def reading(report: LinkReport) -> Quality:
    """What one report by itself says."""
    lost = max(report.lost_up, report.lost_down)
    round_trip_ms = report.round_trip_ms or 0
    if lost > 0.08 or round_trip_ms > 800:
        return Quality.WEAK
    if lost > 0.03 or round_trip_ms > 400 or report.reduced:
        return Quality.FAIR
    return Quality.GOOD


class Links:
    """Those of one class. Who is not mentioned has a good connection, as far as anyone knows."""

    def __init__(self) -> None:
        self._links: dict[ParticipantId, Link] = {}
        # The word that would come next, and for how many reports now.
        self._leaning: dict[ParticipantId, tuple[Quality, int]] = {}

    def of(self, participant: ParticipantId) -> Link:
        return self._links.get(participant, UNMEASURED)

    def poor(self) -> dict[ParticipantId, Quality]:
        """Everyone whose connection is not good."""
        return {who: link.quality for who, link in self._links.items() if link.quality is not Quality.GOOD}

    def forget(self, participant: ParticipantId) -> None:
        self._links.pop(participant, None)
        self._leaning.pop(participant, None)

    def measured(self, reports: Mapping[ParticipantId, LinkReport]) -> None:
        """Take what was measured; on whose connection too little went by is judged as good."""
        for participant in [*reports, *(who for who in self._links if who not in reports)]:
            report = reports.get(participant)
            quality = self._judge(participant, Quality.GOOD if report is None else reading(report))
            if quality is Quality.GOOD:
                self._links.pop(participant, None)
            elif report is not None:
                self._links[participant] = Link(
                    quality,
                    round(report.lost_down * 100),
                    round(report.lost_up * 100),
                    report.round_trip_ms,
                    report.reduced,
                )

    def _judge(self, participant: ParticipantId, latest: Quality) -> Quality:
        present = self.of(participant).quality
        if latest is present:
            self._leaning.pop(participant, None)
            return present
        leaning, times = self._leaning.get(participant, (latest, 0))
        times = times + 1 if leaning is latest else 1
        if times >= (_TO_GET_WORSE if _RANK[latest] > _RANK[present] else _TO_GET_BETTER):
            self._leaning.pop(participant, None)
            return latest
        self._leaning[participant] = (latest, times)
        return present

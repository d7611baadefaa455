"""Is what gets lost dropped by a full link, or does the way lose it whatever is sent?

A link that drops what it cannot carry stops dropping as soon as it is sent less than arrived. Bad radio does not: there
the rate is not to blame, less of it helps nobody, and what was lost must be repeated. So the first sign of loss is
believed; if as much is lost once less is being sent, it was not ours, and from then on only more than that counts.

Times are microseconds of one clock.
"""

from __future__ import annotations

from collections import deque
from enum import Enum
from math import sqrt

LOSSY = 0.1
"""Beyond what the way loses anyway. Less is left to retransmission."""

_WINDOW_US = 1_000_000
_FEWEST = 20
_SURE = 2.0
"""Standard deviations: of twenty packets three are easily lost by chance."""

_SETTLING_US = 700_000
"""A round trip, a keyframe of a smaller layer, and the packets that were under way."""

_AS_MUCH = 0.6
_MOST_WEATHER = 0.4
"""No call goes well through more; whatever is to blame, less should be sent."""

_FORGETTING = 0.02
"""Of the difference, per report of less loss."""


class Verdict(Enum):
    """FINE: nothing to do. OURS: send less. WEATHER: sending less was of no use, go back."""

    FINE = "fine"
    OURS = "ours"
    WEATHER = "weather"


class LossJudge:
    """Judges one viewer's link by what was reported of it."""

    def __init__(self) -> None:
        self._outcomes: deque[tuple[int, int, int]] = deque()
        self._usual = 0.0
        self._suspected: float | None = None
        self._listening_us = 0

    @property
    def suspects(self) -> bool:
        """Whether less is being sent to see if that helps."""
        return self._suspected is not None

    def judge(self, arrived: int, lost: int, now_us: int) -> Verdict:
        """Take a report, and say what to make of the last second's. `lost` may be negative: some came after all."""
        if now_us < self._listening_us:
            return Verdict.FINE
        outcomes = self._outcomes
        outcomes.append((now_us, arrived, lost))
        while now_us - outcomes[0][0] > _WINDOW_US:
            outcomes.popleft()
        missing = max(0, sum(lost for _, _, lost in outcomes))
        total = missing + sum(arrived for _, arrived, _ in outcomes)
        if total < _FEWEST:
            return Verdict.FINE
        share, limit = missing / total, self._usual + LOSSY
        if share <= limit + _SURE * sqrt(limit * (1 - limit) / total):
            self._usual += (min(share, self._usual) - self._usual) * _FORGETTING
            if now_us - self._listening_us > _WINDOW_US:
                self._suspected = None
            return Verdict.FINE
        before, self._suspected = self._suspected, share
        outcomes.clear()
        if before is not None and before * _AS_MUCH < share < _MOST_WEATHER:
            self._usual, self._suspected = share, None
            return Verdict.WEATHER
        self._listening_us = now_us + _SETTLING_US
        return Verdict.OURS

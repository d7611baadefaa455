"""Which layers of a picture somebody watches or records: what nobody wants need not be sent at all ("dynacast"). Pure.

A layer that is wanted again is asked for at once; one that is no longer wanted may go on for a while, since people turn
pages back and forth, and links waver. Below a wanted layer all are kept: when a link narrows there must be something to
fall back on, and together they cost less than the one above.
"""

from __future__ import annotations

from collections.abc import Sequence

PATIENCE_US = 3_000_000
"""How long a layer goes on unwanted."""


class Demand:
    """One track's. Times are microseconds of one clock."""

    def __init__(self, rids: Sequence[str], now_us: int) -> None:
        """`rids` lowest first, as they were offered; none for a track without layers, which has the one rid ""."""
        self.rids = tuple(rids) or ("",)
        self._places = {rid: place for place, rid in enumerate(self.rids)}
        self._wanted_us = [now_us] * len(self.rids)
        self.told = self.rids
        """What the sender was last told."""

    def want(self, rid: str, now_us: int) -> None:
        """Somebody wants this layer now."""
        place = self._places.get(rid)
        if place is not None:
            self._wanted_us[place] = now_us

    def want_all(self, now_us: int) -> None:
        """Somebody wants the best there is, or may in a moment."""
        self._wanted_us[-1] = now_us

    def wanted(self, now_us: int) -> tuple[str, ...]:
        """The layers worth sending, lowest first; none: nobody wants this picture."""
        for place in range(len(self.rids) - 1, -1, -1):
            if now_us - self._wanted_us[place] < PATIENCE_US:
                return self.rids[: place + 1]
        return ()

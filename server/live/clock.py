"""Time for the loop: one clock that never runs backwards, whatever is done to the system's.

Instants are wall time as it was when the process started plus monotonic time since: good for display, for ordering
and for timers alike, and an hour's jump of the system clock moves no deadline and no recording. Tests bring their own.
"""

from __future__ import annotations

import asyncio
import time
from typing import Protocol

from server.rooms.kernel import Instant


class Clock(Protocol):
    def now(self) -> Instant:
        """Milliseconds since the Unix epoch; never decreases."""

    def advance_to(self, instant: Instant) -> None:
        """Be at `instant` at least: a log says that it has been then already, so the system's clock was set back."""

    async def sleep(self, seconds: float) -> None: ...


class SystemClock:
    """The machine's clock, anchored once."""

    def __init__(self) -> None:
        self._wall_us = time.time_ns() // 1000
        self._monotonic_ns = time.monotonic_ns()

    def now(self) -> Instant:
        return Instant(self.now_us() // 1000)

    def now_us(self) -> int:
        """The same in microseconds, for media: frames, recordings and the class's log must agree on what time it is."""
        return self._wall_us + (time.monotonic_ns() - self._monotonic_ns) // 1000

    def advance_to(self, instant: Instant) -> None:
        self._wall_us += max(0, instant * 1000 - self.now_us())

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

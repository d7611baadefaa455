"""How often a publisher is asked for a keyframe, however many viewers want one (RFC 4585 6.3.1).

A wish is open until a keyframe comes that was made after it. While it is open the publisher is asked again and again,
for a PLI can be lost; but keyframes cost every viewer bandwidth, so they are spaced.
"""

from __future__ import annotations

RETRY_MS = 250
"""Longer than most round trips plus the encoding of a frame; a frozen Chromium repeats its PLI every 200 ms."""

SPACING_MS = 300
"""No keyframe is asked for sooner after the last one: PLIs that crossed it on the way would ask for a second."""


class Throttle:
    """Decides when a PLI for one encoding goes upstream. Times are milliseconds of any one clock."""

    def __init__(self) -> None:
        self._wanted = False
        self._asked_ms: int | None = None
        self._arrived_ms: int | None = None

    @property
    def wanted(self) -> bool:
        return self._wanted

    def begins(self, now_ms: int) -> None:
        """The encoding is being sent (again). Who begins does so with a keyframe, so it counts as asked for."""
        self._asked_ms = now_ms

    def want(self, now_ms: int) -> bool:
        """Somebody needs a keyframe. True if a PLI should go out at once, else `due` says when."""
        self._wanted = True
        return self.due(now_ms)

    def due(self, now_ms: int) -> bool:
        """Whether to send a PLI now; if so it counts as sent. Call it on a timer while `wanted`."""
        if not self._wanted:
            return False
        if self._asked_ms is not None and now_ms - self._asked_ms < RETRY_MS:
            return False
        if self._arrived_ms is not None and now_ms - self._arrived_ms < SPACING_MS:
            return False
        self._asked_ms = now_ms
        return True

    def arrived(self, now_ms: int) -> None:
        """A keyframe has begun to arrive; every wish so far is granted."""
        self._wanted = False
        self._arrived_ms = now_ms

"""Errors of our own while one participant is served: they cost him his media, and the others nothing.

He comes again on a new connection. One traceback in ten seconds is logged, the rest is counted: a fault that comes with
every packet must not fill the disk.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import NamedTuple

from server.media.peer import Peer

_COMPLAINT_INTERVAL_US = 10_000_000

logger = logging.getLogger(__name__)


class Mishaps:
    """`end` ends one peer's media, and may fail as well."""

    def __init__(self, clock: Callable[[], int], counts: Counter[str], end: Callable[[Peer], None]) -> None:
        self._clock = clock
        self._counts = counts
        self._end = end
        self._complained_us = -_COMPLAINT_INTERVAL_US

    def serving(self, peer: Peer) -> Service:
        """A `with` block whose error ends this peer's media, and is no error for what comes after the block."""
        return Service(self, peer)

    def struck(self, peer: Peer, error: Exception) -> None:
        """Serving him raised `error`."""
        self.note("the media of a participant was ended by an error of ours", error)
        try:
            self._end(peer)
        except Exception as another:  # noqa: BLE001  logged, within bounds
            self.note("ending the media of a participant failed as well", another)

    def note(self, what: str, error: Exception) -> None:
        """Count it, and say it unless something was said a moment ago."""
        self._counts["mishaps"] += 1
        now_us = self._clock()
        if now_us - self._complained_us >= _COMPLAINT_INTERVAL_US:
            self._complained_us = now_us
            logger.error("%s; more are only counted for a while", what, exc_info=error)


class Service(NamedTuple):
    """See Mishaps.serving."""

    mishaps: Mishaps
    peer: Peer

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> bool:
        if not isinstance(error, Exception):
            return False
        self.mishaps.struck(self.peer, error)
        return True

"""The one thread that writes recordings: work is handed to it and done in order, none of it on the event loop.

The queue is bounded in bytes, not in age: a disk that stalls for ten seconds (an fsync behind somebody else's
gigabyte) is waited for as long as memory allows, because a lecture cannot be sent again. What does not fit is refused
there and then, and the caller notes it. Work arrives in batches of up to a tenth of a second: files are then written
to ten times a second instead of at every packet.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from time import monotonic

log = logging.getLogger(__name__)

BATCH_S = 0.1
TICK_S = 1.0
COST = 200
"""Bytes a piece of work takes beside its payload, roughly."""

Work = Callable[[], None]


class Scribe:
    """`after_batch` is called when a batch is done, `tick` once a second; both in the thread."""

    def __init__(self, after_batch: Work, tick: Work, limit_bytes: int) -> None:
        self._after_batch = after_batch
        self._tick = tick
        self._limit = limit_bytes
        self._queue: deque[tuple[Work, int]] = deque()
        self._bytes = 0
        self._wake = threading.Condition()
        self._urgent = False
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="recordings", daemon=True)
        self._thread.start()

    @property
    def waiting_bytes(self) -> int:
        """What has been taken in and is not done."""
        return self._bytes

    def offer(self, work: Work, size: int) -> bool:
        """Take in work that may be refused: False when `size` bytes more are too many."""
        with self._wake:
            if self._bytes + size > self._limit or self._closing:
                return False
            self._put(work, size + COST)
            return True

    def post(self, work: Work) -> None:
        """Take in work that must be done, without waiting for a batch to fill. Raises RuntimeError after `close`."""
        with self._wake:
            if self._closing:
                raise RuntimeError("the recorder is closed")
            self._urgent = True
            self._put(work, COST)
            self._wake.notify()

    def close(self) -> None:
        """Returns when all that was taken in is done. Blocks. Idempotent."""
        with self._wake:
            self._closing = self._urgent = True
            self._wake.notify()
        self._thread.join()

    def _put(self, work: Work, cost: int) -> None:
        if not self._queue:
            self._wake.notify()
        self._queue.append((work, cost))
        self._bytes += cost

    def _run(self) -> None:
        due = monotonic() + TICK_S
        while True:
            batch, last = self._next_batch(due - monotonic())
            for work, cost in batch:
                self._do(work)
                with self._wake:
                    self._bytes -= cost
            self._do(self._after_batch)
            if last:
                return
            if monotonic() >= due:
                self._do(self._tick)
                due = monotonic() + TICK_S

    def _next_batch(self, wait_s: float) -> tuple[list[tuple[Work, int]], bool]:
        """What has come in, and whether it is the last."""
        with self._wake:
            self._wake.wait_for(lambda: self._queue or self._closing, max(wait_s, 0))
            if self._queue:
                self._wake.wait_for(lambda: self._urgent, BATCH_S)
            batch = list(self._queue)
            self._queue.clear()
            self._urgent = False
            return batch, self._closing

    def _do(self, work: Work) -> None:
        try:
            work()
        except Exception:  # the thread's top frame: a mistake in one recording must not end the others
            log.exception("recording: a piece of work failed")

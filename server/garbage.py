"""When the garbage collector may stop the world.

A full collection looks at every object there is: with five hundred people in class that takes a tenth of a second, in
which no packet is forwarded. CPython runs one whenever objects have become a quarter more, so again and again while
people come in, and finds nothing: almost all of them are still needed. Here the young are collected as ever, and all
of them only once as many connections have ended as go on, or (for what we do not know of) twice an hour.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import Callable, Iterator

_NEVER = 1_000_000_000
_YOUNG, _MIDDLE = 2_000, 10
"""At these sizes a collection of the young takes less than ten milliseconds."""

_LOOK_EVERY_S = 10.0
_LOOKS_MOST = 180
_ENDED_LEAST = 64


class Sweeping:
    """Decides when it pays to collect everything. Pure."""

    def __init__(self) -> None:
        self._ended = 0
        self._looks = 0

    def is_due(self, ended: int, present: int) -> bool:
        """Asked every ten seconds: `ended` connections since the start; `present` go on."""
        self._looks += 1
        if ended - self._ended < max(_ENDED_LEAST, present) and self._looks < _LOOKS_MOST:
            return False
        self._ended, self._looks = ended, 0
        return True


@contextlib.contextmanager
def swept(ended: Callable[[], int], present: Callable[[], int]) -> Iterator[None]:
    """Collect as said above while the block lasts. Concerns the whole process; needs a running loop."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()  # what was imported stays for good
    gc.set_threshold(_YOUNG, _MIDDLE, _NEVER)
    task = asyncio.create_task(_sweep(ended, present), name="garbage")
    try:
        yield
    finally:
        task.cancel()
        gc.set_threshold(*before)
        gc.unfreeze()


async def _sweep(ended: Callable[[], int], present: Callable[[], int]) -> None:
    sweeping = Sweeping()
    while True:
        await asyncio.sleep(_LOOK_EVERY_S)
        if sweeping.is_due(ended(), present()):
            gc.collect()

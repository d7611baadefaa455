"""The event log: the one truth about every class. A Protocol with several implementations and one contract suite.

An entry that `append` has returned for is on durable storage; nothing may be acknowledged or told before. The log
knows entries and states as records, not as rules: it never refuses what the rules decided.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from server.rooms.kernel import ClassId, Entry
from server.rooms.room import Classroom


class Conflict(Exception):
    """`after` is not the last seq of the class: somebody else appended, or the class exists already."""


class Fenced(Exception):
    """A higher epoch has appended: this process no longer owns the class."""


class LogUnavailable(Exception):
    """Storage cannot take the entries now (disk full, failed sync). None of them is in the log; try again later."""


class Loaded(NamedTuple):
    """A class as stored: the newest good snapshot and the entries after it. (None, ()) is a class never opened."""

    snapshot: Classroom | None
    tail: tuple[Entry, ...]


class EventLog(Protocol):
    async def append(self, class_id: ClassId, after: int, entries: Sequence[Entry], epoch: int = 0) -> None:
        """Append entries `after + 1` onward; durable on return, all or none.

        Raises Conflict if `after` is not the last seq, Fenced if `epoch` is below one seen, LogUnavailable if storage
        failed. Nothing is written then. A cancelled call may have written: load before appending again.
        """

    async def read(self, class_id: ClassId, after: int = 0) -> list[Entry]:
        """The entries beyond seq `after`, all of them durable; empty for a class never opened. Raises Damaged."""

    async def save_snapshot(self, class_id: ClassId, classroom: Classroom) -> None:
        """Keep a state reached by durable entries, so that loading need not start at the first one."""

    async def load(self, class_id: ClassId) -> Loaded:
        """Raises Damaged where acknowledged data is lost, ValueError where an entry no longer decodes."""

    async def retire(self, class_id: ClassId) -> None:
        """The class has ended and its recording is published: drop it from `classes`. It can still be read."""

    async def classes(self) -> list[ClassId]:
        """Every class that has not been retired."""

    async def close(self) -> None:
        """Returns when what is being appended is durable. Idempotent."""

"""The event log in memory: for tests and for trying things out. It keeps every promise until the process ends."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct, field

from server.log.codec import decode, decode_classroom, encode_classroom, encode_run
from server.log.eventlog import Conflict, Fenced, Loaded
from server.rooms.kernel import ClassId, Entry
from server.rooms.room import Classroom


class _Stored(Struct):
    entries: list[bytes] = field(default_factory=list)
    epoch: int = 0
    snapshot: bytes | None = None
    retired: bool = False


class MemoryLog:
    """Keeps entries encoded, so that whatever could not be stored in a file cannot be stored here either."""

    def __init__(self) -> None:
        self._stored: dict[ClassId, _Stored] = {}

    async def append(self, class_id: ClassId, after: int, entries: Sequence[Entry], epoch: int = 0) -> None:
        stored = self._stored.get(class_id, _Stored())
        if epoch < stored.epoch:
            raise Fenced(f"class {class_id}: epoch {epoch} is over, {stored.epoch} has appended")
        if after != len(stored.entries):
            raise Conflict(f"class {class_id}: append after {after}, but the last is {len(stored.entries)}")
        encoded = encode_run(after, entries)
        stored.epoch = epoch
        stored.entries.extend(payload for _, payload in encoded)
        self._stored[class_id] = stored

    async def read(self, class_id: ClassId, after: int = 0) -> list[Entry]:
        stored = self._stored.get(class_id, _Stored())
        return [decode(payload) for payload in stored.entries[after:]]

    async def save_snapshot(self, class_id: ClassId, classroom: Classroom) -> None:
        self._stored[class_id].snapshot = encode_classroom(classroom)

    async def load(self, class_id: ClassId) -> Loaded:
        stored = self._stored.get(class_id, _Stored())
        snapshot = None if stored.snapshot is None else decode_classroom(stored.snapshot)
        return Loaded(snapshot, tuple(await self.read(class_id, 0 if snapshot is None else snapshot.seq)))

    async def retire(self, class_id: ClassId) -> None:
        self._stored[class_id].retired = True

    async def classes(self) -> list[ClassId]:
        return sorted(class_id for class_id, stored in self._stored.items() if not stored.retired)

    async def close(self) -> None:
        pass

"""Where a class's entries come from: the event log while it runs, the recording's own copy afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from recordings import layout
from recordings.disk import Disk, replace_file
from server.log.codec import decode, encode_run
from server.log.record import Damaged, frame_write, scan
from server.rooms.kernel import ClassId, Entry


class EntrySource(Protocol):
    """The event log, as far as recordings need it (server.log.eventlog.EventLog is one)."""

    async def read(self, class_id: ClassId, after: int = 0) -> list[Entry]:
        """All entries beyond seq `after`. Raises Damaged, LogUnavailable or ValueError."""


def save_entries(disk: Disk, folder: Path, entries: Sequence[Entry]) -> None:
    """Copy a class's log into a recording, so that the recording needs nothing else. Raises OSError."""
    replace_file(disk, layout.entries(folder), frame_write(encode_run(0, entries)))


def load_entries(folder: Path) -> list[Entry]:
    """The recording's own copy. Raises ValueError when it is damaged, OSError (FileNotFoundError: there is none)."""
    content = layout.entries(folder).read_bytes()
    try:
        found = scan(content)
    except Damaged as error:
        raise ValueError(str(error)) from error
    if found.torn_bytes:
        raise ValueError(f"{found.torn_bytes} bytes of the entries cannot be read")
    return [decode(record.payload) for record in found.records]

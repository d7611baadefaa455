"""Snapshots: a class's state at some seq, so that loading starts there and not at the first entry.

A snapshot only saves time: the log is never cut, so a missing or unreadable one costs a longer replay and nothing
else. Written as temp file, sync, rename, sync of the directory; the newest two are kept, because the newest may be
the one that was being written when the power went.
"""

from __future__ import annotations

import errno
import logging
from pathlib import Path

from server.log.codec import decode_classroom, encode_classroom
from server.log.disk import Disk
from server.log.record import Damaged, frame, scan
from server.rooms.room import Classroom

_KEPT = 2
_PREFIX = "snapshot."

logger = logging.getLogger(__name__)


def write_snapshot(disk: Disk, folder: Path, classroom: Classroom) -> None:
    """Raises OSError; an older snapshot is never harmed by a failed new one."""
    try:
        content = frame(classroom.seq, encode_classroom(classroom), starts_write=True)
    except ValueError as error:
        raise OSError(errno.EFBIG, f"no snapshot of so large a class: {error}") from error
    temporary = folder / "snapshot-new"
    file = disk.open(temporary)
    try:
        file.truncate(0)
        file.write(0, content)
        file.sync()
    finally:
        file.close()
    disk.rename(temporary, folder / f"{_PREFIX}{classroom.seq}")
    disk.sync_directory(folder)
    for old in _newest_first(disk, folder)[_KEPT:]:
        disk.remove(folder / f"{_PREFIX}{old}")


def read_snapshot(disk: Disk, folder: Path) -> Classroom | None:
    """The newest snapshot that can be read."""
    for seq in _newest_first(disk, folder):
        try:
            records = scan(disk.read(folder / f"{_PREFIX}{seq}"), after=seq - 1).records
            if records:
                return decode_classroom(records[0].payload)
        except (Damaged, ValueError, OSError):
            pass
        logger.warning("class %s: snapshot %d cannot be read, using an older one or none", folder.name, seq)
    return None


def _newest_first(disk: Disk, folder: Path) -> list[int]:
    names = [name.removeprefix(_PREFIX) for name in disk.list_directory(folder) if name.startswith(_PREFIX)]
    return sorted((int(name) for name in names if name.isdigit()), reverse=True)

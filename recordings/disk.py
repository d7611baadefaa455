"""What recordings ask of a disk beyond what the log asks (server/log/disk): how full it is, and whole-file replacement.

What is *not* here: what the files mean (layout, manifest, webm). All of it blocks: only the writer's thread, or a
thread made for it, calls it.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from server.log import disk as log_disk
from server.log.disk import DiskFile as DiskFile


class Disk(log_disk.Disk, Protocol):
    def free_bytes(self, path: Path) -> int:
        """What may still be written where `path` lies."""


class OsDisk(log_disk.OsDisk):
    """The real one."""

    def free_bytes(self, path: Path) -> int:
        state = os.statvfs(path)
        return state.f_bavail * state.f_frsize


def replace_file(disk: Disk, path: Path, content: bytes) -> None:
    """Write a whole file, durably: after any crash readers see the old or the new one. Raises OSError."""
    part = path.with_name(f".{path.name}.part")
    try:
        file = disk.open(part)
        try:
            file.truncate(0)
            file.write(0, content)
            file.sync()
        finally:
            file.close()
        disk.rename(part, path)
    except OSError:
        with suppress(OSError):
            disk.remove(part)  # on a full disk half a file is in everybody's way
        raise
    disk.sync_directory(path.parent)

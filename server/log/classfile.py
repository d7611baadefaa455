"""One class's events.log: opening, appending, and getting over what disks do. Blocking; one thread at a time.

What is not here: which thread, and waiting for others' appends (server/log/file.py).
"""

from __future__ import annotations

import logging
from pathlib import Path

from server.log.disk import Disk, DiskFile
from server.log.record import Damaged, Scan, scan

EVENTS = "events.log"

logger = logging.getLogger(__name__)


class ClassFile:
    """Knows how far the file is durable (`good_bytes`, `last_seq`); everything beyond is as if it did not exist."""

    def __init__(self, disk: Disk, folder: Path) -> None:
        self._disk = disk
        self._folder = folder
        self._path = folder / EVENTS
        self._file: DiskFile | None = None
        self.good_bytes = 0
        self.last_seq = 0

    def open(self) -> None:
        """Find the end of the log and move a torn tail aside. A class never opened creates nothing yet.

        Raises Damaged, OSError.
        """
        if not self._disk.exists(self._path):
            return
        content = self._disk.read(self._path)
        found = scan(content)
        file = self._disk.open(self._path)
        try:
            if found.torn_bytes:
                self._keep_aside(found, content[found.good_bytes :])
                file.truncate(found.good_bytes)
            # The process before may have died between writing these bytes and syncing them: what is about to be
            # believed, and told, must be as durable as what is appended from now on.
            file.sync()
        except OSError:
            file.close()
            raise
        self._file, self.good_bytes, self.last_seq = file, found.good_bytes, found.last_seq

    def append(self, content: bytes, entries: int) -> None:
        """Add framed records; durable on return. Raises OSError (none of them is in the log then), Damaged."""
        file = self._file or self._open_again()
        try:
            file.write(self.good_bytes, content)
        except OSError:
            self._undo(file)
            raise
        try:
            file.sync()
        except OSError:
            self._give_up(file)
            raise
        self.good_bytes += len(content)
        self.last_seq += entries

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _undo(self, file: DiskFile) -> None:
        try:
            file.truncate(self.good_bytes)
        except OSError:
            self._give_up(file)

    def _give_up(self, file: DiskFile) -> None:
        logger.error("class %s: the log file failed at byte %d, opening it anew", self._folder.name, self.good_bytes)
        file.close()
        self._file = None

    def _open_again(self) -> DiskFile:
        """A fresh descriptor on a file that holds exactly what was acknowledged."""
        if self.last_seq == 0:
            self._disk.make_directory(self._folder)
            file = self._disk.open(self._path)
            self._disk.sync_directory(self._folder)
        else:
            found = scan(self._disk.read(self._path)[: self.good_bytes])
            if found.last_seq != self.last_seq:
                raise Damaged(f"entry {self.last_seq} was acknowledged, but only {found.last_seq} can be read")
            file = self._disk.open(self._path)
        try:
            file.truncate(self.good_bytes)
        except OSError:
            file.close()
            raise
        self._file = file
        return file

    def _keep_aside(self, found: Scan, tail: bytes) -> None:
        aside = self._folder / f"events.{found.good_bytes}.torn"
        logger.warning("class %s: %d torn bytes after entry %d set aside", self._folder.name, len(tail), found.last_seq)
        copy = self._disk.open(aside)
        try:
            copy.truncate(0)
            copy.write(0, tail)
            copy.sync()
        finally:
            copy.close()
        self._disk.sync_directory(self._folder)

"""Disks that go wrong: full, failing to sync, losing power. Real files below."""

from __future__ import annotations

import errno
import threading
from pathlib import Path

from recordings.disk import DiskFile, OsDisk


class FaultyFile:
    def __init__(self, disk: FaultyDisk, path: Path, file: DiskFile) -> None:
        self._disk = disk
        self._path = path
        self._file = file

    def write(self, offset: int, content: bytes) -> None:
        grows = max(0, offset + len(content) - self._path.stat().st_size)
        if grows > self._disk.room_bytes:
            self._file.write(offset, content[: len(content) - grows + self._disk.room_bytes])
            self._disk.room_bytes = 0
            raise OSError(errno.ENOSPC, "No space left on device")
        self._disk.room_bytes -= grows
        self._file.write(offset, content)

    def sync(self) -> None:
        self._disk.goes_on.wait()
        if self._path.name in self._disk.bad_sync:
            raise OSError(errno.EIO, "Input/output error")
        self._file.sync()
        self._disk.syncs += 1
        if self._disk.remembers:
            self._disk.durable[self._path] = self._path.read_bytes()

    def truncate(self, size: int) -> None:
        self._disk.room_bytes += max(0, self._path.stat().st_size - size)
        self._file.truncate(size)

    def close(self) -> None:
        self._file.close()


class FaultyDisk(OsDisk):
    """`room_bytes` is how much files may still grow together; `bad_sync` names files whose next syncs fail.

    While `goes_on` is cleared, every sync waits.
    """

    def __init__(self, room_bytes: int = 2**40, remembers: bool = False) -> None:
        self.room_bytes = room_bytes
        self.free = 2**40
        self.bad_sync: set[str] = set()
        self.syncs = 0
        self.remembers = remembers
        self.durable: dict[Path, bytes] = {}
        self.goes_on = threading.Event()
        self.goes_on.set()

    def open(self, path: Path) -> FaultyFile:  # type: ignore[override]  # any DiskFile will do
        return FaultyFile(self, path, super().open(path))

    def rename(self, old: Path, new: Path) -> None:
        super().rename(old, new)
        if old in self.durable:
            self.durable[new] = self.durable.pop(old)

    def free_bytes(self, path: Path) -> int:
        return self.free

    def lose_power(self) -> None:
        """Every file is as it was when it was last synced."""
        for path, content in self.durable.items():
            path.write_bytes(content)

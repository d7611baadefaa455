"""The few things a log asks of a file system, so that tests can put a disk below it that fills up or forgets.

Every call blocks; server/log/file.py makes them from threads. Errors are OSError. What is not here: any idea of
records.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Protocol


class DiskFile(Protocol):
    def write(self, offset: int, content: bytes) -> None:
        """Write all of `content`, or raise having written any part of it. Not durable before `sync`."""

    def sync(self) -> None:
        """What was written is durable on return. After an error nothing may be assumed of what was written."""

    def truncate(self, size: int) -> None:
        """Cut the file; durable on return."""

    def close(self) -> None: ...


class Disk(Protocol):
    def make_directory(self, path: Path) -> None:
        """Durable on return; an existing one is fine."""

    def list_directory(self, path: Path) -> list[str]: ...

    def exists(self, path: Path) -> bool: ...

    def read(self, path: Path) -> bytes: ...

    def open(self, path: Path) -> DiskFile:
        """For writing; created where missing, its name durable only after `sync_directory`."""

    def rename(self, old: Path, new: Path) -> None:
        """Replaces `new` at once; durable only after `sync_directory`."""

    def remove(self, path: Path) -> None: ...

    def sync_directory(self, path: Path) -> None: ...

    def lock(self, path: Path) -> DiskFile:
        """Hold `path` for this process until closed. Raises BlockingIOError where another holds it."""


class OsFile:
    """A file descriptor."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, offset: int, content: bytes) -> None:
        left = memoryview(content)
        while left:  # a nearly full disk writes less than it was asked to
            written = os.pwrite(self._descriptor, left, offset)
            offset += written
            left = left[written:]

    def sync(self) -> None:
        os.fdatasync(self._descriptor)

    def truncate(self, size: int) -> None:
        os.ftruncate(self._descriptor, size)
        os.fsync(self._descriptor)

    def close(self) -> None:
        os.close(self._descriptor)


class OsDisk:
    """The real one."""

    def make_directory(self, path: Path) -> None:
        if path.is_dir():
            return
        if path.parent != path:
            self.make_directory(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)
        self.sync_directory(path.parent)

    def list_directory(self, path: Path) -> list[str]:
        return sorted(child.name for child in path.iterdir())

    def exists(self, path: Path) -> bool:
        return path.exists()

    def read(self, path: Path) -> bytes:
        return path.read_bytes()

    def open(self, path: Path) -> OsFile:
        return OsFile(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))

    def rename(self, old: Path, new: Path) -> None:
        old.replace(new)

    def remove(self, path: Path) -> None:
        path.unlink(missing_ok=True)

    def sync_directory(self, path: Path) -> None:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def lock(self, path: Path) -> OsFile:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            raise
        return OsFile(descriptor)

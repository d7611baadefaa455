"""A disk in memory that does what disks do: it forgets what was not synced, fills up, and fails to sync."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable
from pathlib import Path
from random import Random

_SECTOR_BYTES = 512


class _Inode:
    def __init__(self, content: bytes = b"") -> None:
        self.content = bytearray(content)
        self.durable = bytes(content)

    def after_power_loss(self, dice: Random) -> bytes:
        """What was synced, and of the rest any sectors in any order, as a disk's cache may have written them."""
        if bytes(self.content) == self.durable:
            return self.durable
        size = dice.choice([len(self.durable), len(self.content), dice.randint(0, len(self.content))])
        size = max(size, min(len(self.durable), len(self.content)))
        survivor = bytearray(self.durable[:size].ljust(size, b"\0"))
        for start in range(0, size, _SECTOR_BYTES):
            if dice.random() < 0.5:
                sector = self.content[start : min(start + _SECTOR_BYTES, size)]
                survivor[start : start + len(sector)] = sector
        return bytes(survivor)


class ForgetfulDisk:
    """server.log.disk.Disk without a disk."""

    def __init__(self) -> None:
        self._guard = threading.RLock()
        self._names: dict[Path, _Inode | None] = {}
        """None is a directory."""
        self._durable_names: dict[Path, _Inode | None] = {}
        self.free_bytes: int | None = None
        self.syncs_to_fail = 0
        self.reads_fail = False
        self.syncs = 0
        self.before_sync: Callable[[], None] = lambda: None

    def after_power_loss(self, dice: Random) -> ForgetfulDisk:
        """The disk as the next start finds it. Names that were not synced may have survived or not."""
        with self._guard:
            survivor = ForgetfulDisk()
            for path in sorted({*self._names, *self._durable_names}):
                names = self._durable_names
                if self._names.get(path, ...) is not self._durable_names.get(path, ...) and dice.random() < 0.5:
                    names = self._names
                if path in names and (path.parent in survivor._names or not survivor._names):
                    inode = names[path]
                    survivor._names[path] = None if inode is None else _Inode(inode.after_power_loss(dice))
            survivor._durable_names = dict(survivor._names)
            return survivor

    def files(self) -> dict[str, bytes]:
        with self._guard:
            return {path.name: bytes(inode.content) for path, inode in self._names.items() if inode is not None}

    def make_directory(self, path: Path) -> None:
        with self._guard:
            self._names[path] = self._durable_names[path] = None

    def list_directory(self, path: Path) -> list[str]:
        with self._guard:
            return sorted(name.name for name in self._names if name.parent == path)

    def exists(self, path: Path) -> bool:
        return path in self._names

    def read(self, path: Path) -> bytes:
        with self._guard:
            inode = self._names[path]
            if inode is None or self.reads_fail:
                raise OSError(errno.EIO, "Input/output error")
            return bytes(inode.content)

    def open(self, path: Path) -> ForgetfulFile:
        with self._guard:
            if path not in self._names:
                if self.free_bytes == 0:
                    raise OSError(errno.ENOSPC, "No space left on device")
                self._names[path] = _Inode()
            inode = self._names[path]
            assert inode is not None
            return ForgetfulFile(self, inode)

    def rename(self, old: Path, new: Path) -> None:
        with self._guard:
            self._names[new] = self._names.pop(old)

    def remove(self, path: Path) -> None:
        with self._guard:
            self._names.pop(path, None)

    def sync_directory(self, path: Path) -> None:
        with self._guard:
            self._durable_names = {name: node for name, node in self._durable_names.items() if name.parent != path}
            self._durable_names |= {name: node for name, node in self._names.items() if name.parent == path}

    def lock(self, path: Path) -> ForgetfulFile:
        return self.open(path)


class ForgetfulFile:
    def __init__(self, disk: ForgetfulDisk, inode: _Inode) -> None:
        self._disk = disk
        self._inode = inode

    def write(self, offset: int, content: bytes) -> None:
        with self._disk._guard:
            free = self._disk.free_bytes
            fits = content if free is None else content[:free]
            if free is not None:
                self._disk.free_bytes = free - len(fits)
            grown = offset + len(fits) - len(self._inode.content)
            self._inode.content.extend(bytes(max(grown, 0)))
            self._inode.content[offset : offset + len(fits)] = fits
            if len(fits) < len(content):
                raise OSError(errno.ENOSPC, "No space left on device")

    def sync(self) -> None:
        self._disk.before_sync()
        with self._disk._guard:
            self._disk.syncs += 1
            if self._disk.syncs_to_fail:
                self._disk.syncs_to_fail -= 1
                raise OSError(errno.EIO, "Input/output error")
            self._inode.durable = bytes(self._inode.content)

    def truncate(self, size: int) -> None:
        with self._disk._guard:
            if self._disk.free_bytes is not None:
                self._disk.free_bytes += max(0, len(self._inode.content) - size)
            del self._inode.content[size:]
            self._inode.durable = bytes(self._inode.content)

    def close(self) -> None:
        pass

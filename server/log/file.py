"""The event log on the local disk: one folder per class, synced before anything is acknowledged.

    {root}/lock                      held while a process owns the folder
    {root}/{class id}/events.log     framed records (server/log/record.py), never cut except to undo a failed write
    {root}/{class id}/snapshot.{seq} the newest two
    {root}/{class id}/events.{n}.torn  what a crash left half written at offset n, moved aside
    {root}/{class id}/retired        an empty mark

Group commit: while one write of a class is being synced, further appends to it queue up and then share one write and
one fdatasync. Different classes run side by side on a small pool of threads.

A failed write is undone by cutting the file back. After a failed *sync* nothing is known about the file's pages (the
kernel reports the error once and then believes them clean), so its descriptor is given up: before the next append the
file is opened anew, read, checked against what was acknowledged, and cut back.
Source: Rebello et al., "Can Applications Recover from fsync Failures?" (2020).
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple, ParamSpec, TypeVar

from server.log.classfile import EVENTS, ClassFile
from server.log.codec import decode, encode_run
from server.log.disk import Disk, OsDisk
from server.log.eventlog import Conflict, Fenced, Loaded, LogUnavailable
from server.log.record import Damaged, frame_write, scan
from server.log.snapshot import read_snapshot, write_snapshot
from server.rooms.kernel import ClassId, Entry
from server.rooms.room import Classroom

_P = ParamSpec("_P")
_T = TypeVar("_T")

_RETIRED = "retired"
_SAFE_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)

_THREADS = 4
"""Syncs that may be under way at once; more only queue up in the device."""

logger = logging.getLogger(__name__)


class FileLog:
    """server.log.eventlog.EventLog on local files. Raises BlockingIOError where another process has `root` open."""

    def __init__(self, root: Path, disk: Disk | None = None) -> None:
        self._root = root
        self._disk = disk if disk is not None else OsDisk()
        self._disk.make_directory(root)
        self._lock = self._disk.lock(root / "lock")
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="log")
        self._appenders: dict[ClassId, _Appender] = {}
        self._closed = False

    async def append(self, class_id: ClassId, after: int, entries: Sequence[Entry], epoch: int = 0) -> None:
        appender = await self._appender(class_id)
        await appender.append(after, entries, epoch)

    async def read(self, class_id: ClassId, after: int = 0) -> list[Entry]:
        folder = self._folder(class_id)
        appender = self._appenders.get(class_id)
        # Where nobody appends, the valid prefix is what the next opening will keep.
        end = appender.file.good_bytes if appender is not None and appender.opened else None
        return await self._run(_read_entries, self._disk, folder / EVENTS, after, end)

    async def save_snapshot(self, class_id: ClassId, classroom: Classroom) -> None:
        appender = await self._appender(class_id)
        await _uninterrupted(appender.save_snapshot(classroom))

    async def load(self, class_id: ClassId) -> Loaded:
        appender = await self._appender(class_id)
        last_seq = appender.file.last_seq
        if last_seq == 0:
            return Loaded(None, ())
        snapshot = await self._run(read_snapshot, self._disk, self._folder(class_id))
        if snapshot is not None and snapshot.seq > last_seq:
            raise Damaged(f"class {class_id}: a snapshot stands at {snapshot.seq}, the log ends at {last_seq}")
        return Loaded(snapshot, tuple(await self.read(class_id, 0 if snapshot is None else snapshot.seq)))

    async def retire(self, class_id: ClassId) -> None:
        appender = self._appenders.pop(class_id, None)
        if appender is not None:
            await appender.close()
        await self._run(_touch, self._disk, self._folder(class_id) / _RETIRED)

    async def classes(self) -> list[ClassId]:
        return await self._run(_unretired, self._disk, self._root)

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        for appender in list(self._appenders.values()):
            await appender.close()
        self._threads.shutdown()
        self._lock.close()

    async def _appender(self, class_id: ClassId) -> _Appender:
        if self._closed:
            raise LogUnavailable("the log is closed")
        if class_id not in self._appenders:
            self._appenders[class_id] = _Appender(self._disk, self._folder(class_id), self._run)
        appender = self._appenders[class_id]
        if not appender.opened:
            await _uninterrupted(appender.open())
        return appender

    def _folder(self, class_id: ClassId) -> Path:
        if not _SAFE_ID.fullmatch(class_id):
            raise ValueError(f"not a class id: {class_id!r}")
        return self._root / class_id

    async def _run(self, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """`work` in a thread. Storage trouble comes out as LogUnavailable."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, lambda: work(*args, **kwargs))
        except OSError as error:
            raise LogUnavailable(error.strerror or str(error)) from error


class _Waiting(NamedTuple):
    records: list[tuple[int, bytes]]
    durable: asyncio.Future[None]


class _Appender:
    """Group commit for one class: whatever arrives during a sync shares the next one."""

    def __init__(self, disk: Disk, folder: Path, run: Callable[..., Awaitable[None]]) -> None:
        self.file = ClassFile(disk, folder)
        self.opened = False
        self._disk = disk
        self._folder = folder
        self._run = run
        self._opening = asyncio.Lock()
        self._snapshots = asyncio.Lock()
        self._epoch = 0
        self._promised = 0
        """Last seq once everything that waits is durable."""
        self._waiting: list[_Waiting] = []
        self._committing: asyncio.Task[None] | None = None

    async def open(self) -> None:
        async with self._opening:
            if not self.opened:
                await self._run(self.file.open)
                self._promised = self.file.last_seq
                self.opened = True

    async def append(self, after: int, entries: Sequence[Entry], epoch: int) -> None:
        if epoch < self._epoch:
            raise Fenced(f"epoch {epoch} is over, {self._epoch} has appended")
        if after != self._promised:
            raise Conflict(f"append after {after}, but the last is {self._promised}")
        records = encode_run(after, entries)
        if not records:
            return
        self._epoch = epoch
        self._promised += len(records)
        durable = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(records, durable))
        if self._committing is None:
            self._committing = asyncio.create_task(self._commit(), name=f"commit {self._folder.name}")
        await durable

    async def save_snapshot(self, classroom: Classroom) -> None:
        async with self._snapshots:
            await self._run(write_snapshot, self._disk, self._folder, classroom)

    async def close(self) -> None:
        if self._committing is not None:
            await asyncio.wait([self._committing])
        async with self._opening, self._snapshots:
            await self._run(self.file.close)

    async def _commit(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            records = [record for waiting in batch for record in waiting.records]
            try:
                await self._run(self.file.append, frame_write(records), len(records))
            except Exception as error:  # noqa: BLE001  whatever it is, those who wait must learn of it
                # Those who came meanwhile build on what has just failed: they fail with it.
                batch, self._waiting = batch + self._waiting, []
                self._promised = self.file.last_seq
                for waiting in batch:
                    if not waiting.durable.done():
                        waiting.durable.set_exception(error)
            else:
                for waiting in batch:
                    if not waiting.durable.done():
                        waiting.durable.set_result(None)
        self._committing = None


async def _uninterrupted(work: Coroutine[None, None, None]) -> None:
    """Let file work finish though its caller is cancelled: its thread would go on anyway, with the locks let go."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


def _read_entries(disk: Disk, path: Path, after: int, end: int | None) -> list[Entry]:
    if not disk.exists(path):
        return []
    return [decode(record.payload) for record in scan(disk.read(path)[:end]).records if record.seq > after]


def _touch(disk: Disk, path: Path) -> None:
    disk.open(path).close()
    disk.sync_directory(path.parent)


def _unretired(disk: Disk, root: Path) -> list[ClassId]:
    folders = [root / name for name in disk.list_directory(root) if _SAFE_ID.fullmatch(name)]
    return [
        ClassId(folder.name)
        for folder in folders
        if disk.exists(folder / EVENTS) and not disk.exists(folder / _RETIRED)
    ]

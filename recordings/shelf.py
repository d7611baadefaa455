"""Every recording there is, for those who watch: what the HTTP edge serves.

A recording that is still being written is served as far as it has got (its manifest and indexes come from the writer,
its bytes from the same files), so that a latecomer can begin at the beginning. All calls are cheap on the event loop;
reading and replaying happen in threads. Raises KeyError for what is not there. Who may see what is *not* decided here:
timelines are redacted for later viewers, everything else is the edge's.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections import OrderedDict
from pathlib import Path
from typing import Protocol

import msgspec

from recordings import layout, manifest
from recordings.manifest import Manifest, State
from recordings.repair import scan_file
from recordings.sources import EntrySource, load_entries
from recordings.timeline import Timeline, timeline, until_the_end
from recordings.track import Index
from server.log.eventlog import LogUnavailable
from server.log.record import Damaged
from server.rooms.kernel import ClassId, Entry

log = logging.getLogger(__name__)

TIMELINES_KEPT = 16
"""Encoded timelines of published recordings in memory: a few hundred kB each, and everybody asks for the newest."""


class Running(Protocol):
    """A recording being written (recordings.take.Take)."""

    def snapshot(self) -> Manifest: ...
    def index(self, n: int) -> Index | None: ...


class Writing(Protocol):
    """Who knows the recordings being written (recordings.recorder.FileRecorder)."""

    def running(self, recording_id: str) -> Running | None: ...
    def forget(self, recording_id: str) -> None:
        """Never continue it."""


class Shelf:
    def __init__(self, root: Path, entries: EntrySource, writing: Writing) -> None:
        self._root = root
        self._entries = entries
        self._writing = writing
        self._manifests: dict[Path, tuple[int, Manifest]] = {}
        self._timelines: OrderedDict[str, bytes] = OrderedDict()
        self._making: dict[str, asyncio.Task[bytes]] = {}
        """Timelines being made: replaying a class takes a while, and everybody who asks meanwhile gets the same."""

    async def recordings(self) -> list[Manifest]:
        """All of them, newest first. One whose manifest cannot be read is left out (and logged)."""
        found = await asyncio.to_thread(self._read_all)
        return sorted((self._live(one) for one in found), key=lambda one: (one.started_at, one.id), reverse=True)

    async def of_class(self, class_id: str) -> list[Manifest]:
        """The takes of one class, newest first."""
        return [found for found in await self.recordings() if found.class_id == class_id]

    async def manifest(self, recording_id: str) -> Manifest:
        folder = layout.folder(self._root, recording_id)
        running = self._writing.running(recording_id)
        if running is not None:
            return running.snapshot()
        return await asyncio.to_thread(self._read, folder)

    async def track(self, recording_id: str, n: int) -> Path:
        """The WebM file of a track; while it is being written, only what `index` names is to be fetched from it."""
        (await self.manifest(recording_id)).track(n)
        path = layout.track(layout.folder(self._root, recording_id), n)
        if not await asyncio.to_thread(path.is_file):
            raise KeyError(n)
        return path

    async def index(self, recording_id: str, n: int) -> Index:
        """Where the clusters of a track are: [t_ms, offset, size, keyframe] each."""
        running = self._writing.running(recording_id)
        live = running.index(n) if running is not None else None
        if live is not None:
            return live
        (await self.manifest(recording_id)).track(n)
        return await asyncio.to_thread(_index, layout.folder(self._root, recording_id), n)

    async def timeline(self, recording_id: str) -> Timeline:
        found = await self.manifest(recording_id)
        entries = await self._entries_of(found)
        return await asyncio.to_thread(timeline, found, entries)

    async def timeline_json(self, recording_id: str) -> bytes:
        """The timeline as JSON; remembered for recordings that will not change any more."""
        kept = self._timelines.get(recording_id)
        if kept is not None:
            self._timelines.move_to_end(recording_id)
            return kept
        making = self._making.get(recording_id)
        if making is None:
            making = self._making[recording_id] = asyncio.create_task(self._make_timeline(recording_id))
            making.add_done_callback(lambda _: self._making.pop(recording_id))
        return await asyncio.shield(making)

    async def _make_timeline(self, recording_id: str) -> bytes:
        found = await self.manifest(recording_id)
        entries = await self._entries_of(found)
        encoded = await asyncio.to_thread(lambda: msgspec.json.encode(timeline(found, entries)))
        if found.state is State.PUBLISHED and entries:
            self._timelines[recording_id] = encoded
            while len(self._timelines) > TIMELINES_KEPT:
                self._timelines.popitem(last=False)
        return encoded

    async def remove(self, recording_id: str) -> None:
        """Delete a recording for good. Raises ValueError while it is being written."""
        folder = layout.folder(self._root, recording_id)
        if self._writing.running(recording_id) is not None:
            raise ValueError("this recording is still being written")
        self._writing.forget(recording_id)
        await asyncio.to_thread(self._remove, folder)
        self._timelines.pop(recording_id, None)

    async def _entries_of(self, found: Manifest) -> list[Entry]:
        if found.state is State.PUBLISHED:
            folder = layout.folder(self._root, found.id)
            try:
                return await asyncio.to_thread(load_entries, folder)
            except (OSError, ValueError) as error:
                log.warning("entries of recording %s cannot be read, asking the log: %s", found.id, error)
        try:
            entries = await self._entries.read(ClassId(found.class_id))
        except (LogUnavailable, Damaged, OSError, ValueError) as error:
            log.error("recording %s is shown without what happened in class: %s", found.id, error)
            return []
        return entries if found.state is State.RECORDING else until_the_end(entries, found.stretches)

    def _live(self, found: Manifest) -> Manifest:
        running = self._writing.running(found.id)
        return running.snapshot() if running is not None else found

    def _read_all(self) -> list[Manifest]:
        found = []
        for folder in layout.recordings(self._root):
            try:
                found.append(self._read(folder))
            except KeyError:
                continue
        return found

    def _read(self, folder: Path) -> Manifest:
        path = layout.manifest(folder)
        try:
            changed_ns = path.stat().st_mtime_ns
            kept = self._manifests.get(path)
            if kept is not None and kept[0] == changed_ns:
                return kept[1]
            found = manifest.decode(path.read_bytes())
        except FileNotFoundError:
            raise KeyError(folder.name) from None
        except (OSError, ValueError) as error:
            log.warning("recording %s left out: %s", folder.name, error)
            raise KeyError(folder.name) from error
        if found.state is State.PUBLISHED:
            # No other is remembered: within one tick of the file system's clock a manifest may be replaced twice.
            self._manifests[path] = (changed_ns, found)
        return found

    def _remove(self, folder: Path) -> None:
        path = layout.manifest(folder)
        self._read(folder)
        path.unlink()  # first: without a manifest there is no recording, whatever is left of the rest
        self._manifests.pop(path, None)
        shutil.rmtree(folder, ignore_errors=True)


def _index(folder: Path, n: int) -> Index:
    """As saved when the track was closed; found out again from the track where that is missing or broken."""
    try:
        return msgspec.json.decode(layout.index(folder, n).read_bytes(), type=Index)
    except (OSError, msgspec.MsgspecError):
        pass
    try:
        found = scan_file(layout.track(folder, n), thorough=False)
    except (OSError, ValueError) as error:
        raise KeyError(n) from error
    return Index(init=(0, found.front.end), clusters=found.clusters)

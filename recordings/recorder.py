"""The recorder of a running server: takes frames on the event loop and writes them in a thread of its own.

It is what the live half calls `Recorder` (server/live/ports), without knowing the live half. A class has one recording
at a time; when that has been published, the next `begin` starts another. Publishing closes all tracks, copies the
class's log, and sets the manifest to PUBLISHED, in this order: after a crash at any point `recover` mends what was
being written, publishes what is over, and leaves the rest to be continued when its class goes on.

Nothing that happens to a disk is raised into the media path: it is noted in the manifest, under `trouble`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from pathlib import Path

from recordings import layout
from recordings.disk import Disk, OsDisk
from recordings.manifest import Manifest
from recordings.recovery import mend_all
from recordings.scribe import Scribe
from recordings.sources import EntrySource, save_entries
from recordings.take import Feed, Take
from recordings.timeline import is_over, until_the_end
from server.log.eventlog import LogUnavailable
from server.log.record import Damaged
from server.media.tap import Frame, FrameSink
from server.rooms.kernel import ClassId, Entry

log = logging.getLogger(__name__)

QUEUE_BYTES = 64 * 2**20
"""What may wait for the disk: about 10 s of 100 cameras."""


class FileRecorder:
    """`now` is the server's clock in ms (server.live.clock), the one that `at` and frames are measured by.

    Call `recover` once before the first `begin`, and `close` at the end.
    """

    def __init__(
        self,
        root: Path,
        entries: EntrySource,
        now: Callable[[], int],
        *,
        disk: Disk | None = None,
        queue_bytes: int = QUEUE_BYTES,
    ) -> None:
        self._root = root
        self._entries = entries
        self._now = now
        self._disk = disk or OsDisk()
        self._takes: dict[str, Take] = {}
        """By class: what is being recorded."""
        self._unsaved: dict[str, Take] = {}
        """By recording: all that the thread has to look after, until its last manifest is on the disk."""
        self._left: dict[str, Manifest] = {}
        """By class: what an earlier run left unfinished."""
        self._publishing: dict[asyncio.Task[None], str] = {}
        self._scribe = Scribe(self._flush, self._tick, queue_bytes)

    # -- server.live.ports.Recorder ----------------------------------------------------------------------------------

    def begin(self, class_id: str, title: str, at: int) -> str:
        """Start to record a class, or go on with what was interrupted or paused; returns the recording's id."""
        take = self._takes.get(class_id)
        if take is None:
            found = self._left.pop(class_id, None)
            found = found or Manifest(id=layout.new_id(), class_id=class_id, title=title, started_at=at)
            take = self._takes[class_id] = self._write(found)
        self._scribe.post(partial(take.resume, at))
        return take.id

    def open_track(self, class_id: str, participant: str, name: str, source: str, room: str, at: int) -> FrameSink:
        """Where the frames of one source go. For a class that is not recorded they go nowhere."""
        take = self._takes.get(class_id)
        if take is None:
            log.error("a track for class %s, which is not being recorded", class_id)
            return Nowhere()
        return FeedSink(self._scribe, take, Feed(participant, name, source, room))

    def pause(self, class_id: str, at: int) -> None:
        take = self._takes.get(class_id)
        if take is not None:
            self._scribe.post(partial(take.pause, at))

    def resume(self, class_id: str, at: int) -> None:
        take = self._takes.get(class_id)
        if take is not None:
            self._scribe.post(partial(take.resume, at))

    def trouble(self, class_id: str) -> str:
        take = self._takes.get(class_id)
        return "" if take is None else take.trouble

    async def publish(self, class_id: str, at: int) -> None:
        """Finish a class's recording at `at`; returns when it plays. Does nothing when there is none (any more)."""
        left = self._left.pop(class_id, None)
        take = self._takes.pop(class_id, None) or (self._write(left) if left else None)
        if take is not None:
            task = asyncio.create_task(self._publish(take, at), name=f"publish {take.id}")
            self._publishing[task] = class_id
            task.add_done_callback(self._publishing.pop)
        await asyncio.shield(asyncio.gather(*(task for task, of in self._publishing.items() if of == class_id)))

    # -- for app.py and the shelf ------------------------------------------------------------------------------------

    async def recover(self) -> None:
        """Mend what an earlier run was writing; publish what is over. Raises nothing about single recordings."""
        left: list[Manifest] = []
        await self._do(lambda: left.extend(mend_all(self._disk, self._root, self._now())))
        for found in left:
            entries = await self._read_entries(found.class_id)
            self._left[found.class_id] = found
            if entries is not None and is_over(entries):
                end = found.stretches[-1].class_to if found.stretches else found.started_at
                await self.publish(found.class_id, end)

    def running(self, recording_id: str) -> Take | None:
        """A recording whose manifest on the disk is behind; None: the disk has it all."""
        return self._unsaved.get(recording_id)

    def forget(self, recording_id: str) -> None:
        """It is being deleted: its class must not continue it."""
        self._left = {class_id: found for class_id, found in self._left.items() if found.id != recording_id}

    @property
    def busy(self) -> bool:
        """Whether something handed over has not been written yet (for metrics, and for who waits for it)."""
        return self._scribe.waiting_bytes > 0

    async def close(self) -> None:
        """Close every track; what is not published can be continued by another run. Idempotent."""
        if self._publishing:
            await asyncio.wait(self._publishing)
        for take in self._takes.values():
            with suppress(RuntimeError):  # closed already
                self._scribe.post(partial(take.interrupt, self._now()))
        await asyncio.to_thread(self._scribe.close)

    # -- on the event loop -------------------------------------------------------------------------------------------

    def _write(self, found: Manifest) -> Take:
        take = self._unsaved[found.id] = Take(self._disk, self._root, found, self._now)
        return take

    async def _publish(self, take: Take, at: int) -> None:
        await self._do(partial(take.pause, at))
        entries = await self._read_entries(take.manifest.class_id)
        await self._do(partial(self._finish, take, entries))

    async def _read_entries(self, class_id: str) -> list[Entry] | None:
        try:
            return await self._entries.read(ClassId(class_id))
        except (LogUnavailable, Damaged, ValueError, OSError) as error:
            log.error("the entries of class %s cannot be read: %s", class_id, error)
            return None

    async def _do(self, work: Callable[[], None]) -> None:
        """Have the thread do something, and wait for it."""
        done: Future[None] = Future()

        def run() -> None:
            try:
                work()
            except BaseException as error:
                done.set_exception(error)
                raise
            done.set_result(None)

        self._scribe.post(run)
        await asyncio.wrap_future(done)

    # -- in the thread -----------------------------------------------------------------------------------------------

    def _finish(self, take: Take, entries: list[Entry] | None) -> None:
        try:
            if entries is None:
                raise OSError("they could not be read")
            take.flush()
            save_entries(self._disk, take.folder, until_the_end(entries, take.manifest.stretches))
        except OSError as error:
            log.error("recording %s is published without its entries: %s", take.id, error)
            take.note_trouble("entries-missing")
        take.publish()
        take.flush()

    def _flush(self) -> None:
        for take in list(self._unsaved.values()):
            take.flush()
            if take.saved and take.is_published:
                del self._unsaved[take.id]

    def _tick(self) -> None:
        for take in list(self._unsaved.values()):
            take.tick()


class FeedSink:
    """One source's way into the queue. After a frame that did not fit, video waits for the next keyframe."""

    def __init__(self, scribe: Scribe, take: Take, feed: Feed) -> None:
        self._scribe = scribe
        self._take = take
        self._feed = feed
        self._lost = 0

    def write(self, frame: Frame) -> None:
        if self._lost and not (self._feed.audio or frame.keyframe):
            self._lost += 1
        elif self._scribe.offer(partial(self._take.write, self._feed, frame, self._lost), len(frame.payload)):
            self._lost = 0
        else:
            self._lost += 1

    def close(self) -> None:
        with suppress(RuntimeError):  # the recorder is closed, and so are its tracks
            self._scribe.post(partial(self._take.end, self._feed, self._lost))


class Nowhere:
    """A sink for what is not recorded."""

    def write(self, frame: Frame) -> None: ...
    def close(self) -> None: ...

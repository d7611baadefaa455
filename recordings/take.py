"""One recording while it is written: which file every frame goes to, and a manifest that is true at any moment.

Owned by the writer's thread (recorder): every call blocks on the disk and none raises. Frames wait in memory until
`flush`, which first makes the manifest durable when it names new tracks, then writes. What fails is closed as far as
it got, noted under `trouble`, and taken up again in a new file once the disk allows.

    a feed  = one participant's source in one room, as long as it is sent
    a track = one file; a feed has several when it was paused, jumped in time or its disk failed
"""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from recordings import layout, manifest
from recordings.disk import Disk, DiskFile, replace_file
from recordings.manifest import Ending, Manifest, State, Stretch, Track, Trouble
from recordings.mend import mended, save_index
from recordings.timeline import recorded_ms
from recordings.track import AUDIO_SOURCES, AnyTrack, Index, PictureTrack, SoundTrack, may_begin, settle
from server.media.tap import Frame

log = logging.getLogger(__name__)

RETRY_MS = 5_000
"""After a track failed, its feed waits this long before it begins another."""

SPARE_BYTES = 64 * 2**20
"""Recording stops when the disk has less left, so that the log, far smaller and far more precious, can go on."""

SAVE_EVERY_MS = 10_000
"""How far the recorded end of a stretch may be behind when a crash comes and no track tells better."""

SAVE_AGAIN_MS = 1_000

MAX_TROUBLE = 200
"""A disk that fails every five seconds must not grow the manifest for ever."""

TROUBLE_LASTS_MS = 15_000
"""After a failure a track is begun again in five; when that too goes wrong, it is still the same trouble."""


class Feed:
    """What the media plane sends of one source. `track` is the file it goes to now."""

    def __init__(self, participant: str, name: str, source: str, room: str) -> None:
        self.participant = participant
        self.name = name
        self.source = source
        self.room = room
        self.audio = source in AUDIO_SOURCES
        self.track: Writing | None = None
        self.not_before = 0
        self.ended = False


class Writing(NamedTuple):
    """A track whose file is open."""

    n: int
    feed: Feed
    track: AnyTrack


class Take:
    def __init__(self, disk: Disk, root: Path, found: Manifest, now: Callable[[], int]) -> None:
        self.manifest = found
        """As it is on the disk or will be after the next `flush`, but for the open tracks' sizes; see `snapshot`."""
        self.folder = layout.folder(root, found.id)
        self._disk = disk
        self._now = now
        self._running = False
        self._open: dict[int, Writing] = {}
        self._dirty = True
        self._saved_at = 0
        self._save_from = 0
        self._save_error = OSError(errno.EIO, "the manifest has not been saved")
        self._last_n = max((track.n for track in found.tracks), default=0)
        self._named = self._last_n
        self._full = False
        self._latest_trouble = ("", 0)

    # -- read by other threads ---------------------------------------------------------------------------------------

    @property
    def id(self) -> str:
        return self.manifest.id

    @property
    def is_published(self) -> bool:
        return self.manifest.state is State.PUBLISHED

    @property
    def trouble(self) -> str:
        """What keeps it from being recorded as it should be, now: the reason of a Trouble, or ""."""
        reason, at = self._latest_trouble
        if self._full:
            return "disk-full"
        return reason if self._now() - at < TROUBLE_LASTS_MS else ""

    def snapshot(self) -> Manifest:
        """The manifest with what the open tracks have come to; without those that have no file yet."""
        writing = self._open.copy()  # before the manifest: a track that is opened meanwhile has no file either
        found = self.manifest
        tracks = []
        for track in found.tracks:
            if track.ending is not Ending.OPEN:
                tracks.append(track)
            elif track.n in writing and writing[track.n].track.writer.has_file:
                tracks.append(_measured(track, writing[track.n], Ending.OPEN))
        stretches = self._stretches(found)
        return replace(found, tracks=tuple(tracks), stretches=stretches, duration_ms=recorded_ms(stretches))

    def index(self, n: int) -> Index | None:
        """The whole clusters of an open track; None when it is not open."""
        writing = self._open.get(n)
        if writing is None:
            return None
        writer = writing.track.writer
        clusters = tuple(writer.whole)  # appended to by the writer's thread; a copy is one step to the interpreter
        return Index(init=(0, writer.front.end), clusters=clusters)

    def _stretches(self, found: Manifest) -> tuple[Stretch, ...]:
        if not self._running or not found.stretches:
            return found.stretches
        last = found.stretches[-1]
        return (*found.stretches[:-1], replace(last, class_to=max(last.class_from, self._now())))

    # -- the course of the class -------------------------------------------------------------------------------------

    def resume(self, at: int) -> None:
        if self._running:
            return
        before = self.manifest.stretches
        at = max(at, before[-1].class_to) if before else at
        self._running = True
        self._note(state=State.RECORDING, stretches=(*before, Stretch(at, at)))

    def pause(self, at: int) -> None:
        """Cuts the timeline and, where the caller has not, every track."""
        if not self._running:
            return
        for writing in list(self._open.values()):
            self._close(writing)
        *before, last = self.manifest.stretches
        self._running = False
        stretches = (*before, replace(last, class_to=max(last.class_from, at)))
        self._note(stretches=stretches, duration_ms=recorded_ms(stretches))

    def write(self, feed: Feed, frame: Frame, lost: int = 0) -> None:
        """`lost`: frames of the feed that did not make it here before this one."""
        self._miss(feed, lost)
        if not self._running or feed.ended:
            return
        if feed.track is not None and not feed.track.track.write(frame):
            self._close(feed.track)
        if feed.track is None:
            self._begin(feed, frame)

    def end(self, feed: Feed, lost: int = 0) -> None:
        self._miss(feed, lost)
        feed.ended = True
        if feed.track is not None:
            self._close(feed.track)

    def interrupt(self, at: int) -> None:
        """Leave the recording so that it plays, and can be continued."""
        self.pause(at)
        self._note(state=State.INTERRUPTED)

    def publish(self) -> None:
        """What the disk kept from being mended is tried a last time."""
        for track in self.manifest.tracks:
            if track.ending is Ending.FAILED:
                self._set_track(track.n, mended(self._disk, self.folder, track, Ending.FAILED))
        self._note(state=State.PUBLISHED)

    def note_trouble(self, reason: str) -> None:
        self._trouble(reason)

    # -- the disk ----------------------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Write what waits. New tracks are named in the manifest before their files exist."""
        if self._dirty and self._now() >= self._save_from:
            self._save()
        for writing in list(self._open.values()):
            self._attempt(writing, writing.track.writer.flush)

    def tick(self) -> None:
        """Once a second: make durable what was written, and see how full the disk is."""
        self._look_at_space()
        self.flush()
        for writing in list(self._open.values()):
            settle(writing.track, self._now())
            self._attempt(writing, writing.track.writer.sync)
        if self._running and self._now() - self._saved_at >= SAVE_EVERY_MS:
            self._note(stretches=self._stretches(self.manifest))

    @property
    def saved(self) -> bool:
        """Whether the manifest on the disk says all that `manifest` does."""
        return not self._dirty

    def _look_at_space(self) -> None:
        try:
            free_bytes = self._disk.free_bytes(self.folder.parent)
        except OSError as error:
            log.warning("cannot tell how full the disk is: %s", error)
            return
        if self._full and free_bytes >= 2 * SPARE_BYTES:
            self._full = False
        elif not self._full and free_bytes < SPARE_BYTES:
            self._full = True
            self._trouble("disk-full")
            for writing in list(self._open.values()):
                self._close(writing, Ending.FAILED)

    def _save(self) -> None:
        try:
            if not self._saved_at:
                self._disk.make_directory(layout.tracks(self.folder))
            replace_file(self._disk, layout.manifest(self.folder), manifest.encode(self.manifest))
        except OSError as error:
            log.warning("manifest of recording %s not saved: %s", self.manifest.id, error)
            self._save_error = error
            self._save_from = self._now() + SAVE_AGAIN_MS
            return
        self._dirty = False
        self._named = self._last_n
        self._saved_at = self._now()

    def _attempt(self, writing: Writing, act: Callable[[], object]) -> bool:
        """Let a track write. Its name must be on the disk before it: a file nobody knows of could not be mended."""
        try:
            if writing.n > self._named:
                raise self._save_error
            act()
        except OSError as error:
            self._fail(writing, error)
            return False
        return True

    # -- tracks ------------------------------------------------------------------------------------------------------

    def _begin(self, feed: Feed, frame: Frame) -> None:
        *before, stretch = self.manifest.stretches
        begin = stretch.class_from
        if self._full or frame.at_ms < feed.not_before or not may_begin(frame, feed.audio, begin):
            return
        self._last_n = n = self._last_n + 1
        track: AnyTrack
        if feed.audio:
            track = SoundTrack(self._maker(n), frame)
        else:
            track = PictureTrack(self._maker(n), frame, not_before=begin)
        track.write(frame)
        named = Track(
            n=n,
            participant=feed.participant,
            name=feed.name,
            source=feed.source,
            room=feed.room,
            kind="audio" if feed.audio else "video",
            codec=track.mime,
            offset_ms=recorded_ms(before) + track.origin - begin,
            width=frame.width,
            height=frame.height,
        )
        feed.track = self._open[n] = Writing(n, feed, track)
        self._note(tracks=(*self.manifest.tracks, named))

    def _maker(self, n: int) -> Callable[[], DiskFile]:
        def make() -> DiskFile:
            file = self._disk.open(layout.track(self.folder, n))
            self._disk.sync_directory(layout.tracks(self.folder))
            return file

        return make

    def _close(self, writing: Writing, ending: Ending = Ending.CLOSED) -> None:
        if writing.n > self._named:
            self._save()
        if self._attempt(writing, writing.track.writer.close):
            writer = writing.track.writer
            if not writer.sealed:
                ending = Ending.FAILED
                self._trouble("disk-full", n=writing.n)
            self._set_track(writing.n, _measured(self.manifest.track(writing.n), writing, ending))
            save_index(self.folder, writing.n, Index((0, writer.front.end), tuple(writer.whole)))
            self._forget(writing)

    def _fail(self, writing: Writing, error: OSError) -> None:
        """Let go of a track whose file failed, and mend what of it is on the disk."""
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        log.warning("track %d of recording %s failed: %s", writing.n, self.manifest.id, error)
        with suppress(OSError):
            writing.track.writer.abandon()
        track = _measured(self.manifest.track(writing.n), writing, Ending.FAILED)
        self._set_track(writing.n, mended(self._disk, self.folder, track, Ending.FAILED))
        self._forget(writing)
        writing.feed.not_before = self._now() + RETRY_MS
        self._trouble("disk-full" if full else "write-failed", n=writing.n)

    def _forget(self, writing: Writing) -> None:
        del self._open[writing.n]
        writing.feed.track = None

    def _set_track(self, n: int, changed: Track | None) -> None:
        tracks = (changed if track.n == n else track for track in self.manifest.tracks)
        self._note(tracks=tuple(track for track in tracks if track is not None))

    def _miss(self, feed: Feed, lost: int) -> None:
        if lost:
            self._trouble("too-slow", n=feed.track.n if feed.track else 0, lost=lost)

    def _trouble(self, reason: str, n: int = 0, lost: int = 0) -> None:
        self._latest_trouble = (reason, self._now())
        known = self.manifest.trouble
        if known and lost and known[-1].reason == reason and known[-1].n == n:
            self._note(trouble=(*known[:-1], replace(known[-1], lost=known[-1].lost + lost)))
        elif len(known) < MAX_TROUBLE:
            self._note(trouble=(*known, Trouble(self._now(), reason, n, lost)))

    def _note(self, **changes: object) -> None:
        self.manifest = replace(self.manifest, **changes)
        self._dirty = True


def _measured(track: Track, writing: Writing, ending: Ending) -> Track:
    writer = writing.track.writer
    return replace(track, duration_ms=writer.end_ms, bytes=writer.size, ending=ending)

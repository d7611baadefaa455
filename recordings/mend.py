"""A track that was cut off, by a crash or by its disk, becomes one that plays as far as it got."""

from __future__ import annotations

import logging
from contextlib import suppress
from pathlib import Path

import msgspec
from msgspec.structs import replace

from recordings import layout
from recordings.disk import Disk
from recordings.manifest import Ending, Track
from recordings.repair import repair
from recordings.track import Index

log = logging.getLogger(__name__)

NO_FRAMES_BYTES = 234
"""No sound is in a file this short, it lacks a part of its init segment; of video, less than a frame."""


def mended(disk: Disk, folder: Path, track: Track, ending: Ending) -> Track | None:
    """Finish the file of a track that was cut off. None: there was no frame in it, and it is gone."""
    path = layout.track(folder, track.n)
    try:
        found = repair(disk, path)
        size = path.stat().st_size
        if not found.frames:
            disk.remove(path)
            return None
    except FileNotFoundError:
        return None
    except ValueError as error:
        return _hopeless(disk, path, track, error)
    except OSError as error:  # what is there may play as it is, and be mended another time
        log.warning("track %d in %s cannot be mended: %s", track.n, folder.name, error)
        return replace(track, ending=Ending.FAILED)
    save_index(folder, track.n, Index(init=(0, found.front.end), clusters=found.clusters))
    ending = ending if found.sealed else Ending.FAILED
    return replace(track, duration_ms=found.duration_ms, bytes=size, ending=ending)


def _hopeless(disk: Disk, path: Path, track: Track, error: ValueError) -> Track | None:
    """A file whose very beginning cannot be read is kept for somebody to look at, unless there was nothing in it."""
    with suppress(OSError):
        if path.stat().st_size <= NO_FRAMES_BYTES:
            disk.remove(path)
            return None
    log.error("track %d in %s cannot be read: %s", track.n, path.parent.parent.name, error)
    return replace(track, ending=Ending.FAILED)


def save_index(folder: Path, n: int, index: Index) -> None:
    """Not synced, and never missed: it can be made again from the track (shelf)."""
    with suppress(OSError):
        layout.index(folder, n).write_bytes(msgspec.json.encode(index))

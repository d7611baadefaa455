"""At start: what an earlier run of the program was still writing when it went away is made to play as far as it got."""

from __future__ import annotations

import logging
from pathlib import Path

from msgspec.structs import replace

from recordings import layout, manifest
from recordings.disk import Disk, replace_file
from recordings.manifest import Ending, Manifest, State, Track, Trouble
from recordings.mend import mended
from recordings.timeline import recorded_ms

log = logging.getLogger(__name__)


def mend_all(disk: Disk, root: Path, now: int) -> list[Manifest]:
    """Mend every recording that has not been published; returns them, oldest first. Blocks.

    One that cannot be read or mended is logged and left for another time; it never keeps the others from starting.
    """
    left = []
    for folder in layout.recordings(root):
        try:
            found = manifest.decode(layout.manifest(folder).read_bytes())
            if found.state is not State.PUBLISHED:
                found = _mend(disk, folder, found, now)
                replace_file(disk, layout.manifest(folder), manifest.encode(found))
                left.append(found)
        except (OSError, ValueError) as error:
            log.error("recording %s cannot be mended: %s", folder.name, error)
    return sorted(left, key=lambda one: one.started_at)


def _mend(disk: Disk, folder: Path, found: Manifest, now: int) -> Manifest:
    tracks = tuple(track for n in found.tracks if (track := _mend_track(disk, folder, n)) is not None)
    stretches = found.stretches
    crashed = found.state is State.RECORDING
    if crashed and stretches:
        # The manifest lags behind by some seconds; what is in the tracks was certainly recorded.
        lag_ms = max((track.offset_ms + track.duration_ms for track in tracks), default=0) - recorded_ms(stretches)
        if lag_ms > 0:
            stretches = (*stretches[:-1], replace(stretches[-1], class_to=stretches[-1].class_to + lag_ms))
    return replace(
        found,
        state=State.INTERRUPTED,
        tracks=tracks,
        stretches=stretches,
        duration_ms=recorded_ms(stretches),
        trouble=(*found.trouble, Trouble(now, "crash")) if crashed else found.trouble,
    )


def _mend_track(disk: Disk, folder: Path, track: Track) -> Track | None:
    match track.ending:
        case Ending.OPEN:
            return mended(disk, folder, track, Ending.REPAIRED)
        case Ending.FAILED:  # perhaps there is room for its Cues now
            return mended(disk, folder, track, Ending.FAILED) or track
        case Ending.CLOSED | Ending.REPAIRED:
            return track

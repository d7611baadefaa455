"""What a recording consists of: the one file that says so, and that decides whether a recording exists.

The manifest names a track before the track's first byte is written, and `state` is set to PUBLISHED after everything
else is durable. Times: `class_*` and `at` are instants (ms since the epoch), `*_ms` run on the recording's own
timeline (recordings/timeline). What is *not* here: who may see it (the catalogue's business).
"""

from __future__ import annotations

from enum import Enum

import msgspec
from msgspec import Struct


class State(Enum):
    RECORDING = "recording"
    """A process is writing it."""
    INTERRUPTED = "interrupted"
    """The process went away; what it had written plays. The class may go on and continue it."""
    PUBLISHED = "published"
    """Nothing will be added any more."""


class Ending(Enum):
    OPEN = "open"
    CLOSED = "closed"
    REPAIRED = "repaired"
    """Cut off by a crash: whole up to `duration_ms`."""
    FAILED = "failed"
    """Cut off by the disk: whole up to `duration_ms`; `trouble` says why. Another track may continue it."""


class Stretch(Struct, frozen=True):
    """A part of the class without a pause. The last one of a running recording may have gone on since."""

    class_from: int
    class_to: int


class Track(Struct, frozen=True):
    """One file: what one participant sent of one source in one room, without interruption."""

    n: int
    participant: str
    name: str
    source: str
    room: str
    kind: str
    """"audio" or "video"."""
    codec: str
    """As browsers write it in a MIME type: "opus", "vp8", "vp9", or H.264's "avc1." and its profile."""
    offset_ms: int
    duration_ms: int = 0
    bytes: int = 0
    width: int = 0
    height: int = 0
    ending: Ending = Ending.OPEN


class Trouble(Struct, frozen=True):
    """Something that was not recorded as it should have been."""

    at: int
    reason: str
    """"disk-full", "write-failed", "too-slow" (the disk did not keep up), "crash", "entries-missing"."""
    n: int = 0
    """The track; 0: not about one."""
    lost: int = 0
    """Frames known to be missing."""


class Manifest(Struct, frozen=True):
    id: str
    class_id: str
    title: str
    started_at: int
    state: State = State.RECORDING
    duration_ms: int = 0
    stretches: tuple[Stretch, ...] = ()
    tracks: tuple[Track, ...] = ()
    trouble: tuple[Trouble, ...] = ()
    version: int = 1

    def track(self, n: int) -> Track:
        """Raises KeyError."""
        for track in self.tracks:
            if track.n == n:
                return track
        raise KeyError(n)


def encode(manifest: Manifest) -> bytes:
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1)


def decode(content: bytes) -> Manifest:
    """Raises ValueError for what is not a manifest of this version."""
    try:
        manifest = msgspec.json.decode(content, type=Manifest)
    except msgspec.MsgspecError as error:
        raise ValueError(f"not a manifest: {error}") from error
    if manifest.version != 1:
        raise ValueError(f"a manifest of version {manifest.version}; this program knows 1")
    return manifest

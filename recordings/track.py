"""One track being written: frames of one participant's source, paced into one WebM file."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from recordings import opus
from recordings.disk import DiskFile
from recordings.pace import PicturePace, SoundPace
from recordings.webm import CLUSTER_MAX_MS, Cluster, Picture, Sound, WebmWriter
from server.media.rtp import h264
from server.media.tap import Frame

AUDIO_SOURCES = frozenset({"mic", "screen_audio"})

LATE_MS = 500
"""A cluster is ended by the frame after it; when none comes for this long after its time is up, by the clock."""


EARLY_MS = 1_000
"""A keyframe that was captured this much before the stretch is its first picture: it was asked for by the start."""


class Index(Struct, frozen=True):
    """What a player needs to fetch parts of a track: the init segment's byte range, and the clusters after it."""

    init: tuple[int, int]
    clusters: tuple[Cluster, ...]


def may_begin(frame: Frame, audio: bool, begin: int) -> bool:
    """Whether a track may begin with a frame, in a stretch that began at `begin`."""
    if not audio:
        return frame.keyframe and frame.width > 0 and frame.at_ms >= begin - EARLY_MS
    try:
        return opus.duration_ms(frame.payload) > 0 and frame.at_ms >= begin
    except ValueError:
        return False


class SoundTrack:
    """An audio track; its file begins with the first packet."""

    def __init__(self, make: Callable[[], DiskFile], first: Frame) -> None:
        self.origin = round(first.at_ms)
        self.mime = "opus"
        """The codec, as a MIME type names it."""
        self.writer = WebmWriter(make, Sound())
        self._pace = SoundPace()

    def write(self, frame: Frame) -> bool:
        """False: it belongs into another file. What is no Opus packet is left out."""
        try:
            length_ms = opus.duration_ms(frame.payload)
        except ValueError:
            return True
        step = self._pace.step(frame.at_ms - self.origin, length_ms)
        if step is None:
            return False
        for at_ms in step.silences:
            self.writer.append(at_ms, opus.SILENCE, True, opus.SILENCE_MS)
        if step.at_ms is not None:
            self.writer.append(step.at_ms, frame.payload, True, int(length_ms))
        return True


class PictureTrack:
    """A video track; its file begins with the first keyframe, shown from `origin` at the earliest.

    Raises ValueError for a keyframe of H.264 without its parameter sets.
    """

    def __init__(self, make: Callable[[], DiskFile], first: Frame, not_before: int) -> None:
        self.origin = max(round(first.at_ms), not_before)
        self.mime = self._codec = first.codec
        setup = b""
        if first.codec == "h264":
            known = h264.setup(first.payload)
            self.mime, setup = f"avc1.{known.profile_level}", known.record
        self.writer = WebmWriter(make, Picture(first.width, first.height, first.codec, setup))
        self._pace = PicturePace()

    def write(self, frame: Frame) -> bool:
        """False: it belongs into another file."""
        if frame.codec != self._codec:
            return False
        at_ms = self._pace.at_ms(frame.at_ms - self.origin, frame.keyframe)
        if at_ms is None:
            return False
        self.writer.append(at_ms, frame.payload, frame.keyframe)
        return True


AnyTrack = SoundTrack | PictureTrack


def settle(track: AnyTrack, now: int) -> None:
    """End a cluster that should have ended by now, so that what a still picture shows can be fetched."""
    since_ms = track.writer.open_since_ms
    now_ms = now - track.origin
    if since_ms is not None and now_ms - since_ms > CLUSTER_MAX_MS + LATE_MS:
        track.writer.cut(now_ms)

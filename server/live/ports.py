"""What the loop asks of the world around it. Products stand behind these (media plane, recorder); app.py picks them.

Peer ids and circles are opaque to the media plane: it knows tracks and slots, not classrooms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from server.media.shapes import (
    Answer,
    Circle,
    Less,
    LinkReport,
    MediaListener,
    PeerId,
    Reduced,
    Shown,
    SlotContent,
    Want,
)
from server.media.tap import FrameSink

__all__ = [
    "Answer",
    "Circle",
    "Less",
    "LinkReport",
    "MediaListener",
    "MediaPlane",
    "PeerId",
    "Recorder",
    "Reduced",
    "Shown",
    "SlotContent",
    "Want",
]


class MediaPlane(Protocol):
    """Tracks in, slots out. Every call is quick and idempotent; an unknown peer is ignored unless said otherwise."""

    async def connect(self, peer: PeerId, offer: str, sources: Mapping[str, str]) -> Answer:
        """Answer a participant's one offer; `sources` names its sending lines, mid -> mic|camera|screen|screen_audio.

        A second call for the same peer replaces its transport (reconnect), unless it is an ICE restart of the present
        one, which goes on. Raises ValueError for an offer that cannot be answered; nothing has changed then.
        """

    def disconnect(self, peer: PeerId) -> None: ...
    def place(self, peer: PeerId, circle: Circle) -> None:
        """Move a peer. Slots are remapped at once, without any SDP."""

    def allow(self, peer: PeerId, sources: frozenset[str]) -> None:
        """Forward these sources of the peer and no others (mute is enforced here, not in the browser)."""

    def watch(self, peer: PeerId, wanted: Sequence[Want], cameras: int | None = None) -> None:
        """A viewer's wishes. What is not in its circle is skipped; the rest of the circle fills free slots.

        `cameras` is how many cameras may be given at most, wished or not (screens are never counted); None: no limit.
        """

    def record(self, peer: PeerId, source: str, sink: FrameSink) -> None:
        """Copy what arrives of a source to `sink` (best layer) until `stop_recording` or the peer leaves."""

    def stop_recording(self, peer: PeerId, source: str) -> None:
        """Closes the sink."""


class Recorder(Protocol):
    """Writes a class down while it runs. File work is the recorder's to keep off the event loop."""

    def begin(self, class_id: str, title: str, at: int) -> str:
        """Start (or, after a restart, continue) the recording of a class; returns its id. Idempotent per class."""

    def open_track(self, class_id: str, participant: str, name: str, source: str, room: str, at: int) -> FrameSink: ...
    def pause(self, class_id: str, at: int) -> None: ...
    def resume(self, class_id: str, at: int) -> None: ...
    def trouble(self, class_id: str) -> str:
        """What keeps a class from being recorded as it should be: "disk-full", "write-failed", "too-slow" or ""."""

    async def publish(self, class_id: str, at: int) -> None:
        """Close everything and make the recording playable; returns when it is. Idempotent."""

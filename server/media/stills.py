"""A picture as a sequence of stills: keyframes some seconds apart and nothing between them, whole and in full size.

For who saves data, and for a screen on a link that does not carry it live: text stays sharp, only later. What goes by
says when another still is due: one large frame is a new slide; many small ones, together worth several stills, are
something that moves; a few of them, such as a word that was typed, may wait. So stills cost a fraction of what they
stand for, and a slide that stands costs next to nothing. Keyframes that come anyway (for a recording, for whoever
joins) are passed on only if a still is due.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from server.media.rtp.descriptor import ABSENT
from server.media.rtp.source import Packet

if TYPE_CHECKING:
    from server.media.slot import Slot

SPACING_US = 5_000_000
"""Between two stills. Everybody who watches live gets the keyframe too, so it is not asked for more often."""

SLIDE_SHARE = 0.25
"""Of a still's bytes: a frame that takes so much shows another picture."""

SHARPENING_US = 2_000_000
SHARPENING_SHARE = 1.0
"""After a keyframe Chromium sends one or two frames of about three quarters of its size that only sharpen it."""

MOVING_SHARE = 3
"""As often as this the bytes of a still went by since the last one: it costs a third of them at most."""

SETTLED_US = 20_000_000
SETTLED_BYTES = 2_000
"""After so long any change will do."""


class Stills:
    """What goes to those who get stills of one stream; a Stream to the fan-out."""

    __slots__ = (
        "_at_us",
        "_frame",
        "_frame_bytes",
        "_is_new",
        "_keyframe",
        "_keyframe_us",
        "_still",
        "_still_bytes",
        "_sum_bytes",
        "slots",
    )

    def __init__(self) -> None:
        self.slots: list[Slot] = []
        self._still = self._keyframe = self._frame = ABSENT
        """The timestamps of the last still, of the last keyframe (often the same), and of the frame that goes by."""
        self._at_us = self._keyframe_us = 0
        self._still_bytes = self._frame_bytes = 0
        self._sum_bytes = 0
        """What went by since the last still."""
        self._is_new = False
        """Whether there was a new slide among it."""

    def due(self, now_us: int) -> bool:
        """Whether it is time for another still."""
        since_us = now_us - self._at_us
        moves = self._is_new or self._sum_bytes >= MOVING_SHARE * self._still_bytes
        settled = since_us >= SETTLED_US and self._sum_bytes >= SETTLED_BYTES
        return since_us >= SPACING_US and self._sum_bytes > 0 and (moves or settled)

    def lost(self, now_us: int) -> None:
        """A viewer misses his picture. Browsers also say so when merely nothing has come for three seconds."""
        if now_us - self._at_us >= SETTLED_US:
            self._sum_bytes += SETTLED_BYTES

    def take(self, packet: Packet) -> bool:
        """Whether a packet, in order of arrival, belongs to a still; those who wait for one get it from here on."""
        if packet.keyframe and packet.timestamp != self._keyframe:
            self._keyframe, self._keyframe_us = packet.timestamp, packet.arrival_us
            self._begin(packet)
        if packet.timestamp == self._still:
            self._still_bytes += len(packet.payload)
            return True
        if packet.timestamp != self._keyframe:  # else it shows what is there already
            self._goes_by(packet)
        return False

    def _begin(self, keyframe: Packet) -> None:
        waiting = self.slots if self.due(keyframe.arrival_us) else [slot for slot in self.slots if slot.is_switching]
        if not waiting:
            return
        for slot in self.slots:
            slot.rewriter.stop()  # also where nothing is due: this is no part of what they have
        for slot in waiting:
            slot.rewriter.switch(keyframe.source)
        self._still, self._still_bytes = keyframe.timestamp, 0
        if len(waiting) == len(self.slots):
            self._at_us, self._sum_bytes, self._is_new = keyframe.arrival_us, 0, False

    def _goes_by(self, packet: Packet) -> None:
        size = len(packet.payload)
        self._frame_bytes = self._frame_bytes + size if packet.timestamp == self._frame else size
        self._frame = packet.timestamp
        self._sum_bytes += size
        sharpening = packet.arrival_us - self._keyframe_us < SHARPENING_US
        share = SHARPENING_SHARE if sharpening else SLIDE_SHARE
        self._is_new = self._is_new or self._frame_bytes >= share * self._still_bytes

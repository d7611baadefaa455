"""One source being recorded: the best layer there is, a keyframe at least every four seconds.

It outlives the connection it records from: after a reconnect the same sink goes on with new streams.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from server.media.depacketize import AudioTap, VideoTap
from server.media.rtp.source import Packet
from server.media.tap import Frame, FrameSink

if TYPE_CHECKING:
    from server.media.publisher import Track

logger = logging.getLogger(__name__)

# A viewer of the recording who seeks waits for the next keyframe, so they must not be far apart.
_KEYFRAME_INTERVAL_US = 3_500_000


class Guard:
    """A sink whose failure ends its recording, and nothing else: the class goes on."""

    def __init__(self, sink: FrameSink) -> None:
        self._sink = sink
        self._failed = False

    def write(self, frame: Frame) -> None:
        """See FrameSink."""
        self._attempt(lambda: self._sink.write(frame))

    def close(self) -> None:
        """See FrameSink."""
        self._attempt(self._sink.close)

    def _attempt(self, action: Callable[[], None]) -> None:
        if self._failed:
            return
        try:
            action()
        except Exception:
            self._failed = True
            logger.exception("a recording sink failed and gets nothing more")


class Recording:
    """From the packets of a track to its sink."""

    def __init__(self, sink: FrameSink) -> None:
        self._sink = Guard(sink)
        self._codec = ""
        self._tap: AudioTap | VideoTap | None = None

    def take(self, packet: Packet, at_ms: float, codec: str) -> None:
        """A packet of any layer of the track, captured at `at_ms`."""
        if self._tap is None or codec != self._codec:
            if self._tap is not None:
                self._tap.finish()  # who came back has another browser
            self._codec = codec
            # Which layer is best shows within the first moments; `tick` changes over.
            self._tap = AudioTap(self._sink) if codec == "opus" else VideoTap(self._sink, packet.source, codec)
        self._tap.push(packet, at_ms)

    def tick(self, track: Track, now_us: int) -> None:
        """A few times a second: give up lost packets, follow the best layer, ask for keyframes."""
        tap = self._tap
        if tap is None:
            return
        tap.advance(now_us)
        best = track.best(now_us)
        if not isinstance(tap, VideoTap) or best is None:
            return
        tap.switch(best.source)
        if tap.needs_keyframe or now_us - best.keyframe_us > _KEYFRAME_INTERVAL_US:
            best.request_keyframe(now_us)

    def close(self) -> None:
        """Write what is left and close the sink."""
        if self._tap is not None:
            self._tap.finish()
        self._sink.close()

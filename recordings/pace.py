"""When each frame of a track plays: capture times become file times that never run backwards and stay in step.

Pure. A frame says when it was captured (`due_ms`, from the start of its file). Video takes that as it is, and a gap
holds the picture. Sound cannot: a decoder plays packets back to back whatever the file says, until the next seek. So
sound is laid end to end, and lips stay in step by the *number* of packets:

- A hole (capture is 40 ms or more ahead of what has been laid down: loss, or a sender that stops in silence, DTX)
  is filled at once with silent packets.
- Less than that is either jitter or a clock that runs faster than ours. The average over about a second tells: past
  15 ms one silent packet goes in, or one packet stays out. So a drift never adds up, jitter never cuts a word, and one
  lost packet is made good within two seconds, being 20 ms off until then - people notice sound 45 ms early or 125 ms
  late (ITU-R BT.1359).
- Capture times that step back (a sender's clock was corrected) leave packets out until time has caught up.

What is no hole any more belongs into a new file with an offset of its own: sound after 30 s of nothing (a microphone
that was muted: players then need not fetch silence), a keyframe after 5 s (a camera that was off), any time 5 s back.
"""

from __future__ import annotations

from msgspec import Struct

from recordings.opus import SILENCE_MS

HOLE_MS = 40.0
NUDGE_MS = 15.0
SMOOTHING = 50
"""Packets over which jitter is averaged: a second of the usual 20 ms ones."""

SOUND_BREAK_MS = 30_000.0
PICTURE_BREAK_MS = 5_000.0
JUMP_BACK_MS = 5_000.0


class Step(Struct, frozen=True):
    """What to write for one packet: silence at these times, then the packet (None: leave it out)."""

    silences: tuple[int, ...]
    at_ms: int | None


class SoundPace:
    def __init__(self) -> None:
        self._next_ms = 0.0
        self._drift_ms = 0.0
        self._ahead = False

    def step(self, due_ms: float, length_ms: float) -> Step | None:
        """Where a packet goes. None: it belongs into another file."""
        off_ms = due_ms - self._next_ms
        if not -JUMP_BACK_MS <= off_ms <= SOUND_BREAK_MS:
            return None
        silences = 0
        if off_ms >= HOLE_MS:
            silences = round(off_ms / SILENCE_MS)
            self._drift_ms = 0.0
        elif off_ms <= -HOLE_MS or (self._ahead and off_ms < 0):
            self._ahead = True
            self._drift_ms = 0.0
            return Step((), None)
        else:
            self._drift_ms += (off_ms - self._drift_ms) / SMOOTHING
            if self._drift_ms > NUDGE_MS:
                silences = 1
                self._drift_ms -= SILENCE_MS
            elif self._drift_ms < -NUDGE_MS:
                self._drift_ms += length_ms
                return Step((), None)
        self._ahead = False
        filled = tuple(int(self._next_ms) + SILENCE_MS * n for n in range(silences))
        at_ms = self._next_ms + SILENCE_MS * silences
        self._next_ms = at_ms + length_ms
        return Step(filled, int(at_ms))


class PicturePace:
    def __init__(self) -> None:
        self._last_ms = -1

    def at_ms(self, due_ms: float, keyframe: bool) -> int | None:
        """When a picture goes: as captured, but after the one before. None: it belongs into another file."""
        if due_ms < self._last_ms - JUMP_BACK_MS or (keyframe and due_ms > self._last_ms + PICTURE_BREAK_MS):
            return None
        self._last_ms = max(self._last_ms + 1, round(due_ms))
        return self._last_ms

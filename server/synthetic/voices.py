"""Voices for programs: something like speech, and marker tones that a listener can tell apart.

48 kHz, 16 bit, mono, 20 ms a frame, computed once as a loop. A marker tone rides under the speech of a voice so that
whoever hears it in decoded audio knows whose voice it is (`loudness`, by Goertzel).
"""

from __future__ import annotations

import array
import asyncio
import fractions
import math
import random
import time
from functools import lru_cache

from aiortc import MediaStreamTrack
from av import AudioFrame

RATE = 48_000
FRAME = 960  # 20 ms
LOOP_FRAMES = 100  # 2 s; marker tones are multiples of 0.5 Hz, so the loop has no click
MARKER = 2_000  # amplitude of the marker tone; place it above 2.5 kHz, where the speech has nothing


@lru_cache(maxsize=32)
def speech_loop(marker_hz: int) -> tuple[bytes, ...]:
    """Two seconds of voiced syllables at about four a second with a steady tone under them, cut into frames."""
    dice = random.Random(marker_hz)
    samples = array.array("h", bytes(2 * FRAME * LOOP_FRAMES))
    formants = [(dice.uniform(400, 800), dice.uniform(1100, 1900)) for _ in range(8)]
    step = 2 * math.pi / RATE
    for syllable, (first, second) in enumerate(formants):
        start = syllable * len(samples) // 8
        for i in range(len(samples) // 8):
            t = start + i
            envelope = math.sin(math.pi * i * 8 / len(samples)) ** 2
            voice = 0.6 * math.sin(step * first * t) + 0.3 * math.sin(step * second * t)
            buzz = 0.5 + 0.5 * math.sin(step * 120 * t)
            samples[t] = int(9000 * envelope * buzz * voice + MARKER * math.sin(step * marker_hz * t))
    whole = samples.tobytes()
    return tuple(whole[i : i + 2 * FRAME] for i in range(0, len(whole), 2 * FRAME))


def loudness(samples: bytes | array.array[int], hz: int, rate: int = RATE) -> float:
    """How much of a tone is in 16-bit mono samples: amplitude, 0 to 32767 (Goertzel)."""
    values = array.array("h", samples) if isinstance(samples, bytes) else samples
    coefficient = 2 * math.cos(2 * math.pi * hz / rate)
    one = two = 0.0
    for value in values:
        one, two = value + coefficient * one - two, one
    power = one * one + two * two - coefficient * one * two
    return 2 * math.sqrt(max(0.0, power)) / max(1, len(values))


class Voice(MediaStreamTrack):
    """A microphone with somebody talking into it. `marker_hz` names the talker."""

    kind = "audio"

    def __init__(self, marker_hz: int) -> None:
        super().__init__()
        self._speech = speech_loop(marker_hz)
        self._frame = 0
        self._started = 0.0

    async def recv(self) -> AudioFrame:
        """The next 20 ms, at their time."""
        now = time.monotonic()
        if not self._started:
            self._started = now
        due = self._started + self._frame * FRAME / RATE
        if due > now:
            await asyncio.sleep(due - now)
        frame = AudioFrame(format="s16", layout="mono", samples=FRAME)
        frame.planes[0].update(self._speech[self._frame % LOOP_FRAMES])
        frame.sample_rate = RATE
        frame.pts = self._frame * FRAME
        frame.time_base = fractions.Fraction(1, RATE)
        self._frame += 1
        return frame


def mono(frame: AudioFrame) -> array.array[int]:
    """The left channel of a decoded 16-bit interleaved frame."""
    samples = array.array("h", bytes(frame.planes[0])[: 2 * frame.samples * len(frame.layout.channels)])
    return samples[:: len(frame.layout.channels)]

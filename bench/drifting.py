"""A program that flashes and clicks with devices whose clocks are wrong: its sound and its picture drift apart.

Claps happen by the real clock, in sound and picture at once. The devices count time for themselves: a microphone that
is 300 ppm fast makes 48,014 samples of a real second, and by its timestamps it was a second and 0.3 ms.
"""

from __future__ import annotations

import asyncio
import fractions
import math
import time
from array import array

from aiortc import MediaStreamTrack, VideoStreamTrack
from av import AudioFrame, VideoFrame

from server.synthetic.pictures import update
from server.synthetic.voices import FRAME, RATE

FPS = 15
GAPS = (12, 15, 20)
"""Between claps, in pictures."""
CLICK_S, FLASH_S = 0.1, 0.15
HZ, LOUD = 1_500, 16_000
SIZE = (320, 180)
DARK, LIT = 40, 235


class DriftingClapper:
    """`tracks` by source; drifts are of the sound's and of the picture's clock, in parts per million."""

    def __init__(self, sound_ppm: float, picture_ppm: float) -> None:
        self.started = time.monotonic()
        self.tracks: dict[str, MediaStreamTrack] = {
            "mic": Click(self.started, 1 + sound_ppm / 1e6),
            "camera": Flash(self.started, 1 + picture_ppm / 1e6),
        }


def since_clap(seconds: float) -> float:
    """How long the latest clap is over, `seconds` after the start."""
    pictures = seconds * FPS % sum(GAPS)
    for gap in GAPS:
        if pictures < gap:
            break
        pictures -= gap
    return pictures / FPS


class Click(MediaStreamTrack):
    """Sends the 20 ms that have just gone by, as a microphone does."""

    kind = "audio"

    def __init__(self, started: float, speed: float) -> None:
        super().__init__()
        self._started, self._speed, self._frames = started, speed, 0

    async def recv(self) -> AudioFrame:
        begins = self._frames * FRAME / RATE / self._speed
        self._frames += 1
        await asyncio.sleep(self._started + begins + FRAME / RATE - time.monotonic())
        samples = array("h", bytes(2 * FRAME))
        over_s = since_clap(begins + FRAME / RATE)
        if over_s < CLICK_S:
            for n in range(max(0, FRAME - int(over_s * RATE)), FRAME):
                samples[n] = int(LOUD * math.sin(2 * math.pi * HZ * n / RATE))
        frame = AudioFrame(format="s16", layout="mono", samples=FRAME)
        frame.planes[0].update(samples.tobytes())
        frame.sample_rate = RATE
        frame.pts = (self._frames - 1) * FRAME
        frame.time_base = fractions.Fraction(1, RATE)
        return frame


class Flash(VideoStreamTrack):
    """A picture at each moment at which there may be a clap."""

    def __init__(self, started: float, speed: float) -> None:
        super().__init__()
        self._started, self._speed = started, speed

    async def recv(self) -> VideoFrame:
        now = (time.monotonic() - self._started) * FPS
        number = math.floor(now) + 1
        await asyncio.sleep((number - now) / FPS)
        frame = VideoFrame(*SIZE, "yuv420p")
        lit = since_clap((number + 0.01) / FPS) < FLASH_S
        update(frame, 0, bytes([LIT if lit else DARK]) * (SIZE[0] * SIZE[1]), SIZE[0])
        for plane in (1, 2):
            update(frame, plane, bytes([128]) * (SIZE[0] * SIZE[1] // 4), SIZE[0] // 2)
        frame.pts = int(number * 90_000 * self._speed / FPS)
        frame.time_base = fractions.Fraction(1, 90_000)
        return frame

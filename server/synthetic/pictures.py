"""Moving pictures with a clock that people and programs can both read.

The luma plane shows minutes, seconds and tenths in seven-segment digits for people, and the same time as a row of
black and white blocks along the top edge for programs: 20 bits of tenths of a second, most significant first, then 4
bits of checksum. The blocks survive VP8 at thumbnail size. The chroma planes are one flat colour, so that a decoded
picture tells whose it is.
"""

from __future__ import annotations

import asyncio
import fractions
import time
from collections.abc import Sequence

from aiortc import VideoStreamTrack
from av import VideoFrame

CLOCK_BITS = 20
CHECK_BITS = 4
BLOCKS = CLOCK_BITS + CHECK_BITS
BLACK, GREY, WHITE = 24, 96, 232

# Segments of a seven-segment digit as (x, y, width, height) in a cell of 4 x 7 units; bit i of SEVEN lights segment i.
SEGMENTS = ((1, 0, 2, 1), (3, 1, 1, 2), (3, 4, 1, 2), (1, 6, 2, 1), (0, 4, 1, 2), (0, 1, 1, 2), (1, 3, 2, 1))
SEVEN = (0x3F, 0x06, 0x5B, 0x4F, 0x66, 0x6D, 0x7D, 0x07, 0x7F, 0x6F)


def clock_blocks(tenths: int) -> tuple[bool, ...]:
    """The blocks that show a time, in tenths of a second: white is True."""
    tenths %= 1 << CLOCK_BITS
    word = tenths << CHECK_BITS | checksum(tenths)
    return tuple(bool(word >> (BLOCKS - 1 - i) & 1) for i in range(BLOCKS))


def read_clock(blocks: Sequence[bool]) -> int | None:
    """Tenths of a second shown by 24 blocks, or None when the checksum says they were misread."""
    word = 0
    for block in blocks:
        word = word << 1 | block
    tenths, check = word >> CHECK_BITS, word & (1 << CHECK_BITS) - 1
    return tenths if check == checksum(tenths) else None


def checksum(tenths: int) -> int:
    """Four bits that differ for any one misread block and for an all-black row (0 has checksum 9)."""
    nibbles = (tenths >> shift & 0xF for shift in range(0, CLOCK_BITS, 4))
    return (9 + sum((2 * i + 1) * nibble for i, nibble in enumerate(nibbles))) % 16


def read_frame(frame: VideoFrame) -> int | None:
    """The clock in a decoded frame, in tenths of a second."""
    plane = frame.planes[0]
    luma, stride = bytes(plane), plane.line_size
    block, row = frame.width / BLOCKS, max(1, frame.height // 30)
    return read_clock([luma[row * stride + int((i + 0.5) * block)] > 128 for i in range(BLOCKS)])


class ClockPicture(VideoStreamTrack):
    """A camera that films a clock. `hue` is the (U, V) of its background."""

    def __init__(self, width: int = 640, height: int = 360, fps: int = 15, hue: tuple[int, int] = (110, 150)) -> None:
        super().__init__()
        self._size = (width, height)
        self._fps = fps
        self._chroma = tuple(bytes([value]) * (width * height // 4) for value in hue)
        self._frame = 0
        self._started = 0.0

    async def recv(self) -> VideoFrame:
        """The next frame, at its time. Late callers skip frames rather than fall behind."""
        now = time.monotonic()
        if not self._started:
            self._started = now
        due = self._started + self._frame / self._fps
        if due > now:
            await asyncio.sleep(due - now)
        else:
            self._frame = int((now - self._started) * self._fps)
        frame = self.draw(int(time.time() * 10))
        frame.pts = int(self._frame * 90_000 / self._fps)
        frame.time_base = fractions.Fraction(1, 90_000)
        self._frame += 1
        return frame

    def draw(self, tenths: int) -> VideoFrame:
        """The picture that shows `tenths` of a second since the Unix epoch."""
        width, height = self._size
        frame = VideoFrame(width, height, "yuv420p")
        strip, block = height // 12, width / BLOCKS
        edges = [round(i * block) for i in range(BLOCKS + 1)]
        row = b"".join(
            bytes([WHITE if lit else BLACK]) * (edges[i + 1] - edges[i]) for i, lit in enumerate(clock_blocks(tenths))
        )
        luma = bytearray(row * strip + bytes([GREY]) * (width * (height - strip)))
        self._draw_digits(luma, tenths)
        self._draw_sweep(luma, tenths)
        update(frame, 0, bytes(luma), width)
        for plane, chroma in enumerate(self._chroma, start=1):
            update(frame, plane, chroma, width // 2)
        return frame

    def _draw_digits(self, luma: bytearray, tenths: int) -> None:
        width, height = self._size
        text = f"{tenths // 600 % 60:02}{tenths // 10 % 60:02}{tenths % 10}"
        unit = max(1, width // 40)
        left, top = width // 8, (height - 7 * unit) // 2
        for place, digit in enumerate(text):
            x0 = left + place * 6 * unit + (place // 2) * 2 * unit
            for bit, (x, y, w, h) in enumerate(SEGMENTS):
                if SEVEN[int(digit)] >> bit & 1:
                    fill(luma, width, x0 + x * unit, top + y * unit, w * unit, h * unit)

    def _draw_sweep(self, luma: bytearray, tenths: int) -> None:
        """A bar that crosses the picture every 4 seconds: something moves even when the digits do not."""
        width, height = self._size
        fill(luma, width, tenths % 40 * (width - width // 20) // 40, height - height // 8, width // 20, height // 16)


def fill(luma: bytearray, stride: int, x: int, y: int, w: int, h: int) -> None:
    """Paint a white rectangle; all in pixels."""
    line = bytes([WHITE]) * w
    for offset in range(y * stride + x, (y + h) * stride + x, stride):
        luma[offset : offset + w] = line


def update(frame: VideoFrame, plane: int, pixels: bytes, width: int) -> None:
    """Copy packed pixels into a plane whose lines may be padded."""
    target = frame.planes[plane]
    if target.line_size == width:
        target.update(pixels)
        return
    pad = bytes(target.line_size - width)
    target.update(b"".join(pixels[i : i + width] + pad for i in range(0, len(pixels), width)))

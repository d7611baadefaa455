"""Pictures of one grey, for real encoders, and how grey a decoded one is."""

from __future__ import annotations

from fractions import Fraction

import av


def grey(width: int, height: int, luma: int, index: int = 0) -> av.VideoFrame:
    """The `index`th of 30 a second."""
    frame = av.VideoFrame(width, height, "yuv420p")
    for plane, value in zip(frame.planes, (luma, 128, 128), strict=True):
        plane.update(bytes([value]) * plane.buffer_size)
    frame.pts, frame.time_base = 3000 * index, Fraction(1, 90_000)
    return frame


def brightness(picture: av.VideoFrame) -> int:
    """In the middle."""
    plane = picture.planes[0]
    return bytes(plane)[plane.line_size * (picture.height // 2) + picture.width // 2]

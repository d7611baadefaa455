"""Where a recorder hangs on to the media plane: packets of one track become frames on the class's clock."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct


class Frame(Struct, frozen=True):
    """One encoded frame, as received: a whole picture, or one Opus packet.

    `codec` is "opus", "vp8", "vp9" or "h264"; H.264 comes as NAL units, each after its size in four bytes.

    `at_ms` is capture time in milliseconds since the Unix epoch on the server's clock (sender reports mapped, RFC 3550
    6.4.1; arrival time before the first one). `width`/`height` are set on keyframes of pictures, else 0.
    """

    at_ms: float
    payload: bytes
    keyframe: bool
    width: int = 0
    height: int = 0
    codec: str = "opus"


class FrameSink(Protocol):
    """Takes the frames of one track in decoding order. Must not block."""

    def write(self, frame: Frame) -> None: ...
    def close(self) -> None: ...

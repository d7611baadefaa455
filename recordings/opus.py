"""What must be known of an Opus packet to write it down: how long it lasts, and what silence looks like (RFC 6716).

Pure. Nothing is decoded.
"""

from __future__ import annotations

SILENCE = b"\xf8\xff\xfe"
"""20 ms of nothing: CELT, full band, mono (the packet libopus itself makes of digital silence)."""

SILENCE_MS = 20

# RFC 6716 3.1, table 2: frame length by the configuration number in the first five bits.
_FRAME_MS = (10.0, 20.0, 40.0, 60.0) * 3 + (10.0, 20.0) * 2 + (2.5, 5.0, 10.0, 20.0) * 4

MAX_MS = 120.0
"""No packet may last longer (RFC 6716 3.4, R5)."""


def duration_ms(packet: bytes) -> float:
    """How long a packet sounds. Raises ValueError when it is not an Opus packet."""
    if not packet:
        raise ValueError("an Opus packet has at least one byte")
    frame_ms = _FRAME_MS[packet[0] >> 3]
    match packet[0] & 3:
        case 0:
            return frame_ms
        case 3:
            if len(packet) < 2 or not 0 < (packet[1] & 0x3F) * frame_ms <= MAX_MS:
                raise ValueError("an Opus packet with a frame count needs 1 to 48 frames of at most 120 ms together")
            return (packet[1] & 0x3F) * frame_ms
        case _:
            return 2 * frame_ms

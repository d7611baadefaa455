"""VP8 in RTP: what the payload descriptor and the first bytes of a frame say (RFC 7741 4.2, RFC 6386 9.1).

    |X|R|N|S|R| PID |  X: a second byte follows; N: nobody refers to this frame; S: a partition starts; PID: which
    |I|L|T|K|  RSV  |  which of the following are there
    |M| PictureID   |  7 bits, or 15 with M
    |   TL0PICIDX   |
    |TID|Y| KEYIDX  |

Not here: continuity of the numbers (source.py, rewrite.py) and frames (depacketize.py).
"""

from __future__ import annotations

from collections.abc import Sequence

from server.media.rtp.descriptor import ABSENT, Descriptor, Part


def parse_descriptor(payload: bytes | memoryview) -> Descriptor:
    """The descriptor at the start of an RTP payload. Raises ValueError if it is cut short or nothing follows it."""
    end = len(payload)
    if end == 0:
        raise ValueError("an empty payload is not VP8")
    first = payload[0]
    size = 1
    picture_id = picture_id_at = tl0 = tl0_at = temporal_id = ABSENT
    is_long = sync = False
    try:
        if first & 0x80:
            flags = payload[1]
            size = 2
            if flags & 0x80:
                picture_id_at = size
                picture_id = payload[size]
                size += 1
                if picture_id & 0x80:
                    is_long = True
                    picture_id = (picture_id & 0x7F) << 8 | payload[size]
                    size += 1
            if flags & 0x40:
                tl0_at = size
                tl0 = payload[size]
                size += 1
            if flags & 0x30:
                if flags & 0x20:
                    temporal_id = payload[size] >> 6
                    sync = payload[size] & 0x20 != 0
                size += 1
        starts_frame = first & 0x17 == 0x10
        # The P bit of the frame header is 0 for a keyframe (RFC 6386 9.1).
        keyframe = payload[size] & 1 == 0 and starts_frame
    except IndexError:
        raise ValueError(f"VP8 payload of {end} bytes is cut short") from None
    return Descriptor(
        size,
        starts_frame,
        keyframe,
        picture_id,
        picture_id_at,
        is_long,
        tl0,
        tl0_at,
        temporal_id,
        sync,
    )


def is_keyframe(payload: bytes | memoryview) -> bool:
    """Whether a keyframe starts in this RTP payload. Raises ValueError if it is not VP8."""
    return parse_descriptor(payload).keyframe


def dimensions(frame: bytes | memoryview) -> tuple[int, int]:
    """Width and height in pixels from the start of a keyframe, descriptor taken off (RFC 6386 9.1).

    Raises ValueError for anything but a keyframe of 10 bytes or more.
    """
    if len(frame) < 10 or frame[0] & 1 or bytes(frame[3:6]) != b"\x9d\x01\x2a":
        raise ValueError("not the start of a VP8 keyframe")
    return (frame[6] | frame[7] << 8) & 0x3FFF, (frame[8] | frame[9] << 8) & 0x3FFF


def join(parts: Sequence[Part]) -> bytes:
    """A frame from all its packets, in order."""
    return b"".join(payload[size:] for payload, size in parts)

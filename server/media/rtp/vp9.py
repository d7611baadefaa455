"""VP9 in RTP: what the payload descriptor and the first bytes of a frame say (RFC 9628 4.2, VP9 bitstream 6.2).

    |I|P|L|F|B|E|V|Z|  P: predicted from an earlier picture; B, E: begins, ends the frame of a spatial layer
    |M| PictureID   |  if I; 7 bits, or 15 with M
    |TID|U| SID |D  |  if L: temporal and spatial layer
    |   TL0PICIDX   |  if L and not F (flexible mode)
    |   P_DIFF    |N|  if F and P, up to three times
    | structure ... |  if V: sizes of the layers, and which picture refers to which

All layers of a picture share its timestamp, its picture id and one marker, and are forwarded whole. A flexible
picture names those it refers to by their distance, so moving all picture ids by one offset keeps it right.

Not here: continuity of the numbers (source.py, rewrite.py) and frames (depacketize.py).
"""

from __future__ import annotations

from collections.abc import Sequence

from server.media.rtp.descriptor import ABSENT, Descriptor, Part

_MOST_REFERENCES = 3
_MOST_LAYERS = 8
_MOST_PICTURES = 32  # a group of pictures has eight at the most


def parse_descriptor(payload: bytes | memoryview) -> Descriptor:
    """The descriptor at the start of an RTP payload. Raises ValueError if it is cut short or nothing follows it."""
    end = len(payload)
    if end == 0:
        raise ValueError("an empty payload is not VP9")
    first = payload[0]
    size = 1
    picture_id = picture_id_at = tl0 = tl0_at = temporal_id = ABSENT
    is_long = False
    spatial_id = 0
    try:
        if first & 0x80:
            picture_id_at = size
            picture_id = payload[size]
            size += 1
            if picture_id & 0x80:
                is_long = True
                picture_id = (picture_id & 0x7F) << 8 | payload[size]
                size += 1
        if first & 0x20:
            temporal_id = payload[size] >> 5
            spatial_id = payload[size] >> 1 & 7
            size += 1
            if not first & 0x10:
                tl0_at = size
                tl0 = payload[size]
                size += 1
        if first & 0x50 == 0x50:
            for _ in range(_MOST_REFERENCES):
                size += 1
                if not payload[size - 1] & 1:
                    break
        if first & 0x02:
            size = _after_structure(payload, size)
        starts_frame = first & 0x08 != 0 and spatial_id == 0
        # Of an intra-only picture, too, P is 0, but a decoder cannot begin with it: its own header says which it is.
        keyframe = payload[size] & 0xCC == 0x80 and starts_frame and not first & 0x40
    except IndexError:
        raise ValueError(f"VP9 payload of {end} bytes is cut short") from None
    return Descriptor(size, starts_frame, keyframe, picture_id, picture_id_at, is_long, tl0, tl0_at, temporal_id)


def _after_structure(payload: bytes | memoryview, at: int) -> int:
    """Where a scalability structure ends: |N_S|Y|G|-|, sizes of 4 bytes if Y, then if G a count of pictures."""
    head = payload[at]
    at += 1
    if head & 0x10:
        at += 4 * ((head >> 5) + 1)
    if head & 0x08:
        pictures = payload[at]
        at += 1
        if pictures > _MOST_PICTURES:
            raise ValueError(f"a VP9 structure of {pictures} pictures")
        for _ in range(pictures):
            at += 1 + (payload[at] >> 2 & 3)
    return at


def join(parts: Sequence[Part]) -> bytes:
    """A picture from all its packets, in order; several layers get an index (VP9 bitstream, annex B).

    Raises ValueError if there are more layers than an index can name.
    """
    layers: list[list[bytes | memoryview]] = []
    for payload, size in parts:
        if payload[0] & 0x08 or not layers:
            layers.append([])
        layers[-1].append(payload[size:])
    frames = [b"".join(layer) for layer in layers]
    if len(frames) == 1:
        return frames[0]
    if len(frames) > _MOST_LAYERS:
        raise ValueError(f"{len(frames)} layers in one picture")
    mark = bytes((0xC0 | 3 << 3 | len(frames) - 1,))  # sizes of four bytes
    sizes = b"".join(len(frame).to_bytes(4, "little") for frame in frames)
    return b"".join((*frames, mark, sizes, mark))


def dimensions(frame: bytes | memoryview) -> tuple[int, int]:
    """Width and height in pixels from the start of a keyframe of profile 0, descriptor taken off (VP9 bitstream 6.2).

    Of several layers the lowest. Raises ValueError for anything else.
    """
    # After the sync code: colour space (3), colour range (1), width - 1 (16), height - 1 (16).
    if len(frame) < 9 or frame[0] & 0xFC != 0x80 or bytes(frame[1:4]) != b"\x49\x83\x42" or frame[4] >> 5 == 7:
        raise ValueError("not the start of a VP9 keyframe of profile 0")
    bits = int.from_bytes(frame[4:9], "big")
    return (bits >> 20 & 0xFFFF) + 1, (bits >> 4 & 0xFFFF) + 1

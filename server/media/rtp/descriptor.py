"""What the start of a packet's payload says of the picture it belongs to, whatever its codec. Pure."""

from __future__ import annotations

from typing import NamedTuple

from msgspec import Struct

ABSENT = -1
PICTURE_ID_SPACE = 1 << 15
SHORT_PICTURE_ID_SPACE = 1 << 7


class Descriptor(Struct, frozen=True, gc=False):
    """A payload descriptor of `size` bytes. What is not in it is ABSENT (-1).

    `picture_id_at` and `tl0_at` are offsets into the payload, for patching in place. `starts_frame` marks the first
    packet of a frame; `keyframe` the one from which on a decoder can begin.
    """

    size: int
    starts_frame: bool
    keyframe: bool
    picture_id: int = ABSENT
    picture_id_at: int = ABSENT
    picture_id_is_long: bool = False
    tl0: int = ABSENT
    tl0_at: int = ABSENT
    temporal_id: int = ABSENT
    sync: bool = False
    """Of VP8: it refers to TID 0 alone."""


class Part(NamedTuple):
    """A packet's payload, and how many bytes of it describe the rest."""

    payload: bytes | memoryview
    descriptor_size: int = 0


def widened(payload: bytes | memoryview, descriptor: Descriptor) -> bytes:
    """The same payload with a 15-bit picture id in place of a 7-bit one, so that every viewer gets one form.

    VP8 and VP9 write it alike. Offsets after the picture id grow by one. Raises ValueError if there is no 7-bit
    picture id.
    """
    at = descriptor.picture_id_at
    if at == ABSENT or descriptor.picture_id_is_long:
        raise ValueError("no 7-bit picture id to widen")
    return b"".join((payload[:at], bytes((0x80, descriptor.picture_id)), payload[at + 1 :]))

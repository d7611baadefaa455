"""The codecs of pictures, by the names they have in SDP, in lower case. Adding one begins here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from server.media.rtp import h264, vp8, vp9
from server.media.rtp.descriptor import Descriptor, Part

DESCRIBE: Mapping[str, Callable[[bytes | memoryview], Descriptor]] = {
    "vp8": vp8.parse_descriptor,
    "vp9": vp9.parse_descriptor,
    "h264": h264.parse_descriptor,
}
"""What a packet's payload says of itself. Each raises ValueError for what is not of its codec."""

JOIN: Mapping[str, Callable[[Sequence[Part]], bytes]] = {
    "vp8": vp8.join,
    "vp9": vp9.join,
    "h264": h264.join,
}
"""A frame, as files have it, from all its packets. Each may raise ValueError."""

DIMENSIONS: Mapping[str, Callable[[bytes | memoryview], tuple[int, int]]] = {
    "vp8": vp8.dimensions,
    "vp9": vp9.dimensions,
    "h264": h264.dimensions,
}
"""Width and height in pixels of such a frame, if it is a keyframe. Each raises ValueError."""

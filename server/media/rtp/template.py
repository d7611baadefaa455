"""What of an outgoing packet is the same for all its viewers, taken apart once, for StreamRewriter.write_burst. Pure.

With the payload among the fields a packet costs one `pack_into` per viewer. After the header come these pieces:

    sound             | before                                             |
    with picture id   | before | picture id | after                        |
    and TL0           | before | picture id | between | TL0 | after        |
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from functools import lru_cache
from struct import Struct as Layout
from typing import NamedTuple

from server.media.rtp.descriptor import ABSENT
from server.media.rtp.header import VERSION_AND_X
from server.media.rtp.source import Packet

_HEADER = "!HHIQBHH3x"
"""header.OUTGOING with neighbours joined: the first two bytes, SSRC and block, tag and value of the kept byte."""


class Template(NamedTuple):
    """One packet. `head` is its first two bytes without the payload type, `pack` is `pack_into` of its layout."""

    number: int
    timestamp: int
    head: int
    kept_byte: int
    picture: int
    tl0: int
    pack: Callable[..., None]
    before: bytes
    between: bytes
    after: bytes


class Burst(NamedTuple):
    """Packets of one source: the first and the latest by their numbers, bytes of payload, and what each takes."""

    source: int
    first: int
    latest: Packet
    octets: int
    sizes: array[int]
    templates: Sequence[Template]


def take_apart(packets: Sequence[Packet]) -> Burst | None:
    """The same packets for `write_burst`; None if they have not one source, or one has TL0 but no picture id."""
    latest = packets[0]
    source, first, octets = latest.source, latest.number, 0
    sizes = array("i")
    templates: list[Template] = []
    for packet in packets:
        if packet.source != source or (packet.tl0 != ABSENT and packet.picture == ABSENT):
            return None
        shape, pieces = _cut(packet)
        layout = _layout(shape)
        head = VERSION_AND_X << 8 | (0x80 if packet.marker else 0)
        number = packet.number
        templates.append(
            Template(
                number, packet.timestamp, head, packet.kept_byte, packet.picture, packet.tl0, layout.pack_into, *pieces
            )
        )
        sizes.append(layout.size)
        octets += len(packet.payload)
        first = min(first, number)
        if number > latest.number:
            latest = packet
    return Burst(source, first, latest, octets, sizes, templates)


def _cut(packet: Packet) -> tuple[str, tuple[bytes, bytes, bytes]]:
    """The payload as a layout and its pieces."""
    payload = bytes(packet.payload)
    if packet.picture == ABSENT:
        return f"{len(payload)}s", (payload, b"", b"")
    at = packet.picture_at
    before, after = payload[:at], payload[at + 2 :]
    if packet.tl0 == ABSENT:
        return f"{at}sH{len(after)}s", (before, b"", after)
    gap = packet.tl0_at - at - 2
    between, after = after[:gap], after[gap + 1 :]
    return f"{at}sH{gap}sB{len(after)}s", (before, between, after)


@lru_cache(maxsize=4096)
def _layout(shape: str) -> Layout:
    return Layout(_HEADER + shape)

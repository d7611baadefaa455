"""One arriving stream (an SSRC), put in order once so that its viewers need only add an offset.

What varies from packet to packet is settled here, for all viewers at a time: numbers and picture ids are unwrapped,
duplicates dropped, padding-only packets (Chromium's probes) taken out and the gap closed, 7-bit picture ids widened.
What is left between a source's numbers and a viewer's is constant from one switch to the next (rewrite.py).

The last packets stay here to answer NACKs with: once per source, not once per viewer. Packets come out in the order
in which they arrive; a hole stays a hole until its packet comes.
"""

from __future__ import annotations

from msgspec import Struct

from server.media.rtp.codecs import DESCRIBE
from server.media.rtp.descriptor import ABSENT, PICTURE_ID_SPACE, SHORT_PICTURE_ID_SPACE, Descriptor, widened
from server.media.rtp.header import Header
from server.media.rtp.numbers import unwrap

_MAX_JUMP = 3000
"""A jump further ahead, or back, is a restarted sender (RFC 3550 A.1). Nearer ones that are too old are repeats."""

_REMEMBERED_CUTS = 64


class Packet(Struct, frozen=True, gc=False):
    """One media packet of a source, the same for every viewer. What does not apply is ABSENT (-1).

    `number` grows by one per packet sent and never wraps; so does `picture` per frame. `kept_byte` is the audio level
    or the orientation. An empty payload fills the place of a late probe. Offsets count from the start of the payload.
    """

    source: int
    number: int
    timestamp: int
    marker: bool
    payload: memoryview
    arrival_us: int
    kept_byte: int = ABSENT
    picture: int = ABSENT
    picture_at: int = ABSENT
    tl0: int = ABSENT
    tl0_at: int = ABSENT
    temporal_id: int = ABSENT
    starts_frame: bool = False
    keyframe: bool = False
    descriptor_size: int = 0
    sync: bool = False
    """Refers to TID 0 alone (RFC 7741 4.2: Y)."""


class SourceStream:
    """Turns the packets of one SSRC into `Packet`s. `source` is the caller's name for it, 0 or more, never reused.

    `codec` says how payloads describe themselves; sound does not. `kept_id` is the publisher's extension id of
    the byte to keep, or 0. `remembered` packets, a power of two, can be recalled: 512 are 2 s of a 2.5 Mbit/s layer.
    """

    def __init__(self, source: int, *, codec: str, kept_id: int = 0, remembered: int = 512) -> None:
        if remembered & (remembered - 1) or remembered <= 0:
            raise ValueError(f"remembered must be a power of two, got {remembered}")
        self.source = source
        self._describe = DESCRIBE.get(codec)
        self._kept_id = kept_id
        self._mask = remembered - 1
        self._seen: list[int] = [ABSENT] * remembered
        self._recent: list[Packet | None] = [None] * remembered
        self._highest = ABSENT
        self._highest_number = ABSENT
        self._wire_offset = 0
        self._restart_seq = ABSENT
        self._picture = ABSENT
        # (from this place on, so many probes were taken out before it), oldest first.
        self._cuts: list[tuple[int, int]] = [(0, 0)]

    def accept(self, datagram: bytes, header: Header, arrival_us: int) -> Packet | None:
        """The packet for the viewers; None for a duplicate, a probe or one too old to place.

        Raises ValueError if it is not of the codec; nothing has changed then.
        """
        payload = memoryview(datagram)[header.payload_start : header.payload_end]
        described = self._describe(payload) if self._describe is not None and payload else None
        place = self._place(header.seq)
        if place < 0 or self._seen[place & self._mask] == place:
            return None
        self._seen[place & self._mask] = place
        self._highest = max(self._highest, place)
        number = place - self._probes_before(place)
        if number > self._highest_number:
            if not payload:
                self._cut(place)
                return None
            self._highest_number = number
        kept = header.extensions.get(self._kept_id, b"") if self._kept_id else b""
        kept_byte = kept[0] if kept else ABSENT
        if described is None:
            packet = Packet(self.source, number, header.timestamp, header.marker, payload, arrival_us, kept_byte)
        else:
            packet = self._picture_packet(header, number, payload, described, arrival_us, kept_byte)
        self._recent[number & self._mask] = packet
        return packet

    @property
    def highest(self) -> int:
        """The highest number so far."""
        return self._highest_number

    def recall(self, number: int) -> Packet | None:
        """A recent packet by its number, if it arrived."""
        packet = self._recent[number & self._mask]
        return packet if packet is not None and packet.number == number else None

    def _place(self, seq: int) -> int:
        """The unwrapped number on the wire, or ABSENT for one that belongs nowhere."""
        if self._highest < 0:
            # Far from 0, so that packets which overtook the first one have room below it.
            self._wire_offset = (1 << 16) - seq & 0xFFFF
            return 1 << 16
        place = unwrap(seq + self._wire_offset, self._highest)
        if abs(place - self._highest) <= _MAX_JUMP:
            self._restart_seq = ABSENT
            return place if place >= self._highest - self._mask else ABSENT
        # Two in a row from elsewhere: the sender started again (RFC 3550 A.1).
        if seq != self._restart_seq:
            self._restart_seq = seq + 1 & 0xFFFF
            return ABSENT
        self._restart_seq = ABSENT
        self._wire_offset = self._highest + 1 - seq & 0xFFFF
        return self._highest + 1

    def _cut(self, place: int) -> None:
        """Close the gap of a probe. Nothing after it has gone out yet."""
        later = [(start, taken + 1) for start, taken in self._cuts if start > place]
        before = self._cuts[: len(self._cuts) - len(later)]
        self._cuts = [*before, (place + 1, before[-1][1] + 1), *later][-_REMEMBERED_CUTS:]

    def _probes_before(self, place: int) -> int:
        for start, taken in reversed(self._cuts):
            if start <= place:
                return taken
        return self._cuts[0][1]

    def _picture_packet(
        self,
        header: Header,
        number: int,
        payload: memoryview,
        described: Descriptor,
        arrival_us: int,
        kept_byte: int,
    ) -> Packet:
        picture = described.picture_id
        tl0_at, size = described.tl0_at, described.size
        if picture != ABSENT:
            space = PICTURE_ID_SPACE if described.picture_id_is_long else SHORT_PICTURE_ID_SPACE
            # The first one far from 0, as with places.
            picture = unwrap(picture, self._picture, space) if self._picture >= 0 else picture + PICTURE_ID_SPACE
            self._picture = max(self._picture, picture)
            if not described.picture_id_is_long:
                payload = memoryview(widened(payload, described))
                size += 1
                if tl0_at != ABSENT:
                    tl0_at += 1
        return Packet(
            self.source,
            number,
            header.timestamp,
            header.marker,
            payload,
            arrival_us,
            kept_byte,
            picture,
            described.picture_id_at,
            described.tl0,
            tl0_at,
            described.temporal_id,
            described.starts_frame,
            described.keyframe,
            size,
            described.sync,
        )

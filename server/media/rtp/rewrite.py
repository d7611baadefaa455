"""Keep one viewer's slot a single unbroken stream, whatever source is put on it (RFC 3550 5.1, RFC 7741 4.2).

A slot shows one source after another. From one switch to the next (a "leg") every number goes out with a constant
offset, so a packet costs one header and one copy. At a switch the offsets are chosen so that the viewer sees

    sequence number   the next one: no gap that nobody could fill
    timestamp         as much later as it was captured, between layers of one picture; else as much as it came later,
                      and at least 20 ms
    picture id, TL0   the next ones, modulo 2**15 and 2**8, where the codec has them
    payload type      the viewer's for the codec of the source: browsers choose the decoder by it

Pictures switch at a keyframe, or to the same stream thinned otherwise where that may be (temporal.py); sound at once.
Packets from before the switch are dropped when they come late; those of the running leg keep its offsets, however late.
Old legs are remembered for NACKs.

Not here: order and duplicates of the source (source.py), who watches what, SRTP, the transport-wide counter.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct as Layout
from typing import NamedTuple

from msgspec import Struct

from server.media.rtp.header import (
    BLOCK_OF_TWO_WORDS,
    OUTGOING,
    OUTGOING_SIZE,
    VERSION_AND_X,
    kept_tag,
    twcc_tag,
    write_into,
)
from server.media.rtp.numbers import unwrap
from server.media.rtp.rtcp import SenderReport
from server.media.rtp.source import Packet
from server.media.rtp.template import Burst

NOTHING = -1
"""The source of a slot that carries nothing."""

_U16 = Layout("!H")
_LEAST_STEP_HZ = 50
"""A switch advances the timestamp by at least 20 ms: an Opus packet; audio must not overlap, pictures must differ."""

_LEAST_STEP_OF_LAYERS_HZ = 1000
"""Between layers 1 ms: they may show the same moment."""

_BELIEVED_S = 0.5
"""Capture times that differ by more than this from arrivals are of a sender that does not know them."""

_LONGEST_STEP = 1 << 30
"""Longer pauses are cut to this many ticks, lest the receiver take a jump beyond half the space for one backwards."""

_REMEMBERED_LEGS = 8
_TIMESTAMPS = 1 << 32


class PayloadTypes(NamedTuple):
    """What one codec and its retransmissions have in a viewer's description; `rtx` 0: repeats go out as they were."""

    media: int
    rtx: int = 0


class Leg(Struct, frozen=True, gc=False):
    """The constant offsets while one source is on the slot, for its packets from `first` to `last`."""

    source: int
    first: int
    last: int
    seq_offset: int
    timestamp_offset: int
    picture_offset: int
    tl0_offset: int
    types: PayloadTypes


class Origin(Struct, frozen=True, gc=False):
    """Which packet of which source a viewer's sequence number stands for."""

    source: int
    number: int


class StreamRewriter:
    """One slot of one viewer. All SSRCs, payload types and extension ids are the viewer's; 0 is "not negotiated".

    `waits_for_keyframe` is True for pictures. `first_seq` and `first_timestamp` should be random (RFC 3550 5.1), the
    sequence number below 2**15 to leave room for the first wrap (RFC 3711 3.3.1).
    """

    # The compiled fan-out reads and writes these in place: `write` in C is the same as `write` here.
    __slots__ = (
        "_ahead",
        "_clock_rate",
        "_first",
        "_kept_tag",
        "_last",
        "_legs",
        "_next_picture",
        "_next_tl0",
        "_payload_type",
        "_picture_offset",
        "_rtx_payload_type",
        "_rtx_seq",
        "_rtx_ssrc",
        "_seq_offset",
        "_timestamp_offset",
        "_tl0_offset",
        "_twcc_tag",
        "_types_awaited",
        "_waits_for_keyframe",
        "awaited",
        "octets",
        "packets",
        "source",
        "ssrc",
    )

    def __init__(
        self,
        ssrc: int,
        payload_type: int,
        clock_rate: int,
        *,
        waits_for_keyframe: bool,
        twcc_id: int = 0,
        kept_id: int = 0,
        rtx_ssrc: int = 0,
        rtx_payload_type: int = 0,
        first_seq: int = 0,
        first_timestamp: int = 0,
    ) -> None:
        self.ssrc = ssrc
        self.source = NOTHING
        self.awaited = NOTHING
        self.packets = 0
        self.octets = 0
        self._payload_type = payload_type
        self._clock_rate = clock_rate
        self._waits_for_keyframe = waits_for_keyframe
        self._twcc_tag = twcc_tag(twcc_id)
        self._kept_tag = kept_tag(kept_id)
        self._rtx_ssrc = rtx_ssrc
        self._rtx_payload_type = rtx_payload_type
        self._types_awaited = PayloadTypes(payload_type, rtx_payload_type)
        self._ahead: int | None = None
        self._rtx_seq = first_seq
        self._first = 0
        self._last: Packet | None = None
        self._seq_offset = first_seq
        self._timestamp_offset = first_timestamp
        self._picture_offset = 0
        self._tl0_offset = 0
        self._next_picture = 0
        self._next_tl0 = 0
        self._legs: tuple[Leg, ...] = ()  # a deque takes 700 bytes even if empty, as most slots' would be

    def switch(self, source: int, types: PayloadTypes | None = None, ahead: int | None = None) -> None:
        """Put another source on the slot: sound with its next packet, a picture with its next keyframe.

        `types` are those of its codec; None: the same as before. `ahead` is by how many ticks its timestamps are ahead
        of the present one's at any moment, where both are layers of one picture: a keyframe is late, and a small layer
        early, and neither should make a picture jump against its sound.

        Until then the present one goes on, so both should be handed to `write`. Call `stop` first if it must not.
        """
        self.awaited = NOTHING if source == self.source else source
        self._ahead = ahead
        if types is not None:
            self._types_awaited = types

    def stop(self) -> None:
        """Carry nothing from now on. What was sent can still be repeated on a NACK."""
        self.source = self.awaited = NOTHING

    def turn(self, packet: Packet, number: int, picture: int) -> None:
        """Go on with the same stream thinned otherwise, from this packet of that on, which begins a picture.

        `number` and `picture` are those it has in the present source, or would have: what is missing before it stays
        missing. Time and TL0 run on. Whether it may be is temporal.turned's to say; the present source must flow.
        """
        last = self._last
        if last is None:
            raise ValueError("nothing flows that could go on otherwise")
        self._remember(last, number - 1)
        self._seq_offset += number - packet.number
        self._picture_offset += picture - packet.picture
        self._first, self._last, self.source = packet.number, packet, packet.source

    @property
    def latest(self) -> Packet | None:
        """The newest packet that went out, if any did."""
        return self._last

    @property
    def can_repeat(self) -> bool:
        """Whether repeats have a stream of their own now, so that they do no harm."""
        return self._rtx_ssrc != 0 and self._rtx_payload_type != 0

    @property
    def needs_keyframe(self) -> bool:
        """Whether a switch waits for a keyframe of `awaited`."""
        return self._waits_for_keyframe and self.awaited != NOTHING

    def write(self, packet: Packet, buffer: bytearray | memoryview, at: int, twcc_seq: int = 0) -> int:
        """Write what the viewer gets for `packet` at `buffer[at:]`; its size, or 0 if the viewer gets nothing.

        The buffer must have room for 24 bytes more than the payload. `twcc_seq` is used up only if the size is not 0.
        """
        marker = packet.marker
        if packet.source != self.source:
            if packet.source != self.awaited or not (packet.keyframe or not self._waits_for_keyframe):
                return 0
            self._begin_leg(packet)
            # The first packet of a talkspurt is marked (RFC 3551 4.1); in video the mark ends a frame.
            marker = marker or not self._waits_for_keyframe
        elif packet.number < self._first:
            return 0
        else:
            last = self._last
            if last is not None and packet.number > last.number:
                self._last = packet
        payload = packet.payload
        size = len(payload)
        self.packets += 1
        self.octets += size
        kept_byte = packet.kept_byte
        OUTGOING.pack_into(
            buffer,
            at,
            VERSION_AND_X,
            self._payload_type | 0x80 if marker else self._payload_type,
            packet.number + self._seq_offset & 0xFFFF,
            packet.timestamp + self._timestamp_offset & 0xFFFFFFFF,
            self.ssrc,
            BLOCK_OF_TWO_WORDS,
            self._twcc_tag,
            twcc_seq if self._twcc_tag else 0,
            self._kept_tag if kept_byte >= 0 else 0,
            kept_byte if kept_byte >= 0 and self._kept_tag else 0,
        )
        at += OUTGOING_SIZE
        buffer[at : at + size] = payload
        if packet.picture >= 0:
            _U16.pack_into(buffer, at + packet.picture_at, 0x8000 | packet.picture + self._picture_offset & 0x7FFF)
        if packet.tl0 >= 0:
            buffer[at + packet.tl0_at] = packet.tl0 + self._tl0_offset & 0xFF
        return OUTGOING_SIZE + size

    def write_burst(self, burst: Burst, buffer: memoryview, at: int, stride: int, twcc_seq: int) -> bool:
        """`write` for all of a burst, each packet `stride` bytes after the one before.

        False if they must be written one by one, because another source is on the slot or some are of a leg before;
        nothing has changed then.
        """
        last = self._last
        if burst.source != self.source or burst.first < self._first or last is None:
            return False
        if burst.latest.number > last.number:
            self._last = burst.latest
        self.packets += len(burst.templates)
        self.octets += burst.octets
        payload_type, named = self._payload_type, self.ssrc << 32 | BLOCK_OF_TWO_WORDS
        seq_offset, timestamp_offset = self._seq_offset, self._timestamp_offset
        picture_offset, tl0_offset = self._picture_offset, self._tl0_offset
        twcc, kept_tag = self._twcc_tag, self._kept_tag
        if not twcc:
            twcc_seq = 0
        step = 1 if twcc else 0
        # Spelled out three times: to unpack a tuple of what they have in common takes half as long again.
        for number, ticks, head, kept, picture, tl0, pack, before, between, after in burst.templates:
            head |= payload_type
            seq = number + seq_offset & 0xFFFF
            ticks = ticks + timestamp_offset & 0xFFFFFFFF
            kept = kept_tag << 8 | kept if kept_tag and kept >= 0 else 0
            if picture < 0:
                pack(buffer, at, head, seq, ticks, named, twcc, twcc_seq, kept, before)
            elif tl0 < 0:
                picture = 0x8000 | picture + picture_offset & 0x7FFF
                pack(buffer, at, head, seq, ticks, named, twcc, twcc_seq, kept, before, picture, after)
            else:
                picture = 0x8000 | picture + picture_offset & 0x7FFF
                tl0 = tl0 + tl0_offset & 0xFF
                pack(buffer, at, head, seq, ticks, named, twcc, twcc_seq, kept, before, picture, between, tl0, after)
            at += stride
            twcc_seq = twcc_seq + step & 0xFFFF
        return True

    def origin(self, seq: int) -> Origin | None:
        """What was sent as `seq`, to be recalled from its source and given to `write_again`; None if long ago."""
        for leg in self._all_legs():
            number = unwrap(seq - leg.seq_offset, leg.last)
            if leg.first <= number <= leg.last:
                return Origin(leg.source, number)
        return None

    def write_again(self, packet: Packet, buffer: bytearray | memoryview, at: int, twcc_seq: int = 0) -> int:
        """Write `packet` as it went out before, for a NACK; its size, or 0 if it never belonged to this slot.

        On the RTX stream with the original number before the payload (RFC 4588 4), so leave room for 2 bytes more;
        without RTX as an exact repetition, which SRTP must be told to allow.
        """
        for leg in self._all_legs():
            if leg.source == packet.source and leg.first <= packet.number <= leg.last:
                return self._write_again(leg, packet, buffer, at, twcc_seq)
        return 0

    def report(self, ntp: int, timestamp: int) -> SenderReport | None:
        """The slot's sender report from a moment on the server's clock (NTP format) and the source's timestamp then.

        None while the slot carries nothing. See server/media/clock.py for both numbers.
        """
        if self.source == NOTHING:
            return None
        return SenderReport(self.ssrc, ntp, timestamp + self._timestamp_offset & 0xFFFFFFFF, self.packets, self.octets)

    def _begin_leg(self, packet: Packet) -> None:
        last = self._last
        if last is None:
            self._seq_offset -= packet.number
            self._timestamp_offset -= packet.timestamp
        else:
            self._remember(last, last.number)
            self._seq_offset += last.number + 1 - packet.number
            self._timestamp_offset += last.timestamp + self._step(last, packet) - packet.timestamp
            if last.picture >= 0:
                self._next_picture = last.picture + self._picture_offset + 1
            if last.tl0 >= 0:
                self._next_tl0 = last.tl0 + self._tl0_offset + 1
        self._payload_type, self._rtx_payload_type = self._types_awaited
        self._picture_offset = self._next_picture - packet.picture
        self._tl0_offset = self._next_tl0 - packet.tl0
        self._first = packet.number
        self._last = packet
        self.source = packet.source
        self.awaited = NOTHING

    def _step(self, last: Packet, packet: Packet) -> int:
        """How many ticks the first packet of a leg is later than the last one of the leg before."""
        rate = self._clock_rate
        elapsed = (packet.arrival_us - last.arrival_us) * rate // 1_000_000
        if self._ahead is not None:
            captured = unwrap(packet.timestamp - self._ahead, last.timestamp, _TIMESTAMPS) - last.timestamp
            if abs(captured - elapsed) <= _BELIEVED_S * rate:
                return max(captured, rate // _LEAST_STEP_OF_LAYERS_HZ)
        return min(max(elapsed, rate // _LEAST_STEP_HZ), _LONGEST_STEP)

    def _remember(self, last: Packet, until: int) -> None:
        self._legs = (self._present_leg(last, until), *self._legs[: _REMEMBERED_LEGS - 1])

    def _present_leg(self, last: Packet, until: int) -> Leg:
        return Leg(
            last.source,
            self._first,
            until,
            self._seq_offset,
            self._timestamp_offset,
            self._picture_offset,
            self._tl0_offset,
            PayloadTypes(self._payload_type, self._rtx_payload_type),
        )

    def _all_legs(self) -> Iterator[Leg]:
        """Newest first. The present one counts even after `stop`."""
        if self._last is not None:
            yield self._present_leg(self._last, self._last.number)
        yield from self._legs

    def _write_again(self, leg: Leg, packet: Packet, buffer: bytearray | memoryview, at: int, twcc_seq: int) -> int:
        payload = packet.payload
        size = len(payload)
        kept_byte = packet.kept_byte
        seq = packet.number + leg.seq_offset & 0xFFFF
        on_rtx = self._rtx_ssrc != 0 and leg.types.rtx != 0
        write_into(
            buffer,
            at,
            leg.types.rtx if on_rtx else leg.types.media,
            packet.marker,
            self._rtx_seq if on_rtx else seq,
            packet.timestamp + leg.timestamp_offset & 0xFFFFFFFF,
            self._rtx_ssrc if on_rtx else self.ssrc,
            self._twcc_tag,
            twcc_seq if self._twcc_tag else 0,
            self._kept_tag if kept_byte >= 0 else 0,
            kept_byte if kept_byte >= 0 and self._kept_tag else 0,
        )
        start = at + OUTGOING_SIZE
        if on_rtx:
            _U16.pack_into(buffer, start, seq)
            start += 2
            self._rtx_seq = self._rtx_seq + 1 & 0xFFFF
        buffer[start : start + size] = payload
        if packet.picture >= 0:
            _U16.pack_into(buffer, start + packet.picture_at, 0x8000 | packet.picture + leg.picture_offset & 0x7FFF)
        if packet.tl0 >= 0:
            buffer[start + packet.tl0_at] = packet.tl0 + leg.tl0_offset & 0xFF
        return start + size - at

"""RTCP packets, read and written (RFC 3550 6, RFC 4585 6, RFC 5104 4.3.1, RFC 5506, draft-alvestrand-rmcat-remb).

A compound packet becomes a list of records; types nobody here acts on (APP, XR, ...) are skipped, malformed ones are
refused whole. Packets of reduced size (RFC 5506) are fine. Encoded records put one after the other are a compound.

Not here: transport-wide feedback (twcc.py) and what to do about any of these.
"""

from __future__ import annotations

from collections.abc import Iterable
from struct import Struct as Layout

from msgspec import Struct

from server.media.rtp import twcc

_HEAD = Layout("!BBH")
_REPORT_BLOCK = Layout("!IIIIII")
_SENDER_INFO = Layout("!IQIII")
_U32 = Layout("!I")
_PAIR = Layout("!II")
_NACK_ITEM = Layout("!HH")
_FIR_ITEM = Layout("!IB3x")

SENDER_REPORT, RECEIVER_REPORT, SOURCE_DESCRIPTION, GOODBYE = 200, 201, 202, 203
TRANSPORT_FEEDBACK, PAYLOAD_FEEDBACK = 205, 206
_NACK, _PLI, _FIR, _APPLICATION = 1, 1, 4, 15
_CNAME = 1


class ReportBlock(Struct, frozen=True):
    """What a receiver says of one stream (RFC 3550 6.4.1). `fraction_lost` is of 256, `jitter` in RTP ticks,
    `highest_seq` extended to 32 bits, `last_sr` the middle of its NTP time, `delay` since then in 1/65536 s.
    """

    ssrc: int
    fraction_lost: int
    lost: int
    highest_seq: int
    jitter: int
    last_sr: int
    delay: int

    def encode(self) -> bytes:
        lost = max(-0x800000, min(0x7FFFFF, self.lost)) & 0xFFFFFF
        return _REPORT_BLOCK.pack(
            self.ssrc,
            self.fraction_lost << 24 | lost,
            self.highest_seq,
            self.jitter,
            self.last_sr,
            self.delay,
        )


class SenderReport(Struct, frozen=True):
    """`ntp` is 64 bits (32.32 seconds since 1900) and names the same moment as `rtp_timestamp`."""

    ssrc: int
    ntp: int
    rtp_timestamp: int
    packets: int
    octets: int
    blocks: tuple[ReportBlock, ...] = ()

    def encode(self) -> bytes:
        head = _SENDER_INFO.pack(
            self.ssrc, self.ntp, self.rtp_timestamp, self.packets & 0xFFFFFFFF, self.octets & 0xFFFFFFFF
        )
        return _packet(SENDER_REPORT, len(self.blocks), head + b"".join(block.encode() for block in self.blocks))

    @property
    def middle(self) -> int:
        """The middle 32 bits of `ntp`, as receivers echo them in `last_sr`."""
        return self.ntp >> 16 & 0xFFFFFFFF


class ReceiverReport(Struct, frozen=True):
    """At most 31 blocks."""

    ssrc: int
    blocks: tuple[ReportBlock, ...] = ()

    def encode(self) -> bytes:
        body = _U32.pack(self.ssrc) + b"".join(block.encode() for block in self.blocks)
        return _packet(RECEIVER_REPORT, len(self.blocks), body)


class SourceDescription(Struct, frozen=True):
    """The CNAME of each SSRC; other items are not kept (RFC 3550 6.5)."""

    cnames: tuple[tuple[int, str], ...]

    def encode(self) -> bytes:
        body = bytearray()
        for ssrc, cname in self.cnames:
            text = cname.encode()
            body += _U32.pack(ssrc) + bytes((_CNAME, len(text))) + text
            body += bytes(4 - len(body) % 4)  # at least one zero ends the chunk
        return _packet(SOURCE_DESCRIPTION, len(self.cnames), bytes(body))


class Goodbye(Struct, frozen=True):
    """These SSRCs send no more. A reason is not kept."""

    ssrcs: tuple[int, ...]

    def encode(self) -> bytes:
        return _packet(GOODBYE, len(self.ssrcs), b"".join(map(_U32.pack, self.ssrcs)))


class Nack(Struct, frozen=True):
    """Packets missing from a stream, in sending order (RFC 4585 6.2.1)."""

    sender_ssrc: int
    media_ssrc: int
    seqs: tuple[int, ...]

    def encode(self) -> bytes:
        body = bytearray(_PAIR.pack(self.sender_ssrc, self.media_ssrc))
        first, mask = -1, 0
        for seq in self.seqs:
            behind = seq - first - 1 & 0xFFFF
            if first >= 0 and behind < 16:
                mask |= 1 << behind
                continue
            if first >= 0:
                body += _NACK_ITEM.pack(first, mask)
            first, mask = seq, 0
        if first >= 0:
            body += _NACK_ITEM.pack(first, mask)
        return _packet(TRANSPORT_FEEDBACK, _NACK, bytes(body))


class Pli(Struct, frozen=True):
    """Picture loss: please send a keyframe (RFC 4585 6.3.1)."""

    sender_ssrc: int
    media_ssrc: int

    def encode(self) -> bytes:
        return _packet(PAYLOAD_FEEDBACK, _PLI, _PAIR.pack(self.sender_ssrc, self.media_ssrc))


class Fir(Struct, frozen=True):
    """A keyframe is demanded: pairs of SSRC and command number, which stays the same in repeats (RFC 5104 4.3.1)."""

    sender_ssrc: int
    demands: tuple[tuple[int, int], ...]

    def encode(self) -> bytes:
        body = _PAIR.pack(self.sender_ssrc, 0) + b"".join(_FIR_ITEM.pack(ssrc, seq) for ssrc, seq in self.demands)
        return _packet(PAYLOAD_FEEDBACK, _FIR, body)


class Remb(Struct, frozen=True):
    """The receiver's estimate of its downlink, for the sum of these SSRCs (draft-alvestrand-rmcat-remb-03 2.2).

    The wire holds 18 significant bits, so what is parsed may be a little below what was built.
    """

    sender_ssrc: int
    bitrate_bps: int
    ssrcs: tuple[int, ...] = ()

    def encode(self) -> bytes:
        exponent = max(0, self.bitrate_bps.bit_length() - 18)
        body = _PAIR.pack(self.sender_ssrc, 0) + b"REMB"
        body += _U32.pack(len(self.ssrcs) << 24 | exponent << 18 | self.bitrate_bps >> exponent)
        return _packet(PAYLOAD_FEEDBACK, _APPLICATION, body + b"".join(map(_U32.pack, self.ssrcs)))


Message = SenderReport | ReceiverReport | SourceDescription | Goodbye | Nack | Pli | Fir | Remb | twcc.TransportFeedback


def build_compound(messages: Iterable[Message]) -> bytes:
    """The messages in one datagram."""
    return b"".join(message.encode() for message in messages)


MOST_NAMED = 1 << 12
"""More than seconds of packets, in one datagram."""


def parse_compound(datagram: bytes) -> list[Message]:
    """Every message of a datagram that we know, in order. Raises ValueError if any part of it is malformed, or if it
    names more packets than `MOST_NAMED`.
    """
    messages: list[Message] = []
    at = named = 0
    size = len(datagram)
    if size == 0:
        raise ValueError("an RTCP datagram cannot be empty")
    while at < size:
        if size - at < 4:
            raise ValueError("RTCP header is cut short")
        first, packet_type, words = _HEAD.unpack_from(datagram, at)
        if first >> 6 != 2:
            raise ValueError(f"RTCP version must be 2, got {first >> 6}")
        end = at + 4 + 4 * words
        if end > size:
            raise ValueError("RTCP packet is cut short")
        body_end = end
        if first & 0x20:
            padding = datagram[end - 1]
            if padding == 0 or padding > 4 * words:
                raise ValueError("RTCP padding does not fit its packet")
            body_end -= padding
        message = _parse_one(packet_type, first & 0x1F, datagram[at + 4 : body_end])
        if message is not None:
            named += packets_named(message)
            if named > MOST_NAMED:
                raise ValueError(f"an RTCP datagram names more than {MOST_NAMED} packets")
            messages.append(message)
        at = end
    return messages


def packets_named(message: Message) -> int:
    """Of how many packets the fate is told: a few bytes of runs name thousands, each of which is work for us."""
    match message:
        case Nack():
            return len(message.seqs)
        case twcc.TransportFeedback():
            return len(message.deltas)
        case _:
            return 0


def round_trip_ms(block: ReportBlock, now_ntp: int) -> float | None:
    """The round trip, from a block that echoes one of our sender reports (RFC 3550 6.4.1); None without an echo."""
    if block.last_sr == 0:
        return None
    elapsed = (now_ntp >> 16) - block.last_sr - block.delay & 0xFFFFFFFF
    # Clocks differ a little: a trip of less than nothing took no time.
    return elapsed * 1000 / 65536 if elapsed < 0x80000000 else 0.0


def _parse_one(packet_type: int, count: int, body: bytes) -> Message | None:
    if packet_type == SENDER_REPORT:
        return _parse_sender_report(count, body)
    if packet_type == RECEIVER_REPORT:
        _need(body, 4)
        return ReceiverReport(_U32.unpack_from(body)[0], _report_blocks(body, 4, count))
    if packet_type == SOURCE_DESCRIPTION:
        return _parse_source_description(count, body)
    if packet_type == GOODBYE:
        _need(body, 4 * count)
        return Goodbye(tuple(_U32.unpack_from(body, 4 * index)[0] for index in range(count)))
    if packet_type == TRANSPORT_FEEDBACK:
        if count == _NACK:
            return _parse_nack(body)
        return twcc.parse(body) if count == twcc.FORMAT else None
    if packet_type == PAYLOAD_FEEDBACK:
        return _parse_payload_feedback(count, body)
    return None


def _parse_payload_feedback(kind: int, body: bytes) -> Pli | Fir | Remb | None:
    if kind == _PLI:
        _need(body, 8)
        return Pli(*_PAIR.unpack_from(body))
    if kind == _FIR:
        _need(body, 8)
        return Fir(_U32.unpack_from(body)[0], tuple(_FIR_ITEM.iter_unpack(_whole(body[8:], 8))))
    return _parse_remb(body) if kind == _APPLICATION else None


def _need(body: bytes, size: int) -> None:
    if len(body) < size:
        raise ValueError(f"RTCP body needs {size} bytes, got {len(body)}")


def _whole(items: bytes, size: int) -> bytes:
    if len(items) % size:
        raise ValueError(f"RTCP items have {size} bytes each, got {len(items)} in all")
    return items


def _report_blocks(body: bytes, at: int, count: int) -> tuple[ReportBlock, ...]:
    _need(body, at + _REPORT_BLOCK.size * count)
    blocks = []
    for index in range(count):
        ssrc, loss, highest, jitter, last_sr, delay = _REPORT_BLOCK.unpack_from(body, at + _REPORT_BLOCK.size * index)
        lost = loss & 0xFFFFFF
        if lost & 0x800000:
            lost -= 0x1000000
        blocks.append(ReportBlock(ssrc, loss >> 24, lost, highest, jitter, last_sr, delay))
    return tuple(blocks)


def _parse_sender_report(count: int, body: bytes) -> SenderReport:
    _need(body, _SENDER_INFO.size)
    ssrc, ntp, rtp_timestamp, packets, octets = _SENDER_INFO.unpack_from(body)
    return SenderReport(ssrc, ntp, rtp_timestamp, packets, octets, _report_blocks(body, _SENDER_INFO.size, count))


def _parse_source_description(count: int, body: bytes) -> SourceDescription:
    cnames: list[tuple[int, str]] = []
    at = 0
    for _ in range(count):
        _need(body, at + 4)
        ssrc = _U32.unpack_from(body, at)[0]
        at += 4
        is_named = False
        while True:
            _need(body, at + 1)
            item = body[at]
            at += 1
            if item == 0:
                break
            _need(body, at + 1)
            end = at + 1 + body[at]
            _need(body, end)
            if item == _CNAME and not is_named:  # a chunk has one (RFC 3550 6.5.1)
                is_named = True
                cnames.append((ssrc, body[at + 1 : end].decode()))
            at = end
        at += -at % 4
    return SourceDescription(tuple(cnames))


def _parse_nack(body: bytes) -> Nack:
    _need(body, 12)
    sender_ssrc, media_ssrc = _PAIR.unpack_from(body)
    seqs: list[int] = []
    for first, mask in _NACK_ITEM.iter_unpack(_whole(body[8:], 4)):
        seqs.append(first)
        seqs.extend(first + bit + 1 & 0xFFFF for bit in range(16) if mask >> bit & 1)
    return Nack(sender_ssrc, media_ssrc, tuple(seqs))


def _parse_remb(body: bytes) -> Remb | None:
    _need(body, 8)
    if body[8:12] != b"REMB":
        return None  # application layer feedback of somebody else
    _need(body, 16)
    packed = _U32.unpack_from(body, 12)[0]
    _need(body, 16 + 4 * (packed >> 24))
    ssrcs = tuple(_U32.unpack_from(body, 16 + 4 * index)[0] for index in range(packed >> 24))
    return Remb(_U32.unpack_from(body)[0], (packed & 0x3FFFF) << (packed >> 18 & 0x3F), ssrcs)


def _packet(packet_type: int, count: int, body: bytes) -> bytes:
    if count > 31:
        raise ValueError(f"an RTCP packet counts to 31, got {count}")
    return _HEAD.pack(0x80 | count, packet_type, len(body) // 4) + body

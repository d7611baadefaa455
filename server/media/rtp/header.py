"""The RTP header, read once per arriving packet and written once per viewer (RFC 3550 5.1, RFC 8285).

Incoming headers are read into a small record. Outgoing ones all have the same 24 bytes, whoever sent and whoever
receives, so that fan-out is one `pack_into` and one copy of the payload:

     0                   1                   2                   3
     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
    | 2 |0|1|  CC=0 |M|     PT      |            sequence           |
    |                           timestamp                           |
    |                             SSRC                              |
    |            0xBEDE             |           length = 2          |
    | twcc id |  1  |   transport-wide sequence     | kept id |  0  |
    |   kept byte   |              zero (padding)                   |

The kept byte is the audio level (RFC 6464) of sound or the orientation (3GPP TS 26.114) of a picture; every other
incoming extension is dropped. A part that was not negotiated, or is not in the packet, is written as zeros, which are
padding (RFC 8285 4.2). There is no MID: slots are recognised by the SSRC in the answer.

Not here: which number goes out as which (rewrite.py).
"""

from __future__ import annotations

from struct import Struct as Layout

from msgspec import Struct

FIXED = Layout("!BBHII")
_U16 = Layout("!H")
_EXTENSION = Layout("!HH")

ONE_BYTE = 0xBEDE
TWO_BYTE = 0x1000  # the low four bits are "appbits" (RFC 8285 4.3)

OUTGOING = Layout("!BBHIIIBHBB3x")
OUTGOING_SIZE = OUTGOING.size
"""Where the payload of every outgoing packet starts."""

VERSION_AND_X = 0x90
BLOCK_OF_TWO_WORDS = ONE_BYTE << 16 | 2


class Header(Struct, frozen=True, gc=False):
    """One packet's header; `packet[payload_start:payload_end]` is its payload without padding.

    `extensions` holds the elements by negotiated id, one-byte and two-byte forms alike.
    """

    payload_type: int
    marker: bool
    seq: int
    timestamp: int
    ssrc: int
    payload_start: int
    payload_end: int
    extensions: dict[int, bytes]


def parse(packet: bytes) -> Header:
    """The header of an RTP packet. Raises ValueError if it is not one."""
    size = len(packet)
    if size < 12:
        raise ValueError(f"RTP header needs 12 bytes, got {size}")
    first, second, seq, timestamp, ssrc = FIXED.unpack_from(packet)
    if first >> 6 != 2:
        raise ValueError(f"RTP version must be 2, got {first >> 6}")
    start = 12 + 4 * (first & 0x0F)
    extensions: dict[int, bytes] = {}
    if first & 0x10:
        if size < start + 4:
            raise ValueError("RTP header extension is cut short")
        profile, words = _EXTENSION.unpack_from(packet, start)
        start += 4
        stop = start + 4 * words
        if size < stop:
            raise ValueError("RTP header extension is cut short")
        if profile == ONE_BYTE:
            _read_one_byte(packet, start, stop, extensions)
        elif profile & 0xFFF0 == TWO_BYTE:
            _read_two_byte(packet, start, stop, extensions)
        start = stop
    end = size
    if first & 0x20:
        padding = packet[-1]
        if padding == 0:
            raise ValueError("RTP padding cannot be empty")
        end -= padding
    if end < start:
        raise ValueError("RTP packet is shorter than its header and padding")
    return Header(second & 0x7F, second >= 0x80, seq, timestamp, ssrc, start, end, extensions)


def _read_one_byte(packet: bytes, at: int, stop: int, into: dict[int, bytes]) -> None:
    while at < stop:
        head = packet[at]
        at += 1
        if head == 0:
            continue
        if head >= 0xF0 or head < 0x10:
            return  # id 15, and id 0 with a length, end the block (RFC 8285 4.2)
        end = at + (head & 0x0F) + 1
        if end > stop:
            raise ValueError("RTP header extension element overruns its block")
        into[head >> 4] = packet[at:end]
        at = end


def _read_two_byte(packet: bytes, at: int, stop: int, into: dict[int, bytes]) -> None:
    while at < stop:
        name = packet[at]
        at += 1
        if name == 0:
            continue
        if at == stop:
            raise ValueError("RTP header extension element overruns its block")
        end = at + 1 + packet[at]
        if end > stop:
            raise ValueError("RTP header extension element overruns its block")
        into[name] = packet[at + 1 : end]
        at = end


def write_into(
    buffer: bytearray | memoryview,
    at: int,
    payload_type: int,
    marker: bool,
    seq: int,
    timestamp: int,
    ssrc: int,
    twcc_tag: int = 0,
    twcc_seq: int = 0,
    kept_tag: int = 0,
    kept_byte: int = 0,
) -> None:
    """Write the 24 bytes of an outgoing header; for the tags see `twcc_tag()` and `kept_tag()`, 0 leaves a part out.

    Whoever passes tag 0 passes value 0 too, else the zeros would not be padding.
    """
    OUTGOING.pack_into(
        buffer,
        at,
        VERSION_AND_X,
        payload_type | 0x80 if marker else payload_type,
        seq,
        timestamp,
        ssrc,
        BLOCK_OF_TWO_WORDS,
        twcc_tag,
        twcc_seq,
        kept_tag,
        kept_byte,
    )


def twcc_tag(extension_id: int) -> int:
    """The head byte of a transport-wide sequence number; id 0 says not negotiated. Raises ValueError above 14."""
    return _tag(extension_id, 2)


def kept_tag(extension_id: int) -> int:
    """The head byte of the kept byte; id 0 says not negotiated. Raises ValueError above 14."""
    return _tag(extension_id, 1)


def _tag(extension_id: int, size: int) -> int:
    if not 0 <= extension_id <= 14:
        raise ValueError(f"one-byte header extensions have ids 1 to 14, got {extension_id}")
    return extension_id << 4 | size - 1 if extension_id else 0


def build(
    payload_type: int,
    seq: int,
    timestamp: int,
    ssrc: int,
    payload: bytes = b"",
    *,
    marker: bool = False,
    extensions: dict[int, bytes] | None = None,
    padding: int = 0,
) -> bytes:
    """A whole packet with one-byte extensions: for restored retransmissions, probes and tests, not for the fan-out.

    Raises ValueError for an extension that has no one-byte form (ids 1 to 14, 1 to 16 bytes) or padding above 255.
    """
    block = b""
    if extensions:
        for name, value in extensions.items():
            if not (1 <= name <= 14 and 1 <= len(value) <= 16):
                raise ValueError(f"extension {name} of {len(value)} bytes has no one-byte form")
            block += bytes((name << 4 | len(value) - 1,)) + value
        block += bytes(-len(block) % 4)
        block = _EXTENSION.pack(ONE_BYTE, len(block) // 4) + block
    if not 0 <= padding <= 255:
        raise ValueError(f"RTP padding is 0 to 255 bytes, got {padding}")
    tail = bytes(padding - 1) + bytes((padding,)) if padding else b""
    first = 0x80 | (0x20 if padding else 0) | (0x10 if block else 0)
    return FIXED.pack(first, marker << 7 | payload_type, seq, timestamp, ssrc) + block + payload + tail


def u16(value: bytes) -> int:
    """A two-byte extension value, such as the transport-wide sequence number. Raises ValueError for another size."""
    if len(value) != 2:
        raise ValueError(f"expected 2 bytes, got {len(value)}")
    return int(_U16.unpack(value)[0])


def audio_level(value: bytes) -> tuple[int, bool]:
    """Loudness as -dBov (0 loudest, 127 silence) and whether it is voice (RFC 6464). Raises ValueError if empty.

    Both forms carry it in the first byte.
    """
    if not value:
        raise ValueError("an audio level needs 1 byte")
    return value[0] & 0x7F, value[0] >= 0x80

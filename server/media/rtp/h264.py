"""H.264 in RTP, packetization mode 1, and as much of its syntax as a recorder needs (RFC 6184 5, ITU-T H.264 7.3).

    |F|NRI| type |    1-23: one NAL unit         24 (STAP-A): several, each after its 16-bit size
                      28 (FU-A): a part of one;  |S|E|R| type | follows: S begins, E ends it

A keyframe is an IDR picture with its parameter sets before it, which WebRTC senders repeat in the stream (RFC 7742
6.2): a decoder can begin at the SPS, and nowhere else. There are no picture ids; only the marker ends a frame.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from server.media.rtp.descriptor import Descriptor, Part

SLICE, IDR, SPS, PPS = 1, 5, 7, 8
_STAP_A, _FU_A = 24, 28
_BEGINS, _ENDS = 0x80, 0x40

# Other forms belong to packetization mode 2, or to nobody.
_LAST_PLAIN = 23

# Parameter sets, hints and the slices of a small picture are a handful.
_MOST_AGGREGATED = 32


def parse_descriptor(payload: bytes | memoryview) -> Descriptor:
    """What the NAL units in an RTP payload say; the descriptor has no size. Raises ValueError if they are cut short.

    Several packets of one frame may be said to start it: those of its parameter sets, and of its first slice.
    """
    starts_frame = keyframe = False
    for kind, body in _units(payload):
        # A slice begins with the number of its first macroblock, whose code for 0 is a single 1 (Exp-Golomb).
        starts_frame = starts_frame or kind > IDR or (SLICE <= kind <= IDR and body >= 0x80)
        keyframe = keyframe or kind == SPS
    return Descriptor(0, starts_frame, keyframe)


def _units(payload: bytes | memoryview) -> Iterator[tuple[int, int]]:
    """Type and second byte of every NAL unit that begins here; type 0 for the later part of one."""
    kind = _kind(payload)
    if kind == _FU_A:
        yield (payload[1] & 0x1F if payload[1] & _BEGINS else 0), payload[2]
    else:
        for unit in _aggregated(payload) if kind == _STAP_A else (payload,):
            yield unit[0] & 0x1F, unit[1] if len(unit) > 1 else 0


def _kind(payload: bytes | memoryview) -> int:
    size = len(payload)
    kind = payload[0] & 0x1F if size else 0
    if not (SLICE <= kind <= _LAST_PLAIN or kind == _STAP_A or (kind == _FU_A and size > 2)):
        raise ValueError(f"an H.264 payload of {size} bytes and type {kind}")
    return kind


def _aggregated(payload: bytes | memoryview) -> Iterator[bytes | memoryview]:
    at, end = 1, len(payload)
    for _ in range(_MOST_AGGREGATED):
        if at == end:
            return
        size = int.from_bytes(payload[at : at + 2], "big")
        at += 2 + size
        if not size or at > end:
            raise ValueError("an H.264 aggregation is cut short")
        yield payload[at - size : at]
    if at < end:
        raise ValueError(f"an H.264 aggregation of more than {_MOST_AGGREGATED} units")


def join(packets: Sequence[Part]) -> bytes:
    """A frame from all its packets, in order: each NAL unit after its size in four bytes (ISO/IEC
    14496-15 5.3). Raises ValueError if a part of one is missing.
    """
    units: list[bytes | memoryview] = []
    parts: list[bytes | memoryview] = []
    for payload, _ in packets:
        kind = _kind(payload)
        goes_on = kind == _FU_A and not payload[1] & _BEGINS
        if goes_on != bool(parts):
            raise ValueError("a part of an H.264 NAL unit is missing")
        if kind == _STAP_A:
            units += _aggregated(payload)
        elif kind != _FU_A:
            units.append(payload)
        else:
            if not goes_on:
                parts.append(bytes((payload[0] & 0xE0 | payload[1] & 0x1F,)))
            parts.append(payload[2:])
            if payload[1] & _ENDS:
                units.append(b"".join(parts))
                parts.clear()
    if parts:
        raise ValueError("the end of an H.264 NAL unit is missing")
    return b"".join(part for unit in units for part in (len(unit).to_bytes(4, "big"), unit))


def split(frame: bytes | memoryview) -> Iterator[memoryview]:
    """The NAL units of what `join` made. Raises ValueError if it is not that."""
    view = memoryview(frame)
    at = 0
    while at < len(view):
        size = int.from_bytes(view[at : at + 4], "big")
        at += 4 + size
        if not size or at > len(view):
            raise ValueError("H.264 NAL units are cut short")
        yield view[at - size : at]


class Setup(Struct, frozen=True):
    """What a decoder has to know before the first frame: an AVCDecoderConfigurationRecord (ISO/IEC 14496-15 5.3.3)."""

    record: bytes
    profile_level: str
    """As in a MIME type (RFC 6381 3.3): six hexadecimal digits."""
    width: int
    height: int


def setup(frame: bytes | memoryview) -> Setup:
    """From a keyframe that `join` made. Raises ValueError if its parameter sets are missing or make no sense."""
    units = {unit[0] & 0x1F: bytes(unit) for unit in split(frame)}
    sps, pps = units.get(SPS, b""), units.get(PPS, b"")
    if not 4 <= len(sps) <= _LONGEST_SPS or not 1 < len(pps) < 1 << 16 or IDR not in units:
        raise ValueError("no H.264 keyframe with its parameter sets")
    width, height, chroma = _read_sps(sps)
    sets = (b"\xe1", len(sps).to_bytes(2, "big"), sps, b"\x01", len(pps).to_bytes(2, "big"), pps)
    record = b"".join((b"\x01", sps[1:4], b"\xff", *sets))
    if sps[1] in _WITH_CHROMA:
        record += bytes((0xFC | chroma, 0xF8, 0xF8, 0))
    return Setup(record, sps[1:4].hex(), width, height)


def dimensions(frame: bytes | memoryview) -> tuple[int, int]:
    """Width and height in pixels of a keyframe that `join` made. Raises ValueError for anything else."""
    known = setup(frame)
    return known.width, known.height


_WITH_CHROMA = frozenset((100, 110, 122, 144, 44, 83, 86, 118, 128))
"""Profiles whose parameter sets name a chroma format (ITU-T H.264 7.3.2.1.1)."""

_LONGEST_SPS = 256
"""Real ones have about twenty bytes."""

_MOST_PIXELS = 16_384
"""In one direction; level 6.2 ends below."""


def _read_sps(sps: bytes) -> tuple[int, int, int]:
    """Width, height and chroma format (ITU-T H.264 7.3.2.1.1, 7.4.2.1.1). Raises ValueError."""
    bits = _Bits(sps[1:].replace(b"\x00\x00\x03", b"\x00\x00"))
    profile = bits.read(24) >> 16
    bits.golomb()
    chroma = 1
    if profile in _WITH_CHROMA:
        chroma = bits.golomb()
        if chroma != 1:  # 4:2:0 is all that WebRTC sends
            raise ValueError(f"H.264 chroma format {chroma}")
        if bits.golomb() or bits.golomb():
            raise ValueError("H.264 with more than 8 bits")
        bits.read(1)
        if bits.read(1):
            raise ValueError("H.264 with scaling matrices")
    bits.golomb()
    order = bits.golomb()
    if order == 0:
        bits.golomb()
    elif order == 1:
        bits.read(1)
        for _ in range(2):
            bits.golomb()
        for _ in range(min(bits.golomb(), 255)):
            bits.golomb()
    bits.golomb()
    bits.read(1)
    width, rows = 16 * (bits.golomb() + 1), 16 * (bits.golomb() + 1)
    frames_only = bits.read(1)
    height = rows * (2 - frames_only)
    if not frames_only:
        bits.read(1)
    bits.read(1)
    if bits.read(1):
        width -= 2 * (bits.golomb() + bits.golomb())
        height -= 2 * (2 - frames_only) * (bits.golomb() + bits.golomb())
    if not (0 < width <= _MOST_PIXELS and 0 < height <= _MOST_PIXELS):
        raise ValueError(f"an H.264 picture of {width} x {height}")
    return width, height, chroma


class _Bits:
    """Reads bit by bit. Raises ValueError at the end."""

    def __init__(self, octets: bytes) -> None:
        self._bits = int.from_bytes(octets, "big")
        self._left = 8 * len(octets)

    def read(self, count: int) -> int:
        self._left -= count
        if self._left < 0:
            raise ValueError("an H.264 parameter set is cut short")
        return self._bits >> self._left & (1 << count) - 1

    def golomb(self) -> int:
        """Exp-Golomb, unsigned (ITU-T H.264 9.1); a signed one is as long."""
        zeros = 0
        while not self.read(1):
            zeros += 1
            if zeros > 32:
                raise ValueError("an H.264 parameter set makes no sense")
        return (1 << zeros) - 1 + self.read(zeros)

"""Transport-wide congestion control feedback: which packets arrived when.

draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1. Arrival times are microseconds of any one clock (the
kernel's receive stamps); on the wire they are a reference of 64 ms steps and deltas of 250 us steps.

Not here: what rate follows from a feedback (bandwidth.py), and when to send one (the caller's timer; the draft and
libwebrtc agree on every 50 to 250 ms).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from struct import Struct as Layout

from msgspec import Struct

PACKET_TYPE = 205
FORMAT = 15

REFERENCE_US = 64_000
TICK_US = 250
_REFERENCE_SPACE = 1 << 24

_HEAD = Layout("!BBHIIHHI")  # RTCP header, sender SSRC, media SSRC, base seq, status count, reference << 8 | count
_BODY = Layout("!IIHHI")
_U16 = Layout("!H")
_I16 = Layout("!h")

_LOST, _SMALL, _LARGE = 0, 1, 2
_LONGEST_RUN = 0x1FFF

MOST_PER_FEEDBACK = 400
"""Keeps one feedback below 1000 bytes even if every delta is large."""

_MOST_READ = 1 << 12
"""Seconds of packets. The format allows 65535 in a few bytes, which is work for us at no cost for the sender."""

_FURTHEST_BACK = 1 << 12
"""A packet later than this many others is not reported; the sender has long given it up."""


class TransportFeedback(Struct, frozen=True):
    """One feedback. `deltas` has one entry per packet from `base_seq` on: None if it did not arrive, else 250 us steps
    since the previous one that did (the first since the reference). `reference` counts 64 ms steps, signed 24 bits.
    """

    sender_ssrc: int
    media_ssrc: int
    base_seq: int
    reference: int
    count: int
    deltas: tuple[int | None, ...]

    def arrivals(self) -> Iterator[tuple[int, int | None]]:
        """Sequence number and arrival in microseconds of the receiver's clock (None: not arrived), in sending order."""
        at = self.reference * REFERENCE_US
        for index, delta in enumerate(self.deltas):
            if delta is None:
                yield self.base_seq + index & 0xFFFF, None
            else:
                at += delta * TICK_US
                yield self.base_seq + index & 0xFFFF, at

    def encode(self) -> bytes:
        """The RTCP packet. Raises ValueError for no or too many packets, or a delta beyond 16 bits."""
        if not 0 < len(self.deltas) <= _MOST_READ:
            raise ValueError(f"transport feedback reports 1 to {_MOST_READ} packets, got {len(self.deltas)}")
        symbols = bytes(_LOST if delta is None else _SMALL if 0 <= delta <= 0xFF else _LARGE for delta in self.deltas)
        body = bytearray()
        for chunk in _chunks(symbols):
            body += _U16.pack(chunk)
        for delta in self.deltas:
            if delta is None:
                continue
            if 0 <= delta <= 0xFF:
                body.append(delta)
            elif -0x8000 <= delta <= 0x7FFF:
                body += _I16.pack(delta)
            else:
                raise ValueError(f"an arrival delta has 16 bits, got {delta}")
        padding = -len(body) % 4
        words = (_HEAD.size + len(body) + padding) // 4 - 1
        if padding:
            body += bytes(padding - 1) + bytes((padding,))
        first = 0x80 | (0x20 if padding else 0) | FORMAT
        packed = (self.reference & 0xFFFFFF) << 8 | self.count
        return (
            _HEAD.pack(
                first,
                PACKET_TYPE,
                words,
                self.sender_ssrc,
                self.media_ssrc,
                self.base_seq,
                len(self.deltas),
                packed,
            )
            + body
        )


def parse(body: bytes) -> TransportFeedback:
    """A feedback from what follows the 4-byte RTCP header, padding taken off or not. Raises ValueError."""
    if len(body) < _BODY.size:
        raise ValueError(f"transport feedback needs {_BODY.size} bytes, got {len(body)}")
    sender_ssrc, media_ssrc, base_seq, total, packed = _BODY.unpack_from(body)
    if not 0 < total <= _MOST_READ:
        raise ValueError(f"transport feedback reports 1 to {_MOST_READ} packets, got {total}")
    symbols, at = _read_symbols(body, _BODY.size, total)
    deltas: list[int | None] = []
    try:
        for symbol in symbols:
            if symbol == _LOST:
                deltas.append(None)
            elif symbol == _SMALL:
                deltas.append(body[at])
                at += 1
            elif symbol == _LARGE:
                deltas.append(_I16.unpack_from(body, at)[0])
                at += 2
            else:
                raise ValueError("transport feedback uses the reserved symbol 3")
    except (IndexError, struct.error):
        raise ValueError("transport feedback deltas are cut short") from None
    reference = packed >> 8
    if reference & 0x800000:
        reference -= _REFERENCE_SPACE
    return TransportFeedback(sender_ssrc, media_ssrc, base_seq, reference, packed & 0xFF, tuple(deltas))


def _read_symbols(body: bytes, at: int, total: int) -> tuple[bytearray, int]:
    symbols = bytearray()
    while len(symbols) < total:
        if at + 2 > len(body):
            raise ValueError("transport feedback chunks are cut short")
        chunk = _U16.unpack_from(body, at)[0]
        at += 2
        if not chunk & 0x8000:
            symbols += bytes((chunk >> 13,)) * min(chunk & _LONGEST_RUN, total - len(symbols))
            if chunk & _LONGEST_RUN == 0:
                raise ValueError("transport feedback has an empty run")
        elif chunk & 0x4000:
            symbols += bytes(chunk >> shift & 3 for shift in range(12, -2, -2))
        else:
            symbols += bytes(chunk >> shift & 1 for shift in range(13, -1, -1))
    del symbols[total:]  # the last vector is filled up
    return symbols, at


def _chunks(symbols: bytes) -> Iterator[int]:
    """Run lengths where they pay, else vectors of 14 one-bit or 7 two-bit symbols (draft 3.1.1 to 3.1.4)."""
    at = 0
    total = len(symbols)
    while at < total:
        symbol = symbols[at]
        run = 1
        while at + run < total and run < _LONGEST_RUN and symbols[at + run] == symbol:
            run += 1
        ones = symbols[at : at + 14]
        if run >= 14 or (_LARGE in ones and run >= 7) or run == total - at:
            yield symbol << 13 | run
            at += run
        elif _LARGE not in ones:
            chunk = 0x8000
            for index, one in enumerate(ones):
                chunk |= one << 13 - index
            yield chunk
            at += len(ones)
        else:
            chunk = 0xC000
            twos = symbols[at : at + 7]
            for index, two in enumerate(twos):
                chunk |= two << 12 - 2 * index
            yield chunk
            at += len(twos)


class FeedbackBuilder:
    """Collects the arrivals of one transport and turns them into feedbacks, each packet reported once.

    A number that was skipped is reported lost with the next feedback; if it still comes, it is reported by one of its
    own (libwebrtc keeps lost packets in its history for that).
    """

    def __init__(self, sender_ssrc: int, media_ssrc: int = 0) -> None:
        self._sender_ssrc = sender_ssrc
        self._media_ssrc = media_ssrc
        self._arrivals: dict[int, int] = {}
        self._highest: int | None = None
        self._next = 0
        self._count = 0

    @property
    def pending(self) -> int:
        """How many arrivals wait to be reported."""
        return len(self._arrivals)

    def arrived(self, seq: int, at_us: int, media_ssrc: int = 0) -> None:
        """Note a packet by its transport-wide number. The latest `media_ssrc` goes into the feedback."""
        if self._highest is None:
            self._highest = self._next = number = seq
        else:
            ahead = (seq - self._highest + 0x8000 & 0xFFFF) - 0x8000  # rtp.numbers.unwrap, for every packet
            number = self._highest + ahead
            if ahead > 0:
                self._highest = number
            elif ahead <= -_FURTHEST_BACK:
                return
        self._arrivals.setdefault(number, at_us)
        if media_ssrc:
            self._media_ssrc = media_ssrc

    def build(self) -> list[bytes]:
        """Feedbacks for everything that arrived since the last call, as RTCP packets; empty if nothing did."""
        feedbacks: list[bytes] = []
        numbers = sorted(self._arrivals)
        at = 0
        while at < len(numbers):
            at = self._build_one(numbers, at, feedbacks)
        self._arrivals.clear()
        return feedbacks

    def _build_one(self, numbers: list[int], at: int, feedbacks: list[bytes]) -> int:
        first = numbers[at]
        # Losses since the last feedback are reported before the first arrival, but for a jump no loss explains.
        base = self._next if 0 <= first - self._next < MOST_PER_FEEDBACK else first
        late = base < self._next
        clock_us = self._arrivals[first] // REFERENCE_US * REFERENCE_US
        reference = clock_us // REFERENCE_US
        deltas: list[int | None] = []
        while at < len(numbers):
            number = numbers[at]
            index = number - base
            if index >= MOST_PER_FEEDBACK or (late and index > len(deltas)):
                break  # what lies between late ones was reported before
            delta = (self._arrivals[number] - clock_us + TICK_US // 2) // TICK_US
            if not -0x8000 <= delta <= 0x7FFF:
                break
            clock_us += delta * TICK_US
            deltas.extend([None] * (index - len(deltas)))
            deltas.append(delta)
            at += 1
        self._next = max(self._next, base + len(deltas))
        signed = (reference + 0x800000) % _REFERENCE_SPACE - 0x800000
        feedbacks.append(
            TransportFeedback(
                self._sender_ssrc, self._media_ssrc, base & 0xFFFF, signed, self._count, tuple(deltas)
            ).encode()
        )
        self._count = self._count + 1 & 0xFF
        return at

"""What went out to one viewer, by transport-wide sequence number: until the viewer has told what became of it.

Flat arrays of fixed size rather than objects, because every packet of every viewer is noted here (server/media/fanout
writes them from C). The place of a packet is its number modulo their length.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import NamedTuple

REMEMBERED = 1 << 10
"""Packets; half a second at the highest rate, seconds at ordinary ones. Who is sent nothing has a log too."""

SENT, LOST, ARRIVED = 0, 1, 2
"""A packet's fate. What was never sent counts as arrived: nobody waits for it."""


class Sent(NamedTuple):
    """Packets that go out together, for any number of logs."""

    sizes: array[int]
    times_us: array[int]
    fates: bytes
    total_bytes: int


def sent_together(sizes: Sequence[int], now_us: int) -> Sent:
    """Packets of these sizes that go out now."""
    count = len(sizes)
    return Sent(array("H", sizes), array("q", (now_us,)) * count, bytes((SENT,)) * count, sum(sizes))


class SentLog:
    """`next_seq` is the number of the next packet, modulo 2**16; `total_bytes` are of all packets ever."""

    __slots__ = ("fates", "next_seq", "sizes", "times_us", "total_bytes")

    def __init__(self) -> None:
        self.next_seq = 0
        self.total_bytes = 0
        self.sizes = array("H", bytes(2 * REMEMBERED))
        self.times_us = array("q", bytes(8 * REMEMBERED))
        self.fates = bytearray((ARRIVED,)) * REMEMBERED

    def note(self, size: int, now_us: int) -> None:
        """The next packet goes out now."""
        seq = self.next_seq
        place = seq % REMEMBERED
        self.sizes[place] = size
        self.times_us[place] = now_us
        self.fates[place] = SENT
        self.total_bytes += size
        self.next_seq = seq + 1 & 0xFFFF

    def note_all(self, sent: Sent) -> None:
        """The next packets have gone out; at most REMEMBERED."""
        count = len(sent.sizes)
        place = self.next_seq % REMEMBERED
        end = place + count
        if end <= REMEMBERED:
            self.sizes[place:end] = sent.sizes
            self.times_us[place:end] = sent.times_us
            self.fates[place:end] = sent.fates
            self.total_bytes += sent.total_bytes
            self.next_seq = self.next_seq + count & 0xFFFF
        else:
            for size, now_us in zip(sent.sizes, sent.times_us, strict=True):
                self.note(size, now_us)

    def place(self, seq: int) -> int | None:
        """Where a packet is noted; None if that is too long ago, or has not been."""
        return seq % REMEMBERED if 0 < (self.next_seq - seq & 0xFFFF) <= REMEMBERED else None

    def bytes_since(self, since_us: int) -> int:
        """How much went out after a moment, as far as it is remembered."""
        total = 0
        for back in range(1, REMEMBERED + 1):
            place = (self.next_seq - back) % REMEMBERED
            if self.times_us[place] <= since_us:
                break
            total += self.sizes[place]
        return total

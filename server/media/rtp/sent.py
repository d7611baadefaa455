"""What went out to one viewer, by transport-wide sequence number: until the viewer has told what became of it.

Flat arrays of fixed size rather than objects, because every packet of every viewer is noted here (server/media/fanout
writes them from C). The place of a packet is its number modulo their length.
"""

from __future__ import annotations

from array import array

REMEMBERED = 1 << 10
"""Packets; half a second at the highest rate, seconds at ordinary ones. Who is sent nothing has a log too."""

SENT, LOST, ARRIVED = 0, 1, 2
"""A packet's fate. What was never sent counts as arrived: nobody waits for it."""


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

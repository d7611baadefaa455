"""Framed records: how entries lie in a file, and how to tell a torn tail from a damaged log. Pure.

    length u32 | seq u64 | crc32c u32 | payload          little endian; the CRC covers length, seq and payload

The top bit of `length` marks the first record of a write. A write starts only after the one before it was synced, so
the mark is what lets a reader judge a bad spot: if a marked record still follows it, the spot lay in acknowledged
data and the log is damaged; if none does, the spot lies in the last write, which a crash may have torn (a power loss
may even keep the end of a write and lose its beginning).

What is not here: files (server/log/file.py) and what a payload means (server/log/codec.py).
Source: the framing of LevelDB and etcd's write-ahead logs; facts "Log framing", Alagappan et al. 2018 for the mark.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

import google_crc32c
from msgspec import Struct

_HEADER = struct.Struct("<IQI")
_COVERED = struct.Struct("<IQ")
HEADER_BYTES = _HEADER.size
_STARTS_WRITE = 0x8000_0000

MAX_PAYLOAD_BYTES = 8 * 2**20
"""A whole snapshot of the largest class stays well below; anything longer in a header is noise."""


class Damaged(Exception):
    """Acknowledged data is missing or wrong: the log must not be served, nor repaired by guessing."""


class Record(Struct, frozen=True):
    """One payload of the log, and where its record begins in the file."""

    seq: int
    payload: bytes
    offset: int


class Scan(Struct, frozen=True):
    """What a file holds: its valid prefix and, if `good_bytes` is short of the file, why reading stopped there."""

    records: tuple[Record, ...]
    good_bytes: int
    torn_bytes: int

    @property
    def last_seq(self) -> int:
        return self.records[-1].seq if self.records else 0


def frame(seq: int, payload: bytes, *, starts_write: bool) -> bytes:
    """One record, ready to be appended. Raises ValueError for a payload no reader would accept."""
    if not 0 < len(payload) <= MAX_PAYLOAD_BYTES:
        raise ValueError(f"a record holds 1..{MAX_PAYLOAD_BYTES} bytes, got {len(payload)}")
    length = len(payload) | (_STARTS_WRITE if starts_write else 0)
    return _HEADER.pack(length, seq, _crc(length, seq, payload)) + payload


def frame_write(payloads: Iterable[tuple[int, bytes]]) -> bytes:
    """The records of one write, the first of them marked."""
    return b"".join(frame(seq, payload, starts_write=index == 0) for index, (seq, payload) in enumerate(payloads))


def scan(content: bytes, after: int = 0) -> Scan:
    """The valid prefix of a file whose first record is `after + 1`.

    Raises Damaged when records of a later write follow the spot where the prefix ends.
    """
    records: list[Record] = []
    at, seq = 0, after + 1
    while (found := _record_at(content, at)) is not None and found[0].seq == seq:
        records.append(found[0])
        at += HEADER_BYTES + len(found[0].payload)
        seq += 1
    if at < len(content) and (later := _later_write(content, at, seq)) is not None:
        raise Damaged(f"bad bytes at offset {at}, but entry {later.seq} was written after them at {later.offset}")
    return Scan(tuple(records), at, len(content) - at)


def _record_at(content: bytes, at: int) -> tuple[Record, bool] | None:
    if at + HEADER_BYTES > len(content):
        return None
    length, seq, crc = _HEADER.unpack_from(content, at)
    size = length & ~_STARTS_WRITE
    begin = at + HEADER_BYTES
    if not 0 < size <= MAX_PAYLOAD_BYTES or begin + size > len(content):
        return None
    payload = content[begin : begin + size]
    if crc != _crc(length, seq, payload):
        return None
    return Record(seq, payload, at), bool(length & _STARTS_WRITE)


def _later_write(content: bytes, start: int, expected_seq: int) -> Record | None:
    """A marked record from `start` on that can only have been written after entry `expected_seq`."""
    # seq is at byte 4 of the header. A record is at least HEADER_BYTES + 1 long, which bounds how far seq can have
    # come; so the search may look for the high bytes of seq, which all candidates share or differ little in.
    most = expected_seq + (len(content) - start) // (HEADER_BYTES + 1) + 1
    for high in range(expected_seq >> 8, (most >> 8) + 1):
        pattern = high.to_bytes(7, "little")
        found = content.find(pattern, start + 5)
        while found != -1:
            candidate = _record_at(content, found - 5)
            if candidate is not None and candidate[1] and expected_seq < candidate[0].seq <= most:
                return candidate[0]
            found = content.find(pattern, found + 1)
    return None


def _crc(length: int, seq: int, payload: bytes) -> int:
    return int(google_crc32c.extend(google_crc32c.value(_COVERED.pack(length, seq)), payload))

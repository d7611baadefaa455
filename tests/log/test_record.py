"""Frames: every truncation and every flipped bit either costs only the last write or is noticed."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.log.record import HEADER_BYTES, MAX_PAYLOAD_BYTES, Damaged, frame, frame_write, scan

WRITES = [[(1, b"opened"), (2, b"joined")], [(3, b"x" * 300)], [(4, b"hand"), (5, b"poll"), (6, b"vote")]]
CONTENT = b"".join(frame_write(write) for write in WRITES)
ENDS = [0]
for _seq, _payload in (record for write in WRITES for record in write):
    ENDS.append(ENDS[-1] + HEADER_BYTES + len(_payload))
LAST_WRITE_STARTS = ENDS[3]


def seqs(content: bytes) -> list[int]:
    return [record.seq for record in scan(content).records]


def test_what_was_framed_is_read_back() -> None:
    assert [(record.seq, record.payload) for record in scan(CONTENT).records] == [r for write in WRITES for r in write]
    assert scan(CONTENT).torn_bytes == 0


@pytest.mark.parametrize("size", range(len(CONTENT)))
def test_a_log_cut_anywhere_keeps_its_whole_records(size: int) -> None:
    found = scan(CONTENT[:size])
    whole = sum(end <= size for end in ENDS) - 1
    assert len(found.records) == whole
    assert found.good_bytes == ENDS[whole]
    assert found.good_bytes + found.torn_bytes == size


def test_any_flipped_bit_is_noticed() -> None:
    for bit in range(len(CONTENT) * 8):
        flipped = bytearray(CONTENT)
        flipped[bit // 8] ^= 1 << bit % 8
        if bit // 8 < LAST_WRITE_STARTS:
            with pytest.raises(Damaged):
                scan(bytes(flipped))
        else:
            found = scan(bytes(flipped))
            assert found.torn_bytes > 0
            assert all(record in scan(CONTENT).records for record in found.records)


def test_a_last_write_that_lost_its_beginning_is_torn_not_damaged() -> None:
    torn = bytearray(CONTENT)
    torn[LAST_WRITE_STARTS : LAST_WRITE_STARTS + HEADER_BYTES] = bytes(HEADER_BYTES)
    assert seqs(bytes(torn)) == [1, 2, 3]


def test_a_hole_before_the_last_write_is_damage() -> None:
    for hole in range(LAST_WRITE_STARTS):
        with pytest.raises(Damaged, match="was written after"):
            scan(CONTENT[:hole] + bytes(LAST_WRITE_STARTS - hole) + CONTENT[LAST_WRITE_STARTS:])


def test_a_tail_of_zeros_is_torn() -> None:
    assert scan(CONTENT + bytes(5000)).torn_bytes == 5000


def test_a_missing_record_in_the_middle_is_damage() -> None:
    with pytest.raises(Damaged):
        scan(CONTENT[: ENDS[2]] + CONTENT[ENDS[3] :])


def test_damage_is_found_across_a_carry_of_the_sequence_number() -> None:
    content = b"".join(frame(seq, b"payload", starts_write=True) for seq in range(1, 600))
    for broken in (200, 254, 255, 256, 510, 512):
        at = (broken - 1) * (HEADER_BYTES + 7)
        with pytest.raises(Damaged):
            scan(content[:at] + b"\xff" * 20 + content[at + 20 :])


@given(st.binary(max_size=200))
@settings(max_examples=500)
def test_any_bytes_give_a_scan_or_damage(content: bytes) -> None:
    try:
        found = scan(content)
    except Damaged:
        return
    assert found.good_bytes + found.torn_bytes == len(content)


def test_a_large_torn_tail_is_judged_quickly() -> None:
    noise = Random(7).randbytes(2**20)
    assert scan(CONTENT + noise).torn_bytes == 2**20


@pytest.mark.parametrize("payload", [b"", bytes(MAX_PAYLOAD_BYTES + 1)])
def test_a_record_no_reader_would_take_is_not_framed(payload: bytes) -> None:
    with pytest.raises(ValueError, match="a record holds"):
        frame(1, payload, starts_write=True)

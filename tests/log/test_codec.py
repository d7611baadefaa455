"""Entries and states as bytes: what was written is read, and any other bytes give ValueError."""

from __future__ import annotations

import contextlib

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.log.codec import decode, decode_classroom, encode, encode_classroom
from server.rooms.kernel import Entry
from tests.log.entries import replayed, said, story


@pytest.mark.parametrize("entry", story(4))
def test_an_entry_is_read_as_it_was_written(entry: Entry) -> None:
    found = decode(encode(entry))
    assert found == entry
    assert type(found) is Entry


def test_a_state_is_read_as_it_was_written() -> None:
    classroom = replayed(story(30))
    assert decode_classroom(encode_classroom(classroom)) == classroom


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xc1",
        msgspec.msgpack.encode({"seq": 1}),
        msgspec.msgpack.encode(
            {"seq": 1, "at": 0, "actor": "", "client": "", "counter": 0, "events": [{"type": "hand.waved"}]}
        ),
        msgspec.msgpack.encode(
            {"seq": "1", "at": 0, "actor": "", "client": "", "counter": 0, "events": []},
        ),
        encode(said(3)) + b"\0",
        b"\x91" * 2_000,
    ],
)
def test_what_is_no_entry_is_a_value_error(payload: bytes) -> None:
    with pytest.raises(ValueError, match="not a stored record"):
        decode(payload)
    with pytest.raises(ValueError, match="not a stored record"):
        decode_classroom(payload)


@given(st.data())
@settings(max_examples=300)
def test_broken_bytes_give_an_entry_or_a_value_error(data: st.DataObject) -> None:
    payload = bytearray(encode(said(3)))
    for _ in range(data.draw(st.integers(1, 4))):
        payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ValueError):
        decode(bytes(payload[: data.draw(st.integers(0, len(payload)))]))

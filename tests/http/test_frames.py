"""What a stranger may put into a frame: nothing but the protocol gets through, and no bytes do harm."""

from __future__ import annotations

import contextlib

import msgpack
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.http import wire
from server.http.errors import BadFrame
from server.http.frames import MAX_BYTES, MAX_DEPTH, MAX_ITEMS, scan
from server.rooms.chat import SendMessage

PING = {"type": "ping", "n": 1}

WELL_FORMED = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=8), inner, max_size=5),
    max_leaves=20,
)


def pack(value: object) -> bytes:
    packed: bytes = msgpack.packb(value)
    return packed


def nested(depth: int) -> bytes:
    return b"\x91" * depth + b"\xc0"


def refusal(frame: bytes) -> str:
    with pytest.raises(BadFrame) as refused:
        wire.decode(frame)
    return refused.value.code


@given(WELL_FORMED)
def test_every_modest_object_passes_the_scan(value: object) -> None:
    scan(pack(value))


@given(st.binary(max_size=200))
def test_any_bytes_give_a_frame_or_a_refusal(frame: bytes) -> None:
    with contextlib.suppress(BadFrame):
        wire.decode(frame)


@given(WELL_FORMED, st.data())
def test_a_frame_cut_anywhere_is_refused(value: object, data: st.DataObject) -> None:
    frame = pack(value)
    cut = data.draw(st.integers(0, len(frame) - 1))
    assert refusal(frame[:cut]) == "frame.cut-short"


@given(WELL_FORMED)
def test_what_passes_the_scan_means_the_same_to_the_decoder(value: object) -> None:
    frame = pack(value)
    scan(frame)
    assert msgspec.msgpack.decode(frame) == msgpack.unpackb(frame)


def test_depth_eight_is_allowed_and_nine_is_not() -> None:
    scan(nested(MAX_DEPTH))
    with pytest.raises(BadFrame, match="too-deep"):
        scan(nested(MAX_DEPTH + 1))


def test_a_thousand_levels_are_refused_at_the_ninth() -> None:
    assert refusal(nested(60_000)) == "frame.too-deep"


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (b"", "frame.cut-short"),
        (b"\xc1", "frame.type"),
        (pack(b"octets"), "frame.type"),
        (msgpack.packb(msgpack.ExtType(1, b"x")), "frame.type"),
        (msgpack.packb(msgpack.Timestamp(0)), "frame.type"),
        (pack(float("nan")), "frame.not-finite"),
        (pack({"a": float("inf")}), "frame.not-finite"),
        (b"\xca\x7f\x80\x00\x00", "frame.not-finite"),
        (b"\x82\xa1a\x01\xa1a\x02", "frame.key-twice"),
        (b"\x82\xa1a\x01\xd9\x01a\x02", "frame.key-twice"),
        (b"\x81\x01\x02", "frame.key-type"),
        (b"\x81\x91\x01\x02", "frame.key-type"),
        (pack(PING) + b"\xc0", "frame.trailing-bytes"),
        (b"\xdd\xff\xff\xff\xff", "frame.cut-short"),
        (b"\xdf\xff\xff\xff\xff", "frame.cut-short"),
        (b"\xdb\xff\xff\xff\xff", "frame.cut-short"),
        (pack([0] * MAX_ITEMS), "frame.too-many-items"),
        (pack("x" * MAX_BYTES), "frame.too-large"),
    ],
)
def test_what_the_protocol_has_no_use_for_is_refused(frame: bytes, code: str) -> None:
    assert refusal(frame) == code


@pytest.mark.parametrize(
    "frame",
    [
        None,
        [],
        {},
        {"type": "no-such"},
        {"type": "ping"},
        {"type": "ping", "n": "1"},
        {"type": "ping", "n": 1.5},
        {"type": "ping", "n": -1},
        {"type": "ping", "n": 1, "more": True},
        {"type": "hello", "token": "t", "client": "../../x", "last_seq": None},
        {"type": "hello", "token": "t" * 5000, "client": "c", "last_seq": None},
        {"type": "hello", "token": "t", "client": "c", "last_seq": -1},
        {"type": "command", "counter": 0, "command": {"type": "hand.raise"}},
        {"type": "command", "counter": 2**60, "command": {"type": "hand.raise"}},
        {"type": "command", "counter": 1, "command": {"type": "chat.send"}},
        {"type": "command", "counter": 1, "command": {"type": "chat.send", "text": 7}},
        {"type": "command", "counter": 1, "command": {"type": "chat.send", "text": "hi", "author": "somebody else"}},
        {"type": "pulse", "pulse": {"type": "reaction", "name": "<script>"}},
        {"type": "media.watch", "wanted": [{"participant": "p", "source": "camera", "quality": "best"}]},
        {"type": "media.watch", "wanted": [{"participant": "p", "source": "camera", "quality": "low"}] * 65},
        {"type": "media.offer", "sdp": "v=0", "sources": [1, 2]},
        {"type": "entry", "seq": 1, "at": 1, "actor": "", "events": [], "now": 1},
    ],
)
def test_what_is_not_exactly_a_frame_of_ours_is_refused(frame: object) -> None:
    assert refusal(pack(frame)) == "frame.schema"


@pytest.mark.parametrize("command", ["roster.join", "roster.drop", "roster.expire"])
def test_what_only_the_class_itself_may_wish_for_cannot_even_be_decoded(command: str) -> None:
    body = {"type": command, "participant": "p", "name": "Eve", "role": "instructor"}
    assert refusal(pack({"type": "command", "counter": 1, "command": body})) == "frame.schema"


def test_text_that_is_not_utf_8_is_refused() -> None:
    frame = pack({"type": "hello", "token": "t", "client": "c", "last_seq": None}).replace(b"\xa1t", b"\xa1\xff")
    assert refusal(frame) == "frame.schema"


def test_a_frame_of_the_protocol_is_decoded_into_its_type() -> None:
    frame = pack({"type": "command", "counter": 7, "command": {"type": "chat.send", "text": "Hello"}})
    assert wire.decode(frame) == wire.CommandFrame(7, SendMessage("Hello"))


def test_an_entry_told_to_many_alike_is_encoded_once() -> None:
    from server.live.telling import Told
    from server.rooms.kernel import ClientId, Entry, Instant, ParticipantId

    book = wire.Phrasebook(most_kept=2)
    told = [Told(Entry(n, Instant(5), ParticipantId("p"), ClientId("secret"), 3, ())) for n in range(4)]
    first = book.encode(told[0], Instant(9))
    assert book.encode(told[0], Instant(10)) is first
    assert msgspec.msgpack.decode(first) == {
        "type": "entry",
        "seq": 0,
        "at": 5,
        "actor": "p",
        "events": [],
        "now": 9,
    }
    for each in told[1:]:
        book.encode(each, Instant(9))
    assert book.encode(told[0], Instant(11)) is not first

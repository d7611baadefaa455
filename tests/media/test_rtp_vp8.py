"""VP8 payload descriptors and frame headers, as RFC 7741 and RFC 6386 lay them out."""

from __future__ import annotations

import pytest
from aiortc.codecs.vpx import VpxPayloadDescriptor
from hypothesis import given
from hypothesis import strategies as st

from server.media.rtp import vp8
from server.media.rtp.descriptor import ABSENT, Descriptor, widened
from tests.media.rtp_sender import with_short_picture_id

KEYFRAME = bytes.fromhex("100200 9d012a 8002 e001")
"""A frame header that says 640 x 480."""

DESCRIPTORS = st.builds(
    VpxPayloadDescriptor,
    partition_start=st.integers(0, 1),
    partition_id=st.integers(0, 7),
    picture_id=st.none() | st.integers(0, 0x7FFF),
    tl0picidx=st.none() | st.integers(0, 255),
    tid=st.none() | st.tuples(st.integers(0, 3), st.integers(0, 1)),
    keyidx=st.none() | st.integers(0, 31),
)


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        pytest.param("10 00", Descriptor(1, True, True), id="keyframe without extension"),
        pytest.param("30 01", Descriptor(1, True, False), id="nobody refers to this frame"),
        pytest.param("00 00", Descriptor(1, False, False), id="continuation"),
        pytest.param("11 00", Descriptor(1, False, False), id="a later partition starts"),
        pytest.param("90 80 11 00", Descriptor(3, True, True, 17, 2), id="picture id of 7 bits"),
        pytest.param("90 80 9234 01", Descriptor(4, True, False, 0x1234, 2, True), id="of 15 bits"),
        pytest.param(
            "90 f0 8005 07 6f 00",
            Descriptor(6, True, True, 5, 2, True, 7, 4, 1, sync=True),
            id="everything, temporal layer 1 with sync",
        ),
        pytest.param("90 10 1f 01", Descriptor(3, True, False), id="only a key index"),
    ],
)
def test_descriptors_are_read(payload: str, expected: Descriptor) -> None:
    assert vp8.parse_descriptor(bytes.fromhex(payload)) == expected


@given(DESCRIPTORS, st.binary(min_size=1, max_size=20))
def test_descriptors_written_by_aiortc_are_read(theirs: VpxPayloadDescriptor, frame: bytes) -> None:
    read = vp8.parse_descriptor(bytes(theirs) + frame)

    assert read.size == len(bytes(theirs))
    assert read.picture_id == (ABSENT if theirs.picture_id is None else theirs.picture_id)
    assert read.tl0 == (ABSENT if theirs.tl0picidx is None else theirs.tl0picidx)
    assert read.temporal_id == (ABSENT if theirs.tid is None else theirs.tid[0])
    assert read.starts_frame == (theirs.partition_start == 1 and theirs.partition_id == 0)
    assert read.keyframe == (read.starts_frame and frame[0] & 1 == 0)


@given(st.binary(max_size=12))
def test_any_bytes_are_a_descriptor_or_a_value_error(payload: bytes) -> None:
    try:
        read = vp8.parse_descriptor(payload)
    except ValueError:
        return
    assert 1 <= read.size < len(payload)


@given(DESCRIPTORS, st.integers(0, 127), st.binary(min_size=1, max_size=20))
def test_a_widened_picture_id_says_the_same(theirs: VpxPayloadDescriptor, picture_id: int, frame: bytes) -> None:
    theirs.picture_id = picture_id
    long = bytes(theirs) + frame
    short = with_short_picture_id(long)

    assert widened(short, vp8.parse_descriptor(short)) == long


@pytest.mark.parametrize("payload", ["10 00", "90 80 9234 01"])
def test_only_a_short_picture_id_is_widened(payload: str) -> None:
    with pytest.raises(ValueError, match="7-bit"):
        widened(bytes.fromhex(payload), vp8.parse_descriptor(bytes.fromhex(payload)))


def test_a_keyframe_tells_its_dimensions() -> None:
    assert vp8.dimensions(KEYFRAME) == (640, 480)
    assert vp8.is_keyframe(b"\x10" + KEYFRAME)


@pytest.mark.parametrize("frame", [b"", KEYFRAME[:9], b"\x11" + KEYFRAME[1:], KEYFRAME[:3] + b"\0" + KEYFRAME[4:]])
def test_only_a_keyframe_has_dimensions(frame: bytes) -> None:
    with pytest.raises(ValueError, match="keyframe"):
        vp8.dimensions(frame)

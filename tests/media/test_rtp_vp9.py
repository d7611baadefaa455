"""VP9 payload descriptors and frame headers, as RFC 9628 and the VP9 bitstream specification lay them out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.media.rtp import vp9
from server.media.rtp.descriptor import Descriptor, Part, widened

KEYFRAME = bytes.fromhex("82 498342 0013f00b34")
"""A frame header of profile 0 that says 320 x 180."""


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        pytest.param("08 82", Descriptor(1, True, True), id="keyframe without anything"),
        pytest.param("0c 82", Descriptor(1, True, True), id="in one packet"),
        pytest.param("04 82", Descriptor(1, False, False), id="continuation"),
        pytest.param("48 86", Descriptor(1, True, False), id="predicted"),
        pytest.param("08 86", Descriptor(1, True, False), id="intra-only, with which no decoder can begin"),
        pytest.param("88 11 82", Descriptor(2, True, True, 17, 1), id="picture id of 7 bits"),
        pytest.param("88 9234 82", Descriptor(3, True, True, 0x1234, 1, True), id="of 15 bits"),
        pytest.param("a8 9234 20 07 82", Descriptor(5, True, True, 0x1234, 1, True, 7, 4, 1), id="with layers"),
        pytest.param("a8 9234 02 07 82", Descriptor(5, False, False, 0x1234, 1, True, 7, 4, 0), id="upper layer"),
        pytest.param("b8 9234 20 82", Descriptor(4, True, True, 0x1234, 1, True, temporal_id=1), id="flexible"),
        pytest.param("f8 9234 20 0306 86", Descriptor(6, True, False, 0x1234, 1, True, temporal_id=1), id="two before"),
        pytest.param("f8 9234 20 030503 82", Descriptor(7, True, False, 0x1234, 1, True, temporal_id=1), id="three"),
        pytest.param(
            "8a 9234 18 0140 00b4 02 0401 00 82",
            Descriptor(12, True, True, 0x1234, 1, True),
            id="with sizes and a group of pictures",
        ),
        pytest.param("8a 9234 20 82", Descriptor(4, True, True, 0x1234, 1, True), id="with two layers and no sizes"),
    ],
)
def test_descriptors_are_read(payload: str, expected: Descriptor) -> None:
    assert vp9.parse_descriptor(bytes.fromhex(payload)) == expected


@given(payload=st.binary(max_size=60))
def test_any_payload_gives_a_descriptor_or_a_value_error(payload: bytes) -> None:
    try:
        read = vp9.parse_descriptor(payload)
    except ValueError:
        return
    assert 0 < read.size < len(payload)
    assert read.picture_id_at < read.size > read.tl0_at
    if read.picture_id >= 0 and not read.picture_id_is_long:
        wide = vp9.parse_descriptor(widened(payload, read))
        assert (wide.size, wide.picture_id, wide.keyframe) == (read.size + 1, read.picture_id, read.keyframe)


@given(frame=st.binary(max_size=12))
def test_any_frame_has_dimensions_or_a_value_error(frame: bytes) -> None:
    try:
        width, height = vp9.dimensions(frame)
    except ValueError:
        return
    assert 0 < width <= 1 << 16 >= height > 0


def test_a_keyframe_says_how_large_it_is() -> None:
    assert vp9.dimensions(KEYFRAME) == (320, 180)
    with pytest.raises(ValueError, match="keyframe"):
        vp9.dimensions(b"\x86" + KEYFRAME[1:])


def test_a_picture_is_put_together_from_its_packets() -> None:
    assert vp9.join([Part(b"\x08key", 1), Part(b"\x04frame", 1)]) == b"keyframe"


def test_layers_of_one_picture_get_an_index_that_decoders_split_it_by() -> None:
    picture = vp9.join([Part(b"\x08low", 1), Part(b"\x04er", 1), Part(b"\x0cupper", 1)])
    mark = bytes((0b110_11_001,))
    assert picture == b"lowerupper" + mark + (5).to_bytes(4, "little") * 2 + mark


def test_more_layers_than_an_index_can_name_are_refused() -> None:
    with pytest.raises(ValueError, match="9 layers"):
        vp9.join([Part(b"\x08x", 1)] * 9)


def test_a_structure_of_more_pictures_than_a_group_has_is_refused() -> None:
    structure = b"\x08" + bytes((255,)) + bytes(255)
    with pytest.raises(ValueError, match="255 pictures"):
        vp9.parse_descriptor(b"\x0a" + structure + b"\x82")

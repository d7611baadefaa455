"""H.264 payloads and parameter sets, as RFC 6184 and ITU-T H.264 lay them out."""

from __future__ import annotations

import time

import pytest
from aiortc.codecs.h264 import H264Encoder, h264_depayload
from hypothesis import given
from hypothesis import strategies as st

from server.media.rtp import h264
from server.media.rtp.descriptor import Part
from tests.media.pictures import grey

SPS_UNIT = bytes.fromhex("6742c01f d900a03da1000003000100 0003003c8f183248")
"""640 x 480, constrained baseline, from libx264."""
PPS_UNIT = bytes.fromhex("68cb8cb2")
IDR_UNIT = bytes.fromhex("65b8 0004 0000 0500")
SLICE_UNIT = bytes.fromhex("61e0 0040 0000")


def stap(*units: bytes) -> bytes:
    return b"\x78" + b"".join(len(unit).to_bytes(2, "big") + unit for unit in units)


def fragments(unit: bytes, size: int) -> list[bytes]:
    pieces = [unit[at : at + size] for at in range(1, len(unit), size)]
    last = len(pieces) - 1
    return [
        bytes((unit[0] & 0xE0 | 28, (0x80 if n == 0 else 0) | (0x40 if n == last else 0) | unit[0] & 0x1F)) + piece
        for n, piece in enumerate(pieces)
    ]


KEYFRAME = h264.join([Part(stap(SPS_UNIT, PPS_UNIT)), *map(Part, fragments(IDR_UNIT, 3))])


@pytest.mark.parametrize(
    ("payload", "starts_frame", "keyframe"),
    [
        pytest.param(SPS_UNIT, True, True, id="a parameter set"),
        pytest.param(PPS_UNIT, True, False, id="the other one, after it"),
        pytest.param(stap(SPS_UNIT, PPS_UNIT), True, True, id="both in one packet"),
        pytest.param(stap(b"\x09\xf0", SPS_UNIT, PPS_UNIT, IDR_UNIT), True, True, id="a whole keyframe"),
        pytest.param(IDR_UNIT, True, False, id="its first slice"),
        pytest.param(fragments(IDR_UNIT, 3)[0], True, False, id="the first part of that"),
        pytest.param(fragments(IDR_UNIT, 3)[1], False, False, id="the second part"),
        pytest.param(SLICE_UNIT, True, False, id="another frame"),
        pytest.param(b"\x61\x40\x00", False, False, id="a later slice of it"),
        pytest.param(b"\x09", True, False, id="the shortest there is"),
    ],
)
def test_payloads_are_read(payload: bytes, starts_frame: bool, keyframe: bool) -> None:
    read = h264.parse_descriptor(payload)
    assert (read.size, read.starts_frame, read.keyframe, read.picture_id) == (0, starts_frame, keyframe, -1)


@pytest.mark.parametrize("payload", ["", "60", "7c", "7c85", "78 0005 6742", "78 0000", "78 00", "79 0000", "1d8500"])
def test_what_is_not_of_this_packetization_mode_is_refused(payload: str) -> None:
    with pytest.raises(ValueError, match=r"H\.264"):
        h264.parse_descriptor(bytes.fromhex(payload))


@given(payloads=st.lists(st.binary(max_size=40), max_size=5))
def test_any_payloads_give_a_frame_or_a_value_error(payloads: list[bytes]) -> None:
    for payload in payloads:
        try:
            read = h264.parse_descriptor(payload)
        except ValueError:
            continue
        assert read.starts_frame or not read.keyframe
    try:
        frame = h264.join([Part(payload) for payload in payloads])
        assert sum(4 + len(unit) for unit in h264.split(frame)) == len(frame)
        h264.setup(frame)
    except ValueError:
        pass


@given(sps=st.binary(max_size=80), profile=st.sampled_from([66, 77, 100]))
def test_any_parameter_set_is_read_or_a_value_error(sps: bytes, profile: int) -> None:
    try:
        read = h264.setup(h264.join([Part(bytes((0x67, profile)) + sps), Part(PPS_UNIT), Part(IDR_UNIT)]))
    except ValueError:
        return
    assert 0 < read.width <= 16_384
    assert 0 < read.height <= 16_384


def test_a_huge_parameter_set_costs_nothing() -> None:
    frame = h264.join([Part(b"\x67\x42" + bytes(1 << 22)), Part(PPS_UNIT), Part(IDR_UNIT)])
    began = time.process_time()
    with pytest.raises(ValueError, match="parameter sets"):
        h264.setup(frame)
    assert time.process_time() - began < 0.1


def test_units_are_put_together_from_their_parts() -> None:
    assert [bytes(unit) for unit in h264.split(KEYFRAME)] == [SPS_UNIT, PPS_UNIT, IDR_UNIT]


@pytest.mark.parametrize("lost", [0, 2])
def test_a_unit_without_its_beginning_or_its_end_is_refused(lost: int) -> None:
    parts = fragments(IDR_UNIT, 3)
    with pytest.raises(ValueError, match="missing"):
        h264.join([Part(part) for n, part in enumerate(parts) if n != lost])


def test_a_keyframe_says_what_its_decoder_must_know() -> None:
    known = h264.setup(KEYFRAME)
    assert (known.width, known.height, known.profile_level) == (640, 480, "42c01f")
    assert known.record == (
        bytes.fromhex("01 42c01f ff e1") + len(SPS_UNIT).to_bytes(2, "big") + SPS_UNIT + b"\x01\x00\x04" + PPS_UNIT
    )
    with pytest.raises(ValueError, match="parameter sets"):
        h264.setup(h264.join([Part(SLICE_UNIT)]))


@pytest.mark.parametrize(("width", "height"), [(320, 180), (640, 360), (1280, 720), (1920, 1080)])
def test_a_real_encoder_is_understood(width: int, height: int) -> None:
    payloads, _ = H264Encoder().encode(grey(width, height, 90), force_keyframe=True)
    assert h264.parse_descriptor(payloads[0]).keyframe
    frame = h264.join([Part(payload) for payload in payloads])
    assert h264.dimensions(frame) == (width, height)
    theirs = b"".join(h264_depayload(payload) for payload in payloads)
    assert b"".join(b"\x00\x00\x00\x01" + unit for unit in h264.split(frame)) == theirs


def test_an_aggregation_of_crumbs_is_refused() -> None:
    crumb = b"\x00\x01\x01"
    assert h264.parse_descriptor(b"\x18" + 32 * crumb).keyframe is False
    with pytest.raises(ValueError, match="more than 32"):
        h264.parse_descriptor(b"\x18" + 480 * crumb)

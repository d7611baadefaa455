"""The clock that programs read: what is drawn is read back, also after a lossy codec at thumbnail size."""

from __future__ import annotations

import fractions

import av
import pytest
from av import VideoFrame
from hypothesis import given
from hypothesis import strategies as st

from server.synthetic.pictures import CLOCK_BITS, ClockPicture, clock_blocks, read_clock, read_frame
from server.synthetic.voices import FRAME, loudness, speech_loop


@given(st.integers(0, (1 << CLOCK_BITS) - 1))
def test_a_time_is_read_back(tenths: int) -> None:
    assert read_clock(clock_blocks(tenths)) == tenths


@given(st.integers(0, (1 << CLOCK_BITS) - 1), st.integers(0, 23))
def test_one_misread_block_is_noticed(tenths: int, place: int) -> None:
    blocks = list(clock_blocks(tenths))
    blocks[place] = not blocks[place]
    assert read_clock(blocks) is None


def test_a_black_picture_shows_no_time() -> None:
    assert read_clock([False] * 24) is None


@pytest.mark.parametrize("size", [(640, 360), (320, 180)])
def test_the_clock_survives_vp8(size: tuple[int, int]) -> None:
    picture = ClockPicture(*size)
    encoder = av.CodecContext.create("libvpx", "w")
    encoder.width, encoder.height = size
    encoder.pix_fmt = "yuv420p"
    encoder.bit_rate = 150_000
    encoder.time_base = fractions.Fraction(1, 15)
    encoder.options = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}
    decoder = av.CodecContext.create("vp8", "r")
    for i in range(10):
        frame = picture.draw(12_345 + i)
        frame.pts = i
        for packet in encoder.encode(frame):
            for decoded in decoder.decode(packet):
                assert isinstance(decoded, VideoFrame)
                assert read_frame(decoded) == 12_345 + i


def test_a_voice_carries_its_marker_and_no_other() -> None:
    frames = speech_loop(2600)
    assert len(frames[0]) == 2 * FRAME
    for frame in frames:
        assert loudness(frame, 2600) > 1500
        assert loudness(frame, 3400) < 200

"""Pictures of real encoders through the packet arithmetic and back into real decoders."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import groupby
from typing import Protocol

import av
import pytest
from aiortc.codecs.h264 import H264Encoder, h264_depayload
from aiortc.codecs.vpx import Vp8Encoder, vp8_depayload
from av.video.codeccontext import VideoCodecContext

from server.media.depacketize import VideoTap
from server.media.recording import Recording
from server.media.rtp import h264, header, vp9
from server.media.rtp.rewrite import PayloadTypes, StreamRewriter
from server.media.rtp.source import Packet, SourceStream
from server.media.tap import Frame
from tests.media.pictures import brightness, grey

GREY = {1: 60, 2: 200}
"""How bright the pictures of each source are."""

TYPES = {"vp8": PayloadTypes(96, 97), "vp9": PayloadTypes(98, 99), "h264": PayloadTypes(102, 103)}


class Encoder(Protocol):
    """aiortc's encoders, and ours."""

    def encode(self, frame: av.VideoFrame, force_keyframe: bool = False) -> tuple[list[bytes], int]: ...


class Vp9Encoder:
    """libvpx in PyAV, and payloads of 500 bytes with picture ids of seven bits."""

    def __init__(self) -> None:
        self._context: VideoCodecContext | None = None
        self._picture = 120

    def encode(self, frame: av.VideoFrame, force_keyframe: bool = False) -> tuple[list[bytes], int]:
        if self._context is None or force_keyframe:
            self._context = VideoCodecContext.create("libvpx-vp9", "w")
            self._context.width, self._context.height = frame.width, frame.height
            self._context.pix_fmt, self._context.time_base = "yuv420p", Fraction(1, 90_000)
            self._context.options = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}
        (encoded,) = self._context.encode(frame)
        body = bytes(encoded)
        pieces = [body[at : at + 500] for at in range(0, len(body), 500)]
        self._picture += 1
        flags = 0x80 | (0 if encoded.is_keyframe else 0x40)
        payloads = [
            bytes((flags | (8 if n == 0 else 0) | (4 if n == len(pieces) - 1 else 0), self._picture & 0x7F)) + piece
            for n, piece in enumerate(pieces)
        ]
        return payloads, frame.pts or 0


ENCODERS: dict[str, Callable[[], Encoder]] = {"vp8": Vp8Encoder, "vp9": Vp9Encoder, "h264": H264Encoder}
DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9", "h264": "h264"}
DEPAYLOAD = {
    "vp8": vp8_depayload,
    "vp9": lambda payload: payload[vp9.parse_descriptor(payload).size :],
    "h264": h264_depayload,
}


def decoder_of(codec: str) -> VideoCodecContext:
    """One that gives every picture at once."""
    decoder = VideoCodecContext.create(DECODERS[codec], "r")
    if not isinstance(decoder, VideoCodecContext):
        raise TypeError(codec)
    decoder.flags |= 0x80000  # AV_CODEC_FLAG_LOW_DELAY: H.264's holds one back otherwise
    return decoder


class Camera:
    """A grey picture, a little brighter from one to the next, really encoded."""

    def __init__(self, source: int, codec: str = "vp8") -> None:
        self.stream = SourceStream(source, codec=codec)
        self.codec = codec
        self._encoder = ENCODERS[codec]()
        self._source = source
        self._index = 0
        self._seq = 65_530

    def picture(self, *, keyframe: bool = False) -> list[Packet]:
        frame = grey(160 * self._source, 120, GREY[self._source] + self._index, self._index)
        payloads, timestamp = self._encoder.encode(frame, force_keyframe=keyframe)
        self._index += 1
        packets = []
        for index, payload in enumerate(payloads):
            datagram = header.build(96, self._seq, timestamp, self._source, payload, marker=index == len(payloads) - 1)
            self._seq = self._seq + 1 & 0xFFFF
            packet = self.stream.accept(datagram, header.parse(datagram), self._index * 33_333)
            assert packet is not None
            packets.append(packet)
        return packets


@pytest.mark.parametrize("one", ["vp8", "vp9", "h264"])
@pytest.mark.parametrize("other", ["vp8", "vp9", "h264"])
def test_decoders_show_both_sources_of_a_slot_without_a_fault(one: str, other: str) -> None:
    """Whatever they are encoded in: a browser chooses the decoder by the payload type."""
    slot = StreamRewriter(9, 96, 90_000, waits_for_keyframe=True, first_seq=65_533)
    cameras = {1: Camera(1, one), 2: Camera(2, other)}
    decoders = {TYPES[codec].media: decoder_of(codec) for codec in {one, other}}
    depayload = {TYPES[codec].media: DEPAYLOAD[codec] for codec in {one, other}}
    shown: list[tuple[int, int]] = []
    seqs: list[int] = []
    parts: list[bytes] = []
    slot.switch(1, TYPES[one])
    for turn in range(20):
        if turn == 7:
            slot.switch(2, TYPES[other])
        for packet in [*cameras[1].picture(keyframe=turn == 0), *cameras[2].picture(keyframe=turn in (0, 10))]:
            buffer = bytearray(2000)
            if size := slot.write(packet, buffer, 0):
                read = header.parse(bytes(buffer[:size]))
                seqs.append(read.seq)
                parts.append(depayload[read.payload_type](bytes(buffer[read.payload_start : size])))
                if read.marker:
                    frame = av.Packet(b"".join(parts))
                    pictures = decoders[read.payload_type].decode(frame)
                    shown += [(picture.width, brightness(picture)) for picture in pictures]
                    parts.clear()

    assert [(seq - seqs[0]) % (1 << 16) for seq in seqs] == list(range(len(seqs)))
    assert [width for width, _ in shown] == [160] * 11 + [320] * 10
    for turn, (width, luma) in zip([*range(11), *range(10, 20)], shown, strict=True):
        assert abs(luma - GREY[width // 160] - turn) <= 3


def decoded(frames: list[Frame]) -> Iterator[av.VideoFrame]:
    """By a decoder of each stretch of one codec."""
    for codec, stretch in groupby(frames, lambda frame: frame.codec):
        decoder = decoder_of(codec)
        for index, frame in enumerate(stretch):
            if codec == "h264" and index == 0:
                decoder.extradata = h264.setup(frame.payload).record
            yield from decoder.decode(av.Packet(frame.payload))


@pytest.mark.parametrize("codec", ["vp8", "vp9", "h264"])
def test_a_decoder_shows_what_the_tap_writes(codec: str) -> None:
    camera, frames = Camera(1, codec), Frames()
    tap = VideoTap(frames, 1, codec)
    for turn in range(10):
        for packet in camera.picture(keyframe=turn == 0):
            tap.push(packet, packet.arrival_us / 1000)
    tap.finish()

    shown = list(decoded(frames.kept))

    assert len(shown) == 10
    assert (frames.kept[0].width, frames.kept[0].height, frames.kept[0].codec) == (160, 120, codec)
    assert [frame.keyframe for frame in frames.kept] == [True] + [False] * 9
    assert all(abs(brightness(picture) - GREY[1] - turn) <= 3 for turn, picture in enumerate(shown))


def test_a_recording_goes_on_in_the_codec_of_whoever_came_back() -> None:
    frames = Frames()
    recording = Recording(frames)
    for source, codec in ((1, "vp8"), (2, "h264")):
        camera = Camera(source, codec)
        for turn in range(3):
            for packet in camera.picture(keyframe=turn == 0):
                recording.take(packet, 1000 * source + packet.arrival_us / 1000, codec)
    recording.close()

    assert [frame.codec for frame in frames.kept] == ["vp8"] * 3 + ["h264"] * 3
    assert [picture.width for picture in decoded(frames.kept)] == [160] * 3 + [320] * 3
    assert frames.closed


class Frames:
    """A sink."""

    def __init__(self) -> None:
        self.kept: list[Frame] = []
        self.closed = False

    def write(self, frame: Frame) -> None:
        self.kept.append(frame)

    def close(self) -> None:
        self.closed = True

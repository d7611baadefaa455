"""Pictures of a real VP8 encoder through the packet arithmetic and back into a real decoder."""

from __future__ import annotations

from fractions import Fraction

import av
from aiortc.codecs.vpx import Vp8Encoder, vp8_depayload
from av.video.codeccontext import VideoCodecContext

from server.media.depacketize import VideoTap
from server.media.rtp import header
from server.media.rtp.rewrite import StreamRewriter
from server.media.rtp.source import Packet, SourceStream
from server.media.tap import Frame

GREY = {1: 60, 2: 200}
"""How bright the pictures of each source are."""


class Camera:
    """A grey picture, a little brighter from one to the next, really encoded."""

    def __init__(self, source: int) -> None:
        self.stream = SourceStream(source, is_vp8=True)
        self._encoder = Vp8Encoder()
        self._source = source
        self._index = 0
        self._seq = 65_530

    def picture(self, *, keyframe: bool = False) -> list[Packet]:
        size = 160 * self._source
        frame = av.VideoFrame(size, 120, "yuv420p")
        for plane, value in zip(frame.planes, (GREY[self._source] + self._index, 128, 128), strict=True):
            plane.update(bytes([value]) * plane.buffer_size)
        frame.pts, frame.time_base = 3000 * self._index, Fraction(1, 90_000)
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


def brightness(picture: av.VideoFrame) -> int:
    return bytes(picture.planes[0])[picture.planes[0].line_size * 60 + 80]


def test_a_decoder_shows_both_sources_of_a_slot_without_a_fault() -> None:
    slot = StreamRewriter(9, 96, 90_000, waits_for_keyframe=True, first_seq=65_533)
    cameras = {1: Camera(1), 2: Camera(2)}
    decoder = VideoCodecContext.create("libvpx", "r")
    shown: list[tuple[int, int]] = []
    parts: list[bytes] = []
    slot.switch(1)
    for turn in range(20):
        if turn == 7:
            slot.switch(2)
        for packet in [*cameras[1].picture(keyframe=turn == 0), *cameras[2].picture(keyframe=turn in (0, 10))]:
            buffer = bytearray(2000)
            if size := slot.write(packet, buffer, 0):
                read = header.parse(bytes(buffer[:size]))
                parts.append(vp8_depayload(bytes(buffer[read.payload_start : size])))
                if read.marker:
                    frame = av.Packet(b"".join(parts))
                    shown += [(picture.width, brightness(picture)) for picture in decoder.decode(frame)]
                    parts.clear()

    assert [width for width, _ in shown] == [160] * 11 + [320] * 10
    for turn, (width, grey) in zip([*range(11), *range(10, 20)], shown, strict=True):
        assert abs(grey - GREY[width // 160] - turn) <= 3


def test_a_decoder_shows_what_the_tap_writes() -> None:
    camera, frames = Camera(1), Frames()
    tap = VideoTap(frames, 1)
    for turn in range(10):
        for packet in camera.picture(keyframe=turn == 0):
            tap.push(packet, packet.arrival_us / 1000)
    tap.close()

    decoder = VideoCodecContext.create("libvpx", "r")
    shown = [picture for frame in frames.kept for picture in decoder.decode(av.Packet(frame.payload))]

    assert len(shown) == 10
    assert (frames.kept[0].width, frames.kept[0].height) == (160, 120)
    assert all(abs(brightness(picture) - GREY[1] - turn) <= 3 for turn, picture in enumerate(shown))


class Frames:
    """A sink."""

    def __init__(self) -> None:
        self.kept: list[Frame] = []

    def write(self, frame: Frame) -> None:
        self.kept.append(frame)

    def close(self) -> None:
        pass

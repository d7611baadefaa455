"""Real VP8 and Opus to write down, and independent eyes and ears: a film whose pictures say their number, a sine."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from server.media.rtp import h264
from server.media.rtp.descriptor import Part
from server.media.tap import Frame

WIDTH, HEIGHT = 160, 96
FRAME_MS = 40


class Packet(Struct, frozen=True):
    payload: bytes
    keyframe: bool


class Media(Struct, frozen=True):
    """`film[i]` shows the number i as a barcode and lasts 40 ms, a keyframe every 25; `sine` is 20 ms packets."""

    film: tuple[Packet, ...]
    sine: tuple[bytes, ...]


def barcode(number: int, width: int = WIDTH, height: int = HEIGHT) -> NDArray[np.uint8]:
    bits = [(number >> bit) & 1 for bit in range(10)]
    row = np.repeat(np.array(bits, dtype=np.uint8) * 200 + 25, width // 10)
    return np.vstack([np.tile(row, (height, 1)), np.full((height // 2, width), 128, dtype=np.uint8)])


def read_barcode(frame: av.VideoFrame) -> int:
    luma = frame.to_ndarray(format="gray")
    width = luma.shape[1] // 10
    return sum(int(luma[:, n * width + width // 4 : n * width + 3 * width // 4].mean() > 128) << n for n in range(10))


ENCODERS = {
    "vp8": ("libvpx", {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}),
    "vp9": ("libvpx-vp9", {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}),
    "h264": ("libx264", {"preset": "ultrafast", "tune": "zerolatency", "profile": "baseline", "sc_threshold": "0"}),
}


def encode_film(
    pictures: int, gop: int = 25, width: int = WIDTH, height: int = HEIGHT, codec: str = "vp8"
) -> tuple[Packet, ...]:
    name, options = ENCODERS[codec]
    encoder = av.CodecContext.create(name, "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.thread_count = 1
    encoder.time_base, encoder.framerate, encoder.gop_size = Fraction(1, 25), Fraction(25), gop
    encoder.options = {**options, "keyint_min": str(gop)}
    packets = []
    for number in range(pictures):
        frame = av.VideoFrame.from_ndarray(barcode(number, width, height), format="yuv420p")
        frame.pts = number
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    form = as_sent if codec == "h264" else bytes
    return tuple(Packet(form(packet), packet.is_keyframe) for packet in packets)


def as_sent(packet: av.Packet[av.VideoStream]) -> bytes:
    """H.264 as the media plane hands it over: each NAL unit after its size (encoders put start codes before them)."""
    units = re.split(rb"\x00?\x00\x00\x01", bytes(packet))[1:]
    return h264.join([Part(unit) for unit in units])


def encode_sine(packets: int) -> tuple[bytes, ...]:
    encoder = av.CodecContext.create("libopus", "w")
    assert isinstance(encoder, av.AudioCodecContext)
    encoder.sample_rate, encoder.layout, encoder.format = 48_000, av.AudioLayout("mono"), av.AudioFormat("s16")
    encoded: list[bytes] = []
    for number in range(packets):
        time = (np.arange(960) + number * 960) / 48_000
        wave = (np.sin(2 * np.pi * 440 * time) * 12_000).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(wave.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts = 48_000, number * 960
        encoded += [bytes(packet) for packet in encoder.encode(frame)]
    return tuple(encoded)


def pictures_in(path: Path) -> list[tuple[int, int]]:
    """(time in ms, number shown) of every picture, as an independent decoder sees them."""
    with av.open(str(path)) as container:
        container.streams.video[0].codec_context.thread_count = 1
        return [
            (round((frame.pts or 0) * float(frame.time_base or 0) * 1000), read_barcode(frame))
            for frame in container.decode(video=0)
        ]


def loudness_in(path: Path) -> list[bool]:
    """Whether each whole 20 ms of the sound track is loud, as an independent decoder hears it."""
    with av.open(str(path)) as container:
        heard = [frame.to_ndarray() for frame in container.decode(audio=0)]
    samples = np.concatenate([np.atleast_2d(block)[0] for block in heard])
    steps = samples[: len(samples) // 960 * 960].reshape(-1, 960)
    return [bool(step > 0.05) for step in np.sqrt((steps.astype(np.float64) ** 2).mean(axis=1))]


def picture(media: Media, number: int, at_ms: float) -> Frame:
    """A picture of the film that was captured at `at_ms`. Every 25th is a keyframe."""
    packet = media.film[number % 250]
    size = (WIDTH, HEIGHT) if packet.keyframe else (0, 0)
    return Frame(at_ms, packet.payload, packet.keyframe, *size, "vp8")


def sound(media: Media, number: int, at_ms: float) -> Frame:
    return Frame(at_ms, media.sine[number % 400], True)

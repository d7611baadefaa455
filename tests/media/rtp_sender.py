"""A publisher of packets for the tests of server/media/rtp: VP8 frames or Opus packets, numbered as on a wire."""

from __future__ import annotations

from aiortc.codecs.vpx import VpxPayloadDescriptor

from server.media.rtp import header
from server.media.rtp.source import Packet, SourceStream

FRAME_US = 33_333
KEYFRAME_HEAD = bytes.fromhex("100200 9d012a 4001 b400")
"""320 x 180."""
DELTA_HEAD = bytes.fromhex("310000 000000 0000 0000")


def with_short_picture_id(descriptor: bytes) -> bytes:
    """A descriptor with a picture id below 128 in its 7-bit form; aiortc and browsers always write the long one."""
    return descriptor[:2] + descriptor[3:]


class VideoSender:
    """Sends frames of `packets` packets each and takes them in as a SourceStream would. Every number can wrap soon."""

    def __init__(
        self,
        source: int,
        *,
        seq: int = 0,
        timestamp: int = 0,
        picture: int = 0,
        tl0: int = 0,
        short_ids: bool = False,
        start_us: int = 1_000_000,
    ) -> None:
        self.stream = SourceStream(source, codec="vp8")
        self.source = source
        self.seq = seq
        self.timestamp = timestamp
        self.picture = picture
        self.tl0 = tl0
        self.short_ids = short_ids
        self.at_us = start_us

    def frame(self, packets: int = 1, *, keyframe: bool = False) -> list[bytes]:
        """The datagrams of the next frame."""
        sent = []
        for index in range(packets):
            picture = self.picture % (1 << 7 if self.short_ids else 1 << 15)
            descriptor = bytes(
                VpxPayloadDescriptor(
                    partition_start=int(index == 0),
                    partition_id=0,
                    picture_id=picture,
                    tl0picidx=self.tl0 % 256,
                    tid=(0, 0),
                    keyidx=0,
                )
            )
            if self.short_ids:
                descriptor = with_short_picture_id(descriptor)
            head = KEYFRAME_HEAD if keyframe else DELTA_HEAD
            body = (head if index == 0 else b"more") + self.seq.to_bytes(2, "big")
            sent.append(self._datagram(descriptor + body, marker=index == packets - 1))
        self.timestamp = (self.timestamp + 3000) % (1 << 32)
        self.picture += 1
        self.tl0 += 1
        self.at_us += FRAME_US
        return sent

    def probe(self) -> bytes:
        """A packet of padding alone, on the timestamp of the last frame."""
        return self._datagram(b"", padding=200)

    def lose(self, datagrams: int = 1) -> None:
        """Let numbers go by."""
        self.seq = self.seq + datagrams & 0xFFFF

    def take(self, *datagrams: bytes) -> list[Packet]:
        """What the stream makes of arriving datagrams."""
        packets = (self.stream.accept(datagram, header.parse(datagram), self.at_us) for datagram in datagrams)
        return [packet for packet in packets if packet is not None]

    def _datagram(self, payload: bytes, *, marker: bool = False, padding: int = 0) -> bytes:
        datagram = header.build(
            96, self.seq, self.timestamp, 1000 + self.source, payload, marker=marker, padding=padding
        )
        self.seq = self.seq + 1 & 0xFFFF
        return datagram


class AudioSender:
    """Sends an Opus packet every 20 ms, with its level under extension id 1."""

    def __init__(self, source: int, *, seq: int = 0, timestamp: int = 0, start_us: int = 1_000_000) -> None:
        self.stream = SourceStream(source, codec="opus", kept_id=1)
        self.source = source
        self.seq = seq
        self.timestamp = timestamp
        self.at_us = start_us

    def sound(self, level: int = 30) -> bytes:
        """The next datagram."""
        datagram = header.build(
            111, self.seq, self.timestamp, 1000 + self.source, b"opus", extensions={1: bytes((level,))}
        )
        self.seq = self.seq + 1 & 0xFFFF
        self.timestamp = (self.timestamp + 960) % (1 << 32)
        self.at_us += 20_000
        return datagram

    def take(self, *datagrams: bytes) -> list[Packet]:
        """What the stream makes of arriving datagrams."""
        packets = (self.stream.accept(datagram, header.parse(datagram), self.at_us) for datagram in datagrams)
        return [packet for packet in packets if packet is not None]

"""From the packets of one track to the frames a recorder writes. How a codec's packets make a frame is rtp/codecs.py's.

Packets wait in a buffer until those before them came or their patience is over: retransmissions are worth waiting for,
a recording is in no hurry. A picture goes out only if everything it may refer to went out; after a loss the tap is
silent until the next keyframe, and says so. Opus packets are frames of their own; what is lost leaves a hole.

Arrival times and `now_us` are of one clock; the times of the frames are those given with the packets (clock.py),
never running backwards. Retransmissions must have been restored (rtp/rtx.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush

from msgspec import Struct

from server.media.rtp.codecs import DIMENSIONS, JOIN
from server.media.rtp.descriptor import ABSENT, Part
from server.media.rtp.source import Packet
from server.media.tap import Frame, FrameSink

VIDEO_PATIENCE_MS = 1000
"""As long as lost packets are asked for (rtp/nack.py)."""

AUDIO_PATIENCE_MS = 100
"""Sound is not retransmitted; this is for reordering alone."""

_MOST_HELD = 2048
_LARGEST_FRAME = 4 << 20


class Arrival(Struct, frozen=True, gc=False):
    """A packet with the wall clock of its capture; `after_gap` if those before it were given up."""

    packet: Packet
    at_ms: float
    after_gap: bool = False


class ReorderBuffer:
    """Packets of one source in, the same in order out; each waits at most `patience_ms` for those before it."""

    def __init__(self, patience_ms: int) -> None:
        self._patience_ms = patience_ms
        self._next: int | None = None
        self._held: dict[int, Arrival] = {}
        """In the order in which they came."""
        self._numbers: list[int] = []
        """The same by number: a heap, which may also name some that have gone on."""

    def push(self, packet: Packet, at_ms: float) -> Iterator[Arrival]:
        """Take a packet, yield what is in order now. One that comes after its turn is dropped."""
        if self._next is None:
            self._next = packet.number
        if packet.number >= self._next:
            heappush(self._numbers, packet.number)
            self._held[packet.number] = Arrival(packet, at_ms)
            yield from self._drain()
            if len(self._held) > _MOST_HELD:
                yield from self._skip()

    def advance(self, now_us: int) -> Iterator[Arrival]:
        """Give up what has been waited for long enough, yield what waited behind it."""
        while self._held:
            longest = next(iter(self._held.values()))
            if now_us - longest.packet.arrival_us < self._patience_ms * 1000:
                return
            yield from self._skip()

    def flush(self) -> Iterator[Arrival]:
        """Everything that is left, holes and all."""
        while self._held:
            yield from self._skip()

    def _skip(self) -> Iterator[Arrival]:
        while (first := heappop(self._numbers)) not in self._held:
            pass
        held = self._held[first]
        self._held[first] = Arrival(held.packet, held.at_ms, after_gap=True)
        self._next = first
        yield from self._drain()

    def _drain(self) -> Iterator[Arrival]:
        while self._next is not None and (arrival := self._held.pop(self._next, None)) is not None:
            self._next += 1
            yield arrival
        if not self._held:
            self._numbers.clear()


class AudioTap:
    """Opus packets of one source as frames."""

    def __init__(self, sink: FrameSink) -> None:
        self._sink = sink
        self._buffer = ReorderBuffer(AUDIO_PATIENCE_MS)
        self._source: int | None = None
        self._at_ms = 0.0

    def push(self, packet: Packet, at_ms: float) -> None:
        """Take a packet captured at `at_ms`. One from another source than before ends the old one."""
        if packet.source != self._source:
            self._write(self._buffer.flush())
            self._buffer = ReorderBuffer(AUDIO_PATIENCE_MS)
            self._source = packet.source
        self._write(self._buffer.push(packet, at_ms))

    def advance(self, now_us: int) -> None:
        """Call it a few times a second."""
        self._write(self._buffer.advance(now_us))

    def finish(self) -> None:
        """Write what is left. The sink stays open."""
        self._write(self._buffer.flush())

    def _write(self, arrivals: Iterator[Arrival]) -> None:
        for arrival in arrivals:
            if payload := bytes(arrival.packet.payload):
                self._at_ms = max(self._at_ms, arrival.at_ms)
                self._sink.write(Frame(self._at_ms, payload, keyframe=True))


class VideoTap:
    """Packets of pictures as frames, from one source (layer) at a time."""

    def __init__(self, sink: FrameSink, source: int, codec: str) -> None:
        self._sink = sink
        self._codec = codec
        self._join = JOIN[codec]
        self._dimensions = DIMENSIONS[codec]
        self._source: int | None = None
        self._awaited: int | None = source
        self._buffer = ReorderBuffer(VIDEO_PATIENCE_MS)
        self._broken = True
        self._parts: list[Part] = []
        self._size = 0
        self._head: Arrival | None = None
        self._keyframe = False
        self._picture = ABSENT
        self._at_ms = 0.0

    @property
    def needs_keyframe(self) -> bool:
        """Whether a keyframe is waited for, of the source last switched to: ask for one."""
        return self._awaited is not None or self._broken

    def switch(self, source: int) -> None:
        """Take another source from its next keyframe on; until then go on with the present one."""
        self._awaited = None if source == self._source else source

    def push(self, packet: Packet, at_ms: float) -> None:
        """Take a packet captured at `at_ms`; those of other sources are ignored."""
        if packet.source != self._source:
            if packet.source != self._awaited or not packet.keyframe:
                return
            self._assemble(self._buffer.flush())
            self._buffer = ReorderBuffer(VIDEO_PATIENCE_MS)
            self._source, self._awaited = packet.source, None
            self._break()
        self._assemble(self._buffer.push(packet, at_ms))

    def advance(self, now_us: int) -> None:
        """Call it a few times a second."""
        self._assemble(self._buffer.advance(now_us))

    def finish(self) -> None:
        """Write what is left. The sink stays open."""
        self._assemble(self._buffer.flush())

    def _assemble(self, arrivals: Iterator[Arrival]) -> None:
        for arrival in arrivals:
            packet = arrival.packet
            if arrival.after_gap and not self._continues(packet):
                self._break()
            if packet.payload:
                self._take(arrival)

    def _continues(self, packet: Packet) -> bool:
        """Whether the gap before this packet held no part of any frame: picture ids tell."""
        return packet.starts_frame and packet.picture >= 0 and packet.picture == self._picture + 1

    def _take(self, arrival: Arrival) -> None:
        packet = arrival.packet
        head = self._head
        if head is not None and packet.timestamp != head.packet.timestamp:
            self._break()  # a frame without its end
            head = None
        if head is None:
            if not packet.starts_frame:
                self._break()
            if self._broken and not packet.keyframe:
                return
            self._broken = False
            self._head = arrival
        self._parts.append(Part(packet.payload, packet.descriptor_size))
        self._size += len(packet.payload)
        self._keyframe = self._keyframe or packet.keyframe
        if self._size > _LARGEST_FRAME:
            self._break()
        elif packet.marker:
            self._finish()

    def _finish(self) -> None:
        head, parts, keyframe = self._head, self._parts, self._keyframe
        self._forget_parts()
        if head is None:
            return
        width = height = 0
        try:
            payload = self._join(parts)
            if keyframe:
                width, height = self._dimensions(payload)
        except ValueError:
            self._break()
            return
        self._picture = head.packet.picture
        self._at_ms = max(self._at_ms, head.at_ms)
        self._sink.write(Frame(self._at_ms, payload, keyframe, width, height, self._codec))

    def _break(self) -> None:
        self._broken = True
        self._forget_parts()

    def _forget_parts(self) -> None:
        self._parts = []
        self._size = 0
        self._head = None
        self._keyframe = False

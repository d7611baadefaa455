"""Fewer pictures a second: whoever changes when, to a viewer it is one whole stream, and a real decoder shows it."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from typing import cast

import av
import pytest
from av.video.codeccontext import VideoCodecContext
from hypothesis import example, given, settings
from hypothesis import strategies as st

from server.media.clock import SenderClock
from server.media.fanout import Departures
from server.media.formats import Format, Kind
from server.media.net.link import Link
from server.media.offer import Line
from server.media.publisher import Encoding, Track
from server.media.rtp import header, vp8
from server.media.rtp.header import Header
from server.media.rtp.rewrite import PayloadTypes, StreamRewriter
from server.media.rtp.source import Packet
from server.media.rtp.temporal import EVERY_TID, turned
from server.media.slot import Slot

PICTURES = 48
SIZE = 160, 120
TIDS = (0, 2, 1, 2)
SYNC = (False, True, True, False)
"""By the place in the pattern: the second TID 2 refers to TID 1."""

WANTS = st.lists(st.sampled_from((0, 1, EVERY_TID)), min_size=PICTURES, max_size=PICTURES)


@cache
def film() -> tuple[bytes, ...]:
    """Pictures of a real encoder in three temporal layers, the first a keyframe."""
    encoder = VideoCodecContext.create("libvpx", "w")
    encoder.width, encoder.height = SIZE
    encoder.pix_fmt, encoder.time_base, encoder.framerate = "yuv420p", Fraction(1, 30), Fraction(30, 1)
    encoder.bit_rate = 300_000
    encoder.options = {
        "deadline": "realtime",
        "cpu-used": "8",
        "lag-in-frames": "0",
        "error-resilient": "1",
        "g": "1000",
        "ts-parameters": "ts_number_layers=3:ts_target_bitrate=100,180,300:ts_rate_decimator=4,2,1:"
        "ts_periodicity=4:ts_layer_id=0,2,1,2:ts_layering_mode=3",
    }
    encoded = []
    for index in range(PICTURES):
        frame = av.VideoFrame(*SIZE, "yuv420p")
        for plane in frame.planes:
            plane.update(bytes((place * 7 + index * 13) % 251 for place in range(plane.buffer_size)))
        frame.pts, frame.time_base = index, Fraction(1, 30)
        encoded += [bytes(packet) for packet in encoder.encode(frame)]
    assert len(encoded) == PICTURES
    return tuple(encoded)


@cache
def shown() -> tuple[bytes, ...]:
    """How each picture looks to who gets all."""
    decoder = VideoCodecContext.create("libvpx", "r")
    return tuple(bytes(picture.planes[0]) for frame in film() for picture in decoder.decode(av.Packet(frame)))


def payloads(index: int) -> list[bytes]:
    """One picture as Chromium packs it (RFC 7741 4.2)."""
    tid, sync, tl0 = TIDS[index % 4], SYNC[index % 4], index // 4
    frame = film()[index]
    parts = [frame[at : at + 1000] for at in range(0, len(frame), 1000)]
    rest = bytes((0xE0, 0x80 | index >> 8, index & 0xFF, tl0, tid << 6 | sync << 5))
    return [bytes((0x90 if place == 0 else 0x80,)) + rest + part for place, part in enumerate(parts)]


@pytest.mark.parametrize(
    ("tid", "sync", "keyframe", "present", "wanted", "then"),
    [
        pytest.param(0, False, False, EVERY_TID, 0, 0, id="down with any picture that stays"),
        pytest.param(1, True, False, EVERY_TID, 0, EVERY_TID, id="not with one that goes"),
        pytest.param(1, True, False, 0, EVERY_TID, 1, id="up with one that needs nothing that was left out"),
        pytest.param(1, False, False, 0, EVERY_TID, 0, id="not with one that does"),
        pytest.param(2, True, False, 0, EVERY_TID, 0, id="one at a time"),
        pytest.param(2, True, False, 1, EVERY_TID, EVERY_TID, id="the last is the whole"),
        pytest.param(0, False, False, 0, EVERY_TID, 0, id="TID 0 says nothing of those above"),
        pytest.param(0, False, True, 0, EVERY_TID, EVERY_TID, id="a keyframe needs nothing"),
        pytest.param(2, False, True, EVERY_TID, 0, EVERY_TID, id="a keyframe that is left out is none"),
    ],
)
def test_who_may_change_with_a_picture(
    tid: int, sync: bool, keyframe: bool, present: int, wanted: int, then: int
) -> None:
    packet = Packet(4, 1, 0, True, memoryview(b""), 0, temporal_id=tid, starts_frame=True, keyframe=keyframe, sync=sync)
    assert turned(packet, present, wanted, top=2) == then


class Viewer:
    """One slot on one camera; what it gets is written down in the clear."""

    def __init__(self) -> None:
        vp8_format = Format(Kind("vp8"), 96, 97, "", frozenset())
        line = Line("camera", "video", True, False, (vp8_format,), (), (), {}, {})
        self.encoding = Encoding(Track("camera", line, 0), "", 1, 4, SenderClock())
        rewriter = StreamRewriter(9, 96, 90_000, waits_for_keyframe=True, first_seq=65_500)
        self.slot = Slot("v0", "video", Departures(cast(Link, None)), rewriter, {Kind("vp8"): PayloadTypes(96, 0)})
        self.slot.carry(self.encoding)
        self.got: list[bytes] = []
        self._seq = 100

    def datagrams(self, index: int) -> list[bytes]:
        parts = payloads(index)
        made = []
        for place, part in enumerate(parts):
            marker = place == len(parts) - 1
            made.append(header.build(96, self._seq & 0xFFFF, 3000 * index, 1, part, marker=marker))
            self._seq += 1
        return made

    def takes(self, datagram: bytes, now_us: int) -> None:
        """As UdpPlane.deliver."""
        head = header.parse(datagram)
        self.encoding.gaps.arrived(head.seq, now_us // 1000)
        packet = self.encoding.stream.accept(datagram, head, now_us)
        assert packet is not None
        self.encoding.latest = packet
        self.encoding.thinning.note(packet, len(datagram))
        if not self.encoding.thinning.in_use:
            self._write(packet)
            return
        forms, moves = self.encoding.thinning.spread(packet)
        for move in moves:
            move.slot.turn(move.form, move.packet, move.number, move.picture)
        for form, thinned in forms:
            if self.slot in form.slots:
                self._write(thinned)

    def _write(self, packet: Packet) -> None:
        buffer = bytearray(2000)
        if size := self.slot.rewriter.write(packet, buffer, 0):
            self.got.append(bytes(buffer[:size]))

    def asks_for(self, seq: int) -> None:
        """A repeat, on the same stream; nothing comes while the camera's own is late."""
        origin = self.slot.rewriter.origin(seq)
        assert origin is not None
        packet = self.encoding.thinning.recall(origin.source, origin.number)
        buffer = bytearray(2000)
        if packet is not None:
            size = self.slot.rewriter.write_again(packet, buffer, 0)
            self.got.append(bytes(buffer[:size]))

    def missing(self) -> list[int]:
        """The numbers that have not come, up to the latest."""
        seqs = [header.parse(packet).seq for packet in self.got]
        numbers = {(seq - seqs[0]) % (1 << 16) for seq in seqs}
        assert len(numbers) == len(seqs)
        return [seqs[0] + number & 0xFFFF for number in set(range(max(numbers))) - numbers]

    def read(self) -> list[tuple[Header, bytes]]:
        heads = [(header.parse(packet), packet) for packet in self.got]
        return [(head, packet[head.payload_start : head.payload_end]) for head, packet in heads]


def watch(wants: Sequence[int]) -> Viewer:
    viewer = Viewer()
    for index, tid in enumerate(wants):
        viewer.slot.carry(viewer.encoding, tid)
        for datagram in viewer.datagrams(index):
            viewer.takes(datagram, index * 33_333)
    return viewer


def check(got: Sequence[tuple[Header, bytes]]) -> None:
    """No number is missing, and every picture looks as it does to who gets all."""
    first = got[0][0]
    assert [(head.seq - first.seq) % (1 << 16) for head, _ in got] == list(range(len(got)))
    decoder = VideoCodecContext.create("libvpx", "r")
    parts: list[bytes] = []
    tl0 = -1
    for head, payload in got:
        if not payload:
            continue  # in the place of one that was left out
        described = vp8.parse_descriptor(payload)
        parts.append(payload[described.size :])
        tl0 += described.starts_frame and described.temporal_id == 0
        assert (described.tl0 - tl0) % 256 == 0
        if head.marker:
            [picture] = decoder.decode(av.Packet(b"".join(parts)))
            assert bytes(picture.planes[0]) == shown()[(head.timestamp - first.timestamp) % (1 << 32) // 3000]
            parts.clear()
    assert not parts


@settings(max_examples=40, deadline=None)
@given(WANTS)
def test_any_pattern_of_changes_is_one_whole_stream_that_decodes_as_the_whole_does(wants: list[int]) -> None:
    got = watch(wants).read()
    check(got)
    pictures = [vp8.parse_descriptor(payload).picture_id for head, payload in got if head.marker]
    assert [(picture - pictures[0]) % (1 << 15) for picture in pictures] == list(range(len(pictures)))


@settings(max_examples=40, deadline=None)
@given(WANTS)
def test_it_goes_down_with_the_next_picture_and_up_within_a_round_of_the_pattern(wants: list[int]) -> None:
    viewer = Viewer()
    before: list[int] = []
    for index, tid in enumerate(wants):
        viewer.slot.carry(viewer.encoding, tid)
        for datagram in viewer.datagrams(index):
            viewer.takes(datagram, index * 33_333)
        before = [*before, tid][-8:]
        if index >= 8 and TIDS[index % 4] == 0:
            assert viewer.slot.flowing_tid <= max(before[-1:] + before[:-1])
            if before[-4:] == [tid] * 4:
                assert viewer.slot.flowing_tid <= tid  # TID 0 comes every fourth picture
            if len(set(before)) == 1:
                assert viewer.slot.flowing_tid == tid


@settings(max_examples=40, deadline=None)
@given(WANTS, st.sets(st.integers(1, PICTURES - 4), max_size=10), st.integers(1, 3))
@example([1] * 24 + [EVERY_TID] * 24, {24}, 3)
@example([EVERY_TID] * 24 + [0] * 24, {24}, 1)
def test_what_comes_late_fills_its_hole_or_is_there_to_be_asked_for(
    wants: list[int], late: set[int], wait: int
) -> None:
    viewer = Viewer()
    held: dict[int, bytes] = {}
    for index, tid in enumerate(wants):
        viewer.slot.carry(viewer.encoding, tid)
        datagrams = viewer.datagrams(index)
        if index in late:
            held[index] = datagrams.pop()
        for datagram in datagrams:
            viewer.takes(datagram, index * 33_333)
        if index - wait in held:
            viewer.takes(held.pop(index - wait), index * 33_333)
        for seq in viewer.missing():
            viewer.asks_for(seq)
    got = viewer.read()
    check(sorted(got, key=lambda one: (one[0].seq - got[0][0].seq) % (1 << 16)))


def test_every_packet_is_repeated_as_it_was() -> None:
    viewer = watch([EVERY_TID] * 9 + [0] * 16 + [1] * 23)
    got = viewer.read()
    for head, _ in got:
        viewer.asks_for(head.seq)
    assert viewer.read()[len(got) :] == got


def test_who_gets_all_again_costs_no_thinned_stream() -> None:
    viewer = watch([0] * 24 + [EVERY_TID] * 24)
    assert viewer.slot.flowing_tid == EVERY_TID
    assert not viewer.encoding.thinning.in_use

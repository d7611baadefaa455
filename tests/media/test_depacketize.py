"""Packets become frames: whole, in order, and never one that refers to something lost."""

from __future__ import annotations

import time
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.media.depacketize import AUDIO_PATIENCE_MS, VIDEO_PATIENCE_MS, AudioTap, VideoTap
from server.media.rtp import header
from server.media.rtp.source import Packet
from server.media.tap import Frame
from tests.media.rtp_sender import FRAME_US, AudioSender, VideoSender


class Shelf:
    """A sink that keeps what it gets."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.closed = False

    def write(self, frame: Frame) -> None:
        self.frames.append(frame)

    def close(self) -> None:
        self.closed = True

    def seqs(self) -> list[list[int]]:
        """Of each VP8 frame, the sequence numbers its packets were sent with: the senders of these tests write them
        at the end of every packet.
        """
        return [
            [int.from_bytes(frame.payload[end - 2 : end]) for end in range(12, len(frame.payload) + 1, 6)]
            for frame in self.frames
        ]


def push(tap: VideoTap | AudioTap, *packets: Packet) -> None:
    for packet in packets:
        tap.push(packet, packet.arrival_us / 1000)


def test_frames_are_put_together_from_their_packets() -> None:
    shelf, ann = Shelf(), VideoSender(1)
    tap = VideoTap(shelf, 1, "vp8")
    assert tap.needs_keyframe
    start_ms = ann.at_us / 1000

    push(tap, *ann.take(*ann.frame(3, keyframe=True)), *ann.take(*ann.frame(1)))

    key, delta = shelf.frames
    assert shelf.seqs() == [[0, 1, 2], [3]]
    assert (key.keyframe, key.width, key.height) == (True, 320, 180)
    assert (delta.keyframe, delta.width, delta.height) == (False, 0, 0)
    assert start_ms < key.at_ms < delta.at_ms
    assert not tap.needs_keyframe


def test_nothing_is_written_before_a_keyframe() -> None:
    shelf, ann = Shelf(), VideoSender(1)
    tap = VideoTap(shelf, 1, "vp8")

    push(tap, *ann.take(*ann.frame(2), *ann.frame(2)))

    assert shelf.frames == []
    assert tap.needs_keyframe


def test_a_retransmission_in_time_leaves_no_trace() -> None:
    shelf, ann = Shelf(), VideoSender(1, seq=65_534)
    tap = VideoTap(shelf, 1, "vp8")
    (a, b), (c, d), (e,) = ann.frame(2, keyframe=True), ann.frame(2), ann.frame(1)

    push(tap, *ann.take(a, b, d, e))
    tap.advance(ann.at_us + VIDEO_PATIENCE_MS * 1000 - FRAME_US)
    assert len(shelf.frames) == 1
    push(tap, *ann.take(c))

    assert shelf.seqs() == [[65_534, 65_535], [0, 1], [2]]
    assert not tap.needs_keyframe


def test_after_a_loss_nothing_is_written_until_a_keyframe() -> None:
    shelf, ann = Shelf(), VideoSender(1)
    tap = VideoTap(shelf, 1, "vp8")
    key, (_, end), after = ann.frame(2, keyframe=True), ann.frame(2), ann.frame(1)

    push(tap, *ann.take(*key, end, *after))
    tap.advance(ann.at_us + VIDEO_PATIENCE_MS * 1000)

    assert shelf.seqs() == [[0, 1]]
    assert tap.needs_keyframe
    push(tap, *ann.take(*ann.frame(1), *ann.frame(2, keyframe=True), *ann.frame(1)))
    assert shelf.seqs() == [[0, 1], [6, 7], [8]]
    assert not tap.needs_keyframe


def test_a_whole_frame_that_is_lost_is_noticed() -> None:
    shelf, ann = Shelf(), VideoSender(1)
    tap = VideoTap(shelf, 1, "vp8")
    key, _, after = ann.frame(1, keyframe=True), ann.frame(1), ann.frame(1)

    push(tap, *ann.take(*key, *after))
    tap.advance(ann.at_us + VIDEO_PATIENCE_MS * 1000)

    assert shelf.seqs() == [[0]]
    assert tap.needs_keyframe


def test_a_lost_probe_is_no_loss() -> None:
    """The picture ids say that no frame is missing."""
    shelf, ann = Shelf(), VideoSender(1)
    tap = VideoTap(shelf, 1, "vp8")
    key = ann.frame(1, keyframe=True)
    ann.probe()

    push(tap, *ann.take(*key, *ann.frame(1)))
    tap.advance(ann.at_us + VIDEO_PATIENCE_MS * 1000)

    assert shelf.seqs() == [[0], [2]]
    assert not tap.needs_keyframe


def test_a_late_probe_is_not_part_of_a_frame() -> None:
    shelf, ann = Shelf(), VideoSender(1)
    tap = VideoTap(shelf, 1, "vp8")
    key, probe, after = ann.frame(1, keyframe=True), ann.probe(), ann.frame(1)

    push(tap, *ann.take(*key, *after, probe))

    assert shelf.seqs() == [[0], [2]]


def test_another_layer_takes_over_at_its_keyframe() -> None:
    shelf, low, high = Shelf(), VideoSender(1), VideoSender(2, seq=100)
    tap = VideoTap(shelf, 1, "vp8")
    push(tap, *low.take(*low.frame(1, keyframe=True)))
    tap.switch(2)

    assert tap.needs_keyframe
    push(tap, *high.take(*high.frame(1)), *low.take(*low.frame(1)))
    push(tap, *high.take(*high.frame(1, keyframe=True)), *low.take(*low.frame(1)), *high.take(*high.frame(1)))

    assert shelf.seqs() == [[0], [1], [101], [102]]
    assert not tap.needs_keyframe


def test_a_layer_that_takes_over_amid_a_frame_is_not_mixed_into_it() -> None:
    """Layers of one camera may share their timestamps."""
    shelf, low, high = Shelf(), VideoSender(1), VideoSender(2, seq=100)
    tap = VideoTap(shelf, 1, "vp8")
    push(tap, *low.take(low.frame(2, keyframe=True)[0]))
    tap.switch(2)

    push(tap, *high.take(*high.frame(2, keyframe=True)))

    assert shelf.seqs() == [[100, 101]]


@pytest.mark.parametrize(
    ("broken", "marker"),
    [(b"\x90\x80\x80\x02\x31frame without its end", False), (b"\x80\x80\x80\x01\x31tail after the end", True)],
)
def test_a_sender_that_breaks_the_rules_is_not_written_down(broken: bytes, marker: bool) -> None:
    shelf, ann = Shelf(), VideoSender(1, picture=1)
    tap = VideoTap(shelf, 1, "vp8")
    push(tap, *ann.take(*ann.frame(1, keyframe=True)))
    datagram = header.build(96, ann.seq, ann.timestamp + 1, 1001, broken, marker=marker)
    ann.lose()

    push(tap, *ann.take(datagram, *ann.frame(1)))
    assert tap.needs_keyframe
    push(tap, *ann.take(*ann.frame(1, keyframe=True)))

    assert shelf.seqs() == [[0], [3]]


def test_a_switch_can_be_taken_back() -> None:
    shelf, low = Shelf(), VideoSender(1)
    tap = VideoTap(shelf, 1, "vp8")
    push(tap, *low.take(*low.frame(1, keyframe=True)))
    tap.switch(2)
    tap.switch(1)

    assert not tap.needs_keyframe


def test_times_never_run_backwards() -> None:
    shelf, ann = Shelf(), VideoSender(1)
    tap = VideoTap(shelf, 1, "vp8")
    for at_ms in (1000.0, 1033.0, 990.0, 1100.0):
        for packet in ann.take(*ann.frame(1, keyframe=True)):
            tap.push(packet, at_ms)

    assert [frame.at_ms for frame in shelf.frames] == [1000.0, 1033.0, 1033.0, 1100.0]


def test_a_keyframe_without_dimensions_is_not_written() -> None:
    shelf, ann = Shelf(), VideoSender(1)
    tap = VideoTap(shelf, 1, "vp8")
    broken = header.build(96, 5, 0, 1001, b"\x10\x00not a keyframe", marker=True)

    push(tap, *ann.take(broken))

    assert shelf.frames == []
    assert tap.needs_keyframe


def test_closing_writes_what_waited() -> None:
    shelf, ann = Shelf(), VideoSender(1)
    tap = VideoTap(shelf, 1, "vp8")
    key, _, next_key = ann.frame(1, keyframe=True), ann.frame(1), ann.frame(1, keyframe=True)

    push(tap, *ann.take(*key, *next_key))
    tap.finish()

    assert shelf.seqs() == [[0], [2]]


def test_sound_is_written_packet_by_packet_and_a_loss_leaves_a_hole() -> None:
    shelf, ann = Shelf(), AudioSender(1)
    tap = AudioTap(shelf)
    one, two, _, four = ann.sound(), ann.sound(), ann.sound(), ann.sound()

    push(tap, *ann.take(two, one, four))
    assert len(shelf.frames) == 1
    tap.advance(ann.at_us + AUDIO_PATIENCE_MS * 1000)
    tap.finish()

    assert [(frame.payload, frame.keyframe) for frame in shelf.frames] == [(b"opus", True)] * 2


def test_sound_from_another_source_follows_at_once() -> None:
    shelf, ann, bo = Shelf(), AudioSender(1), AudioSender(2, seq=70)
    tap = AudioTap(shelf)

    push(tap, *ann.take(ann.sound()), *bo.take(bo.sound()), *bo.take(bo.sound()))

    assert len(shelf.frames) == 3


@given(
    st.lists(st.tuples(st.integers(1, 4), st.integers(0, 9), st.booleans()), min_size=1, max_size=30),
    st.sets(st.integers(0, 60), max_size=6),
    st.integers(0, 0xFFFF),
    st.randoms(use_true_random=False),
)
def test_what_is_written_can_be_decoded(
    sent: list[tuple[int, int, bool]], lost: set[int], seq: int, dice: Random
) -> None:
    """Every frame is whole and untouched; a delta frame follows the very frame it was sent after."""
    shelf, ann = Shelf(), VideoSender(1, seq=seq)
    tap = VideoTap(shelf, 1, "vp8")
    datagrams: list[bytes] = []
    frames: list[list[int]] = []
    for size, key, probe in sent:
        frames.append([ann.seq + index & 0xFFFF for index in range(size)])
        datagrams += ann.frame(size, keyframe=key == 0)
        if probe:
            datagrams.append(ann.probe())
    order = sorted(range(len(datagrams)), key=lambda index: index + dice.uniform(0, 5))
    for index in order:
        if index not in lost:
            push(tap, *ann.take(datagrams[index]))
    tap.finish()

    positions = [frames.index(written) for written in shelf.seqs()]
    assert positions == sorted(set(positions))
    for frame, position, before in zip(shelf.frames, positions, [-2, *positions], strict=False):
        assert frame.keyframe == (sent[position][1] == 0)
        assert frame.keyframe or position == before + 1


@pytest.mark.parametrize("keyframes_lost", [0, 1])
def test_without_loss_everything_from_the_first_keyframe_on_is_written(keyframes_lost: int) -> None:
    shelf, ann = Shelf(), VideoSender(1, seq=65_000)
    tap = VideoTap(shelf, 1, "vp8")
    for index in range(2000):
        frame = ann.frame(1 + index % 3, keyframe=index % 100 == 0)
        if index >= keyframes_lost:
            push(tap, *ann.take(*frame))

    assert len(shelf.frames) == 2000 - 100 * keyframes_lost


@pytest.mark.parametrize("tap", [VideoTap(Shelf(), 1, "vp8"), AudioTap(Shelf())])
def test_a_sender_who_leaves_out_every_other_packet_costs_no_more_than_others(tap: VideoTap | AudioTap) -> None:
    """Thousands of packets then wait, and all of their patience ends at once: on the event loop, with everybody's."""
    began = time.process_time()
    for number in range(0, 40_000, 2):
        payload = memoryview(b"\x10\x00\x00")
        arrival_us = number * 250  # 2,000 a second, but half of them never come
        packet = Packet(1, number, number, True, payload, arrival_us, starts_frame=True, keyframe=True)
        tap.push(packet, arrival_us / 1000)
        if number % 500 == 0:
            tap.advance(arrival_us)
    assert time.process_time() - began < 1.0

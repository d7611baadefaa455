"""A source is put in order once: unwrapped, without duplicates and probes, its last packets remembered."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.media.rtp import header, rtx
from server.media.rtp.numbers import unwrap
from server.media.rtp.source import SourceStream
from tests.media.rtp_sender import AudioSender, VideoSender


def test_numbers_grow_across_the_wrap() -> None:
    ann = VideoSender(1, seq=65534, picture=32766, tl0=255)

    packets = ann.take(*ann.frame(keyframe=True), *ann.frame(), *ann.frame(), *ann.frame())

    first = packets[0].number
    assert [packet.number - first for packet in packets] == [0, 1, 2, 3]
    assert [packet.picture - packets[0].picture for packet in packets] == [0, 1, 2, 3]
    assert [packet.tl0 for packet in packets] == [255, 0, 1, 2]
    assert [packet.keyframe for packet in packets] == [True, False, False, False]


def test_an_overtaken_first_packet_has_a_number_too() -> None:
    ann = VideoSender(1, seq=0)
    first, second = ann.frame(2, keyframe=True)

    packets = ann.take(second, first)

    assert packets[0].number == packets[1].number + 1


def test_a_duplicate_is_dropped() -> None:
    ann = VideoSender(1)
    frame = ann.frame(3, keyframe=True)

    assert len(ann.take(*frame, frame[1], *frame)) == 3


def test_probes_are_taken_out_and_the_gap_closed() -> None:
    ann = VideoSender(1, seq=65530)
    frame = ann.frame(2, keyframe=True)

    packets = ann.take(*frame, ann.probe(), ann.probe(), *ann.frame(2), ann.probe(), *ann.frame(2))

    first = packets[0].number
    assert [packet.number - first for packet in packets] == [0, 1, 2, 3, 4, 5]


def test_a_packet_overtaken_by_a_probe_keeps_its_place() -> None:
    ann = VideoSender(1)
    start, middle, end = ann.frame(3, keyframe=True)
    probe = ann.probe()
    following = ann.frame()

    packets = ann.take(start, probe, *following, middle, end)

    first = packets[0].number
    assert [packet.number - first for packet in packets] == [0, 3, 1, 2]


def test_a_probe_overtaken_by_another_is_taken_out_too() -> None:
    ann = VideoSender(1)
    frame, one, two, following = ann.frame(keyframe=True), ann.probe(), ann.probe(), ann.frame()

    packets = ann.take(*frame, two, one, *following)

    assert [packet.number - packets[0].number for packet in packets] == [0, 1]


def test_a_probe_overtaken_by_media_fills_its_place_empty() -> None:
    """Its number is promised to the viewers by then; without a packet they would ask for it."""
    ann = VideoSender(1)
    frame, probe, following = ann.frame(keyframe=True), ann.probe(), ann.frame()

    packets = ann.take(*frame, *following, probe)

    assert [packet.number - packets[0].number for packet in packets] == [0, 2, 1]
    assert len(packets[2].payload) == 0


def test_a_sender_that_starts_over_goes_on_without_a_gap() -> None:
    """RFC 3550 A.1: two packets in a row from elsewhere."""
    ann = VideoSender(1, seq=40_000)
    before = ann.take(*ann.frame(keyframe=True))
    ann.seq = 5

    after = ann.take(*ann.frame(keyframe=True), *ann.frame(keyframe=True), *ann.frame())

    assert [packet.number - before[0].number for packet in after] == [1, 2]


def test_repeats_that_are_too_old_are_no_fresh_start() -> None:
    ann = AudioSender(1)
    ann.stream = SourceStream(1, codec="opus", remembered=4)
    sounds = [ann.sound() for _ in range(20)]
    before = ann.take(*sounds)

    assert ann.take(*sounds[:3]) == []
    assert [packet.number for packet in ann.take(ann.sound())] == [before[-1].number + 1]


def test_one_stray_number_changes_nothing() -> None:
    ann = VideoSender(1, seq=40_000)
    before = ann.take(*ann.frame(keyframe=True))
    stray = header.build(96, 5, 0, 1001, b"\x10\x00")

    assert ann.take(stray) == []
    assert [packet.number for packet in ann.take(*ann.frame())] == [before[0].number + 1]


def test_short_picture_ids_are_widened() -> None:
    ann = VideoSender(1, picture=126, short_ids=True)

    packets = ann.take(*ann.frame(keyframe=True), *ann.frame(), *ann.frame())

    assert [packet.picture - packets[0].picture for packet in packets] == [0, 1, 2]
    assert [bytes(packet.payload[packet.picture_at : packet.picture_at + 2]).hex() for packet in packets] == [
        "807e",
        "807f",
        "8000",
    ]
    assert [packet.payload[packet.tl0_at] for packet in packets] == [0, 1, 2]
    assert packets[0].payload[packets[0].descriptor_size] & 1 == 0


def test_the_level_of_sound_is_kept() -> None:
    ann = AudioSender(1)

    [packet] = ann.take(ann.sound(level=42))

    assert (packet.kept_byte, bytes(packet.payload), packet.picture) == (42, b"opus", -1)


def test_a_payload_that_is_not_vp8_is_refused_and_changes_nothing() -> None:
    ann = VideoSender(1)
    first = ann.take(*ann.frame(keyframe=True))
    broken = header.build(96, ann.seq, 0, 1001, b"\x90")

    with pytest.raises(ValueError, match="cut short"):
        ann.take(broken)

    assert [packet.number for packet in ann.take(*ann.frame())] == [first[0].number + 1]


def test_recent_packets_are_recalled_and_old_ones_forgotten() -> None:
    ann = AudioSender(1)
    ann.stream = SourceStream(1, codec="opus", remembered=4)
    packets = [packet for _ in range(6) for packet in ann.take(ann.sound())]

    recalled = [ann.stream.recall(packet.number) for packet in packets]

    assert recalled == [None, None, *packets[2:]]
    assert ann.stream.recall(packets[-1].number + 1) is None


@given(st.integers(0, 0xFFFF), st.lists(st.sampled_from("mmmp"), min_size=1, max_size=60))
def test_numbers_are_gapless_in_order_whatever_probes_there_are(seq: int, kinds: list[str]) -> None:
    ann = VideoSender(1, seq=seq)

    packets = [
        packet for kind in kinds for packet in ann.take(*(ann.frame(keyframe=True) if kind == "m" else [ann.probe()]))
    ]

    assert [packet.number - packets[0].number for packet in packets] == list(range(kinds.count("m")))


@given(st.integers(0, 0xFFFF), st.permutations("mmmmmmppp" * 2), st.randoms(use_true_random=False))
def test_every_packet_has_one_number_in_sending_order(seq: int, kinds: list[str], dice: Random) -> None:
    """However the network shuffles media and probes."""
    ann = VideoSender(1, seq=seq)
    sent = [ann.frame(keyframe=True)[0] if kind == "m" else ann.probe() for kind in kinds]
    order = sorted(range(len(sent)), key=lambda index: index + dice.uniform(0, 6))

    numbered = {index: packet.number for index in order for packet in ann.take(sent[index])}

    assert all(index in numbered for index, kind in enumerate(kinds) if kind == "m")
    numbers = [number for _, number in sorted(numbered.items())]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_a_retransmission_is_what_was_first_sent() -> None:
    """RFC 4588 4: the original number comes before the payload."""
    repaired = header.build(97, 9, 777, 55, b"\x12\x34payload", marker=True, extensions={3: b"ab"}, padding=3)

    restored = rtx.unwrap(repaired, header.parse(repaired), ssrc=44, payload_type=96)

    assert restored == header.build(96, 0x1234, 777, 44, b"payload", marker=True, extensions={3: b"ab"})


@pytest.mark.parametrize("payload", [b"", b"\x12\x34"])
def test_a_retransmission_of_nothing_is_a_probe(payload: bytes) -> None:
    probe = header.build(97, 9, 777, 55, payload, padding=200)

    assert rtx.unwrap(probe, header.parse(probe), 44, 96) is None


def test_a_retransmission_without_a_whole_number_is_refused() -> None:
    broken = header.build(97, 9, 777, 55, b"\x12")

    with pytest.raises(ValueError, match="2 bytes"):
        rtx.unwrap(broken, header.parse(broken), 44, 96)


@given(st.integers(0, 1 << 40), st.integers(-(1 << 15), (1 << 15) - 1))
def test_unwrapping_finds_the_nearest(near: int, step: int) -> None:
    assert unwrap((near + step) % (1 << 16), near) == near + step

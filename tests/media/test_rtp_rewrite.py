"""A slot is one unbroken stream to its viewer, whatever sources take turns on it. aiortc reads what comes out."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from aiortc.codecs.vpx import VpxPayloadDescriptor
from aiortc.rtp import RtpPacket
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from server.media.rtp import header
from server.media.rtp.numbers import unwrap
from server.media.rtp.rewrite import Origin, PayloadTypes, StreamRewriter
from server.media.rtp.source import Packet
from server.media.rtp.template import take_apart
from tests.media.rtp_sender import FRAME_US, AudioSender, VideoSender

SSRC = 0x51075107


class Seen(NamedTuple):
    """What the viewer reads from one outgoing packet."""

    seq: int
    timestamp: int
    marker: bool
    picture: int
    tl0: int
    body: bytes


def picture_slot(
    *, twcc_id: int = 0, rtx_ssrc: int = 0, first_seq: int = 100, first_timestamp: int = 0
) -> StreamRewriter:
    return StreamRewriter(
        SSRC,
        120,
        90_000,
        waits_for_keyframe=True,
        twcc_id=twcc_id,
        rtx_ssrc=rtx_ssrc,
        rtx_payload_type=121 if rtx_ssrc else 0,
        first_seq=first_seq,
        first_timestamp=first_timestamp,
    )


def sound_slot(*, kept_id: int = 0) -> StreamRewriter:
    return StreamRewriter(SSRC, 109, 48_000, waits_for_keyframe=False, kept_id=kept_id, first_seq=7)


def sent(slot: StreamRewriter, packet: Packet, twcc_seq: int = 0) -> bytes:
    buffer = bytearray(b"\xff" * 200)
    size = slot.write(packet, buffer, 8, twcc_seq)
    assert len(buffer) == 200
    return bytes(buffer[8 : 8 + size])


def seen(slot: StreamRewriter, *packets: Packet) -> list[Seen]:
    """What the viewer sees of these packets, in order of sending."""
    read = []
    for packet in packets:
        if datagram := sent(slot, packet):
            theirs = RtpPacket.parse(datagram)
            assert (theirs.ssrc, theirs.payload_type) == (SSRC, 120)
            if theirs.payload:
                descriptor, body = VpxPayloadDescriptor.parse(theirs.payload)
                picture, tl0 = descriptor.picture_id, descriptor.tl0picidx
                assert picture is not None
                assert tl0 is not None
            else:
                picture, tl0, body = -1, -1, b""
            read.append(Seen(theirs.sequence_number, theirs.timestamp, bool(theirs.marker), picture, tl0, body))
    return read


def test_nothing_is_sent_before_a_source_is_chosen_and_its_keyframe_comes() -> None:
    slot = picture_slot()
    ann = VideoSender(1)

    assert seen(slot, *ann.take(*ann.frame(keyframe=True))) == []
    slot.switch(1)
    assert slot.needs_keyframe
    assert seen(slot, *ann.take(*ann.frame(2))) == []

    shown = seen(slot, *ann.take(*ann.frame(2, keyframe=True)))

    assert [packet.seq for packet in shown] == [100, 101]
    assert not slot.needs_keyframe


def test_a_switch_waits_for_the_keyframe_and_leaves_no_seam() -> None:
    slot = picture_slot(first_seq=65_534, first_timestamp=(1 << 32) - 3000)
    ann = VideoSender(1, seq=500, timestamp=7, picture=300, tl0=90)
    bo = VideoSender(2, seq=9, timestamp=1 << 31, picture=32_000, tl0=3)
    slot.switch(1)

    shown = seen(slot, *ann.take(*ann.frame(2, keyframe=True)), *bo.take(*bo.frame(keyframe=True)))
    slot.switch(2)
    shown += seen(slot, *ann.take(*ann.frame(2)), *bo.take(*bo.frame()))
    shown += seen(slot, *bo.take(*bo.frame(keyframe=True)), *ann.take(*ann.frame()), *bo.take(*bo.frame()))

    assert [packet.seq for packet in shown] == [65_534, 65_535, 0, 1, 2, 3]
    assert [packet.picture for packet in shown] == [0, 0, 1, 1, 2, 3]
    assert [packet.tl0 for packet in shown] == [0, 0, 1, 1, 2, 3]
    assert [packet.marker for packet in shown] == [False, True, False, True, True, True]
    first = shown[0].timestamp
    assert [(packet.timestamp - first) % (1 << 32) for packet in shown] == [0, 0, 3000, 3000, 5999, 8999]


def test_between_layers_the_timestamp_tells_when_a_frame_was_captured_however_late_it_came() -> None:
    slot = picture_slot()
    small, large = VideoSender(1, timestamp=7), VideoSender(2, timestamp=(1 << 32) - 500)
    slot.switch(1)
    before = seen(slot, *small.take(*small.frame(keyframe=True)))
    slot.switch(2, ahead=(1 << 32) - 507)
    large.at_us += 40_000  # a keyframe takes its time
    large.timestamp = (large.timestamp + 6000) % (1 << 32)

    after = seen(slot, *large.take(*large.frame(keyframe=True)))

    assert (after[0].timestamp - before[0].timestamp) % (1 << 32) == 6000


@pytest.mark.parametrize("astray_ms", [-2000, 2000])
def test_capture_times_that_cannot_be_are_not_believed(astray_ms: int) -> None:
    slot = picture_slot()
    small, large = VideoSender(1), VideoSender(2)
    slot.switch(1)
    before = seen(slot, *small.take(*small.frame(keyframe=True)))
    slot.switch(2, ahead=astray_ms * 90 % (1 << 32))
    large.at_us = small.at_us

    after = seen(slot, *large.take(*large.frame(keyframe=True)))

    assert after[0].timestamp - before[0].timestamp == FRAME_US * 90 // 1000


def test_a_switch_back_before_the_keyframe_changes_nothing() -> None:
    slot = picture_slot()
    ann = VideoSender(1)
    slot.switch(1)
    before = seen(slot, *ann.take(*ann.frame(keyframe=True)))
    slot.switch(2)
    slot.switch(1)

    after = seen(slot, *ann.take(*ann.frame()))

    assert not slot.needs_keyframe
    assert (after[0].seq, after[0].timestamp) == (before[0].seq + 1, before[0].timestamp + 3000)


def test_a_pause_is_as_long_for_the_viewer_as_on_the_clock() -> None:
    slot = picture_slot()
    ann, bo = VideoSender(1), VideoSender(2)
    slot.switch(1)
    before = seen(slot, *ann.take(*ann.frame(keyframe=True)))
    slot.stop()
    assert seen(slot, *ann.take(*ann.frame(keyframe=True))) == []
    bo.at_us = ann.at_us + 8_000_000 - 2 * FRAME_US
    slot.switch(2)

    after = seen(slot, *bo.take(*bo.frame(keyframe=True)))

    assert after[0].seq == before[0].seq + 1
    assert after[0].timestamp - before[0].timestamp == pytest.approx(8 * 90_000, abs=1)


def test_a_clock_set_back_does_not_turn_the_timestamps_back() -> None:
    slot = picture_slot()
    ann, bo = VideoSender(1), VideoSender(2, start_us=5)
    slot.switch(1)
    before = seen(slot, *ann.take(*ann.frame(keyframe=True)))
    slot.switch(2)

    after = seen(slot, *bo.take(*bo.frame(keyframe=True)))

    assert after[0].timestamp - before[0].timestamp == 1800


def test_a_night_without_pictures_is_no_step_backwards() -> None:
    slot = picture_slot()
    ann, bo = VideoSender(1), VideoSender(2, start_us=12 * 3600 * 1_000_000)
    slot.switch(1)
    before = seen(slot, *ann.take(*ann.frame(keyframe=True)))
    slot.switch(2)

    after = seen(slot, *bo.take(*bo.frame(keyframe=True)))

    assert 0 < after[0].timestamp - before[0].timestamp < 1 << 31


def test_what_comes_late_from_before_the_switch_is_dropped() -> None:
    slot = picture_slot()
    ann = VideoSender(1)
    slot.switch(1)
    seen(slot, *ann.take(*ann.frame(keyframe=True)))
    late = ann.frame(2)
    slot.stop()
    slot.switch(1)
    shown = seen(slot, *ann.take(*ann.frame(keyframe=True)))

    assert seen(slot, *ann.take(*late)) == []
    assert [packet.seq for packet in shown] == [101]


def test_what_comes_late_within_a_leg_fills_its_hole() -> None:
    slot = picture_slot()
    ann = VideoSender(1, seq=65_533)
    slot.switch(1)
    frames = [ann.frame(2, keyframe=True), ann.frame(2), ann.frame(2)]
    (a, b), (c, d), (e, f) = frames

    shown = seen(slot, *ann.take(a, b, e, d, f, c))

    assert [packet.seq for packet in shown] == [100, 101, 104, 103, 105, 102]
    assert [packet.picture for packet in shown] == [0, 0, 2, 1, 2, 1]


def test_probes_leave_no_hole() -> None:
    slot = picture_slot()
    ann = VideoSender(1)
    slot.switch(1)

    shown = seen(slot, *ann.take(*ann.frame(keyframe=True), ann.probe(), ann.probe(), *ann.frame()))

    assert [packet.seq for packet in shown] == [100, 101]


def test_sound_switches_at_once_with_a_mark() -> None:
    slot = sound_slot(kept_id=6)
    ann, bo = AudioSender(1, timestamp=5), AudioSender(2, seq=900, timestamp=1 << 31)
    slot.switch(1)
    read = [header.parse(sent(slot, packet)) for packet in ann.take(ann.sound(40), ann.sound(41))]
    slot.switch(2)
    bo.at_us = ann.at_us
    read += [header.parse(sent(slot, packet)) for packet in bo.take(bo.sound(30))]

    assert [packet.seq for packet in read] == [7, 8, 9]
    assert [packet.timestamp for packet in read] == [0, 960, 1920]
    assert [packet.marker for packet in read] == [True, False, True]
    assert [packet.extensions for packet in read] == [{6: b"\x28"}, {6: b"\x29"}, {6: b"\x1e"}]


def test_transport_numbers_are_written_where_negotiated() -> None:
    ann = VideoSender(1)
    slot, plain = picture_slot(twcc_id=3), picture_slot()
    slot.switch(1)
    plain.switch(1)
    [packet] = ann.take(*ann.frame(keyframe=True))

    assert header.parse(sent(slot, packet, 0xABCD)).extensions == {3: b"\xab\xcd"}
    assert header.parse(sent(plain, packet, 0xABCD)).extensions == {}


def test_a_nack_is_answered_from_before_the_switch_on_the_retransmission_stream() -> None:
    slot = picture_slot(rtx_ssrc=9)
    ann, bo = VideoSender(1, seq=1000), VideoSender(2, seq=2000)
    slot.switch(1)
    packets = ann.take(*ann.frame(2, keyframe=True))
    first = [sent(slot, packet) for packet in packets]
    slot.switch(2)
    for packet in bo.take(*bo.frame(keyframe=True)):
        sent(slot, packet)

    origin = slot.origin(101)
    assert origin == Origin(1, packets[1].number)
    recalled = ann.stream.recall(origin.number)
    assert recalled is not None
    again = bytearray(200)
    size = slot.write_again(recalled, again, 0, 5)

    repeated, original = RtpPacket.parse(bytes(again[:size])), RtpPacket.parse(first[1])
    assert (repeated.ssrc, repeated.payload_type, repeated.timestamp) == (9, 121, original.timestamp)
    assert repeated.payload == (101).to_bytes(2, "big") + original.payload
    assert RtpPacket.parse(bytes(again[: slot.write_again(recalled, again, 0)])).sequence_number == (
        repeated.sequence_number + 1
    )
    assert slot.origin(103) is None
    assert slot.origin(99) is None


def test_without_a_retransmission_stream_the_same_bytes_are_repeated() -> None:
    slot = picture_slot()
    ann = VideoSender(1, seq=1000)
    slot.switch(1)
    packets = ann.take(*ann.frame(2, keyframe=True))
    first = [sent(slot, packet) for packet in packets]
    again = bytearray(200)

    size = slot.write_again(packets[0], again, 3)

    assert bytes(again[3 : 3 + size]) == first[0]
    assert slot.write_again(VideoSender(4).take(*VideoSender(4).frame(keyframe=True))[0], again, 0) == 0


def test_a_report_ties_the_slots_timestamps_to_the_servers_clock() -> None:
    slot = picture_slot(first_timestamp=1 << 30)
    ann = VideoSender(1, timestamp=777)
    assert slot.report(1 << 60, 777) is None
    slot.switch(1)
    [packet] = ann.take(*ann.frame(keyframe=True))
    datagram = sent(slot, packet)

    report = slot.report(1 << 60, 777 + 90)

    assert report is not None
    assert (report.ssrc, report.ntp, report.rtp_timestamp) == (SSRC, 1 << 60, (1 << 30) + 90)
    assert (report.packets, report.octets) == (1, len(datagram) - header.OUTGOING_SIZE)


class Turn(NamedTuple):
    """What happens while every sender sends one frame."""

    sizes: tuple[int, int, int]
    keyframes: tuple[bool, bool, bool]
    probes: tuple[bool, bool, bool]
    lost: frozenset[int]
    order: tuple[int, ...]
    switch: int | None
    stop: bool


TURNS = st.builds(
    Turn,
    st.tuples(*[st.integers(1, 3)] * 3),
    st.tuples(*[st.booleans()] * 3),
    st.tuples(*[st.booleans()] * 3),
    st.frozensets(st.integers(0, 11), max_size=3),
    st.permutations(range(12)).map(tuple),
    st.none() | st.integers(1, 3),
    st.booleans(),
)


@given(st.lists(TURNS, min_size=1, max_size=25), st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF), st.booleans())
def test_the_stream_has_no_seam_whatever_happens(turns: list[Turn], seq: int, timestamp: int, short_ids: bool) -> None:
    """Loss, reordering, probes, switches at any time, and every number about to wrap."""
    senders = [
        VideoSender(1, seq=seq, timestamp=timestamp, picture=32_765, tl0=254),
        VideoSender(2, seq=65_530, timestamp=(1 << 32) - 5000, picture=120, tl0=7, short_ids=short_ids),
        VideoSender(3, seq=7, timestamp=0, picture=5, tl0=100),
    ]
    slot = picture_slot(first_seq=65_520, first_timestamp=(1 << 32) - 9000)
    shown: dict[int, tuple[Seen, Packet]] = {}
    highest = 65_519
    for turn in turns:
        if turn.stop:
            slot.stop()
        if turn.switch is not None:
            slot.switch(turn.switch)
        datagrams = []
        for sender, size, keyframe, probe in zip(senders, turn.sizes, turn.keyframes, turn.probes, strict=True):
            datagrams += [(sender, datagram) for datagram in sender.frame(size, keyframe=keyframe)]
            if probe:
                datagrams.append((sender, sender.probe()))
        for index in turn.order:
            if index >= len(datagrams) or index in turn.lost:
                continue
            sender, datagram = datagrams[index]
            for packet in sender.take(datagram):
                source_before = slot.source
                for out in seen(slot, packet):
                    number = unwrap(out.seq, highest)
                    assert number not in shown, "a sequence number was used twice"
                    if source_before != slot.source:
                        assert packet.keyframe
                        assert number == highest + 1, "a switch left a gap"
                    shown[number] = (out, packet)
                    highest = max(highest, number)

    _is_one_stream(shown)
    for number, (_, packet) in list(shown.items())[-5:]:
        assert slot.origin(number & 0xFFFF) == Origin(packet.source, packet.number)


def _is_one_stream(shown: dict[int, tuple[Seen, Packet]]) -> None:
    """Frames follow each other in order; each has one timestamp, one picture id; contents are untouched."""
    timestamp = picture = None
    frame: tuple[int, int] | None = None
    for _, (out, packet) in sorted(shown.items()):
        if not packet.payload:
            continue
        assert out.body == bytes(packet.payload[packet.descriptor_size :])
        began = (packet.source, packet.timestamp)
        if timestamp is not None and picture is not None:
            ticks = (out.timestamp - timestamp) % (1 << 32)
            pictures = (out.picture - picture) % (1 << 15)
            if began == frame:
                assert ticks == pictures == 0
            else:
                assert 0 < ticks < 1 << 31
                assert 0 < pictures < 1 << 14
        timestamp, picture, frame = out.timestamp, out.picture, began


def test_each_source_goes_out_and_is_repeated_under_the_payload_types_of_its_codec() -> None:
    slot = picture_slot(rtx_ssrc=9)
    ann, bo = VideoSender(1), VideoSender(2)
    slot.switch(1)
    (one,) = ann.take(*ann.frame(keyframe=True))
    (two,) = bo.take(*bo.frame(keyframe=True))
    assert header.parse(sent(slot, one)).payload_type == 120
    slot.switch(2, PayloadTypes(98))
    (late,) = ann.take(*ann.frame())
    went = [(header.parse(sent(slot, packet)).payload_type, slot.can_repeat) for packet in (late, two)]
    assert went == [(120, True), (98, False)]

    buffer = bytearray(200)
    repeats = [header.parse(bytes(buffer[: slot.write_again(packet, buffer, 0)])) for packet in (one, two)]
    assert [(read.ssrc, read.payload_type) for read in repeats] == [(9, 121), (SSRC, 98)]


@given(
    kind=st.sampled_from(["picture", "without tl0", "sound", "tl0 alone"]),
    order=st.permutations(range(6)),
    twcc_id=st.sampled_from([0, 3]),
    kept_id=st.sampled_from([0, 5]),
    begin=st.integers(0, 5),
    mixed=st.booleans(),
)
def test_a_burst_is_written_as_its_packets_are(
    kind: str, order: list[int], twcc_id: int, kept_id: int, begin: int, mixed: bool
) -> None:
    picture, tl0 = {"picture": (32_767, 255), "without tl0": (9, -1), "sound": (-1, -1), "tl0 alone": (-1, 3)}[kind]
    packets = [
        Packet(1, number, (1 << 32) - 2, number == 3, memoryview(bytes(range(40 + number))), 0, number - 1)
        for number in range(7)
    ]
    packets = [structs.replace(packet, picture=picture, picture_at=2, tl0=tl0, tl0_at=5) for packet in packets]
    arrived = [packets[number + 1] for number in order]
    if mixed:
        arrived[2] = structs.replace(arrived[2], source=2)
    slots = []
    for _ in range(2):
        slot = StreamRewriter(
            SSRC, 96, 90_000, waits_for_keyframe=False, twcc_id=twcc_id, kept_id=kept_id, first_seq=65_533
        )
        slot.switch(1)
        slot.write(packets[begin], bytearray(200), 0)
        slots.append(slot)
    stride, before = 100, state(slots[1])
    one_by_one, together = bytearray(600), bytearray(600)
    burst = take_apart(arrived)
    if burst is not None and slots[1].write_burst(burst, memoryview(together), 0, stride, 65_534):
        sizes = [
            slots[0].write(packet, one_by_one, index * stride, 65_534 + index & 0xFFFF)
            for index, packet in enumerate(arrived)
        ]
        assert sizes == list(burst.sizes)
        assert one_by_one == together
        assert state(slots[0]) == state(slots[1])
    else:  # to be written one by one, and nothing has been done yet
        assert mixed or kind == "tl0 alone" or begin > 1
        assert state(slots[1]) == before


def state(slot: StreamRewriter) -> list[object]:
    return [getattr(slot, name) for name in StreamRewriter.__slots__]


def test_silence_that_is_not_sent_is_no_loss() -> None:
    """Discontinuous transmission: timestamps jump, numbers do not, and the first packet of speech is marked."""
    slot, ann = sound_slot(), AudioSender(1)
    slot.switch(1)
    before = header.parse(sent(slot, ann.take(ann.sound())[0]))
    ann.timestamp += 20 * 960  # 400 ms
    ann.at_us += 400_000
    datagram = bytearray(ann.sound())
    datagram[1] |= 0x80
    (speech,) = ann.take(bytes(datagram))
    after = header.parse(sent(slot, speech))
    assert (after.seq - before.seq, after.timestamp - before.timestamp, after.marker) == (1, 21 * 960, True)

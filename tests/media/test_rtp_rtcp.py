"""RTCP: what is built is read back, by us and by aiortc; any bytes are messages or a ValueError."""

from __future__ import annotations

from collections.abc import Sequence

import aiortc.rtp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.media.rtp import rtcp, twcc

U8 = st.integers(0, 0xFF)
U16 = st.integers(0, 0xFFFF)
U32 = st.integers(0, 0xFFFFFFFF)
BLOCKS = st.lists(
    st.builds(rtcp.ReportBlock, U32, U8, st.integers(-0x800000, 0x7FFFFF), U32, U32, U32, U32), max_size=31
).map(tuple)
NACKED = st.builds(
    lambda first, steps: tuple((first + sum(steps[:count])) & 0xFFFF for count in range(len(steps) + 1)),
    U16,
    st.lists(st.integers(1, 40), max_size=40),
)
MESSAGES = st.one_of(
    st.builds(rtcp.SenderReport, U32, st.integers(0, (1 << 64) - 1), U32, U32, U32, BLOCKS),
    st.builds(rtcp.ReceiverReport, U32, BLOCKS),
    st.builds(rtcp.SourceDescription, st.lists(st.tuples(U32, st.text(max_size=40)), max_size=5).map(tuple)),
    st.builds(rtcp.Goodbye, st.lists(U32, max_size=31).map(tuple)),
    st.builds(rtcp.Nack, U32, U32, NACKED),
    st.builds(rtcp.Pli, U32, U32),
    st.builds(rtcp.Fir, U32, st.lists(st.tuples(U32, U8), max_size=5).map(tuple)),
    st.builds(rtcp.Remb, U32, st.integers(0, (1 << 18) - 1), st.lists(U32, max_size=5).map(tuple)),
    st.builds(
        twcc.TransportFeedback,
        U32,
        U32,
        U16,
        st.integers(-(1 << 23), (1 << 23) - 1),
        U8,
        st.lists(st.none() | st.integers(-0x8000, 0x7FFF), min_size=1, max_size=60).map(tuple),
    ),
)


@given(st.lists(MESSAGES, min_size=1, max_size=5))
def test_what_is_built_is_read_back(messages: list[rtcp.Message]) -> None:
    datagram = rtcp.build_compound(messages)

    assert rtcp.parse_compound(datagram) == messages
    assert len(datagram) % 4 == 0


@given(MESSAGES, st.data())
def test_a_datagram_cut_anywhere_is_messages_or_a_value_error(message: rtcp.Message, data: st.DataObject) -> None:
    datagram = message.encode()
    cut = data.draw(st.integers(0, len(datagram)))
    _try(datagram[:cut])


@given(st.binary(max_size=80))
def test_any_bytes_are_messages_or_a_value_error(datagram: bytes) -> None:
    _try(datagram)


@given(st.integers(0, 31), st.booleans(), st.integers(200, 207), st.binary(max_size=80))
def test_any_body_in_a_sound_header_is_messages_or_a_value_error(
    count: int, padded: bool, packet_type: int, body: bytes
) -> None:
    body = body[: len(body) // 4 * 4]
    _try(bytes((0x80 | padded << 5 | count, packet_type)) + (len(body) // 4).to_bytes(2, "big") + body)


def _try(datagram: bytes) -> None:
    try:
        rtcp.parse_compound(datagram)
    except ValueError:
        return


def test_a_sender_report_as_the_standard_lays_it_out() -> None:
    datagram = bytes.fromhex(
        "81 c8 000c 00000001"  # one block, SR, 13 words
        "83aa7e80 80000000"  # 1970-01-01 00:00:00.5
        "00015f90 0000000a 00001000"
        "00000002 40fffffe 00010005 00000010 7e808000 00010000"
    )

    assert rtcp.parse_compound(datagram) == [
        rtcp.SenderReport(
            1,
            0x83AA7E8080000000,
            90000,
            10,
            4096,
            (rtcp.ReportBlock(2, 64, -2, 0x10005, 16, 0x7E808000, 65536),),
        )
    ]


def test_a_nack_packs_sixteen_followers_into_one_mask() -> None:
    """RFC 4585 6.2.1, across the wrap."""
    nack = rtcp.Nack(1, 2, (65534, 65535, 14, 15))

    assert nack.encode().hex() == "81cd0004" + "00000001" + "00000002" + "fffe" + "8001" + "000f" + "0000"
    assert rtcp.parse_compound(nack.encode()) == [nack]


def test_a_keyframe_demand_as_the_standard_lays_it_out() -> None:
    assert rtcp.Fir(1, ((2, 7),)).encode().hex() == "84ce0004" + "00000001" + "00000000" + "00000002" + "07000000"


def test_a_receiver_estimate_keeps_eighteen_bits() -> None:
    read = rtcp.parse_compound(rtcp.Remb(1, 3_000_001, (9,)).encode())

    assert read == [rtcp.Remb(1, 3_000_001 >> 4 << 4, (9,))]


def test_strangers_in_a_compound_are_skipped() -> None:
    application = bytes.fromhex("80cc0002 00000001 41414141")
    extended = bytes.fromhex("80cf0001 00000001")
    feedback_of_others = bytes.fromhex("8fce0003 00000001 00000002 58585858")

    read = rtcp.parse_compound(application + rtcp.Pli(1, 2).encode() + extended + feedback_of_others)

    assert read == [rtcp.Pli(1, 2)]


def test_padding_is_taken_off() -> None:
    datagram = bytes.fromhex("a1c90008 00000001") + bytes(24) + bytes.fromhex("00000004")

    assert rtcp.parse_compound(datagram) == [rtcp.ReceiverReport(1, (rtcp.ReportBlock(0, 0, 0, 0, 0, 0, 0),))]


def test_a_report_cannot_count_more_than_it_has_bits_for() -> None:
    with pytest.raises(ValueError, match="31"):
        rtcp.Goodbye(tuple(range(32))).encode()


def _foreign(message: rtcp.Message) -> Sequence[aiortc.rtp.AnyRtcpPacket]:
    return aiortc.rtp.RtcpPacket.parse(message.encode())


def test_aiortc_reads_our_reports() -> None:
    block = rtcp.ReportBlock(2, 64, -2, 0x10005, 16, 0x7E808000, 65536)
    [sr] = _foreign(rtcp.SenderReport(1, 0x83AA7E8080000000, 90000, 10, 4096, (block,)))
    [rr] = _foreign(rtcp.ReceiverReport(1, (block,)))

    assert isinstance(sr, aiortc.rtp.RtcpSrPacket)
    assert (sr.ssrc, sr.sender_info.ntp_timestamp, sr.sender_info.rtp_timestamp) == (1, 0x83AA7E8080000000, 90000)
    assert (sr.sender_info.packet_count, sr.sender_info.octet_count) == (10, 4096)
    assert isinstance(rr, aiortc.rtp.RtcpRrPacket)
    [theirs] = rr.reports
    assert (theirs.ssrc, theirs.fraction_lost, theirs.packets_lost, theirs.highest_sequence) == (2, 64, -2, 0x10005)
    assert (theirs.jitter, theirs.lsr, theirs.dlsr) == (16, 0x7E808000, 65536)


def test_aiortc_reads_our_feedback() -> None:
    [nack] = _foreign(rtcp.Nack(1, 2, (10, 11, 26, 27)))  # no wrap: there aiortc counts on to 65536
    [pli] = _foreign(rtcp.Pli(1, 2))
    [description] = _foreign(rtcp.SourceDescription(((7, "bichron"),)))
    [goodbye] = _foreign(rtcp.Goodbye((7,)))
    [remb] = _foreign(rtcp.Remb(1, 3_000_000, (9,)))

    assert isinstance(nack, aiortc.rtp.RtcpRtpfbPacket)
    assert (nack.ssrc, nack.media_ssrc, nack.lost) == (1, 2, [10, 11, 26, 27])
    assert isinstance(pli, aiortc.rtp.RtcpPsfbPacket)
    assert (pli.fmt, pli.ssrc, pli.media_ssrc) == (1, 1, 2)
    assert isinstance(description, aiortc.rtp.RtcpSdesPacket)
    assert (description.chunks[0].ssrc, description.chunks[0].items) == (7, [(1, b"bichron")])
    assert isinstance(goodbye, aiortc.rtp.RtcpByePacket)
    assert goodbye.sources == [7]
    assert isinstance(remb, aiortc.rtp.RtcpPsfbPacket)
    assert aiortc.rtp.unpack_remb_fci(remb.fci) == (3_000_000, [9])


def test_the_round_trip_is_read_from_an_echoed_report() -> None:
    sent = rtcp.SenderReport(1, 1000 << 32, 0, 0, 0)
    block = rtcp.ReportBlock(1, 0, 0, 0, 0, sent.middle, 65536 // 2)

    assert rtcp.round_trip_ms(block, (1000 << 32) + (3 << 30)) == 250.0
    assert rtcp.round_trip_ms(block, (1000 << 32) + (1 << 30)) == 0.0
    assert rtcp.round_trip_ms(rtcp.ReportBlock(1, 0, 0, 0, 0, 0, 0), 1000 << 32) is None


def test_a_datagram_that_names_too_many_packets_is_refused() -> None:
    """A few bytes of runs name thousands; sixty such messages fit into one datagram."""
    feedback = twcc.TransportFeedback(1, 2, 0, 0, 0, (None,) * 4000)
    nack = rtcp.Nack(1, 2, tuple(range(400)))
    assert len(rtcp.parse_compound(feedback.encode())) == 1
    for datagram in (2 * feedback.encode(), 11 * nack.encode()):
        with pytest.raises(ValueError, match="names more than"):
            rtcp.parse_compound(datagram)

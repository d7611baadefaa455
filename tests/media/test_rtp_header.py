"""RTP headers: read from any bytes, written in one layout. aiortc is the independent reader."""

from __future__ import annotations

import aiortc.rtp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.media.rtp import header

U16 = st.integers(0, 0xFFFF)
U32 = st.integers(0, 0xFFFFFFFF)
ELEMENTS = st.dictionaries(st.integers(1, 14), st.binary(min_size=1, max_size=16), max_size=6)


def test_a_packet_with_csrcs_extensions_and_padding_is_read() -> None:
    packet = bytes.fromhex(
        "b2 ef 1234 00bc614e deadbeef"  # V=2 P X CC=2, M PT=111
        "00000001 00000002"  # CSRCs
        "bede 0002"  # one-byte extensions, two words
        "10 85  22 313233  00"  # 1: level 5 with voice; 2: "123"; padding
        "00"
        "cafe"  # payload
        "000003"  # padding
    )

    read = header.parse(packet)

    assert (read.payload_type, read.marker, read.seq, read.timestamp, read.ssrc) == (
        111,
        True,
        0x1234,
        12345678,
        0xDEADBEEF,
    )
    assert packet[read.payload_start : read.payload_end] == b"\xca\xfe"
    assert read.extensions == {1: b"\x85", 2: b"123"}
    assert header.audio_level(read.extensions[1]) == (5, True)


def test_two_byte_extensions_are_read() -> None:
    packet = bytes.fromhex("90600001 00000002 00000003 1000 0003 01 00  02 01 aa  00  1f 03 010203 00") + b"x"

    read = header.parse(packet)

    assert read.extensions == {1: b"", 2: b"\xaa", 31: b"\x01\x02\x03"}
    assert packet[read.payload_start :] == b"x"


@pytest.mark.parametrize("ending", ["f0", "05"])
def test_a_reserved_element_ends_the_extensions(ending: str) -> None:
    """Id 15, and id 0 with a length (RFC 8285 4.2)."""
    packet = bytes.fromhex(f"90600001 00000002 00000003 bede 0001 10 07 {ending} 00")

    assert header.parse(packet).extensions == {1: b"\x07"}


def test_an_unknown_extension_profile_is_skipped() -> None:
    packet = bytes.fromhex("90600001 00000002 00000003 abcd 0001 11223344 55")

    read = header.parse(packet)

    assert read.extensions == {}
    assert packet[read.payload_start : read.payload_end] == b"\x55"


@pytest.mark.parametrize(
    ("reason", "packet"),
    [
        ("12 bytes", "8060000100000002000000"),
        ("version", "406000010000000200000003"),
        ("shorter", "816000010000000200000003"),
        ("cut short", "906000010000000200000003bede"),
        ("cut short", "906000010000000200000003bede000110ff"),
        ("overruns", "906000010000000200000003bede00011300ffff"),
        ("overruns", "9060000100000002000000031000000101040000"),
        ("overruns", "9060000100000002000000031000000100000001"),
        ("empty", "a0600001000000020000000300"),
        ("shorter", "a0600001000000020000000302"),
    ],
)
def test_what_is_not_rtp_is_refused(reason: str, packet: str) -> None:
    with pytest.raises(ValueError, match=reason):
        header.parse(bytes.fromhex(packet))


@given(st.binary(max_size=64) | st.binary(max_size=64).map(lambda tail: b"\xb1" + tail))
def test_any_bytes_are_a_header_or_a_value_error(data: bytes) -> None:
    try:
        read = header.parse(data)
    except ValueError:
        return
    assert 12 <= read.payload_start <= read.payload_end <= len(data)


@given(U16, U32, U32, st.binary(max_size=40), st.booleans(), ELEMENTS, st.integers(0, 255))
def test_what_is_built_is_read_back(
    seq: int, timestamp: int, ssrc: int, payload: bytes, marker: bool, extensions: dict[int, bytes], padding: int
) -> None:
    packet = header.build(96, seq, timestamp, ssrc, payload, marker=marker, extensions=extensions, padding=padding)

    read = header.parse(packet)

    assert (read.payload_type, read.marker, read.seq, read.timestamp, read.ssrc) == (96, marker, seq, timestamp, ssrc)
    assert packet[read.payload_start : read.payload_end] == payload
    assert read.extensions == extensions


@given(U16, U32, U32, st.booleans(), st.integers(0, 14), U16, st.integers(0, 14), st.integers(0, 255))
def test_the_outgoing_layout_is_a_header_to_others(
    seq: int, timestamp: int, ssrc: int, marker: bool, twcc_id: int, twcc_seq: int, kept_id: int, kept: int
) -> None:
    packet = bytearray(b"\xff" * header.OUTGOING_SIZE + b"payload")
    twcc_tag, kept_tag = header.twcc_tag(twcc_id), header.kept_tag(kept_id)
    header.write_into(
        packet,
        0,
        96,
        marker,
        seq,
        timestamp,
        ssrc,
        twcc_tag,
        twcc_seq if twcc_id else 0,
        kept_tag,
        kept if kept_id else 0,
    )

    theirs = aiortc.rtp.RtpPacket.parse(bytes(packet))
    ours = header.parse(bytes(packet))

    assert (theirs.payload_type, theirs.marker, theirs.sequence_number) == (96, int(marker), seq)
    assert (theirs.timestamp, theirs.ssrc, theirs.payload) == (timestamp, ssrc, b"payload")
    expected = {kept_id: bytes((kept,))} if kept_id else {}
    if twcc_id and twcc_id != kept_id:
        expected[twcc_id] = twcc_seq.to_bytes(2, "big")
    assert ours.extensions == expected
    assert packet[21:24] == bytes(3)


@pytest.mark.parametrize("extension_id", [-1, 15, 255])
def test_an_extension_id_without_a_one_byte_form_is_refused(extension_id: int) -> None:
    with pytest.raises(ValueError, match="1 to 14"):
        header.twcc_tag(extension_id)


def test_values_of_the_wrong_size_are_refused() -> None:
    with pytest.raises(ValueError, match="2 bytes"):
        header.u16(b"\x01")
    with pytest.raises(ValueError, match="1 byte"):
        header.audio_level(b"")
    with pytest.raises(ValueError, match="one-byte form"):
        header.build(96, 1, 2, 3, extensions={15: b"x"})
    with pytest.raises(ValueError, match="padding"):
        header.build(96, 1, 2, 3, padding=256)

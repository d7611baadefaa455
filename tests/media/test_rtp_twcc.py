"""Transport-wide feedback: chunks and deltas as the draft has them, and every arrival reported once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.media.rtp import rtcp, twcc
from server.media.rtp.numbers import unwrap

NOON_US = 1_700_000_000_000_000


def _body(base_seq: int, count: int, rest: str) -> bytes:
    """From SSRC 1 on 2, reference 16 (1.024 s), feedback 7."""
    return bytes.fromhex(f"00000001 00000002 {base_seq:04x} {count:04x} 000010 07 {rest}")


def _read(feedbacks: list[bytes]) -> list[twcc.TransportFeedback]:
    read: list[twcc.TransportFeedback] = []
    for feedback in feedbacks:
        [message] = rtcp.parse_compound(feedback)
        assert isinstance(message, twcc.TransportFeedback)
        read.append(message)
    return read


def _told(feedbacks: list[bytes]) -> list[tuple[int, int | None]]:
    return [arrival for feedback in _read(feedbacks) for arrival in feedback.arrivals()]


@pytest.mark.parametrize(
    ("rest", "deltas"),
    [
        pytest.param("2003 010203", (1, 2, 3), id="run of small"),
        pytest.param("0003 4001 ff38", (None, None, None, -200), id="runs of lost and large"),
        pytest.param("a800 0a0b", (10, None, 11, None), id="vector of one-bit symbols"),
        pytest.param("d840 05 0100 06", (5, 256, None, 6), id="vector of two-bit symbols"),
        pytest.param("3fff 0506", (5, 6), id="a run longer than the count"),
    ],
)
def test_chunks_are_read_as_the_draft_has_them(rest: str, deltas: tuple[int | None, ...]) -> None:
    read = twcc.parse(_body(7, len(deltas), rest))

    assert (read.sender_ssrc, read.media_ssrc, read.base_seq, read.reference, read.count) == (1, 2, 7, 16, 7)
    assert read.deltas == deltas


def test_arrivals_add_up_from_the_reference() -> None:
    read = twcc.parse(_body(0xFFFF, 4, "d840 05 0100 06"))

    assert list(read.arrivals()) == [(0xFFFF, 1_025_250), (0, 1_089_250), (1, None), (2, 1_090_750)]


@pytest.mark.parametrize(
    ("deltas", "chunks"),
    [
        pytest.param((1,) * 20, "2014", id="one run"),
        pytest.param((None,) * 4095 + (1,), "0fff 2001", id="a long run"),
        pytest.param((1, None) * 7 + (1,), "aaaa 2001", id="a one-bit vector, then the rest"),
        pytest.param((1, 300, None, 1, 300, 300, 1), "d869", id="a two-bit vector"),
        pytest.param((300,) * 7 + (1, None), "4007 a000", id="a run of large"),
    ],
)
def test_chunks_are_chosen_to_be_short(deltas: tuple[int | None, ...], chunks: str) -> None:
    packet = twcc.TransportFeedback(1, 2, 0, 0, 0, deltas).encode()

    expected = bytes.fromhex(chunks)
    assert packet[20 : 20 + len(expected)] == expected
    assert rtcp.parse_compound(packet) == [twcc.TransportFeedback(1, 2, 0, 0, 0, deltas)]


@pytest.mark.parametrize(
    ("reason", "body"),
    [
        ("16 bytes", bytes(15)),
        ("got 0", _body(7, 0, "2001 05")),
        ("got 65535", _body(7, 65_535, "1fff" * 8 + "0007")),
        ("chunks are cut", _body(7, 9, "2003")),
        ("deltas are cut", _body(7, 3, "2003 0102")),
        ("deltas are cut", _body(7, 1, "4001 01")),
        ("empty run", _body(7, 1, "2000 05")),
        ("reserved", _body(7, 1, "6001 05")),
    ],
)
def test_a_malformed_feedback_is_refused(reason: str, body: bytes) -> None:
    with pytest.raises(ValueError, match=reason):
        twcc.parse(body)


@given(st.binary(max_size=80))
def test_any_bytes_are_a_feedback_or_a_value_error(body: bytes) -> None:
    try:
        read = twcc.parse(body)
    except ValueError:
        return
    assert read.deltas


@pytest.mark.parametrize("deltas", [(), (40_000,), (1,) * 5000])
def test_what_has_no_form_is_not_written(deltas: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="got"):
        twcc.TransportFeedback(1, 2, 0, 0, 0, deltas).encode()


def test_losses_between_two_feedbacks_are_reported_with_the_second() -> None:
    builder = twcc.FeedbackBuilder(1)
    builder.arrived(10, NOON_US, 77)
    first = builder.build()
    builder.arrived(13, NOON_US + 20_000, 77)

    assert [seq for seq, _ in _told(first)] == [10]
    assert [(seq, at is None) for seq, at in _told(builder.build())] == [(11, True), (12, True), (13, False)]


def test_a_late_packet_is_reported_alone_and_spoils_nothing() -> None:
    builder = twcc.FeedbackBuilder(1)
    for seq in (10, 12, 14):
        builder.arrived(seq, NOON_US + seq * 1000)
    builder.build()
    builder.arrived(11, NOON_US + 30_000)
    builder.arrived(15, NOON_US + 31_000)

    feedbacks = _read(builder.build())

    assert [[(seq, at is None) for seq, at in feedback.arrivals()] for feedback in feedbacks] == [
        [(11, False)],
        [(15, False)],
    ]


def test_a_pause_beyond_sixteen_bits_splits_the_feedback() -> None:
    builder = twcc.FeedbackBuilder(1)
    builder.arrived(1, NOON_US)
    builder.arrived(2, NOON_US + 9_000_000)

    feedbacks = builder.build()

    assert len(feedbacks) == 2
    assert [seq for seq, _ in _told(feedbacks)] == [1, 2]


def test_feedbacks_are_counted_and_empty_ones_not_sent() -> None:
    builder = twcc.FeedbackBuilder(1)
    counts = []
    for seq in range(300):
        builder.arrived(seq, NOON_US + seq)
        assert builder.pending == 1
        counts += [feedback.count for feedback in _read(builder.build())]

    assert counts == [*range(256), *range(44)]
    assert builder.build() == []


def test_many_arrivals_make_several_datagrams() -> None:
    builder = twcc.FeedbackBuilder(1)
    for seq in range(0, 2000, 2):
        builder.arrived(seq, NOON_US + seq * 100_000)

    feedbacks = builder.build()

    assert max(map(len, feedbacks)) < 1000
    assert [seq for seq, at in _told(feedbacks) if at is not None] == list(range(0, 2000, 2))


def test_a_sender_that_starts_over_is_not_a_thousand_losses() -> None:
    builder = twcc.FeedbackBuilder(1)
    builder.arrived(5, NOON_US)
    builder.build()
    builder.arrived(20_000, NOON_US)

    assert [seq for seq, _ in _told(builder.build())] == [20_000]


@given(
    st.integers(0, 0xFFFF),
    st.lists(
        st.tuples(st.integers(1, 30), st.integers(-5_000, 400_000) | st.integers(0, 20_000_000), st.booleans()),
        min_size=1,
        max_size=150,
    ),
)
def test_every_arrival_is_reported_once_to_a_quarter_millisecond(seq: int, steps: list[tuple[int, int, bool]]) -> None:
    """Whatever is skipped, however long it takes, whenever feedback is sent, across wraps."""
    builder = twcc.FeedbackBuilder(1, 2)
    at_us, number = NOON_US, seq
    sent: dict[int, int] = {}
    told: list[tuple[int, int]] = []
    reported = seq
    for step, pause_us, flush in steps:
        sent[number] = at_us
        builder.arrived(number & 0xFFFF, at_us)
        if flush:
            for wire, at in _told(builder.build()):
                reported = unwrap(wire, reported)
                if at is not None:
                    told.append((reported, at))
        number += step
        at_us += pause_us
    for wire, at in _told(builder.build()):
        reported = unwrap(wire, reported)
        if at is not None:
            told.append((reported, at))

    assert [number for number, _ in told] == list(sent)
    # The reference has 24 bits: times are compared within its space.
    space = twcc.REFERENCE_US << 24
    for number, at in told:
        assert abs((at - sent[number] + space // 2) % space - space // 2) <= twcc.TICK_US // 2


@given(st.permutations(range(40)), st.integers(0, 0xFFFF))
def test_reordered_arrivals_are_all_reported(order: list[int], seq: int) -> None:
    builder = twcc.FeedbackBuilder(1)
    told: list[int] = []
    for index, offset in enumerate(order):
        builder.arrived(seq + offset & 0xFFFF, NOON_US + index * 300)
        if index % 7 == 0:
            told += [wire for wire, at in _told(builder.build()) if at is not None]
    told += [wire for wire, at in _told(builder.build()) if at is not None]

    assert sorted(told) == sorted(seq + offset & 0xFFFF for offset in order)

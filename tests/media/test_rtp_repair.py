"""What is asked for again, and how often: NACKs, keyframe requests, and the rates that choices rest on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.media.rtp.keyframes import RETRY_MS, SPACING_MS, Throttle
from server.media.rtp.layers import Layer, choose
from server.media.rtp.nack import MOST_MISSING, MOST_TRIES, OLDEST_MS, REORDERING_MS, GapDetector
from server.media.rtp.rates import BitrateMeter


def gaps_after(*seqs: int, at_ms: int = 0) -> GapDetector:
    gaps = GapDetector()
    for seq in seqs:
        gaps.arrived(seq, at_ms)
    return gaps


def test_a_gap_is_asked_for_once_reordering_is_ruled_out_then_once_per_round_trip() -> None:
    gaps = gaps_after(65_534, 2)

    assert gaps.due(REORDERING_MS - 1) == []
    assert gaps.due(REORDERING_MS, rtt_ms=80) == [65_535, 0, 1]
    assert gaps.due(REORDERING_MS + 79, rtt_ms=80) == []
    gaps.arrived(0, 60)
    assert gaps.due(REORDERING_MS + 80, rtt_ms=80) == [65_535, 1]


def test_what_was_asked_for_was_lost_once_even_if_it_comes_after_all() -> None:
    gaps = gaps_after(1, 4)
    gaps.due(REORDERING_MS)
    gaps.due(REORDERING_MS + 100)
    gaps.arrived(2, REORDERING_MS + 100)
    assert gaps.lost == 2
    gaps.arrived(5 + MOST_MISSING, REORDERING_MS + 100)
    assert gaps.lost == 2 + MOST_MISSING


def test_a_reordered_packet_is_not_asked_for() -> None:
    gaps = gaps_after(1, 3, 2)

    assert gaps.due(1000) == []
    assert gaps.missing == gaps.lost == 0


def test_a_packet_that_never_comes_is_given_up_for_a_keyframe() -> None:
    gaps = gaps_after(1, 3)

    asked = [now_ms for now_ms in range(0, 2 * OLDEST_MS, 10) if gaps.due(now_ms, rtt_ms=20)]

    assert len(asked) == MOST_TRIES
    assert gaps.missing == 0
    assert gaps.gave_up()
    assert not gaps.gave_up()


def test_what_is_too_old_is_given_up_even_if_it_was_rarely_asked_for() -> None:
    gaps = gaps_after(1, 3)

    assert gaps.due(100, rtt_ms=800) == [2]
    assert gaps.due(OLDEST_MS + 1, rtt_ms=800) == []
    assert gaps.gave_up()


def test_too_much_missing_is_given_up_at_once() -> None:
    gaps = gaps_after(1, 3, 10 + MOST_MISSING)

    assert gaps.gave_up()
    assert gaps.due(1000) == []


@given(st.integers(0, 0xFFFF), st.sets(st.integers(1, 99), max_size=60))
def test_exactly_what_is_missing_is_asked_for(first: int, lost: set[int]) -> None:
    gaps = GapDetector()
    for index in range(101):
        if index not in lost:
            gaps.arrived(first + index & 0xFFFF, 0)

    assert gaps.due(REORDERING_MS) == [first + index & 0xFFFF for index in sorted(lost)]


def test_a_keyframe_is_asked_for_once_however_many_want_it() -> None:
    throttle = Throttle()

    assert throttle.want(1000)
    assert not throttle.want(1001)
    assert not throttle.due(1000 + RETRY_MS - 1)
    assert throttle.due(1000 + RETRY_MS)  # the request may have been lost


def test_what_begins_to_be_sent_is_not_asked_for_the_keyframe_it_begins_with() -> None:
    throttle = Throttle()
    throttle.begins(1000)

    assert not throttle.want(1000)
    assert throttle.due(1000 + RETRY_MS)  # its beginning was lost


def test_a_wish_is_granted_by_a_keyframe() -> None:
    throttle = Throttle()
    throttle.want(1000)
    throttle.arrived(1040)

    assert not throttle.wanted
    assert not throttle.due(5000)


def test_a_wish_right_after_a_keyframe_waits_its_turn_and_is_not_forgotten() -> None:
    throttle = Throttle()
    throttle.arrived(1000)

    assert not throttle.want(1010)
    assert throttle.wanted
    assert not throttle.due(1000 + SPACING_MS - 1)
    assert throttle.due(1000 + SPACING_MS)


def test_a_rate_is_of_the_last_second() -> None:
    meter = BitrateMeter()
    assert meter.bps(0) == 0
    for now_ms in range(10_000, 12_000, 10):
        meter.add(125, now_ms)

    assert meter.bps(11_999) == 100_000
    assert meter.bps(12_499) == pytest.approx(50_000, rel=0.05)
    assert meter.bps(14_000) == 0


def test_a_young_rate_is_not_diluted_by_time_before_it() -> None:
    meter = BitrateMeter()
    for now_ms in range(10_000, 10_200, 10):
        meter.add(125, now_ms)

    assert meter.bps(10_199) == 100_000


@given(st.lists(st.tuples(st.integers(-50, 3000), st.integers(0, 1500)), max_size=60))
def test_a_rate_is_never_negative_and_fades(steps: list[tuple[int, int]]) -> None:
    """Even if the clock is set back a little."""
    meter = BitrateMeter()
    now_ms = 100_000
    latest_ms = now_ms
    for step_ms, size in steps:
        now_ms += step_ms
        latest_ms = max(latest_ms, now_ms)
        meter.add(size, now_ms)
        assert meter.bps(now_ms) >= 0
    assert meter.bps(latest_ms + 1100) == 0


def camera(low_ms: int, middle_ms: int, high_ms: int) -> list[Layer]:
    return [Layer("l", 150_000, low_ms), Layer("m", 500_000, middle_ms), Layer("h", 1_700_000, high_ms)]


@pytest.mark.parametrize(
    ("layers", "quality", "budget_bps", "chosen"),
    [
        pytest.param(camera(9000, 9010, 9005), "high", None, "h", id="the best"),
        pytest.param(camera(9000, 9010, 9005), "low", None, "l", id="the smallest"),
        pytest.param(camera(9000, 9010, 0), "high", None, "m", id="the best of those that ever came"),
        pytest.param(camera(9000, 9010, 8000), "high", None, "m", id="the top layer has paused"),
        pytest.param(camera(0, 9010, 9005), "low", None, "m", id="the smallest is not sent"),
        pytest.param(camera(0, 310, 305), "low", None, "m", id="the clock is young"),
        pytest.param(camera(4000, 4010, 4005), "high", None, "h", id="the sender is silent, not a layer"),
        pytest.param(camera(9000, 9010, 9005), "high", 1_000_000, "m", id="what fits"),
        pytest.param(camera(9000, 9010, 9005), "high", 10_000, "l", id="nothing fits"),
        pytest.param(camera(0, 0, 0), "high", None, None, id="nothing ever came"),
        pytest.param([Layer("", 90_000, 5)], "low", None, "", id="no simulcast"),
        pytest.param([], "high", None, None, id="no layers"),
    ],
)
def test_layers_are_chosen(layers: list[Layer], quality: str, budget_bps: int | None, chosen: str | None) -> None:
    assert choose(layers, quality, budget_bps) == chosen


def test_an_unknown_quality_is_refused() -> None:
    with pytest.raises(ValueError, match="medium"):
        choose([], "medium")

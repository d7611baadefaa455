"""RTP timestamps become times of the server's clock, and sound and picture of one sender stay together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.media.clock import SLEW_MS, SenderClock, TrackClock, ntp_from_wall, wall_from_ntp

NOON_MS = 1_700_000_000_000.0


class Sender:
    """A device whose own clock is `ahead_ms` of ours; its packets take `travel_ms`. Time starts at NOON_MS."""

    def __init__(self, ahead_ms: float = 0.0, travel_ms: float = 20.0) -> None:
        self.ahead_ms = ahead_ms
        self.travel_ms = travel_ms
        self.clock = SenderClock()

    def track(self, clock_rate: int, first_timestamp: int = 0) -> Track:
        return Track(self, clock_rate, first_timestamp)


class Track:
    def __init__(self, sender: Sender, clock_rate: int, first_timestamp: int) -> None:
        self.sender = sender
        self.clock_rate = clock_rate
        self.first_timestamp = first_timestamp
        self.clock = TrackClock(clock_rate, sender.clock)

    def timestamp(self, at_ms: float) -> int:
        return self.first_timestamp + round(at_ms * self.clock_rate / 1000) & 0xFFFFFFFF

    def sends(self, at_ms: float, *, delayed_ms: float = 0.0) -> float:
        """The error of a packet captured at `at_ms`, in milliseconds."""
        arrival_ms = NOON_MS + at_ms + self.sender.travel_ms + delayed_ms
        return self.clock.arrived(self.timestamp(at_ms), arrival_ms) - (NOON_MS + at_ms)

    def reports(self, at_ms: float, *, delayed_ms: float = 0.0, shifted_ms: float = 0.0) -> None:
        """`shifted_ms` is how far the timestamps have gone astray since the last report."""
        ntp = ntp_from_wall(NOON_MS + at_ms + self.sender.ahead_ms)
        self.clock.reported(
            ntp, self.timestamp(at_ms - shifted_ms), NOON_MS + at_ms + self.sender.travel_ms + delayed_ms
        )


def test_before_the_first_report_the_earliest_arrival_counts() -> None:
    track = Sender(travel_ms=20).track(90_000, first_timestamp=(1 << 32) - 1000)

    assert track.sends(0, delayed_ms=30) == pytest.approx(50)
    assert track.sends(33, delayed_ms=5) == pytest.approx(25)
    assert track.sends(66, delayed_ms=100) == pytest.approx(25)
    assert track.sends(99) == pytest.approx(20)


def test_a_track_replaced_before_its_first_report_does_not_lag_for_ever() -> None:
    track = Sender().track(90_000)
    track.sends(0)

    late_ms = NOON_MS + 5000
    assert track.clock.arrived(track.timestamp(33), late_ms) == late_ms


def test_the_first_report_is_believed_at_once() -> None:
    track = Sender().track(48_000)
    track.sends(0, delayed_ms=50)  # 70 ms late, by arrival
    track.reports(1000)

    assert track.sends(1000) == pytest.approx(20, abs=0.1)


def test_a_small_error_is_worked_off_slowly_and_a_large_one_at_once() -> None:
    track = Sender().track(48_000)
    track.sends(0)
    track.reports(1000)
    track.reports(2000, shifted_ms=50)
    assert track.sends(2000) == pytest.approx(20 + SLEW_MS, abs=0.1)
    for second in range(3, 6):
        track.reports(second * 1000, shifted_ms=50)
    assert track.sends(6000) == pytest.approx(70, abs=0.1)

    track.reports(7000, shifted_ms=500)
    assert track.sends(7000) == pytest.approx(520, abs=0.1)


def test_the_senders_wrong_clock_does_not_matter() -> None:
    """An hour ahead; what is left is the travel of the quickest report."""
    sender = Sender(ahead_ms=3_600_000, travel_ms=15)
    track = sender.track(90_000)
    track.reports(0)

    assert track.sends(40) == pytest.approx(15, abs=0.1)


@pytest.mark.parametrize("ahead_ms", [60_000, -60_000])
def test_a_senders_clock_that_is_set_is_believed_after_a_few_reports(ahead_ms: float) -> None:
    sender = Sender()
    track = sender.track(90_000)
    track.reports(0)
    sender.ahead_ms = ahead_ms

    for second in (1, 2, 3):
        track.reports(second * 1000)

    assert track.sends(3040) == pytest.approx(20, abs=0.1)


def test_one_report_that_was_stuck_for_seconds_changes_nothing() -> None:
    track = Sender().track(90_000)
    track.reports(0)
    track.reports(1000, delayed_ms=5000)

    assert track.sends(1040) == pytest.approx(20, abs=0.1)


def test_a_link_that_is_full_for_half_a_minute_does_not_shift_time() -> None:
    track = Sender().track(90_000)
    track.reports(0)
    for second in range(1, 31):
        track.reports(second * 1000, delayed_ms=400)

    assert track.sends(31_000) == pytest.approx(20, abs=0.1)


def test_slow_reports_do_not_pull_the_tracks_of_a_sender_apart() -> None:
    sender = Sender(ahead_ms=-5_000, travel_ms=10)
    voice, face = sender.track(48_000, 7), sender.track(90_000, 1 << 31)
    voice.sends(0)
    face.sends(0)
    for second in range(10):
        face.reports(second * 1000, delayed_ms=(40, 0, 80, 25, 60)[second % 5])
        if second % 5 == 4:
            voice.reports(second * 1000 + 300, delayed_ms=90)

    assert voice.sends(10_000) == pytest.approx(face.sends(10_000), abs=1)


def test_a_sender_cannot_put_its_frames_wherever_it_likes() -> None:
    """Each leap of more than half a minute would make the recorder begin another file."""
    track = Sender().track(48_000)
    track.sends(0)
    track.reports(10)
    for packet in range(1, 50):
        arrival_ms = NOON_MS + packet * 20
        leap_ms = packet * 31_000 * (-1 if packet % 3 else 1)
        at_ms = track.clock.arrived(track.timestamp(leap_ms), arrival_ms)
        assert -500 <= arrival_ms - at_ms <= 5000
        track.clock.reported(ntp_from_wall(NOON_MS + leap_ms), track.timestamp(leap_ms), arrival_ms)


def test_a_sender_without_a_clock_is_timed_by_arrival() -> None:
    track = Sender().track(90_000)
    track.sends(0)
    track.clock.reported(0, 12345, NOON_MS)

    assert track.sends(33) == pytest.approx(20)


def test_a_long_track_is_on_time_across_many_wraps() -> None:
    """The 32 bits of 90 kHz wrap every 13 hours, of 48 kHz every 25."""
    sender = Sender(ahead_ms=777)
    track = sender.track(90_000, first_timestamp=99)
    track.sends(0)
    for hour in range(0, 72, 4):
        track.reports(hour * 3_600_000.0)

        assert track.sends(hour * 3_600_000.0 + 40) == pytest.approx(20, abs=0.1)


def test_a_clock_that_runs_fast_is_followed() -> None:
    """100 ppm for an hour would be 360 ms."""
    sender = Sender()
    track = sender.track(90_000)
    for second in range(0, 3600, 5):
        sender.ahead_ms = second * 0.1
        track.reports(second * 1000.0)

    assert abs(track.sends(3_600_000) - 20) < 10


def test_viewers_are_told_the_timestamp_of_any_moment() -> None:
    track = Sender().track(90_000, first_timestamp=(1 << 32) - 90)
    with pytest.raises(ValueError, match="first packet"):
        track.clock.timestamp_at(NOON_MS)
    with pytest.raises(ValueError, match="first packet"):
        track.clock.wall_ms(0)
    track.sends(0)

    now_ms = NOON_MS + 20 + 1000
    assert track.clock.timestamp_at(now_ms) == 90_000 - 90
    assert track.clock.wall_ms(90_000 - 90) == pytest.approx(now_ms)


@given(st.floats(0, 4_000_000_000_000))
def test_ntp_time_goes_there_and_back(wall_ms: float) -> None:
    """Until 2096, across the era that ends in 2036."""
    ntp = ntp_from_wall(wall_ms)

    assert 0 <= ntp < 1 << 64
    assert wall_from_ntp(ntp) == pytest.approx(wall_ms, abs=0.01)


def test_ntp_time_as_the_standard_has_it() -> None:
    assert ntp_from_wall(0) == 2_208_988_800 << 32
    assert ntp_from_wall(500) == 2_208_988_800 << 32 | 1 << 31
    assert wall_from_ntp(0) == 2_085_978_496_000  # 7 February 2036, 06:28:16


@given(
    st.lists(st.tuples(st.floats(0, 60), st.floats(0, 300), st.booleans()), min_size=1, max_size=100),
    st.floats(-1e7, 1e7),
    st.integers(0, 0xFFFFFFFF),
)
def test_the_error_is_never_more_than_what_travel_and_jitter_explain(
    steps: list[tuple[float, float, bool]], ahead_ms: float, first_timestamp: int
) -> None:
    track = Sender(ahead_ms, travel_ms=20).track(48_000, first_timestamp)
    at_ms = 0.0
    for step_ms, delayed_ms, reports in steps:
        at_ms += step_ms
        if reports:
            track.reports(at_ms, delayed_ms=delayed_ms)
        error_ms = track.sends(at_ms, delayed_ms=delayed_ms)
        assert -1 <= error_ms <= 321


def test_layers_of_one_camera_know_how_far_apart_their_timestamps_are() -> None:
    sender = Sender()
    small, large = sender.track(90_000, first_timestamp=100), sender.track(90_000, first_timestamp=(1 << 32) - 900)
    small.sends(0)
    assert small.clock.ahead_of(large.clock) is None

    large.sends(500, delayed_ms=70)  # a keyframe
    small.reports(1000)
    large.reports(1010)

    assert small.clock.ahead_of(large.clock) == pytest.approx(1000, abs=2)
    assert large.clock.ahead_of(small.clock) == pytest.approx((1 << 32) - 1000, abs=2)

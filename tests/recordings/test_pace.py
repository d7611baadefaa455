"""Frames come out at the times they were captured at: video within a millisecond, sound within one packet."""

from __future__ import annotations

import itertools
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from recordings.pace import PicturePace, SoundPace


class Laid:
    """What a listener hears: (when, which packet; -1 is silence)."""

    def __init__(self) -> None:
        self.pace = SoundPace()
        self.heard: list[tuple[int, int]] = []

    def packet(self, number: int, due_ms: float, length_ms: float = 20) -> bool:
        step = self.pace.step(due_ms, length_ms)
        if step is None:
            return False
        self.heard += [(at_ms, -1) for at_ms in step.silences]
        if step.at_ms is not None:
            self.heard.append((step.at_ms, number))
        return True

    def when(self, number: int) -> int:
        return next(at_ms for at_ms, heard in self.heard if heard == number)

    def is_end_to_end(self) -> bool:
        times = [at_ms for at_ms, _ in self.heard]
        return all(later - earlier == 20 for earlier, later in itertools.pairwise(times))


def test_steady_packets_are_laid_end_to_end() -> None:
    laid = Laid()
    for n in range(500):
        laid.packet(n, n * 20)
    assert laid.heard == [(n * 20, n) for n in range(500)]


def test_a_hole_is_filled_with_silence_of_its_length() -> None:
    laid = Laid()
    for n in [*range(50), *range(100, 150)]:
        laid.packet(n, n * 20)
    assert [number for _, number in laid.heard] == [*range(50), *[-1] * 50, *range(100, 150)]
    assert laid.is_end_to_end()


def test_jitter_neither_adds_nor_drops_sound() -> None:
    laid, dice = Laid(), Random(7)
    for n in range(3_000):
        laid.packet(n, n * 20 + dice.uniform(-30, 30))
    assert laid.heard == [(n * 20, n) for n in range(3_000)]


def test_a_fast_or_slow_microphone_stays_within_a_packet_of_the_clock_for_hours() -> None:
    for drift in (1.0002, 0.9998):  # 200 ppm is a bad crystal: 0.7 s in an hour
        laid = Laid()
        for n in range(180_000):
            laid.packet(n, n * 20 * drift)
        kept = {number: at_ms for at_ms, number in laid.heard if number >= 0}
        assert max(abs(at_ms - number * 20 * drift) for number, at_ms in kept.items()) <= 20
        assert len(kept) >= 180_000 - 40
        assert laid.is_end_to_end()


def test_one_lost_packet_is_made_good_within_two_seconds() -> None:
    laid = Laid()
    for n in [*range(100), *range(101, 300)]:
        laid.packet(n, n * 20)
    assert all(abs(laid.when(n) - n * 20) <= 20 for n in range(101, 200))
    assert all(abs(laid.when(n) - n * 20) < 10 for n in range(200, 300))


def test_silence_that_a_sender_leaves_out_is_put_back() -> None:
    """Opus DTX: one packet in 400 ms while nobody speaks."""
    laid = Laid()
    for n in [*range(50), *range(60, 200, 20), *range(200, 250)]:
        laid.packet(n, n * 20)
    assert all(abs(laid.when(n) - n * 20) <= 10 for n in range(200, 250))
    assert laid.is_end_to_end()


def test_a_clock_that_is_set_back_leaves_sound_out_until_time_has_caught_up() -> None:
    laid = Laid()
    for n in range(50):
        laid.packet(n, n * 20)
    for n in range(50, 150):
        laid.packet(n, n * 20 - 300)
    assert all(abs(laid.when(n) - (n * 20 - 300)) <= 20 for n in range(70, 150))
    assert laid.is_end_to_end()


def test_packets_of_any_length_lie_end_to_end() -> None:
    laid = Laid()
    for n in range(100):
        laid.packet(n, n * 60, 60)
    assert laid.heard == [(n * 60, n) for n in range(100)]


def test_a_long_nothing_or_a_step_far_back_belongs_into_another_file() -> None:
    laid = Laid()
    laid.packet(0, 0)
    assert not laid.packet(1, 31_000)
    assert not laid.packet(1, -6_000)
    picture = PicturePace()
    assert picture.at_ms(0, True) == 0
    assert picture.at_ms(11_000, True) is None
    assert picture.at_ms(11_000, False) == 11_000  # nothing could be decoded from here in another file
    assert picture.at_ms(5_000, True) is None


@given(st.lists(st.floats(-10_000, 40_000), max_size=200))
def test_sound_time_never_runs_backwards(dues: list[float]) -> None:
    laid = Laid()
    for n, due_ms in enumerate(dues):
        laid.packet(n, due_ms)
    assert laid.is_end_to_end()


@given(st.lists(st.tuples(st.floats(-10_000, 60_000), st.booleans()), max_size=200))
def test_picture_time_never_runs_backwards(dues: list[tuple[float, bool]]) -> None:
    pace = PicturePace()
    times = [at_ms for due_ms, keyframe in dues if (at_ms := pace.at_ms(due_ms, keyframe)) is not None]
    assert all(earlier < later for earlier, later in itertools.pairwise(times))


def test_a_picture_is_within_half_a_millisecond_of_its_capture() -> None:
    pace, dice = PicturePace(), Random(3)
    due_ms = 0.0
    for _ in range(1_000):
        at_ms = pace.at_ms(due_ms, False)
        assert at_ms is not None
        assert abs(at_ms - due_ms) <= 0.5
        due_ms += dice.uniform(5, 200)

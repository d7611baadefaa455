"""Who is heard: the loudest few, without flutter."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from server.media.rtp.speakers import STAY_MS, Floor, Loudest

TALKING, SHOUTING, MURMUR, SILENT = 30, 15, 50, 127


class Room:
    """Everybody sends a level every 20 ms."""

    def __init__(self, places: int) -> None:
        self.loudest: Loudest[str] = Loudest(places)
        self.now_ms = 10_000

    def hears(self, levels: Mapping[str, int], for_ms: int) -> Floor[str]:
        floor = self.loudest.choose(self.now_ms)
        for _ in range(for_ms // 20):
            self.now_ms += 20
            for who, level in levels.items():
                self.loudest.level(who, level, self.now_ms)
            floor = self.loudest.choose(self.now_ms)
        return floor


def test_in_a_small_circle_everybody_is_heard_even_in_silence() -> None:
    floor = Room(3).hears({"ann": SILENT, "bo": SILENT}, 100)

    assert set(floor.heard) == {"ann", "bo"}
    assert floor.speaker is None


def test_who_begins_to_speak_takes_a_silent_place_within_a_tenth_of_a_second() -> None:
    room = Room(2)
    room.hears({"ann": SILENT, "bo": SILENT, "cy": SILENT}, 2000)

    floor = room.hears({"ann": SILENT, "bo": SILENT, "cy": TALKING}, 100)

    assert "cy" in floor.heard
    assert floor.speaker == "cy"


def test_who_stays_keeps_the_index() -> None:
    room = Room(3)
    everybody = {"ann": TALKING, "bo": TALKING, "cy": TALKING}
    before = list(room.hears(everybody, 2000).heard)
    quiet = before[0]

    after = room.hears({**everybody, quiet: SILENT, "di": TALKING}, 3000)

    assert list(after.heard) == ["di", *before[1:]]


def test_speakers_of_like_loudness_do_not_push_each_other_out() -> None:
    room = Room(1)
    room.hears({"ann": TALKING}, 3000)

    floor = room.hears({"ann": TALKING, "bo": TALKING - 4}, 5000)

    assert floor.heard == ("ann",)


def test_a_clearly_louder_speaker_gets_the_place_after_a_while() -> None:
    room = Room(1)
    room.hears({"ann": MURMUR}, 100)

    early = room.hears({"ann": MURMUR, "bo": SHOUTING}, STAY_MS - 200)
    late = room.hears({"ann": MURMUR, "bo": SHOUTING}, 400)

    assert (early.heard, late.heard) == (("ann",), ("bo",))


def test_a_cough_does_not_take_the_lead() -> None:
    room = Room(2)
    room.hears({"ann": TALKING, "bo": SILENT}, 3000)

    floor = room.hears({"ann": TALKING, "bo": SHOUTING}, 200)

    assert floor.speaker == "ann"
    assert room.hears({"ann": TALKING, "bo": SHOUTING}, 1000).speaker == "bo"


def test_the_lead_outlasts_a_silence() -> None:
    room = Room(2)
    room.hears({"ann": TALKING, "bo": SILENT}, 1000)

    assert room.hears({"ann": SILENT, "bo": SILENT}, 10_000).speaker == "ann"
    assert room.hears({"ann": SILENT, "bo": MURMUR}, 200).speaker == "bo"


def test_who_leaves_is_forgotten_at_once() -> None:
    room = Room(1)
    room.hears({"ann": TALKING, "bo": SILENT}, 1000)
    room.loudest.forget("ann")
    room.loudest.forget("nobody")

    floor = room.loudest.choose(room.now_ms)

    assert floor == Floor(("bo",), None)


def test_who_falls_silent_without_a_word_fades() -> None:
    """A muted track sends no packets at all."""
    room = Room(2)
    room.hears({"ann": TALKING}, 1000)
    assert room.loudest.levels(room.now_ms)["ann"] in range(TALKING, TALKING + 3)

    room.now_ms += 3000

    assert room.loudest.levels(room.now_ms)["ann"] > 120


@given(
    st.integers(0, 4),
    st.lists(st.tuples(st.sampled_from("abcdefg"), st.integers(-5, 140), st.integers(0, 700)), max_size=80),
)
def test_places_are_never_overbooked_nor_empty_while_somebody_waits(
    places: int, levels: list[tuple[str, int, int]]
) -> None:
    loudest: Loudest[str] = Loudest(places)
    now_ms = 0
    known: set[str] = set()
    for who, level, step_ms in levels:
        now_ms += step_ms
        known.add(who)
        loudest.level(who, level, now_ms)
        floor = loudest.choose(now_ms)

        assert len(set(floor.heard)) == len(floor.heard) == min(places, len(known))
        assert set(floor.heard) <= known
        assert all(0 <= decibels <= 127 for decibels in loudest.levels(now_ms).values())

"""Who sits on which slot."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from server.media.seating import Seat, assign, choose_pictures, choose_voices, in_order_of_display
from server.media.shapes import PeerId, Want

ANN, BO, CY, DEE = (PeerId(name) for name in ("ann", "bo", "cy", "dee"))
SHOWN = dict.fromkeys(in_order_of_display([Seat(ANN, "camera"), Seat(BO, "camera"), Seat(BO, "screen")]))


def test_without_wishes_a_screen_comes_first_then_cameras_as_they_came() -> None:
    assert list(choose_pictures([], SHOWN, DEE, 9)) == [Seat(BO, "screen"), Seat(ANN, "camera"), Seat(BO, "camera")]


def test_a_wish_comes_before_a_screen_and_has_its_quality() -> None:
    chosen = choose_pictures([Want(BO, "camera", "high")], SHOWN, DEE, 2)
    assert chosen == {Seat(BO, "camera"): "high", Seat(BO, "screen"): "high"}


def test_nobody_sees_himself_even_if_he_asks() -> None:
    chosen = choose_pictures([Want(BO, "camera", "high")], SHOWN, BO, 9)
    assert list(chosen) == [Seat(ANN, "camera")]


def test_who_is_not_in_the_circle_is_skipped() -> None:
    assert Seat(CY, "camera") not in choose_pictures([Want(CY, "camera", "high")], SHOWN, DEE, 9)


def test_a_page_gets_no_more_cameras_than_it_has_room_for() -> None:
    crowd = dict.fromkeys(Seat(PeerId(f"p{index}"), "camera") for index in range(100))
    page = [Want(PeerId(f"p{index}"), "camera", "low") for index in (70, 71, 72)]
    assert [seat.peer for seat in choose_pictures(page, crowd, DEE, 16, cameras=3)] == ["p70", "p71", "p72"]
    assert [seat.peer for seat in choose_pictures(page, crowd, DEE, 16, cameras=4)] == ["p70", "p71", "p72", "p0"]


def test_who_saves_data_gets_screens_and_no_camera_even_if_he_asks() -> None:
    chosen = choose_pictures([Want(ANN, "camera", "high")], SHOWN, DEE, 9, cameras=0)
    assert chosen == {Seat(BO, "screen"): "high"}


def test_voices_are_the_first_of_the_ranking_without_ones_own() -> None:
    ranking = [Seat(BO, "screen_audio"), Seat(ANN, "mic"), Seat(CY, "mic")]
    assert choose_voices(ranking, ANN, 2) == [Seat(BO, "screen_audio"), Seat(CY, "mic")]


SEATS = st.sampled_from([Seat(PeerId(f"p{index}"), "camera") for index in range(12)])


@given(st.lists(st.none() | SEATS, max_size=8, unique_by=lambda seat: seat or object()), st.lists(SEATS, unique=True))
def test_whoever_stays_keeps_his_slot_and_no_slot_is_wasted(before: list[Seat | None], chosen: list[Seat]) -> None:
    slots = {f"v{index}": seat for index, seat in enumerate(before)}
    after = assign(slots, chosen)
    assert list(after) == list(slots)
    seated = [seat for seat in after.values() if seat is not None]
    assert len(seated) == len(set(seated)) == min(len(slots), len(chosen), len(seated))
    assert set(seated) <= set(chosen)
    for mid, seat in slots.items():
        if seat in chosen:
            assert after[mid] == seat
    if len(chosen) <= len(slots):
        assert set(seated) == set(chosen)
    else:
        assert len(seated) == len(slots)

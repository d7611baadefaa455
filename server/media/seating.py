"""Who sits on which slot: the choice of pictures and voices for one viewer. Pure.

A tile that stays on keeps its slot, so a change elsewhere never makes a picture jump or flicker.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from server.media.shapes import PeerId, Want


class Seat(NamedTuple):
    """One source of one peer; what a slot can carry."""

    peer: PeerId
    source: str


def in_order_of_display(seats: Iterable[Seat]) -> list[Seat]:
    """Screens first, else as they came."""
    return sorted(seats, key=lambda seat: seat.source != "screen")


def choose_pictures(
    wanted: Sequence[Want], shown: Mapping[Seat, None], viewer: PeerId, places: int, cameras: int | None = None
) -> dict[Seat, str]:
    """The pictures one viewer gets, with their quality: its wishes first, then the rest of the circle as space allows.

    `shown` is what the whole circle shows, in order of display. `cameras` of them at most, wished or not. Nobody gets
    his own.
    """
    chosen: dict[Seat, str] = {}
    left = places if cameras is None else cameras

    def take(seat: Seat, quality: str) -> None:
        nonlocal left
        is_camera = seat.source == "camera"
        if len(chosen) < places and seat.peer != viewer and seat not in chosen and (left > 0 or not is_camera):
            chosen[seat] = quality
            left -= is_camera

    for want in wanted:
        seat = Seat(want.peer, want.source)
        if seat in shown:
            take(seat, want.quality)
    for seat in shown:
        # Screens come first: once no camera fits there is nothing left to look for among hundreds.
        if len(chosen) >= places or (left <= 0 and seat.source == "camera"):
            break
        take(seat, "high" if seat.source == "screen" else "low")
    return chosen


def choose_voices(ranking: Iterable[Seat], viewer: PeerId, places: int) -> list[Seat]:
    """The first few of a circle's ranking, never oneself."""
    chosen: list[Seat] = []
    for seat in ranking:
        if len(chosen) == places:
            break
        if seat.peer != viewer:
            chosen.append(seat)
    return chosen


def assign(slots: Mapping[str, Seat | None], chosen: Iterable[Seat]) -> dict[str, Seat | None]:
    """Put what is chosen on the slots: who sits there already stays, the others take what is free, in slot order."""
    arriving = dict.fromkeys(chosen)
    assigned: dict[str, Seat | None] = {}
    for mid, seat in slots.items():
        assigned[mid] = seat if seat in arriving else None
        if seat is not None:
            arriving.pop(seat, None)
    waiting = iter(arriving)
    for mid, seat in assigned.items():
        if seat is None:
            assigned[mid] = next(waiting, None)
    return assigned

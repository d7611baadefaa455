"""A screen in stills: which keyframes are passed on, and when another one is due."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import pytest

from server.media.fanout import Departures
from server.media.rtp import header
from server.media.rtp.rewrite import StreamRewriter
from server.media.rtp.source import Packet
from server.media.shapes import Want
from server.media.slot import Slot
from server.media.stills import Stills
from tests.media.test_forwarding import cast as class_of_wires
from tests.media.wire import Camera

STILL_BYTES = 100_000
PACKET_BYTES = 1_000


class Screen:
    """A shared screen, a frame every 100 ms, and those who get stills of it."""

    def __init__(self) -> None:
        self.stills = Stills()
        self.at_us = 1_000_000_000
        self.seqs: dict[Slot, list[int]] = {}
        self._number = 0

    def watch(self) -> Slot:
        slot = Slot("v", "video", cast(Departures, None), StreamRewriter(9, 96, 90_000, waits_for_keyframe=True), {})
        slot.is_still = True
        slot.rewriter.switch(1)
        self.stills.slots.append(slot)
        self.seqs[slot] = []
        return slot

    def frame(self, size: int, *, keyframe: bool = False) -> None:
        """Send a frame of so many bytes."""
        self.at_us += 100_000
        for packet in self._packets(size, keyframe):
            if self.stills.take(packet):
                for slot, seqs in self.seqs.items():
                    buffer = bytearray(PACKET_BYTES + 30)
                    if slot.rewriter.write(packet, buffer, 0):
                        seqs.append(header.parse(bytes(buffer)).seq)

    def _packets(self, size: int, keyframe: bool) -> Iterator[Packet]:
        count = max(1, size // PACKET_BYTES)
        for n in range(count):
            self._number += 1
            payload, first = memoryview(bytes(size // count)), n == 0
            is_key = keyframe and first
            yield Packet(1, self._number, self.at_us, n == count - 1, payload, self.at_us, keyframe=is_key)

    def keyframe(self) -> None:
        self.frame(STILL_BYTES, keyframe=True)

    def due_after_s(self, size: int, most_s: float = 60) -> float:
        """Send frames of so many bytes until a still is due; how long that took."""
        began_us = self.at_us
        while not self.stills.due(self.at_us):
            assert self.at_us - began_us < most_s * 1_000_000
            self.frame(size)
        return (self.at_us - began_us) / 1_000_000


@pytest.fixture
def screen() -> Screen:
    screen = Screen()
    screen.watch()
    screen.frame(200)
    screen.keyframe()
    return screen


def shown(screen: Screen, slot: Slot | None = None) -> int:
    """How many stills came whole, with no gap in the numbers."""
    seqs = screen.seqs[slot or next(iter(screen.seqs))]
    assert [seq - seqs[0] for seq in seqs] == list(range(len(seqs)))
    assert len(seqs) % (STILL_BYTES // PACKET_BYTES) == 0
    return len(seqs) // (STILL_BYTES // PACKET_BYTES)


def test_who_comes_gets_the_next_keyframe_and_nothing_after_it(screen: Screen) -> None:
    assert shown(screen) == 1
    screen.frame(5_000)
    assert shown(screen) == 1


def test_a_slide_that_stands_costs_nothing_and_a_word_on_it_is_seen_in_a_while(screen: Screen) -> None:
    assert screen.due_after_s(20) == pytest.approx(20, abs=0.2)
    screen.keyframe()
    assert shown(screen) == 2


def test_keyframes_that_nobody_needs_are_not_passed_on(screen: Screen) -> None:
    for _ in range(4):
        for _ in range(35):
            screen.frame(20)
        screen.keyframe()
    assert shown(screen) == 1


def test_a_new_slide_is_shown_five_seconds_after_the_last_still(screen: Screen) -> None:
    for _ in range(30):
        screen.frame(20)
    screen.frame(40_000)
    assert screen.due_after_s(20) == pytest.approx(2, abs=0.2)
    screen.keyframe()
    assert shown(screen) == 2


def test_what_sharpens_a_keyframe_is_no_new_slide(screen: Screen) -> None:
    for size in (80_000, 12_000, 7_000):
        screen.frame(size)
    assert screen.due_after_s(20) > 15


def test_a_slide_that_follows_at_once_is_told_from_sharpening(screen: Screen) -> None:
    screen.frame(150_000)
    assert screen.due_after_s(20) < 6


def test_what_moves_costs_a_third_at_most(screen: Screen) -> None:
    assert screen.due_after_s(4_000) == pytest.approx(7.5, abs=0.2)


def test_who_comes_later_gets_a_still_of_his_own(screen: Screen) -> None:
    later = screen.watch()
    screen.keyframe()
    assert shown(screen) == 1
    assert shown(screen, later) == 1


def test_a_browser_that_misses_its_picture_gets_another_but_not_at_once(screen: Screen) -> None:
    screen.frame(20)
    screen.stills.lost(screen.at_us)
    assert not screen.stills.due(screen.at_us)
    screen.at_us += 20_000_000
    screen.stills.lost(screen.at_us)
    assert screen.stills.due(screen.at_us)


@pytest.mark.media
async def test_who_wishes_stills_gets_keyframes_alone_and_live_pictures_again_when_he_wishes() -> None:
    async with class_of_wires() as room:
        ann = await room.enter("ann", {"screen": ()})
        bo = await room.enter("bo")
        room.plane.watch(bo.id, [Want(ann.id, "screen", "stills")])
        screen = Camera(ann, "screen", rids=("",))
        await screen.shoot()
        await room.until_asked_for_keyframe(ann, screen.ssrc(""))
        await screen.shoot(keyframe=True)
        await screen.shoot()
        await room.until_frames(bo, "2")
        assert {slot.shown.value for slot in room.ledger.slots[bo.id] if slot.peer} == {"stills"}

        room.plane.watch(bo.id, [Want(ann.id, "screen", "high")])
        await room.ledger.until(lambda: all(slot.shown.value == "live" for slot in room.ledger.slots[bo.id]))
        await screen.shoot(keyframe=True)
        await screen.shoot()
        await room.until_frames(bo, "2", "4", "5")

"""A queue of raised hands, for the whole class."""

from __future__ import annotations

import pytest

from server.rooms.breakouts import GroupPlan, OpenBreakouts, PlanBreakouts
from server.rooms.hands import HandLowered, HandRaised, LowerAllHands, LowerHand, RaiseHand
from server.rooms.kernel import ParticipantId, Refused
from server.rooms.roster import DropParticipant, LeaveClass, RemoveParticipant
from tests.rooms.story import Story, classroom

ANN, BO, CY = ParticipantId("ann"), ParticipantId("bo"), ParticipantId("cy")


def queue(room: Story) -> list[str]:
    return [hand.participant for hand in room.sees("ann").hands.queue]


def test_hands_wait_in_the_order_they_were_raised() -> None:
    room = classroom("ann:instructor", "bo", "cy")
    assert room.at(5_000).cy(RaiseHand()) == (HandRaised(CY),)
    room.at(6_000).bo(RaiseHand())
    assert [(hand.participant, hand.at) for hand in room.sees("bo").hands.queue] == [(CY, 5_000), (BO, 6_000)]


def test_raising_twice_keeps_ones_place() -> None:
    room = classroom("ann:instructor", "bo", "cy")
    room.bo(RaiseHand())
    room.cy(RaiseHand())
    assert room.bo(RaiseHand()) == ()
    assert queue(room) == ["bo", "cy"]


def test_a_host_lowers_anyones_hand_and_others_their_own() -> None:
    room = classroom("ann:instructor", "bo", "cy")
    room.bo(RaiseHand())
    room.cy(RaiseHand())
    assert room.ann(LowerHand(BO)) == (HandLowered(BO, by=ANN),)
    assert room.cy(LowerHand(CY)) == (HandLowered(CY, by=CY),)
    with pytest.raises(Refused, match=r"hand\.not-raised"):
        room.cy(LowerHand(CY))


def test_the_whole_queue_is_cleared_at_once() -> None:
    room = classroom("ann:instructor", "bo", "cy")
    room.bo(RaiseHand())
    room.cy(RaiseHand())
    room.ann(LowerAllHands())
    assert queue(room) == []
    assert room.ann(LowerAllHands()) == ()


def test_a_dropped_participant_keeps_his_place_and_one_who_left_does_not() -> None:
    room = classroom("ann:instructor", "bo", "cy")
    room.bo(RaiseHand())
    room.cy(RaiseHand())
    room.clock(DropParticipant(BO))
    assert queue(room) == ["bo", "cy"]
    room.join("bo")
    room.cy(LeaveClass())
    assert queue(room) == ["bo"]
    room.ann(RemoveParticipant(BO))
    assert queue(room) == []


def test_a_hand_raised_in_a_breakout_room_is_seen_by_all() -> None:
    room = classroom("ann:instructor", "bo")
    room.ann(PlanBreakouts((GroupPlan("Red", (BO,)),)))
    room.ann(OpenBreakouts())
    room.bo(RaiseHand())
    assert room.told("ann") == (HandRaised(BO),)

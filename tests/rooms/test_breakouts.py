"""Breakout rooms: into groups, between groups, and back."""

from __future__ import annotations

import pytest

from server.rooms.breakouts import (
    ANNOUNCEMENTS_KEPT,
    AnnounceToBreakouts,
    AnswerHelp,
    AskHelp,
    AssignBreakout,
    BreakoutPhase,
    BreakoutsAnnounced,
    BreakoutsAssigned,
    BreakoutsClosed,
    BreakoutsOpened,
    BreakoutsPlanned,
    BreakoutsRecalled,
    CloseBreakouts,
    GroupPlan,
    HelpAnswered,
    HelpAsked,
    OpenBreakouts,
    ParticipantMoved,
    PlanBreakouts,
    RecallBreakouts,
    ShuffleBreakouts,
    VisitBreakout,
)
from server.rooms.kernel import MAIN, Instant, ParticipantId, Refused, RoomId
from server.rooms.room import room_of
from server.rooms.roster import DropParticipant, LeaveClass, LeaveReason, ParticipantJoined, ParticipantLeft
from tests.rooms.story import Story, classroom

ANN, BO, CY, DEE = (ParticipantId(name) for name in ("ann", "bo", "cy", "dee"))
NOBODY = ParticipantId("nobody")


def planned(*people: str) -> tuple[Story, RoomId, RoomId]:
    """Bo planned for Red, Cy for Blue; Dee assists, Eve is in no group."""
    room = classroom("ann:instructor", "bo", "cy", "dee:assistant", "eve", *people)
    room.ann(PlanBreakouts((GroupPlan("Red", (BO,)), GroupPlan("Blue", (CY,)))))
    red, blue = (group.id for group in room.state.breakouts.groups)
    return room, red, blue


def opened(duration_ms: int = 0) -> tuple[Story, RoomId, RoomId]:
    room, red, blue = planned()
    room.ann(OpenBreakouts(duration_ms))
    return room, red, blue


def where(room: Story, *people: ParticipantId) -> list[RoomId]:
    return [room_of(room.state, person) for person in people]


def test_a_plan_is_seen_by_hosts_only_and_moves_nobody() -> None:
    room, _, _ = planned()
    assert isinstance(room.told("dee")[0], BreakoutsPlanned)
    assert room.told("bo") == ()
    assert room.sees("bo").breakouts.phase is BreakoutPhase.NONE
    assert where(room, BO, CY) == [MAIN, MAIN]


def test_opening_sends_everyone_to_his_group_at_once() -> None:
    room, red, blue = planned()
    groups = room.state.breakouts.groups
    assert room.at(5_000).ann(OpenBreakouts(duration_ms=60_000)) == (
        BreakoutsOpened(groups, closes_at=Instant(65_000)),
    )
    assert where(room, BO, CY, ANN, ParticipantId("eve")) == [red, blue, MAIN, MAIN]
    assert room.gets_fresh_view("bo")
    assert not room.gets_fresh_view("eve")


def test_a_plan_of_strangers_or_of_somebody_twice_is_refused() -> None:
    room = classroom("ann:instructor", "bo", "cy")
    room.cy(LeaveClass())
    for groups, reason in [
        ((GroupPlan("Red", (NOBODY,)),), r"participant\.unknown"),
        ((GroupPlan("Red", (CY,)),), r"participant\.unknown"),
        ((GroupPlan("Red", (BO,)), GroupPlan("Blue", (BO,))), r"breakouts\.twice"),
        ((GroupPlan("Red", (BO, BO)),), r"breakouts\.twice"),
        ((GroupPlan(" ", (BO,)),), r"group\.empty"),
        ((GroupPlan("x"),) * 51, r"breakouts\.too-many"),
    ]:
        with pytest.raises(Refused, match=reason):
            room.ann(PlanBreakouts(groups))


def test_an_empty_plan_is_no_plan() -> None:
    room, _, _ = planned()
    room.ann(PlanBreakouts(()))
    assert room.state.breakouts.phase is BreakoutPhase.NONE
    assert room.ann(PlanBreakouts(())) == ()
    with pytest.raises(Refused, match=r"breakouts\.not-planned"):
        room.ann(OpenBreakouts())


def test_shuffling_makes_even_groups_of_all_but_the_hosts() -> None:
    room = classroom("ann:instructor", "dee:assistant", "pam:presenter", *(f"p{n}" for n in range(9)), "gone")
    room.gone(LeaveClass())
    room.seed = 7
    room.ann(ShuffleBreakouts(4))
    groups = room.state.breakouts.groups
    assert sorted(len(group.members) for group in groups) == [2, 2, 3, 3]
    assert {member for group in groups for member in group.members} == {"pam", *(f"p{n}" for n in range(9))}


def test_the_same_dice_shuffle_the_same_groups_and_others_do_not() -> None:
    def shuffled(seed: int) -> list[tuple[ParticipantId, ...]]:
        room = classroom("ann:instructor", *(f"p{n}" for n in range(20)))
        room.seed = seed
        room.ann(ShuffleBreakouts(4))
        return [group.members for group in room.state.breakouts.groups]

    assert shuffled(1) == shuffled(1) != shuffled(2)


@pytest.mark.parametrize("groups", [-1, 0, 51])
def test_a_senseless_number_of_groups_is_refused(groups: int) -> None:
    with pytest.raises(Refused, match=r"breakouts\.too-(few|many)"):
        classroom("ann:instructor").ann(ShuffleBreakouts(groups))


def test_changing_a_plan_is_seen_by_hosts_only() -> None:
    room, _, blue = planned()
    assert room.dee(AssignBreakout(BO, blue)) == (BreakoutsAssigned(BO, blue),)
    assert room.told("ann") == (BreakoutsAssigned(BO, blue),)
    assert room.told("bo") == ()
    assert [group.members for group in room.state.breakouts.groups] == [(), (CY, BO)]
    assert room.dee(AssignBreakout(BO, MAIN)) == (BreakoutsAssigned(BO, MAIN),)
    assert room.dee(AssignBreakout(BO, MAIN)) == ()


def test_assigning_while_rooms_are_open_moves_the_person() -> None:
    room, red, _ = opened()
    assert room.dee(AssignBreakout(CY, red)) == (BreakoutsAssigned(CY, red), ParticipantMoved(CY, red))
    assert room.gets_fresh_view("cy")
    assert len(room.told("eve")) == 2
    assert where(room, CY) == [red]
    room.dee(AssignBreakout(CY, MAIN))
    assert where(room, CY) == [MAIN]


def test_assigning_brings_a_visitor_home() -> None:
    room, red, _ = opened()
    room.ann(AssignBreakout(DEE, red))
    room.dee(VisitBreakout(MAIN))
    assert room.ann(AssignBreakout(DEE, red)) == (ParticipantMoved(DEE, red),)


def test_nobody_is_assigned_to_a_room_that_is_not_there() -> None:
    room, red, _ = opened()
    with pytest.raises(Refused, match=r"breakouts\.unknown"):
        room.ann(AssignBreakout(BO, RoomId("elsewhere")))
    with pytest.raises(Refused, match=r"participant\.unknown"):
        room.ann(AssignBreakout(NOBODY, red))
    with pytest.raises(Refused, match=r"breakouts\.not-planned"):
        classroom("ann:instructor", "bo").ann(AssignBreakout(BO, MAIN))


def test_hosts_walk_between_rooms() -> None:
    room, red, _ = opened()
    assert room.dee(VisitBreakout(red)) == (ParticipantMoved(DEE, red),)
    assert room.dee(VisitBreakout(red)) == ()
    room.dee(VisitBreakout(MAIN))
    assert where(room, DEE) == [MAIN]
    with pytest.raises(Refused, match=r"breakouts\.unknown"):
        room.dee(VisitBreakout(RoomId("elsewhere")))


def test_whoever_drops_or_leaves_comes_back_to_his_group() -> None:
    room, red, _ = opened()
    room.clock(DropParticipant(BO))
    room.join("bo")
    assert where(room, BO) == [red]
    assert room.bo(LeaveClass()) == (ParticipantLeft(BO, LeaveReason.LEFT),)
    assert where(room, BO) == [MAIN]
    joined, moved = room.join("bo")
    assert isinstance(joined, ParticipantJoined)
    assert moved == ParticipantMoved(BO, red)


def test_whoever_left_before_the_rooms_opened_comes_to_his_group() -> None:
    room, red, _ = planned()
    room.bo(LeaveClass())
    room.ann(OpenBreakouts())
    room.join("bo")
    assert where(room, BO) == [red]


def test_whoever_comes_back_after_the_rooms_closed_is_in_the_main_room() -> None:
    room, _, _ = opened()
    room.bo(LeaveClass())
    room.ann(CloseBreakouts())
    assert len(room.join("bo")) == 1
    assert where(room, BO) == [MAIN]


def test_an_announcement_reaches_every_room() -> None:
    room, _, _ = opened()
    announced = BreakoutsAnnounced("Five more minutes", by=ANN)
    assert room.ann(AnnounceToBreakouts("Five more minutes")) == (announced,)
    for viewer in ("bo", "cy", "eve"):
        assert room.told(viewer) == (announced,)
    for n in range(ANNOUNCEMENTS_KEPT):
        room.ann(AnnounceToBreakouts(str(n)))
    kept = room.sees("bo").breakouts.announcements
    assert (len(kept), kept[-1].text) == (ANNOUNCEMENTS_KEPT, str(ANNOUNCEMENTS_KEPT - 1))


def test_a_recall_counts_down_and_then_brings_everyone_back() -> None:
    room, _, _ = opened()
    assert room.at(10_000).ann(RecallBreakouts(30_000)) == (BreakoutsRecalled(Instant(40_000)),)
    assert room.at(39_999).clock(CloseBreakouts()) == ()
    assert room.at(40_000).clock(CloseBreakouts()) == (BreakoutsClosed(),)
    assert where(room, BO, CY) == [MAIN, MAIN]
    assert room.gets_fresh_view("bo")


def test_recalling_twice_only_ever_shortens_the_countdown() -> None:
    room, _, _ = opened()
    room.at(10_000).ann(RecallBreakouts(30_000))
    assert room.at(20_000).ann(RecallBreakouts(30_000)) == ()
    assert room.at(20_000).ann(RecallBreakouts(5_000)) == (BreakoutsRecalled(Instant(25_000)),)
    assert room.at(21_000).ann(RecallBreakouts(0)) == (BreakoutsClosed(),)
    with pytest.raises(Refused, match=r"breakouts\.not-open"):
        room.ann(RecallBreakouts())


def test_a_recall_does_not_prolong_rooms_that_close_earlier_anyway() -> None:
    room, _, _ = opened(duration_ms=10_000)
    assert room.at(5_000).ann(RecallBreakouts(60_000)) == (BreakoutsRecalled(Instant(11_000)),)
    assert room.state.breakouts.phase is BreakoutPhase.CLOSING


def test_a_late_clock_does_not_close_rooms_that_were_opened_anew() -> None:
    room, _, _ = opened(duration_ms=10_000)
    room.ann(CloseBreakouts())
    room.ann(PlanBreakouts((GroupPlan("Red", (BO,)),)))
    room.at(9_000).ann(OpenBreakouts())
    assert room.at(11_000).clock(CloseBreakouts()) == ()


def test_open_rooms_cannot_be_planned_or_opened_again() -> None:
    room, _, _ = opened()
    for command in (PlanBreakouts(()), ShuffleBreakouts(2), OpenBreakouts()):
        with pytest.raises(Refused, match=r"breakouts\.open"):
            room.ann(command)


@pytest.mark.parametrize("countdown_ms", [-1, 25 * 3_600_000])
def test_a_countdown_is_a_day_at_most_and_not_negative(countdown_ms: int) -> None:
    room, _, _ = opened()
    with pytest.raises(Refused, match=r"breakouts\.duration"):
        room.ann(RecallBreakouts(countdown_ms))


def test_room_ids_are_never_used_twice() -> None:
    room, red, blue = opened()
    room.ann(CloseBreakouts())
    room.ann(ShuffleBreakouts(2))
    assert not {group.id for group in room.state.breakouts.groups} & {red, blue}


def test_a_call_for_help_is_seen_by_hosts_and_the_caller() -> None:
    room, red, _ = opened()
    assert room.at(5_000).bo(AskHelp()) == (HelpAsked(BO, red),)
    assert room.bo(AskHelp()) == ()
    assert len(room.told("ann")) == len(room.told("dee")) == len(room.told("bo")) == 1
    assert room.told("cy") == ()
    assert room.sees("cy").breakouts.help == ()
    assert room.dee(AnswerHelp(BO)) == (HelpAnswered(BO, by=DEE),)
    assert room.ann(AnswerHelp(BO)) == ()


def test_neighbours_in_a_group_do_not_learn_who_called() -> None:
    room, red, _ = opened()
    room.ann(AssignBreakout(CY, red))
    room.bo(AskHelp())
    assert room.told("cy") == ()
    room.dee(AnswerHelp(BO))
    assert room.told("cy") == ()
    assert len(room.told("bo")) == 1


def test_only_somebody_in_a_group_can_call_for_help() -> None:
    room, _, _ = opened()
    with pytest.raises(Refused, match=r"help\.not-in-group"):
        room.eve(AskHelp())


@pytest.mark.parametrize("how", ["moved", "left", "closed"])
def test_a_call_ends_with_the_callers_stay_in_the_group(how: str) -> None:
    room, _, blue = opened()
    room.bo(AskHelp())
    match how:
        case "moved":
            room.ann(AssignBreakout(BO, blue))
        case "left":
            room.bo(LeaveClass())
        case _:
            room.ann(CloseBreakouts())
    assert room.sees("ann").breakouts.help == ()

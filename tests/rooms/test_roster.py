"""People come, drop, return, leave, are promoted and sent out."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from server.rooms.kernel import SYSTEM, Envelope, Event, Instant, ParticipantId, Refused, Role
from server.rooms.roster import (
    GRACE_MS,
    PEOPLE_MOST,
    DropParticipant,
    ExpireParticipant,
    JoinClass,
    LeaveClass,
    LeaveReason,
    ParticipantDropped,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantReturned,
    Presence,
    RemoveParticipant,
    RoleChanged,
    SetRole,
    decide,
)
from tests.rooms.story import classroom

ANN, BO = ParticipantId("ann"), ParticipantId("bo")


def test_whoever_joins_is_in_the_roster_under_his_name_and_role() -> None:
    room = classroom("ann:instructor")
    assert room.at(2_000).join("bo:guest") == (ParticipantJoined(BO, "Bo", Role.GUEST),)
    bo = room.sees("ann").roster.people[BO]
    assert (bo.name, bo.role, bo.presence, bo.joined_at) == ("Bo", Role.GUEST, Presence.CONNECTED, 2_000)


def test_a_drop_is_told_once_and_a_return_ends_it() -> None:
    room = classroom("ann:instructor", "bo")
    assert room.clock(DropParticipant(BO)) == (ParticipantDropped(BO),)
    assert room.clock(DropParticipant(BO)) == ()
    assert room.join("bo") == (ParticipantReturned(BO, "Bo", Role.LEARNER),)


def test_joining_from_a_second_device_is_a_return() -> None:
    room = classroom("ann:instructor", "bo")
    assert room.join("bo") == (ParticipantReturned(BO, "Bo", Role.LEARNER),)


def test_the_place_of_somebody_who_dropped_is_kept_for_a_minute() -> None:
    room = classroom("ann:instructor", "bo")
    room.at(10_000).clock(DropParticipant(BO))
    assert room.at(10_000 + GRACE_MS - 1).clock(ExpireParticipant(BO)) == ()
    assert room.at(10_000 + GRACE_MS).clock(ExpireParticipant(BO)) == (ParticipantLeft(BO, LeaveReason.TIMEOUT),)


def test_the_clock_does_not_expire_somebody_who_came_back() -> None:
    room = classroom("ann:instructor", "bo")
    room.at(10_000).clock(DropParticipant(BO))
    room.at(20_000).join("bo")
    assert room.at(10_000 + GRACE_MS).clock(ExpireParticipant(BO)) == ()


def test_whoever_left_stays_listed_and_may_come_again() -> None:
    room = classroom("ann:instructor")
    room.at(2_000).join("bo")
    room.at(3_000).bo(LeaveClass())
    assert room.sees("ann").roster.people[BO].presence is Presence.GONE
    assert room.at(4_000).join("bo") == (ParticipantJoined(BO, "Bo", Role.LEARNER),)
    assert room.sees("ann").roster.people[BO].joined_at == 2_000


def test_whoever_left_sees_nothing_of_the_class_any_more() -> None:
    room = classroom("ann:instructor", "bo")
    room.bo(LeaveClass())
    assert room.gets_fresh_view("bo")
    assert not room.sees("bo").roster.people


def test_whoever_was_removed_may_not_come_again_by_any_link() -> None:
    room = classroom("ann:instructor", "bo")
    assert room.ann(RemoveParticipant(BO)) == (ParticipantLeft(BO, LeaveReason.REMOVED),)
    for who in ("bo", "bo:guest", "bo:instructor"):
        with pytest.raises(Refused, match=r"roster\.removed"):
            room.join(who)


def test_somebody_who_just_left_can_still_be_kept_out() -> None:
    room = classroom("ann:instructor", "bo")
    room.bo(LeaveClass())
    room.ann(RemoveParticipant(BO))
    assert room.ann(RemoveParticipant(BO)) == ()
    with pytest.raises(Refused, match=r"roster\.removed"):
        room.join("bo")


def test_removing_a_stranger_or_oneself_is_refused() -> None:
    room = classroom("ann:instructor", "ida:instructor")
    with pytest.raises(Refused, match=r"participant\.unknown"):
        room.ann(RemoveParticipant(ParticipantId("nobody")))
    with pytest.raises(Refused, match=r"roster\.remove-oneself"):
        room.ann(RemoveParticipant(ANN))


def test_the_last_instructor_cannot_be_demoted_not_even_by_himself() -> None:
    room = classroom("ann:instructor", "ida:instructor")
    room.ida(LeaveClass())
    with pytest.raises(Refused, match=r"roster\.last-instructor"):
        room.ann(SetRole(ANN, Role.LEARNER))
    room.join("ida:instructor")
    assert room.ann(SetRole(ANN, Role.LEARNER)) == (RoleChanged(ANN, Role.LEARNER, by=ANN),)


def test_a_role_that_one_has_already_is_no_event_and_that_of_a_stranger_is_refused() -> None:
    room = classroom("ann:instructor", "bo")
    assert room.ann(SetRole(BO, Role.LEARNER)) == ()
    with pytest.raises(Refused, match=r"participant\.unknown"):
        room.ann(SetRole(ParticipantId("nobody"), Role.LEARNER))


@pytest.mark.parametrize("leave", [True, False])
def test_a_demotion_outlives_a_reload_with_the_old_link(leave: bool) -> None:
    room = classroom("ann:instructor", "bo:assistant")
    room.ann(SetRole(BO, Role.LEARNER))
    if leave:
        room.bo(LeaveClass())
    room.join("bo:assistant")
    assert room.sees("ann").roster.people[BO].role is Role.LEARNER


def test_a_promotion_outlives_a_reload_with_the_old_link() -> None:
    room = classroom("ann:instructor", "bo")
    room.ann(SetRole(BO, Role.PRESENTER))
    room.join("bo")
    assert room.sees("ann").roster.people[BO].role is Role.PRESENTER


def test_a_better_link_counts_for_whom_no_instructor_gave_a_role() -> None:
    room = classroom("ann:instructor", "bo")
    room.join("bo:assistant")
    assert room.sees("ann").roster.people[BO].role is Role.ASSISTANT
    assert room.gets_fresh_view("bo")


def test_the_instructors_own_link_always_counts() -> None:
    room = classroom("ann:instructor", "ida:instructor")
    room.ida(SetRole(ANN, Role.LEARNER))
    room.join("ann:instructor")
    assert room.sees("ida").roster.people[ANN].role is Role.INSTRUCTOR


def test_whoever_is_promoted_gets_a_fresh_view_and_the_others_an_event() -> None:
    room = classroom("ann:instructor", "bo", "cy")
    room.ann(SetRole(BO, Role.ASSISTANT))
    assert room.gets_fresh_view("bo")
    assert not room.gets_fresh_view("cy")
    assert room.told("cy") == (RoleChanged(BO, Role.ASSISTANT, by=ANN),)


@pytest.mark.parametrize("name", ["", "  ", "B\no", "B\x00o", "\u202eoB", "b" * 101, "\ud800"])
def test_a_name_that_could_disturb_is_refused(name: str) -> None:
    room = classroom("ann:instructor")
    with pytest.raises(Refused, match=r"^name\."):
        room.clock(JoinClass(BO, name, Role.LEARNER))


def test_nobody_can_join_as_the_system() -> None:
    room = classroom("ann:instructor")
    with pytest.raises(Refused, match=r"participant\.unknown"):
        room.clock(JoinClass(ParticipantId(""), "Nobody", Role.LEARNER))


def test_an_invitation_does_not_fill_the_class_without_end() -> None:
    room = classroom("ann:instructor", "bo")
    bo = room.state.roster.people[BO]
    crowd = {ParticipantId(f"p{n}"): bo for n in range(PEOPLE_MOST - 2)}
    roster = replace(room.state.roster, people={**room.state.roster.people, **crowd})

    def joins(name: str, role: Role) -> Sequence[Event]:
        command = JoinClass(ParticipantId(name), name, role)
        return decide(roster, command, Envelope(SYSTEM, command, Instant(0), "fresh"))

    with pytest.raises(Refused, match=r"roster\.full"):
        joins("late", Role.LEARNER)
    assert joins("bo", Role.LEARNER)
    assert joins("dee", Role.ASSISTANT)

"""What time does to a class."""

from __future__ import annotations

from server.rooms.breakouts import CloseBreakouts, GroupPlan, OpenBreakouts, PlanBreakouts, RecallBreakouts
from server.rooms.classroom import ClassEnded, EndClass
from server.rooms.deadlines import DESERTED_MS, UNUSED_MS, deadlines
from server.rooms.kernel import ParticipantId
from server.rooms.polls import ClosePoll, DraftPoll, PollClosed
from server.rooms.room import Classroom
from server.rooms.roster import GRACE_MS, DropParticipant, ExpireParticipant, LeaveClass
from tests.rooms.story import CLASS, OPENED, Story, classroom

BO = ParticipantId("bo")


def run_the_clock(room: Story, until: int) -> None:
    """As the host does: each deadline at its time, until nothing is due before `until`."""
    while (due := deadlines(room.state)) and due[0][0] <= until:
        at, command = due[0]
        room.at(at).clock(command)
        assert deadlines(room.state)[:1] != ((at, command),), "a deadline that changes nothing would spin"


def test_a_class_with_people_and_nothing_timed_waits_for_nothing() -> None:
    room = classroom("ann:instructor", "bo")
    room.ann(DraftPoll("Clear?", ("Yes", "No"), open=True))
    assert deadlines(room.state) == ()


def test_a_timed_poll_closes_itself() -> None:
    room = classroom("ann:instructor")
    room.at(2_000).ann(DraftPoll("Clear?", ("Yes", "No"), open=True, duration_ms=5_000))
    poll = room.state.polls.polls[0].id
    assert deadlines(room.state) == ((7_000, ClosePoll(poll)),)
    run_the_clock(room, until=7_000)
    assert room.entries[-1].events == (PollClosed(poll, (0, 0)),)
    assert deadlines(room.state) == ()


def test_timed_and_recalled_breakouts_close_themselves() -> None:
    room = classroom("ann:instructor", "bo")
    room.ann(PlanBreakouts((GroupPlan("Red", (BO,)),)))
    room.at(2_000).ann(OpenBreakouts(duration_ms=60_000))
    assert deadlines(room.state) == ((62_000, CloseBreakouts()),)
    room.at(3_000).ann(RecallBreakouts(10_000))
    assert deadlines(room.state) == ((13_000, CloseBreakouts()),)
    run_the_clock(room, until=13_000)
    assert not room.state.breakouts.running


def test_whoever_dropped_is_given_up_after_his_grace() -> None:
    room = classroom("ann:instructor", "bo")
    room.at(2_000).clock(DropParticipant(BO))
    assert deadlines(room.state) == ((2_000 + GRACE_MS, ExpireParticipant(BO)),)
    room.at(3_000).join("bo")
    assert deadlines(room.state) == ()


def test_a_deserted_class_ends_after_half_an_hour() -> None:
    room = classroom("ann:instructor", "bo")
    room.at(2_000).bo(LeaveClass())
    room.at(10_000).clock(DropParticipant(ParticipantId("ann")))
    run_the_clock(room, until=10_000 + GRACE_MS + DESERTED_MS)
    assert isinstance(room.entries[-1].events[-1], ClassEnded)
    assert deadlines(room.state) == ()


def test_somebody_coming_back_keeps_the_class_alive() -> None:
    room = classroom("ann:instructor")
    room.at(10_000).ann(LeaveClass())
    room.at(20_000).join("bo")
    assert deadlines(room.state) == ()


def test_a_class_that_nobody_ever_entered_waits_for_a_week() -> None:
    assert deadlines(classroom().state) == ((OPENED + UNUSED_MS, EndClass()),)
    assert deadlines(Classroom.empty(CLASS)) == ()


def test_the_earliest_comes_first() -> None:
    room = classroom("ann:instructor", "bo")
    room.at(2_000).clock(DropParticipant(BO))
    room.at(3_000).ann(DraftPoll("Clear?", ("Yes", "No"), open=True, duration_ms=5_000))
    times = [at for at, _ in deadlines(room.state)]
    assert times == sorted(times)
    assert len(times) == 2

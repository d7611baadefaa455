"""A class at work: what is told when, to whom, and what happens when the log fails, people drop or the process dies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from server.live.host import BATCH_MOST, RECORDER_CHECK_MS
from server.live.telling import ByeReason, FreshView, Told
from server.log.eventlog import Conflict
from server.rooms.breakouts import CloseBreakouts, OpenBreakouts, ShuffleBreakouts
from server.rooms.chat import MessageSent, SendMessage
from server.rooms.hands import RaiseHand
from server.rooms.kernel import SYSTEM, ClientId, ParticipantId, Refused, Role
from server.rooms.polls import CastVote, DraftPoll, PollAnswered, PollPhase, PollVoted
from server.rooms.recording import StartRecording
from server.rooms.room import ClassPhase, EndClass
from server.rooms.roster import (
    GRACE_MS,
    LeaveClass,
    ParticipantJoined,
    ParticipantLeft,
    Presence,
    RemoveParticipant,
    SetRole,
)
from tests.live.world import CLASS, Person, TroubledLog, World, settle


@pytest.fixture
def log() -> TroubledLog:
    return TroubledLog()


@pytest.fixture
async def world(log: TroubledLog) -> AsyncIterator[World]:
    world = World(log)
    await world.opened()
    yield world
    log.may_go_on.set()
    log.full, log.broken = False, None
    await world.hosts.close()


def phase_of_poll(person: Person) -> PollPhase:
    return person.view.polls.polls[0].phase


async def test_what_one_says_everyone_is_told_and_views_stay_true(world: World) -> None:
    ann = await world.comes("ann", Role.INSTRUCTOR)
    bo = await world.comes("bo")
    await ann.says(SendMessage("hello"))
    await bo.says(RaiseHand())
    assert [event.text for event in bo.events if isinstance(event, MessageSent)] == ["hello"]
    assert world.sees_all(ann)
    assert world.sees_all(bo)


async def test_a_session_begins_with_a_whole_view(world: World) -> None:
    ann = await world.comes("ann", Role.INSTRUCTOR)
    assert isinstance(ann.heard[0], FreshView)
    assert not ann.session.resumed
    assert (ann.session.name, ann.session.role) == ("Ann", Role.INSTRUCTOR)


async def test_nothing_is_acknowledged_or_told_before_it_is_durable(world: World, log: TroubledLog) -> None:
    ann = await world.comes("ann", Role.INSTRUCTOR)
    bo = await world.comes("bo")
    before = world.host.classroom
    log.may_go_on.clear()
    speaking = asyncio.ensure_future(ann.says(SendMessage("hello")))
    await settle()
    assert not speaking.done()
    assert world.host.classroom is before
    assert bo.events == []
    log.may_go_on.set()
    assert await speaking == before.seq + 1
    assert len(bo.events) == 1


async def test_commands_that_arrive_during_an_append_share_the_next(world: World, log: TroubledLog) -> None:
    people = [await world.comes(f"p{n}") for n in range(10)]
    log.appends.clear()
    log.may_go_on.clear()
    speaking = [asyncio.ensure_future(person.says(SendMessage("hello"))) for person in people]
    await settle()
    log.may_go_on.set()
    seqs = await asyncio.gather(*speaking)
    assert len(set(seqs)) == 10
    assert sum(log.appends) == 10
    assert len(log.appends) <= 2


async def test_a_full_disk_refuses_at_once_changes_nothing_and_the_class_goes_on_after(
    world: World, log: TroubledLog
) -> None:
    ann = await world.comes("ann", Role.INSTRUCTOR)
    bo = await world.comes("bo")
    before = world.host.classroom
    log.full = True
    with pytest.raises(Refused, match=r"log\.unavailable"):
        await ann.says(SendMessage("lost"))
    assert world.host.classroom is before
    assert bo.events == []
    log.full = False
    await ann.says(SendMessage("kept"))
    assert [event.text for event in bo.events if isinstance(event, MessageSent)] == ["kept"]
    assert [message.text for message in world.host.classroom.chat.messages] == ["kept"]


async def test_a_batch_that_could_not_be_written_is_refused_whole(world: World, log: TroubledLog) -> None:
    ann = await world.comes("ann", Role.INSTRUCTOR)
    bo = await world.comes("bo")
    log.may_go_on.clear()
    log.full = True
    first = asyncio.ensure_future(ann.says(SendMessage("one")))
    await settle()
    asking = asyncio.ensure_future(ann.says(DraftPoll("Ready?", ("yes", "no"), open=True)))
    hand = asyncio.ensure_future(bo.says(RaiseHand()))
    await settle()
    log.may_go_on.set()
    for refused in (first, asking, hand):
        with pytest.raises(Refused, match=r"log\.unavailable"):
            await refused
    assert not world.host.classroom.polls.polls


async def test_a_command_sent_twice_is_done_once(world: World, log: TroubledLog) -> None:
    await world.comes("ann", Role.INSTRUCTOR)
    ann, tab = ParticipantId("ann"), ClientId("tab")
    log.may_go_on.clear()
    sent = [asyncio.ensure_future(world.host.submit(ann, SendMessage("once"), tab, 7)) for _ in range(3)]
    await settle()
    log.may_go_on.set()
    seqs = {*await asyncio.gather(*sent), await world.host.submit(ann, SendMessage("once"), tab, 7)}
    assert len(seqs) == 1
    assert [message.text for message in world.host.classroom.chat.messages] == ["once"]


async def test_viewers_who_may_see_the_same_are_told_the_very_same_object(world: World) -> None:
    ann = await world.comes("ann", Role.INSTRUCTOR)
    learners = [await world.comes(f"p{n}") for n in range(20)]
    await ann.says(DraftPoll("Ready?", ("yes", "no"), open=True))
    poll = world.host.classroom.polls.polls[0].id
    await learners[0].says(CastVote(poll, 0))

    def last(person: Person) -> Told:
        return [message for message in person.heard if isinstance(message, Told)][-1]

    assert {type(event) for event in last(ann).entry.events} == {PollVoted}
    assert {type(event) for event in last(learners[0]).entry.events} == {PollVoted}
    assert {type(event) for event in last(learners[1]).entry.events} == {PollAnswered}
    assert len({id(last(learner)) for learner in learners[1:]}) == 1


async def test_moving_into_a_breakout_gives_a_fresh_view_and_back_again(world: World) -> None:
    ann = await world.comes("ann", Role.INSTRUCTOR)
    bo, cy = await world.comes("bo"), await world.comes("cy")
    await ann.says(ShuffleBreakouts(2))
    await ann.says(OpenBreakouts())
    await bo.says(SendMessage("only my group"))
    assert all(world.sees_all(person) for person in (ann, bo, cy))
    assert [message.text for message in bo.view.chat.messages] == ["only my group"]
    assert cy.view.chat.messages == ()
    await ann.says(CloseBreakouts())
    assert all(world.sees_all(person) for person in (ann, bo, cy))
    assert sum(isinstance(message, FreshView) for message in bo.heard) == 3


async def test_a_promotion_gives_a_fresh_view(world: World) -> None:
    ann = await world.comes("ann", Role.INSTRUCTOR)
    bo = await world.comes("bo")
    await ann.says(DraftPoll("Secret?", ("a", "b")))
    assert not bo.view.polls.polls
    await ann.says(SetRole(ParticipantId("bo"), Role.PRESENTER))
    assert [poll.question for poll in bo.view.polls.polls] == ["Secret?"]
    assert bo.session.role is Role.PRESENTER


async def test_a_lost_connection_drops_and_coming_back_replays_what_was_missed(world: World) -> None:
    ann = await world.comes("ann", Role.INSTRUCTOR)
    bo = await world.comes("bo", client="tab")
    await bo.hangs_up()
    assert world.host.classroom.roster.people[bo.id].presence is Presence.DROPPED
    await ann.says(SendMessage("while you were away"))
    again = await world.comes("bo", client="tab", known=bo.view)
    assert again.session.resumed
    assert not any(isinstance(message, FreshView) for message in again.heard)
    assert [event.text for event in again.events if isinstance(event, MessageSent)] == ["while you were away"]
    assert world.sees_all(again)


async def test_whoever_was_moved_while_away_gets_a_fresh_view(world: World) -> None:
    ann = await world.comes("ann", Role.INSTRUCTOR)
    bo = await world.comes("bo")
    await ann.says(ShuffleBreakouts(1))
    await bo.hangs_up()
    await ann.says(OpenBreakouts())
    again = await world.comes("bo", known=bo.view)
    assert not again.session.resumed
    assert world.sees_all(again)


async def test_a_view_from_the_future_or_from_long_ago_is_replaced(world: World) -> None:
    ann = await world.comes("ann", Role.INSTRUCTOR)
    early = ann.view
    await ann.hangs_up()
    ann = await world.comes("ann", Role.INSTRUCTOR)
    for n in range(600):
        await world.host.submit(ann.id, SendMessage(f"{n}"))
    again = await world.comes("ann", Role.INSTRUCTOR, known=early)
    assert not again.session.resumed
    session = await world.host.enter(ann.id, "Ann", Role.INSTRUCTOR, ClientId("x"), last_seq=10**9)
    assert not session.resumed
    session.leave()


async def test_who_does_not_come_back_expires(world: World) -> None:
    await world.comes("ann", Role.INSTRUCTOR)
    bo = await world.comes("bo")
    await bo.hangs_up()
    await world.clock.pass_ms(GRACE_MS - 1)
    assert world.host.classroom.roster.people[bo.id].presence is Presence.DROPPED
    await world.clock.pass_ms(1)
    assert world.host.classroom.roster.people[bo.id].presence is Presence.GONE


async def test_a_second_window_takes_over_from_the_first(world: World) -> None:
    await world.comes("ann", Role.INSTRUCTOR)
    first = await world.comes("bo")
    second = await world.comes("bo")
    assert first.bye is ByeReason.ELSEWHERE
    first.session.leave()
    await settle()
    assert world.host.classroom.roster.people[second.id].presence is Presence.CONNECTED
    await second.says(SendMessage("still here"))
    with pytest.raises(Refused, match=r"session\.over"):
        await first.says(SendMessage("me too"))


async def test_the_old_connection_may_end_while_the_new_one_is_still_joining(world: World, log: TroubledLog) -> None:
    await world.comes("ann", Role.INSTRUCTOR)
    first = await world.comes("bo")
    log.may_go_on.clear()
    joining = asyncio.ensure_future(world.comes("bo"))
    await settle()
    await first.hangs_up()
    log.may_go_on.set()
    second = await joining
    assert world.host.classroom.roster.people[second.id].presence is Presence.CONNECTED
    assert world.sees_all(second)


async def test_the_first_window_goes_on_when_the_second_cannot_enter(world: World, log: TroubledLog) -> None:
    ann = await world.comes("ann", Role.INSTRUCTOR)
    first = await world.comes("bo")
    log.full = True
    with pytest.raises(Refused, match=r"log\.unavailable"):
        await world.comes("bo")
    log.full = False
    await ann.says(SendMessage("hello"))
    assert first.bye is None
    assert world.sees_all(first)


@pytest.mark.parametrize("appending", [False, True])
async def test_a_client_that_gives_up_while_joining_is_not_left_connected(
    world: World, log: TroubledLog, appending: bool
) -> None:
    ann = await world.comes("ann", Role.INSTRUCTOR)
    log.may_go_on.clear()
    if not appending:  # then something else is, and the join still waits to be decided
        speaking = asyncio.ensure_future(ann.says(SendMessage("hello")))
        await settle()
    joining = asyncio.ensure_future(world.comes("bo"))
    await settle()
    joining.cancel()
    await settle()
    log.may_go_on.set()
    await settle()
    if not appending:
        await speaking
    people = world.host.classroom.roster.people
    assert ParticipantId("bo") not in people or people[ParticipantId("bo")].presence is Presence.DROPPED
    assert world.host.sessions == 1


async def test_a_connection_lost_while_the_disk_is_full_is_dropped_once_there_is_room(
    world: World, log: TroubledLog
) -> None:
    await world.comes("ann", Role.INSTRUCTOR)
    bo = await world.comes("bo")
    log.full = True
    await bo.hangs_up()
    await world.clock.pass_ms(5_000)
    assert world.host.classroom.roster.people[bo.id].presence is Presence.CONNECTED
    log.full = False
    await world.clock.pass_ms(1_500)
    assert world.host.classroom.roster.people[bo.id].presence is Presence.DROPPED


def presence_of(world: World, person: Person) -> Presence:
    return world.host.classroom.roster.people[person.id].presence


async def test_a_crowd_that_is_lost_at_once_is_dropped_in_batches(world: World, log: TroubledLog) -> None:
    crowd = [await world.comes(f"p{number}") for number in range(3 * BATCH_MOST)]
    log.appends.clear()
    for person in crowd:
        person.stops_reading()
        person.session.leave()
    await settle()
    assert log.appends == [BATCH_MOST] * 3
    assert {presence_of(world, person) for person in crowd} == {Presence.DROPPED}
    log.appends.clear()
    await world.clock.pass_ms(GRACE_MS)
    assert log.appends == [BATCH_MOST] * 3
    assert {presence_of(world, person) for person in crowd} == {Presence.GONE}


async def test_who_is_back_before_his_drop_could_be_written_is_not_dropped(world: World, log: TroubledLog) -> None:
    await world.comes("ann", Role.INSTRUCTOR)
    bo = await world.comes("bo")
    log.may_go_on.clear()
    log.failures_to_come = 1
    await bo.hangs_up()
    joining = asyncio.ensure_future(world.comes("bo"))
    await settle()
    log.may_go_on.set()
    await joining
    await world.clock.pass_ms(5_000)
    assert world.host.classroom.roster.people[bo.id].presence is Presence.CONNECTED


async def test_who_comes_back_just_as_he_is_given_up_is_in_class(world: World, log: TroubledLog) -> None:
    await world.comes("ann", Role.INSTRUCTOR)
    bo = await world.comes("bo")
    await bo.hangs_up()
    log.may_go_on.clear()
    await world.clock.pass_ms(GRACE_MS)
    joining = asyncio.ensure_future(world.comes("bo", known=bo.view))
    await settle()
    log.may_go_on.set()
    again = await joining
    assert [type(event) for entry in await world.log.read(CLASS, after=4) for event in entry.events] == [
        ParticipantLeft,
        ParticipantJoined,
    ]
    assert again.bye is None
    assert world.sees_all(again)


async def test_a_command_nobody_waits_for_any_more_is_not_begun(world: World, log: TroubledLog) -> None:
    ann = await world.comes("ann", Role.INSTRUCTOR)
    log.may_go_on.clear()
    first = asyncio.ensure_future(ann.says(SendMessage("one")))
    await settle()
    second = asyncio.ensure_future(ann.says(SendMessage("two")))
    await settle()
    second.cancel()
    log.may_go_on.set()
    await first
    assert [message.text for message in ann.view.chat.messages] == ["one"]


async def test_whoever_is_removed_is_sent_away_at_once(world: World) -> None:
    ann = await world.comes("ann", Role.INSTRUCTOR)
    bo = await world.comes("bo")
    await ann.says(RemoveParticipant(bo.id))
    assert bo.bye is ByeReason.REMOVED
    with pytest.raises(Refused, match=r"roster\.removed"):
        await world.comes("bo")
    assert world.host.sessions == 1


async def test_leaving_says_goodbye(world: World) -> None:
    await world.comes("ann", Role.INSTRUCTOR)
    bo = await world.comes("bo")
    await bo.says(LeaveClass())
    assert bo.bye is ByeReason.LEFT
    bo.session.leave()
    await settle()
    assert world.host.classroom.roster.people[bo.id].presence is Presence.GONE


async def test_the_end_of_a_class_is_told_before_the_goodbye(world: World) -> None:
    ann = await world.comes("ann", Role.INSTRUCTOR)
    bo = await world.comes("bo")
    host = world.host
    await ann.says(EndClass())
    assert bo.view.phase is ClassPhase.ENDED
    assert (ann.bye, bo.bye) == (ByeReason.ENDED, ByeReason.ENDED)
    assert world.ended == [CLASS]
    assert world.hosts.running == ()
    with pytest.raises(Refused, match=r"class\.ended"):
        await host.submit(SYSTEM, EndClass())
    with pytest.raises(KeyError):
        await world.hosts.get(CLASS)


async def test_a_poll_closes_by_itself_when_its_time_is_over(world: World) -> None:
    ann = await world.comes("ann", Role.INSTRUCTOR)
    await ann.says(DraftPoll("Ready?", ("yes", "no"), open=True, duration_ms=30_000))
    await world.clock.pass_ms(29_999)
    assert phase_of_poll(ann) is PollPhase.OPEN
    await world.clock.pass_ms(1)
    assert phase_of_poll(ann) is PollPhase.CLOSED


async def test_a_deadline_during_a_full_disk_is_met_when_there_is_room(world: World, log: TroubledLog) -> None:
    ann = await world.comes("ann", Role.INSTRUCTOR)
    await ann.says(DraftPoll("Ready?", ("yes", "no"), open=True, duration_ms=30_000))
    log.full = True
    await world.clock.pass_ms(60_000)
    assert phase_of_poll(ann) is PollPhase.OPEN
    log.full = False
    await world.clock.pass_ms(1_000)
    assert phase_of_poll(ann) is PollPhase.CLOSED


async def test_time_goes_on_though_the_clock_was_set_back_while_the_server_was_down(world: World) -> None:
    ann = await world.comes("ann", Role.INSTRUCTOR)
    await ann.says(DraftPoll("Ready?", ("yes", "no"), open=True, duration_ms=30_000))
    world.clock.set_back(3_600_000)
    await world.restart_after_crash()
    ann = await world.comes("ann", Role.INSTRUCTOR)
    await world.clock.pass_ms(30_000)
    assert phase_of_poll(ann) is PollPhase.CLOSED
    instants = [entry.at for entry in await world.log.read(CLASS)]
    assert instants == sorted(instants)


async def test_a_class_found_again_after_a_crash_has_everything_and_nobody_connected(world: World) -> None:
    ann = await world.comes("ann", Role.INSTRUCTOR)
    bo = await world.comes("bo")
    await ann.says(SendMessage("before the crash"))
    await bo.says(RaiseHand())
    before = world.host.classroom
    await world.restart_after_crash()
    assert world.host.classroom.chat == before.chat
    assert world.host.classroom.hands == before.hands
    assert {person.presence for person in world.host.classroom.roster.people.values()} == {Presence.DROPPED}
    again = await world.comes("bo", known=bo.view)
    assert again.session.resumed
    assert world.sees_all(again)


async def test_a_class_with_a_snapshot_is_found_again_as_it_was(world: World) -> None:
    ann = await world.comes("ann", Role.INSTRUCTOR)
    for n in range(700):
        await world.host.submit(ann.id, SendMessage(f"{n}"))
    await settle()
    before = world.host.classroom
    snapshot, tail = await world.log.load(CLASS)
    assert snapshot is not None
    assert len(tail) < 300
    await world.restart_after_crash()
    assert world.host.classroom.chat == before.chat
    assert world.host.now() >= (await world.log.read(CLASS))[-1].at


async def test_closing_says_goodbye_and_the_next_start_goes_on(world: World) -> None:
    ann = await world.comes("ann", Role.INSTRUCTOR)
    speaking = asyncio.ensure_future(ann.says(SendMessage("last words")))
    await asyncio.sleep(0)
    await world.hosts.close()
    await speaking
    await settle()
    assert ann.bye is ByeReason.SHUTDOWN
    await world.restart_after_crash()
    assert [message.text for message in world.host.classroom.chat.messages] == ["last words"]


async def test_a_class_whose_log_was_taken_over_stops_and_answers_everyone(world: World, log: TroubledLog) -> None:
    ann = await world.comes("ann", Role.INSTRUCTOR)
    log.broken = Conflict("somebody else appended")
    with pytest.raises(Refused, match=r"class\.unavailable"):
        await ann.says(SendMessage("hello"))
    await settle()
    assert ann.bye is ByeReason.SHUTDOWN
    assert world.hosts.running == ()
    assert CLASS in world.hosts.quarantined
    log.broken = None
    await world.restart_after_crash()
    assert world.host.classroom.seq > 0


async def test_those_inside_learn_that_their_recording_has_trouble_and_that_it_is_over(world: World) -> None:
    ann = await world.comes("ann", Role.INSTRUCTOR)
    world.recorder.complaint = "disk-full"
    await world.clock.pass_ms(60_000)
    assert ann.view.recording.trouble == ""  # nothing is recorded
    await ann.says(StartRecording())
    await world.clock.pass_ms(RECORDER_CHECK_MS)
    assert ann.view.recording.trouble == "disk-full"
    seq = world.host.classroom.seq
    await world.clock.pass_ms(60_000)
    assert world.host.classroom.seq == seq
    world.recorder.complaint = ""
    await world.clock.pass_ms(RECORDER_CHECK_MS)
    assert ann.view.recording.trouble == ""
    assert world.sees_all(ann)

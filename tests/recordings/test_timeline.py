"""The class on the recording's own time, seen with the eyes of somebody who comes later."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from recordings.manifest import Manifest, Stretch
from recordings.timeline import (
    Marker,
    Timeline,
    class_instant,
    is_over,
    recorded_ms,
    recording_ms,
    timeline,
    until_the_end,
)
from server.rooms.audience import LATER
from server.rooms.breakouts import AnnounceToBreakouts, CloseBreakouts, GroupPlan, OpenBreakouts, PlanBreakouts
from server.rooms.chat import DeleteMessage, MessageDeleted, MessageSent, SendMessage
from server.rooms.hands import RaiseHand
from server.rooms.kernel import SYSTEM, ClientId, Entry, MessageId, ParticipantId, Role
from server.rooms.polls import CastVote, ClosePoll, DraftPoll, OpenPoll, PollPhase
from server.rooms.recording import PauseRecording, ResumeRecording, StartRecording, StopRecording
from server.rooms.room import Classroom, EndClass, apply
from server.rooms.roster import JoinClass, LeaveClass, RemoveParticipant
from server.rooms.stage import PublishSource, Source
from server.rooms.view import view
from tests.recordings.lesson import CLASS, Lesson

TWO = (Stretch(1_000, 5_000), Stretch(8_000, 12_000))
"""4 s, a pause of 3 s, 4 s."""


def recorded(lesson: Lesson, *stretches: Stretch) -> Timeline:
    begun = Manifest(id="0" * 32, class_id=CLASS, title="", started_at=stretches[0].class_from, stretches=stretches)
    return timeline(begun, until_the_end(lesson.log, stretches))


def replayed(shown: Timeline) -> Classroom:
    """What the player comes to, with the same reducer as the live page."""
    classroom = shown.view
    for one in shown.entries:
        classroom = apply(classroom, Entry(one.seq, one.at, one.actor, ClientId(""), 0, one.events))
    return classroom


def test_pauses_take_no_time() -> None:
    places = {at: recording_ms(TWO, at) for at in (0, 1_000, 3_000, 5_000, 6_500, 8_000, 9_000, 12_000, 20_000)}
    assert places == {
        0: 0, 1_000: 0, 3_000: 2_000, 5_000: 4_000, 6_500: 4_000, 8_000: 4_000, 9_000: 5_000, 12_000: 8_000,
        20_000: 8_000,
    }  # fmt: skip
    assert recorded_ms(TWO) == 8_000


@given(st.lists(st.integers(0, 10_000), min_size=2, max_size=12), st.integers(0, 70_000), st.integers(0, 70_000))
def test_recorded_time_follows_class_time(steps: list[int], one: int, other: int) -> None:
    bounds = [sum(steps[: n + 1]) for n in range(len(steps))]
    stretches = [Stretch(begin, end) for begin, end in zip(bounds[::2], bounds[1::2], strict=False)]
    early, late = sorted((one, other))
    assert 0 <= recording_ms(stretches, early) <= recording_ms(stretches, late) <= recorded_ms(stretches)
    t_ms = recording_ms(stretches, one)
    assert recording_ms(stretches, class_instant(stretches, t_ms)) == t_ms


def test_the_player_starts_from_the_class_as_it_was_and_comes_to_what_it_became() -> None:
    lesson = Lesson()
    lesson.at(500).bo(RaiseHand())
    lesson.at(1_000).ann(StartRecording())
    lesson.at(1_500).ann(PublishSource(Source.SCREEN))
    lesson.at(2_000).bo(SendMessage("Is that a right angle?"))
    lesson.at(5_000).ann(StopRecording())
    shown = recorded(lesson, Stretch(1_000, 5_000))
    assert [raised.participant for raised in shown.view.hands.queue] == ["bo"]
    assert shown.view.recording.takes == 1
    assert [one.t_ms for one in shown.entries] == [500, 1_000, 4_000]
    assert replayed(shown) == view(lesson.classroom, LATER)


def test_what_happened_in_a_pause_has_happened_at_the_cut() -> None:
    lesson = Lesson()
    lesson.at(1_000).ann(StartRecording())
    lesson.at(5_000).ann(PauseRecording())
    lesson.at(6_000).bo(RaiseHand())
    lesson.at(8_000).ann(ResumeRecording())
    lesson.at(9_000).ann(PublishSource(Source.MIC))
    lesson.at(12_000).ann(EndClass())
    shown = recorded(lesson, *TWO)
    assert [one.t_ms for one in shown.entries] == [4_000, 4_000, 4_000, 5_000, 8_000]
    assert Marker(4_000, "cut", "") in shown.markers
    assert Marker(4_000, "hand.raised", "Bo") in shown.markers
    assert replayed(shown) == view(lesson.classroom, LATER)


def test_what_was_said_off_the_record_is_not_on_it() -> None:
    lesson = Lesson()
    lesson.at(500).bo(SendMessage("before"))
    lesson.at(1_000).ann(StartRecording())
    lesson.at(2_000).bo(SendMessage("during"))
    lesson.at(5_000).ann(PauseRecording())
    lesson.at(6_000).bo(SendMessage("in the pause"))
    lesson.at(8_000).ann(ResumeRecording())
    lesson.at(12_000).ann(StopRecording())
    lesson.at(13_000).bo(SendMessage("after"))
    shown = recorded(lesson, *TWO)
    assert [message.text for message in replayed(shown).chat.messages] == ["during"]
    assert "pause" not in repr(shown)


def test_what_was_announced_off_the_record_is_not_on_it() -> None:
    lesson = Lesson()
    lesson.at(100).ann(PlanBreakouts((GroupPlan("Red", (ParticipantId("bo"),)),)))
    lesson.at(200).ann(OpenBreakouts())
    lesson.at(500).ann(AnnounceToBreakouts("before"))
    lesson.at(1_000).ann(StartRecording())
    lesson.at(2_000).ann(AnnounceToBreakouts("during"))
    lesson.at(5_000).ann(PauseRecording())
    lesson.at(6_000).ann(AnnounceToBreakouts("in the pause"))
    lesson.at(8_000).ann(ResumeRecording())
    shown = recorded(lesson, *TWO)
    assert [said.text for said in replayed(shown).breakouts.announcements] == ["during"]
    assert "before" not in repr(shown)
    assert "pause'" not in repr(shown)


def test_who_had_left_before_the_recording_began_is_not_named_in_it() -> None:
    lesson = Lesson()
    for name in ("dee", "eve", "fay"):
        lesson.at(100).does(SYSTEM, JoinClass(ParticipantId(name), name.title(), Role.LEARNER))
        lesson.at(200).does(ParticipantId(name), LeaveClass())
    lesson.at(1_000).ann(StartRecording())
    lesson.at(2_000).does(SYSTEM, JoinClass(ParticipantId("eve"), "Eve", Role.LEARNER))
    lesson.at(3_000).ann(RemoveParticipant(ParticipantId("fay")))
    shown = recorded(lesson, *TWO)
    assert "Dee" not in repr(shown)
    assert sorted(replayed(shown).roster.people) == ["ann", "bo", "cy", "eve", "fay"]


def test_what_was_taken_back_is_nowhere() -> None:
    lesson = Lesson()
    lesson.at(1_000).ann(StartRecording())
    sent = lesson.at(2_000).bo(SendMessage("oh no"))
    (event,) = sent.events
    assert isinstance(event, MessageSent)
    lesson.at(9_000).ann(DeleteMessage(event.message))
    lesson.at(12_000).ann(EndClass())
    shown = recorded(lesson, *TWO)
    assert "oh no" not in repr(shown)
    assert not any(isinstance(event, MessageSent | MessageDeleted) for one in shown.entries for event in one.events)
    assert [one.seq for one in shown.entries] == list(range(shown.view.seq + 1, lesson.classroom.seq + 1))


def test_later_viewers_learn_the_result_of_a_poll_and_nobodys_vote() -> None:
    lesson = Lesson()
    lesson.at(1_000).ann(StartRecording())
    poll = lesson.at(1_500).ann(DraftPoll("Which?", ("a", "b"))).events[0].poll  # type: ignore[attr-defined]
    lesson.at(2_000).ann(OpenPoll(poll))
    lesson.at(3_000).bo(CastVote(poll, 1))
    lesson.at(4_000).ann(ClosePoll(poll))
    shown = recorded(lesson, Stretch(1_000, 5_000))
    vote = next(one for one in shown.entries if one.t_ms == 2_000)
    assert vote.actor == SYSTEM
    assert "bo" not in repr(vote)
    (seen,) = replayed(shown).polls.polls
    assert (seen.phase, seen.tally, seen.votes) == (PollPhase.CLOSED, (0, 1), {})
    assert Marker(1_000, "poll.opened", "Which?") in shown.markers


def test_later_viewers_read_the_chat_of_every_room() -> None:
    lesson = Lesson()
    lesson.at(1_000).ann(StartRecording())
    lesson.at(1_100).ann(PlanBreakouts((GroupPlan("Red", (ParticipantId("bo"),)), GroupPlan("Blue"))))
    lesson.at(1_200).ann(OpenBreakouts())
    lesson.at(2_000).bo(SendMessage("hello, Red"))
    lesson.at(3_000).ann(CloseBreakouts())
    shown = recorded(lesson, Stretch(1_000, 5_000))
    assert [message.text for message in replayed(shown).chat.messages] == ["hello, Red"]
    assert [marker for marker in shown.markers if marker.kind.startswith("breakouts")] == [
        Marker(200, "breakouts.opened", "Red, Blue"),
        Marker(2_000, "breakouts.closed", ""),
    ]


def test_a_recording_that_began_with_the_class_has_everything() -> None:
    lesson = Lesson(opened_at=1_000)
    lesson.ann(StartRecording())  # within the same millisecond as everybody's joining
    lesson.at(2_000).bo(SendMessage("hello"))
    shown = recorded(lesson, Stretch(1_000, 5_000))
    assert sorted(shown.view.roster.people) == ["ann", "bo", "cy"]
    assert [one.t_ms for one in shown.entries] == [1_000]


def test_a_log_says_whether_its_recording_can_go_on() -> None:
    lesson = Lesson()
    lesson.ann(StartRecording())
    assert not is_over(lesson.log)
    lesson.ann(PauseRecording())
    assert not is_over(lesson.log)
    lesson.ann(EndClass())
    assert is_over(lesson.log)
    assert is_over([])


def test_a_message_that_nobody_knows_can_be_deleted_without_harm() -> None:
    """A player applies what is left of the log; what was left out may be spoken of later."""
    classroom = Lesson().classroom
    entry = Entry(
        classroom.seq + 1, classroom.opened_at, SYSTEM, ClientId(""), 0, (MessageDeleted(MessageId("?"), SYSTEM),)
    )
    assert apply(classroom, entry) == replace(classroom, seq=entry.seq)

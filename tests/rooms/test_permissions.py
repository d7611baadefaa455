"""Who may do what: the whole table, cell by cell, and what it does not name."""

from __future__ import annotations

from typing import get_args

import pytest

from server.rooms.breakouts import (
    AnnounceToBreakouts,
    AnswerHelp,
    AskHelp,
    AssignBreakout,
    CloseBreakouts,
    OpenBreakouts,
    PlanBreakouts,
    RecallBreakouts,
    ShuffleBreakouts,
    VisitBreakout,
)
from server.rooms.chat import DeleteMessage, SendMessage
from server.rooms.hands import LowerAllHands, LowerHand, RaiseHand
from server.rooms.kernel import MAIN, SYSTEM, Command, MessageId, ParticipantId, PollId, Refused, Role
from server.rooms.permissions import TABLE, authorize
from server.rooms.polls import CastVote, ClosePoll, DiscardPoll, DraftPoll, OpenPoll, PublishPoll
from server.rooms.recording import (
    AcknowledgeRecording,
    NoteRecordingTrouble,
    PauseRecording,
    ResumeRecording,
    StartRecording,
    StopRecording,
)
from server.rooms.room import AnyCommand, Classroom, EndClass
from server.rooms.roster import (
    DropParticipant,
    ExpireParticipant,
    JoinClass,
    LeaveClass,
    RemoveParticipant,
    SetRole,
)
from server.rooms.stage import LockSource, MuteAll, MuteSource, PublishSource, Source, UnlockSource, UnpublishSource
from tests.rooms.story import CLASS, Story, classroom

ACTORS = {
    "T": ParticipantId("ann"),
    "A": ParticipantId("dee"),
    "P": ParticipantId("pam"),
    "L": ParticipantId("bo"),
    "G": ParticipantId("gil"),
    "S": SYSTEM,
}
CY, POLL, MESSAGE = ParticipantId("cy"), PollId("poll"), MessageId("new7")

MATRIX: tuple[tuple[Command, str], ...] = (
    (JoinClass(CY, "Cy", Role.LEARNER), "S"),
    (DropParticipant(CY), "S"),
    (ExpireParticipant(CY), "S"),
    (LeaveClass(), "TAPLG"),
    (SetRole(CY, Role.PRESENTER), "T"),
    (RemoveParticipant(CY), "TA"),
    (SendMessage("hello"), "TAPLG"),
    (DeleteMessage(MESSAGE), "TA"),
    (RaiseHand(), "TAPLG"),
    (LowerHand(CY), "TA"),
    (LowerAllHands(), "TA"),
    (DraftPoll("?", ("a", "b")), "TP"),
    (OpenPoll(POLL), "TP"),
    (CastVote(POLL, 0), "TAPLG"),
    (ClosePoll(POLL), "TPS"),
    (PublishPoll(POLL), "TP"),
    (DiscardPoll(POLL), "TP"),
    (PlanBreakouts(()), "T"),
    (ShuffleBreakouts(2), "T"),
    (AssignBreakout(CY, MAIN), "TA"),
    (OpenBreakouts(), "T"),
    (AnnounceToBreakouts("hello"), "T"),
    (RecallBreakouts(), "T"),
    (CloseBreakouts(), "TS"),
    (VisitBreakout(MAIN), "TA"),
    (AskHelp(), "TAPLG"),
    (AnswerHelp(CY), "TA"),
    (PublishSource(Source.MIC), "TAPLG"),
    (PublishSource(Source.CAMERA), "TAPLG"),
    (PublishSource(Source.SCREEN), "TAP"),
    (PublishSource(Source.SCREEN_AUDIO), "TAP"),
    (UnpublishSource(Source.MIC), "TAPLG"),
    (MuteSource(CY, Source.MIC), "TA"),
    (MuteAll(), "TA"),
    (LockSource(Source.MIC), "TA"),
    (UnlockSource(Source.MIC), "TA"),
    (StartRecording(), "TS"),
    (PauseRecording(), "TS"),
    (ResumeRecording(), "TS"),
    (StopRecording(), "TS"),
    (AcknowledgeRecording(), "TAPLG"),
    (NoteRecordingTrouble("disk-full"), "S"),
    (EndClass(), "TS"),
)


@pytest.fixture(scope="module")
def room() -> Story:
    story = classroom("ann:instructor", "dee:assistant", "pam:presenter", "bo", "gil:guest", "cy")
    story.cy(SendMessage("mine"))
    return story


def allowed(state: Classroom, actor: ParticipantId, command: Command) -> bool:
    try:
        authorize(state, actor, command)
    except Refused as refused:
        return refused.reason != "not-allowed"
    return True


@pytest.mark.parametrize(("command", "who"), MATRIX, ids=lambda value: "" if isinstance(value, str) else repr(value))
def test_a_command_is_allowed_to_these_and_no_others(room: Story, command: Command, who: str) -> None:
    assert "".join(letter for letter, actor in ACTORS.items() if allowed(room.state, actor, command)) == who


def test_every_command_stands_in_the_table_and_in_this_test() -> None:
    commands = set(get_args(AnyCommand))
    assert commands == set(TABLE)
    assert commands == {type(command) for command, _ in MATRIX}


def test_a_command_that_the_table_does_not_name_is_denied_to_everyone(room: Story) -> None:
    class Overlooked(Command, frozen=True, tag="test.overlooked"):
        pass

    assert not any(allowed(room.state, actor, Overlooked()) for actor in ACTORS.values())


def test_ones_own_message_and_hand_are_ones_own(room: Story) -> None:
    assert allowed(room.state, CY, DeleteMessage(MESSAGE))
    assert allowed(room.state, CY, LowerHand(CY))
    assert not allowed(room.state, CY, LowerHand(ACTORS["L"]))


@pytest.mark.parametrize("gone", [False, True])
def test_an_assistant_cannot_remove_an_instructor_who_is_here_or_was(gone: bool) -> None:
    story = classroom("ann:instructor", "ida:instructor", "dee:assistant")
    if gone:
        story.ann(LeaveClass())
    assert not allowed(story.state, ACTORS["A"], RemoveParticipant(ACTORS["T"]))
    assert allowed(story.state, ParticipantId("ida"), RemoveParticipant(ACTORS["T"]))


@pytest.mark.parametrize("actor", ["stranger", "gone"])
@pytest.mark.parametrize(("command", "who"), MATRIX, ids=lambda value: "" if isinstance(value, str) else repr(value))
def test_whoever_is_not_in_class_may_do_nothing(actor: str, command: Command, who: str) -> None:
    story = classroom("ann:instructor", "gone:instructor")
    story.gone(LeaveClass())
    with pytest.raises(Refused, match="not-in-class"):
        authorize(story.state, ParticipantId(actor), command)


@pytest.mark.parametrize(("command", "who"), MATRIX, ids=lambda value: "" if isinstance(value, str) else repr(value))
def test_nothing_happens_in_a_class_before_it_opened_or_after_it_ended(command: Command, who: str) -> None:
    ended = classroom("ann:instructor")
    ended.ann(EndClass())
    for actor in ACTORS.values():
        with pytest.raises(Refused, match=r"class\.ended"):
            authorize(ended.state, actor, command)
        with pytest.raises(Refused, match=r"class\.not-open"):
            authorize(Classroom.empty(CLASS), actor, command)


def test_rights_follow_the_role_one_has_now() -> None:
    story = classroom("ann:instructor", "bo")
    story.ann(SetRole(ACTORS["L"], Role.PRESENTER))
    assert allowed(story.state, ACTORS["L"], PublishSource(Source.SCREEN))
    story.ann(SetRole(ACTORS["L"], Role.GUEST))
    assert not allowed(story.state, ACTORS["L"], PublishSource(Source.SCREEN))


def test_the_clock_has_no_instructors_rights() -> None:
    for_system = {type(command).__name__ for command, who in MATRIX if "S" in who}
    assert for_system == {
        "JoinClass", "DropParticipant", "ExpireParticipant", "ClosePoll", "CloseBreakouts", "EndClass",
        "StartRecording", "PauseRecording", "ResumeRecording", "StopRecording",
        "NoteRecordingTrouble",
    }  # fmt: skip

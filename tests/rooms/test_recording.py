"""Recording runs only while the flag says so."""

from __future__ import annotations

import pytest

from server.rooms.kernel import ParticipantId, Refused
from server.rooms.recording import (
    AcknowledgeRecording,
    NoteRecordingTrouble,
    PauseRecording,
    RecordingAcknowledged,
    RecordingPaused,
    RecordingPhase,
    RecordingRecovered,
    RecordingResumed,
    RecordingStarted,
    RecordingStopped,
    RecordingTroubled,
    ResumeRecording,
    StartRecording,
    StopRecording,
)
from server.rooms.room import Settings
from server.rooms.roster import LeaveClass, SetRole
from tests.rooms.story import classroom

BO = ParticipantId("bo")


def test_a_take_from_start_to_stop() -> None:
    room = classroom("ann:instructor", "bo")
    assert room.at(5_000).ann(StartRecording()) == (RecordingStarted(),)
    assert room.sees("bo").recording.started_at == 5_000
    assert room.ann(PauseRecording()) == (RecordingPaused(),)
    assert room.ann(PauseRecording()) == ()
    assert room.ann(ResumeRecording()) == (RecordingResumed(),)
    assert room.ann(ResumeRecording()) == ()
    assert room.ann(StopRecording()) == (RecordingStopped(),)
    assert room.ann(StopRecording()) == ()
    assert room.sees("bo").recording.phase is RecordingPhase.OFF


def test_a_running_or_paused_take_is_not_started_again() -> None:
    room = classroom("ann:instructor")
    room.ann(StartRecording())
    for _ in range(2):
        with pytest.raises(Refused, match=r"recording\.running"):
            room.ann(StartRecording())
        room.ann(PauseRecording())


def test_what_is_off_can_neither_pause_nor_resume() -> None:
    room = classroom("ann:instructor")
    for command in (PauseRecording(), ResumeRecording()):
        with pytest.raises(Refused, match=r"recording\.off"):
            room.ann(command)


def test_a_notice_is_acknowledged_once_even_before_the_first_take() -> None:
    room = classroom("ann:instructor", "bo")
    assert room.bo(AcknowledgeRecording()) == (RecordingAcknowledged(BO),)
    assert room.bo(AcknowledgeRecording()) == ()
    room.ann(StartRecording())
    assert room.sees("ann").recording.acknowledged == (BO,)


def test_everyone_learns_once_that_the_recording_has_trouble_and_that_it_is_over() -> None:
    room = classroom("ann:instructor", "bo")
    assert room.clock(NoteRecordingTrouble("disk-full")) == ()
    room.ann(StartRecording())
    assert room.clock(NoteRecordingTrouble("disk-full")) == (RecordingTroubled("disk-full"),)
    assert room.clock(NoteRecordingTrouble("disk-full")) == ()
    assert room.sees("bo").recording.trouble == "disk-full"
    assert room.clock(NoteRecordingTrouble("")) == (RecordingRecovered(),)
    assert room.clock(NoteRecordingTrouble("")) == ()
    assert room.sees("bo").recording.trouble == ""


def test_the_trouble_of_a_recording_ends_with_it() -> None:
    room = classroom("ann:instructor")
    for end in (PauseRecording(), StopRecording()):
        room.ann(StartRecording())
        room.clock(NoteRecordingTrouble("too-slow"))
        room.ann(end)
        assert room.sees("ann").recording.trouble == ""
        room.ann(StopRecording())


def test_an_automatic_recording_starts_when_the_first_instructor_joins() -> None:
    room = classroom("bo", settings=Settings(record_automatically=True))
    assert room.state.recording.phase is RecordingPhase.OFF
    assert room.join("ann:instructor")[-1] == RecordingStarted()


def test_an_automatic_recording_that_was_stopped_stays_stopped() -> None:
    room = classroom("ann:instructor", settings=Settings(record_automatically=True))
    room.ann(StopRecording())
    assert RecordingStarted() not in room.join("ann:instructor")
    assert RecordingStarted() not in room.join("ida:instructor")


def test_nothing_is_recorded_unless_somebody_asked() -> None:
    room = classroom("ann:instructor", "bo")
    room.ann(LeaveClass())
    room.join("ann:instructor")
    assert room.state.recording.takes == 0


def test_leaving_does_not_stop_the_recording_for_the_others() -> None:
    room = classroom("ann:instructor", "ida:instructor", "bo")
    room.ann(StartRecording())
    room.ida(SetRole(ParticipantId("bo"), room.state.roster.people[ParticipantId("ida")].role))
    room.ann(LeaveClass())
    assert room.state.recording.phase is RecordingPhase.ON

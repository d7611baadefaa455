"""The stage: who sends what, and who may still."""

from __future__ import annotations

import pytest

from server.rooms.kernel import ParticipantId, Refused, Role
from server.rooms.room import Settings
from server.rooms.roster import DropParticipant, LeaveClass, RemoveParticipant, SetRole
from server.rooms.stage import (
    LockSource,
    MuteAll,
    MuteSource,
    PublishSource,
    Source,
    SourceLocked,
    SourceMuted,
    SourcePublished,
    SourceUnlocked,
    SourceUnpublished,
    UnlockSource,
    UnpublishSource,
)
from tests.rooms.story import Story, classroom

MIC, CAMERA, SCREEN = Source.MIC, Source.CAMERA, Source.SCREEN
ANN, BO, PAM = ParticipantId("ann"), ParticipantId("bo"), ParticipantId("pam")


def live(room: Story, who: ParticipantId) -> tuple[Source, ...]:
    return room.sees("ann").stage.live.get(who, ())


def test_publishing_and_unpublishing() -> None:
    room = classroom("ann:instructor", "bo")
    assert room.bo(PublishSource(MIC)) == (SourcePublished(BO, MIC),)
    assert room.bo(PublishSource(MIC)) == ()
    room.bo(PublishSource(CAMERA))
    assert live(room, BO) == (MIC, CAMERA)
    assert room.bo(UnpublishSource(MIC)) == (SourceUnpublished(BO, MIC),)
    assert room.bo(UnpublishSource(MIC)) == ()
    room.bo(UnpublishSource(CAMERA))
    assert BO not in room.state.stage.live


def test_a_muted_participant_may_begin_again() -> None:
    room = classroom("ann:instructor", "bo")
    room.bo(PublishSource(MIC))
    assert room.ann(MuteSource(BO, MIC)) == (SourceMuted(BO, MIC, by=ANN),)
    assert room.ann(MuteSource(BO, MIC)) == ()
    assert room.bo(PublishSource(MIC)) == (SourcePublished(BO, MIC),)
    with pytest.raises(Refused, match=r"participant\.unknown"):
        room.ann(MuteSource(ParticipantId("nobody"), MIC))


def test_muting_all_spares_the_hosts_and_the_cameras() -> None:
    room = classroom("ann:instructor", "dee:assistant", "pam:presenter", "bo")
    for speaker in ("ann", "dee", "pam", "bo"):
        room.by(speaker, PublishSource(MIC))
    room.bo(PublishSource(CAMERA))
    assert room.ann(MuteAll()) == (SourceMuted(PAM, MIC, by=ANN), SourceMuted(BO, MIC, by=ANN))
    assert live(room, BO) == (CAMERA,)
    assert room.ann(MuteAll()) == ()


def test_a_lock_mutes_those_it_binds_and_keeps_them_muted() -> None:
    room = classroom("ann:instructor", "pam:presenter", "bo")
    room.pam(PublishSource(MIC))
    room.bo(PublishSource(MIC))
    assert room.ann(LockSource(MIC)) == (SourceLocked(MIC, by=ANN), SourceMuted(BO, MIC, by=ANN))
    assert room.ann(LockSource(MIC)) == ()
    with pytest.raises(Refused, match=r"stage\.locked"):
        room.bo(PublishSource(MIC))
    assert live(room, PAM) == (MIC,)
    assert room.ann(UnlockSource(MIC)) == (SourceUnlocked(MIC, by=ANN),)
    assert room.ann(UnlockSource(MIC)) == ()
    room.bo(PublishSource(MIC))


def test_a_locked_screen_is_for_hosts() -> None:
    room = classroom("ann:instructor", "pam:presenter")
    room.pam(PublishSource(SCREEN))
    room.ann(LockSource(SCREEN))
    assert live(room, PAM) == ()
    with pytest.raises(Refused, match=r"stage\.locked"):
        room.pam(PublishSource(SCREEN))
    room.ann(PublishSource(SCREEN))


def test_a_class_may_start_with_sources_locked() -> None:
    room = classroom("ann:instructor", "bo", settings=Settings(locked=(CAMERA, CAMERA)))
    assert room.sees("bo").stage.locked == (CAMERA,)
    with pytest.raises(Refused, match=r"stage\.locked"):
        room.bo(PublishSource(CAMERA))
    room.ann(UnlockSource(CAMERA))
    room.bo(PublishSource(CAMERA))


@pytest.mark.parametrize("how", ["drop", "leave", "remove", "second device"])
def test_whoever_goes_is_off_stage_and_must_publish_again(how: str) -> None:
    room = classroom("ann:instructor", "bo")
    room.bo(PublishSource(MIC))
    match how:
        case "drop":
            room.clock(DropParticipant(BO))
        case "leave":
            room.bo(LeaveClass())
        case "remove":
            room.ann(RemoveParticipant(BO))
        case _:
            room.join("bo")
    assert live(room, BO) == ()


def test_a_command_that_outlived_its_connection_leaves_no_ghost_on_stage() -> None:
    room = classroom("ann:instructor", "bo")
    room.clock(DropParticipant(BO))
    with pytest.raises(Refused):
        room.bo(PublishSource(MIC))


def test_a_demoted_presenter_stops_sharing() -> None:
    room = classroom("ann:instructor", "pam:presenter")
    room.ann(LockSource(MIC))
    for source in (MIC, CAMERA, SCREEN, Source.SCREEN_AUDIO):
        room.pam(PublishSource(source))
    room.ann(SetRole(PAM, Role.LEARNER))
    assert live(room, PAM) == (CAMERA,)

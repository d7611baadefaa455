"""What the media plane is asked to forward and the recorder to write, as the class changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from server.live.ports import Circle, PeerId, SlotContent, Want
from server.live.session import Wish
from server.live.telling import LayersWanted, Levels, MediaLost, Slot, Slots
from server.rooms.breakouts import CloseBreakouts, OpenBreakouts, ShuffleBreakouts
from server.rooms.chat import SendMessage
from server.rooms.kernel import ParticipantId, Refused, Role
from server.rooms.recording import PauseRecording, ResumeRecording, StartRecording, StopRecording
from server.rooms.room import EndClass
from server.rooms.roster import LeaveClass, RemoveParticipant
from server.rooms.stage import LockSource, MuteSource, PublishSource, Source, UnpublishSource
from tests.live.world import CLASS, Person, TroubledLog, World, settle

LINES = {"0": "mic", "1": "camera"}
ANN, BO = f"{CLASS}/ann", f"{CLASS}/bo"


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World(TroubledLog())
    await world.opened()
    yield world
    await world.hosts.close()


@pytest.fixture
async def ann(world: World) -> Person:
    return await with_media(world, "ann", Role.INSTRUCTOR)


@pytest.fixture
async def bo(world: World, ann: Person) -> Person:
    return await with_media(world, "bo")


async def with_media(world: World, name: str, role: Role = Role.LEARNER) -> Person:
    person = await world.comes(name, role)
    await person.session.offer("offer", LINES)
    return person


async def on_stage(*people: Person, sources: Sequence[Source] = (Source.MIC, Source.CAMERA)) -> None:
    for person in people:
        for source in sources:
            await person.says(PublishSource(source))


async def test_an_offer_is_answered_and_seats_its_maker_in_main_with_nothing_allowed(world: World) -> None:
    ann = await world.comes("ann", Role.INSTRUCTOR)
    answer = await ann.session.offer("offer", LINES)
    assert answer.sdp == "answer to offer"
    assert world.media.calls == [f"connect {ANN}", f"allow {ANN} nothing", f"place {ANN} in {CLASS}/main"]


async def test_an_offer_nobody_can_answer_changes_nothing(world: World, ann: Person) -> None:
    await on_stage(ann)
    before = list(world.media.calls)
    with pytest.raises(ValueError, match="not an offer"):
        await ann.session.offer("nonsense", LINES)
    assert world.media.calls == before


async def test_what_is_on_stage_is_forwarded_and_what_is_muted_is_not(world: World, ann: Person, bo: Person) -> None:
    await on_stage(bo)
    assert world.media.allowed[BO] == {"mic", "camera"}
    await ann.says(MuteSource(bo.id, Source.MIC))
    assert world.media.allowed[BO] == {"camera"}
    await ann.says(LockSource(Source.CAMERA))
    assert world.media.allowed[BO] == set()


async def test_a_breakout_moves_people_without_any_new_offer(world: World, ann: Person, bo: Person) -> None:
    cy = await with_media(world, "cy")
    offers = [call for call in world.media.calls if call.startswith("connect")]
    await ann.says(ShuffleBreakouts(2))
    await ann.says(OpenBreakouts())
    circles = {world.media.circles[f"{CLASS}/{person.id}"] for person in (ann, bo, cy)}
    assert len(circles) == 3
    assert world.media.circles[ANN] == f"{CLASS}/main"
    await ann.says(CloseBreakouts())
    assert set(world.media.circles.values()) == {f"{CLASS}/main"}
    assert [call for call in world.media.calls if call.startswith("connect")] == offers


async def test_nothing_is_asked_twice(world: World, ann: Person, bo: Person) -> None:
    await on_stage(bo)
    before = list(world.media.calls)
    await ann.says(UnpublishSource(Source.MIC))
    await ann.says(StartRecording())
    assert world.media.calls == before


@pytest.mark.parametrize("how", ["leaves", "is removed", "expires"])
async def test_whoever_goes_is_disconnected(world: World, ann: Person, bo: Person, how: str) -> None:
    if how == "leaves":
        await bo.says(LeaveClass())
    elif how == "is removed":
        await ann.says(RemoveParticipant(bo.id))
    else:
        await bo.hangs_up()
        assert BO in world.media.circles  # a lost socket is not a lost call
        await world.clock.pass_ms(60_000)
    assert BO not in world.media.circles


async def test_a_lost_media_connection_is_reported_and_the_class_goes_on(world: World, ann: Person, bo: Person) -> None:
    await on_stage(bo)
    world.switchboard.media_lost(PeerId(BO), "timeout")
    await settle()
    lost = bo.heard_last(MediaLost)
    assert isinstance(lost, MediaLost)
    assert lost.reason == "timeout"
    await bo.session.offer("another", LINES)
    assert world.media.allowed[BO] == {"mic", "camera"}


async def test_reports_of_the_media_plane_reach_the_right_people(world: World, ann: Person, bo: Person) -> None:
    world.switchboard.slots_changed(
        PeerId(BO), [SlotContent("4", PeerId(ANN), "mic"), SlotContent("5", PeerId(""), "")]
    )
    world.switchboard.levels(Circle(f"{CLASS}/main"), {PeerId(ANN): 30}, PeerId(ANN))
    world.switchboard.levels(Circle(f"{CLASS}/elsewhere"), {PeerId(ANN): 10}, None)
    world.switchboard.levels(Circle("unknown/main"), {}, None)
    await settle()
    slots, levels = bo.heard_last(Slots), bo.heard_last(Levels)
    assert isinstance(slots, Slots)
    assert slots.slots == (Slot("4", ann.id, "mic"), Slot("5", ParticipantId(""), ""))
    assert isinstance(levels, Levels)
    assert (levels.levels, levels.speaker) == ({ann.id: 30}, ann.id)
    assert sum(isinstance(message, Slots) for message in ann.heard) == 0
    assert sum(isinstance(message, Levels) for message in ann.heard) == 1


async def test_wishes_are_passed_on_in_the_media_planes_words(world: World, ann: Person, bo: Person) -> None:
    bo.session.watch([Wish(ann.id, "camera", "high")], cameras=4)
    assert world.media.wants[BO] == [Want(PeerId(ANN), "camera", "high")]
    assert world.media.cameras[BO] == 4


async def test_a_client_that_comes_back_is_told_again_what_its_lines_carry(
    world: World, ann: Person, bo: Person
) -> None:
    await bo.hangs_up()
    world.switchboard.slots_changed(PeerId(BO), [SlotContent("4", PeerId(ANN), "mic")])
    world.switchboard.layers_wanted(PeerId(BO), "camera", ["l", "m"])
    world.switchboard.layers_wanted(PeerId(BO), "camera", ["l"])
    again = await world.comes("bo", known=bo.view)
    assert isinstance(again.heard_last(Slots), Slots)
    layers = again.heard_last(LayersWanted)
    assert isinstance(layers, LayersWanted)
    assert (layers.source, layers.rids) == ("camera", ("l",))


async def test_an_offer_answered_after_its_maker_was_removed_is_undone(world: World, ann: Person) -> None:
    bo = await world.comes("bo")
    world.media.may_connect.clear()
    offering = asyncio.ensure_future(bo.session.offer("offer", LINES))
    await settle()
    await ann.says(RemoveParticipant(bo.id))
    world.media.may_connect.set()
    with pytest.raises(Refused, match=r"session\.over"):
        await offering
    assert BO not in world.media.circles


async def test_nothing_is_recorded_before_recording_starts(world: World, ann: Person) -> None:
    await on_stage(ann)
    assert world.recorder.calls == []
    assert world.recorder.tracks == []


async def test_what_is_on_stage_is_recorded_while_recording_is_on(world: World, ann: Person, bo: Person) -> None:
    await on_stage(ann, sources=[Source.MIC])
    await ann.says(StartRecording())
    await on_stage(bo, sources=[Source.CAMERA])
    assert world.recorder.open_tracks == {("ann", "mic", "main"), ("bo", "camera", "main")}
    world.media.arrives(ANN, "mic", b"sound")
    await ann.says(PauseRecording())
    assert world.recorder.open_tracks == set()
    world.media.arrives(ANN, "mic", b"off the record")
    await ann.says(ResumeRecording())
    assert world.recorder.open_tracks == {("ann", "mic", "main"), ("bo", "camera", "main")}
    await ann.says(StopRecording())
    assert world.recorder.calls == ["begin", "resume", "pause", "begin", "resume", "pause"]
    assert [track.frames for track in world.recorder.tracks if track.participant == "ann"] == [[b"sound"], []]


async def test_a_class_recorded_automatically_records_once_the_instructor_is_there(world: World) -> None:
    recorded = World()
    await recorded.opened(recorded=True)
    await recorded.comes("bo")
    assert recorded.recorder.calls == []
    await recorded.comes("ann", Role.INSTRUCTOR)
    assert recorded.recorder.calls == ["begin", "resume"]
    await recorded.hosts.close()


async def test_what_is_sent_while_muted_is_not_recorded_and_needs_no_new_track(world: World, ann: Person) -> None:
    await on_stage(ann)
    await ann.says(StartRecording())
    world.media.arrives(ANN, "mic", b"one")
    await ann.says(UnpublishSource(Source.MIC))
    world.media.arrives(ANN, "mic", b"muted")
    await ann.says(PublishSource(Source.MIC))
    world.media.arrives(ANN, "mic", b"two")
    mic = [track for track in world.recorder.tracks if track.source == "mic"]
    assert [track.frames for track in mic] == [[b"one", b"two"]]


async def test_a_picture_that_comes_back_is_recorded_from_its_next_keyframe(world: World, ann: Person) -> None:
    await on_stage(ann)
    await ann.says(StartRecording())
    await ann.says(UnpublishSource(Source.CAMERA))
    await ann.says(PublishSource(Source.CAMERA))
    world.media.arrives(ANN, "camera", b"needs what was left out", keyframe=False)
    world.media.arrives(ANN, "camera", b"whole")
    world.media.arrives(ANN, "camera", b"next", keyframe=False)
    camera = [track for track in world.recorder.tracks if track.source == "camera"]
    assert [track.frames for track in camera] == [[b"whole", b"next"]]


async def test_every_room_has_its_own_tracks(world: World, ann: Person, bo: Person) -> None:
    await on_stage(bo, sources=[Source.MIC])
    await ann.says(StartRecording())
    await ann.says(ShuffleBreakouts(1))
    await ann.says(OpenBreakouts())
    group = world.host.classroom.breakouts.groups[0].id
    assert world.recorder.open_tracks == {("bo", "mic", group)}
    await ann.says(CloseBreakouts())
    assert world.recorder.open_tracks == {("bo", "mic", "main")}
    assert len(world.recorder.tracks) == 3


async def test_a_new_connection_gets_new_tracks(world: World, ann: Person) -> None:
    await on_stage(ann, sources=[Source.MIC])
    await ann.says(StartRecording())
    await ann.session.offer("again", LINES)
    assert [track.closed for track in world.recorder.tracks] == [True, False]
    world.switchboard.media_lost(PeerId(ANN), "closed")
    assert world.recorder.open_tracks == set()


async def test_a_recorder_without_room_does_not_stop_the_class_and_is_tried_again(world: World, ann: Person) -> None:
    await on_stage(ann, sources=[Source.MIC])
    world.recorder.disk_full = True
    await ann.says(StartRecording())
    assert world.recorder.calls == []
    await world.clock.pass_ms(5_000)
    world.recorder.disk_full = False
    await world.clock.pass_ms(5_000)
    assert world.recorder.open_tracks == {("ann", "mic", "main")}


async def test_after_a_crash_a_running_recording_goes_on(world: World, ann: Person) -> None:
    await on_stage(ann)
    await ann.says(StartRecording())
    await world.restart_after_crash()
    assert world.recorder.calls == ["begin", "resume"]
    assert world.recorder.tracks == []
    again = await with_media(world, "ann", Role.INSTRUCTOR)
    await on_stage(again, sources=[Source.MIC])
    assert world.recorder.open_tracks == {("ann", "mic", "main")}


async def test_after_a_crash_a_paused_recording_stays_paused(world: World, ann: Person) -> None:
    await ann.says(StartRecording())
    await ann.says(PauseRecording())
    await world.restart_after_crash()
    assert world.recorder.calls == []


async def test_the_end_closes_tracks_and_connections_and_publishes(world: World, ann: Person, bo: Person) -> None:
    await on_stage(ann, bo)
    await ann.says(StartRecording())
    await ann.says(EndClass())
    assert world.recorder.open_tracks == set()
    assert world.media.circles == {}
    assert world.recorder.calls == ["begin", "resume", "pause"]
    assert world.recorder.published == [CLASS]


async def test_a_shutdown_closes_tracks_and_leaves_the_recording_to_be_continued(world: World, ann: Person) -> None:
    await on_stage(ann)
    await ann.says(StartRecording())
    await world.hosts.close()
    assert world.recorder.open_tracks == set()
    assert world.recorder.published == []


async def test_a_media_plane_that_fails_costs_media_and_not_the_class(world: World, ann: Person, bo: Person) -> None:
    world.media.broken = True
    await bo.says(PublishSource(Source.MIC))
    await bo.says(SendMessage("can you hear me?"))
    assert world.sees_all(ann)
    world.media.broken = False
    await world.clock.pass_ms(5_000)
    assert world.media.allowed[BO] == {"mic"}

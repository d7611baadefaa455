"""From what is true of a class to what the media plane forwards and the recorder writes.

After every entry the state says who is in which circle, whose sources may be forwarded, and which of them are
recorded; what differs from what was asked for last is asked for now. Nothing here decides anything: a mute, a lock or
a move has been decided by the rules, and a recording runs while the recording flag is on.

A recorded track is one participant's source in one room during one stretch of recording. While its owner is muted it
stays open and gets nothing: what a hostile client sends while muted must not be recorded, and a talk with a hundred
mutes must not become a hundred files.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from msgspec import Struct

from server.live.ports import Answer, Circle, MediaPlane, PeerId, Recorder, Want
from server.live.session import Wish
from server.media.tap import Frame, FrameSink
from server.rooms.kernel import ClassId, Instant, ParticipantId, RoomId
from server.rooms.recording import RecordingPhase
from server.rooms.room import Classroom, room_of
from server.rooms.stage import Source

_PICTURES = {Source.CAMERA, Source.SCREEN}

logger = logging.getLogger(__name__)


def peer_id(class_id: ClassId, participant: ParticipantId) -> PeerId:
    return PeerId(f"{class_id}/{participant}")


def circle_id(class_id: ClassId, room: RoomId) -> Circle:
    return Circle(f"{class_id}/{room}")


def class_of(name: PeerId | Circle) -> tuple[ClassId, str]:
    """The class, and the participant or room in it."""
    class_id, _, rest = name.partition("/")
    return ClassId(class_id), rest


class Gate:
    """A FrameSink that passes frames only while its source is on stage; a picture goes on with a keyframe."""

    def __init__(self, sink: FrameSink, *, is_picture: bool) -> None:
        self._sink = sink
        self._is_picture = is_picture
        self._shut = False
        self._needs_keyframe = False
        self._closed = False

    def open(self) -> None:
        if self._shut:
            self._shut = False
            self._needs_keyframe = self._is_picture

    def shut(self) -> None:
        self._shut = True

    def write(self, frame: Frame) -> None:
        if self._shut or self._closed:
            return
        if self._needs_keyframe and not frame.keyframe:
            return
        self._needs_keyframe = False
        self._sink.write(frame)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._sink.close()


class _Seat(Struct):
    """What the media plane was last told of a connected peer."""

    circle: Circle | None = None
    allowed: frozenset[Source] | None = None


class _Track(Struct):
    room: RoomId
    gate: Gate


class Casting:
    """Keeps media plane and recorder in step with one class."""

    def __init__(self, class_id: ClassId, media: MediaPlane, recorder: Recorder) -> None:
        self._class_id = class_id
        self._media = media
        self._recorder = recorder
        self._seats: dict[ParticipantId, _Seat] = {}
        self._tracks: dict[tuple[ParticipantId, Source], _Track] = {}
        self._rolling = False
        self._followed: Classroom | None = None
        self._arrived: set[ParticipantId] = set()
        """New transports, which nothing was asked for yet."""
        self.troubled = False
        """Something failed; the next `follow` tries it again."""

    def follow(self, classroom: Classroom, at: Instant) -> None:
        """Bring media plane and recorder up to a state. Idempotent; their failures cost media, never the class."""
        touched = self._touched(classroom)
        if not touched and not self.troubled and self._followed is not None and _cast_alike(self._followed, classroom):
            return
        self._followed = classroom
        self._arrived.clear()
        # One peer's trouble must not keep another's mute from being carried out.
        works: list[Callable[[], None]] = [partial(self._follow_seat, classroom, peer) for peer in touched]
        works.append(partial(self._follow_recording, classroom, at))
        troubled = False
        for work in works:
            try:
                work()
            except Exception:
                troubled = True
                if not self.troubled:
                    logger.exception("class %s: media or recorder failed, trying again", self._class_id)
        self.troubled = troubled

    @property
    def recording_trouble(self) -> str:
        """What the recorder complains of; "" while nothing is recorded."""
        return self._recorder.trouble(self._class_id) if self._rolling else ""

    async def connect(self, participant: ParticipantId, sdp: str, sources: Mapping[str, str]) -> Answer:
        """Answer an offer; the caller then lets the state follow. Raises ValueError, and nothing has changed then."""
        answer = await self._media.connect(peer_id(self._class_id, participant), sdp, sources)
        # A new transport starts from nothing, and its frames belong in tracks of their own.
        self._close_tracks(participant)
        self._seats[participant] = _Seat()
        self._arrived.add(participant)
        return answer

    def watch(self, participant: ParticipantId, wanted: Sequence[Wish], cameras: int | None) -> None:
        wants = [Want(peer_id(self._class_id, wish.participant), wish.source, wish.quality) for wish in wanted]
        self._media.watch(peer_id(self._class_id, participant), wants, cameras)

    def lost(self, participant: ParticipantId) -> None:
        """The media connection is gone. Whoever had it is still in class."""
        self._close_tracks(participant)
        self._seats.pop(participant, None)
        self._arrived.discard(participant)

    def disconnect(self, participant: ParticipantId) -> None:
        self._media.disconnect(peer_id(self._class_id, participant))
        self.lost(participant)

    def close(self, at: Instant) -> None:
        """Leave nothing open: the class has ended, or the process is about to."""
        for participant in list(self._seats):
            self.disconnect(participant)
        if self._rolling:
            self._rolling = False
            self._recorder.pause(self._class_id, at)

    def _touched(self, classroom: Classroom) -> list[ParticipantId]:
        """Whose seats may have to change. With five hundred in class, all but one or two are as they were."""
        before = self._followed
        if self.troubled or before is None:
            return list(self._seats)
        if _cast_alike(before, classroom):
            return list(self._arrived)
        people, live, where = classroom.roster.people, classroom.stage.live, classroom.breakouts.where
        people_before, live_before, where_before = before.roster.people, before.stage.live, before.breakouts.where
        return [
            peer
            for peer in self._seats
            if people.get(peer) is not people_before.get(peer)
            or live.get(peer) is not live_before.get(peer)
            or where.get(peer) != where_before.get(peer)
            or peer in self._arrived
        ]

    def _follow_seat(self, classroom: Classroom, participant: ParticipantId) -> None:
        if classroom.roster.present(participant) is None:
            self.disconnect(participant)
            return
        seat = self._seats[participant]
        allowed = frozenset(classroom.stage.live.get(participant, ()))
        circle = circle_id(self._class_id, room_of(classroom, participant))
        # What is taken away goes first: nobody is heard in a room in which he may not speak.
        if seat.allowed is None or seat.allowed - allowed:
            self._allow(participant, allowed & (seat.allowed or frozenset()))
        if seat.circle != circle:
            self._media.place(peer_id(self._class_id, participant), circle)
            seat.circle = circle
        if seat.allowed != allowed:
            self._allow(participant, allowed)

    def _allow(self, participant: ParticipantId, sources: frozenset[Source]) -> None:
        names = frozenset(source.value for source in sources)
        self._media.allow(peer_id(self._class_id, participant), names)
        self._seats[participant].allowed = sources

    def _follow_recording(self, classroom: Classroom, at: Instant) -> None:
        rolling = classroom.recording.phase is RecordingPhase.ON
        for (participant, source), track in list(self._tracks.items()):
            if not rolling or track.room != room_of(classroom, participant):
                self._close_track(participant, source)
            elif classroom.stage.sends(participant, source):
                track.gate.open()
            else:
                track.gate.shut()
        if self._rolling and not rolling:
            self._recorder.pause(self._class_id, at)
            self._rolling = False
        if rolling and not self._rolling:
            self._recorder.begin(self._class_id, classroom.title, at)
            self._recorder.resume(self._class_id, at)
            self._rolling = True
        if rolling:
            self._open_tracks(classroom, at)

    def _open_tracks(self, classroom: Classroom, at: Instant) -> None:
        for participant in self._seats:
            for source in classroom.stage.live.get(participant, ()):
                if (participant, source) not in self._tracks:
                    self._open_track(classroom, participant, source, at)

    def _open_track(self, classroom: Classroom, participant: ParticipantId, source: Source, at: Instant) -> None:
        room = room_of(classroom, participant)
        name = classroom.roster.people[participant].name
        sink = self._recorder.open_track(self._class_id, participant, name, source.value, room, at)
        gate = Gate(sink, is_picture=source in _PICTURES)
        self._tracks[participant, source] = _Track(room, gate)
        self._media.record(peer_id(self._class_id, participant), source.value, gate)

    def _close_tracks(self, participant: ParticipantId) -> None:
        for owner, source in list(self._tracks):
            if owner == participant:
                self._close_track(owner, source)

    def _close_track(self, participant: ParticipantId, source: Source) -> None:
        track = self._tracks.pop((participant, source))
        try:
            self._media.stop_recording(peer_id(self._class_id, participant), source.value)
        finally:
            track.gate.close()  # also where the media plane had forgotten it


def _cast_alike(one: Classroom, other: Classroom) -> bool:
    """Most entries are votes and chat. They leave these parts not only equal but the very same."""
    return (
        one.roster is other.roster
        and one.stage is other.stage
        and one.breakouts is other.breakouts
        and one.recording is other.recording
    )

"""A world for one class: a clock that moves when told, a log that can fail, media and recorder that write down."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Mapping, Sequence

from server.live.host import ClassHost
from server.live.hosts import Hosts, MediaSwitchboard
from server.live.ports import Answer, Circle, PeerId, Want
from server.live.session import Session
from server.live.telling import Bye, ByeReason, FreshView, LayersWanted, Levels, MediaLost, Message, Pulsed, Slots, Told
from server.log.eventlog import EventLog, LogUnavailable
from server.log.memory import MemoryLog
from server.media.tap import Frame, FrameSink
from server.rooms.kernel import ClassId, ClientId, Command, Entry, Event, Instant, ParticipantId, Role
from server.rooms.room import Classroom, Settings, apply
from server.rooms.view import view

CLASS = ClassId("algebra")


async def settle() -> None:
    """Let everything happen that can happen without time passing."""
    for _ in range(100):
        await asyncio.sleep(0)


class SlowClock:
    """server.live.clock.Clock whose time passes when a test says so."""

    def __init__(self, now: int = 1_000_000) -> None:
        self._now = now
        self._order = itertools.count()
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []

    def now(self) -> Instant:
        return Instant(self._now)

    def advance_to(self, instant: Instant) -> None:
        self._now = max(self._now, instant)

    async def sleep(self, seconds: float) -> None:
        until = self._now + max(0, round(seconds * 1000))
        awake: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (until, next(self._order), awake))
        if until <= self._now:
            self._wake()
        await awake

    async def pass_ms(self, ms: int) -> None:
        """Time passes, stopping wherever somebody wakes up."""
        await settle()
        end = self._now + ms
        while self._sleepers and self._sleepers[0][0] <= end:
            self._now = max(self._now, self._sleepers[0][0])
            self._wake()
            await settle()
        self._now = end
        await settle()

    def set_back(self, ms: int) -> None:
        self._now -= ms

    def _wake(self) -> None:
        while self._sleepers and self._sleepers[0][0] <= self._now:
            awake = heapq.heappop(self._sleepers)[2]
            if not awake.done():
                awake.set_result(None)


class TroubledLog(MemoryLog):
    """A log whose disk can fill up, or take its time."""

    def __init__(self) -> None:
        super().__init__()
        self.full = False
        self.failures_to_come = 0
        self.broken: Exception | None = None
        self.appends: list[int] = []
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()

    async def append(self, class_id: ClassId, after: int, entries: Sequence[Entry], epoch: int = 0) -> None:
        await self.may_go_on.wait()
        if self.broken is not None:
            raise self.broken
        if self.full or self.failures_to_come:
            self.failures_to_come = max(0, self.failures_to_come - 1)
            raise LogUnavailable("No space left on device")
        self.appends.append(len(entries))
        await super().append(class_id, after, entries, epoch)


class NotedMedia:
    """server.live.ports.MediaPlane as a table of who was told what."""

    def __init__(self) -> None:
        self.circles: dict[str, str] = {}
        self.allowed: dict[str, set[str]] = {}
        self.wants: dict[str, list[Want]] = {}
        self.cameras: dict[str, int | None] = {}
        self.sinks: dict[tuple[str, str], FrameSink] = {}
        self.calls: list[str] = []
        self.may_connect = asyncio.Event()
        self.may_connect.set()
        self.broken = False

    async def connect(self, peer: PeerId, offer: str, sources: Mapping[str, str]) -> Answer:
        await self.may_connect.wait()
        if offer == "nonsense":
            raise ValueError("not an offer")
        self.calls.append(f"connect {peer}")
        self.circles[peer], self.allowed[peer] = "", set()
        return Answer(f"answer to {offer}", {"4": "audio", "5": "video"})

    def disconnect(self, peer: PeerId) -> None:
        self.calls.append(f"disconnect {peer}")
        self.circles.pop(peer, None)
        self.allowed.pop(peer, None)

    def place(self, peer: PeerId, circle: Circle) -> None:
        self.calls.append(f"place {peer} in {circle}")
        self.circles[peer] = circle

    def allow(self, peer: PeerId, sources: frozenset[str]) -> None:
        if self.broken:
            raise RuntimeError("a bug")
        self.calls.append(f"allow {peer} {' '.join(sorted(sources)) or 'nothing'}")
        self.allowed[peer] = set(sources)

    def watch(self, peer: PeerId, wanted: Sequence[Want], cameras: int | None = None) -> None:
        self.wants[peer] = list(wanted)
        self.cameras[peer] = cameras

    def record(self, peer: PeerId, source: str, sink: FrameSink) -> None:
        self.sinks[peer, source] = sink

    def stop_recording(self, peer: PeerId, source: str) -> None:
        self.sinks.pop((peer, source)).close()

    def arrives(self, peer: str, source: str, payload: bytes, *, keyframe: bool = True) -> None:
        """A frame from the network, as the tap sees it."""
        if (peer, source) in self.sinks:
            self.sinks[peer, source].write(Frame(0.0, payload, keyframe))


class NotedTrack:
    """What was recorded of one source."""

    def __init__(self, participant: str, source: str, room: str, at: int) -> None:
        self.participant, self.source, self.room, self.at = participant, source, room, at
        self.frames: list[bytes] = []
        self.closed = False

    def write(self, frame: Frame) -> None:
        assert not self.closed
        self.frames.append(frame.payload)

    def close(self) -> None:
        assert not self.closed
        self.closed = True


class NotedRecorder:
    """server.live.ports.Recorder that remembers instead of writing."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.tracks: list[NotedTrack] = []
        self.published: list[str] = []
        self.disk_full = False
        self.failing_publishes = 0
        self.complaint = ""

    def begin(self, class_id: str, title: str, at: int) -> str:
        self._require_room()
        self.calls.append("begin")
        return f"recording of {class_id}"

    def open_track(self, class_id: str, participant: str, name: str, source: str, room: str, at: int) -> FrameSink:
        self._require_room()
        self.tracks.append(NotedTrack(participant, source, room, at))
        return self.tracks[-1]

    def pause(self, class_id: str, at: int) -> None:
        self.calls.append("pause")

    def resume(self, class_id: str, at: int) -> None:
        self.calls.append("resume")

    def trouble(self, class_id: str) -> str:
        return self.complaint

    async def publish(self, class_id: str, at: int) -> None:
        if self.failing_publishes:
            self.failing_publishes -= 1
            raise OSError(28, "No space left on device")
        self.published.append(class_id)

    @property
    def open_tracks(self) -> set[tuple[str, str, str]]:
        return {(track.participant, track.source, track.room) for track in self.tracks if not track.closed}

    def _require_room(self) -> None:
        if self.disk_full:
            raise OSError(28, "No space left on device")


class Person:
    """A client that reads everything at once and keeps its view up to date by it."""

    def __init__(self, session: Session, known: Classroom | None) -> None:
        self.session = session
        self.id = session.participant
        self.heard: list[Message] = []
        self._view = known if session.resumed else None
        self._counter = itertools.count(1)
        self._reading = asyncio.create_task(self._read())

    @property
    def view(self) -> Classroom:
        assert self._view is not None
        return self._view

    @property
    def told(self) -> list[Entry]:
        return [message.entry for message in self.heard if isinstance(message, Told)]

    @property
    def events(self) -> list[Event]:
        return [event for entry in self.told for event in entry.events]

    @property
    def bye(self) -> ByeReason | None:
        last = self.heard[-1] if self.heard else None
        return last.reason if isinstance(last, Bye) else None

    def heard_last(self, kind: type[Slots | LayersWanted | Levels | MediaLost | Pulsed]) -> Message:
        return [message for message in self.heard if isinstance(message, kind)][-1]

    async def says(self, command: Command) -> int:
        seq = await self.session.submit(command, next(self._counter))
        await settle()
        return seq

    def stops_reading(self) -> None:
        self._reading.cancel()

    async def hangs_up(self) -> None:
        self._reading.cancel()
        self.session.leave()
        await settle()

    async def _read(self) -> None:
        async for message in self.session:
            self.heard.append(message)
            if isinstance(message, FreshView):
                self._view = message.view
            elif isinstance(message, Told):
                assert message.entry.seq == self.view.seq + 1
                self._view = apply(self.view, message.entry)


class World:
    """One server after another on the same log, each with the class in it."""

    def __init__(self, log: EventLog | None = None) -> None:
        self.clock = SlowClock()
        self.log = log if log is not None else TroubledLog()
        self.media = NotedMedia()
        self.recorder = NotedRecorder()
        self.ended: list[ClassId] = []
        self._clients = itertools.count()
        self.start_server()

    def start_server(self) -> None:
        """A fresh process: nothing in memory but the log and the world around."""
        self.switchboard = MediaSwitchboard()
        self.hosts = Hosts(
            self.log,
            self.media,
            self.recorder,
            clock=self.clock,
            switchboard=self.switchboard,
            on_end=self._note_end,
        )

    async def restart_after_crash(self) -> None:
        """As after kill -9: the old process's memory is gone, nothing was said or closed."""
        for task in asyncio.all_tasks():
            if task.get_name().split()[0] in ("class", "alarm", "finish"):
                task.cancel()
        await settle()
        self.media, self.recorder = NotedMedia(), NotedRecorder()
        self.start_server()
        await self.hosts.recover()
        await settle()

    async def opened(self, *, recorded: bool = False) -> ClassHost:
        return await self.hosts.open(CLASS, "Algebra", Settings(record_automatically=recorded))

    @property
    def host(self) -> ClassHost:
        return next(host for host in self.hosts.running if host.class_id == CLASS)

    async def comes(
        self,
        name: str,
        role: Role = Role.LEARNER,
        client: str | None = None,
        known: Classroom | None = None,
    ) -> Person:
        """`known` is the view of a client that comes back."""
        session = await self.host.enter(
            ParticipantId(name),
            name.title(),
            role,
            ClientId(client if client is not None else f"client-{next(self._clients)}"),
            None if known is None else known.seq,
        )
        person = Person(session, known)
        await settle()
        return person

    def sees_all(self, person: Person) -> bool:
        """Whether a client's view is exactly what its participant may see."""
        return person.view == view(self.host.classroom, person.id)

    async def _note_end(self, class_id: ClassId, at: Instant) -> None:
        self.ended.append(class_id)

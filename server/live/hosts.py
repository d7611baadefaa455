"""Every class this process owns: opened, found again after a crash, set aside where its log cannot be trusted.

One class's trouble stays its own: a log that is damaged, or an entry the rules cannot apply, quarantines that class
and touches no other. What follows the end of a class (telling the catalogue, publishing the recording) is tried until
it succeeds, by this process or the next; only then is the class retired from the log.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

from server.live.casting import Casting, class_of
from server.live.clock import Clock
from server.live.host import ClassHost
from server.live.ports import Circle, LinkReport, MediaPlane, PeerId, Recorder, SlotContent
from server.live.telling import LayersWanted, Levels, Slot, Slots
from server.log.eventlog import Conflict, EventLog, LogUnavailable
from server.rooms.kernel import ClassId, Entry, Instant, ParticipantId, Refused, RoomId
from server.rooms.room import ClassPhase, Classroom, Settings, open_classroom

FINISH_RETRY_S = (1, 5, 30, 120)
"""Between attempts to publish; the last one again and again."""

OnLinks = Callable[[Iterable[LinkReport]], None]
OnEnd = Callable[[ClassId, Instant], Awaitable[None]]

logger = logging.getLogger(__name__)


class MediaSwitchboard:
    """A ports.MediaListener: passes what the media plane reports to the class it concerns.

    Made before the media plane, which needs it, and before Hosts, which need the media plane and fill it.
    """

    def __init__(self, on_links: OnLinks | None = None) -> None:
        """`on_links` is given every connection's report, whosever it is: for metrics."""
        self._on_links = on_links
        self._hosts: Mapping[ClassId, ClassHost] = {}

    def serve(self, hosts: Mapping[ClassId, ClassHost]) -> None:
        self._hosts = hosts

    def media_connected(self, peer: PeerId) -> None:
        pass

    def media_lost(self, peer: PeerId, reason: str) -> None:
        class_id, participant = class_of(peer)
        if class_id in self._hosts:
            self._hosts[class_id].media_lost(ParticipantId(participant), reason)

    def slots_changed(self, peer: PeerId, slots: Sequence[SlotContent]) -> None:
        class_id, participant = class_of(peer)
        if class_id in self._hosts:
            told = Slots(tuple(Slot(slot.mid, _participant(slot.peer), slot.source, slot.shown) for slot in slots))
            self._hosts[class_id].slots_changed(ParticipantId(participant), told)

    def layers_wanted(self, peer: PeerId, source: str, rids: Sequence[str]) -> None:
        class_id, participant = class_of(peer)
        if class_id in self._hosts:
            self._hosts[class_id].layers_wanted(ParticipantId(participant), LayersWanted(source, tuple(rids)))

    def links(self, reports: Mapping[PeerId, LinkReport]) -> None:
        if self._on_links is not None:
            self._on_links(reports.values())
        by_class: dict[ClassId, dict[ParticipantId, LinkReport]] = {class_id: {} for class_id in self._hosts}
        for peer, report in reports.items():
            class_id, participant = class_of(peer)
            if class_id in by_class:
                by_class[class_id][ParticipantId(participant)] = report
        for class_id, measured in by_class.items():
            self._hosts[class_id].links_measured(measured)

    def levels(self, circle: Circle, levels: Mapping[PeerId, int], speaker: PeerId | None) -> None:
        class_id, room = class_of(circle)
        if class_id in self._hosts:
            heard = {_participant(peer): level for peer, level in levels.items()}
            told = Levels(heard, None if speaker is None else _participant(speaker))
            self._hosts[class_id].levels_heard(RoomId(room), told)


def _participant(peer: PeerId) -> ParticipantId:
    return ParticipantId(class_of(peer)[1])


class Hosts:
    """The classes of this process.

    switchboard = MediaSwitchboard()
    media = await UdpPlane.open(..., listener=switchboard, clock=clock.now_us)
    hosts = Hosts(log, media, recorder, clock=clock, switchboard=switchboard, on_end=catalogue.end_class)
    await hosts.recover()
    """

    def __init__(
        self,
        log: EventLog,
        media: MediaPlane,
        recorder: Recorder,
        *,
        clock: Clock,
        switchboard: MediaSwitchboard,
        on_end: OnEnd | None = None,
    ) -> None:
        """`on_end` is awaited once a class has ended, by whatever cause; possibly again after a restart."""
        self._log = log
        self._media = media
        self._recorder = recorder
        self._clock = clock
        self._on_end = on_end
        self._hosts: dict[ClassId, ClassHost] = {}
        self._running: dict[ClassId, asyncio.Task[None]] = {}
        self._finishing: dict[ClassId, asyncio.Task[None]] = {}
        self._quarantined: dict[ClassId, str] = {}
        switchboard.serve(self._hosts)

    @property
    def running(self) -> tuple[ClassHost, ...]:
        return tuple(self._hosts.values())

    def present(self) -> int:
        """Sessions in all classes together."""
        return sum(host.sessions for host in self._hosts.values())

    @property
    def quarantined(self) -> Mapping[ClassId, str]:
        """Classes that cannot be used, and why."""
        return self._quarantined

    async def open(self, class_id: ClassId, title: str, settings: Settings) -> ClassHost:
        """Start a class. Raises Refused: "class.exists", "log.unavailable", or for an unusable title."""
        entry = open_classroom(title, settings, self._clock.now())
        try:
            await self._log.append(class_id, 0, [entry])
        except Conflict:
            raise Refused("class.exists") from None
        except LogUnavailable as error:
            logger.error("class %s cannot be opened: %s", class_id, error)
            raise Refused("log.unavailable") from None
        return self._start(Classroom.empty(class_id), [entry], entry.at)

    async def get(self, class_id: ClassId) -> ClassHost:
        """A running class. Raises KeyError: unknown, ended, or quarantined."""
        return self._hosts[class_id]

    async def put_away(self, class_id: ClassId) -> None:
        """Publish what was recorded of a class that cannot be used. Its log stays as it is."""
        await self._recorder.publish(class_id, self._clock.now())

    async def recover(self) -> None:
        """At start: go on with every class that has not ended, and finish what ended ones have left."""
        for class_id in await self._log.classes():
            try:
                await self._revive(class_id)
            except Exception as error:
                logger.exception("class %s cannot be read and is set aside", class_id)
                self._quarantined[class_id] = str(error)

    async def close(self) -> None:
        """Bye("shutdown") to everyone; returns when what was acknowledged is on disk and tracks are closed."""
        for host in self._hosts.values():
            host.close()
        if self._running:
            await asyncio.wait(list(self._running.values()))
        for task in self._finishing.values():
            task.cancel()
        if self._finishing:
            await asyncio.wait(list(self._finishing.values()))

    async def _revive(self, class_id: ClassId) -> None:
        snapshot, tail = await self._log.load(class_id)
        if snapshot is None and not tail:
            return  # the crash came before its first entry was acknowledged
        classroom = snapshot if snapshot is not None else Classroom.empty(class_id)
        last = tail[-1] if tail else (await self._log.read(class_id, after=classroom.seq - 1))[-1]
        self._clock.advance_to(last.at)
        host = self._start(classroom, tail, last.at)
        logger.info("class %s goes on after entry %d", class_id, host.classroom.seq)

    def _start(self, start: Classroom, tail: Sequence[Entry], latest: Instant) -> ClassHost:
        casting = Casting(start.id, self._media, self._recorder)
        host = ClassHost(self._log, casting, self._clock, start, tail, latest)
        self._hosts[host.class_id] = host
        self._running[host.class_id] = asyncio.create_task(self._run(host), name=f"class {host.class_id}")
        return host

    async def _run(self, host: ClassHost) -> None:
        class_id = host.class_id
        try:
            await host.run()
        except Exception as error:
            logger.exception("class %s failed and is set aside", class_id)
            self._quarantined[class_id] = str(error)
        finally:
            del self._hosts[class_id], self._running[class_id]
        if host.ended or class_id in self._quarantined:
            self._finishing[class_id] = asyncio.create_task(
                self._finish(host.classroom, host.now()), name=f"finish {class_id}"
            )

    async def _finish(self, classroom: Classroom, at: Instant) -> None:
        """Of a class that was set aside at `at`, what was recorded until then."""
        ended = classroom.phase is ClassPhase.ENDED
        delays_s = itertools.chain(FINISH_RETRY_S, itertools.repeat(FINISH_RETRY_S[-1]))
        for delay_s in delays_s:
            try:
                if ended and self._on_end is not None:
                    await self._on_end(classroom.id, classroom.ended_at)
                if classroom.recording.takes:
                    await self._recorder.publish(classroom.id, classroom.ended_at if ended else at)
                if ended:
                    await self._log.retire(classroom.id)
                break
            except Exception:
                logger.exception("class %s is over, but not everything is finished; trying again", classroom.id)
            await self._clock.sleep(delay_s)
        self._finishing.pop(classroom.id, None)

"""One class, owned by one task: decide, append, apply, tell, in this order and for one command at a time.

Commands that arrive while entries are being made durable are decided together next, and share an append. Nothing is
acknowledged, applied or told before it is durable; if it cannot be made durable, everyone of the batch is refused with
"log.unavailable", the state is what it was, and the class goes on as soon as the log does.

The class's own clock is here too: what is due (rooms/deadlines.py) and whose connection is lost is submitted by SYSTEM.
What is not here: who is told what (gathering.py), media (casting.py), and which classes there are (hosts.py).
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Mapping, Sequence

from server.live.casting import Casting
from server.live.clock import Clock
from server.live.deciding import NO_CLIENT, Asked, Outcome, decide_all
from server.live.gathering import Gathering, Step
from server.live.links import Links
from server.live.ports import Answer, LinkReport
from server.live.pulses import Pulse
from server.live.session import Session, Wish
from server.live.telling import ByeReason, LayersWanted, Levels, Slots
from server.log.eventlog import EventLog, LogUnavailable
from server.rooms.deadlines import deadlines
from server.rooms.kernel import (
    SYSTEM,
    ClassId,
    ClientId,
    Command,
    Entry,
    Instant,
    ParticipantId,
    Refused,
    Role,
    RoomId,
)
from server.rooms.recording import NoteRecordingTrouble, RecordingPhase
from server.rooms.room import ClassPhase, Classroom, apply
from server.rooms.roster import DropParticipant, JoinClass, Presence
from server.rooms.view import view

BATCH_MOST = 64
"""Commands decided between two looks at the event loop; media share it."""
WAITING_MOST = 4_000
"""Beyond this a class is refused more: its log is slower than its people."""
TOLD_AT_ONCE = 2_000
"""Viewers told of entries between two looks at the event loop."""
CLOCK_RETRY_MS = 1_000
RECORDER_RETRY_MS = 5_000
RECORDER_CHECK_MS = 2_000
SNAPSHOT_EVERY = 500

logger = logging.getLogger(__name__)


class ClassHost:
    """`submit` and `enter` may be called by anyone on the event loop; `run` is called once, by Hosts."""

    def __init__(
        self,
        log: EventLog,
        casting: Casting,
        clock: Clock,
        start: Classroom,
        tail: Sequence[Entry],
        latest: Instant,
    ) -> None:
        """A class as the log has it: a state and the entries after it. `latest` is when its last entry was made."""
        self.class_id: ClassId = start.id
        self._log = log
        self._casting = casting
        self._clock = clock
        self._gathering = Gathering()
        self._links = Links()
        self._latest = latest
        self._classroom = start
        for entry in tail:
            self._adopt(Step(self._classroom, entry, apply(self._classroom, entry)))
        people = self._classroom.roster.people.values()
        self._lost = {person.id for person in people if person.presence is Presence.CONNECTED}
        """Connected, says the state, but their connection is gone: to be dropped."""
        self._asked: deque[Asked] = deque()
        self._wake = asyncio.Event()
        self._closed_with: str | None = None
        self._log_is_down = False
        self._clock_not_before = self._recorder_not_before = Instant(0)
        self._snapshot_seq = start.seq
        self._snapshot: asyncio.Task[None] | None = None
        self._offers: dict[ParticipantId, asyncio.Lock] = {}

    # For the edge.

    @property
    def classroom(self) -> Classroom:
        """The durable state; read it freely, it is frozen."""
        return self._classroom

    @property
    def sessions(self) -> int:
        return len(self._gathering)

    async def submit(
        self, actor: ParticipantId, command: Command, client: ClientId = NO_CLIENT, counter: int = 0
    ) -> int:
        """Do a command; returns the seq of the entry that holds it, once that is durable.

        A caller who stops waiting takes back a command that has not been decided yet. Raises Refused.
        """
        if self._closed_with is not None:
            raise Refused(self._closed_with)
        if len(self._asked) >= WAITING_MOST:
            raise Refused("class.busy")
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._asked.append(Asked(actor, command, client, counter, answer))
        self._wake.set()
        return await answer

    async def enter(
        self, participant: ParticipantId, name: str, role: Role, client: ClientId, last_seq: int | None = None
    ) -> Session:
        """Join, or come back, and get a session; an older one of the same participant is cut.

        `last_seq` is what a client that comes back has applied to its view. Raises Refused.
        """
        session = Session(self, participant, client)
        # From here on the end of the older session means nothing: the newer one stands for the participant.
        older = self._gathering.replace(session)
        self._lost.discard(participant)
        try:
            await self.submit(SYSTEM, JoinClass(participant, name, role))
            if self._classroom.roster.present(participant) is None:
                raise Refused("not-in-class")
        except BaseException:
            self._step_back(session, older)
            raise
        if older is not None:
            older.cut(ByeReason.ELSEWHERE)
        session.begin(self.now(), self._gathering.missed(participant, last_seq, self._classroom.seq))
        if not self._gathering.is_current(session):
            session.cut(ByeReason.ELSEWHERE)
        elif last_seq is not None:
            self._gathering.repeat_media(session)
        return session

    # For Hosts.

    @property
    def ended(self) -> bool:
        return self._classroom.phase is ClassPhase.ENDED

    async def run(self) -> None:
        """Until the class ends or `close` is called. What it raises has made the class unusable."""
        try:
            self._follow(self.now())
            while (self._closed_with is None or self._asked) and not self.ended:
                self._wake.clear()
                batch = self._next_batch()
                if batch:
                    await self._carry_out(batch)
                    self._save_snapshot()
                else:
                    await self._rest()
        finally:
            self._stop()
        if self._snapshot is not None:
            await asyncio.wait([self._snapshot])

    def close(self) -> None:
        """The process is about to end: finish what has been asked, take nothing more."""
        if self._closed_with is None:
            self._closed_with = "server.shutdown"
        self._wake.set()

    # For sessions.

    def now(self) -> Instant:
        """The class's time: the clock's, but never before its last entry."""
        return max(self._clock.now(), self._latest)

    def view(self, participant: ParticipantId) -> Classroom:
        return view(self._classroom, participant)

    def departed(self, session: Session) -> None:
        """A session's socket is gone. He is dropped as soon as the log takes it, unless he is back by then."""
        if self._gathering.remove(session):
            self._lose(session.participant)

    def relay(self, sender: ParticipantId, pulse: Pulse) -> None:
        self._gathering.relay(sender, pulse, self._classroom, self.now())

    async def offer(self, session: Session, sdp: str, sources: Mapping[str, str]) -> Answer:
        """Raises Refused, or ValueError for an offer nobody can answer."""
        participant = session.participant
        async with self._offers.setdefault(participant, asyncio.Lock()):
            self._require_current(session)
            answer = await self._casting.connect(participant, sdp, sources)
            self._gathering.forget_media(participant)
            try:
                self._require_current(session)
            except Refused:
                self._casting.disconnect(participant)
                raise
        self._follow(self.now())
        return answer

    def watch(self, participant: ParticipantId, wanted: Sequence[Wish], cameras: int | None) -> None:
        self._casting.watch(participant, wanted, cameras)

    # For the media plane.

    def media_lost(self, participant: ParticipantId, reason: str) -> None:
        """He stays in class; his client offers again."""
        self._casting.lost(participant)
        self._links.forget(participant)
        self._gathering.report_media_lost(participant, reason)

    def slots_changed(self, participant: ParticipantId, slots: Slots) -> None:
        self._gathering.report_slots(participant, slots)

    def layers_wanted(self, participant: ParticipantId, layers: LayersWanted) -> None:
        self._gathering.report_layers(participant, layers)

    def links_measured(self, reports: Mapping[ParticipantId, LinkReport]) -> None:
        self._links.measured(reports)
        self._gathering.report_links(self._links, self._classroom)

    def levels_heard(self, room: RoomId, levels: Levels) -> None:
        self._gathering.report_levels(levels, self._classroom, room)

    # Decide.

    def _next_batch(self) -> list[Asked]:
        due: list[Command] = []
        now = self.now()
        if self._closed_with is None and now >= self._clock_not_before:
            # When a network fails, hundreds are lost at once: they go in batches like everybody's commands.
            lost = sorted(self._lost)[:BATCH_MOST]
            self._lost.difference_update(lost)
            due += [DropParticipant(participant) for participant in lost]
            due += [command for at, command in deadlines(self._classroom) if at <= now][:BATCH_MOST]
            if self._records and self._casting.recording_trouble != self._classroom.recording.trouble:
                due.append(NoteRecordingTrouble(self._casting.recording_trouble))
        batch = [self._asked.popleft() for _ in range(min(BATCH_MOST, len(self._asked)))]
        return batch + [Asked(SYSTEM, command, NO_CLIENT, 0, None) for command in due]

    # Append, apply, tell.

    async def _carry_out(self, batch: Sequence[Asked]) -> None:
        """Answer once it is durable, then tell: a page must not show its message as sent and as sending at once."""
        outcomes: list[tuple[Asked, Outcome]] = [(asked, Refused("class.unavailable")) for asked in batch]
        steps: list[Step] = []
        try:
            decided = decide_all(self._classroom, batch, self.now())
            decided_steps = [outcome for _, outcome in decided if isinstance(outcome, Step)]
            await self._append(decided_steps)
            outcomes, steps = decided, decided_steps
        except LogUnavailable as error:
            self._note_log_down(error)
            # Also those who were refused: perhaps only because of what has now not happened.
            outcomes = [(asked, Refused("log.unavailable")) for asked in batch]
        finally:
            self._answer(outcomes)
        await self._tell(steps)

    async def _append(self, steps: Sequence[Step]) -> None:
        if not steps:
            return
        await self._log.append(self.class_id, self._classroom.seq, [step.entry for step in steps])
        if self._log_is_down:
            self._log_is_down = False
            logger.warning("class %s: the log is back", self.class_id)

    async def _tell(self, steps: Sequence[Step]) -> None:
        told = 0
        for step in steps:
            self._adopt(step)
            self._gathering.tell(step, self.now())
            self._follow(step.entry.at)
            told += len(self._gathering)
            if told >= TOLD_AT_ONCE:
                told = 0
                await asyncio.sleep(0)  # let others have the event loop, above all media

    def _adopt(self, step: Step) -> None:
        self._classroom = step.after
        self._latest = max(self._latest, step.entry.at)
        self._gathering.remember(step)

    def _follow(self, at: Instant) -> None:
        self._casting.follow(self._classroom, at)
        if self._casting.troubled:
            self._recorder_not_before = Instant(at + RECORDER_RETRY_MS)

    def _answer(self, outcomes: Sequence[tuple[Asked, Outcome]]) -> None:
        for asked, outcome in outcomes:
            if asked.answer is None:
                self._note_clock(asked.command, outcome)
            elif asked.answer.done():
                continue
            elif isinstance(outcome, Refused):
                asked.answer.set_exception(outcome)
            else:
                asked.answer.set_result(outcome.entry.seq if isinstance(outcome, Step) else outcome)

    def _note_clock(self, command: Command, outcome: Outcome) -> None:
        if isinstance(outcome, Step):
            return
        # It did nothing, so it is still due; asking again at once would do nothing again.
        self._clock_not_before = Instant(self.now() + CLOCK_RETRY_MS)
        if isinstance(command, DropParticipant) and isinstance(outcome, Refused):
            self._lose(command.participant)

    def _note_log_down(self, error: LogUnavailable) -> None:
        if not self._log_is_down:
            self._log_is_down = True
            logger.error("class %s: the log is unavailable: %s", self.class_id, error)

    # Rest, stop.

    async def _rest(self) -> None:
        """Until somebody asks for something, or the next deadline."""
        due = [max(at, self._clock_not_before) for at, _ in deadlines(self._classroom)[:1]]
        due += [self._clock_not_before] if self._lost else []
        due += [self._recorder_not_before] if self._casting.troubled else []
        due += [Instant(self.now() + RECORDER_CHECK_MS)] if self._records else []
        alarm = asyncio.create_task(self._ring(min(due)), name=f"alarm {self.class_id}") if due else None
        try:
            await self._wake.wait()
        finally:
            if alarm is not None:
                alarm.cancel()
        if self._casting.troubled and self.now() >= self._recorder_not_before:
            self._follow(self.now())

    async def _ring(self, at: Instant) -> None:
        await self._clock.sleep((at - self.now()) / 1000)
        self._wake.set()

    def _save_snapshot(self) -> None:
        due = self._classroom.seq - self._snapshot_seq >= SNAPSHOT_EVERY
        if due and (self._snapshot is None or self._snapshot.done()):
            self._snapshot_seq = self._classroom.seq
            self._snapshot = asyncio.create_task(self._write_snapshot(), name=f"snapshot {self.class_id}")

    async def _write_snapshot(self) -> None:
        try:
            await self._log.save_snapshot(self.class_id, self._classroom)
        except LogUnavailable as error:
            logger.warning("class %s: no snapshot: %s", self.class_id, error)

    def _stop(self) -> None:
        if self.ended:
            self._closed_with = "class.ended"
        elif self._closed_with is None:
            self._closed_with = "class.unavailable"
        for asked in self._asked:
            if asked.answer is not None and not asked.answer.done():
                asked.answer.set_exception(Refused(self._closed_with))
        self._asked.clear()
        self._gathering.dismiss(ByeReason.ENDED if self.ended else ByeReason.SHUTDOWN)
        try:
            self._casting.close(self.now())
        except Exception:
            logger.exception("class %s: media or recorder failed at the end", self.class_id)

    @property
    def _records(self) -> bool:
        return self._classroom.recording.phase is RecordingPhase.ON

    def _lose(self, participant: ParticipantId) -> None:
        if not self._gathering.has(participant):
            self._lost.add(participant)
            self._wake.set()

    def _step_back(self, session: Session, older: Session | None) -> None:
        """`session` could not enter: whoever stood for the participant before does so again."""
        if not self._gathering.is_current(session):
            return
        if older is not None and not older.over:
            self._gathering.replace(older)
            older.refresh(self.now())
        else:
            self.departed(session)

    def _require_current(self, session: Session) -> None:
        if self._closed_with is not None or not self._gathering.is_current(session):
            raise Refused("session.over")

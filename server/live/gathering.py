"""The sessions of one class, and what each of them is told of an entry.

Telling never waits and never fails because of one viewer. An entry is redacted and measured once for all who are told
alike; they share one Told object. Who may see what is *not* here (rooms/audience.py), nor is what waits for a slow
client (session.py).
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Hashable, Iterator
from typing import NamedTuple

from server.live.links import Links
from server.live.pulses import PULSES_PER_CLASS, Pulse, TokenBucket
from server.live.session import HELD_BYTES_MOST, Session
from server.live.telling import ByeReason, LayersWanted, Levels, Pulsed, Slots, Told
from server.log.codec import encode
from server.rooms.audience import needs_fresh_view, redact_entry, told_alike
from server.rooms.kernel import Entry, Instant, ParticipantId, RoomId
from server.rooms.room import ClassPhase, Classroom, room_of
from server.rooms.roster import LeaveReason, ParticipantLeft

REMEMBERED_ENTRIES = 500
"""For clients that come back; each holds the states around it, most of which they share."""

_FAREWELLS = {
    LeaveReason.LEFT: ByeReason.LEFT,
    LeaveReason.REMOVED: ByeReason.REMOVED,
    LeaveReason.TIMEOUT: ByeReason.LEFT,
}

logger = logging.getLogger(__name__)


class Step(NamedTuple):
    """An entry between the states it joins."""

    before: Classroom
    entry: Entry
    after: Classroom


class Gathering:
    """At most one session for each participant: the newest."""

    def __init__(self) -> None:
        self._sessions: dict[ParticipantId, Session] = {}
        self._remembered: deque[Step] = deque(maxlen=REMEMBERED_ENTRIES)
        self._slots: dict[ParticipantId, Slots] = {}
        self._layers: dict[ParticipantId, dict[str, LayersWanted]] = {}
        self._pulse_rate = TokenBucket(PULSES_PER_CLASS)

    def __len__(self) -> int:
        return len(self._sessions)

    def has(self, participant: ParticipantId) -> bool:
        return participant in self._sessions

    def is_current(self, session: Session) -> bool:
        return self._sessions.get(session.participant) is session

    def replace(self, session: Session) -> Session | None:
        """From now on `session` stands for its participant; returns the one that did."""
        older = self._sessions.get(session.participant)
        self._sessions[session.participant] = session
        return older

    def remove(self, session: Session) -> bool:
        """Whether it stood for its participant."""
        if not self.is_current(session):
            return False
        del self._sessions[session.participant]
        return True

    def remember(self, step: Step) -> None:
        self._remembered.append(step)

    def tell(self, step: Step, now: Instant) -> None:
        """Tell everyone what he may see of an entry that is durable."""
        self._say_farewell(step.entry)
        try:
            self._tell_each(step, now)
        except Exception:
            # One entry that cannot be redacted must not silence the class: everyone gets the whole picture instead.
            logger.exception("entry %d cannot be told", step.entry.seq)
            for session in self._sessions.values():
                session.refresh(now)
        if step.after.phase is ClassPhase.ENDED:
            self.dismiss(ByeReason.ENDED)

    def missed(self, participant: ParticipantId, last_seq: int | None, seq: int) -> list[tuple[Told, int]] | None:
        """What to tell a client whose view stands at `last_seq` in a class at `seq`; None if it needs a fresh view."""
        if last_seq is None or last_seq > seq:
            return None
        steps = [step for step in self._remembered if step.entry.seq > last_seq]
        if len(steps) != seq - last_seq:
            return None
        if any(needs_fresh_view(step.before, step.after, participant) for step in steps):
            return None
        told = [_told(step, participant) for step in steps]
        return told if sum(size_bytes for _, size_bytes in told) <= HELD_BYTES_MOST else None

    def dismiss(self, reason: ByeReason) -> None:
        """Everyone."""
        for session in self._sessions.values():
            session.cut(reason)
        self._sessions.clear()

    def relay(self, sender: ParticipantId, pulse: Pulse, classroom: Classroom, now: Instant) -> None:
        """To everyone else in the sender's room, while the class has not had too much of it."""
        if not self._pulse_rate.take(now):
            return
        pulsed = Pulsed(sender, pulse)
        for session in self._in_room(classroom, room_of(classroom, sender)):
            if session.participant != sender:
                session.relay(pulsed)

    def report_levels(self, levels: Levels, classroom: Classroom, room: RoomId) -> None:
        for session in self._in_room(classroom, room):
            session.report_levels(levels)

    def report_links(self, links: Links, classroom: Classroom) -> None:
        poor = links.poor()
        for participant, session in self._sessions.items():
            session.report_link(links.of(participant), poor if classroom.roster.is_host(participant) else {})

    def report_slots(self, participant: ParticipantId, slots: Slots) -> None:
        self._slots[participant] = slots
        if participant in self._sessions:
            self._sessions[participant].report_slots(slots)

    def report_layers(self, participant: ParticipantId, layers: LayersWanted) -> None:
        self._layers.setdefault(participant, {})[layers.source] = layers
        if participant in self._sessions:
            self._sessions[participant].report_layers(layers)

    def report_media_lost(self, participant: ParticipantId, reason: str) -> None:
        self.forget_media(participant)
        if participant in self._sessions:
            self._sessions[participant].report_media_lost(reason)

    def repeat_media(self, session: Session) -> None:
        """To a client that kept its media connection while its socket was gone."""
        if session.participant in self._slots:
            session.report_slots(self._slots[session.participant])
        for layers in self._layers.get(session.participant, {}).values():
            session.report_layers(layers)

    def forget_media(self, participant: ParticipantId) -> None:
        self._slots.pop(participant, None)
        self._layers.pop(participant, None)

    def _say_farewell(self, entry: Entry) -> None:
        for event in entry.events:
            if not isinstance(event, ParticipantLeft):
                continue
            self.forget_media(event.participant)
            session = self._sessions.get(event.participant)
            if session is not None and session.begun:  # one that has not is about to come back
                self.remove(session)
                session.cut(_FAREWELLS[event.reason])

    def _tell_each(self, step: Step, now: Instant) -> None:
        shared: dict[Hashable, tuple[Told, int]] = {}
        for participant, session in self._sessions.items():
            if not session.up_to_date or needs_fresh_view(step.before, step.after, participant):
                session.refresh(now)
                continue
            alike = told_alike(step.after, step.entry, participant)
            if alike not in shared:
                shared[alike] = _told(step, participant)
            session.tell(*shared[alike], now)

    def _in_room(self, classroom: Classroom, room: RoomId) -> Iterator[Session]:
        for participant, session in self._sessions.items():
            if room_of(classroom, participant) == room:
                yield session


def _told(step: Step, participant: ParticipantId) -> tuple[Told, int]:
    """An entry as a participant may see it, and about how many bytes that is."""
    entry = redact_entry(step.before, step.after, step.entry, participant)
    return Told(entry), len(encode(entry))

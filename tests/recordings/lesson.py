"""A class with real rules and a plain clock, to be recorded."""

from __future__ import annotations

from server.rooms.kernel import SYSTEM, ClassId, ClientId, Command, Entry, Envelope, Instant, ParticipantId, Role
from server.rooms.room import Classroom, Settings, apply, commit, open_classroom
from server.rooms.roster import JoinClass

CLASS = ClassId("geometry")


class Lesson:
    """Ann teaches, Bo and Cy learn. `log` is the event log, as far as recordings read it."""

    def __init__(self, opened_at: int = 0) -> None:
        self.now = opened_at
        opened = open_classroom("Geometry", Settings(), Instant(opened_at))
        self.log = [opened]
        self.classroom = apply(Classroom.empty(CLASS), opened)
        for name, role in (("ann", Role.INSTRUCTOR), ("bo", Role.LEARNER), ("cy", Role.LEARNER)):
            self.does(SYSTEM, JoinClass(ParticipantId(name), name.title(), role))

    def at(self, now: int) -> Lesson:
        self.now = now
        return self

    def ann(self, command: Command) -> Entry:
        return self.does(ParticipantId("ann"), command)

    def bo(self, command: Command) -> Entry:
        return self.does(ParticipantId("bo"), command)

    def does(self, actor: ParticipantId, command: Command) -> Entry:
        fresh = f"{len(self.log)}"
        entry = commit(
            self.classroom, Envelope(actor, command, Instant(self.now), fresh, 0, ClientId(actor), len(self.log))
        )
        assert entry is not None
        self.log.append(entry)
        self.classroom = apply(self.classroom, entry)
        return entry

    async def read(self, class_id: ClassId, after: int = 0) -> list[Entry]:
        return self.log[after:] if class_id == CLASS else []

"""Entries to put into logs: a class somebody opened, in which people then talk."""

from __future__ import annotations

from server.rooms.chat import MessageSent
from server.rooms.kernel import MAIN, ClassId, ClientId, Entry, Instant, MessageId, ParticipantId, Role
from server.rooms.room import Classroom, Settings, apply, open_classroom
from server.rooms.roster import ParticipantJoined

CLASS = ClassId("algebra")
ANN = ParticipantId("ann")


def opening(class_id: ClassId = CLASS) -> Entry:
    return open_classroom(f"Class {class_id}", Settings(), Instant(1_000))


def said(seq: int, text: str = "hello") -> Entry:
    """Entry 2 is Ann's arrival, everything later is what she says."""
    event = (
        ParticipantJoined(ANN, "Ann", Role.INSTRUCTOR)
        if seq == 2
        else MessageSent(MessageId(f"m{seq}"), MAIN, ANN, text)
    )
    return Entry(seq, Instant(1_000 + seq), ANN, ClientId("tab"), seq, (event,))


def story(last: int, class_id: ClassId = CLASS) -> list[Entry]:
    """Entries 1..last."""
    return [opening(class_id), *(said(seq) for seq in range(2, last + 1))][:last]


def replayed(entries: list[Entry], class_id: ClassId = CLASS) -> Classroom:
    classroom = Classroom.empty(class_id)
    for entry in entries:
        classroom = apply(classroom, entry)
    return classroom

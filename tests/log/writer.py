"""A process to be killed: appends to several classes at once and writes to its output what was acknowledged.

Run as `python writer.py ROOT CLASSES`. Each line is "class seq", written unbuffered after `append` returned.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from server.log.file import FileLog
from server.rooms.chat import MessageSent
from server.rooms.kernel import MAIN, ClassId, ClientId, Entry, Instant, MessageId, ParticipantId, Role
from server.rooms.room import Classroom, Settings, apply, open_classroom
from server.rooms.roster import ParticipantJoined

ANN = ParticipantId("ann")


def entry(seq: int) -> Entry:
    """Deterministic, so that a reader can tell whether it is the one that was written."""
    if seq == 1:
        return open_classroom("Algebra", Settings(), Instant(1))
    if seq == 2:
        return Entry(2, Instant(2), ANN, ClientId("tab"), 2, (ParticipantJoined(ANN, "Ann", Role.INSTRUCTOR),))
    said = MessageSent(MessageId(f"m{seq}"), MAIN, ANN, f"{seq}-" * (seq * 7 % 200))
    return Entry(seq, Instant(seq), ANN, ClientId("tab"), seq, (said,))


async def teach(log: FileLog, class_id: ClassId) -> None:
    snapshot, tail = await log.load(class_id)
    classroom = snapshot or Classroom.empty(class_id)
    for found in tail:
        classroom = apply(classroom, found)
    while True:
        run = [entry(classroom.seq + n) for n in range(1, 2 + classroom.seq % 4)]
        await log.append(class_id, classroom.seq, run)
        for written in run:
            classroom = apply(classroom, written)
        os.write(1, f"{class_id} {classroom.seq}\n".encode())
        if classroom.seq % 25 < len(run):
            await log.save_snapshot(class_id, classroom)


async def main(root: Path, classes: int) -> None:
    log = FileLog(root)
    os.write(1, b"ready 0\n")
    await asyncio.gather(*(teach(log, ClassId(f"class-{n}")) for n in range(classes)))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))

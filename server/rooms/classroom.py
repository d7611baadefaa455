"""The whole state of one class, and its own two facts: it was opened, it ended.

The rules that change it are in the modules beside this one and joined in room.py; what a viewer gets of it is view.py.
"""

from __future__ import annotations

from enum import Enum

from msgspec import Struct

from server.rooms.breakouts import Breakouts
from server.rooms.chat import Chat
from server.rooms.hands import Hands
from server.rooms.kernel import NEVER, ClassId, ClientId, Command, Event, Instant, ParticipantId, RoomId
from server.rooms.polls import Polls
from server.rooms.recording import Recording
from server.rooms.roster import Roster
from server.rooms.stage import Source, Stage


class ClassPhase(Enum):
    OPEN = "open"
    ENDED = "ended"


class Settings(Struct, frozen=True):
    """What is decided before the class. `locked` are the sources that start locked."""

    record_automatically: bool = False
    locked: tuple[Source, ...] = ()


class EndClass(Command, frozen=True, tag="class.end"):
    """End the class for everyone. Nothing happens in it afterwards."""


class ClassOpened(Event, frozen=True, tag="class.opened"):
    title: str
    settings: Settings


class ClassEnded(Event, frozen=True, tag="class.ended"):
    by: ParticipantId


class Classroom(Struct, frozen=True):
    """`seq` is that of the last entry applied; `ended_at` is 0 while the class is open.

    `done` keeps which commands of each client were carried out, as (counter, seq), newest last.
    """

    id: ClassId
    title: str = ""
    phase: ClassPhase = ClassPhase.OPEN
    settings: Settings = Settings()
    opened_at: Instant = NEVER
    ended_at: Instant = NEVER
    seq: int = 0
    roster: Roster = Roster()
    chat: Chat = Chat()
    hands: Hands = Hands()
    polls: Polls = Polls()
    breakouts: Breakouts = Breakouts()
    stage: Stage = Stage()
    recording: Recording = Recording()
    done: dict[ClientId, tuple[tuple[int, int], ...]] = {}

    @classmethod
    def empty(cls, class_id: ClassId) -> Classroom:
        """The class before its first entry."""
        return cls(class_id)


def room_of(classroom: Classroom, participant: ParticipantId) -> RoomId:
    """Where somebody is, or would be if he came."""
    return classroom.breakouts.room_of(participant)

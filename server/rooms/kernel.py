"""The words every rule is written in: ids, commands, events, entries, refusals.

Pure. What is *not* here: any rule (each has its own module beside this one) and any way to store or send a record
(server/log, server/http).
"""

from __future__ import annotations

from enum import Enum
from typing import NewType

from msgspec import Struct

ClassId = NewType("ClassId", str)
ParticipantId = NewType("ParticipantId", str)
RoomId = NewType("RoomId", str)
MessageId = NewType("MessageId", str)
PollId = NewType("PollId", str)
ClientId = NewType("ClientId", str)
Instant = NewType("Instant", int)
"""Milliseconds since the Unix epoch. The host never lets it run backwards within a class."""

NEVER = Instant(0)
"""Where an instant may be missing: not yet, or without end."""

MAIN = RoomId("main")
"""The room everyone is in unless a breakout group says otherwise."""

SYSTEM = ParticipantId("")
"""The actor of what nobody asked for: the class's clock, a lost connection, an operator."""


class Role(Enum):
    """What somebody may do in one class; never carried over to another (permissions.py)."""

    INSTRUCTOR = "instructor"
    ASSISTANT = "assistant"
    PRESENTER = "presenter"
    LEARNER = "learner"
    GUEST = "guest"


class Command(Struct, frozen=True, tag_field="type", forbid_unknown_fields=True):
    """A wish, in the imperative. It may be refused, and a refused one leaves no trace."""


class Event(Struct, frozen=True, tag_field="type"):
    """A fact, in the past tense, stored for ever. Never edit a released one: add a type and an upcaster."""


class Refused(Exception):
    """The participant may not, or it makes no sense now. `reason` is a stable dotted code, e.g. "poll.closed"."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Envelope(Struct, frozen=True):
    """A command with everything a rule needs from the world: who, when, a new name, and dice.

    `fresh` has never been given out before; whatever the command creates is named after it. `seed` feeds
    `random.Random` where a rule needs chance, so a decision can be repeated. `client` and `counter` name the sending
    of a command: the same pair is done once however often it arrives.
    """

    actor: ParticipantId
    command: Command
    now: Instant
    fresh: str
    seed: int = 0
    client: ClientId = ClientId("")
    counter: int = 0


class Entry(Struct, frozen=True):
    """All the events of one command: the unit of the log. It is appended whole or not at all.

    `seq` counts from 1 without gaps within a class. For system commands `client` is "" and `counter` 0.
    """

    seq: int
    at: Instant
    actor: ParticipantId
    client: ClientId
    counter: int
    events: tuple[Event, ...]

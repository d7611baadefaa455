"""The people of a class: who is here, under which name and role, and who may not come back.

People who left stay listed, so that what they wrote keeps its author. Connections are *not* here: the loop reports
them as system commands, and one participant is one person however often the network drops.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from server.rooms.kernel import Command, Envelope, Event, Instant, ParticipantId, Refused, Role
from server.rooms.plaintext import require_name

GRACE_MS = 60_000
"""How long the place of a dropped participant is kept: a reload, a lift, a change of network."""


PEOPLE_MOST = 5_000
"""Who ever came, hosts aside. An invitation is good for any number of people, and everyone's view lists them all."""


class Presence(Enum):
    CONNECTED = "connected"
    DROPPED = "dropped"
    GONE = "gone"


class LeaveReason(Enum):
    LEFT = "left"
    REMOVED = "removed"
    TIMEOUT = "timeout"


class JoinClass(Command, frozen=True, tag="roster.join"):
    """Let somebody in whose token says so; again, when he comes back."""

    participant: ParticipantId
    name: str
    role: Role


class DropParticipant(Command, frozen=True, tag="roster.drop"):
    """Somebody's connection is lost."""

    participant: ParticipantId


class LeaveClass(Command, frozen=True, tag="roster.leave"):
    """Go, for good as far as one knows."""


class ExpireParticipant(Command, frozen=True, tag="roster.expire"):
    """Give up waiting for somebody who dropped."""

    participant: ParticipantId


class SetRole(Command, frozen=True, tag="roster.set-role"):
    """Promote or demote somebody for the rest of this class."""

    participant: ParticipantId
    role: Role


class RemoveParticipant(Command, frozen=True, tag="roster.remove"):
    """Send somebody out and do not let him in again."""

    participant: ParticipantId


Commands = JoinClass | DropParticipant | LeaveClass | ExpireParticipant | SetRole | RemoveParticipant


class ParticipantJoined(Event, frozen=True, tag="participant.joined"):
    participant: ParticipantId
    name: str
    role: Role


class ParticipantDropped(Event, frozen=True, tag="participant.dropped"):
    participant: ParticipantId


class ParticipantReturned(Event, frozen=True, tag="participant.returned"):
    """Back on a new connection, perhaps on another device: what he published before is over."""

    participant: ParticipantId
    name: str
    role: Role


class ParticipantLeft(Event, frozen=True, tag="participant.left"):
    participant: ParticipantId
    reason: LeaveReason


class RoleChanged(Event, frozen=True, tag="role.changed"):
    participant: ParticipantId
    role: Role
    by: ParticipantId


Concerns = ParticipantJoined | ParticipantDropped | ParticipantReturned | ParticipantLeft | RoleChanged


class Participant(Struct, frozen=True):
    """`since` is when `presence` last changed."""

    id: ParticipantId
    name: str
    role: Role
    presence: Presence
    joined_at: Instant
    since: Instant


class Roster(Struct, frozen=True):
    """Everyone who ever came. `appointed` are those whose role an instructor chose in class: links no longer do."""

    people: dict[ParticipantId, Participant] = {}
    removed: tuple[ParticipantId, ...] = ()
    appointed: tuple[ParticipantId, ...] = ()

    def present(self, participant: ParticipantId) -> Participant | None:
        """Somebody who is here or may be back in a moment; None if gone or never seen."""
        person = self.people.get(participant)
        return None if person is None or person.presence is Presence.GONE else person

    def require(self, participant: ParticipantId) -> Participant:
        """Raises Refused "participant.unknown" unless present."""
        person = self.present(participant)
        if person is None:
            raise Refused("participant.unknown")
        return person

    def is_host(self, participant: ParticipantId) -> bool:
        person = self.present(participant)
        return person is not None and person.role in HOSTS


HOSTS = frozenset({Role.INSTRUCTOR, Role.ASSISTANT})
"""Who runs the class."""


def decide(roster: Roster, command: Commands, envelope: Envelope) -> Sequence[Event]:
    match command:
        case JoinClass():
            return [_arrival(roster, command)]
        case DropParticipant(participant):
            person = roster.present(participant)
            connected = person is not None and person.presence is Presence.CONNECTED
            return [ParticipantDropped(participant)] if connected else []
        case LeaveClass():
            return [ParticipantLeft(envelope.actor, LeaveReason.LEFT)]
        case ExpireParticipant(participant):
            person = roster.present(participant)
            overdue = (
                person is not None and person.presence is Presence.DROPPED and envelope.now >= person.since + GRACE_MS
            )
            return [ParticipantLeft(participant, LeaveReason.TIMEOUT)] if overdue else []
        case SetRole(participant, role):
            if roster.require(participant).role is role:
                return []
            _keep_an_instructor(roster, participant)
            return [RoleChanged(participant, role, by=envelope.actor)]
        case RemoveParticipant(participant):
            if participant in roster.removed:
                return []
            # Somebody who just left or whose grace ran out can still be kept from coming back.
            if participant not in roster.people:
                raise Refused("participant.unknown")
            if participant == envelope.actor:
                raise Refused("roster.remove-oneself")
            _keep_an_instructor(roster, participant)
            return [ParticipantLeft(participant, LeaveReason.REMOVED)]
        case _:
            assert_never(command)


def _arrival(roster: Roster, command: JoinClass) -> Event:
    if command.participant in roster.removed:
        raise Refused("roster.removed")
    if not command.participant:
        raise Refused("participant.unknown")
    require_name(command.name, "name")
    known = roster.people.get(command.participant)
    role = command.role
    if known is None and len(roster.people) >= PEOPLE_MOST and role not in HOSTS:
        raise Refused("roster.full")
    # A demotion in class outlives a reload with the old link; only the class's own instructor link overrules it.
    if known is not None and command.participant in roster.appointed and role is not Role.INSTRUCTOR:
        role = known.role
    if known is None or known.presence is Presence.GONE:
        return ParticipantJoined(command.participant, command.name, role)
    return ParticipantReturned(command.participant, command.name, role)


def _keep_an_instructor(roster: Roster, participant: ParticipantId) -> None:
    """A class without an instructor could not be ended, recorded or handed on by anyone."""
    person = roster.present(participant)
    if person is None or person.role is not Role.INSTRUCTOR:
        return
    if not any(
        other.role is Role.INSTRUCTOR and other.presence is not Presence.GONE and other.id != participant
        for other in roster.people.values()
    ):
        raise Refused("roster.last-instructor")


def apply(roster: Roster, event: Concerns, at: Instant) -> Roster:
    match event:
        case ParticipantJoined(participant, name, role):
            known = roster.people.get(participant)
            joined_at = at if known is None else known.joined_at
            return _with(roster, Participant(participant, name, role, Presence.CONNECTED, joined_at, since=at))
        case ParticipantReturned(participant, name, role):
            known = roster.people[participant]
            return _with(roster, replace(known, name=name, role=role, presence=Presence.CONNECTED, since=at))
        case ParticipantDropped(participant):
            return _with(roster, replace(roster.people[participant], presence=Presence.DROPPED, since=at))
        case ParticipantLeft(participant, reason):
            left = _with(roster, replace(roster.people[participant], presence=Presence.GONE, since=at))
            if reason is not LeaveReason.REMOVED:
                return left
            return replace(left, removed=(*roster.removed, participant))
        case RoleChanged(participant, role):
            changed = _with(roster, replace(roster.people[participant], role=role))
            if participant in roster.appointed:
                return changed
            return replace(changed, appointed=(*roster.appointed, participant))
        case _:
            assert_never(event)


def _with(roster: Roster, person: Participant) -> Roster:
    return replace(roster, people={**roster.people, person.id: person})

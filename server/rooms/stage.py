"""The stage: what each participant sends (microphone, camera, screen) and may be forwarded.

A mute is enforced by the media plane, which forwards what is listed here and nothing else; there is no way to switch on
somebody else's microphone. A lock binds those whom the role table (facts: publish mic/cam; screen) does not free of it.
Who is on which tile is the viewer's choice and *not* here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from server.rooms.kernel import Command, Envelope, Event, Instant, ParticipantId, Refused, Role
from server.rooms.roster import (
    HOSTS,
    ParticipantDropped,
    ParticipantLeft,
    ParticipantReturned,
    Presence,
    RoleChanged,
    Roster,
)


class Source(Enum):
    MIC = "mic"
    CAMERA = "camera"
    SCREEN = "screen"
    SCREEN_AUDIO = "screen_audio"


ANYONE = frozenset(Role)
SPEAKERS = HOSTS | {Role.PRESENTER}

WHEN_UNLOCKED: Mapping[Source, frozenset[Role]] = {
    Source.MIC: ANYONE,
    Source.CAMERA: ANYONE,
    Source.SCREEN: SPEAKERS,
    Source.SCREEN_AUDIO: SPEAKERS,
}
WHEN_LOCKED: Mapping[Source, frozenset[Role]] = {
    Source.MIC: SPEAKERS,
    Source.CAMERA: SPEAKERS,
    Source.SCREEN: HOSTS,
    Source.SCREEN_AUDIO: HOSTS,
}


class PublishSource(Command, frozen=True, tag="stage.publish"):
    """Begin to send."""

    source: Source


class UnpublishSource(Command, frozen=True, tag="stage.unpublish"):
    """Stop sending."""

    source: Source


class MuteSource(Command, frozen=True, tag="stage.mute"):
    """Stop somebody from sending; he may begin again unless the source is locked."""

    participant: ParticipantId
    source: Source


class MuteAll(Command, frozen=True, tag="stage.mute-all"):
    """Mute the microphones of all who do not run the class."""


class LockSource(Command, frozen=True, tag="stage.lock"):
    """Keep a source to those whom no lock binds, and mute the others."""

    source: Source


class UnlockSource(Command, frozen=True, tag="stage.unlock"):
    """Let everyone send again whose role allows it."""

    source: Source


Commands = PublishSource | UnpublishSource | MuteSource | MuteAll | LockSource | UnlockSource


class SourcePublished(Event, frozen=True, tag="stage.published"):
    participant: ParticipantId
    source: Source


class SourceUnpublished(Event, frozen=True, tag="stage.unpublished"):
    participant: ParticipantId
    source: Source


class SourceMuted(Event, frozen=True, tag="stage.muted"):
    participant: ParticipantId
    source: Source
    by: ParticipantId


class SourceLocked(Event, frozen=True, tag="stage.locked"):
    source: Source
    by: ParticipantId


class SourceUnlocked(Event, frozen=True, tag="stage.unlocked"):
    source: Source
    by: ParticipantId


Concerns = (
    SourcePublished
    | SourceUnpublished
    | SourceMuted
    | SourceLocked
    | SourceUnlocked
    | ParticipantDropped
    | ParticipantReturned
    | ParticipantLeft
    | RoleChanged
)


class Stage(Struct, frozen=True):
    """Who sends nothing is not in `live`."""

    live: dict[ParticipantId, tuple[Source, ...]] = {}
    locked: tuple[Source, ...] = ()

    def sends(self, participant: ParticipantId, source: Source) -> bool:
        return source in self.live.get(participant, ())

    def may_send(self, role: Role, source: Source) -> bool:
        return role in (WHEN_LOCKED if source in self.locked else WHEN_UNLOCKED)[source]


def decide(stage: Stage, command: Commands, envelope: Envelope, roster: Roster) -> Sequence[Event]:
    actor = envelope.actor
    match command:
        case PublishSource(source):
            person = roster.require(actor)
            if not stage.may_send(person.role, source):
                raise Refused("stage.locked")
            # A command that was on its way when the connection broke must not leave a ghost on stage.
            if person.presence is not Presence.CONNECTED:
                raise Refused("participant.unknown")
            return [] if stage.sends(actor, source) else [SourcePublished(actor, source)]
        case UnpublishSource(source):
            return [SourceUnpublished(actor, source)] if stage.sends(actor, source) else []
        case MuteSource(participant, source):
            roster.require(participant)
            return [SourceMuted(participant, source, by=actor)] if stage.sends(participant, source) else []
        case MuteAll():
            return [
                SourceMuted(participant, Source.MIC, by=actor)
                for participant, sources in stage.live.items()
                if Source.MIC in sources and not roster.is_host(participant)
            ]
        case LockSource(source):
            return [] if source in stage.locked else _lock(stage, source, actor, roster)
        case UnlockSource(source):
            return [SourceUnlocked(source, by=actor)] if source in stage.locked else []
        case _:
            assert_never(command)


def _lock(stage: Stage, source: Source, by: ParticipantId, roster: Roster) -> Sequence[Event]:
    bound = [
        participant
        for participant, sources in stage.live.items()
        if source in sources and roster.people[participant].role not in WHEN_LOCKED[source]
    ]
    return [SourceLocked(source, by), *(SourceMuted(participant, source, by) for participant in bound)]


def cleared(stage: Stage) -> Stage:
    """Nobody sends anything any more."""
    return replace(stage, live={})


def apply(stage: Stage, event: Concerns, at: Instant) -> Stage:
    match event:
        case SourcePublished(participant, source):
            return _with(stage, participant, (*stage.live.get(participant, ()), source))
        case SourceUnpublished(participant, source) | SourceMuted(participant, source):
            sources = stage.live.get(participant, ())
            return _with(stage, participant, tuple(other for other in sources if other is not source))
        case SourceLocked(source):
            return replace(stage, locked=(*stage.locked, source))
        case SourceUnlocked(source):
            return replace(stage, locked=tuple(other for other in stage.locked if other is not source))
        case ParticipantDropped(participant) | ParticipantReturned(participant) | ParticipantLeft(participant):
            return _with(stage, participant, ())
        case RoleChanged(participant, role):
            sources = stage.live.get(participant, ())
            return _with(stage, participant, tuple(source for source in sources if stage.may_send(role, source)))
        case _:
            assert_never(event)


def _with(stage: Stage, participant: ParticipantId, sources: tuple[Source, ...]) -> Stage:
    if stage.live.get(participant, ()) == sources:
        return stage
    live = dict(stage.live)
    live.pop(participant, None)
    if sources:
        live[participant] = sources
    return replace(stage, live=live)

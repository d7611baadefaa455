"""Recording: off, on or paused, who has seen the notice that it runs, and whether it has trouble.

Media is recorded only while the phase is "on"; whether a file is being written is *not* known here: the loop says when
it cannot be (server/live).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from server.rooms.kernel import NEVER, Command, Envelope, Event, Instant, ParticipantId, Refused


class RecordingPhase(Enum):
    OFF = "off"
    ON = "on"
    PAUSED = "paused"


class StartRecording(Command, frozen=True, tag="recording.start"):
    """Begin a take."""


class PauseRecording(Command, frozen=True, tag="recording.pause"):
    """Leave out what follows."""


class ResumeRecording(Command, frozen=True, tag="recording.resume"):
    """Go on with a paused take."""


class StopRecording(Command, frozen=True, tag="recording.stop"):
    """End the take."""


class AcknowledgeRecording(Command, frozen=True, tag="recording.acknowledge"):
    """Say that one has read that the class is recorded."""


class NoteRecordingTrouble(Command, frozen=True, tag="recording.note-trouble"):
    """What keeps it from being recorded as it should be; "" says: nothing any more."""

    reason: str


Wishes = StartRecording | PauseRecording | ResumeRecording | StopRecording | AcknowledgeRecording
Commands = Wishes | NoteRecordingTrouble


class RecordingStarted(Event, frozen=True, tag="recording.started"):
    pass


class RecordingPaused(Event, frozen=True, tag="recording.paused"):
    pass


class RecordingResumed(Event, frozen=True, tag="recording.resumed"):
    pass


class RecordingStopped(Event, frozen=True, tag="recording.stopped"):
    pass


class RecordingAcknowledged(Event, frozen=True, tag="recording.acknowledged"):
    participant: ParticipantId


class RecordingTroubled(Event, frozen=True, tag="recording.troubled"):
    """From here on something is missing; `reason` as in a recording's manifest: "disk-full", "too-slow", ..."""

    reason: str


class RecordingRecovered(Event, frozen=True, tag="recording.recovered"):
    """All is recorded again."""


Concerns = (
    RecordingStarted
    | RecordingPaused
    | RecordingResumed
    | RecordingStopped
    | RecordingAcknowledged
    | RecordingTroubled
    | RecordingRecovered
)


class Recording(Struct, frozen=True):
    """`started_at` is 0 while off, `trouble` "" while all is well. `takes` counts starts, the running one included."""

    phase: RecordingPhase = RecordingPhase.OFF
    started_at: Instant = NEVER
    takes: int = 0
    acknowledged: tuple[ParticipantId, ...] = ()
    trouble: str = ""


def decide(recording: Recording, command: Commands, envelope: Envelope) -> Sequence[Event]:
    phase = recording.phase
    match command:
        case StartRecording():
            if phase is not RecordingPhase.OFF:
                raise Refused("recording.running")
            return [RecordingStarted()]
        case PauseRecording():
            if phase is RecordingPhase.OFF:
                raise Refused("recording.off")
            return [RecordingPaused()] if phase is RecordingPhase.ON else []
        case ResumeRecording():
            if phase is RecordingPhase.OFF:
                raise Refused("recording.off")
            return [RecordingResumed()] if phase is RecordingPhase.PAUSED else []
        case StopRecording():
            return stopping(recording)
        case AcknowledgeRecording():
            # Also before the first take: the notice is on the door of a class that will be recorded.
            known = envelope.actor in recording.acknowledged
            return [] if known else [RecordingAcknowledged(envelope.actor)]
        case NoteRecordingTrouble(reason):
            if reason == recording.trouble or phase is not RecordingPhase.ON:
                return []
            return [RecordingTroubled(reason) if reason else RecordingRecovered()]
        case _:
            assert_never(command)


def stopping(recording: Recording) -> Sequence[Event]:
    return [] if recording.phase is RecordingPhase.OFF else [RecordingStopped()]


def apply(recording: Recording, event: Concerns, at: Instant) -> Recording:
    match event:
        case RecordingStarted():
            return replace(recording, phase=RecordingPhase.ON, started_at=at, takes=recording.takes + 1)
        case RecordingPaused():
            return replace(recording, phase=RecordingPhase.PAUSED, trouble="")
        case RecordingResumed():
            return replace(recording, phase=RecordingPhase.ON)
        case RecordingStopped():
            return replace(recording, phase=RecordingPhase.OFF, started_at=NEVER, trouble="")
        case RecordingAcknowledged(participant):
            return replace(recording, acknowledged=(*recording.acknowledged, participant))
        case RecordingTroubled(reason):
            return replace(recording, trouble=reason)
        case RecordingRecovered():
            return replace(recording, trouble="")
        case _:
            assert_never(event)

"""The recording's own time, and what happened on it: the class as somebody sees it who comes later.

    class      |---- off ----|=== stretch ===|-- pause --|=== stretch ===|-- off --|
    recording                0 ............. t           t ............. duration

Pure. A pause takes no time on the recording: whatever happened in it (people came, a poll was opened) happens at the
instant of the cut, or the state after it would be wrong. What was *said* while nothing was recorded is left out: chat
and announcements before, between and after the stretches. So is chat that was deleted later: whoever took it back took
it back here too. Who had left before the recording began is not named in it.

Redaction is server/rooms/audience's, for its LaterViewer; the player applies the entries to the view with the same
reducers as the live page. What is *not* here: files (playback, publish).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import get_args

from msgspec import Struct
from msgspec.structs import replace

from recordings.manifest import Manifest, Stretch
from server.rooms import roster
from server.rooms.audience import LATER, redact_entry
from server.rooms.breakouts import BreakoutsAnnounced, BreakoutsClosed, BreakoutsOpened
from server.rooms.chat import Chat, MessageDeleted, MessageSent
from server.rooms.hands import HandRaised
from server.rooms.kernel import ClassId, ClientId, Entry, Instant, MessageId, ParticipantId
from server.rooms.messages import AnyEvent
from server.rooms.polls import PollOpened
from server.rooms.recording import RecordingPaused, RecordingResumed, RecordingStarted, RecordingStopped
from server.rooms.room import ClassEnded, Classroom, apply
from server.rooms.roster import Presence
from server.rooms.stage import Source, SourcePublished
from server.rooms.view import view

_OF_PEOPLE = get_args(roster.Concerns)


class Happening(Struct, frozen=True):
    """An entry of the log, redacted, at its place on the recording. `at` is when it was in class."""

    t_ms: int
    seq: int
    at: Instant
    actor: ParticipantId
    events: tuple[AnyEvent, ...]


class Marker(Struct, frozen=True):
    """A spot worth jumping to. `label` is a name or a question as it was in class, or empty."""

    t_ms: int
    kind: str
    """"poll.opened", "breakouts.opened", "breakouts.closed", "hand.raised", "screen.shared" or "cut" (a pause)."""
    label: str


class Timeline(Struct, frozen=True):
    """The class when the recording began, and all that happened since."""

    view: Classroom
    entries: tuple[Happening, ...]
    markers: tuple[Marker, ...]


def recorded_ms(stretches: Sequence[Stretch]) -> int:
    """How long the recording is."""
    return sum(stretch.class_to - stretch.class_from for stretch in stretches)


def recording_ms(stretches: Sequence[Stretch], at: int) -> int:
    """Where an instant of the class is on the recording; one that was not recorded is at the next cut, or the end."""
    total_ms = 0
    for stretch in stretches:
        if at <= stretch.class_from:
            break
        total_ms += min(at, stretch.class_to) - stretch.class_from
    return total_ms


def class_instant(stretches: Sequence[Stretch], t_ms: int) -> int:
    """When in class an instant of the recording was. Raises ValueError when there is no stretch."""
    if not stretches:
        raise ValueError("nothing was recorded")
    for stretch in stretches:
        length_ms = stretch.class_to - stretch.class_from
        if t_ms <= length_ms:
            return stretch.class_from + t_ms
        t_ms -= length_ms
    return stretches[-1].class_to


def on_record(stretches: Sequence[Stretch], at: int) -> bool:
    return any(stretch.class_from <= at <= stretch.class_to for stretch in stretches)


def until_the_end(entries: Sequence[Entry], stretches: Sequence[Stretch]) -> list[Entry]:
    """The part of a class's log that a finished recording needs: all up to its last recorded instant."""
    return [entry for entry in entries if stretches and entry.at <= stretches[-1].class_to]


def is_over(entries: Sequence[Entry]) -> bool:
    """Whether the log says that recording was stopped, or the class ended: nothing will continue the recording."""
    for entry in reversed(entries):
        for event in reversed(entry.events):
            if isinstance(event, RecordingStopped | ClassEnded):
                return True
            if isinstance(event, RecordingStarted | RecordingPaused | RecordingResumed):
                return False
    return True


def timeline(manifest: Manifest, entries: Sequence[Entry]) -> Timeline:
    """`entries` is the class's log from its first entry on."""
    begin = _begin(entries, manifest.started_at)
    states = _states(manifest.class_id, entries)
    classroom = next(states)
    for _ in entries[:begin]:
        classroom = next(states)
    first = _as_it_began(classroom, entries[begin:])
    unsaid = _unsaid(entries[begin:], manifest.stretches)
    happenings: list[Happening] = []
    markers = _cuts(manifest.stretches)
    for entry, after in zip(entries[begin:], states, strict=True):
        told = redact_entry(classroom, after, entry, LATER)
        t_ms = recording_ms(manifest.stretches, entry.at)
        off_record = not on_record(manifest.stretches, entry.at)
        events = tuple(event for event in told.events if not _is_unsaid(event, unsaid, off_record))
        happenings.append(Happening(t_ms, told.seq, told.at, told.actor, events))  # type: ignore[arg-type]
        markers += (marker for event in events if (marker := _marker(after, event, t_ms)))
        classroom = after
    return Timeline(first, tuple(happenings), tuple(sorted(markers, key=lambda marker: marker.t_ms)))


def _states(class_id: str, entries: Sequence[Entry]) -> Iterator[Classroom]:
    """The class before the first entry, then after each."""
    classroom = Classroom.empty(ClassId(class_id))
    yield classroom
    for entry in entries:
        # The table of commands done serves live clients only, and copying it is most of the work.
        classroom = apply(classroom, replace(entry, client=ClientId(""), counter=0))
        yield classroom


def _as_it_began(classroom: Classroom, entries: Sequence[Entry]) -> Classroom:
    """What a later viewer sees at first; `entries` is what follows. Nothing has been said yet, and who had gone had."""
    seen = view(classroom, LATER)
    concerned = {event.participant for entry in entries for event in entry.events if isinstance(event, _OF_PEOPLE)}
    people = {
        name: person
        for name, person in seen.roster.people.items()
        if person.presence is not Presence.GONE or name in concerned
    }
    return replace(
        seen,
        chat=Chat(),
        breakouts=replace(seen.breakouts, announcements=()),
        roster=replace(seen.roster, people=people),
    )


def _begin(entries: Sequence[Entry], started_at: int) -> int:
    """How many entries had happened when the recording began, the one that began it included."""
    begin = 0
    for n, entry in enumerate(entries, 1):
        if entry.at > started_at:
            break
        if entry.at < started_at or any(isinstance(event, RecordingStarted) for event in entry.events):
            begin = n
    return begin


def _unsaid(entries: Sequence[Entry], stretches: Sequence[Stretch]) -> frozenset[MessageId]:
    unsaid = set()
    for entry in entries:
        for event in entry.events:
            if isinstance(event, MessageDeleted) or (
                isinstance(event, MessageSent) and not on_record(stretches, entry.at)
            ):
                unsaid.add(event.message)
    return frozenset(unsaid)


def _is_unsaid(event: object, unsaid: frozenset[MessageId], off_record: bool) -> bool:
    if isinstance(event, BreakoutsAnnounced):
        return off_record
    return isinstance(event, MessageSent | MessageDeleted) and event.message in unsaid


def _cuts(stretches: Sequence[Stretch]) -> list[Marker]:
    return [Marker(recorded_ms(stretches[:n]), "cut", "") for n in range(1, len(stretches))]


def _marker(classroom: Classroom, event: object, t_ms: int) -> Marker | None:
    match event:
        case PollOpened(question=question):
            return Marker(t_ms, "poll.opened", question)
        case BreakoutsOpened(groups=groups):
            return Marker(t_ms, "breakouts.opened", ", ".join(group.name for group in groups))
        case BreakoutsClosed():
            return Marker(t_ms, "breakouts.closed", "")
        case HandRaised(participant):
            return Marker(t_ms, "hand.raised", _name(classroom, participant))
        case SourcePublished(participant, Source.SCREEN):
            return Marker(t_ms, "screen.shared", _name(classroom, participant))
        case _:
            return None


def _name(classroom: Classroom, participant: ParticipantId) -> str:
    person = classroom.roster.people.get(participant)
    return person.name if person else ""

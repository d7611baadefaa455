"""Who may see what: the one place that decides what a viewer is told.

Everything is redacted here, on the server, before it is serialised. The law (tests/rooms/test_laws.py): a viewer's
view of the class after an entry is his view before, with the redacted entry applied; or else his scope changed and he
is sent a fresh view in place of the entry. Redacting the state itself is view.py, by the same predicates.
"""

from __future__ import annotations

from collections.abc import Hashable

from msgspec import Struct

from server.rooms.breakouts import (
    BreakoutsAssigned,
    BreakoutsPlanned,
    HelpAnswered,
    HelpAsked,
)
from server.rooms.chat import MessageDeleted, MessageSent
from server.rooms.classroom import ClassEnded, ClassOpened, Classroom, room_of
from server.rooms.kernel import SYSTEM, ClientId, Entry, Event, ParticipantId, Role, RoomId
from server.rooms.polls import (
    Poll,
    PollAnswered,
    PollClosed,
    PollDiscarded,
    PollDrafted,
    PollOpened,
    PollPhase,
    PollVoted,
)
from server.rooms.roster import HOSTS

EVERYWHERE = RoomId("*")
NOWHERE = RoomId("")


class LaterViewer(Struct, frozen=True):
    """Somebody who watches the recording: nobody in class, in every room, with a guest's eyes."""


LATER = LaterViewer()

Viewer = ParticipantId | LaterViewer


class Scope(Struct, frozen=True):
    """What decides what somebody sees. Whoever is not in class is NOWHERE and sees nothing of it."""

    room: RoomId
    role: Role


def scope(classroom: Classroom, viewer: Viewer) -> Scope:
    if isinstance(viewer, LaterViewer):
        return Scope(EVERYWHERE, Role.GUEST)
    person = classroom.roster.present(viewer)
    if person is None:
        return Scope(NOWHERE, Role.GUEST)
    return Scope(room_of(classroom, viewer), person.role)


def needs_fresh_view(before: Classroom, after: Classroom, viewer: Viewer) -> bool:
    """Whether a viewer's scope changed, so that redacted events cannot bring his view up to date."""
    # Most entries are votes and chat, and leave these not only equal but the very same.
    if before.roster is after.roster and before.breakouts is after.breakouts:
        return False
    return scope(before, viewer) != scope(after, viewer)


def sees_room(scope: Scope, room: RoomId) -> bool:
    return scope.room in (room, EVERYWHERE)


def sees_drafts(scope: Scope) -> bool:
    return scope.role in HOSTS or scope.role is Role.PRESENTER


def sees_plans(scope: Scope) -> bool:
    return scope.role in HOSTS


def sees_help(scope: Scope) -> bool:
    return scope.role in HOSTS


def sees_votes(scope: Scope, poll: Poll) -> bool:
    return scope.role is Role.INSTRUCTOR and not poll.anonymous


def sees_tally(scope: Scope, phase: PollPhase) -> bool:
    match phase:
        case PollPhase.PUBLISHED:
            return True
        case PollPhase.CLOSED:
            return sees_drafts(scope) or scope.room == EVERYWHERE
        case PollPhase.OPEN | PollPhase.DRAFT:
            return sees_drafts(scope)


def redact(before: Classroom, after: Classroom, event: Event, viewer: Viewer) -> Event | None:
    """What a viewer is told of an event of the entry between `before` and `after`; None: nothing."""
    return _redact(before, after, event, viewer, scope(after, viewer))


def redact_entry(before: Classroom, after: Classroom, entry: Entry, viewer: Viewer) -> Entry:
    """What a viewer is told of an entry, perhaps no event at all; the seq goes on all the same.

    Whose client sent it is nobody's business. Neither is who acted, when the events were redacted: the actor beside a
    growing tally would say how he voted.
    """
    eyes = scope(after, viewer)
    told = [(event, _redact(before, after, event, viewer, eyes)) for event in entry.events]
    open_act = entry.actor == viewer or any(shown is event for event, shown in told)
    return Entry(
        seq=entry.seq,
        at=entry.at,
        actor=entry.actor if open_act else SYSTEM,
        client=ClientId(""),
        counter=0,
        events=tuple(shown for _, shown in told if shown is not None),
    )


def told_alike(after: Classroom, entry: Entry, viewer: Viewer) -> Hashable:
    """Viewers with equal keys are told the same of an entry: redact and encode it once for all of them."""
    concerned = viewer == entry.actor or any(viewer == _subject(event) for event in entry.events)
    return scope(after, viewer), viewer if concerned else SYSTEM


def _subject(event: Event) -> ParticipantId:
    """Who sees an event that is hidden from his like."""
    match event:
        case PollVoted(_, participant) | HelpAsked(participant) | HelpAnswered(participant):
            return participant
        case _:
            return SYSTEM


def _redact(before: Classroom, after: Classroom, event: Event, viewer: Viewer, eyes: Scope) -> Event | None:
    if eyes.room == NOWHERE:
        return event if isinstance(event, ClassOpened | ClassEnded) else None
    match event:
        case MessageSent():
            return event if sees_room(eyes, event.room) else None
        case MessageDeleted(message):
            found = before.chat.message(message)
            return event if found is not None and sees_room(eyes, found.room) else None
        case PollDrafted():
            return event if sees_drafts(eyes) else None
        case PollDiscarded(poll):
            found_poll = before.polls.poll(poll)
            drafted = found_poll is None or found_poll.phase is PollPhase.DRAFT
            return event if sees_drafts(eyes) or not drafted else None
        case PollOpened():
            return event if sees_tally(eyes, PollPhase.OPEN) else _hiding_tally(event)
        case PollClosed():
            return event if sees_tally(eyes, PollPhase.CLOSED) else _hiding_tally(event)
        case PollVoted():
            return _vote(after, event, viewer, eyes)
        case BreakoutsPlanned():
            return event if sees_plans(eyes) else None
        case BreakoutsAssigned():
            return event if sees_plans(eyes) or before.breakouts.running else None
        case HelpAsked(participant) | HelpAnswered(participant):
            return event if sees_help(eyes) or participant == viewer else None
        case _:
            return event


def _hiding_tally(event: PollOpened | PollClosed) -> Event:
    if isinstance(event, PollClosed):
        return PollClosed(event.poll, tally=())
    return PollOpened(event.poll, event.question, event.options, event.anonymous, event.closes_at, tally=())


def _vote(after: Classroom, event: PollVoted, viewer: Viewer, eyes: Scope) -> Event | None:
    poll = after.polls.poll(event.poll)
    if poll is None:
        return None
    if event.voter == viewer or sees_votes(eyes, poll):
        return event
    return PollAnswered(event.poll, poll.answered, poll.tally if sees_tally(eyes, PollPhase.OPEN) else ())

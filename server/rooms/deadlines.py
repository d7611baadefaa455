"""What happens by itself: a pure function of the state. The host arms one clock for the earliest and submits it.

A deadline that comes too late or twice does no harm: the rule of each feature looks at the time itself.
"""

from __future__ import annotations

from server.rooms.breakouts import CloseBreakouts
from server.rooms.classroom import ClassPhase, Classroom, EndClass
from server.rooms.kernel import Command, Instant
from server.rooms.polls import ClosePoll, PollPhase
from server.rooms.roster import GRACE_MS, ExpireParticipant, Presence

DESERTED_MS = 30 * 60_000
"""Longer than a break; then a class that everybody left is over, and its recording is published."""
UNUSED_MS = 7 * 24 * 3_600_000
"""A class that was prepared and never entered waits for its teacher over a weekend and more."""


def deadlines(classroom: Classroom) -> tuple[tuple[Instant, Command], ...]:
    """(when, what SYSTEM then commands), earliest first."""
    if classroom.phase is ClassPhase.ENDED or classroom.seq == 0:
        return ()
    due: list[tuple[Instant, Command]] = [
        (poll.closes_at, ClosePoll(poll.id))
        for poll in classroom.polls.polls
        if poll.phase is PollPhase.OPEN and poll.closes_at
    ]
    if classroom.breakouts.running and classroom.breakouts.closes_at:
        due.append((classroom.breakouts.closes_at, CloseBreakouts()))
    people = classroom.roster.people.values()
    due += [
        (Instant(person.since + GRACE_MS), ExpireParticipant(person.id))
        for person in people
        if person.presence is Presence.DROPPED
    ]
    if not people:
        due.append((Instant(classroom.opened_at + UNUSED_MS), EndClass()))
    elif all(person.presence is not Presence.CONNECTED for person in people):
        due.append((Instant(max(person.since for person in people) + DESERTED_MS), EndClass()))
    return tuple(sorted(due, key=lambda deadline: deadline[0]))

"""Polls: drafted, opened, voted on, closed, and published or not.

One vote each, which may change until the poll closes; votes of people who left still count. Votes stay in the log by
name even when the poll is anonymous (or nobody could change his mind); who gets to see them is audience.py's business.
Both the full state and a viewer's part of it go through `apply`, so it counts vote by vote: an empty `tally` is a
hidden one and stays hidden.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from server.rooms.kernel import NEVER, Command, Envelope, Event, Instant, ParticipantId, PollId, Refused
from server.rooms.plaintext import require_text

TEXT_LENGTH = 500
OPTIONS_FEWEST, OPTIONS_MOST = 2, 10
POLLS_MOST = 200
DURATION_LONGEST_MS = 24 * 3_600_000


class PollPhase(Enum):
    DRAFT = "draft"
    OPEN = "open"
    CLOSED = "closed"
    PUBLISHED = "published"


class DraftPoll(Command, frozen=True, tag="poll.draft"):
    """Write a poll down; with `open`, ask it at once. `duration_ms` 0: until somebody closes it."""

    question: str
    options: tuple[str, ...]
    anonymous: bool = False
    open: bool = False
    duration_ms: int = 0


class OpenPoll(Command, frozen=True, tag="poll.open"):
    """Ask a drafted poll. `duration_ms` 0: until somebody closes it."""

    poll: PollId
    duration_ms: int = 0


class CastVote(Command, frozen=True, tag="poll.vote"):
    """Choose an option, counted from 0, or change one's mind."""

    poll: PollId
    option: int


class ClosePoll(Command, frozen=True, tag="poll.close"):
    """End the vote."""

    poll: PollId


class PublishPoll(Command, frozen=True, tag="poll.publish"):
    """Show everyone the result of a closed poll."""

    poll: PollId


class DiscardPoll(Command, frozen=True, tag="poll.discard"):
    """Put a poll away that is not being voted on."""

    poll: PollId


Commands = DraftPoll | OpenPoll | CastVote | ClosePoll | PublishPoll | DiscardPoll


class PollDrafted(Event, frozen=True, tag="poll.drafted"):
    poll: PollId
    question: str
    options: tuple[str, ...]
    anonymous: bool
    by: ParticipantId


class PollOpened(Event, frozen=True, tag="poll.opened"):
    """Whole, since most people never saw the draft. `closes_at` 0: open end. `tally`: zeros, or empty where hidden."""

    poll: PollId
    question: str
    options: tuple[str, ...]
    anonymous: bool
    closes_at: Instant
    tally: tuple[int, ...]


class PollVoted(Event, frozen=True, tag="poll.voted"):
    poll: PollId
    voter: ParticipantId
    option: int


class PollAnswered(Event, frozen=True, tag="poll.answered"):
    """A vote as those are told who may not see it: how many answered, and the tally unless hidden. Never stored."""

    poll: PollId
    answered: int
    tally: tuple[int, ...]


class PollClosed(Event, frozen=True, tag="poll.closed"):
    """`tally` is empty where hidden."""

    poll: PollId
    tally: tuple[int, ...]


class PollPublished(Event, frozen=True, tag="poll.published"):
    poll: PollId
    tally: tuple[int, ...]


class PollDiscarded(Event, frozen=True, tag="poll.discarded"):
    poll: PollId


Concerns = PollDrafted | PollOpened | PollVoted | PollAnswered | PollClosed | PollPublished | PollDiscarded


class Poll(Struct, frozen=True):
    """`closes_at` 0: open end. `votes` and `tally` hold what the viewer may see, in the full state everything."""

    id: PollId
    question: str
    options: tuple[str, ...]
    anonymous: bool
    phase: PollPhase = PollPhase.DRAFT
    opened_at: Instant = NEVER
    closes_at: Instant = NEVER
    votes: dict[ParticipantId, int] = {}
    answered: int = 0
    tally: tuple[int, ...] = ()


class Polls(Struct, frozen=True):
    """Drafts in the order of writing; an opened poll moves to the end, so both kinds keep their order in any view."""

    polls: tuple[Poll, ...] = ()

    def poll(self, poll: PollId) -> Poll | None:
        return next((p for p in reversed(self.polls) if p.id == poll), None)

    def require(self, poll: PollId) -> Poll:
        """Raises Refused "poll.unknown"."""
        found = self.poll(poll)
        if found is None:
            raise Refused("poll.unknown")
        return found


def decide(polls: Polls, command: Commands, envelope: Envelope) -> Sequence[Event]:
    match command:
        case DraftPoll():
            return _draft(polls, command, envelope)
        case OpenPoll(poll, duration_ms):
            drafted = polls.require(poll)
            if drafted.phase is not PollPhase.DRAFT:
                raise Refused("poll.not-draft")
            return [_opened(poll, drafted.question, drafted.options, drafted.anonymous, envelope.now, duration_ms)]
        case CastVote(poll, option):
            return _vote(polls.require(poll), option, envelope)
        case ClosePoll(poll):
            return _close(polls.require(poll), envelope)
        case PublishPoll(poll):
            closed = polls.require(poll)
            if closed.phase is PollPhase.PUBLISHED:
                return []
            if closed.phase is not PollPhase.CLOSED:
                raise Refused("poll.not-closed")
            return [PollPublished(poll, closed.tally)]
        case DiscardPoll(poll):
            if polls.require(poll).phase is PollPhase.OPEN:
                raise Refused("poll.open")
            return [PollDiscarded(poll)]
        case _:
            assert_never(command)


def closing(polls: Polls) -> Sequence[Event]:
    """What closes every open poll, when the class ends."""
    return [PollClosed(poll.id, poll.tally) for poll in polls.polls if poll.phase is PollPhase.OPEN]


def _draft(polls: Polls, command: DraftPoll, envelope: Envelope) -> Sequence[Event]:
    require_text(command.question, "poll", TEXT_LENGTH)
    if not OPTIONS_FEWEST <= len(command.options) <= OPTIONS_MOST:
        raise Refused("poll.options")
    for option in command.options:
        require_text(option, "poll", TEXT_LENGTH)
    if len(polls.polls) >= POLLS_MOST:
        raise Refused("poll.too-many")
    poll = PollId(envelope.fresh)
    question, options, anonymous = command.question, command.options, command.anonymous
    drafted = PollDrafted(poll, question, options, anonymous, by=envelope.actor)
    if not command.open:
        return [drafted]
    return [drafted, _opened(poll, question, options, anonymous, envelope.now, command.duration_ms)]


def _opened(
    poll: PollId, question: str, options: tuple[str, ...], anonymous: bool, now: Instant, duration_ms: int
) -> PollOpened:
    if not 0 <= duration_ms <= DURATION_LONGEST_MS:
        raise Refused("poll.duration")
    closes_at = Instant(now + duration_ms) if duration_ms else NEVER
    return PollOpened(poll, question, options, anonymous, closes_at, tally=(0,) * len(options))


def _vote(poll: Poll, option: int, envelope: Envelope) -> Sequence[Event]:
    if poll.phase is PollPhase.DRAFT:
        raise Refused("poll.unknown")
    # The deadline itself closes the poll; a vote that overtakes it by a few milliseconds is late all the same.
    if poll.phase is not PollPhase.OPEN or (poll.closes_at and envelope.now >= poll.closes_at):
        raise Refused("poll.closed")
    if not 0 <= option < len(poll.options):
        raise Refused("poll.no-such-option")
    if poll.votes.get(envelope.actor) == option:
        return []
    return [PollVoted(poll.id, envelope.actor, option)]


def _close(poll: Poll, envelope: Envelope) -> Sequence[Event]:
    if poll.phase is PollPhase.DRAFT:
        raise Refused("poll.not-open")
    return [PollClosed(poll.id, poll.tally)] if poll.phase is PollPhase.OPEN else []


def apply(polls: Polls, event: Concerns, at: Instant) -> Polls:
    match event:
        case PollDrafted(poll, question, options, anonymous):
            return Polls((*polls.polls, Poll(poll, question, options, anonymous)))
        case PollOpened(poll, question, options, anonymous, closes_at, tally):
            opened = Poll(
                poll, question, options, anonymous, PollPhase.OPEN, opened_at=at, closes_at=closes_at, tally=tally
            )
            return Polls((*(p for p in polls.polls if p.id != poll), opened))
        case PollDiscarded(poll):
            return Polls(tuple(p for p in polls.polls if p.id != poll))
        case PollVoted() | PollAnswered() | PollClosed() | PollPublished():
            return Polls(tuple(_changed(p, event) if p.id == event.poll else p for p in polls.polls))
        case _:
            assert_never(event)


def _changed(poll: Poll, event: PollVoted | PollAnswered | PollClosed | PollPublished) -> Poll:
    match event:
        case PollVoted(_, voter, option):
            before = poll.votes.get(voter)
            return replace(
                poll,
                votes={**poll.votes, voter: option},
                answered=poll.answered + (before is None),
                tally=_counted(poll.tally, before, option),
            )
        case PollAnswered(_, answered, tally):
            return replace(poll, answered=answered, tally=tally)
        case PollClosed(_, tally):
            return replace(poll, phase=PollPhase.CLOSED, tally=tally)
        case PollPublished(_, tally):
            return replace(poll, phase=PollPhase.PUBLISHED, tally=tally)
        case _:
            assert_never(event)


def _counted(tally: tuple[int, ...], before: int | None, option: int) -> tuple[int, ...]:
    return tuple(votes + (n == option) - (n == before) for n, votes in enumerate(tally))

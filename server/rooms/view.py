"""A viewer's part of the class: the same shape as the whole, with what he may not see left out (audience.py)."""

from __future__ import annotations

from msgspec.structs import replace

from server.rooms.audience import (
    EVERYWHERE,
    NOWHERE,
    Scope,
    Viewer,
    scope,
    sees_drafts,
    sees_help,
    sees_plans,
    sees_tally,
    sees_votes,
)
from server.rooms.breakouts import BreakoutPhase, Breakouts
from server.rooms.chat import Chat
from server.rooms.classroom import Classroom
from server.rooms.polls import Poll, PollPhase, Polls
from server.rooms.stage import Stage


def view(classroom: Classroom, viewer: Viewer) -> Classroom:
    eyes = scope(classroom, viewer)
    if eyes.room == NOWHERE:
        return _from_outside(classroom)
    return replace(
        classroom,
        chat=_chat(classroom.chat, eyes),
        polls=_polls(classroom.polls, viewer, eyes),
        breakouts=_breakouts(classroom.breakouts, viewer, eyes),
        done={},
    )


def _from_outside(classroom: Classroom) -> Classroom:
    """What is on the door. Somebody who is not (or no longer) in class learns nothing of who is."""
    return Classroom(
        id=classroom.id,
        title=classroom.title,
        phase=classroom.phase,
        settings=classroom.settings,
        opened_at=classroom.opened_at,
        ended_at=classroom.ended_at,
        seq=classroom.seq,
        stage=Stage(locked=classroom.settings.locked),
    )


def _chat(chat: Chat, eyes: Scope) -> Chat:
    if eyes.room == EVERYWHERE:
        return chat
    # Compared here, not by `sees_room`: when breakouts open, everyone gets a fresh view of a thousand messages at once.
    return Chat(tuple([message for message in chat.messages if message.room == eyes.room]))


def _polls(polls: Polls, viewer: Viewer, eyes: Scope) -> Polls:
    return Polls(
        tuple(
            _poll(poll, viewer, eyes) for poll in polls.polls if poll.phase is not PollPhase.DRAFT or sees_drafts(eyes)
        )
    )


def _poll(poll: Poll, viewer: Viewer, eyes: Scope) -> Poll:
    votes = poll.votes
    if not sees_votes(eyes, poll):
        votes = {voter: option for voter, option in votes.items() if voter == viewer}
    return replace(poll, votes=votes, tally=poll.tally if sees_tally(eyes, poll.phase) else ())


def _breakouts(breakouts: Breakouts, viewer: Viewer, eyes: Scope) -> Breakouts:
    if breakouts.phase is BreakoutPhase.PLANNED and not sees_plans(eyes):
        return Breakouts()
    if sees_help(eyes):
        return breakouts
    return replace(breakouts, help=tuple(call for call in breakouts.help if call.participant == viewer))

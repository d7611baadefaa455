"""Who may do what: one table of role x command, and what it does not name is denied.

The table knows roles and ownership ("one's own hand"). Whether a wish makes sense now (the poll is open, the source is
locked) is the rule of each feature. Whoever is not in class may do nothing; SYSTEM is the class's clock, a lost
connection or an operator, and has rights of its own, not an instructor's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from server.rooms.breakouts import (
    AnnounceToBreakouts,
    AnswerHelp,
    AskHelp,
    AssignBreakout,
    CloseBreakouts,
    OpenBreakouts,
    PlanBreakouts,
    RecallBreakouts,
    ShuffleBreakouts,
    VisitBreakout,
)
from server.rooms.chat import DeleteMessage, SendMessage
from server.rooms.classroom import ClassPhase, Classroom, EndClass
from server.rooms.hands import LowerAllHands, LowerHand, RaiseHand
from server.rooms.kernel import SYSTEM, Command, ParticipantId, Refused, Role
from server.rooms.polls import CastVote, ClosePoll, DiscardPoll, DraftPoll, OpenPoll, PublishPoll
from server.rooms.recording import (
    AcknowledgeRecording,
    NoteRecordingTrouble,
    PauseRecording,
    ResumeRecording,
    StartRecording,
    StopRecording,
)
from server.rooms.roster import (
    DropParticipant,
    ExpireParticipant,
    JoinClass,
    LeaveClass,
    RemoveParticipant,
    SetRole,
)
from server.rooms.stage import (
    WHEN_UNLOCKED,
    LockSource,
    MuteAll,
    MuteSource,
    PublishSource,
    UnlockSource,
    UnpublishSource,
)

Condition = Callable[[Classroom, ParticipantId, Command], bool]
"""(classroom, actor, command) -> may he?"""

Who = Role | None
"""A role, or None for SYSTEM."""


def always(classroom: Classroom, actor: ParticipantId, command: Command) -> bool:
    return True


def own_hand(classroom: Classroom, actor: ParticipantId, command: Command) -> bool:
    return isinstance(command, LowerHand) and command.participant == actor


def own_message(classroom: Classroom, actor: ParticipantId, command: Command) -> bool:
    # "No such message" is the chat's to say, and the same for a message of another room.
    if not isinstance(command, DeleteMessage):
        return False
    message = classroom.chat.message(command.message)
    return message is None or message.author == actor


def not_an_instructor(classroom: Classroom, actor: ParticipantId, command: Command) -> bool:
    """Also of those who left: keeping an instructor from coming back is an instructor's decision."""
    if not isinstance(command, RemoveParticipant):
        return False
    person = classroom.roster.people.get(command.participant)
    return person is None or person.role is not Role.INSTRUCTOR


def role_may_send(classroom: Classroom, actor: ParticipantId, command: Command) -> bool:
    person = classroom.roster.present(actor)
    return isinstance(command, PublishSource) and person is not None and person.role in WHEN_UNLOCKED[command.source]


T, A, P, L, G = Role.INSTRUCTOR, Role.ASSISTANT, Role.PRESENTER, Role.LEARNER, Role.GUEST
S = None
ALL = (T, A, P, L, G)


def _rule(who: Iterable[Who], condition: Condition = always, **others: Condition) -> Mapping[Who, Condition]:
    return dict.fromkeys(who, condition) | {Role(name): rule for name, rule in others.items()}


TABLE: Mapping[type[Command], Mapping[Who, Condition]] = {
    JoinClass: _rule([S]),
    DropParticipant: _rule([S]),
    ExpireParticipant: _rule([S]),
    LeaveClass: _rule(ALL),
    SetRole: _rule([T]),
    RemoveParticipant: _rule([T], assistant=not_an_instructor),
    SendMessage: _rule(ALL),
    DeleteMessage: _rule([P, L, G], own_message, instructor=always, assistant=always),
    RaiseHand: _rule(ALL),
    LowerHand: _rule([P, L, G], own_hand, instructor=always, assistant=always),
    LowerAllHands: _rule([T, A]),
    DraftPoll: _rule([T, P]),
    OpenPoll: _rule([T, P]),
    CastVote: _rule(ALL),
    ClosePoll: _rule([T, P, S]),
    PublishPoll: _rule([T, P]),
    DiscardPoll: _rule([T, P]),
    PlanBreakouts: _rule([T]),
    ShuffleBreakouts: _rule([T]),
    AssignBreakout: _rule([T, A]),
    OpenBreakouts: _rule([T]),
    AnnounceToBreakouts: _rule([T]),
    RecallBreakouts: _rule([T]),
    CloseBreakouts: _rule([T, S]),
    VisitBreakout: _rule([T, A]),
    AskHelp: _rule(ALL),
    AnswerHelp: _rule([T, A]),
    PublishSource: _rule(ALL, role_may_send),
    UnpublishSource: _rule(ALL),
    MuteSource: _rule([T, A]),
    MuteAll: _rule([T, A]),
    LockSource: _rule([T, A]),
    UnlockSource: _rule([T, A]),
    StartRecording: _rule([T, S]),
    PauseRecording: _rule([T, S]),
    ResumeRecording: _rule([T, S]),
    StopRecording: _rule([T, S]),
    AcknowledgeRecording: _rule(ALL),
    NoteRecordingTrouble: _rule([S]),
    EndClass: _rule([T, S]),
}


def authorize(classroom: Classroom, actor: ParticipantId, command: Command) -> None:
    """Raises Refused: "class.ended", "class.not-open", "not-in-class" or "not-allowed"."""
    if classroom.phase is ClassPhase.ENDED:
        raise Refused("class.ended")
    if classroom.seq == 0:
        raise Refused("class.not-open")
    person = classroom.roster.present(actor)
    if actor != SYSTEM and person is None:
        raise Refused("not-in-class")
    condition = TABLE.get(type(command), {}).get(None if person is None else person.role)
    if condition is None or not condition(classroom, actor, command):
        raise Refused("not-allowed")

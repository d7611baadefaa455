"""Random walks through a class: short lists of small numbers, read as wishes of people in the state they meet.

Numbers rather than ready commands, so that most wishes make sense (a poll that exists, a room that is open) and a
failing walk shrinks to a short one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple, TypeVar

from hypothesis import strategies as st
from msgspec import Struct

from server.rooms.breakouts import (
    AnnounceToBreakouts,
    AnswerHelp,
    AskHelp,
    AssignBreakout,
    CloseBreakouts,
    GroupPlan,
    OpenBreakouts,
    PlanBreakouts,
    RecallBreakouts,
    ShuffleBreakouts,
    VisitBreakout,
)
from server.rooms.chat import DeleteMessage, SendMessage
from server.rooms.hands import LowerAllHands, LowerHand, RaiseHand
from server.rooms.kernel import (
    MAIN,
    SYSTEM,
    ClientId,
    Command,
    Entry,
    Envelope,
    Instant,
    MessageId,
    ParticipantId,
    PollId,
    Refused,
    Role,
    RoomId,
)
from server.rooms.polls import CastVote, ClosePoll, DiscardPoll, DraftPoll, OpenPoll, PublishPoll
from server.rooms.recording import (
    AcknowledgeRecording,
    NoteRecordingTrouble,
    PauseRecording,
    ResumeRecording,
    StartRecording,
    StopRecording,
)
from server.rooms.room import Classroom, EndClass, Settings, apply, commit, open_classroom
from server.rooms.roster import (
    DropParticipant,
    ExpireParticipant,
    JoinClass,
    LeaveClass,
    RemoveParticipant,
    SetRole,
)
from server.rooms.stage import LockSource, MuteAll, MuteSource, PublishSource, Source, UnlockSource, UnpublishSource
from tests.rooms.story import CLASS, OPENED

PEOPLE = tuple(ParticipantId(name) for name in ("ann", "ida", "dee", "pam", "bo", "cy", "gil"))
STRANGER = ParticipantId("stranger")
ROLES = (Role.INSTRUCTOR, Role.INSTRUCTOR, Role.ASSISTANT, Role.PRESENTER, Role.LEARNER, Role.LEARNER, Role.GUEST)
PAUSES_MS = (0, 0, 0, 1, 1, 1, 500, 7_000, 60_000)

Item = TypeVar("Item")


class Numbers(NamedTuple):
    """One step: who wishes, what, with which two choices, after which pause, and whether it is sent by a client."""

    actor: int
    wish: int
    one: int
    two: int
    pause: int
    sent: int


class Step(Struct, frozen=True):
    """What came of a wish; `entry` is None if nothing did, `refused` then says why or is empty."""

    before: Classroom
    envelope: Envelope
    entry: Entry | None
    refused: str
    after: Classroom


Wish = Callable[[Classroom, int, int], Command]


def _of(items: Sequence[Item], number: int, otherwise: Item) -> Item:
    """One of the items, or sometimes something that is not among them."""
    choices = [*items, otherwise]
    return choices[number % len(choices)]


def _person(number: int) -> ParticipantId:
    return _of(PEOPLE, number, STRANGER)


def _poll(state: Classroom, number: int) -> PollId:
    return _of([poll.id for poll in reversed(state.polls.polls)], number // 3, PollId("none"))


def _room(state: Classroom, number: int) -> RoomId:
    return _of([group.id for group in state.breakouts.groups], number, MAIN)


def _message(state: Classroom, number: int) -> MessageId:
    return _of([message.id for message in state.chat.messages], number, MessageId("none"))


SOURCES = tuple(Source)


def _join(state: Classroom, one: int, two: int) -> Command:
    """By his own link, or sometimes by another."""
    return JoinClass(_person(one), "Somebody", ROLES[one % len(ROLES) if two else 0])


SYSTEM_WISHES: tuple[Wish, ...] = (
    *(_join,) * 6,
    lambda state, one, two: DropParticipant(_person(one)),
    lambda state, one, two: ExpireParticipant(_person(one)),
    lambda state, one, two: NoteRecordingTrouble("disk-full" if two % 2 else ""),
)
WEIGHTED: tuple[tuple[int, Wish], ...] = (
    (1, lambda state, one, two: LeaveClass() if two == 0 else RaiseHand()),
    (1, lambda state, one, two: SetRole(_person(one), ROLES[two % len(ROLES)])),
    (1, lambda state, one, two: RemoveParticipant(_person(one)) if two == 0 else StartRecording()),
    (2, lambda state, one, two: SendMessage("hello" if two else "")),
    (1, lambda state, one, two: DeleteMessage(_message(state, one))),
    (1, lambda state, one, two: RaiseHand()),
    (1, lambda state, one, two: LowerHand(_person(one))),
    (1, lambda state, one, two: LowerAllHands()),
    (2, lambda state, one, two: DraftPoll("?", ("a", "b", "c"), anonymous=one % 2 == 0, open=two % 2 == 0)),
    (1, lambda state, one, two: OpenPoll(_poll(state, one), duration_ms=(two % 3) * 7_000)),
    (4, lambda state, one, two: CastVote(_poll(state, one), two % 4)),
    (2, lambda state, one, two: ClosePoll(_poll(state, one))),
    (2, lambda state, one, two: PublishPoll(_poll(state, one))),
    (1, lambda state, one, two: DiscardPoll(_poll(state, one))),
    (
        2,
        lambda state, one, two: PlanBreakouts(
            (GroupPlan("Red", PEOPLE[one : one + 2]), GroupPlan("Blue", PEOPLE[: two // 2]))
        ),
    ),
    (1, lambda state, one, two: ShuffleBreakouts(two % 4)),
    (2, lambda state, one, two: AssignBreakout(_person(one), _room(state, two))),
    (3, lambda state, one, two: OpenBreakouts(duration_ms=(two % 3) * 60_000)),
    (1, lambda state, one, two: AnnounceToBreakouts("soon")),
    (1, lambda state, one, two: RecallBreakouts(countdown_ms=two * 1_000)),
    (1, lambda state, one, two: CloseBreakouts()),
    (2, lambda state, one, two: VisitBreakout(_room(state, one))),
    (3, lambda state, one, two: AskHelp()),
    (3, lambda state, one, two: AnswerHelp(_of([call.participant for call in state.breakouts.help], one, STRANGER))),
    (3, lambda state, one, two: PublishSource(SOURCES[one % 4])),
    (1, lambda state, one, two: UnpublishSource(SOURCES[one % 4])),
    (1, lambda state, one, two: MuteSource(_person(one), SOURCES[two % 4])),
    (1, lambda state, one, two: MuteAll()),
    (1, lambda state, one, two: LockSource(SOURCES[one % 4])),
    (1, lambda state, one, two: UnlockSource(SOURCES[one % 4])),
    (1, lambda state, one, two: StartRecording()),
    (1, lambda state, one, two: PauseRecording()),
    (1, lambda state, one, two: ResumeRecording()),
    (1, lambda state, one, two: StopRecording()),
    (1, lambda state, one, two: AcknowledgeRecording()),
    (1, lambda state, one, two: EndClass() if one == two == 5 else RaiseHand()),
)
"""How often, what."""

WISHES = (*SYSTEM_WISHES, *(wish for weight, wish in WEIGHTED for _ in range(weight)))

MOST = Numbers(actor=15, wish=len(WISHES) - 1, one=7, two=7, pause=len(PAUSES_MS) - 1, sent=1)

short_walks = st.lists(
    st.builds(
        Numbers,
        actor=st.integers(0, MOST.actor),
        wish=st.integers(0, MOST.wish),
        one=st.integers(0, MOST.one),
        two=st.integers(0, MOST.two),
        pause=st.integers(0, MOST.pause),
        sent=st.integers(0, 1),
    ),
    max_size=40,
)


def long_walk(seed: int) -> list[Numbers]:
    dice = Random(seed)
    return [Numbers._make(dice.randint(0, most) for most in MOST) for _ in range(150)]


walks = short_walks | st.integers(0, 2**32).map(long_walk)
"""Short ones shrink to the point; long ones get to where several things run at once."""


def walk(numbers: Sequence[Numbers]) -> list[Step]:
    """The steps, beginning with a class into which everyone has come."""
    settings = Settings(record_automatically=True)
    opened = open_classroom("Algebra", settings, OPENED)
    empty = Classroom.empty(CLASS)
    steps = [Step(empty, _envelope(SYSTEM, EndClass(), OPENED, 0), opened, "", apply(empty, opened))]
    now = OPENED
    for person, role in zip(PEOPLE, ROLES, strict=True):
        steps.append(_step(steps[-1].after, _envelope(SYSTEM, JoinClass(person, "Somebody", role), now, len(steps))))
    for number in numbers:
        state = steps[-1].after
        now = Instant(now + PAUSES_MS[number.pause])
        command = WISHES[number.wish](state, number.one, number.two)
        # Ann gets half of the turns: most of what happens is hers to do.
        actor = _of(PEOPLE, number.actor, SYSTEM) if number.actor <= len(PEOPLE) else PEOPLE[0]
        if number.wish < len(SYSTEM_WISHES):
            actor = SYSTEM
        steps.append(_step(state, _envelope(actor, command, now, len(steps), number.sent)))
    return steps


def _envelope(actor: ParticipantId, command: Command, now: Instant, number: int, sent: int = 0) -> Envelope:
    client, counter = (ClientId(f"{actor}'s phone"), number) if sent and actor else (ClientId(""), 0)
    return Envelope(actor, command, now, f"new{number}", seed=number, client=client, counter=counter)


def _step(before: Classroom, envelope: Envelope) -> Step:
    try:
        entry = commit(before, envelope)
    except Refused as refused:
        return Step(before, envelope, None, refused.reason, before)
    return Step(before, envelope, entry, "", before if entry is None else apply(before, entry))

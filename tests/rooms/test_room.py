"""The class as a whole: opened, resent commands, ended."""

from __future__ import annotations

import msgspec
import pytest

from server.rooms.audience import LATER
from server.rooms.breakouts import BreakoutsClosed, GroupPlan, OpenBreakouts, PlanBreakouts
from server.rooms.chat import SendMessage
from server.rooms.classroom import ClassEnded, ClassOpened
from server.rooms.hands import LowerHand, RaiseHand
from server.rooms.kernel import SYSTEM, ClientId, Instant, ParticipantId, Refused
from server.rooms.polls import CastVote, DraftPoll, PollClosed
from server.rooms.recording import RecordingStopped
from server.rooms.room import (
    CLIENTS_REMEMBERED,
    COMMANDS_REMEMBERED,
    ClassPhase,
    Classroom,
    EndClass,
    Settings,
    apply,
    done_at,
    open_classroom,
)
from server.rooms.stage import PublishSource, Source
from tests.rooms.story import CLASS, classroom

ANN, BO = ParticipantId("ann"), ParticipantId("bo")
PHONE = ClientId("phone")


def test_a_class_begins_with_the_entry_that_opens_it() -> None:
    entry = open_classroom("Algebra", Settings(), Instant(5_000))
    assert (entry.seq, entry.actor, entry.events) == (1, SYSTEM, (ClassOpened("Algebra", Settings()),))
    opened = apply(Classroom.empty(CLASS), entry)
    assert (opened.title, opened.phase, opened.opened_at, opened.seq) == ("Algebra", ClassPhase.OPEN, 5_000, 1)


@pytest.mark.parametrize("title", ["", " ", "x" * 201, "two\nlines"])
def test_a_title_that_cannot_be_shown_is_refused(title: str) -> None:
    with pytest.raises(Refused, match=r"^title\."):
        open_classroom(title, Settings(), Instant(0))


def test_ending_a_class_settles_everything_that_runs() -> None:
    room = classroom("ann:instructor", "bo", settings=Settings(record_automatically=True))
    room.ann(DraftPoll("Clear?", ("Yes", "No"), open=True))
    poll = room.state.polls.polls[0].id
    room.bo(CastVote(poll, 0))
    room.ann(PlanBreakouts((GroupPlan("Red", (BO,)),)))
    room.ann(OpenBreakouts())
    room.bo(RaiseHand())
    room.bo(PublishSource(Source.MIC))
    assert room.at(90_000).ann(EndClass()) == (
        PollClosed(poll, (1, 0)),
        BreakoutsClosed(),
        RecordingStopped(),
        ClassEnded(by=ANN),
    )
    view = room.sees("bo")
    assert (view.phase, view.ended_at, view.stage.live, view.hands.queue) == (ClassPhase.ENDED, 90_000, {}, ())
    assert room.sees(LATER).polls.polls[0].tally == (1, 0)
    with pytest.raises(Refused, match=r"class\.ended"):
        room.ann(SendMessage("anyone?"))
    with pytest.raises(Refused, match=r"class\.ended"):
        room.join("cy")


def test_an_operator_may_end_a_class() -> None:
    room = classroom("bo")
    assert room.clock(EndClass()) == (ClassEnded(by=SYSTEM),)


def test_a_command_that_is_sent_twice_is_done_once() -> None:
    room = classroom("ann:instructor", "bo")
    assert len(room.by("bo", SendMessage("hello"), client=PHONE, counter=1)) == 1
    seq = room.state.seq
    assert room.by("bo", SendMessage("hello"), client=PHONE, counter=1) == ()
    assert room.state.seq == seq
    assert done_at(room.state, PHONE, 1) == seq
    assert done_at(room.state, PHONE, 2) is None
    assert done_at(room.state, ClientId("laptop"), 1) is None


def test_an_old_command_without_effect_is_not_done_later_in_the_story() -> None:
    room = classroom("ann:instructor", "bo")
    room.bo(RaiseHand())
    assert room.by("bo", RaiseHand(), client=PHONE, counter=1) == ()
    room.by("bo", LowerHand(BO), client=PHONE, counter=2)
    assert room.by("bo", RaiseHand(), client=PHONE, counter=1) == ()
    assert not room.state.hands.queue


def test_what_is_remembered_of_clients_is_bounded() -> None:
    room = classroom("ann:instructor")
    for counter in range(1, COMMANDS_REMEMBERED + 10):
        room.by("ann", SendMessage("hello"), client=PHONE, counter=counter)
    assert len(room.state.done[PHONE]) == COMMANDS_REMEMBERED
    assert done_at(room.state, PHONE, 1) is not None
    for n in range(CLIENTS_REMEMBERED):
        room.by("ann", SendMessage("hello"), client=f"tab{n}", counter=1)
    assert len(room.state.done) == CLIENTS_REMEMBERED
    assert PHONE not in room.state.done


def test_what_clients_are_remembered_for_is_in_no_view() -> None:
    room = classroom("ann:instructor", "bo")
    room.by("ann", SendMessage("hello"), client=PHONE, counter=1)
    for viewer in ("ann", "bo", LATER):
        assert room.sees(viewer).done == {}


def test_the_state_names_its_fields_in_public() -> None:
    assert list(msgspec.to_builtins(classroom("ann:instructor").state)) == [
        "id", "title", "phase", "settings", "opened_at", "ended_at", "seq",
        "roster", "chat", "hands", "polls", "breakouts", "stage", "recording", "done",
    ]  # fmt: skip

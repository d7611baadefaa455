"""Polls: one vote each, and nobody sees more than he may."""

from __future__ import annotations

import pytest

from server.rooms.audience import LATER, redact_entry
from server.rooms.kernel import SYSTEM, Instant, ParticipantId, PollId, Refused
from server.rooms.polls import (
    DURATION_LONGEST_MS,
    POLLS_MOST,
    CastVote,
    ClosePoll,
    DiscardPoll,
    DraftPoll,
    OpenPoll,
    Poll,
    PollAnswered,
    PollClosed,
    PollDiscarded,
    PollOpened,
    PollPhase,
    PollPublished,
    PollVoted,
    PublishPoll,
)
from server.rooms.roster import DropParticipant, LeaveClass
from tests.rooms.story import Story, classroom

ANN, BO, CY = ParticipantId("ann"), ParticipantId("bo"), ParticipantId("cy")


def polling(anonymous: bool = False, duration_ms: int = 0) -> tuple[Story, PollId]:
    room = classroom("ann:instructor", "bo", "cy", "dee:assistant", "pam:presenter")
    room.ann(DraftPoll("Clear?", ("Yes", "No", "Partly"), anonymous=anonymous, open=True, duration_ms=duration_ms))
    return room, room.state.polls.polls[0].id


def seen(room: Story, viewer: str) -> Poll:
    return room.sees(viewer).polls.polls[0]


def test_a_draft_is_for_those_who_run_polls_only() -> None:
    room = classroom("ann:instructor", "bo", "dee:assistant", "pam:presenter")
    room.pam(DraftPoll("Clear?", ("Yes", "No")))
    assert room.told("bo") == room.told(LATER) == ()
    assert room.sees("bo").polls.polls == ()
    for viewer in ("ann", "dee", "pam"):
        assert seen(room, viewer).phase is PollPhase.DRAFT


def test_an_opened_poll_reaches_everyone_whole_and_the_tally_some() -> None:
    room, poll = polling()
    assert room.told("bo") == (
        PollOpened(poll, "Clear?", ("Yes", "No", "Partly"), False, closes_at=Instant(0), tally=()),
    )
    assert isinstance(room.told("ann")[-1], PollOpened)
    assert seen(room, "ann").tally == (0, 0, 0)


def test_votes_count_and_may_change_until_the_poll_closes() -> None:
    room, poll = polling()
    room.bo(CastVote(poll, 0))
    room.cy(CastVote(poll, 0))
    assert room.bo(CastVote(poll, 2)) == (PollVoted(poll, BO, 2),)
    assert room.bo(CastVote(poll, 2)) == ()
    assert (seen(room, "ann").answered, seen(room, "ann").tally) == (2, (1, 0, 1))
    assert room.ann(ClosePoll(poll)) == (PollClosed(poll, (1, 0, 1)),)
    with pytest.raises(Refused, match=r"poll\.closed"):
        room.bo(CastVote(poll, 1))


def test_who_sees_what_of_a_vote() -> None:
    room, poll = polling()
    room.cy(CastVote(poll, 1))
    vote = PollVoted(poll, CY, 1)
    assert room.told("ann") == room.told("cy") == (vote,)
    assert room.told("dee") == room.told("pam") == (PollAnswered(poll, 1, (0, 1, 0)),)
    assert room.told("bo") == room.told(LATER) == (PollAnswered(poll, 1, ()),)
    assert seen(room, "ann").votes == seen(room, "cy").votes == {CY: 1}
    assert seen(room, "dee").votes == seen(room, "bo").votes == {}


def test_nobody_sees_who_voted_what_in_an_anonymous_poll() -> None:
    room, poll = polling(anonymous=True)
    room.cy(CastVote(poll, 1))
    assert room.told("ann") == (PollAnswered(poll, 1, (0, 1, 0)),)
    assert room.told("cy") == (PollVoted(poll, CY, 1),)
    room.ann(ClosePoll(poll))
    room.ann(PublishPoll(poll))
    for viewer in ("ann", "dee", "bo"):
        assert seen(room, viewer).votes == {}
        assert seen(room, viewer).tally == (0, 1, 0)


def test_a_growing_tally_does_not_say_who_made_it_grow() -> None:
    room, poll = polling(anonymous=True)
    room.by("cy", CastVote(poll, 1), client="phone", counter=1)
    told = redact_entry(room.before, room.state, room.entries[-1], ANN)
    assert (told.actor, told.client, told.counter) == (SYSTEM, "", 0)
    assert redact_entry(room.before, room.state, room.entries[-1], CY).actor == CY


def test_the_result_is_the_learners_only_once_it_is_published() -> None:
    room, poll = polling()
    room.bo(CastVote(poll, 1))
    assert seen(room, "bo").tally == ()
    room.ann(ClosePoll(poll))
    assert room.told("bo") == (PollClosed(poll, ()),)
    assert room.told(LATER) == (PollClosed(poll, (0, 1, 0)),)
    room.ann(PublishPoll(poll))
    assert room.told("bo") == (PollPublished(poll, (0, 1, 0)),)
    assert seen(room, "bo").tally == (0, 1, 0)


def test_a_vote_after_the_time_is_late_even_before_the_clock_has_closed_the_poll() -> None:
    room, poll = polling(duration_ms=5_000)
    room.at(5_999).bo(CastVote(poll, 0))
    with pytest.raises(Refused, match=r"poll\.closed"):
        room.at(6_000).cy(CastVote(poll, 0))


def test_votes_of_those_who_left_still_count() -> None:
    room, poll = polling()
    room.bo(CastVote(poll, 1))
    room.cy(CastVote(poll, 1))
    room.bo(LeaveClass())
    room.clock(DropParticipant(CY))
    assert room.ann(ClosePoll(poll)) == (PollClosed(poll, (0, 2, 0)),)


def test_coming_back_does_not_give_a_second_vote() -> None:
    room, poll = polling()
    room.bo(CastVote(poll, 1))
    room.bo(LeaveClass())
    room.join("bo")
    room.bo(CastVote(poll, 0))
    assert (seen(room, "ann").answered, seen(room, "ann").tally) == (1, (1, 0, 0))


@pytest.mark.parametrize("option", [-1, 3, 10**9])
def test_an_option_that_is_not_there_is_refused(option: int) -> None:
    room, poll = polling()
    with pytest.raises(Refused, match=r"poll\.no-such-option"):
        room.bo(CastVote(poll, option))


def test_a_poll_goes_through_its_phases_in_order() -> None:
    room = classroom("ann:instructor", "bo")
    room.ann(DraftPoll("Clear?", ("Yes", "No")))
    poll = room.state.polls.polls[0].id
    for command, reason in [
        (PublishPoll(poll), r"poll\.not-closed"),
        (ClosePoll(poll), r"poll\.not-open"),
        (OpenPoll(poll, duration_ms=-1), r"poll\.duration"),
        (OpenPoll(poll, duration_ms=DURATION_LONGEST_MS + 1), r"poll\.duration"),
        (OpenPoll(PollId("no")), r"poll\.unknown"),
    ]:
        with pytest.raises(Refused, match=reason):
            room.ann(command)
    with pytest.raises(Refused, match=r"poll\.unknown"):
        room.bo(CastVote(poll, 0))
    room.ann(OpenPoll(poll))
    with pytest.raises(Refused, match=r"poll\.not-draft"):
        room.ann(OpenPoll(poll))
    with pytest.raises(Refused, match=r"poll\.open"):
        room.ann(DiscardPoll(poll))
    room.ann(ClosePoll(poll))
    assert room.ann(ClosePoll(poll)) == ()
    room.ann(PublishPoll(poll))
    assert room.ann(PublishPoll(poll)) == ()
    assert room.ann(DiscardPoll(poll)) == (PollDiscarded(poll),)
    assert room.told("bo") == (PollDiscarded(poll),)


def test_that_a_draft_was_discarded_is_told_to_those_who_knew_of_it() -> None:
    room = classroom("ann:instructor", "bo", "dee:assistant")
    room.ann(DraftPoll("Clear?", ("Yes", "No")))
    poll = room.state.polls.polls[0].id
    room.ann(DiscardPoll(poll))
    assert room.told("dee") == (PollDiscarded(poll),)
    assert room.told("bo") == ()


def test_polls_stand_in_the_order_they_were_asked() -> None:
    room = classroom("ann:instructor", "bo")
    for question in ("first", "second"):
        room.ann(DraftPoll(question, ("Yes", "No")))
    first, second = (poll.id for poll in room.state.polls.polls)
    room.ann(OpenPoll(second))
    room.ann(OpenPoll(first))
    for viewer in ("ann", "bo"):
        assert [poll.question for poll in room.sees(viewer).polls.polls] == ["second", "first"]


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (DraftPoll("", ("a", "b")), "poll.empty"),
        (DraftPoll("?", ("a",)), "poll.options"),
        (DraftPoll("?", ("a",) * 11), "poll.options"),
        (DraftPoll("?", ("a", " ")), "poll.empty"),
        (DraftPoll("?", ("a", "b" * 501)), "poll.too-long"),
        (DraftPoll("?\x00", ("a", "b")), "poll.control-characters"),
        (DraftPoll("?", ("a", "b"), open=True, duration_ms=-5), "poll.duration"),
    ],
)
def test_a_poll_that_makes_no_sense_is_refused_whole(command: DraftPoll, reason: str) -> None:
    room = classroom("ann:instructor")
    with pytest.raises(Refused) as refused:
        room.ann(command)
    assert refused.value.reason == reason
    assert room.state.polls.polls == ()


def test_there_is_an_end_to_the_number_of_polls() -> None:
    room = classroom("ann:instructor")
    for _ in range(POLLS_MOST):
        room.ann(DraftPoll("?", ("a", "b")))
    with pytest.raises(Refused, match=r"poll\.too-many"):
        room.ann(DraftPoll("?", ("a", "b")))

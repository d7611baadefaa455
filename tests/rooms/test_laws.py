"""The laws of the house, on random walks (docs/architecture.md): what must hold whatever people do."""

from __future__ import annotations

import re
from functools import reduce
from typing import Any, get_args, get_type_hints

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.rooms.breakouts import GroupPlan
from server.rooms.deadlines import deadlines
from server.rooms.kernel import SYSTEM, Command, Entry, Envelope, Instant, Refused, Role
from server.rooms.polls import PollAnswered, PollPhase
from server.rooms.room import AnyCommand, AnyEvent, ClassPhase, Classroom, StoredEntry, apply, commit, decide
from server.rooms.roster import Presence
from server.rooms.stage import Source
from tests.rooms.story import CLASS, check_step
from tests.rooms.walks import PEOPLE, Numbers, Step, long_walk, walk, walks

quick = settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])

entries_in = msgspec.msgpack.Decoder(StoredEntry)
classroom_in = msgspec.msgpack.Decoder(Classroom)


def entries(steps: list[Step]) -> list[Entry]:
    return [step.entry for step in steps if step.entry is not None]


def stored(entry: Entry) -> Entry:
    """As it comes back from the log."""
    return entries_in.decode(msgspec.msgpack.encode(entry)).entry()


@quick
@given(walks)
def test_replaying_the_log_gives_the_live_state(numbers: list[Numbers]) -> None:
    steps = walk(numbers)
    log = [stored(entry) for entry in entries(steps)]
    assert log == entries(steps)
    assert [entry.seq for entry in log] == list(range(1, len(log) + 1))
    assert reduce(apply, log, Classroom.empty(CLASS)) == steps[-1].after


@quick
@given(walks, st.data())
def test_a_snapshot_at_any_cut_and_the_tail_give_the_whole(numbers: list[Numbers], data: st.DataObject) -> None:
    steps = walk(numbers)
    cut = data.draw(st.integers(0, len(steps) - 1))
    snapshot = msgspec.msgpack.encode(steps[cut].after)
    tail = (stored(entry) for entry in entries(steps[cut + 1 :]))
    assert reduce(apply, tail, classroom_in.decode(snapshot)) == steps[-1].after


@quick
@given(walks)
def test_a_view_kept_up_to_date_by_redacted_entries_is_the_view(numbers: list[Numbers]) -> None:
    for step in walk(numbers):
        if step.entry is not None:
            check_step(step.before, step.entry, step.after)


@quick
@given(walks)
def test_deciding_and_applying_change_nothing_in_place(numbers: list[Numbers]) -> None:
    for step in walk(numbers)[1:]:
        before = msgspec.msgpack.encode(step.before)
        if step.refused:
            with pytest.raises(Refused, match=re.escape(step.refused)):
                commit(step.before, step.envelope)
        else:
            assert commit(step.before, step.envelope) == step.entry, "the same wish has the same effect"
        if step.entry is not None:
            assert apply(step.before, step.entry) == step.after
        assert msgspec.msgpack.encode(step.before) == before


@quick
@given(walks)
def test_a_command_that_is_sent_again_at_any_time_later_is_not_done_again(numbers: list[Numbers]) -> None:
    steps = walk(numbers)
    for step in steps[1:]:
        if step.entry is not None and step.envelope.client:
            assert commit(step.after, step.envelope) is None
            assert commit(steps[-1].after, step.envelope) is None


@quick
@given(walks)
def test_every_deadline_does_something_when_it_comes(numbers: list[Numbers]) -> None:
    """Or the host's clock would spin on it."""
    steps = walk(numbers)
    state, now = steps[-1].after, steps[-1].envelope.now
    for number in range(1_000):
        due = deadlines(state)
        if not due:
            break
        now = max(now, due[0][0])
        entry = commit(state, Envelope(SYSTEM, due[0][1], now, f"due{number}"))
        assert entry is not None, due[0]
        state = apply(state, entry)
    assert state.phase is ClassPhase.ENDED or any(
        person.presence is Presence.CONNECTED for person in state.roster.people.values()
    )


@quick
@given(walks)
def test_what_is_true_of_a_class_stays_true(numbers: list[Numbers]) -> None:
    for step in walk(numbers):
        check_state(step.after)


def check_state(state: Classroom) -> None:
    roster, breakouts = state.roster, state.breakouts
    for sender, sources in state.stage.live.items():
        person = roster.people[sender]
        assert person.presence is Presence.CONNECTED
        assert sources
        assert len(set(sources)) == len(sources)
        assert all(state.stage.may_send(person.role, source) for source in sources)
    assert len({hand.participant for hand in state.hands.queue}) == len(state.hands.queue)
    assert all(roster.present(hand.participant) for hand in state.hands.queue)
    rooms = {group.id for group in breakouts.groups}
    assert set(breakouts.where.values()) <= rooms
    assert breakouts.running or not (breakouts.where or breakouts.help or breakouts.announcements)
    members = [member for group in breakouts.groups for member in group.members]
    assert len(set(members)) == len(members)
    assert all(breakouts.where.get(call.participant) == call.room for call in breakouts.help)
    for poll in state.polls.polls:
        if poll.phase is not PollPhase.DRAFT:
            assert poll.answered == len(poll.votes) == sum(poll.tally)
            assert all(votes == list(poll.votes.values()).count(option) for option, votes in enumerate(poll.tally))
    assert all(roster.people[gone].presence is Presence.GONE for gone in roster.removed)


@quick
@given(walks)
def test_the_redacted_form_of_a_vote_is_never_stored(numbers: list[Numbers]) -> None:
    assert not any(isinstance(event, PollAnswered) for entry in entries(walk(numbers)) for event in entry.events)


def anything_of(hint: Any) -> st.SearchStrategy[Any]:
    """Any value that decoding could make of a field."""
    hint = getattr(hint, "__supertype__", hint)
    if get_args(hint):
        return st.lists(anything_of(get_args(hint)[0]), max_size=3).map(tuple)
    if hint in (Role, Source):
        return st.sampled_from(hint)
    return {
        str: st.text(max_size=6) | st.sampled_from(PEOPLE),
        int: st.integers(-(2**63), 2**64 - 1),
        bool: st.booleans(),
        GroupPlan: st.builds(GroupPlan, st.text(max_size=3), st.lists(st.sampled_from(PEOPLE), max_size=3).map(tuple)),
    }[hint]


any_command: st.SearchStrategy[Command] = st.one_of(
    [
        st.builds(command, **{name: anything_of(get_type_hints(command)[name]) for name in command.__struct_fields__})
        for command in get_args(AnyCommand)
    ]
)


STATES = tuple(walk(long_walk(seed))[-40].after for seed in range(12))


@settings(max_examples=600, suppress_health_check=[HealthCheck.too_slow])
@given(command=any_command, actor=st.sampled_from([*PEOPLE, SYSTEM]), state=st.sampled_from(STATES))
def test_any_command_from_anybody_gives_events_or_a_refusal(command: Command, actor: Any, state: Classroom) -> None:
    envelope = Envelope(actor, command, Instant(10**12), "fresh")
    try:
        events = decide(state, envelope)
    except Refused:
        return
    entry = Entry(state.seq + 1, envelope.now, actor, envelope.client, envelope.counter, events)
    after = apply(state, stored(entry))
    check_state(after)
    check_step(state, entry, after)


def test_the_walks_meet_every_event_there_is() -> None:
    """Or the laws would hold of too little."""
    log = (entry for seed in range(60) for entry in entries(walk(long_walk(seed))))
    met = {type(event) for entry in log for event in entry.events}
    assert set(get_args(AnyEvent)) - met == {PollAnswered}


def test_an_event_of_an_unknown_type_does_not_decode() -> None:
    entry = {"seq": 1, "at": 1, "actor": "", "client": "", "counter": 0, "events": [{"type": "dice.rolled"}]}
    with pytest.raises(msgspec.ValidationError):
        entries_in.decode(msgspec.msgpack.encode(entry))

"""What waits for a client: bounded in bytes and age, in order, and never anybody else's trouble."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from server.live.pulses import PULSES_PER_SENDER, Reaction, ReactionName, Typing
from server.live.session import HELD_BYTES_MOST, HELD_MS_MOST
from server.live.telling import Bye, ByeReason, FreshView, Message, Pulsed, Told
from server.rooms.breakouts import OpenBreakouts, ShuffleBreakouts
from server.rooms.chat import SendMessage
from server.rooms.kernel import ClientId, ParticipantId, Role
from server.rooms.roster import RemoveParticipant, SetRole
from tests.live.world import Person, World, settle


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    await world.opened()
    yield world
    await world.hosts.close()


@pytest.fixture
async def ann(world: World) -> Person:
    return await world.comes("ann", Role.INSTRUCTOR)


async def rest_of(person: Person) -> list[Message]:
    """What a client that had stopped reading still gets."""
    return [message async for message in person.session]


async def test_a_client_that_reads_nothing_is_cut_by_age_and_others_are_not(world: World, ann: Person) -> None:
    bo, cy = await world.comes("bo"), await world.comes("cy")
    bo.stops_reading()
    await ann.says(SendMessage("one"))
    await world.clock.pass_ms(HELD_MS_MOST)
    await ann.says(SendMessage("two"))
    cut = asyncio.ensure_future(bo.session.wait_cut())
    await settle()
    assert not cut.done()
    await world.clock.pass_ms(1)
    await ann.says(SendMessage("three"))
    assert cut.done()
    assert [type(message) for message in await rest_of(bo)] == [Bye]
    assert len(cy.told) == 3
    assert cy.bye is None


async def test_a_client_that_was_cut_comes_back_where_it_stopped(world: World, ann: Person) -> None:
    bo = await world.comes("bo", client="tab")
    bo.stops_reading()
    await ann.says(SendMessage("one"))
    await world.clock.pass_ms(HELD_MS_MOST + 1)
    await ann.says(SendMessage("two"))
    bo.session.leave()
    again = await world.comes("bo", client="tab", known=bo.view)
    assert again.session.resumed
    assert world.sees_all(again)


async def test_a_client_is_cut_before_it_holds_too_many_bytes(world: World, ann: Person) -> None:
    bo = await world.comes("bo")
    bo.stops_reading()
    sent = 0
    while not bo.session.over:
        await world.host.submit(ann.id, SendMessage("x" * 4_000))
        sent += 4_000
        await settle()
    assert HELD_BYTES_MOST * 0.9 < sent <= HELD_BYTES_MOST + 4_000
    assert [type(message) for message in await rest_of(bo)] == [Bye]


async def test_a_fresh_view_stands_in_place_of_everything_before_it(world: World, ann: Person) -> None:
    bo = await world.comes("bo")
    bo.stops_reading()
    await ann.says(SendMessage("before"))
    await ann.says(ShuffleBreakouts(1))
    await ann.says(OpenBreakouts())
    await ann.says(SetRole(bo.id, Role.PRESENTER))
    await ann.says(SendMessage("after, in main"))
    waiting = aiter(bo.session)
    first = await anext(waiting)
    assert isinstance(first, FreshView)
    assert first.view.seq == world.host.classroom.seq
    await ann.says(SendMessage("later"))
    second = await anext(waiting)
    assert isinstance(second, Told)
    assert second.entry.seq == first.view.seq + 1


async def test_a_client_that_leaves_its_fresh_view_lying_is_cut(world: World, ann: Person) -> None:
    bo = await world.comes("bo")
    bo.stops_reading()
    await ann.says(SetRole(bo.id, Role.PRESENTER))
    await world.clock.pass_ms(HELD_MS_MOST + 1)
    await ann.says(SendMessage("hello"))
    assert bo.session.over
    assert [message.reason for message in await rest_of(bo) if isinstance(message, Bye)] == [ByeReason.SLOW]


async def test_what_waits_is_still_told_before_a_goodbye_at_the_end(world: World, ann: Person) -> None:
    bo = await world.comes("bo")
    bo.stops_reading()
    await ann.says(SendMessage("last words"))
    await world.hosts.close()
    assert [type(message) for message in await rest_of(bo)] == [Told, Bye]


async def test_nothing_is_told_after_a_removal(world: World, ann: Person) -> None:
    bo = await world.comes("bo")
    bo.stops_reading()
    await ann.says(RemoveParticipant(bo.id))
    await ann.says(SendMessage("now that he is gone"))
    assert [type(message) for message in await rest_of(bo)] == [Bye]


async def test_leaving_ends_the_reading(world: World, ann: Person) -> None:
    bo = await world.comes("bo")
    bo.session.leave()
    bo.session.leave()
    await settle()
    assert await rest_of(bo) == []


async def test_a_reader_that_is_cancelled_loses_nothing(world: World, ann: Person) -> None:
    bo = await world.comes("bo")
    bo.stops_reading()
    await settle()
    waiting = asyncio.ensure_future(anext(aiter(bo.session)))
    await settle()
    waiting.cancel()
    await ann.says(SendMessage("hello"))
    message = await anext(aiter(bo.session))
    assert isinstance(message, Told)


async def test_pulses_reach_the_same_room_and_nobody_else(world: World, ann: Person) -> None:
    bo, cy = await world.comes("bo"), await world.comes("cy")
    bo.session.pulse(Reaction(ReactionName.CLAP))
    await settle()
    assert [m for m in cy.heard if isinstance(m, Pulsed)] == [m for m in ann.heard if isinstance(m, Pulsed)]
    assert isinstance(cy.heard[-1], Pulsed)
    assert cy.heard[-1].participant == bo.id
    assert not any(isinstance(message, Pulsed) for message in bo.heard)
    await ann.says(ShuffleBreakouts(2))
    await ann.says(OpenBreakouts())
    await world.clock.pass_ms(10_000)
    before = len(cy.heard), len(ann.heard)
    bo.session.pulse(Typing())
    await settle()
    assert (len(cy.heard), len(ann.heard)) == before


async def test_pulses_of_one_sender_are_limited_and_coalesce_for_who_is_behind(world: World, ann: Person) -> None:
    bo, cy = await world.comes("bo"), await world.comes("cy")
    cy.stops_reading()
    for _ in range(100):
        bo.session.pulse(Typing())
        await settle()
    assert sum(isinstance(message, Pulsed) for message in ann.heard) == PULSES_PER_SENDER.burst
    await world.clock.pass_ms(1_000)
    bo.session.pulse(Reaction(ReactionName.YES))
    await world.hosts.close()
    assert [m.pulse for m in await rest_of(cy) if isinstance(m, Pulsed)] == []  # a goodbye is in more of a hurry
    assert sum(isinstance(message, Pulsed) for message in ann.heard) == PULSES_PER_SENDER.burst + 1


async def test_one_slow_client_among_many_costs_the_others_nothing(world: World, ann: Person) -> None:
    stuck = await world.comes("stuck")
    stuck.stops_reading()
    others = [await world.comes(f"p{n}") for n in range(30)]
    for n in range(100):
        await world.host.submit(ann.id, SendMessage(f"{n}"))
    await settle()
    assert all(world.sees_all(other) for other in others)


async def test_a_session_that_was_never_read_ends_with_its_socket(world: World, ann: Person) -> None:
    session = await world.host.enter(ParticipantId("bo"), "Bo", Role.LEARNER, ClientId("tab"))
    session.leave()
    await settle()
    assert world.host.sessions == 1

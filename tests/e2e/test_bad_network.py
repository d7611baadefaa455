"""A bad network between one browser and the server: what is lost both ways is repaired, and a call finds its way back.

How well, in figures, is measured by `make bench-loss`; what must hold on a machine of any speed is tested here.
"""

from __future__ import annotations

import asyncio
from functools import partial

from server.synthetic.serving import Server
from tests.e2e.conftest import Invite
from tests.e2e.people import Person
from tests.e2e.test_class import eventually, grows
from tests.e2e.weather import a_class_through_weather, residual, true
from tests.faults.impairment import Weather

LOSS = 0.1


async def test_what_the_network_loses_is_repaired_both_ways(server: Server, invite: Invite) -> None:
    async with a_class_through_weather(server, invite) as (teacher, ana, proxy):
        ids = [await person.participant() for person in (teacher, ana)]
        proxy.set(Weather(loss=LOSS, delay_ms=10, jitter_ms=5), Weather(loss=LOSS, delay_ms=10, jitter_ms=5))

        async def repaired(viewer: Person, watched: str) -> bool:
            left = await residual(viewer, watched, seconds=3)
            return left.sound <= LOSS / 5 and left.frames >= 20

        # A busy machine loses packets of its own now and then; what the network loses, it loses in every stretch.
        await asyncio.gather(
            eventually(partial(repaired, teacher, ids[1]), "what Ana sends is repaired", seconds=30),
            eventually(partial(repaired, ana, ids[0]), "what Ana receives is repaired", seconds=30),
        )
        assert await ana.negotiations() == 1


async def test_a_change_of_network_interrupts_for_three_seconds_at_most(server: Server, invite: Invite) -> None:
    async with a_class_through_weather(server, invite) as (teacher, ana, proxy):
        proxy.move()
        await asyncio.sleep(0.5)  # what was on its way and in jitter buffers is used up
        async with asyncio.timeout(2.5), asyncio.TaskGroup() as group:
            for viewer in (teacher, ana):
                group.create_task(eventually(partial(grows, viewer, "framesDecoded"), f"{viewer.name} sees again"))
        assert await ana.negotiations() == 1


async def test_a_network_that_is_gone_for_a_while_costs_an_ice_restart(server: Server, invite: Invite) -> None:
    async with a_class_through_weather(server, invite) as (teacher, ana, proxy):
        proxy.set(Weather(loss=1), Weather(loss=1))
        await ana.evaluate("void (window.was = window.bichron.pc)")
        await eventually(partial(true, ana, "window.bichron.negotiations > 1"), "an ICE restart", seconds=20)
        proxy.move()
        proxy.set()
        for viewer in (teacher, ana):
            await eventually(partial(grows, viewer, "framesDecoded"), f"{viewer.name} sees again", seconds=5)
        assert await ana.evaluate("window.was === window.bichron.pc")

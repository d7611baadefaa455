"""What is seen and heard of one person belongs together, also where the network makes sound wait (bench/lipsync.py)."""

from __future__ import annotations

import statistics
from functools import partial

from server.synthetic.serving import Server
from tests.e2e.conftest import Invite
from tests.e2e.lipsync import carry_clapper, heard, start_watching
from tests.e2e.people import Person
from tests.e2e.test_class import create_class, eventually, grows
from tests.e2e.weather import THROUGH, media_port
from tests.faults.impairment import Weather, impaired

GOAL_MS = 60
CLAPS = 7
JITTER_MS = 40
"""Packets of sound overtake each other, so that it waits 150 to 300 ms, and pictures 30 without being told."""


async def in_step(viewer: Person) -> bool:
    """Whether the last few flashes were shown as their clicks were played; a busy machine makes single ones stumble."""
    latest = (await heard(viewer)).claps[-CLAPS:]
    return len(latest) == CLAPS and abs(statistics.median(clap.late_ms for clap in latest)) <= GOAL_MS


async def test_lips_and_voice_stay_together_where_the_network_makes_sound_wait(server: Server, invite: Invite) -> None:
    teacher, ana = await invite("Dr. Rivera"), await invite("Ana")
    await carry_clapper(teacher, 1_000, "#004000")
    links = await create_class(server, teacher, "Reading aloud", record=False)
    await teacher.join(links["instructor"])
    async with impaired(("127.0.0.1", await media_port(teacher))) as proxy:
        await ana.page.add_init_script(f"({THROUGH})({proxy.port})")
        await ana.join(links["learner"], devices=())
        await eventually(partial(grows, ana, "framesDecoded"), "Ana sees")
        proxy.set(Weather(), Weather(jitter_ms=JITTER_MS))
        await start_watching(ana)
        await eventually(partial(in_step, ana), "lips and voice are together", seconds=60)

"""A weak connection is told of: to whoever has it, with what can be done about it, and to whoever teaches."""

from __future__ import annotations

import re

from playwright.async_api import expect

from server.synthetic.serving import Server
from tests.e2e.conftest import Invite
from tests.e2e.weather import a_class_through_weather
from tests.faults.impairment import Weather

WITHIN_MS = 20_000
"""Reports come every four seconds; two bad ones make it weak, three good ones fair again."""


async def test_a_weak_connection_is_told_to_both_sides_in_words(server: Server, invite: Invite) -> None:
    async with a_class_through_weather(server, invite) as (teacher, ana, proxy):
        # What Ana sends gets lost: her browser cannot see that by itself.
        proxy.set(Weather(loss=0.2, delay_ms=10), Weather(delay_ms=10))
        await teacher.open("people")
        sign = teacher.find("person-link")
        await expect(sign).to_have_text(re.compile("Weak connection"), timeout=WITHIN_MS)
        assert await sign.count() == 1
        await expect(ana.find("connection-sign")).to_contain_text("Some of what you say and show gets lost")
        await expect(ana.find("weak-connection")).to_contain_text("Your connection is weak")
        await ana.find("weak-save-data").click()
        await expect(ana.find("saving-data")).to_be_visible()

        proxy.set()
        await expect(sign).to_have_count(0, timeout=30_000)

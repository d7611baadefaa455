"""What a bad network leaves of a call between two Chromium pages, after all repair, beside the targets.

    tools/netns .venv/bin/python -m bench.loss

Each loss rate is thrown both ways at one page, with 20 ms of round trip and jitter; both pages are asked what they
missed. The last line is one JSON object: for each rate the worse of the two directions, and whether its target is met.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

from playwright.async_api import async_playwright

from server.synthetic.serving import start_server
from tests.e2e.conftest import CHROMIUM, FLAGS
from tests.e2e.people import Person
from tests.e2e.weather import a_class_through_weather, residual, steady
from tests.faults.impairment import Weather

SECONDS = 8
TARGETS = {0.05: (0.001, 1.0), 0.1: (0.01, 2.0), 0.2: (0.02, 3.0)}
"""Share lost each way -> the share of sound that may stay lost, and the seconds that a picture may stand."""
UNDER_WAY = 2 / (50 * SECONDS)
"""Two packets of sound may still be under way when a browser is asked."""


async def measure(stack: AsyncExitStack) -> dict[str, object]:
    server = await start_server(Path(stack.enter_context(tempfile.TemporaryDirectory())))
    stack.push_async_callback(server.stop)
    playwright = await stack.enter_async_context(async_playwright())
    browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
    stack.push_async_callback(browser.close)

    async def invite(name: str) -> Person:
        context = await browser.new_context(permissions=["camera", "microphone"])
        return Person(context, await context.new_page(), name)

    rows = []
    async with a_class_through_weather(server, invite) as (teacher, ana, proxy):
        ids = [await person.participant() for person in (teacher, ana)]
        async with asyncio.timeout(30):
            while not all([await steady(teacher, ids[1]), await steady(ana, ids[0])]):
                pass  # each look takes a second
        for loss, (sound, frozen_s) in TARGETS.items():
            weather = Weather(loss=loss, delay_ms=10, jitter_ms=5)
            proxy.set(weather, weather)
            both = await asyncio.gather(residual(teacher, ids[1], SECONDS), residual(ana, ids[0], SECONDS))
            lost, stood = max(left.sound for left in both), max(left.frozen_s for left in both)
            met = lost <= sound + UNDER_WAY and stood <= frozen_s
            rows.append({"loss": loss, "sound_lost": round(lost, 4), "frozen_s": round(stood, 2), "met": met})
    return {"bench": "loss", "rows": rows, "met": all(row["met"] for row in rows)}


async def main() -> None:
    async with AsyncExitStack() as stack:
        figures = await measure(stack)
    print(json.dumps(figures))


if __name__ == "__main__":
    asyncio.run(main())

"""Lip sync in a real viewer: how far apart the flash on the screen and the click in the loudspeaker are, for minutes.

    tools/netns .venv/bin/python -m bench.lipsync [--minutes 10]

Prints one line of JSON; README.md says how to read it.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import statistics
import time

from playwright.async_api import expect

from bench.browser import BLUE, chromium, learner_link, person, teacher_in
from bench.classroom import School, priority, quantile, school
from bench.drifting import DriftingClapper
from server.synthetic.participant import Participant
from tests.e2e.lipsync import Clap, carry_clapper, heard, start_watching

GOAL_MS = 60
SETTLE_SECONDS = 5
BETWEEN_SWITCHES_SECONDS = 10
AFTER_SWITCH_MS = 2_500
"""The claps of so long are those after a switch: two or three."""

SOUND_DRIFT_PPM, PICTURE_DRIFT_PPM = 300, -300
"""Far more than quartz has: 36 ms apart after a minute."""


async def measure(here: School, minutes: float) -> dict[str, object]:
    """A teacher goes back and forth between the groups of two who clap, and has them large and small."""
    lesson = here.new_class()
    async with chromium() as browser, Participant(here.server.url, "Dot") as dot:
        teacher = await teacher_in(here, browser, lesson, ())
        ana = await person(browser, "Ana", BLUE)
        await carry_clapper(ana, 1_000, "#004000", with_loop=True)
        await ana.join(learner_link(here, lesson))
        clapper = DriftingClapper(SOUND_DRIFT_PPM, PICTURE_DRIFT_PPM)
        await dot.join(lesson.id, lesson.learner_code)
        await dot.connect_media(clapper.tracks)
        await dot.publish(*clapper.tracks)

        await teacher.open("breakouts")
        await teacher.find("breakouts-count").fill("2")
        await teacher.find("breakouts-shuffle").click()
        await teacher.find("breakouts-open").click()
        await expect(teacher.find("breakouts-visit")).to_have_count(2)
        await teacher.find("breakouts-visit").first.click()
        await expect(teacher.find("breakouts-visit")).to_have_count(1)
        await asyncio.sleep(SETTLE_SECONDS)
        await start_watching(teacher)
        ends = time.monotonic() + 60 * minutes
        switched_ms = []
        own_tile = teacher.tile(await teacher.participant())
        for turn in itertools.cycle(("group", "size", "size")):
            await asyncio.sleep(min(BETWEEN_SWITCHES_SECONDS, max(0, ends - time.monotonic())))
            if time.monotonic() >= ends:
                break
            if turn == "group":
                await teacher.find("breakouts-visit").click()
            else:
                await own_tile.dblclick()  # who was large is small now, on another layer
            switched_ms.append(float(await teacher.evaluate("performance.now()")))
        seen, loop = await heard(teacher), await heard(ana)
        anas, dots = await ana.participant(), dot.id

    browser_ms = statistics.median(loop.lates(["loop"]))
    claps = [clap._replace(late_ms=clap.late_ms - browser_ms) for clap in seen.claps if clap.who == anas]
    drifting = [clap for clap in seen.claps if clap.who == dots]
    after = [clap for clap in claps + drifting if any(0 < clap.at_ms - at < AFTER_SWITCH_MS for at in switched_ms)]
    late_ms = [clap.late_ms for clap in claps]
    figures = {
        "claps": len(seen.claps),
        "missed": seen.missed,
        "switches": len(switched_ms),
        **spread("lip_sync_ms", claps),
        **spread("drifting_ms", drifting),
        **spread("after_switch_ms", after),
        "drift_ms_per_min": slope_per_min(claps),
        "drifting_drift_ms_per_min": slope_per_min(drifting),
        "late_ms_median": round(statistics.median(late_ms), 1),
        "late_ms_p5": round(quantile(late_ms, 0.05), 1),
        "late_ms_p95": round(quantile(late_ms, 0.95), 1),
        "browser_ms": round(browser_ms, 1),
        "browser_ms_p95": round(quantile([abs(ms - browser_ms) for ms in loop.lates(["loop"])], 0.95), 1),
        "goal_ms": GOAL_MS,
    }
    return figures | {"met": all(figures[f"{name}_p95"] <= GOAL_MS for name in ("lip_sync_ms", "after_switch_ms"))}


def spread(name: str, claps: list[Clap]) -> dict[str, float]:
    apart = [abs(clap.late_ms) for clap in claps]
    return {f"{name}_p95": round(quantile(apart, 0.95), 1), f"{name}_max": round(max(apart), 1)}


def slope_per_min(claps: list[Clap]) -> float:
    """How sound and picture move apart, by a line through all claps."""
    minutes = [clap.at_ms / 60_000 for clap in claps]
    return round(statistics.linear_regression(minutes, [clap.late_ms for clap in claps]).slope, 2)


async def run(minutes: float) -> dict[str, object]:
    about: dict[str, object] = {"bench": "lipsync", "cpus": os.cpu_count(), "load": round(os.getloadavg()[0], 1)}
    async with school(pinned=False) as here:
        return about | {"minutes": minutes} | await measure(here, minutes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=10)
    arguments = parser.parse_args()
    with priority():
        print(json.dumps(asyncio.run(run(arguments.minutes))), flush=True)


if __name__ == "__main__":
    main()

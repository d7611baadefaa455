"""Real Chromium for benches: how long from a click until a picture of somebody is decoded and shown.

The browser's own clock measures, from the click to requestVideoFrameCallback, in one page; nothing is polled from here.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, async_playwright, expect

from bench.classroom import NICE, Class, School
from tests.e2e.conftest import CHROMIUM, FLAGS
from tests.e2e.people import Person

RED, GREEN, BLUE = (700, "#ff0000"), (1500, "#00ff00"), (2500, "#0000ff")
QUIET_MS = 1_500
"""Before each click: what the page does by itself, such as opening devices, is over."""

FIRST_FRAME = """
([button, channel]) => new Promise((done) => {
  // Click, and say how many ms later somebody's tile first shows a frame of a colour (0 red, 1 green, 2 blue).
  const pen = new OffscreenCanvas(8, 8).getContext('2d', {willReadFrequently: true});
  const watched = new WeakSet();
  let found = false;
  const look = (video, began) => video.requestVideoFrameCallback(() => {
    if (found) return;
    pen.drawImage(video, 0, 0, 8, 8);
    const pixel = pen.getImageData(4, 2, 1, 1).data;
    if (pixel[channel] > 150 && pixel[0] + pixel[1] + pixel[2] - pixel[channel] < 150) {
      found = true;
      done(performance.now() - began);
    } else look(video, began);
  });
  const began = performance.now();
  document.querySelector(`[data-testid="${button}"]`).click();
  const search = () => {
    if (found) return;
    if (performance.now() - began > 10000) return done(null);
    for (const video of document.querySelectorAll('[data-testid="tile"] video')) {
      if (watched.has(video)) continue;
      watched.add(video);
      look(video, began);
    }
    setTimeout(search, 4);
  };
  search();
})
"""


@contextlib.asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        _prioritise_descendants()
        yield browser
        await browser.close()


async def person(browser: Browser, name: str, carries: tuple[int, str]) -> Person:
    """Somebody with a camera of one colour."""
    context = await browser.new_context(viewport={"width": 1280, "height": 800}, permissions=["camera", "microphone"])
    someone = Person(context, await context.new_page(), name)
    await someone.carry(*carries)
    return someone


async def teacher_in(here: School, browser: Browser, lesson: Class, devices: tuple[str, ...]) -> Person:
    teacher = await person(browser, "Teacher", RED)
    await teacher.page.goto(here.server.enter_link)
    await teacher.join(f"{here.server.url}/join/{lesson.id}", devices=devices)
    return teacher


def learner_link(here: School, lesson: Class) -> str:
    return f"{here.server.url}/join/{lesson.id}/{lesson.learner_code}"


async def click(someone: Person, button: str, channel: int) -> float:
    """Milliseconds until the first frame; raises TimeoutError."""
    await someone.page.wait_for_timeout(QUIET_MS)
    took_ms = await someone.evaluate(FIRST_FRAME, [button, channel])
    if took_ms is None:
        raise TimeoutError(f"no picture after a click on {button}")
    return float(took_ms)


async def joins(here: School, clicks: int) -> list[float]:
    """Somebody new comes, again and again, to an instructor with a camera; half of them with their own devices on."""
    lesson = here.new_class()
    took_ms = []
    async with chromium() as browser:
        await teacher_in(here, browser, lesson, ("mic", "camera"))
        for number in range(clicks + 1):
            learner = await person(browser, f"Learner {number}", BLUE)
            await learner.page.goto(learner_link(here, lesson))
            await learner.find("join-name").fill(learner.name)
            await expect(learner.find("join-button")).to_be_enabled()
            took_ms.append(await click(learner, "join-button" if number % 2 else "join-without", 0))
            await learner.context.close()
    return took_ms[1:]  # the first one fills the browser's caches


async def moves(here: School, count: int) -> dict[str, Any]:
    """An instructor goes back and forth between two groups with a camera each."""
    lesson = here.new_class()
    async with chromium() as browser:
        teacher = await teacher_in(here, browser, lesson, ())
        for name, carries in (("Ana", GREEN), ("Bo", BLUE)):
            learner = await person(browser, name, carries)
            await learner.join(learner_link(here, lesson))
        await teacher.open("breakouts")
        await teacher.find("breakouts-count").fill("2")
        await teacher.find("breakouts-shuffle").click()
        await teacher.find("breakouts-open").click()
        await expect(teacher.find("breakouts-visit")).to_have_count(2)
        await teacher.find("breakouts-visit").first.click()
        await expect(teacher.find("breakouts-visit")).to_have_count(1)
        await teacher.page.wait_for_timeout(3_000)
        showing = await _colour(teacher)
        before, negotiations = await teacher.received(), await teacher.negotiations()
        took_ms = []
        for _ in range(count):
            showing = 3 - showing  # green and blue
            took_ms.append(await click(teacher, "breakouts-visit", showing))
        after = await teacher.received()
        return {
            "took_ms": took_ms,
            "freezes": after["freezeCount"] - before["freezeCount"],
            "offers": await teacher.negotiations() - negotiations,
        }


async def _colour(teacher: Person) -> int:
    tiles = teacher.page.locator('[data-testid="tile"] video')
    for number in range(await tiles.count()):
        participant = await tiles.nth(number).evaluate(
            "video => video.closest('[data-testid=tile]').dataset.participant"
        )
        seen = await teacher.colour_of(participant)
        if seen is not None and max(seen) > 150:
            return seen.index(max(seen))
    raise RuntimeError("the first group shows no picture")


def _prioritise_descendants() -> None:
    """Chromium leaves our session, and with it our priority."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    for pid in parents:
        above = pid
        while above in parents and above != os.getpid():
            above = parents[above]
        if above == os.getpid() and pid != above:
            with contextlib.suppress(OSError):
                Path(f"/proc/{pid}/autogroup").write_text(str(NICE), encoding="ascii")

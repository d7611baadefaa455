"""Take pictures of a class with a few people in it and of its recording, in Chromium.

    tools/netns .venv/bin/python -m tools.screenshots FOLDER [--dark] [--width 360 --height 740]

A look at what people see: for the README, and for whoever changes the pages.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from playwright.async_api import async_playwright

from server.synthetic.participant import Participant
from server.synthetic.pictures import ClockPicture
from server.synthetic.serving import Server, start_server
from server.synthetic.voices import Voice
from tests.e2e.conftest import CHROMIUM, FLAGS
from tests.e2e.people import Person

LEARNERS = {"Ana Lindqvist": (150, 90), "Bo Okafor": (90, 120), "Chidi Mensah": (120, 170)}
SETTLED_MS = 600


class Tour:
    """An instructor's way through every page, with a picture at each stop."""

    def __init__(self, server: Server, teacher: Person, folder: Path, stack: AsyncExitStack) -> None:
        self.server = server
        self.teacher = teacher
        self.folder = folder
        self.stack = stack
        self.created: dict[str, Any] = {}
        self.learners: list[Participant] = []

    async def shoot(self, name: str, after_ms: int = SETTLED_MS) -> None:
        await self.teacher.page.wait_for_timeout(after_ms)
        path = self.folder / f"{name}.png"
        await self.teacher.screenshot(str(path))
        print(path)

    async def visit(self, path: str, name: str) -> None:
        await self.teacher.page.goto(self.server.url + path)
        await self.shoot(name)

    async def confirm(self) -> None:
        await self.teacher.page.wait_for_timeout(SETTLED_MS)
        if await self.teacher.find("confirm").is_visible():
            await self.teacher.find("confirm").click()

    async def before_class(self) -> None:
        await self.visit("/", "first")
        await self.teacher.page.goto(self.server.enter_link)
        await self.shoot("home-empty")
        answer = await self.teacher.context.request.post(
            f"{self.server.url}/api/classes",
            data={"title": "Biology 101", "record": True},
            headers={"Origin": self.server.url},
        )
        self.created = await answer.json()
        await self.visit(f"/classes/{self.created['id']}", "class")
        await self.visit(f"/join/{self.created['id']}", "join")

    async def in_class(self) -> None:
        await self.teacher.join(f"{self.server.url}/join/{self.created['id']}", devices=("mic",))
        await self.shoot("room-alone")
        for n, (name, hue) in enumerate(LEARNERS.items()):
            await self.admit(n, name, hue)
        ana, bo, chidi = self.learners
        await ana.command("chat.send", text="Good morning! The clock is loud and clear.")
        await bo.command("chat.send", text="Is the lab report due on Friday?")
        await self.teacher.chat("Yes, Friday at noon. Let us begin with the heart.")
        await bo.command("hand.raise")
        await chidi.command("hand.raise")
        await self.shoot("room-chat", after_ms=2000)
        await self.teacher.open("people")
        await self.shoot("room-people")

    async def admit(self, n: int, name: str, hue: tuple[int, int]) -> None:
        learner = await self.stack.enter_async_context(Participant(self.server.url, name))
        await learner.join(self.created["id"], self.created["links"]["learner"].rsplit("/", 1)[1])
        tracks = {"mic": Voice(3000 + 400 * n), "camera": ClockPicture(480, 270, 10, hue)}
        await learner.connect_media(tracks, audio_slots=1, video_slots=1)
        await learner.publish("mic", "camera")
        self.learners.append(learner)

    async def poll(self) -> None:
        await self.teacher.open("polls")
        await self.shoot("room-poll-new")
        await self.teacher.find("poll-question").fill("Which blood cells carry oxygen?")
        for n, option in enumerate(("Red", "White")):
            await self.teacher.find("poll-option").nth(n).fill(option)
        await self.teacher.find("poll-start").click()
        opened = await self.learners[0].told_event("poll.opened")
        for n, learner in enumerate(self.learners):
            await learner.command("poll.vote", poll=opened["poll"], option=n // 2)
        await self.shoot("room-poll")
        await self.teacher.find("poll-close").click()

    async def groups(self) -> None:
        await self.teacher.open("breakouts")
        await self.shoot("room-breakouts-new")
        await self.teacher.find("breakouts-shuffle").click()
        await self.shoot("room-breakouts-plan")
        await self.teacher.find("breakouts-open").click()
        await self.shoot("room-breakouts", after_ms=2000)
        await self.teacher.find("breakouts-close").click()
        await self.confirm()

    async def after_class(self) -> None:
        await self.teacher.page.keyboard.press("Escape")
        await self.shoot("room-after-groups", after_ms=3000)
        await self.teacher.find("leave-button").click()
        await self.shoot("room-leave")
        await self.teacher.find("end-class").click()
        await self.shoot("room-end")
        await self.confirm()
        await self.shoot("ended", after_ms=2000)
        await self.visit("/", "home")
        await self.visit("/recordings", "library")
        answer = await self.teacher.context.request.get(f"{self.server.url}/api/recordings")
        recording = (await answer.json())["recordings"][0]["id"]
        await self.teacher.page.goto(f"{self.server.url}/recordings/{recording}?t=3")
        await self.teacher.find("player-play").click()
        await self.shoot("player", after_ms=3000)


async def main(folder: Path, width: int, height: int, dark: bool) -> None:
    async with AsyncExitStack() as stack:
        data = stack.enter_context(tempfile.TemporaryDirectory())
        server = await start_server(Path(data))
        stack.push_async_callback(server.stop)
        playwright = await stack.enter_async_context(async_playwright())
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        stack.push_async_callback(browser.close)
        context = await browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            permissions=["camera", "microphone"],
        )
        tour = Tour(server, Person(context, await context.new_page(), "Dr. Rivera"), folder, stack)
        for stop in (tour.before_class, tour.in_class, tour.poll, tour.groups, tour.after_class):
            await stop()


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--width", type=int, default=1280)
    arguments.add_argument("--height", type=int, default=800)
    arguments.add_argument("--dark", action="store_true")
    chosen = arguments.parse_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(chosen.folder, chosen.width, chosen.height, chosen.dark))

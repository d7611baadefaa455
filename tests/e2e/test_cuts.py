"""A recording with a pause in it: what was shown and said meanwhile is in no picture and in no panel."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack

from playwright.async_api import expect

from server.synthetic.participant import Participant
from server.synthetic.pictures import ClockPicture
from server.synthetic.serving import Server
from server.synthetic.voices import Voice
from tests.e2e.conftest import Invite
from tests.e2e.test_class import eventually
from tests.e2e.test_player import clock_in

TENTHS = 1 << 20


async def teach_with_a_pause(server: Server) -> tuple[str, float]:
    """Unrecorded, recorded, paused, recorded again, each with a message; the recording's id and the length of its first
    stretch in seconds."""
    async with AsyncExitStack() as stack:
        teacher = await stack.enter_async_context(Participant(server.url, "Dr. Rivera"))
        await teacher.become_instructor(server.enter_link)
        created = await teacher.request("POST", "/api/classes", {"title": "Cuts", "record": False})
        await teacher.join(created["id"])
        await teacher.connect_media({"mic": Voice(2600), "camera": ClockPicture()})
        await teacher.publish("mic", "camera")
        await teacher.command("chat.send", text="Before")
        await teacher.command("recording.start")
        began = time.time()
        await asyncio.sleep(0.8)
        await teacher.command("chat.send", text="In the first part")
        await asyncio.sleep(1.6)
        await teacher.command("recording.pause")
        first = time.time() - began
        await teacher.command("chat.send", text="Between you and me")
        await asyncio.sleep(2)
        await teacher.command("recording.resume")
        await asyncio.sleep(0.8)
        await teacher.command("chat.send", text="In the second part")
        await asyncio.sleep(1.6)
        await teacher.command("class.end")
        while True:
            recordings = (await teacher.request("GET", "/api/recordings"))["recordings"]
            if recordings and recordings[0]["state"] == "published":
                return str(recordings[0]["id"]), first
            await asyncio.sleep(0.05)


async def test_a_pause_is_cut_out_of_pictures_chat_and_time(server: Server, invite: Invite) -> None:
    recording, first = await teach_with_a_pause(server)
    viewer = await invite("A later viewer")
    await viewer.page.goto(f"{server.url}/recordings/{recording}")
    detail = await (await viewer.context.request.get(f"{server.url}/api/recordings/{recording}")).json()
    one, two = detail["stretches"]
    cut_ms = int(one["class_to"] - one["class_from"])
    pause_ms = int(two["class_from"] - one["class_to"])
    assert abs(cut_ms - first * 1000) < 300
    assert 4_500 < detail["duration_ms"] < 6_500
    video = viewer.find("player-video").first

    async def shown_at(position_ms: float) -> int:
        """Seek, and return the tenths that the picture shows once it does not change any more."""
        await viewer.evaluate("ms => window.bichron.player.seek(ms)", position_ms)
        seen: list[int | None] = [None]

        async def settled() -> bool:
            seen.append(await clock_in(video) if await video.count() else None)
            return seen[-1] is not None and seen[-3:] == [seen[-1]] * 3

        await eventually(settled, f"a picture at {position_ms} ms")
        return seen[-1] or 0

    await expect(viewer.page.get_by_role("img", name="Microphone off")).to_have_count(0)
    before, after = await shown_at(cut_ms - 700), await shown_at(cut_ms + 1_500)
    assert abs((after - before) % TENTHS - (2_200 + pause_ms) / 100) <= 4

    await viewer.open("chat")
    said = viewer.find("player-chat-message")
    for position_ms, texts in (
        (500, []),
        (cut_ms - 200, ["In the first part"]),
        (cut_ms + 500, ["In the first part"]),
        (detail["duration_ms"], ["In the first part", "In the second part"]),
    ):
        await viewer.evaluate("ms => window.bichron.player.seek(ms)", position_ms)
        await expect(said.locator(".chat-text")).to_have_text(texts)

    await viewer.evaluate("window.bichron.player.seek(0)")
    for _ in range(4):
        await viewer.page.keyboard.press("Shift+>")
    await expect(viewer.find("player-speed")).to_have_text("2×")
    await viewer.page.keyboard.press("k")

    async def passes_the_cut() -> bool:
        return float(await viewer.evaluate("window.bichron.player.position()")) > float(cut_ms + 800)

    began = time.monotonic()
    await eventually(passes_the_cut, "twice the speed carries over the cut")
    assert time.monotonic() - began < (cut_ms + 800) / 1000

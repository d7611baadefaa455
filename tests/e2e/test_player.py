"""A recorded class in the player: it plays, seeks to the right picture, and shows what people said in step with it."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack

from playwright.async_api import Locator, expect

from server.synthetic.participant import Participant
from server.synthetic.pictures import BLOCKS, ClockPicture, read_clock
from server.synthetic.serving import Server
from server.synthetic.voices import Voice
from tests.e2e.conftest import Invite
from tests.e2e.test_class import eventually

BLOCK_LUMA = """
(video, blocks) => {
  if (video.videoWidth === 0 || video.seeking) return null;
  const canvas = document.createElement('canvas');
  canvas.width = video.videoWidth; canvas.height = video.videoHeight;
  const pen = canvas.getContext('2d');
  pen.drawImage(video, 0, 0);
  const y = Math.max(1, Math.floor(canvas.height / 30));
  return Array.from({length: blocks}, (_, i) =>
    pen.getImageData(Math.floor((i + 0.5) * canvas.width / blocks), y, 1, 1).data[1]);
}
"""


async def clock_in(video: Locator) -> int | None:
    """Tenths of a second that a playing video shows, or None."""
    luma: list[int] | None = await video.evaluate(BLOCK_LUMA, BLOCKS)
    return None if luma is None else read_clock([value > 128 for value in luma])


async def teach(server: Server, seconds: float) -> tuple[str, float, float]:
    """A class of programs with a clock; the recording's id, when the recording began, when "half way" was said (both
    in seconds since the epoch)."""
    async with AsyncExitStack() as stack:
        teacher = await stack.enter_async_context(Participant(server.url, "Dr. Rivera"))
        await teacher.become_instructor(server.enter_link)
        created = await teacher.request("POST", "/api/classes", {"title": "Clocks", "record": True})
        await teacher.join(created["id"])
        await teacher.connect_media({"mic": Voice(2600), "camera": ClockPicture()})
        await teacher.publish("mic", "camera")
        ana = await stack.enter_async_context(Participant(server.url, "Ana"))
        await ana.join(created["id"], created["links"]["learner"].rsplit("/", 1)[1])
        await asyncio.sleep(seconds / 2)
        said_at = time.time()
        await ana.command("chat.send", text="We are half way")
        await ana.command("hand.raise")
        await asyncio.sleep(seconds / 2)
        await teacher.command("class.end")
        ended = time.monotonic()
        while True:
            recordings = (await teacher.request("GET", "/api/recordings"))["recordings"]
            if recordings and recordings[0]["state"] == "published":
                assert time.monotonic() - ended < 2.0
                return str(recordings[0]["id"]), recordings[0]["started_at"] / 1000, said_at
            await asyncio.sleep(0.05)


async def test_the_recording_plays_and_seeks_to_the_right_picture(server: Server, invite: Invite) -> None:
    recording, began, said_at = await teach(server, seconds=16)
    viewer = await invite("A later viewer")
    await viewer.page.goto(f"{server.url}/recordings/{recording}")
    await viewer.find("player-play").click()
    video = viewer.find("player-video").first

    async def moves() -> bool:
        first = await clock_in(video)
        await asyncio.sleep(0.4)
        second = await clock_in(video)
        return first is not None and second is not None and second > first

    await eventually(moves, "the picture moves")

    for target in (12.0, 5.0, 9.0):
        await viewer.evaluate("seconds => window.bichron.player.seek(seconds * 1000)", target)
        shown: list[int] = []

        async def right(target: float = target, shown: list[int] = shown) -> bool:
            position = float(await viewer.evaluate("window.bichron.player.position()")) / 1000
            tenths = await clock_in(video)
            if tenths is None:
                return False
            expected = int((began + position) * 10)
            shown[:] = [(tenths - expected) % (1 << 20)]
            off = min(shown[0], (1 << 20) - shown[0])
            return position >= target - 0.2 and off <= 4

        await eventually(right, f"the picture of second {target} is shown", 10)

    half = said_at - began
    await viewer.evaluate("seconds => window.bichron.player.seek(seconds * 1000)", half - 3)
    await viewer.evaluate("window.bichron.player.pause()")
    await viewer.open("chat")
    message = viewer.find("player-chat-message").filter(has_text="We are half way")
    await expect(message).to_have_count(0)
    await viewer.evaluate("seconds => window.bichron.player.seek(seconds * 1000)", half + 0.5)
    await expect(message).to_be_visible()


async def test_a_deep_link_starts_at_its_time(server: Server, invite: Invite) -> None:
    recording, _, _ = await teach(server, seconds=8)
    viewer = await invite("A later viewer", width=360, height=740)
    await viewer.page.goto(f"{server.url}/recordings/{recording}?t=5")
    await expect(viewer.find("player-play")).to_be_visible()

    async def there() -> bool:
        return 4900 <= float(await viewer.evaluate("window.bichron.player.position()")) <= 5600

    await eventually(there, "the player stands at 5 s")

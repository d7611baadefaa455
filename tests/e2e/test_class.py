"""A class in three browsers, from the first click to the end: what people do reaches the others, live and decoded."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

import aiohttp
from playwright.async_api import expect

from server.synthetic.serving import Server
from tests.e2e.conftest import Invite
from tests.e2e.people import Person

SILENT_DB = -80.0
HEARD_DB = -60.0


async def eventually(condition: Callable[[], Awaitable[bool]], what: str, seconds: float = 30) -> None:
    """Wait until something the browsers do has happened; TimeoutError says what did not."""
    try:
        async with asyncio.timeout(seconds):
            while True:
                if await condition():
                    return
                await asyncio.sleep(0.1)  # a poll of another process, bounded by the timeout above
    except TimeoutError:
        raise TimeoutError(f"{what} did not happen in {seconds} s") from None


async def create_class(server: Server, teacher: Person, title: str, *, record: bool = True) -> dict[str, str]:
    """Make the person an instructor, create a class by the API and return its id and links."""
    await teacher.page.goto(server.enter_link)
    response = await teacher.context.request.post(
        f"{server.url}/api/classes", data={"title": title, "record": record}, headers={"Origin": server.url}
    )
    assert response.ok, await response.text()
    made = await response.json()
    return {"id": made["id"], **made["links"], "instructor": f"{server.url}/join/{made['id']}"}


async def grows(person: Person, figure: str) -> bool:
    before = (await person.received())[figure]
    await asyncio.sleep(0.3)
    return (await person.received())[figure] > before


async def test_a_class_is_seen_heard_chatted_and_polled(server: Server, invite: Invite) -> None:
    teacher, ana, bo = await invite("Dr. Rivera"), await invite("Ana"), await invite("Bo", width=360, height=740)
    links = await create_class(server, teacher, "Biology 101")
    await teacher.join(links["instructor"])
    await ana.join(links["learner"], devices=("mic",))
    await bo.join(links["learner"], devices=())

    for learner in (ana, bo):
        await eventually(partial(grows, learner, "framesDecoded"), f"{learner.name} sees pictures")
        await eventually(partial(grows, learner, "audioSamples"), f"{learner.name} gets sound")

    await ana.chat("Hello from Ana")
    await teacher.open("chat")
    await expect(teacher.message("Hello from Ana")).to_be_visible()

    await bo.find("hand-button").click()
    await teacher.open("people")
    await expect(teacher.find("hand-row").filter(has_text="Bo")).to_be_visible()

    await teacher.open("polls")
    await teacher.find("poll-question").fill("Which cells carry oxygen?")
    await teacher.find("poll-option").nth(0).fill("Red")
    await teacher.find("poll-option").nth(1).fill("White")
    await teacher.find("poll-start").click()
    for learner, choice in ((ana, 0), (bo, 1)):
        await learner.find(f"poll-vote-{choice}").click()
    await expect(teacher.find("poll-answered")).to_contain_text("2")
    await teacher.find("poll-close").click()
    await teacher.find("poll-publish").click()
    await teacher.find("confirm").click()
    await ana.open("polls")
    await expect(ana.find("poll-result").first).to_contain_text("Red")


async def test_breakout_groups_hear_and_see_only_themselves_without_a_new_offer(server: Server, invite: Invite) -> None:
    voices = {"Dr. Rivera": (700, "#ff0000"), "Ana": (1500, "#00ff00"), "Bo": (2500, "#0000ff")}
    people = {name: await invite(name) for name in voices}
    for name, (hz, colour) in voices.items():
        await people[name].carry(hz, colour)
    teacher, ana, bo = people.values()
    links = await create_class(server, teacher, "Groups")
    await teacher.join(links["instructor"])
    await ana.join(links["learner"])
    await bo.join(links["learner"])

    async def hears_just(person: Person, *names: str) -> bool:
        for name, (hz, _) in voices.items():
            loud = await person.hears(hz)
            if loud < HEARD_DB if name in names else loud > SILENT_DB:
                return False
        return True

    async def sees(person: Person, other: Person, channel: int) -> bool:
        colour = await person.colour_of(await other.participant())
        return colour is not None and colour[channel] > 150 and sum(colour) - colour[channel] < 150

    await eventually(lambda: hears_just(ana, "Dr. Rivera", "Bo"), "Ana hears everyone else in the main room")
    await eventually(lambda: sees(ana, teacher, 0), "Ana sees the instructor in red")
    await eventually(lambda: sees(ana, bo, 2), "Ana sees Bo in blue")
    negotiations = [await person.negotiations() for person in people.values()]

    await teacher.open("breakouts")
    await teacher.find("breakouts-count").fill("2")
    await teacher.find("breakouts-shuffle").click()
    await teacher.find("breakouts-open").click()
    for learner in (ana, bo):
        await eventually(partial(hears_just, learner), f"{learner.name} is alone in a group and hears nobody")
        for other in people.values():
            if other is not learner:
                await expect(learner.tile(await other.participant())).to_have_count(0)

    group = teacher.find("breakouts-visit").first
    await group.click()
    hearing: list[Person] = []

    async def somebody_hears_the_instructor() -> bool:
        hearing[:] = [learner for learner in (ana, bo) if await learner.hears(voices["Dr. Rivera"][0]) > HEARD_DB]
        return bool(hearing)

    await eventually(somebody_hears_the_instructor, "the visited group hears the instructor")
    (first,) = hearing
    other = bo if first is ana else ana
    await eventually(lambda: hears_just(first, "Dr. Rivera"), "the visited learner hears the instructor alone")
    await eventually(lambda: sees(first, teacher, 0), "the visited learner sees the instructor")
    assert await hears_just(other)
    assert await other.tile(await teacher.participant()).count() == 0

    await teacher.find("breakouts-close").click()
    await eventually(lambda: hears_just(ana, "Dr. Rivera", "Bo"), "everyone is back and hears everyone")
    assert [await person.negotiations() for person in people.values()] == negotiations


async def test_a_class_survives_kill_9(
    server: Server, invite: Invite, restart: Callable[[], Awaitable[Server]]
) -> None:
    teacher, ana = await invite("Dr. Rivera"), await invite("Ana")
    links = await create_class(server, teacher, "Survivors")
    await teacher.join(links["instructor"])
    await ana.join(links["learner"])
    await ana.chat("Said before the crash")
    await teacher.open("chat")
    await expect(teacher.message("Said before the crash")).to_be_visible()
    await ana.find("hand-button").click()
    await expect(ana.find("hand-button")).to_have_attribute("aria-pressed", "true")

    await server.kill()
    await expect(ana.find("reconnecting")).to_be_visible()
    await restart()

    await expect(ana.find("reconnecting")).to_be_hidden()
    await expect(teacher.find("reconnecting")).to_be_hidden()
    await expect(teacher.message("Said before the crash")).to_be_visible()
    await expect(ana.find("hand-button")).to_have_attribute("aria-pressed", "true")
    await ana.chat("Said after the crash")
    await expect(teacher.message("Said after the crash")).to_be_visible()
    for person in (teacher, ana):
        await eventually(partial(grows, person, "framesDecoded"), f"{person.name} sees pictures again")
        await eventually(partial(grows, person, "audioSamples"), f"{person.name} gets sound again")
        person.forgive("net::ERR_", "WebSocket connection")


async def test_screen_share_fills_the_stage_of_the_others(server: Server, invite: Invite) -> None:
    teacher, ana = await invite("Dr. Rivera"), await invite("Ana")
    links = await create_class(server, teacher, "Screens")
    await teacher.join(links["instructor"], devices=("mic",))
    await ana.join(links["learner"], devices=())
    await teacher.find("share-button").click()
    stage = ana.page.locator('[data-testid="tile"][data-source="screen"]')
    await expect(stage).to_be_visible()

    async def wide() -> bool:
        return bool(await stage.locator("video").evaluate("video => video.videoWidth >= 640"))

    await eventually(wide, "the shared screen arrives in a size that can be read")
    assert await stage.evaluate("tile => tile.getBoundingClientRect().width") > 600
    async with aiohttp.ClientSession() as session, session.get(f"{server.url}/healthz") as response:
        assert response.status == 200

"""In the class room as somebody without a mouse, with a small screen or a listening aid; and its small mishaps."""

from __future__ import annotations

from functools import partial

import pytest
from playwright.async_api import expect

from server.synthetic.serving import Server
from tests.e2e.conftest import Invite, Restart
from tests.e2e.people import Person
from tests.e2e.test_class import create_class, eventually, grows
from tests.e2e.test_pages import flawless

TIMES_SAID = """
(news) => [...document.querySelectorAll('[role=status], [role=alert], [aria-live=polite], [aria-live=assertive]')]
  .reduce((times, region) => times + region.textContent.split(news).length - 1, 0)
"""

LONG = "Erythrocytes " * 6 + "Donaudampfschifffahrtselektrizitätenhauptbetriebswerk"


async def press(person: Person, *keys: str) -> None:
    for key in keys:
        await person.page.keyboard.press(key)


async def reach(person: Person, test_id: str, steps: int = 60) -> None:
    """Go to a control by Tab alone, and have its focus seen."""
    for _ in range(steps):
        if await person.find(test_id).first.evaluate("element => element === document.activeElement"):
            assert await person.evaluate("document.activeElement.matches(':focus-visible')"), test_id
            return
        await person.page.keyboard.press("Tab")
    raise AssertionError(f"{test_id} cannot be reached by Tab")


async def test_a_class_is_taught_from_first_to_last_without_a_mouse(server: Server, invite: Invite) -> None:
    teacher, ana = await invite("Dr. Rivera"), await invite("Ana", width=360, height=740)
    page = teacher.page
    await page.goto(server.enter_link)
    await reach(teacher, "class-title")
    await page.keyboard.type("Biology 101")
    await reach(teacher, "start-class")
    await press(teacher, "Enter")
    await expect(teacher.find("join-name")).to_be_focused()
    await page.keyboard.type("Dr. Rivera")
    await press(teacher, "Enter")
    await expect(teacher.find("mic-button")).to_have_attribute("aria-pressed", "true")

    listed = await (await teacher.context.request.get(f"{server.url}/api/classes")).json()
    await ana.page.goto(listed["classes"][0]["links"]["learner"])
    await ana.page.keyboard.type("Ana")
    await reach(ana, "join-without")
    await press(ana, "Enter")
    await expect(ana.find("hand-button")).to_be_visible()
    await press(ana, "h")
    await expect(ana.find("hand-button")).to_have_attribute("aria-pressed", "true")

    await press(teacher, "m")
    await expect(teacher.find("mic-button")).to_have_attribute("aria-pressed", "false")
    await press(teacher, "c")
    await expect(teacher.find("chat-input")).to_be_focused()
    await page.keyboard.type("Welcome, mvhcpblr?")
    await press(teacher, "Enter")
    await expect(teacher.message("Welcome, mvhcpblr?")).to_be_visible()
    await expect(teacher.find("mic-button")).to_have_attribute("aria-pressed", "false")
    await press(teacher, "Escape")

    await press(teacher, "l")
    await reach(teacher, "poll-question")
    for text in ("Which cells carry oxygen?", "Red", "White"):
        await page.keyboard.type(text)
        await press(teacher, "Enter")
    await reach(teacher, "poll-start")
    await press(teacher, "Enter")
    await expect(ana.find("poll-vote-0")).to_be_visible()
    await press(ana, "1")
    await expect(teacher.find("poll-answered")).to_contain_text("1 of 1")

    await press(teacher, "r")
    await expect(ana.find("rec-sign")).to_contain_text("paused")

    await reach(teacher, "leave-button")
    await press(teacher, "Enter")
    await press(teacher, "ArrowDown", "Enter")
    await expect(page.get_by_role("alertdialog")).to_contain_text("End the class for everyone?")
    await press(teacher, "m")
    await expect(teacher.find("mic-button")).to_have_attribute("aria-pressed", "false")
    await press(teacher, "Escape")
    await expect(teacher.find("leave-button")).to_be_focused()
    await press(teacher, "Enter", "ArrowDown", "Enter")
    await reach(teacher, "confirm")
    await press(teacher, "Enter")
    for person in (teacher, ana):
        await expect(person.page.get_by_role("heading", name="The class has ended")).to_be_focused()
    await reach(ana, "watch-recording")


@pytest.fixture(params=[(1280, 800, "light"), (360, 740, "dark")], ids=["desktop in light", "phone in the dark"])
async def learner(request: pytest.FixtureRequest, invite: Invite) -> Person:
    width, height, scheme = request.param
    person = await invite("Ana", width=width, height=height)
    await person.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    return person


async def test_every_panel_is_flawless_and_news_is_said_once(server: Server, learner: Person, invite: Invite) -> None:
    teacher = await invite("Dr. Rivera")
    links = await create_class(server, teacher, "Biology " + LONG)
    await learner.page.goto(links["learner"])
    await expect(learner.find("join-button")).to_be_visible()
    await flawless(learner.page)
    learner.name = "مريم " + LONG
    await learner.join(links["learner"], devices=())
    await teacher.join(links["instructor"], devices=())
    await teacher.chat("Hello " + "x" * 300 + " مرحبا")
    for panel in ("chat", "people", "polls"):
        await learner.open(panel)
        await flawless(learner.page)
    await teacher.page.set_viewport_size({"width": 768, "height": 1024})
    await expect(teacher.find("leave-button")).to_be_in_viewport(ratio=1)

    await teacher.open("polls")
    await teacher.find("poll-question").fill(LONG)
    for n in range(2):
        await teacher.find("poll-option").nth(n).fill(f"{n} {LONG}")
    await teacher.find("poll-start").click()
    await expect(learner.find("poll-vote-0")).to_be_visible()
    await flawless(learner.page)
    for act in ("poll-close", "poll-publish", "confirm"):
        await teacher.find(act).click()
    result = learner.find("poll-result")
    await expect(result).to_be_visible()
    assert await result.evaluate("element => element.scrollWidth - element.clientWidth") <= 0
    await flawless(learner.page)

    await teacher.open("breakouts")
    await teacher.find("breakouts-count").fill("1")
    await teacher.find("breakouts-shuffle").click()
    await flawless(teacher.page)
    await teacher.find("breakouts-open").click()
    moved = "You were moved to Group 1."
    await expect(learner.page.get_by_text(moved).first).to_be_visible()
    assert await learner.evaluate(TIMES_SAID, moved) == 1
    await flawless(learner.page)
    await flawless(teacher.page)


async def test_a_learner_is_muted_comes_back_and_takes_over_in_another_tab(server: Server, invite: Invite) -> None:
    teacher, ana = await invite("Dr. Rivera"), await invite("Ana")
    links = await create_class(server, teacher, "Mishaps")
    await teacher.join(links["instructor"])
    await ana.join(links["learner"])
    await teacher.open("breakouts")
    await teacher.find("breakouts-count").fill("1")
    await teacher.find("breakouts-shuffle").click()
    await teacher.find("breakouts-open").click()
    await expect(ana.find("room-name")).to_contain_text("Group 1")

    await ana.page.reload()
    await ana.join(links["learner"])
    await expect(ana.find("room-name")).to_contain_text("Group 1")
    await teacher.find("breakouts-visit").click()
    await eventually(partial(grows, teacher, "framesDecoded"), "the instructor sees Ana in her group")

    await teacher.open("people")
    await teacher.page.get_by_role("button", name="Actions for Ana").click()
    await teacher.page.get_by_role("menuitem", name="Mute").click()
    await expect(ana.find("muted-by-host")).to_contain_text("Dr. Rivera muted your microphone")
    await expect(ana.find("mic-button")).to_have_attribute("aria-pressed", "false")
    await ana.find("mic-button").click()
    await expect(ana.find("muted-by-host")).to_be_hidden()
    await expect(ana.find("mic-button")).to_have_attribute("aria-pressed", "true")

    tab = Person(ana.context, await ana.context.new_page(), "Ana")
    await tab.join(links["learner"])
    await expect(ana.page.get_by_role("heading", name="You are in this class in another window")).to_be_focused()
    await ana.page.get_by_role("button", name="Use this window").click()
    await expect(ana.find("room-name")).to_contain_text("Group 1")
    await expect(tab.page.get_by_role("heading", name="You are in this class in another window")).to_be_visible()
    await eventually(partial(grows, teacher, "framesDecoded"), "the instructor sees Ana from the window she chose")


async def test_a_group_and_a_shared_screen_survive_kill_9(server: Server, invite: Invite, restart: Restart) -> None:
    teacher, ana, bo = await invite("Dr. Rivera"), await invite("Ana"), await invite("Bo")
    links = await create_class(server, teacher, "Groups")
    await teacher.join(links["instructor"], devices=("mic",))
    for learner in (ana, bo):
        await learner.join(links["learner"], devices=())
    await teacher.open("breakouts")
    await teacher.find("breakouts-count").fill("2")
    await teacher.find("breakouts-shuffle").click()
    await teacher.find("breakouts-open").click()
    await teacher.find("breakouts-visit").first.click()
    await teacher.find("share-button").click()
    screen = '[data-testid="tile"][data-source="screen"]'
    await eventually(lambda: one_sees(ana, bo, screen), "the visited group sees the screen")
    visited, other = (ana, bo) if await ana.page.locator(screen).count() else (bo, ana)

    await server.kill()
    for person in (teacher, ana, bo):
        await expect(person.find("reconnecting")).to_be_visible()
    await visited.chat("Written while the server was away")
    await restart()
    for person in (teacher, ana, bo):
        await expect(person.find("reconnecting")).to_be_hidden(timeout=15_000)
        await expect(person.find("room-name")).to_contain_text("Group")
    await expect(visited.page.locator(screen)).to_be_visible()
    await eventually(partial(grows, visited, "framesDecoded"), "the shared screen goes on")
    await eventually(partial(grows, visited, "audioSamples"), "the instructor is heard again")
    await expect(other.page.locator(screen)).to_have_count(0)
    await teacher.open("chat")
    await expect(teacher.message("Written while the server was away")).to_have_count(1)
    for person in (teacher, ana, bo):
        person.forgive("net::ERR_", "WebSocket connection")


async def one_sees(one: Person, two: Person, what: str) -> bool:
    return await one.page.locator(what).count() + await two.page.locator(what).count() == 1

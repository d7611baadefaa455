"""Every page as somebody meets it who sees little, has no mouse, or holds a phone: axe, the keyboard, 360 px."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from server.synthetic.serving import Server
from tests.e2e.conftest import Invite
from tests.e2e.people import Person
from tests.e2e.test_player import teach

AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"

FINDINGS = """
async () => (await axe.run(document, {resultTypes: ['violations']})).violations.map(
  (found) => `${found.id}: ${found.nodes[0].html.slice(0, 120)}`)
"""


async def flawless(page: Page) -> None:
    """Nothing for axe to complain about, and nothing beyond the right edge."""
    await page.evaluate(AXE.read_text())
    assert await page.evaluate(FINDINGS) == [], page.url
    assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, page.url


@pytest.fixture(params=[(1280, 800, "light"), (360, 740, "dark")], ids=["desktop in light", "phone in the dark"])
async def visitor(request: pytest.FixtureRequest, invite: Invite) -> Person:
    width, height, scheme = request.param
    person = await invite("Sam", width=width, height=height)
    await person.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    return person


async def test_a_visitor_finds_the_way_in(server: Server, visitor: Person) -> None:
    await visitor.page.goto(server.url)
    await flawless(visitor.page)
    await visitor.page.get_by_role("link", name="Help").click()
    await flawless(visitor.page)
    await visitor.page.get_by_role("link", name="For instructors").click()
    await flawless(visitor.page)
    await visitor.page.get_by_label("Instructor link or key").fill(server.enter_link)
    await visitor.page.keyboard.press("Enter")
    await expect(visitor.page.get_by_test_id("start-class")).to_be_visible()
    await flawless(visitor.page)


async def test_a_class_is_made_for_later_and_ended_after_one_question(server: Server, visitor: Person) -> None:
    page = visitor.page
    await page.goto(server.enter_link)
    await page.get_by_test_id("class-title").fill("Biology 101")
    await page.get_by_test_id("create-class").click()
    await expect(page.get_by_role("heading", name="Biology 101")).to_be_visible()
    await flawless(page)
    for role in ("learner", "assistant", "guest"):
        assert server.url in await page.get_by_test_id(f"link-{role}").input_value()

    await page.get_by_test_id("end-class").focus()
    await page.keyboard.press("Enter")
    question = page.get_by_role("alertdialog")
    await expect(question).to_contain_text("for everyone?")
    await flawless(page)
    await page.keyboard.press("Escape")
    await expect(question).to_have_count(0)
    await expect(page.get_by_test_id("end-class")).to_be_focused()

    await page.keyboard.press("Enter")
    await page.get_by_test_id("confirm-yes").click()
    await expect(page.get_by_text("Ended")).to_be_visible()
    await expect(page.get_by_test_id("enter-class")).to_have_count(0)


async def test_a_recording_is_found_and_watched_by_keyboard(server: Server, visitor: Person) -> None:
    recording, _, _ = await teach(server, seconds=8)
    page = visitor.page
    await page.goto(server.enter_link)
    await page.goto(f"{server.url}/recordings")
    await flawless(page)
    await page.keyboard.press("/")
    await page.keyboard.type("clo")
    await expect(page.get_by_test_id("recording-card")).to_be_visible()
    await page.keyboard.type("x")
    await expect(page.get_by_test_id("recording-card")).to_be_hidden()

    await page.goto(f"{server.url}/recordings/{recording}")
    await expect(page.get_by_test_id("player-play")).to_be_visible()
    for panel in ("chat", "polls", "people", "moments"):
        await page.get_by_test_id(f"panel-{panel}").click()
        await flawless(page)
    await page.get_by_test_id("panel-moments").focus()
    await page.keyboard.press("Home")
    await expect(page.get_by_test_id("panel-chat")).to_be_focused()

    await page.keyboard.press("5")
    half = await visitor.evaluate("window.bichron.player.position()")
    await page.keyboard.press("Shift+>")
    await expect(page.get_by_test_id("player-speed")).to_have_text("1.25×")
    await page.keyboard.press("j")
    assert await visitor.evaluate("window.bichron.player.position()") == max(0, half - 10_000)
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog")).to_contain_text("Full screen")
    await page.keyboard.press("Escape")
    await page.keyboard.press("k")
    await expect(page.get_by_test_id("player-play")).to_have_accessible_name("Pause")

"""Real Chromium, a real server, and a network namespace that has nothing but loopback (tools/netns)."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright, expect

from server.synthetic.serving import Server, start_server
from tests.e2e.people import Person

CHROMIUM = os.environ.get("BICHRON_CHROMIUM", "/usr/bin/chromium")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream=fps=15",
    "--allow-loopback-in-peer-connection",  # in a namespace with only lo there is no other candidate
    "--autoplay-policy=no-user-gesture-required",
    "--auto-accept-this-tab-capture",
)

# Patience, not a bound: what must be quick is measured where it matters, and a busy machine is only slow.
expect.set_options(timeout=20_000)

Invite = Callable[..., Awaitable[Person]]
Restart = Callable[[], Awaitable[Server]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker(pytest.mark.e2e)
        if not os.environ.get("BICHRON_NETNS"):
            item.add_marker(pytest.mark.skip(reason="needs a network namespace of its own: make e2e"))


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    running = await start_server(tmp_path / "data")
    yield running
    await running.stop()


@pytest.fixture
async def restart(server: Server, tmp_path: Path) -> AsyncIterator[Restart]:
    """Start a server again at the same ports, with what the first one left on disk."""
    started: list[Server] = []

    async def again() -> Server:
        started.append(await start_server(tmp_path / "data", port=server.port))
        return started[-1]

    yield again
    for running in started:
        await running.stop()


@pytest.fixture
def flags() -> Sequence[str]:
    """What Chromium is started with."""
    return FLAGS


@pytest.fixture
async def browser(flags: Sequence[str]) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(flags))
        yield chromium
        await chromium.close()


@pytest.fixture
async def invite(browser: Browser, restart: Restart) -> AsyncIterator[Invite]:
    """Give somebody a browser of their own: `await invite("Ana", width=1280)`.

    Depends on `restart` so that every server outlives every browser: a page whose server ends complains, and complaints
    fail the test.
    """
    async with AsyncExitStack() as stack:
        people: list[Person] = []

        async def come(name: str, width: int = 1280, height: int = 800, *, instrumented: bool = False) -> Person:
            """Instrumented: the test may run workers of its own in the page, which its policy forbids."""
            context = await browser.new_context(
                viewport={"width": width, "height": height},
                permissions=["camera", "microphone"],
                bypass_csp=instrumented,
            )
            stack.push_async_callback(context.close)
            person = Person(context, await context.new_page(), name)
            people.append(person)
            return person

        yield come
        assert {person.name: person.complaints for person in people if person.complaints} == {}

"""A whole server on free ports, with files on disk and a media plane that moves nothing."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from server.app import Media, Running, running
from server.config import Config
from server.http.assets import Manifest
from server.live.clock import SystemClock
from server.live.ports import MediaListener
from tests.http.browser import Browser
from tests.http.fakes import QuietPlane

OpenBrowser = Callable[[], Awaitable[Browser]]
ENTRIES = ("src/pages/main.ts", "src/room/main.tsx", "src/player/main.tsx")


def built(folder: Path) -> Manifest:
    """What Vite would have built."""
    (folder / ".vite").mkdir(parents=True)
    (folder / "assets").mkdir()
    (folder / "assets" / "main-1a2b.js").write_text("// script")
    chunks = {entry: {"file": "assets/main-1a2b.js", "css": ["assets/main-1a2b.css"]} for entry in ENTRIES}
    (folder / ".vite" / "manifest.json").write_text(json.dumps(chunks))
    return Manifest(folder)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(data=tmp_path / "data", port=0, udp_port=0)


@pytest.fixture
async def planes() -> list[QuietPlane]:
    """The media planes of the servers of this test."""
    return []


@pytest.fixture
async def server(config: Config, planes: list[QuietPlane], tmp_path: Path) -> AsyncIterator[Running]:
    async def quiet(config: Config, clock: SystemClock, listener: MediaListener, stack: AsyncExitStack) -> Media:
        planes.append(QuietPlane(listener))
        return Media(planes[-1], 9, {"datagrams": 3})

    async with running(config, quiet) as served:
        served.services.manifest = built(tmp_path / "dist")
        yield served


@pytest.fixture
def plane(server: Running, planes: list[QuietPlane]) -> QuietPlane:
    return planes[-1]


@pytest.fixture
async def open_browser(server: Running) -> AsyncIterator[OpenBrowser]:
    async with AsyncExitStack() as stack:

        async def fresh() -> Browser:
            browser = Browser(server)
            stack.push_async_callback(browser.http.close)
            return browser

        yield fresh


@pytest.fixture
async def stranger(open_browser: OpenBrowser) -> Browser:
    return await open_browser()


@pytest.fixture
async def teacher(open_browser: OpenBrowser) -> Browser:
    """Came through the instructor link."""
    browser = await open_browser()
    await browser.sign_in()
    return browser


@pytest.fixture
async def biology(teacher: Browser) -> dict[str, Any]:
    """A class, with the code of each invitation under "codes"."""
    created: dict[str, Any] = await teacher.ok("POST", "/api/classes", {"title": "Biology 101"})
    created["codes"] = {role: link.rsplit("/", 1)[1] for role, link in created["links"].items()}
    return created

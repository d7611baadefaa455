"""Firefox, driven by the protocol it speaks itself (WebDriver BiDi): no driver program, no package beyond aiohttp.

`launch` starts a headless Firefox with a profile of its own and nothing to ask the internet for; `FirefoxPage` is one
tab. Clicks and keys are real input events at the element. Fake devices give a test picture and a tone.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import re
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

FIREFOX = os.environ.get("BICHRON_FIREFOX", "/usr/bin/firefox-esr")
PULSEAUDIO = os.environ.get("BICHRON_PULSEAUDIO", "/usr/bin/pulseaudio")

_LISTENING = re.compile(r"WebDriver BiDi listening on (ws://\S+)")

_DEVICES = {
    "media.navigator.streams.fake": True,
    "media.navigator.permission.disabled": True,
    "media.autoplay.default": 0,
    "media.peerconnection.ice.obfuscate_host_addresses": False,  # .local names need multicast DNS
}

# Nothing here may wait for, or even look for, a network beyond its own.
_QUIET = {
    "app.normandy.enabled": False,
    "app.update.disabledForTesting": True,
    "browser.aboutwelcome.enabled": False,
    "browser.newtabpage.enabled": False,
    "browser.region.network.url": "",
    "browser.safebrowsing.downloads.remote.enabled": False,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "browser.search.update": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage": "about:blank",
    "browser.startup.page": 0,
    "captivedetect.canonicalURL": "",
    "datareporting.policy.dataSubmissionEnabled": False,
    "dom.push.connection.enabled": False,
    "extensions.getAddons.cache.enabled": False,
    "extensions.systemAddon.update.enabled": False,
    "extensions.update.enabled": False,
    "geo.provider.testing": True,
    "media.gmp-manager.updateEnabled": False,
    "media.gmp-manager.url": "",
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "network.dns.disablePrefetch": True,
    "network.manage-offline-status": False,  # a card without a default route is not "offline"
    "network.prefetch-next": False,
    "network.trr.mode": 5,
    "services.settings.server": "data:,#remote-settings-dummy/v1",
    "toolkit.telemetry.server": "",
    "toolkit.telemetry.unified": False,
}


class BidiError(Exception):
    """Firefox refused a command, or a script threw."""


class FirefoxPage:
    """One tab. `complaints` are its uncaught errors and what it wrote to the console as errors."""

    def __init__(self, browser: Firefox, context: str) -> None:
        self.browser = browser
        self.context = context
        self.complaints: list[str] = []

    async def goto(self, url: str) -> None:
        await self.browser.call("browsingContext.navigate", context=self.context, url=url, wait="complete")

    async def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression (awaited), as JSON."""
        source = f"Promise.resolve({expression}).then((value) => JSON.stringify(value ?? null))"
        answer = await self.browser.call(
            "script.evaluate", expression=source, target={"context": self.context}, awaitPromise=True
        )
        if answer["type"] == "exception":
            raise BidiError(answer["exceptionDetails"]["text"])
        return json.loads(answer["result"]["value"])

    async def until(self, expression: str, what: str, seconds: float = 20) -> Any:
        """Wait until an expression is truthy; TimeoutError says what did not happen."""
        try:
            async with asyncio.timeout(seconds):
                while not (value := await self.evaluate(expression)):  # noqa: ASYNC110
                    await asyncio.sleep(0.1)  # a poll of another process, bounded by the timeout above
                return value
        except TimeoutError:
            raise TimeoutError(f"{what} did not happen in {seconds} s") from None

    async def click(self, test_id: str) -> None:
        """Press the mouse button on an element, as soon as there is one."""
        pointer = [
            {
                "type": "pointerMove",
                "x": 0,
                "y": 0,
                "origin": {"type": "element", "element": await self._node(test_id)},
            },
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]
        await self._act({"type": "pointer", "id": "mouse", "actions": pointer})

    async def type(self, test_id: str, text: str) -> None:
        """Click into a field and type."""
        await self.click(test_id)
        keys = [{"type": kind, "value": letter} for letter in text for kind in ("keyDown", "keyUp")]
        await self._act({"type": "key", "id": "keyboard", "actions": keys})

    async def _node(self, test_id: str) -> dict[str, str]:
        selector = f'[data-testid="{test_id}"]'
        await self.until(f"document.querySelector({json.dumps(selector)}) !== null", f"a {test_id} on the page")
        found = await self.browser.call(
            "browsingContext.locateNodes",
            context=self.context,
            locator={"type": "css", "value": selector},
            maxNodeCount=1,
        )
        return {"sharedId": found["nodes"][0]["sharedId"]}

    async def _act(self, source: dict[str, Any]) -> None:
        await self.browser.call("input.performActions", context=self.context, actions=[source])


class Firefox:
    """A running Firefox and the socket to it. One task reads; commands wait for their answers."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._pages: dict[str, FirefoxPage] = {}

    async def listen(self) -> None:
        """Take what Firefox says until it says no more."""
        async for frame in self._socket:
            message = json.loads(frame.data)
            answer = self._answers.pop(message.get("id") or 0, None)
            if message["type"] == "event":
                self._note(message)
            elif answer is not None and not answer.done():
                answer.set_result(message)

    async def call(self, method: str, **params: object) -> dict[str, Any]:
        """One command and its result. Raises BidiError."""
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": params})
        async with asyncio.timeout(60):
            message = await answer
        if message["type"] == "error":
            raise BidiError(f"{method}: {message['error']}: {message['message']}")
        result: dict[str, Any] = message["result"]
        return result

    async def page(self) -> FirefoxPage:
        """A new tab, with cookies of its own."""
        user = await self.call("browser.createUserContext")
        made = await self.call("browsingContext.create", type="tab", userContext=user["userContext"])
        page = self._pages[made["context"]] = FirefoxPage(self, made["context"])
        return page

    def _note(self, event: dict[str, Any]) -> None:
        said = event["params"]
        page = self._pages.get(said.get("source", {}).get("context", ""))
        if page is not None and event["method"] == "log.entryAdded" and said["level"] == "error":
            page.complaints.append(said["text"])


@asynccontextmanager
async def launch(
    profile: Path, preferences: Mapping[str, object], environment: Mapping[str, str]
) -> AsyncIterator[Firefox]:
    """Start Firefox with a fresh profile in `profile`, which must not exist yet, and end it."""
    profile.mkdir()  # noqa: ASYNC240
    chosen = {**_QUIET, **_DEVICES, **preferences}
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in chosen.items()]
    (profile / "user.js").write_text("\n".join(lines), encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        *(FIREFOX, "--headless", "--no-remote", "--profile", str(profile), "--remote-debugging-port", "0"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | {"HOME": str(profile), "MOZ_CRASHREPORTER_DISABLE": "1", **environment},
        start_new_session=True,
    )
    tasks: list[asyncio.Task[None]] = []
    try:
        if process.stderr is None:
            raise RuntimeError("a piped process has a stderr")
        async with asyncio.timeout(60):
            address = await _address(process.stderr)
        tasks.append(asyncio.create_task(_drain(process.stderr)))
        async with aiohttp.ClientSession() as http, http.ws_connect(f"{address}/session", max_msg_size=0) as socket:
            firefox = Firefox(socket)
            tasks.append(asyncio.create_task(firefox.listen()))
            await firefox.call("session.new", capabilities={})
            await firefox.call("session.subscribe", events=["log.entryAdded"])
            yield firefox
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


@asynccontextmanager
async def speakers(where: Path) -> AsyncIterator[dict[str, str]]:
    """A sound server that plays to nowhere; yields the environment that leads to it.

    Without any, an AudioContext of Firefox never starts.
    """
    where.mkdir()  # noqa: ASYNC240
    socket = where / "native"
    process = await asyncio.create_subprocess_exec(
        *(PULSEAUDIO, "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--disable-shm=yes"),
        *("--load=module-null-sink", f"--load=module-native-protocol-unix socket={socket} auth-anonymous=1"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        env=os.environ | {"HOME": str(where), "XDG_RUNTIME_DIR": str(where), "DBUS_SESSION_BUS_ADDRESS": "disabled:"},
    )
    try:
        async with asyncio.timeout(15):
            while not socket.exists():  # noqa: ASYNC110, another process makes it
                await asyncio.sleep(0.05)
        yield {"PULSE_SERVER": f"unix:{socket}"}
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def _address(stderr: asyncio.StreamReader) -> str:
    said = []
    while line := (await stderr.readline()).decode(errors="replace"):
        if found := _LISTENING.search(line):
            return found.group(1)
        said.append(line)
    raise RuntimeError(f"Firefox did not start: {''.join(said)}")


async def _drain(stream: asyncio.StreamReader) -> None:
    while await stream.read(65_536):
        pass

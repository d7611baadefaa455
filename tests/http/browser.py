"""A browser as the server sees one: cookies, an Origin, forms, and the live connection."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import aiohttp
import msgpack
from aiohttp import WSMsgType

from server.app import Running

Frame = dict[str, Any]


class Closed(Exception):
    """The server closed the live connection. `code` is the close code."""

    def __init__(self, code: int | None) -> None:
        super().__init__(str(code))
        self.code = code


def boot(html: str) -> dict[str, Any]:
    """What a page hands to its script."""
    found = re.search(r'<script type="application/json" id="boot" nonce="[^"]+">(.*?)</script>', html, re.DOTALL)
    assert found
    parsed: dict[str, Any] = json.loads(found[1])
    return parsed


class Line:
    """A live connection."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.counter = 0

    async def say(self, frame: object) -> None:
        await self.socket.send_bytes(msgpack.packb(frame))

    async def hear(self) -> Frame:
        """The next frame. Raises Closed."""
        message = await self.socket.receive(timeout=10)
        if message.type is not WSMsgType.BINARY:
            raise Closed(self.socket.close_code)
        frame: Frame = msgpack.unpackb(message.data)
        return frame

    async def until(self, wanted: str | Callable[[Frame], bool]) -> Frame:
        """The next frame of a type, or for which something holds; what comes before it is passed over."""
        while True:
            frame = await self.hear()
            if frame["type"] == wanted if isinstance(wanted, str) else wanted(frame):
                return frame

    async def until_event(self, kind: str) -> Frame:
        """The next event of a type."""
        frame = await self.until(
            lambda frame: frame["type"] == "entry" and any(event["type"] == kind for event in frame["events"])
        )
        event: Frame = next(event for event in frame["events"] if event["type"] == kind)
        return event

    async def close_code(self) -> int | None:
        """Reads on until the server closes."""
        try:
            while True:
                await self.hear()
        except Closed as closed:
            return closed.code

    async def command(self, kind: str, counter: int | None = None, **fields: object) -> Frame:
        """Give a command; the ack or the refusal."""
        self.counter = counter if counter is not None else self.counter + 1
        sent = self.counter
        await self.say({"type": "command", "counter": sent, "command": {"type": kind, **fields}})
        return await self.until(lambda frame: frame["type"] in {"ack", "refused"} and frame["counter"] == sent)

    async def ping(self) -> Frame:
        """Everything said before has been dealt with once this returns."""
        await self.say({"type": "ping", "n": 7})
        return await self.until("pong")


class Browser:
    def __init__(self, server: Running) -> None:
        self.server = server
        self.http = aiohttp.ClientSession(
            headers={"Origin": server.url}, cookie_jar=aiohttp.CookieJar(unsafe=True), base_url=server.url
        )

    async def sign_in(self) -> None:
        async with self.http.get(self.server.instructor_link, allow_redirects=False) as response:
            assert response.status == 303

    async def api(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, Any]:
        """Status and decoded JSON (None for an empty answer)."""
        async with self.http.request(method, path, json=body, headers=headers) as response:
            return response.status, await response.json() if response.content_length else None

    async def ok(self, method: str, path: str, body: object = None) -> Any:
        status, answer = await self.api(method, path, body)
        assert status < 400, answer
        return answer

    async def error(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, str]:
        """Status and error code; the body has the one shape of errors."""
        status, answer = await self.api(method, path, body, **headers)
        assert list(answer) == ["error"]
        assert sorted(answer["error"]) == ["code", "message"]
        return status, answer["error"]["code"]

    async def page(self, path: str) -> str:
        async with self.http.get(path) as response:
            assert response.content_type == "text/html"
            return await response.text()

    async def form(self, page: str, action: str, **fields: str) -> aiohttp.ClientResponse:
        """Fill in the form of a page and send it."""
        found = re.search(r'name="csrf" value="([^"]*)"', await self.page(page))
        assert found, f"a form on {page}"
        async with self.http.post(action, data={"csrf": found[1], **fields}, allow_redirects=False) as response:
            await response.read()
            return response

    async def token(self, class_id: str, name: str, code: str | None = None) -> str:
        joined = await self.ok("POST", f"/api/classes/{class_id}/join", {"name": name, "code": code})
        return str(joined["token"])

    async def connect(self, class_id: str, **options: Any) -> Line:
        return Line(await self.http.ws_connect(f"/api/classes/{class_id}/live", **options))

    async def enter(
        self,
        class_id: str,
        name: str,
        code: str | None = None,
        client: str = "client",
        last_seq: int | None = None,
        **options: Any,
    ) -> tuple[Line, Frame]:
        """Join and say hello; the connection and its welcome."""
        token = await self.token(class_id, name, code)
        line = await self.connect(class_id, **options)
        await line.say({"type": "hello", "token": token, "client": client, "last_seq": last_seq})
        return line, await line.until("welcome")

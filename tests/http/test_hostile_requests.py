"""Requests no page of ours would send: each gets a plain refusal, costs little, and leaves no trace in the log."""

from __future__ import annotations

import asyncio
import logging
import re
import time

import aiohttp
import pytest
from aiohttp import WSMsgType

from server.app import Running
from server.http.socket import FRAMES
from tests.http.browser import Browser
from tests.http.test_live import Class

FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (f"{FORM}; charset=nonsense", b"csrf=x"),
        (f"{FORM}; charset=utf-16", b"csrf=x"),
        (f"{FORM}; charset=idna", b"csrf=" + b"x" * 100),
        (f"{FORM}; charset=zlib", b"csrf=x"),
        (FORM, b"csrf=\xff\xfe&key=\xed\xa0\x80"),
        (FORM, b"csrf=%ff%fe&key=%ed%a0%80"),
    ],
)
async def test_a_form_in_an_unreadable_alphabet_is_the_sender_s_fault(
    stranger: Browser, caplog: pytest.LogCaptureFixture, kind: str, body: bytes
) -> None:
    async with stranger.http.post("/enter", data=body, headers={"Content-Type": kind}) as response:
        assert 400 <= response.status < 500
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.parametrize("path", ["/enter?key=%ed%a0%80", "/enter?key=%ff", "/enter?key=%00", "/enter?key=\u00fc"])
async def test_a_key_of_odd_letters_is_only_wrong(stranger: Browser, path: str) -> None:
    async with stranger.http.get(path) as response:
        assert response.status == 403


@pytest.mark.parametrize("authorization", ["Bearer \u00fc", "Bearer ", "Basic eDp5", "Bearer  x"])
async def test_an_api_key_of_odd_letters_is_only_wrong(stranger: Browser, authorization: str) -> None:
    refusal = await stranger.error("GET", "/api/classes", Authorization=authorization)
    assert refusal == (401, "api-key")


@pytest.mark.parametrize("body", [b"\xff", b'{"name": "\xed\xa0\x80"}', b"[" * 60_000, b'{"name": "\\ud800"}'])
async def test_a_body_that_is_not_text_is_the_sender_s_fault(stranger: Browser, biology: Class, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    async with stranger.http.post(f"/api/classes/{biology['id']}/join", data=body, headers=headers) as response:
        assert response.status == 400


async def test_a_body_that_never_comes_is_not_waited_for(server: Running, biology: Class) -> None:
    server.services.body_within_s = 0.05
    port = int(server.url.rsplit(":", 1)[1])
    for path, kind in ((f"/api/classes/{biology['id']}/join", "application/json"), ("/enter", FORM)):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = f"POST {path} HTTP/1.1\r\nHost: localhost:{port}\r\nOrigin: {server.url}\r\n"
        writer.write(f"{head}Content-Type: {kind}\r\nContent-Length: 100\r\n\r\n{{".encode())
        async with asyncio.timeout(5):
            assert b" 408 " in await reader.readline()
        writer.close()


async def test_websocket_pings_wait_their_turn_like_any_other_frame(stranger: Browser, biology: Class) -> None:
    line, _ = await stranger.enter(biology["id"], "Eve", biology["codes"]["learner"], autoping=False)
    began = time.monotonic()
    for n in range(FRAMES.burst + 50):
        await line.socket.ping(str(n).encode())
    for n in range(FRAMES.burst + 50):
        answer = await line.socket.receive(timeout=10)
        assert (answer.type, answer.data) == (WSMsgType.PONG, str(n).encode())
    assert time.monotonic() - began > 40 / FRAMES.per_s


async def test_an_upgrade_elsewhere_is_no_way_around_anything(stranger: Browser) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await stranger.http.ws_connect("/api/classes")
    assert refused.value.status == 401


async def test_an_error_page_shows_what_was_asked_for_as_text(stranger: Browser) -> None:
    async with stranger.http.get("/%3Cscript%3Ealert(1)%3C/script%3E") as response:
        assert response.status == 404
        assert not re.search(r"<script>alert", await response.text())

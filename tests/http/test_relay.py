"""Passes for the TURN server."""

from __future__ import annotations

import base64
import hashlib
import hmac
from pathlib import Path

import pytest

from server.app import CannotStart, Running, running
from server.config import Config
from server.http.relay import LIFETIME_S, Relay
from tests.http.browser import Browser

NOW_S = 1_700_000_000


def test_a_pass_ends_by_itself_and_proves_that_it_is_ours() -> None:
    (server,) = Relay(["turn:turn.example.org:3478"], "secret").servers(NOW_S)
    assert server.urls == ("turn:turn.example.org:3478",)
    until, _, _ = server.username.partition(":")
    assert int(until) == NOW_S + LIFETIME_S
    assert base64.b64decode(server.credential) == hmac.digest(b"secret", server.username.encode(), hashlib.sha1)


def test_no_two_passes_are_alike() -> None:
    relay = Relay(["turn:turn.example.org:3478"], "secret")
    assert relay.servers(NOW_S) != relay.servers(NOW_S)


def test_without_a_turn_server_there_is_no_pass() -> None:
    assert Relay().servers(NOW_S) == ()


async def test_whoever_joins_gets_one(server: Running, teacher: Browser) -> None:
    server.services.relay = Relay(["turn:turn.example.org:3478"], "secret")
    made = await teacher.ok("POST", "/api/classes", {"title": "Biology"})
    joined = await teacher.ok("POST", f"/api/classes/{made['id']}/join", {"name": "Dr. Rivera"})
    assert [set(one) for one in joined["ice"]] == [{"urls", "username", "credential"}]


@pytest.mark.parametrize("content", [None, "", " \n"])
async def test_a_server_with_turn_and_no_secret_does_not_start(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_text(content)
    config = Config(tmp_path / "data", port=0, udp_port=0, turn_urls=("turn:t.example.org",), turn_secret_file=file)
    with pytest.raises(CannotStart, match="TURN secret"):
        async with running(config):
            pass

"""The demo is what a newcomer runs first: it plays its class, and its last line says so."""

from __future__ import annotations

import asyncio
import json
import os
import sys

import pytest

FIGURES = {"publish_seconds", "join_ms_p95", "breakout_move_ms_p95", "tracks", "events", "recording"}


async def test_a_demo_whose_server_does_not_start_says_so_in_its_last_line() -> None:
    demo = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "server", "demo"),
        env=os.environ | {"BICHRON_LOG_LEVEL": "loud"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    said, _ = await demo.communicate()
    told = json.loads(said.decode().splitlines()[-1])
    assert (told["ok"], demo.returncode) == (False, 1)
    assert "did not start" in told["error"]


@pytest.mark.media
async def test_the_demo_ends_with_one_line_that_says_ok() -> None:
    demo = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "server", "demo", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await asyncio.wait_for(demo.communicate(), 200)
    lines = said.decode().splitlines()
    told = json.loads(lines[-1])
    assert (told["ok"], demo.returncode) == (True, 0), lines
    assert told.keys() >= FIGURES
    assert told["publish_seconds"] < 2
    assert told["breakout_move_ms_p95"] < 2_000
    assert told["tracks"] >= 10
    assert told["events"] >= 20

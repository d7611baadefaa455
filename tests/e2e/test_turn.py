"""A participant whose network lets only relayed traffic out gets in through a real TURN server (coturn)."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from server.synthetic.serving import discard, running_server
from tests.e2e.conftest import Invite
from tests.e2e.test_class import create_class, eventually, grows

TURN_PORT = 3478
SECRET = "a secret of both"

RELAY_ONLY = """
() => {
  const Connection = window.RTCPeerConnection;
  const relayed = (config) => ({...config, iceTransportPolicy: 'relay'});
  const configure = Connection.prototype.setConfiguration;
  Connection.prototype.setConfiguration = function (config) { configure.call(this, relayed(config)); };
  window.RTCPeerConnection = function (config) { return new Connection(relayed(config)); };
  window.RTCPeerConnection.prototype = Connection.prototype;
}
"""

PAIR = """
async () => {
  const reports = await window.bichron.pc.getStats();
  for (const pair of reports.values()) {
    if (pair.type === 'candidate-pair' && pair.nominated) return reports.get(pair.localCandidateId)?.candidateType;
  }
}
"""


@asynccontextmanager
async def coturn(folder: Path) -> AsyncIterator[None]:
    """As docker-compose.yml starts it, on loopback."""
    process = await asyncio.create_subprocess_exec(
        *("turnserver", "-n", "--use-auth-secret", f"--static-auth-secret={SECRET}", "--realm=class.example.org"),
        *(f"--listening-port={TURN_PORT}", "--no-cli", "--no-multicast-peers", "--fingerprint", "--log-file=stdout"),
        *("--allowed-peer-ip=127.0.0.1", "--denied-peer-ip=0.0.0.0-255.255.255.255", "--allow-loopback-peers"),
        *("--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1", "--no-tls", "--no-dtls", f"--pidfile={folder / 'pid'}"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    draining: asyncio.Task[None] | None = None
    try:
        async with asyncio.timeout(15):
            while b"Relay ports initialization done" not in (line := await process.stdout.readline()):
                assert line, "coturn ended"
        draining = asyncio.create_task(discard(process.stdout))
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
        if draining is not None:
            await draining


@pytest.mark.skipif(shutil.which("turnserver") is None, reason="needs coturn")
async def test_who_may_only_relay_sees_hears_and_is_seen(invite: Invite, tmp_path: Path) -> None:
    secret = tmp_path / "turn-secret"
    secret.write_text(SECRET)
    options = ("--turn-urls", f"turn:127.0.0.1:{TURN_PORT}", "--turn-secret-file", str(secret))
    async with coturn(tmp_path), running_server(tmp_path / "relayed", options) as server:
        teacher, ana = await invite("Dr. Rivera"), await invite("Ana")
        await ana.page.add_init_script(f"({RELAY_ONLY})()")
        links = await create_class(server, teacher, "Behind a firewall", record=False)
        await teacher.join(links["instructor"])
        await ana.join(links["learner"])
        for person in (ana, teacher):
            await eventually(partial(grows, person, "framesDecoded"), f"{person.name} sees pictures", 20)
            await eventually(partial(grows, person, "audioSamples"), f"{person.name} gets sound")
        assert await ana.evaluate(PAIR) == "relay"
        for person in (ana, teacher):
            await person.context.close()

"""Who may only relay gets in through a real TURN server (coturn): by UDP, by TCP where no datagram gets out, and by TLS
where nothing does but what looks like the web.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from server.synthetic.serving import discard, running_server
from server.tls import self_signed
from tests.e2e.conftest import FLAGS, Invite
from tests.e2e.people import Person
from tests.e2e.test_class import create_class, eventually, grows

TURN_PORT, TURNS_PORT = 3478, 5349
SECRET = "a secret of both"
URLS = {
    "udp": f"turn:localhost:{TURN_PORT}",
    "tcp": f"turn:localhost:{TURN_PORT}?transport=tcp",
    "tls": f"turns:localhost:{TURNS_PORT}?transport=tcp",
}
WAYS = {"udp": (1000, "#ff0000"), "tcp": (1500, "#00ff00"), "tls": (2500, "#0000ff")}
"""How somebody reaches the TURN server, and what he carries."""

RELAY_ONLY = """
(url) => {
  const Connection = window.RTCPeerConnection;
  const only = (config) => ({
    ...config, iceTransportPolicy: 'relay',
    iceServers: config.iceServers.map((server) => ({...server, urls: server.urls.filter((one) => one === url)})),
  });
  window.RTCPeerConnection = function (config) { return new Connection(only(config)); };
  window.RTCPeerConnection.prototype = Connection.prototype;
  const set = Connection.prototype.setConfiguration;
  Connection.prototype.setConfiguration = function (config) { set.call(this, only(config)); };
}
"""

RELAYED_BY = """
async () => {
  const reports = await window.bichron.pc.getStats();
  for (const pair of reports.values()) {
    if (pair.type === 'candidate-pair' && pair.nominated) return reports.get(pair.localCandidateId)?.relayProtocol;
  }
}
"""

pytestmark = pytest.mark.skipif(shutil.which("turnserver") is None, reason="needs coturn")


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    return self_signed(tmp_path / "keys", ["localhost"])


@pytest.fixture
def flags(certificate: tuple[Path, Path]) -> Sequence[str]:
    """Chromium believes this certificate though nobody it knows has signed it."""
    key = x509.load_pem_x509_certificate(certificate[0].read_bytes()).public_key()
    pin = hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()
    return (*FLAGS, f"--ignore-certificate-errors-spki-list={base64.b64encode(pin).decode()}")


@asynccontextmanager
async def coturn(folder: Path, certificate: tuple[Path, Path]) -> AsyncIterator[None]:
    """As docker-compose.yml starts it, on loopback, and with TLS."""
    process = await asyncio.create_subprocess_exec(
        *("turnserver", "-n", "--use-auth-secret", f"--static-auth-secret={SECRET}", "--realm=class.example.org"),
        *(f"--listening-port={TURN_PORT}", "--no-cli", "--no-multicast-peers", "--fingerprint", "--log-file=stdout"),
        *("--allowed-peer-ip=127.0.0.1", "--denied-peer-ip=0.0.0.0-255.255.255.255", "--allow-loopback-peers"),
        *("--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1", "--no-dtls", f"--pidfile={folder / 'pid'}"),
        *(f"--tls-listening-port={TURNS_PORT}", f"--cert={certificate[0]}", f"--pkey={certificate[1]}"),
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


async def shown(viewer: Person, participant: str, colour: str) -> bool:
    """Whether somebody's tile shows this pure colour."""
    pixel = await viewer.colour_of(participant)
    return pixel is not None and all(
        (part > 150) == (colour[at : at + 2] == "ff") for part, at in zip(pixel, (1, 3, 5), strict=True)
    )


async def test_who_may_only_relay_sees_hears_and_is_seen(
    invite: Invite, tmp_path: Path, certificate: tuple[Path, Path]
) -> None:
    secret = tmp_path / "turn-secret"
    secret.write_text(SECRET)
    options = ("--turn-urls", ",".join(URLS.values()), "--turn-secret-file", str(secret))
    async with coturn(tmp_path, certificate), running_server(tmp_path / "relayed", options) as server:
        teacher = await invite("Dr. Rivera")
        links = await create_class(server, teacher, "Behind a firewall", record=False)
        await teacher.join(links["instructor"])
        for way, carries in WAYS.items():
            learner = await invite(way.upper())
            await learner.carry(*carries)
            await learner.page.add_init_script(f"({RELAY_ONLY})({URLS[way]!r})")
            await learner.join(links["learner"])
            who = await learner.participant()
            await eventually(partial(grows, learner, "framesDecoded"), f"who relays by {way} sees pictures", 20)
            await eventually(partial(grows, learner, "audioSamples"), f"who relays by {way} gets sound")
            await eventually(partial(shown, teacher, who, carries[1]), f"who relays by {way} is seen")
            assert await learner.evaluate(RELAYED_BY) == way
            await learner.context.close()
        await teacher.context.close()

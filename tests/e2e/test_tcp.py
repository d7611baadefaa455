"""A network that lets no UDP through: Chromium comes in over ICE-TCP, sees and is seen as others are; a link that is
narrow costs the picture its size, not the call.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pytest

from server.synthetic.serving import Server
from tests.e2e.conftest import FLAGS, Invite
from tests.e2e.people import Person
from tests.e2e.test_class import create_class, eventually, grows
from tests.e2e.weather import media_port
from tests.faults.narrow import narrow

NARROW_BPS = 200_000
WIDE = 640
"""More than the lowest layer has; the top one has 1280, or less on a machine that is busy."""

# The page's own answer with the proxy's port in its TCP candidate.
THROUGH_TCP = """
(port) => {
  const described = RTCPeerConnection.prototype.setRemoteDescription;
  RTCPeerConnection.prototype.setRemoteDescription = function ({type, sdp}) {
    const there = sdp.replace(/^(a=candidate:\\S+ 1 tcp \\d+ \\S+ )\\d+ /gm, `$1${port} `);
    return described.call(this, {type, sdp: there});
  };
}
"""

# Of all ways on which anything came.
PROTOCOLS = """
async () => {
  const reports = await window.bichron.pc.getStats();
  const ways = [...reports.values()].filter((pair) => pair.type === 'candidate-pair' && pair.bytesReceived > 0);
  return [...new Set(ways.map((pair) => reports.get(pair.remoteCandidateId)?.protocol))];
}
"""

WIDTH = '(participant) => document.querySelector(`[data-participant="${participant}"] video`)?.videoWidth ?? 0'


@pytest.fixture
def flags() -> Sequence[str]:
    """Chromium as where a company forbids it UDP."""
    return (*FLAGS, "--webrtc-ip-handling-policy=disable_non_proxied_udp")


async def width(viewer: Person, participant: str) -> int:
    """How wide the picture of somebody is."""
    return int(await viewer.evaluate(WIDTH, participant))


async def test_without_udp_people_see_and_hear_each_other_over_tcp(server: Server, invite: Invite) -> None:
    teacher, ana = await invite("Dr. Rivera"), await invite("Ana")
    await ana.carry(1500, "#00ff00")
    links = await create_class(server, teacher, "Behind a wall", record=False)
    await teacher.join(links["instructor"])
    rivera = await teacher.participant()

    async def wide() -> bool:
        return await width(ana, rivera) >= WIDE

    async def small() -> bool:
        return 0 < await width(ana, rivera) < WIDE

    async with narrow(("127.0.0.1", await media_port(teacher))) as link:
        await ana.page.add_init_script(f"({THROUGH_TCP})({link.port})")
        await ana.join(links["learner"])
        await eventually(wide, "Ana sees the instructor large")
        for person in (ana, teacher):
            await eventually(partial(grows, person, "framesDecoded"), f"{person.name} sees")
            await eventually(partial(grows, person, "audioSamples"), f"{person.name} hears")
            assert await person.evaluate(PROTOCOLS) == ["tcp"]

        link.down_bps = NARROW_BPS
        await eventually(small, "what the link does not carry is not sent", 30)
        await eventually(partial(grows, ana, "framesDecoded"), "the picture goes on")
        link.down_bps = None
        await eventually(wide, "Ana sees the instructor large again", 60)
        assert await ana.negotiations() == 1

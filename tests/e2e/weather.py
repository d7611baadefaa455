"""A bad network between one browser and the server: what is lost both ways is repaired both ways.

Ana's datagrams go through a proxy that throws seeded dice. What she receives shows the repair of what the server sends,
what the instructor (on a good network) receives of hers shows the repair of what she sends. `Residual` is what the
browsers themselves count after all repair.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import NamedTuple

from server.synthetic.serving import Server
from tests.e2e.conftest import Invite
from tests.e2e.people import Person
from tests.e2e.test_class import create_class, eventually, grows
from tests.faults.impairment import Impairment, impaired

# The page's own answer with the proxy's port as its only candidate.
THROUGH = """
(port) => {
  const described = RTCPeerConnection.prototype.setRemoteDescription;
  RTCPeerConnection.prototype.setRemoteDescription = function ({type, sdp}) {
    const there = sdp.replace(/^a=candidate:\\S+ 1 tcp .*\\r\\n/gm, '')
      .replace(/^(a=candidate:\\S+ 1 udp \\d+ \\S+ )\\d+ /gm, `$1${port} `);
    return described.call(this, {type, sdp: there});
  };
}
"""

REPORT = """
async () => {
  const sums = {lost: 0, received: 0, frames: 0};
  for (const report of (await window.bichron.pc.getStats()).values()) {
    if (report.type !== 'inbound-rtp') continue;
    if (report.kind === 'audio') { sums.lost += report.packetsLost; sums.received += report.packetsReceived; }
    else sums.frames += report.framesDecoded ?? 0;
  }
  return sums;
}
"""

# How long one picture stood at the longest, in seconds.
STOOD = """
([participant, seconds]) => new Promise((done) => {
  const video = document.querySelector(`[data-testid="tile"][data-participant="${participant}"] video`);
  const from = performance.now();
  let last = from, longest = 0;
  const shown = () => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
    video.requestVideoFrameCallback(shown);
  };
  video.requestVideoFrameCallback(shown);
  setTimeout(() => done(Math.max(longest, performance.now() - last) / 1000), seconds * 1000);
})
"""


class Residual(NamedTuple):
    """What was missing after all repair: a share of the sound's packets, the longest freeze; and pictures decoded."""

    sound: float
    frozen_s: float
    frames: int


async def media_port(person: Person) -> int:
    """The UDP port the server answered with."""
    answered = "window.bichron.pc?.remoteDescription?.sdp ?? ''"
    await eventually(partial(true, person, answered), f"{person.name} has an answer")
    found = re.search(r"candidate:\S+ 1 udp \d+ \S+ (\d+)", str(await person.evaluate(answered)))
    assert found is not None
    return int(found[1])


async def true(person: Person, expression: str) -> bool:
    """Whether an expression is true in somebody's page."""
    return bool(await person.evaluate(expression))


@asynccontextmanager
async def a_class_through_weather(server: Server, invite: Invite) -> AsyncIterator[tuple[Person, Person, Impairment]]:
    """The instructor on a good network, Ana behind the proxy; both see and hear each other."""
    teacher, ana = await invite("Dr. Rivera"), await invite("Ana")
    await teacher.carry(700, "#ff0000")
    await ana.carry(1500, "#00ff00")
    links = await create_class(server, teacher, "Storm")
    await teacher.join(links["instructor"])
    async with impaired(("127.0.0.1", await media_port(teacher))) as proxy:
        await ana.page.add_init_script(f"({THROUGH})({proxy.port})")
        await ana.join(links["learner"])
        for person in (teacher, ana):
            await eventually(partial(grows, person, "framesDecoded"), f"{person.name} sees")
            await eventually(partial(grows, person, "audioSamples"), f"{person.name} hears")
        assert proxy.counts["up"] > 50
        yield teacher, ana, proxy


async def residual(viewer: Person, watched: str, seconds: float) -> Residual:
    """Watch somebody for a while."""
    before = await viewer.evaluate(REPORT)
    stood_s = float(await viewer.evaluate(STOOD, [watched, seconds]))
    after = await viewer.evaluate(REPORT)
    change = {key: after[key] - before[key] for key in before}
    return Residual(max(0, change["lost"]) / (change["lost"] + change["received"]), stood_s, change["frames"])


async def steady(viewer: Person, watched: str) -> bool:
    """Browsers that have just started are busy with themselves."""
    return float(await viewer.evaluate(STOOD, [watched, 1])) < 0.4

"""Cameras in VP8, VP9 and H.264 in real Chromium: each is shown to whoever can show it, and the others are told."""

from __future__ import annotations

from functools import partial

import pytest
from playwright.async_api import expect

from server.http.frames import MAX_BYTES
from server.synthetic.serving import Server
from tests.e2e.conftest import Invite
from tests.e2e.people import Person
from tests.e2e.test_class import create_class, eventually
from tests.e2e.test_layers import sees

# A browser that knows these video codecs and no others, as a sender or as a receiver.
ONLY = """
([side, names]) => {
  const known = side.getCapabilities.bind(side);
  side.getCapabilities = (kind) => {
    const all = known(kind);
    if (kind !== 'video') return all;
    const wanted = new Set(['video/rtx', ...names.map((name) => `video/${name}`)]);
    return {...all, codecs: all.codecs.filter((codec) => wanted.has(codec.mimeType.toLowerCase()))};
  };
}
"""

# The codec each picture that grows now is received in, by mid.
DECODING = """
async () => {
  const received = async () => [...(await window.bichron.pc.getStats()).values()]
    .filter((report) => report.type === 'inbound-rtp' && report.kind === 'video');
  const before = new Map((await received()).map((report) => [report.id, report.framesDecoded]));
  await new Promise((go) => setTimeout(go, 400));
  const stats = await window.bichron.pc.getStats();
  return (await received()).filter((report) => report.framesDecoded > (before.get(report.id) ?? 0))
    .map((report) => stats.get(report.codecId)?.mimeType.slice(6)).sort().join(' ');
}
"""

SENT = """
async () => [...(await window.bichron.pc.getStats()).values()]
  .filter((report) => report.type === 'outbound-rtp' && report.rid && report.framesSent > 0)
  .map((report) => report.rid).sort().join('')
"""


async def only(person: Person, side: str, *names: str) -> None:
    await person.page.add_init_script(f"({ONLY})([RTCRtp{side}, {list(names)!r}])")


async def decodes(viewer: Person, codecs: str) -> bool:
    return str(await viewer.evaluate(DECODING)) == codecs


async def sends_layers(person: Person, rids: str) -> bool:
    return str(await person.evaluate(SENT)) == rids


async def test_this_chromium_has_the_codecs(invite: Invite) -> None:
    person = await invite("Ana")
    names = await person.evaluate(
        "[...new Set(RTCRtpSender.getCapabilities('video').codecs.map(({mimeType}) => mimeType.slice(6)))]"
    )
    assert {"VP8", "VP9", "H264"} <= set(names)


@pytest.mark.parametrize("codec", ["VP9", "H264"])
async def test_a_camera_that_cannot_be_vp8_is_shown_in_its_layers(server: Server, invite: Invite, codec: str) -> None:
    teacher, ana, bo = await invite("Dr. Rivera"), await invite("Ana"), await invite("Bo")
    await only(teacher, "Sender", codec.lower())
    await only(bo, "Receiver", "vp8")
    links = await create_class(server, teacher, codec)
    await teacher.join(links["instructor"])
    rivera = await teacher.participant()
    await ana.join(links["learner"], devices=())
    await bo.join(links["learner"], devices=())

    await eventually(partial(sees, ana, rivera), "Ana sees the instructor")
    await eventually(partial(decodes, ana, codec), f"Ana gets {codec}")
    await eventually(partial(sends_layers, teacher, "hlm"), "every layer is sent", 20)

    # One frame has to hold the offer of twenty-five lines (server/http/frames.py).
    assert await ana.evaluate("window.bichron.pc.localDescription.sdp.length") < MAX_BYTES * 0.8

    await expect(bo.tile(rivera).get_by_test_id("unplayable")).to_have_text(
        "This browser cannot show Dr. Rivera's camera."
    )
    await expect(bo.tile(rivera).locator("video")).to_have_count(0)
    assert await bo.evaluate(DECODING) == ""


async def test_one_slot_shows_vp8_then_vp9_then_h264(server: Server, invite: Invite) -> None:
    teacher, ana = await invite("Dr. Rivera"), await invite("Ana", width=360, height=740)
    links = await create_class(server, teacher, "Codecs", record=False)
    await teacher.join(links["instructor"], devices=())
    await ana.join(links["learner"], devices=())
    shown: list[str] = []
    for codec, colour in (("vp8", "#ff0000"), ("vp9", "#00ff00"), ("h264", "#0000ff")):
        sender = await invite(codec)
        await sender.carry(1000, colour)
        await only(sender, "Sender", codec)
        await sender.join(links["learner"], devices=("camera",))
        someone = await sender.participant()
        await eventually(partial(sees, ana, someone), f"Ana sees {codec}")
        await eventually(partial(decodes, ana, codec.upper()), f"Ana gets {codec}")
        colours = await ana.colour_of(someone)
        assert colours is not None
        shown.append("rgb"[colours.index(max(colours))])
        await sender.find("leave-button").click()
        await expect(ana.tile(someone)).to_have_count(0)
    assert shown == ["r", "g", "b"]
    mids = await ana.evaluate(
        "[...window.bichron.pc.getTransceivers()].filter((line) => line.receiver.track.kind === 'video').length"
    )
    assert mids == 2 + 9  # its own camera and screen, and the pool
    assert await ana.negotiations() == 1

"""What nobody looks at is not sent: layers of a camera rest and come back, in real Chromium, without a new offer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from functools import partial
from itertools import pairwise

from playwright.async_api import expect

from server.synthetic.serving import Server
from tests.e2e.conftest import Invite
from tests.e2e.people import Person
from tests.e2e.test_class import HEARD_DB, create_class, eventually, grows

SENDING = """
async () => {
  // The rids of the camera that encode now, by what was sent within a moment.
  const sent = async () => new Map([...(await window.bichron.pc.getStats()).values()]
    .filter((report) => report.type === 'outbound-rtp' && report.kind === 'video' && report.rid)
    .map((report) => [report.rid, report.framesSent ?? 0]));
  const before = await sent();
  await new Promise((go) => setTimeout(go, 700));
  const after = await sent();
  return [...after.keys()].filter((rid) => after.get(rid) > (before.get(rid) ?? 0)).sort().join('');
}
"""

ENLARGE = """
async ([participant, least]) => {
  // Pin somebody and say how many milliseconds it takes until the picture is that wide.
  const tile = document.querySelector(`[data-testid="tile"][data-participant="${participant}"]`);
  const began = performance.now();
  tile.dispatchEvent(new MouseEvent('dblclick', {bubbles: true}));
  while (performance.now() - began < 10000) {
    const video = document.querySelector(`[data-testid="tile"][data-participant="${participant}"] video`);
    if (video && video.videoWidth >= least) return performance.now() - began;
    await new Promise((go) => setTimeout(go, 10));
  }
  return Infinity;
}
"""

FRAMES = """
// Write down every encoded picture that passes: which stream it is of, a hash of its bytes, whether a keyframe.
const frames = [];
onrtctransform = ({transformer}) => {
  void transformer.readable.pipeThrough(new TransformStream({
    transform(frame, controller) {
      let hash = 2166136261;
      for (const byte of new Uint8Array(frame.data)) hash = Math.imul(hash ^ byte, 16777619);
      const {synchronizationSource} = frame.getMetadata();
      frames.push([synchronizationSource, `${hash}/${frame.data.byteLength}`, frame.type === 'key']);
      controller.enqueue(frame);
    },
  })).pipeTo(transformer.writable);
};
onmessage = () => postMessage(frames);
"""

WATCH_FRAMES = """
(program) => {
  // From the beginning; a line that has begun to flow takes no transform any more.
  const worker = new Worker(URL.createObjectURL(new Blob([program], {type: 'text/javascript'})));
  const plain = RTCPeerConnection.prototype.addTransceiver;
  RTCPeerConnection.prototype.addTransceiver = function (kind, options) {
    const line = plain.call(this, kind, options);
    if (options.sendEncodings?.length === 3) line.sender.transform = new RTCRtpScriptTransform(worker, {});
    else if (kind === 'video') line.receiver.transform = new RTCRtpScriptTransform(worker, {});
    return line;
  };
  window.passed = () => new Promise((done) => {
    worker.onmessage = ({data}) => done(data);
    worker.postMessage(null);
  });
}
"""

PICTURES_ASKED_FOR = """
// A browser that cannot go on asks for a keyframe.
async () => [...(await window.bichron.pc.getStats()).values()]
  .reduce((sum, report) => sum + (report.type === 'inbound-rtp' ? report.pliCount ?? 0 : 0), 0)
"""

Passed = tuple[int, str, bool]
"""One encoded picture: its SSRC, its bytes in short, whether it is a keyframe."""

WIDE = 640
"""More than a thumbnail has; the top layer has 1280, or 960 on a machine that is busy."""


def missing_at_switches(sent: Sequence[Passed], arrived: Sequence[Passed]) -> list[int]:
    """How many pictures of the old layer are missing before the first one of the new layer, for each switch.

    It does not matter how fast anybody is: until the camera sent the keyframe of the new layer, what it sent of the old
    one must have come. One may miss its last packets, which the pacer of the browser sends after the keyframe's first.
    """
    places = {picture: place for place, (_, picture, _) in enumerate(sent)}
    shown = [places[picture] for _, picture, _ in arrived if picture in places]
    switches = []
    for last, first in pairwise(shown):
        layer, new_layer, is_keyframe = sent[last][0], sent[first][0], sent[first][2]
        if layer != new_layer:
            assert is_keyframe
            switches.append(sum(ssrc == layer for ssrc, _, _ in sent[last + 1 : first]))
    return switches


async def sends(person: Person, rids: str) -> bool:
    return str(await person.evaluate(SENDING)) == rids


async def test_a_camera_shown_small_rests_its_large_layers_and_is_large_again_at_once(
    server: Server, invite: Invite
) -> None:
    teacher, ana = await invite("Dr. Rivera", instrumented=True), await invite("Ana", instrumented=True)
    for person in (teacher, ana):
        await person.page.add_init_script(f"({WATCH_FRAMES})({json.dumps(FRAMES)})")
    links = await create_class(server, teacher, "Optics", record=False)
    await teacher.join(links["instructor"])
    await ana.join(links["learner"], devices=())
    rivera, myself = await teacher.participant(), await ana.participant()
    await eventually(partial(sends, teacher, "hlm"), "all layers are sent while Ana sees the instructor large", 20)
    before = [len(await person.evaluate("window.passed()")) for person in (teacher, ana)]
    asked_before = await ana.evaluate(PICTURES_ASKED_FOR)

    async def shrink() -> None:
        await ana.tile(myself).dblclick()  # her own tile is the large one now
        await eventually(partial(sends, teacher, "l"), "only the thumbnail's layer is sent")

    took_ms = []
    for _ in range(3):
        await shrink()
        await asyncio.sleep(1)  # the picture goes on, small
        took_ms.append(float(await ana.evaluate(ENLARGE, [rivera, WIDE])))
        await eventually(partial(sends, teacher, "hlm"), "all layers are sent again", 20)
    assert max(took_ms) < 1_500, took_ms
    assert await ana.evaluate(PICTURES_ASKED_FOR) == asked_before
    arrived, sent = [(await person.evaluate("window.passed()")) for person in (ana, teacher)]
    switches = missing_at_switches(sent[before[0] :], arrived[before[1] :])
    assert len(switches) >= 6
    assert max(switches) <= 1, switches
    assert await teacher.negotiations() == 1

    # With nobody else in the class there is nobody to send to.
    await ana.find("leave-button").click()
    await eventually(partial(sends, teacher, ""), "nothing is sent to nobody")
    bo = await invite("Bo")
    await bo.join(links["learner"], devices=())
    await eventually(partial(sees, bo, rivera), "Bo sees the instructor")


async def sees(person: Person, participant: str) -> bool:
    video = person.tile(participant).locator("video").first
    return await video.count() > 0 and await video.evaluate("(video) => video.videoWidth") > 0


async def test_who_saves_data_hears_the_class_but_gets_no_videos(server: Server, invite: Invite) -> None:
    teacher, ana = await invite("Dr. Rivera"), await invite("Ana", width=360, height=740)
    await teacher.carry(700, "#ff0000")
    links = await create_class(server, teacher, "Far away", record=False)
    await teacher.join(links["instructor"])
    await ana.join(links["learner"], devices=())
    rivera = await teacher.participant()
    await eventually(partial(sees, ana, rivera), "Ana sees the instructor")

    await ana.find("more-button").click()
    await ana.find("save-data").click()
    await expect(ana.find("saving-data")).to_be_visible()
    await expect(ana.tile(rivera).locator("video")).to_have_count(0)
    await eventually(partial(sends, teacher, ""), "the camera rests")
    assert await grows(ana, "audioSamples")
    await eventually(partial(hears, ana, 700), "Ana hears the instructor")

    await ana.find("saving-data").click()
    await eventually(partial(sees, ana, rivera), "Ana sees the instructor again")
    assert await ana.negotiations() == 1


async def hears(person: Person, hz: int) -> bool:
    return await person.hears(hz) > HEARD_DB


async def test_who_saves_data_sees_a_shared_screen_in_stills(server: Server, invite: Invite) -> None:
    teacher, ana = await invite("Dr. Rivera"), await invite("Ana", width=360, height=740)
    links = await create_class(server, teacher, "Slides", record=False)
    await teacher.join(links["instructor"], devices=())
    await ana.join(links["learner"], devices=())
    await ana.find("more-button").click()
    await ana.find("save-data").click()
    await teacher.find("share-button").click()
    rivera = await teacher.participant()
    shown = ana.page.locator(f'[data-testid="tile"][data-participant="{rivera}"][data-source="screen"]')

    async def width() -> float:
        return float(await shown.locator("video").evaluate("video => video.videoWidth"))

    async def wide() -> bool:
        return await shown.locator("video").count() > 0 and await width() >= WIDE

    await eventually(wide, "Ana sees the screen in full size", 20)
    await expect(shown.get_by_test_id("stills")).to_have_text("Still pictures every few seconds to save data")
    await ana.find("saving-data").click()
    await expect(shown.get_by_test_id("stills")).to_have_count(0)
    await eventually(partial(grows, ana, "framesDecoded"), "the screen is live again", 20)
    assert await ana.negotiations() == 1

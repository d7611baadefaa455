"""What a shared screen costs a viewer who saves data, beside the same screen live, in Chromium.

    tools/netns .venv/bin/python -m bench.stills

Two screens of 1920 x 1080: slides of text, a new one every 20 s and a blinking cursor on them, and text that scrolls
all the time. The viewer's browser counts what it receives, live first, then saving data. The last line is one JSON
object.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

from playwright.async_api import async_playwright

from server.synthetic.serving import start_server
from tests.e2e.conftest import CHROMIUM, FLAGS
from tests.e2e.people import Person
from tests.e2e.test_class import create_class, eventually, grows

SECONDS = 60
SETTLING_S = 6

SCREEN = """
(kind) => {
  const canvas = document.createElement('canvas');
  canvas.width = 1920; canvas.height = 1080;
  const pen = canvas.getContext('2d');
  const words = 'The mitochondrion is the powerhouse of the cell and makes most of its supply of adenosine'.split(' ');
  let seed = 1;
  const dice = () => (seed = seed * 16807 % 2147483647) / 2147483647;
  const line = () => Array.from({length: 14}, () => words[Math.floor(dice() * words.length)]).join(' ');
  let lines = Array.from({length: 24}, line), offset = 0, n = 0;
  const draw = () => {
    pen.fillStyle = '#fff'; pen.fillRect(0, 0, 1920, 1080);
    pen.fillStyle = '#222'; pen.font = '28px sans-serif';
    lines.forEach((text, row) => pen.fillText(text, 60, 60 + row * 40 - offset));
  };
  setInterval(() => {
    n += 1;
    if (kind === 'slides' && n % 300 === 0) { lines = lines.map(line); draw(); }
    if (kind === 'scroll') {
      offset = (offset + 4) % 40;
      if (offset === 0) { lines.shift(); lines.push(line()); }
      draw();
    }
    if (n % 8 === 0) { pen.fillStyle = n % 16 ? '#fff' : '#222'; pen.fillRect(1800, 1000, 2, 28); }
  }, 66);
  draw();
  navigator.mediaDevices.getDisplayMedia = async () => canvas.captureStream(15);
}
"""

RECEIVED = """
async () => {
  const sums = {bytes: 0, stills: 0, width: 0};
  for (const report of (await window.bichron.pc.getStats()).values()) {
    if (report.type !== 'inbound-rtp' || report.kind !== 'video') continue;
    sums.bytes += report.bytesReceived + report.headerBytesReceived;
    sums.stills += report.keyFramesDecoded ?? 0;
    sums.width = Math.max(sums.width, report.frameWidth ?? 0);
  }
  return sums;
}
"""


async def received(viewer: Person) -> dict[str, float]:
    """Over a minute: kilobytes, keyframes, and how wide the picture is."""
    before = await viewer.evaluate(RECEIVED)
    await asyncio.sleep(SECONDS)
    after = await viewer.evaluate(RECEIVED)
    change = {key: (after[key] - before[key]) * 60 / SECONDS for key in ("bytes", "stills")}
    return {"kB": round(change["bytes"] / 1000), "stills": round(change["stills"]), "width": after["width"]}


async def measure(kind: str) -> dict[str, object]:
    async with AsyncExitStack() as stack:
        server = await start_server(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        stack.push_async_callback(server.stop)
        playwright = await stack.enter_async_context(async_playwright())
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        stack.push_async_callback(browser.close)
        people = []
        for name in ("Teacher", "Ana"):
            context = await browser.new_context(permissions=["camera", "microphone"])
            people.append(Person(context, await context.new_page(), name))
        teacher, ana = people
        await teacher.page.add_init_script(f"({SCREEN})({kind!r})")
        links = await create_class(server, teacher, "Slides", record=False)
        await teacher.join(links["instructor"], devices=())
        await ana.join(links["learner"], devices=())
        await teacher.find("share-button").click()
        await eventually(partial(grows, ana, "framesDecoded"), "Ana sees the screen", 30)
        await asyncio.sleep(SETTLING_S)
        live = await received(ana)
        await ana.find("more-button").click()
        await ana.find("save-data").click()
        await asyncio.sleep(SETTLING_S)
        saving = await received(ana)
    return {"screen": kind, "live": live, "saving": saving, "ratio": round(saving["kB"] / live["kB"], 2)}


async def main() -> None:
    rows = [await measure(kind) for kind in ("slides", "scroll")]
    print(json.dumps({"bench": "stills", "rows": rows}))


if __name__ == "__main__":
    asyncio.run(main())

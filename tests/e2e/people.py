"""People in browsers: Chromium pages driven as somebody would, each with a voice and a colour of its own.

`Person` finds controls by their stable test ids. The camera and the microphone are either Chromium's fake devices or,
when a test must tell people apart in decoded media, a canvas of one colour and an oscillator of one pitch; encoding,
transport and decoding are the browser's own in both cases.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from playwright.async_api import BrowserContext, Locator, Page, expect

MARKED_DEVICES = """
([hz, colour]) => {
  const picture = () => {
    const canvas = document.createElement('canvas');
    canvas.width = 320; canvas.height = 180;
    const pen = canvas.getContext('2d');
    let n = 0;
    setInterval(() => {
      pen.fillStyle = colour; pen.fillRect(0, 0, 320, 180);
      pen.fillStyle = '#fff'; pen.fillRect(n++ * 7 % 320, 160, 10, 20);
    }, 66);
    return canvas.captureStream(15).getVideoTracks();
  };
  const sound = () => {
    const context = new AudioContext();
    const tone = context.createOscillator();
    tone.frequency.value = hz;
    const out = context.createMediaStreamDestination();
    tone.connect(out); tone.start();
    return out.stream.getAudioTracks();
  };
  navigator.mediaDevices.getUserMedia = async (wanted) => new MediaStream([
    ...(wanted.audio ? sound() : []), ...(wanted.video ? picture() : []),
  ]);
}
"""

HEARD = """
(hz) => {
  // The loudest of all audio elements at a pitch, in dB. One analyser an element, made on first use.
  const page = window;
  page.listening ??= {context: new AudioContext(), nodes: new Map()};
  const {context, nodes} = page.listening;
  void context.resume();
  let loudest = -200;
  for (const element of document.querySelectorAll('audio')) {
    if (!element.srcObject || element.srcObject.getAudioTracks().length === 0) continue;
    if (!nodes.has(element.srcObject)) {
      const analyser = context.createAnalyser();
      analyser.fftSize = 4096; analyser.smoothingTimeConstant = 0;
      context.createMediaStreamSource(element.srcObject).connect(analyser);
      nodes.set(element.srcObject, analyser);
    }
    const analyser = nodes.get(element.srcObject);
    const bins = new Float32Array(analyser.frequencyBinCount);
    analyser.getFloatFrequencyData(bins);
    const at = Math.round(hz * analyser.fftSize / context.sampleRate);
    loudest = Math.max(loudest, ...bins.slice(at - 2, at + 3));
  }
  return loudest;
}
"""

COLOUR = """
(video) => {
  if (video.videoWidth === 0) return null;
  const canvas = document.createElement('canvas');
  canvas.width = 32; canvas.height = 18;
  const pen = canvas.getContext('2d');
  pen.drawImage(video, 0, 0, 32, 18);
  const [r, g, b] = pen.getImageData(16, 6, 1, 1).data;
  return [r, g, b];
}
"""

RECEIVED = """
async () => {
  const sums = {framesDecoded: 0, freezeCount: 0, audioSamples: 0};
  for (const report of (await window.bichron.pc.getStats()).values()) {
    if (report.type !== 'inbound-rtp') continue;
    sums.framesDecoded += report.framesDecoded ?? 0;
    sums.freezeCount += report.freezeCount ?? 0;
    sums.audioSamples += report.totalSamplesReceived ?? 0;
  }
  return sums;
}
"""


class Person:
    """Somebody at a browser."""

    def __init__(self, context: BrowserContext, page: Page, name: str) -> None:
        self.context = context
        self.page = page
        self.name = name
        self.complaints: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)

    def find(self, test_id: str) -> Locator:
        return self.page.get_by_test_id(test_id)

    async def carry(self, hz: int, colour: str) -> None:
        """Use a microphone of one pitch and a camera of one colour. Call before the first page."""
        await self.page.add_init_script(f"({MARKED_DEVICES})([{hz}, {colour!r}])")

    async def join(self, url: str, devices: Sequence[str] = ("mic", "camera")) -> None:
        """Go through the join page and into the class, with the named devices on."""
        await self.page.goto(url)
        name = self.find("join-name")
        if await name.is_visible() and not await name.input_value():
            await name.fill(self.name)
        await self.find("join-button").click()
        await expect(self.find("leave-button")).to_be_visible()
        for device in ("mic", "camera"):
            button = self.find(f"{device}-button")
            if (await button.get_attribute("aria-pressed") == "true") != (device in devices):
                await button.click()

    async def open(self, panel: str) -> None:
        """Show a panel: people, chat, polls or breakouts. A phone has most of them under "More"."""
        if not await self.find(f"panel-{panel}").is_visible():
            await self.page.keyboard.press("Escape")  # an open sheet covers the toolbar
            if not await self.find(f"panel-{panel}").is_visible():
                await self.find("more-button").click()
        await self.find(f"panel-{panel}").click()

    async def chat(self, text: str) -> None:
        if not await self.find("chat-input").is_visible():
            await self.open("chat")
        await self.find("chat-input").fill(text)
        await self.find("chat-input").press("Enter")

    def message(self, text: str) -> Locator:
        return self.find("chat-message").filter(has_text=text)

    def tile(self, participant: str) -> Locator:
        return self.page.locator(f'[data-testid="tile"][data-participant="{participant}"]')

    async def participant(self) -> str:
        """One's own participant id."""
        return str(await self.page.evaluate("window.bichron.participant"))

    async def received(self) -> dict[str, int]:
        """Sums over all receiving lines: framesDecoded, freezeCount, audioSamples."""
        sums: dict[str, int] = await self.page.evaluate(RECEIVED)
        return sums

    async def negotiations(self) -> int:
        return int(await self.page.evaluate("window.bichron.negotiations"))

    async def hears(self, hz: int) -> float:
        """How loud a pitch is in what the browser plays, in dB; silence is below -90."""
        return float(await self.page.evaluate(HEARD, hz))

    async def colour_of(self, participant: str) -> list[int] | None:
        """The colour somebody's tile shows, as decoded (RGB), or None without a picture."""
        video = self.tile(participant).locator("video").first
        if await video.count() == 0:
            return None
        colour: list[int] | None = await video.evaluate(COLOUR)
        return colour

    def forgive(self, *fragments: str) -> None:
        """Forget complaints of the browser that a test brought about on purpose."""
        self.complaints = [said for said in self.complaints if not any(part in said for part in fragments)]

    async def screenshot(self, path: str) -> None:
        await self.page.screenshot(path=path)

    async def evaluate(self, script: str, argument: object = None) -> Any:
        return await self.page.evaluate(script, argument)

"""Lip sync as a viewer has it: when a flash is on the screen, and when the click that went with it is to be heard.

The devices of `CLAPPER` flash a canvas and click an oscillator in the same moment, at odd intervals, so that a flash is
not taken for the one before. `WATCH` lets a page note each flash it shows (`requestVideoFrameCallback`) and each click
it plays (the decoded samples at the moment they are taken for playing, and what the loudspeaker needs after that).

A browser is not exact itself: canvas and oscillator do not start in the same instant, and it keeps its own streams in
step to a few tens of ms. So a clapper may also be connected to itself, and be watched in the very same way.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from tests.e2e.people import Person

APART_MS = 400
"""A click that is further from a flash is not its own: flashes are 800 ms apart at the least. So what looks like
another one sooner is the same, in the element that shows somebody from now on.
"""

# Chromium's AudioData carries when its samples were taken for playing, by the clock of performance.now() but from
# another origin: the origin is the least difference seen when data comes.
WATCH = """
() => {
  const seen = window.seen = {flashes: [], clicks: []};
  const flashes = (video, who) => {
    const pen = new OffscreenCanvas(4, 4).getContext('2d', {willReadFrequently: true});
    let was = true;
    const look = (now, frame) => {
      pen.drawImage(video, 0, 0, 4, 4);
      const lit = Math.min(...pen.getImageData(2, 1, 1, 1).data) > 128;
      if (lit && !was) seen.flashes.push({at: frame.expectedDisplayTime, who: who()});
      was = lit;
      video.requestVideoFrameCallback(look);
    };
    video.requestVideoFrameCallback(look);
  };
  const clicks = async (track, lateMs) => {
    const reader = new MediaStreamTrackProcessor({track}).readable.getReader();
    let origin = Infinity, quiet = 0;
    for (;;) {
      const {done, value} = await reader.read();
      if (done) return;
      origin = Math.min(origin, performance.now() - value.timestamp / 1000);
      const samples = new Float32Array(value.numberOfFrames);
      value.copyTo(samples, {planeIndex: 0, format: 'f32-planar'});
      samples.forEach((sample, n) => {
        if (Math.abs(sample) < 0.1) return void (quiet += 1);
        const at = value.timestamp / 1000 + origin + n * 1000 / value.sampleRate;
        if (quiet > value.sampleRate / 5) seen.clicks.push(at + lateMs());
        quiet = 0;
      });
      value.close();
    }
  };
  const loudspeaker = (connection) => {
    let ms = 0, before = {totalPlayoutDelay: 0, totalSamplesCount: 0};
    setInterval(async () => {
      for (const now of (await connection().getStats()).values()) {
        if (now.type !== 'media-playout' || now.totalSamplesCount === before.totalSamplesCount) continue;
        const samples = now.totalSamplesCount - before.totalSamplesCount;
        ms = 1000 * (now.totalPlayoutDelay - before.totalPlayoutDelay) / samples;
        before = now;
      }
    }, 1000);
    return () => ms;
  };
  window.observe = {flashes, clicks, loudspeaker};
}
"""

CLAPPER = """
([hz, colour, withLoop]) => {
  const GAPS_MS = [800, 1000, 1300], FLASH_MS = 150, CLICK_S = 0.1;
  const make = () => {
    const canvas = document.createElement('canvas');
    canvas.width = 320; canvas.height = 180;
    const pen = canvas.getContext('2d');
    let lit = false, n = 0;
    const draw = () => {
      pen.fillStyle = lit ? '#fff' : colour; pen.fillRect(0, 0, 320, 180);
      pen.fillStyle = '#888'; pen.fillRect(n++ * 7 % 320, 160, 10, 20);
    };
    setInterval(draw, 40);
    const context = new AudioContext();
    const tone = new OscillatorNode(context, {frequency: hz});
    const gate = new GainNode(context, {gain: 0});
    const out = context.createMediaStreamDestination();
    tone.connect(gate).connect(out); tone.start();
    const clap = (count) => {
      lit = true; draw();
      gate.gain.setValueAtTime(1, context.currentTime);
      gate.gain.setValueAtTime(0, context.currentTime + CLICK_S);
      setTimeout(() => { lit = false; draw(); }, FLASH_MS);
      setTimeout(clap, GAPS_MS[count % GAPS_MS.length], count + 1);
    };
    clap(0);
    return [out.stream.getAudioTracks()[0], canvas.captureStream(30).getVideoTracks()[0]];
  };
  const loop = async (tracks) => {
    const [one, two] = [new RTCPeerConnection(), new RTCPeerConnection()];
    one.onicecandidate = ({candidate}) => candidate && two.addIceCandidate(candidate);
    two.onicecandidate = ({candidate}) => candidate && one.addIceCandidate(candidate);
    two.ontrack = ({track}) => {
      const element = document.createElement(track.kind);
      element.srcObject = new MediaStream([track]);
      element.autoplay = true; element.muted = track.kind === 'video';
      element.style.cssText = 'position: fixed; inset: 0 auto auto 0; width: 8px; height: 8px; z-index: 9999';
      document.body.append(element);
      if (track.kind === 'video') observe.flashes(element, () => 'loop');
      else void observe.clicks(track, observe.loudspeaker(() => two));
    };
    const together = new MediaStream(tracks);
    for (const track of tracks) one.addTrack(track, together);
    await one.setLocalDescription(); await two.setRemoteDescription(one.localDescription);
    await two.setLocalDescription(); await one.setRemoteDescription(two.localDescription);
  };
  let tracks = null;
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    if (!tracks) { tracks = make(); if (withLoop) void loop(tracks); }
    return new MediaStream(tracks.filter((track) => wanted[track.kind]).map((track) => track.clone()));
  };
}
"""

# Every tile's picture and every line's sound, also of those that come later.
VIEW = """
() => {
  const known = new WeakSet(), lateMs = observe.loudspeaker(() => window.bichron.pc);
  const isNew = (one) => one && !known.has(one) && known.add(one);
  setInterval(() => {
    for (const video of document.querySelectorAll('[data-testid=tile] video')) {
      if (isNew(video)) observe.flashes(video, () => video.closest('[data-testid=tile]')?.dataset.participant ?? '');
    }
    for (const {srcObject} of document.querySelectorAll('audio')) {
      const track = srcObject?.getAudioTracks()[0];
      if (isNew(track)) void observe.clicks(track, lateMs);
    }
  }, 50);
}
"""


class Clap(NamedTuple):
    """A flash on somebody's tile at a moment of the page's clock; `late_ms` is how much later its click was heard."""

    at_ms: float
    who: str
    late_ms: float


class Heard(NamedTuple):
    """What a page has shown and played so far. `missed` flashes had no click anywhere near."""

    claps: list[Clap]
    missed: int

    def lates(self, who: Iterable[str]) -> list[float]:
        return [clap.late_ms for clap in self.claps if clap.who in who]


async def carry_clapper(person: Person, hz: int, colour: str, *, with_loop: bool = False) -> None:
    """Flash and click from now on. Call before the first page. `colour` must be dark."""
    await person.page.add_init_script(f"({WATCH})()")
    await person.page.add_init_script(f"({CLAPPER})([{hz}, {colour!r}, {str(with_loop).lower()}])")


async def start_watching(person: Person) -> None:
    """Note what this page shows and plays of the class; it is in it already."""
    await person.evaluate(WATCH)
    await person.evaluate(VIEW)


async def heard(person: Person) -> Heard:
    """All flashes so far but the last, whose click may be on its way."""
    seen = await person.evaluate("window.seen")
    return pair(seen["flashes"][:-1], seen["clicks"])


def pair(flashes: Sequence[dict[str, Any]], clicks: Sequence[float]) -> Heard:
    claps: list[Clap] = []
    lit_ms: dict[str, float] = {}
    missed = 0
    for flash in flashes:
        again = flash["at"] - lit_ms.get(flash["who"], -APART_MS) < APART_MS
        lit_ms[flash["who"]] = flash["at"]
        if again:
            continue
        late_ms = min((click - flash["at"] for click in clicks), key=abs, default=float("inf"))
        if abs(late_ms) < APART_MS:
            claps.append(Clap(flash["at"], flash["who"], late_ms))
        else:
            missed += 1
    return Heard(claps, missed)

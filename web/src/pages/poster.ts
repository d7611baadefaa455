/** A picture from each recording for its card: one cluster of its most telling track is fetched, one frame of it painted.
 *  Cards out of sight fetch nothing; one at a time; whatever fails leaves the card's colours as they are. */
import { Api, type Manifest, type Track } from "../player/api";
import { entryPoint } from "../player/ranges";

/** Not the first moment: people are still arriving. */
const INTO = 0.3;
const WAIT_MS = 5_000;
const WIDTH_PX = 640;

export function showPosters(posters: readonly HTMLElement[]): void {
  if (!("MediaSource" in window)) return;
  let line: Promise<void> = Promise.resolve();
  const watch = new IntersectionObserver((seen) => {
    for (const { target, isIntersecting } of seen) {
      if (!isIntersecting || !(target instanceof HTMLElement)) continue;
      watch.unobserve(target);
      line = line.then(() => paint(target).catch(() => {}));
    }
  });
  for (const poster of posters) watch.observe(poster);
}

/** The track and the place in it (ms from its own start) that show most of a recording; null without pictures. */
export function tellingMoment(manifest: Pick<Manifest, "duration_ms" | "tracks">): { track: Track; at_ms: number } | null {
  const rank = (track: Track) => (track.source === "screen" ? 2 : 1);
  const goal_ms = manifest.duration_ms * INTO;
  const pictures = manifest.tracks.filter((track) => track.kind === "video" && track.room === "main" && track.duration_ms > 0);
  const best = pictures.sort((a, b) => rank(b) - rank(a) || b.duration_ms - a.duration_ms)[0];
  if (!best) return null;
  return { track: best, at_ms: Math.max(0, Math.min(goal_ms - best.offset_ms, best.duration_ms * 0.9)) };
}

async function paint(poster: HTMLElement): Promise<void> {
  const api = new Api(poster.dataset.poster ?? "");
  const found = tellingMoment(await api.manifest());
  if (!found) return;
  const { track, at_ms } = found;
  const type = `video/webm; codecs="${track.codec}"`;
  const index = await api.index(track.n);
  const cluster = index.clusters[entryPoint(index.clusters, at_ms)];
  if (!cluster || !MediaSource.isTypeSupported(type)) return;
  const stop = AbortSignal.timeout(WAIT_MS);
  const [init, media] = await Promise.all([api.bytes(track.n, ...index.init, stop), api.bytes(track.n, cluster[1], cluster[1] + cluster[2], stop)]);

  const video = document.createElement("video");
  video.muted = true;
  const source = new MediaSource();
  const url = URL.createObjectURL(source);
  try {
    const opened = once(source, "sourceopen");
    video.src = url;
    await opened;
    const buffer = source.addSourceBuffer(type);
    for (const bytes of [init, media]) {
      const done = once(buffer, "updateend");
      buffer.appendBuffer(bytes);
      await done;
    }
    const shown = once(video, "seeked");
    video.currentTime = Math.max(at_ms, cluster[0] + 1) / 1000;
    await shown;
    poster.prepend(still(video));
  } finally {
    video.removeAttribute("src");
    video.load();
    URL.revokeObjectURL(url);
  }
}

function still(video: HTMLVideoElement): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = Math.min(WIDTH_PX, video.videoWidth);
  canvas.height = Math.round((canvas.width * video.videoHeight) / video.videoWidth);
  canvas.getContext("2d")?.drawImage(video, 0, 0, canvas.width, canvas.height);
  return canvas;
}

function once(target: EventTarget, event: string): Promise<void> {
  return new Promise((resolve, reject) => {
    target.addEventListener(event, () => resolve(), { once: true });
    setTimeout(() => reject(new Error(`no ${event}`)), WAIT_MS);
  });
}

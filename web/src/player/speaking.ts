/** Who speaks, read from the sizes of the sound's clusters: Opus spends bytes on voices and hardly any on silence, so
 *  nothing needs decoding and a jump knows at once. Two seconds coarse. Pure. */
import type { Track, TrackIndex } from "./api";
import { clusterAt } from "./ranges";

/** Below this many bytes per second a microphone carries noise at best (silence is about 400, speech above 2,000). */
const VOICE_BYTES_PER_S = 1_400;
/** Someone else must be this much louder to take the place of who speaks. */
const TAKES_OVER = 1.3;

export interface Microphone {
  track: Track;
  index: TrackIndex;
}

export function bytesPerSecond({ track, index }: Microphone, at_ms: number): number {
  const place = clusterAt(index.clusters, at_ms - track.offset_ms);
  const cluster = index.clusters[place];
  if (!cluster) return 0;
  const next = index.clusters[place + 1];
  const length_ms = next ? next[0] - cluster[0] : track.duration_ms - cluster[0];
  return length_ms > 0 ? (cluster[2] / length_ms) * 1000 : 0;
}

/** The participant who speaks at a moment; `before` keeps the place unless someone is clearly louder. */
export function speakerAt(microphones: readonly Microphone[], at_ms: number, before: string | null): string | null {
  let best: string | null = null;
  let most = VOICE_BYTES_PER_S;
  for (const microphone of microphones) {
    const amount = bytesPerSecond(microphone, at_ms) * (microphone.track.participant === before ? TAKES_OVER : 1);
    if (amount > most) {
      most = amount;
      best = microphone.track.participant;
    }
  }
  return best;
}

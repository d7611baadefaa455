/**
 * How loud a microphone is, 0 to 1, as a signal for a meter or a ring.
 *
 * It listens to a clone of the track, so it also hears a muted one: that is how "You are muted" is known. Speech is
 * drawn on a decibel scale from -60 (silence) to -10 (loud).
 */

import { signal } from "@preact/signals";

const FLOOR_DB = -60;
const CEILING_DB = -10;
const READ_EVERY_MS = 60;

let context: AudioContext | null = null;

/** One AudioContext for the page: browsers allow only a few. Null where there is none. */
function sharedContext(): AudioContext | null {
  if (typeof AudioContext === "undefined") return null;
  context ??= new AudioContext();
  return context;
}

export class Meter {
  readonly level = signal(0);
  private stopReading: (() => void) | null = null;

  listenTo(track: MediaStreamTrack | null): void {
    this.stopReading?.();
    this.stopReading = null;
    this.level.value = 0;
    const audio = track === null ? null : sharedContext();
    if (track === null || audio === null) return;
    void audio.resume();
    const clone = track.clone();
    clone.enabled = true;
    const source = audio.createMediaStreamSource(new MediaStream([clone]));
    const analyser = audio.createAnalyser();
    analyser.fftSize = 1024;
    source.connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    const timer = window.setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      const next = loudness(samples);
      // Fall slowly, so that the eye can follow; and leave the signal alone while nothing changes.
      const shown = next > this.level.value ? next : Math.max(next, this.level.value - 0.06);
      this.level.value = Math.round(shown * 50) / 50;
    }, READ_EVERY_MS);
    this.stopReading = () => {
      window.clearInterval(timer);
      source.disconnect();
      clone.stop();
    };
  }
}

/** Root mean square of the samples on the scale above, 0 to 1. */
export function loudness(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  const rms = Math.sqrt(sum / Math.max(1, samples.length));
  if (rms === 0) return 0;
  const db = 20 * Math.log10(rms);
  return Math.min(1, Math.max(0, (db - FLOOR_DB) / (CEILING_DB - FLOOR_DB)));
}

/** The one media clock: where playback is, as a pure value of the time that has passed. Everything else follows it:
 *  every <audio> and <video>, and the replay of chat, hands and polls. `at` is performance.now(), in ms. */

export interface Clock {
  /** The person wants it to run. */
  readonly playing: boolean;
  /** It waits for media meanwhile. */
  readonly stalled: boolean;
  readonly rate: number;
  /** Where it was at `since`. */
  readonly anchor_ms: number;
  readonly since: number;
  /** Counts jumps, so that followers know when to jump too. */
  readonly jumps: number;
}

export const SLOWEST = 0.5;
export const FASTEST = 2;
export const RATES = [0.5, 0.75, 1, 1.25, 1.5, 1.75, 2] as const;

export function startClock(position_ms: number, at: number): Clock {
  return { playing: false, stalled: false, rate: 1, anchor_ms: position_ms, since: at, jumps: 0 };
}

export function isRunning(clock: Clock): boolean {
  return clock.playing && !clock.stalled;
}

/** Never beyond `end_ms`. */
export function positionOf(clock: Clock, at: number, end_ms: number): number {
  const run = isRunning(clock) ? Math.max(0, at - clock.since) * clock.rate : 0;
  return Math.max(0, Math.min(end_ms, clock.anchor_ms + run));
}

export function play(clock: Clock, at: number, end_ms: number): Clock {
  return clock.playing ? clock : { ...hold(clock, at, end_ms), playing: true };
}

export function pause(clock: Clock, at: number, end_ms: number): Clock {
  return clock.playing ? { ...hold(clock, at, end_ms), playing: false, stalled: false } : clock;
}

export function stall(clock: Clock, at: number, end_ms: number): Clock {
  return clock.stalled ? clock : { ...hold(clock, at, end_ms), stalled: true };
}

export function unstall(clock: Clock, at: number): Clock {
  return clock.stalled ? { ...clock, stalled: false, since: at } : clock;
}

export function seek(clock: Clock, to_ms: number, at: number, end_ms: number): Clock {
  return { ...clock, anchor_ms: Math.max(0, Math.min(end_ms, to_ms)), since: at, jumps: clock.jumps + 1 };
}

export function setRate(clock: Clock, rate: number, at: number, end_ms: number): Clock {
  return { ...hold(clock, at, end_ms), rate: Math.max(SLOWEST, Math.min(FASTEST, rate)) };
}

/** Take over where the media really are: elements need a moment to start, all of them about the same. */
export function settle(clock: Clock, drift_ms: number): Clock {
  return { ...clock, anchor_ms: clock.anchor_ms + drift_ms };
}

/** The next of the usual speeds, up (1) or down (-1). */
export function nextRate(rate: number, step: 1 | -1): number {
  if (step > 0) return RATES.find((other) => other > rate) ?? FASTEST;
  return [...RATES].reverse().find((other) => other < rate) ?? SLOWEST;
}

function hold(clock: Clock, at: number, end_ms: number): Clock {
  return { ...clock, anchor_ms: positionOf(clock, at, end_ms), since: at };
}

export type Correction = { kind: "none" } | { kind: "rate"; rate: number } | { kind: "jump" };

/** Below this nobody notices (a frame at 50 fps). */
const FINE_MS = 20;
/** Within this an ear hears no change of speed; beyond it a jump is quicker. */
const NUDGE_MS = 100;
const NUDGE = 0.04;

/** What an element that is `drift_ms` ahead (negative: behind) does to meet the clock again.
 *  One already being nudged is nudged until it is really there, so that the speed does not flutter. */
export function correction(drift_ms: number, rate: number, elementRate: number): Correction {
  const distance = Math.abs(drift_ms);
  if (distance > NUDGE_MS) return { kind: "jump" };
  const nudged = elementRate !== rate;
  if (distance > FINE_MS || (nudged && distance > FINE_MS / 4)) {
    return { kind: "rate", rate: rate * (drift_ms > 0 ? 1 - NUDGE : 1 + NUDGE) };
  }
  return nudged ? { kind: "rate", rate } : { kind: "none" };
}

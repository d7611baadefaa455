/**
 * Lips and voice together: whichever of somebody's picture and sound would be out first waits for the other.
 *
 * Browsers do this only for a picture and a sound that the answer ties to each other for ever (msid), but our lines carry
 * whomever the server puts on them. Left alone each line buffers what it needs itself: a picture 10 ms, sound 40 to 200.
 * So once a second the lines of one person are told how long to wait. The picture follows the sound, which is nearly
 * always the later one; sound waits only for a picture that comes later still, and not for long: talk suffers from delay.
 */

import { effect } from "@preact/signals";
import type { MediaSlot } from "../wire/messages";
import type { MediaConnection } from "./connection";
import type { Mapping } from "./slots";

const READ_EVERY_MS = 1_000;

/**
 * How much sooner than told a picture is out, measured with bench-lipsync in Chromium, less 10 ms: a camera is later than
 * its packets can tell, and late pictures are noticed from 45 ms on, late sound from 125 (ITU-R BT.1359).
 */
const AHEAD_MS = 10;

/** No voice waits longer for a picture: ITU-T G.114 has 150 ms for the whole way before talk suffers. */
const MOST_SOUND_MS = 200;

/** Sound waits only for a picture that is later by more than this. */
const SLACK_MS = 20;

/** Waiting differently means playing faster or slower for a while; less than this is not worth it. */
const STEP_MS = 10;

const SOUND_OF: Readonly<Record<string, string>> = { camera: "mic", screen: "screen_audio" };

/** How a line buffers what arrives, in ms: now, by its own need alone, and what a loudspeaker takes after that. */
export interface Buffering {
  readonly nowMs: number;
  readonly leastMs: number;
  readonly outMs: number;
}

/** One reading of a connection's statistics, by id. */
export type Reading = ReadonlyMap<string, Readonly<Record<string, unknown>>>;

/** Between two readings, by mid; lines on which nothing came are left out. */
export function bufferingBetween(before: Reading, after: Reading): Map<string, Buffering> {
  const lines = new Map<string, Buffering>();
  for (const [id, now] of after) {
    const then = before.get(id) ?? {};
    const mid = now["mid"];
    if (now["type"] !== "inbound-rtp" || typeof mid !== "string") continue;
    const nowMs = meanMs(then, now, "jitterBufferDelay", "jitterBufferEmittedCount");
    if (nowMs === null) continue;
    const leastMs = meanMs(then, now, "jitterBufferMinimumDelay", "jitterBufferEmittedCount");
    if (now["kind"] === "video") lines.set(mid, { nowMs, leastMs: leastMs ?? 0, outMs: 0 });
    else lines.set(mid, { nowMs, leastMs: leastMs ?? nowMs, outMs: loudspeakerMs(before, after, now["playoutId"]) });
  }
  return lines;
}

/** The line with the sound of a picture; null: there is none, or it is none itself. */
function soundOf(mapping: Mapping, { participant, source }: MediaSlot): string | null {
  const sound = SOUND_OF[source];
  return sound === undefined ? null : (mapping.find(participant, sound)?.mid ?? null);
}

/** Whether anybody's picture comes with its sound. */
function hasPair(mapping: Mapping): boolean {
  return mapping.filled.some((slot) => soundOf(mapping, slot) !== null);
}

/** Browsers refuse more than 4,000; a sound that is later still has other troubles. */
const MOST_PICTURE_MS = 2_000;

/** How long each filled line is to buffer at the least, in ms; null: as it needs. */
export function waits(mapping: Mapping, lines: ReadonlyMap<string, Buffering>): Map<string, number | null> {
  const waiting = new Map<string, number | null>(mapping.filled.map((slot) => [slot.mid, null]));
  for (const slot of mapping.filled) {
    const soundMid = soundOf(mapping, slot);
    const sound = lines.get(soundMid ?? "");
    if (soundMid === null || sound === undefined) continue;
    const pictureMs = (lines.get(slot.mid)?.leastMs ?? 0) - AHEAD_MS;
    if (pictureMs > sound.leastMs + sound.outMs + SLACK_MS) {
      waiting.set(soundMid, Math.min(MOST_SOUND_MS, pictureMs - sound.outMs));
    } else {
      waiting.set(slot.mid, Math.max(0, Math.min(MOST_PICTURE_MS, sound.nowMs + sound.outMs + AHEAD_MS)));
    }
  }
  return waiting;
}

/** Keeps the lines of the present connection in step. */
export class LipSync {
  private connection: RTCPeerConnection | null = null;
  private reading: Reading = new Map();
  private readonly lines = new Map<string, Buffering>();
  private readonly told = new Map<string, number | null>();
  private readonly timer: number;
  private readonly unfollow: () => void;

  constructor(private readonly media: MediaConnection) {
    this.timer = window.setInterval(() => void this.read(), READ_EVERY_MS);
    // Whoever comes onto a line waits from the first packet on, by what the lines needed last.
    this.unfollow = effect(() => this.tell(media.mapping.value));
  }

  close(): void {
    window.clearInterval(this.timer);
    this.unfollow();
  }

  private async read(): Promise<void> {
    const connection = this.media.connection;
    if (connection === null || document.hidden || !hasPair(this.media.mapping.peek())) return;
    const reading = new Map<string, Record<string, unknown>>();
    (await connection.getStats()).forEach((stat: Record<string, unknown>, id: string) => reading.set(id, stat));
    if (connection !== this.connection) {
      this.connection = connection;
      this.reading = new Map();
      this.lines.clear();
      this.told.clear();
    }
    for (const [mid, line] of bufferingBetween(this.reading, reading)) this.lines.set(mid, line);
    this.reading = reading;
    this.tell(this.media.mapping.peek());
  }

  private tell(mapping: Mapping): void {
    const waiting = waits(mapping, this.lines);
    for (const { mid, receiver } of this.connection?.getTransceivers() ?? []) {
      const ms = waiting.get(mid ?? "");
      if (mid === null || ms === undefined || !differs(ms, this.told.get(mid) ?? null)) continue;
      this.told.set(mid, ms);
      (receiver as Patient).jitterBufferTarget = ms;
    }
  }
}

/** What TypeScript's library does not know yet (webrtc-extensions); where a browser does not either, nothing waits. */
type Patient = RTCRtpReceiver & { jitterBufferTarget: number | null };

function differs(one: number | null, other: number | null): boolean {
  return one === null || other === null ? one !== other : Math.abs(one - other) >= STEP_MS;
}

/** A mean over the events between two readings, of a sum in seconds; null without any. */
function meanMs(
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
  sum: string,
  count: string,
): number | null {
  const events = numberOf(after[count]) - numberOf(before[count]);
  return events > 0 && sum in after ? ((numberOf(after[sum]) - numberOf(before[sum])) / events) * 1_000 : null;
}

/** What the loudspeaker takes, where the browser tells (Chromium). */
function loudspeakerMs(before: Reading, after: Reading, id: unknown): number {
  const now = after.get(String(id)) ?? {};
  return meanMs(before.get(String(id)) ?? {}, now, "totalPlayoutDelay", "totalSamplesCount") ?? 0;
}

function numberOf(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) ? value : 0;
}

// @vitest-environment happy-dom
import { signal } from "@preact/signals";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { MediaConnection } from "./connection";
import { type Buffering, bufferingBetween, LipSync, type Reading, waits } from "./lipsync";
import { mappingOf } from "./slots";

const ANA = mappingOf([
  { mid: "4", participant: "ana", source: "mic", shown: "live" },
  { mid: "9", participant: "ana", source: "camera", shown: "live" },
]);
const AHEAD_MS = 10;

function line(nowMs: number, leastMs = nowMs, outMs = 0): Buffering {
  return { nowMs, leastMs, outMs };
}

/** Totals as getStats counts them after so many seconds, with a delay in ms for each line: 48 samples and a frame a ms. */
function reading(seconds: number, soundMs: number, pictureMs: number, loudspeakerMs = 30): Reading {
  const samples = seconds * 48_000;
  const frames = seconds * 25;
  return new Map([
    ["A", {
      type: "inbound-rtp", kind: "audio", mid: "4", playoutId: "P",
      jitterBufferDelay: (samples * soundMs) / 1_000, jitterBufferMinimumDelay: (samples * 20) / 1_000, jitterBufferEmittedCount: samples,
    }],
    ["V", {
      type: "inbound-rtp", kind: "video", mid: "9",
      jitterBufferDelay: 0, jitterBufferMinimumDelay: (frames * pictureMs) / 1_000, jitterBufferEmittedCount: frames,
    }],
    ["P", { type: "media-playout", totalPlayoutDelay: (samples * loudspeakerMs) / 1_000, totalSamplesCount: samples }],
  ]);
}

test("delays are read between two readings, the loudspeaker's with the sound's", () => {
  const lines = bufferingBetween(reading(1, 500, 500), reading(3, 180, 172));
  expect(lines.get("4")?.nowMs).toBeCloseTo(20);
  expect(lines.get("4")?.outMs).toBeCloseTo(30);
  expect(lines.get("9")?.leastMs).toBeCloseTo(8);
});

test("a line on which nothing came says nothing", () => {
  expect(bufferingBetween(reading(2, 60, 10), reading(2, 60, 10)).size).toBe(0);
});

test("a picture waits for its sound, all the way to the loudspeaker", () => {
  const told = waits(ANA, new Map([["4", line(60, 40, 30)], ["9", line(5, 11)]]));
  expect(told.get("9")).toBe(60 + 30 + AHEAD_MS);
  expect(told.get("4")).toBeNull();
});

test("a picture that has only just come waits for a sound that is known", () => {
  expect(waits(ANA, new Map([["4", line(80)]])).get("9")).toBe(80 + AHEAD_MS);
});

test("sound waits for a picture that is later still, but not for long", () => {
  const told = (pictureMs: number) => waits(ANA, new Map([["4", line(60, 40)], ["9", line(5, pictureMs)]]));
  expect(told(150).get("4")).toBe(150 - AHEAD_MS);
  expect(told(150).get("9")).toBeNull();
  expect(told(900).get("4")).toBe(200);
});

test("sound that waits does not look late by itself, so it goes on waiting", () => {
  const waited = waits(ANA, new Map([["4", line(175, 40)], ["9", line(5, 150)]]));
  expect(waited.get("4")).toBe(150 - AHEAD_MS);
});

test("a screen waits for its own sound, not for the voice of who shows it; a voice alone waits for nothing", () => {
  const mapping = mappingOf([
    { mid: "4", participant: "ana", source: "mic", shown: "live" },
    { mid: "5", participant: "ana", source: "screen_audio", shown: "live" },
    { mid: "9", participant: "ana", source: "screen", shown: "live" },
  ]);
  const told = waits(mapping, new Map([["4", line(300)], ["5", line(70)]]));
  expect(told.get("9")).toBe(70 + AHEAD_MS);
  expect(told.get("4")).toBeNull();
});

test("nobody waits for somebody else", () => {
  const mapping = mappingOf([
    { mid: "4", participant: "bo", source: "mic", shown: "live" },
    { mid: "9", participant: "ana", source: "camera", shown: "live" },
  ]);
  expect([...waits(mapping, new Map([["4", line(300)]])).values()]).toEqual([null, null]);
});

/** A connection that can be read, and remembers what its lines were told. */
function connection() {
  const told: [string, number | null][] = [];
  let now: Reading = new Map();
  const receiver = (mid: string) => ({
    set jitterBufferTarget(ms: number | null) {
      told.push([mid, ms]);
    },
  });
  const transceivers = ["4", "9"].map((mid) => ({ mid, receiver: receiver(mid) }));
  const pc = { getStats: async () => now, getTransceivers: () => transceivers };
  return { told, pc, count: (reading: Reading) => (now = reading) };
}

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

test("lines are told once, again when it matters, and to wait no more when another person comes onto them", async () => {
  const { told, pc, count } = connection();
  const mapping = signal(ANA);
  const sync = new LipSync({ connection: pc, mapping } as unknown as MediaConnection);
  count(reading(1, 60, 10));
  await vi.advanceTimersByTimeAsync(1_000);
  count(reading(2, 60, 10));
  await vi.advanceTimersByTimeAsync(1_000);
  expect(told).toEqual([["9", 60 + 30 + AHEAD_MS]]);

  count(reading(3, 61, 10)); // a mean of 63 this time
  await vi.advanceTimersByTimeAsync(1_000);
  expect(told).toHaveLength(1);

  mapping.value = mappingOf([{ mid: "9", participant: "bo", source: "camera", shown: "live" }]);
  expect(told.at(-1)).toEqual(["9", null]);
  mapping.value = ANA;
  expect(told.at(-1)?.[0]).toBe("9");
  expect(told.at(-1)?.[1]).toBeGreaterThan(60);
  sync.close();
});

test("a page that nobody looks at, or without faces and voices, reads nothing", async () => {
  const { pc } = connection();
  const getStats = vi.spyOn(pc, "getStats");
  const mapping = signal(mappingOf([]));
  const sync = new LipSync({ connection: pc, mapping } as unknown as MediaConnection);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(getStats).not.toHaveBeenCalled();
  sync.close();
});

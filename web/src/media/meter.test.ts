import { expect, test } from "vitest";
import { loudness } from "./meter";

test("silence is nothing, speech is in between, a shout is everything", () => {
  expect(loudness(new Float32Array(512))).toBe(0);
  expect(loudness(new Float32Array(512).fill(0.02))).toBeGreaterThan(0.4);
  expect(loudness(new Float32Array(512).fill(0.02))).toBeLessThan(0.7);
  expect(loudness(new Float32Array(512).fill(0.9))).toBe(1);
});

test("no samples are silence", () => {
  expect(loudness(new Float32Array(0))).toBe(0);
});

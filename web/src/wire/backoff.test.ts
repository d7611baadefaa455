import { expect, test } from "vitest";
import { LONGEST_WAIT_MS, waitBefore } from "./backoff";

test("the first try comes within a second and may come at once", () => {
  expect(waitBefore(0, 0)).toBe(0);
  expect(waitBefore(0, 0.999)).toBeLessThan(1_000);
});

test("later tries double, keep half of the wait fixed, and never exceed half a minute", () => {
  expect([waitBefore(1, 0), waitBefore(1, 1)]).toEqual([1_000, 2_000]);
  expect([waitBefore(3, 0), waitBefore(3, 1)]).toEqual([4_000, 8_000]);
  expect(waitBefore(40, 1)).toBe(LONGEST_WAIT_MS);
});

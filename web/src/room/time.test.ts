import { expect, test } from "vitest";
import { clock, remaining } from "./time";

test("lengths read as clocks", () => {
  expect([clock(0), clock(761_000), clock(3_727_000), clock(-5)]).toEqual(["00:00", "12:41", "1:02:07", "00:00"]);
});

test("a countdown reaches zero only when it is over", () => {
  expect(remaining(60_000, 500)).toBe("01:00");
  expect(remaining(60_000, 59_999)).toBe("00:01");
  expect(remaining(60_000, 60_000)).toBe("00:00");
});

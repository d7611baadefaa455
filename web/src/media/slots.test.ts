import { expect, test } from "vitest";
import type { Wanted } from "../wire/messages";
import { mappingOf, sameWishes } from "./slots";

test("a source is found by who sends it, and an empty line by nobody", () => {
  const mapping = mappingOf([
    { mid: "9", participant: "ana", source: "camera", shown: "live" },
    { mid: "10", participant: "ana", source: "screen", shown: "live" },
    { mid: "11", participant: "", source: "", shown: "live" },
  ]);
  expect(mapping.find("ana", "screen")?.mid).toBe("10");
  expect(mapping.find("ana", "mic")).toBeNull();
  expect(mapping.find("", "")).toBeNull();
  expect(mapping.filled).toHaveLength(2);
});

test("after a remap the old content is gone", () => {
  const before = mappingOf([{ mid: "9", participant: "ana", source: "camera", shown: "live" }]);
  const after = mappingOf([{ mid: "9", participant: "bo", source: "camera", shown: "live" }]);
  expect(before.find("ana", "camera")?.mid).toBe("9");
  expect(after.find("ana", "camera")).toBeNull();
  expect(after.find("bo", "camera")?.mid).toBe("9");
});

test("wishes are the same only in the same order and quality", () => {
  const ana = { participant: "ana", source: "camera", quality: "high" } as const;
  const bo = { participant: "bo", source: "camera", quality: "low" } as const;
  const same = (one: readonly Wanted[], other: readonly Wanted[]) =>
    sameWishes({ wanted: one, cameras: 4 }, { wanted: other, cameras: 4 });
  expect(same([ana, bo], [{ ...ana }, { ...bo }])).toBe(true);
  expect(same([ana, bo], [bo, ana])).toBe(false);
  expect(same([ana], [{ ...ana, quality: "low" }])).toBe(false);
  expect(same([ana], [])).toBe(false);
  expect(sameWishes({ wanted: [ana], cameras: 4 }, { wanted: [ana], cameras: 0 })).toBe(false);
});

import { describe, expect, test } from "vitest";
import type { TimelineEntry } from "./api";
import { Replay } from "./replay";

const entries: TimelineEntry[] = Array.from({ length: 1_000 }, (_, i) => ({ t_ms: i * 10, seq: i + 1, actor: "", events: [] }));

function counting() {
  let steps = 0;
  const replay = new Replay<readonly number[]>([], entries, (view, entry) => {
    steps++;
    return [...view.slice(-2), entry.seq];
  });
  return { replay, steps: () => steps };
}

describe("the class at a moment", () => {
  test("is as many entries in as have happened by then", () => {
    const { replay } = counting();
    expect(replay.at(-1)).toEqual([]);
    expect(replay.at(0)).toEqual([1]);
    expect(replay.at(55)).toEqual([4, 5, 6]);
    expect(replay.at(1e9)).toEqual([998, 999, 1000]);
  });

  test("is the same whichever way one comes to it", () => {
    const { replay } = counting();
    const seen = new Map<number, readonly number[]>();
    for (const at of [9_990, 20, 5_005, 4_995, 0, 7_000, 2_000, 9_990, 5_005]) {
      const view = replay.at(at);
      expect(view).toEqual(seen.get(at) ?? view);
      seen.set(at, view);
      expect(view.at(-1)).toBe(Math.floor(at / 10) + 1);
    }
  });

  test("is the same object while nothing happens", () => {
    const { replay } = counting();
    expect(replay.at(101)).toBe(replay.at(109));
  });

  test("a jump costs no more than the way from the last snapshot", () => {
    const { replay, steps } = counting();
    replay.at(1e9);
    const before = steps();
    replay.at(3_990);
    expect(steps() - before).toBeLessThanOrEqual(200);
  });

  test("playing on costs one step an entry", () => {
    const { replay, steps } = counting();
    replay.at(5_000);
    const before = steps();
    for (let at = 5_000; at <= 5_500; at += 5) replay.at(at);
    expect(steps() - before).toBe(50);
  });
});

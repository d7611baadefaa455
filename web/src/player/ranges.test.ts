import { describe, expect, test } from "vitest";
import type { Cluster } from "./api";
import { clusterAt, entryPoint, keep, nextRequest, readyAhead } from "./ranges";

/** Clusters of 2 s and 1,000 bytes each from byte 300 on; those named begin without a keyframe. */
function track(count: number, withoutKeyframe: number[] = []): Cluster[] {
  return Array.from({ length: count }, (_, i) => [i * 2_000, 300 + i * 1_000, 1_000, !withoutKeyframe.includes(i)] as const);
}

describe("finding a place in a track", () => {
  const clusters = track(10, [4, 5]);
  test.each([[-50, 0], [0, 0], [1_999, 0], [2_000, 1], [19_500, 9], [99_000, 9]])("%i ms is in cluster %i", (at, index) => {
    expect(clusterAt(clusters, at)).toBe(index);
  });
  test("an empty index has no place", () => expect(clusterAt([], 0)).toBe(-1));
  test("decoding begins at the keyframe before", () => expect(entryPoint(clusters, 10_500)).toBe(3));
});

describe("what to fetch next", () => {
  test("after a jump, first the one cluster that is needed at once", () => {
    expect(nextRequest(track(60), new Set(), 20_500)).toEqual({ first: 10, last: 10, from: 10_300, to: 11_300 });
  });
  test("all that a picture needs comes in one request", () => {
    expect(nextRequest(track(60, [9, 10]), new Set(), 20_500)).toMatchObject({ first: 8, last: 10 });
  });
  test("then as much as is wanted ahead, in one run", () => {
    expect(nextRequest(track(60), new Set([10]), 20_500)).toMatchObject({ first: 11, last: 22 });
  });
  test("a run ends before what is there already", () => {
    expect(nextRequest(track(60), new Set([10, 14]), 20_500)).toMatchObject({ first: 11, last: 13 });
  });
  test("a run is bounded in bytes, a cluster is never cut", () => {
    expect(nextRequest(track(60), new Set([10]), 20_500, 25_000, 2_500)).toMatchObject({ first: 11, last: 12 });
    expect(nextRequest(track(60), new Set([10]), 20_500, 25_000, 10)).toMatchObject({ first: 11, last: 11 });
  });
  test("nothing when enough is there, or there is no more", () => {
    const have = new Set(Array.from({ length: 60 }, (_, i) => i));
    expect(nextRequest(track(60), have, 20_500)).toBeNull();
    expect(nextRequest(track(3), new Set([0, 1, 2]), 5_900)).toBeNull();
    expect(nextRequest([], new Set(), 0)).toBeNull();
  });
});

describe("how long it can go on", () => {
  test("up to the first cluster that is missing", () => expect(readyAhead(track(60), new Set([10, 11]), 20_500, 120_000)).toBe(3_500));
  test("not at all when the keyframe it needs is missing", () => expect(readyAhead(track(60, [10]), new Set([10, 11]), 20_500, 120_000)).toBe(0));
  test("to the end when all of it is there", () => expect(readyAhead(track(3), new Set([0, 1, 2]), 1_000, 6_000)).toBe(5_000));
});

describe("what to let go", () => {
  test("what is long past and what is far ahead", () => expect(keep(track(100), 60_000)).toEqual({ first: 24, last: 56 }));
  test("the rest still begins at a keyframe", () => expect(keep(track(100, [24, 23]), 60_000).first).toBe(22));
});

test("whatever is fetched by these rules, playback from any place needs nothing else", () => {
  const clusters = track(30, [3, 7, 8, 15, 16, 17]);
  for (let at = 0; at < 60_000; at += 700) {
    const have = new Set<number>();
    for (let request = nextRequest(clusters, have, at); request; request = nextRequest(clusters, have, at)) {
      for (let i = request.first; i <= request.last; i++) have.add(i);
    }
    expect(have.has(entryPoint(clusters, at))).toBe(true);
    expect(readyAhead(clusters, have, at, 60_000)).toBeGreaterThanOrEqual(Math.min(25_000, 60_000 - at));
  }
});

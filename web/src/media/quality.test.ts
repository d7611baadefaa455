import { expect, test } from "vitest";
import { causeOf, type Counts, countsOf, judge, reading, type Told, UNJUDGED, worse } from "./quality";

const still: Counts = { received: 0, lost: 0, roundTripMs: 20, lostByPeer: 0 };

test("loss and delay make it fair, then weak", () => {
  expect(reading(still, { ...still, received: 1_000, lost: 5 })).toBe("good");
  expect(reading(still, { ...still, received: 950, lost: 50 })).toBe("fair");
  expect(reading(still, { ...still, received: 800, lost: 200 })).toBe("weak");
  expect(reading(still, { ...still, roundTripMs: 500 })).toBe("fair");
  expect(reading(still, { ...still, lostByPeer: 0.2 })).toBe("weak");
});

test("nothing received is not loss", () => {
  expect(reading(still, still)).toBe("good");
});

test("one bad reading changes nothing, two do; getting better takes three", () => {
  let verdict = judge(UNJUDGED, "weak");
  expect(verdict.quality).toBe("good");
  verdict = judge(verdict, "weak");
  expect(verdict.quality).toBe("weak");
  for (const latest of ["good", "good"] as const) verdict = judge(verdict, latest);
  expect(verdict.quality).toBe("weak");
  expect(judge(verdict, "good").quality).toBe("good");
});

test("counts are summed over lines, and odd values count as nothing", () => {
  const counts = countsOf([
    { type: "inbound-rtp", packetsReceived: 10, packetsLost: 1 },
    { type: "inbound-rtp", packetsReceived: 5, packetsLost: -2 },
    { type: "candidate-pair", nominated: true, currentRoundTripTime: 0.05 },
    { type: "remote-inbound-rtp", kind: "audio", fractionLost: Number.NaN },
  ]);
  expect(counts).toEqual({ received: 15, lost: 1, roundTripMs: 50, lostByPeer: 0 });
});

test("either side may find the connection worse", () => {
  expect(worse("good", "weak")).toBe("weak");
  expect(worse("fair", "good")).toBe("fair");
});

test("the cause that is told is the worst for talk", () => {
  const told: Told = { quality: "weak", lost_in: 0, lost_out: 0, round_trip_ms: 30, reduced: [] };
  expect(causeOf(null)).toBeNull();
  expect(causeOf({ ...told, quality: "good", lost_out: 20 })).toBeNull();
  expect(causeOf({ ...told, lost_out: 12, lost_in: 9, reduced: [{ less: "smaller" }] })).toBe("lost-out");
  expect(causeOf({ ...told, lost_out: 4, lost_in: 9 })).toBe("lost-in");
  expect(causeOf({ ...told, round_trip_ms: 900, reduced: [{ less: "smaller" }] })).toBe("slow");
  expect(causeOf(told)).toBeNull();
  expect(causeOf({ ...told, reduced: [{ less: "fewer" }] })).toBe("fewer");
  expect(causeOf({ ...told, reduced: [{ less: "fewer" }, { less: "nothing" }, { less: "smaller" }] })).toBe("nothing");
});

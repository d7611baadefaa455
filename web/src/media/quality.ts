/**
 * How good the connection is, in three words, from what the browser counts. Pure.
 *
 * Loss matters most for speech (people notice from about 5 %), then delay (ITU-T G.114: talk suffers beyond 400 ms
 * one way). One bad reading proves nothing: it takes two in a row to get worse and three to get better.
 */

export type Quality = "good" | "fair" | "weak";

/** Totals so far, as getStats counts them; `roundTripMs` is the latest, `lostByPeer` a fraction the server reported. */
export interface Counts {
  readonly received: number;
  readonly lost: number;
  readonly roundTripMs: number | null;
  readonly lostByPeer: number;
}

export interface Verdict {
  readonly quality: Quality;
  readonly candidate: Quality;
  readonly streak: number;
}

export const UNJUDGED: Verdict = { quality: "good", candidate: "good", streak: 0 };

/** What one stretch between two readings was like. */
export function reading(before: Counts, after: Counts): Quality {
  const received = Math.max(0, after.received - before.received);
  const lost = Math.max(0, after.lost - before.lost);
  const share = received + lost === 0 ? 0 : lost / (received + lost);
  const worst = Math.max(share, after.lostByPeer);
  const roundTrip = after.roundTripMs ?? 0;
  if (worst > 0.08 || roundTrip > 800) return "weak";
  if (worst > 0.03 || roundTrip > 400) return "fair";
  return "good";
}

/** What the server says of this connection (server/live/links.py). */
export interface Told {
  readonly quality: Quality;
  readonly lost_in: number;
  readonly lost_out: number;
  readonly round_trip_ms: number | null;
  readonly reduced: readonly { readonly less: Less }[];
}

/** What a link that is too narrow leaves of a picture, the worst last. */
const LESS = ["fewer", "smaller", "nothing"] as const;
export type Less = (typeof LESS)[number];

/** Why a connection is not good, the worst for talk first; null: nobody knows. */
export type Cause = "lost-out" | "lost-in" | "slow" | Less;

export function causeOf(told: Told | null): Cause | null {
  if (told === null || told.quality === "good") return null;
  if (told.lost_out > 3 && told.lost_out >= told.lost_in) return "lost-out";
  if (told.lost_in > 3) return "lost-in";
  if ((told.round_trip_ms ?? 0) > 400) return "slow";
  return LESS.findLast((less) => told.reduced.some((picture) => picture.less === less)) ?? null;
}

/** Either side may see what the other cannot. */
export function worse(one: Quality, other: Quality): Quality {
  return RANK[one] >= RANK[other] ? one : other;
}

const RANK: Record<Quality, number> = { good: 0, fair: 1, weak: 2 };

export function judge(verdict: Verdict, latest: Quality): Verdict {
  if (latest === verdict.quality) return { quality: latest, candidate: latest, streak: 0 };
  const streak = latest === verdict.candidate ? verdict.streak + 1 : 1;
  const needed = RANK[latest] > RANK[verdict.quality] ? 2 : 3;
  if (streak >= needed) return { quality: latest, candidate: latest, streak: 0 };
  return { quality: verdict.quality, candidate: latest, streak };
}

/** Sum up a stats report. */
export function countsOf(report: Iterable<Record<string, unknown>>): Counts {
  let received = 0;
  let lost = 0;
  let roundTripMs: number | null = null;
  let lostByPeer = 0;
  for (const stat of report) {
    if (stat["type"] === "inbound-rtp") {
      received += numberOf(stat["packetsReceived"]);
      lost += Math.max(0, numberOf(stat["packetsLost"]));
    } else if (stat["type"] === "remote-inbound-rtp" && stat["kind"] === "audio") {
      lostByPeer = Math.max(lostByPeer, numberOf(stat["fractionLost"]));
    } else if (stat["type"] === "candidate-pair" && stat["nominated"] === true && "currentRoundTripTime" in stat) {
      roundTripMs = numberOf(stat["currentRoundTripTime"]) * 1_000;
    }
  }
  return { received, lost, roundTripMs, lostByPeer };
}

function numberOf(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) ? value : 0;
}

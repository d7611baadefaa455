/** Which bytes of a track to fetch next and which to let go. Pure; the index says where each cluster lies. */
import type { Cluster } from "./api";

/** Clusters are named by their place in the index. */
export interface Request {
  readonly first: number;
  readonly last: number;
  readonly from: number;
  readonly to: number;
}

export const AHEAD_MS = 25_000;
export const BEHIND_MS = 12_000;
/** One request brings at most this much, unless a single cluster is larger. */
export const REQUEST_BYTES = 1_500_000;

/** The cluster that holds `at_ms`; the first one for what lies before it, -1 for an empty index. */
export function clusterAt(clusters: readonly Cluster[], at_ms: number): number {
  let low = 0;
  let high = clusters.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (clusters[middle]![0] <= at_ms) low = middle;
    else high = middle - 1;
  }
  return high < 0 ? -1 : low;
}

/** Where decoding must begin to show `at_ms`: the last cluster with a keyframe at or before it. */
export function entryPoint(clusters: readonly Cluster[], at_ms: number): number {
  let index = clusterAt(clusters, at_ms);
  while (index > 0 && !clusters[index]![3]) index--;
  return index;
}

/** The next run of missing clusters, from what is needed at `at_ms` to `ahead_ms` further on; null: all there.
 *  What is needed at once comes alone, so that a jump shows its picture after one short request. */
export function nextRequest(
  clusters: readonly Cluster[],
  have: ReadonlySet<number>,
  at_ms: number,
  ahead_ms = AHEAD_MS,
  most = REQUEST_BYTES,
): Request | null {
  const now = clusterAt(clusters, at_ms);
  for (let first = entryPoint(clusters, at_ms); first >= 0 && first < clusters.length; first++) {
    if (clusters[first]![0] > at_ms + ahead_ms) return null;
    if (have.has(first)) continue;
    const [, from, size] = clusters[first]!;
    let last = first;
    let to = from + size;
    while (first > now || last < now) {
      const next = clusters[last + 1];
      if (!next || have.has(last + 1) || next[0] > at_ms + ahead_ms || next[1] + next[2] - from > most) break;
      last++;
      to = next[1] + next[2];
    }
    return { first, last, from, to };
  }
  return null;
}

/** How much can be played from `at_ms` without fetching anything, in ms. */
export function readyAhead(clusters: readonly Cluster[], have: ReadonlySet<number>, at_ms: number, end_ms: number): number {
  for (let index = entryPoint(clusters, at_ms); index >= 0 && index < clusters.length; index++) {
    if (!have.has(index)) return Math.max(0, clusters[index]![0] - at_ms);
  }
  return Math.max(0, end_ms - at_ms);
}

/** What to let go: the clusters before `first` and from `last` on. `first` is a place where decoding can begin. */
export function keep(clusters: readonly Cluster[], at_ms: number): { first: number; last: number } {
  const first = Math.max(0, entryPoint(clusters, at_ms - BEHIND_MS));
  let last = clusterAt(clusters, at_ms + 2 * AHEAD_MS) + 1;
  while (last < clusters.length && !clusters[last]![3]) last++;
  return { first, last };
}

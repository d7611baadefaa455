/** What is worth finding again in a class, from its entries and tracks: polls, hands, screens, groups, pauses, busy chat. Pure. */
import type { Timeline, TimelineEntry, Track } from "./api";

export type MomentKind = "poll" | "hand" | "screen" | "groups" | "cut";

export interface Moment {
  kind: MomentKind;
  from_ms: number;
  /** Equal to `from_ms` for what happens at once. */
  to_ms: number;
  /** Whose hand or screen, or the question. */
  about: string;
}

/** A place one can watch: the main room always, a group while it was open. Opened twice, it is here twice. */
export interface Place {
  room: string;
  name: string;
  from_ms: number;
  to_ms: number;
}

export const MAIN = "main";

/** Gaps shorter than this between two pieces of one screen are the same sharing. */
const SAME_SCREEN_MS = 10_000;

export function moments(timeline: Timeline, tracks: readonly Track[], end_ms: number): Moment[] {
  const found: Moment[] = [...screens(tracks, end_ms), ...groups(timeline.entries, end_ms)];
  for (const { t_ms, kind, label } of timeline.markers) {
    const known = POINTS[kind];
    if (known) found.push({ kind: known, from_ms: t_ms, to_ms: t_ms, about: label });
  }
  return found.sort((a, b) => a.from_ms - b.from_ms);
}

/** The server's markers that are points here; screens and groups last, and are found with their ends below. */
const POINTS: Record<string, MomentKind | undefined> = { "poll.opened": "poll", "hand.raised": "hand", cut: "cut" };

function groups(entries: readonly TimelineEntry[], end_ms: number): Moment[] {
  const found: Moment[] = [];
  for (const { t_ms, events } of entries) {
    for (const event of events) {
      const open = found.at(-1);
      if (event.type === "breakouts.opened") found.push({ kind: "groups", from_ms: t_ms, to_ms: end_ms, about: event.groups.map((group) => group.name).join(", ") });
      else if (event.type === "breakouts.closed" && open) open.to_ms = t_ms;
    }
  }
  return found;
}

function screens(tracks: readonly Track[], end_ms: number): Moment[] {
  const found: (Moment & { participant: string })[] = [];
  const shared = tracks.filter((track) => track.source === "screen").sort((a, b) => a.offset_ms - b.offset_ms);
  for (const track of shared) {
    const to_ms = endOf(track, end_ms);
    const before = found.findLast((moment) => moment.participant === track.participant);
    if (before && track.offset_ms - before.to_ms < SAME_SCREEN_MS) before.to_ms = Math.max(before.to_ms, to_ms);
    else found.push({ kind: "screen", from_ms: track.offset_ms, to_ms, about: track.name, participant: track.participant });
  }
  return found.map(({ participant: _, ...moment }) => moment);
}

export function endOf(track: Track, end_ms: number): number {
  return track.ending === "open" ? end_ms : track.offset_ms + track.duration_ms;
}

export function places(entries: readonly TimelineEntry[], end_ms: number, mainName: string): Place[] {
  const found: Place[] = [{ room: MAIN, name: mainName, from_ms: 0, to_ms: end_ms }];
  let open: Place[] = [];
  for (const { t_ms, events } of entries) {
    for (const event of events) {
      if (event.type === "breakouts.opened") {
        open = event.groups.map((group) => ({ room: group.id, name: group.name, from_ms: t_ms, to_ms: end_ms }));
        found.push(...open);
      } else if (event.type === "breakouts.closed") {
        for (const place of open) place.to_ms = t_ms;
        open = [];
      }
    }
  }
  return found;
}

/** Messages per bin, as shares of the busiest one. */
export function chatDensity(entries: readonly TimelineEntry[], end_ms: number, bins: number): number[] {
  const counts = new Array<number>(bins).fill(0);
  if (end_ms <= 0) return counts;
  for (const { t_ms, events } of entries) {
    const bin = Math.min(bins - 1, Math.floor((t_ms / end_ms) * bins));
    for (const event of events) if (event.type === "chat.sent") counts[bin]! += 1;
  }
  const most = Math.max(...counts, 1);
  return counts.map((count) => count / most);
}

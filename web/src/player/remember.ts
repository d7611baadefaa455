/** Where this browser was in a recording, so that a viewer who comes back goes on from there. */
import { effect } from "@preact/signals";
import type { Player } from "./player";
import { load, save } from "./settings";

const EVERY_MS = 5_000;
/** The first half minute and the last one are not worth coming back to. */
const EDGE_MS = 30_000;
const MOST = 50;

type Places = Record<string, number>;

/** Where to go on, or null; from now on the place is remembered. */
export function remembering(player: Player, recordingId: string): number | null {
  const before = load<Places>("places", {})[recordingId] ?? null;
  let kept = -1;
  effect(() => {
    const at_ms = player.position.value;
    const end_ms = player.duration.value;
    if (player.phase.value !== "ready" || Math.abs(at_ms - kept) < EVERY_MS) return;
    kept = at_ms;
    const places = load<Places>("places", {});
    delete places[recordingId];
    if (at_ms > EDGE_MS && at_ms < end_ms - EDGE_MS) places[recordingId] = Math.round(at_ms);
    save("places", Object.fromEntries(Object.entries(places).slice(-MOST)));
  });
  return before;
}

/** A time that takes you there. */
import { player as words } from "../strings/player";
import { clockText } from "./moment-text";
import type { Player } from "./player";

export function TimeButton({ player, at_ms }: { player: Player; at_ms: number }) {
  return (
    <button type="button" class="time-button figures" aria-label={words.jumpTo(clockText(at_ms))} onClick={() => player.seek(at_ms)}>
      {clockText(at_ms)}
    </button>
  );
}

/** Where an instant inside the replayed class lies on the recording. */
export function recordingTime(player: Player, at: number): number {
  return Math.max(0, at - (player.manifest.value?.started_at ?? 0));
}

/** The class as it was at a moment: the same reducers as in the live page, run to that moment. Pure.
 *
 *  A snapshot is kept every so many entries, so a jump costs at most that many steps however long the class was.
 *  What `step` does to a view is not known here (player.ts passes the live page's applyEntry). */
import type { TimelineEntry } from "./api";

const EVERY = 200;

export class Replay<View> {
  private readonly snapshots: View[];
  private last: { count: number; view: View };

  constructor(
    initial: View,
    readonly entries: readonly TimelineEntry[],
    private readonly step: (view: View, entry: TimelineEntry) => View,
  ) {
    this.snapshots = [initial];
    this.last = { count: 0, view: initial };
  }

  /** How many entries have happened at `at_ms`. */
  countAt(at_ms: number): number {
    let low = 0;
    let high = this.entries.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.entries[middle]!.t_ms <= at_ms) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  at(at_ms: number): View {
    return this.after(this.countAt(at_ms));
  }

  /** The state after the first `count` entries; the same object for the same count in a row. */
  after(count: number): View {
    const goal = Math.min(count, this.entries.length);
    if (this.last.count === goal) return this.last.view;
    const snapshot = Math.min(Math.floor(goal / EVERY), this.snapshots.length - 1);
    const nearer = this.last.count <= goal && this.last.count > snapshot * EVERY;
    let done = nearer ? this.last.count : snapshot * EVERY;
    let view = nearer ? this.last.view : this.snapshots[snapshot]!;
    while (done < goal) {
      view = this.step(view, this.entries[done]!);
      done++;
      if (done % EVERY === 0 && this.snapshots.length === done / EVERY) this.snapshots.push(view);
    }
    this.last = { count: done, view };
    return view;
  }
}

/**
 * Which receiving line shows whom. Pure: the server says the whole mapping, we look things up in it.
 *
 * A line without a participant is empty. Browsers do not fire `mute` when a line falls silent (measured), so this
 * mapping alone decides what is on screen.
 */

import type { MediaSlot, Wanted } from "../wire/messages";

export interface Mapping {
  /** The line that carries this source of this participant, or null. */
  find(participant: string, source: string): MediaSlot | null;
  readonly filled: readonly MediaSlot[];
}

export const NOTHING_MAPPED: Mapping = { find: () => null, filled: [] };

export function mappingOf(slots: readonly MediaSlot[]): Mapping {
  const filled = slots.filter((slot) => slot.participant !== "");
  const byContent = new Map(filled.map((slot) => [`${slot.source} ${slot.participant}`, slot]));
  return { filled, find: (participant, source) => byContent.get(`${source} ${participant}`) ?? null };
}

/** What this viewer is to receive. */
export interface Wishes {
  readonly wanted: readonly Wanted[];
  /** At most so many cameras, also of those who come later; null: as many as there are lines. */
  readonly cameras: number | null;
}

/** Wishes that differ are worth a message; the same ones again are not. */
export function sameWishes(one: Wishes, other: Wishes): boolean {
  return (
    one.cameras === other.cameras &&
    one.wanted.length === other.wanted.length &&
    one.wanted.every((want, n) => {
      const twin = other.wanted[n];
      return (
        want.participant === twin?.participant && want.source === twin.source && want.quality === twin.quality
      );
    })
  );
}

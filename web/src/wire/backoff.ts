/**
 * How long to wait before the next attempt to reach the class. Pure: chance comes in.
 *
 * The first try comes within a second, spread evenly, so that a restarted server is not met by everybody at once and
 * still nobody waits long. After that the wait doubles up to half a minute, with "equal jitter": half is fixed, half
 * is chance (AWS Architecture Blog, "Exponential Backoff And Jitter").
 */

export const FIRST_WAIT_MS = 1_000;
export const LONGEST_WAIT_MS = 30_000;

/** Milliseconds to wait before attempt number `attempt` (0 = the first after a loss); `chance` is in [0, 1). */
export function waitBefore(attempt: number, chance: number): number {
  if (attempt <= 0) return Math.round(chance * FIRST_WAIT_MS);
  const ceiling = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** attempt);
  return Math.round(ceiling / 2 + (chance * ceiling) / 2);
}

/**
 * The server's clock as seen from here, so that countdowns and running times agree for everybody.
 *
 * Cristian's algorithm: a pong carries the server's time; half of the round trip is the best guess for its age. The
 * sample with the shortest round trip is the least wrong one, so it wins until it is old. What is *not* here: sending
 * the pings (client.ts).
 */

const SAMPLE_LIFE_MS = 120_000;

export class ServerClock {
  private offsetMs = 0;
  private roundTripMs = Number.POSITIVE_INFINITY;
  private takenAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly localNow: () => number = Date.now) {}

  /** Take in what the server said its time was, `sentAt` and now being local readings. */
  observe(serverNow: number, sentAt: number): void {
    const now = this.localNow();
    const roundTrip = Math.max(0, now - sentAt);
    if (roundTrip > this.roundTripMs && now - this.takenAt < SAMPLE_LIFE_MS) return;
    this.roundTripMs = roundTrip;
    this.takenAt = now;
    this.offsetMs = serverNow + roundTrip / 2 - now;
  }

  /** A one-way reading (a welcome): used only while nothing better is known. */
  hint(serverNow: number): void {
    if (this.roundTripMs === Number.POSITIVE_INFINITY) this.offsetMs = serverNow - this.localNow();
  }

  /** Milliseconds since the Unix epoch on the server's clock. */
  now(): number {
    return Math.round(this.localNow() + this.offsetMs);
  }

  /** The last good round trip in milliseconds, or null before the first pong. */
  get roundTrip(): number | null {
    return Number.isFinite(this.roundTripMs) ? this.roundTripMs : null;
  }
}

/** All the elements that play now, held to the one clock. It attaches the tracks that are wanted shortly before they
 *  begin, lets the others go, feeds them by urgency, and says whether playback must wait. What is wanted is decided
 *  elsewhere (player.ts): here are only tracks and times. */
import type { Api, Track } from "./api";
import { correction } from "./clock";
import { Feed, type IndexStore } from "./feed";
import { endOf } from "./moments";

/** HTTP/1.1 gives six connections; the rest of the page keeps two. */
const LANES = 4;
/** An element that was told to jump gets this long before it is told again. */
const JUMP_REST_MS = 400;
/** While settling only what is further off than this is corrected. */
const STARTUP_MS = 1000;
/** A weak start is not a stall. */
const PATIENCE_MS = 250;
/** Nobody waits longer than this for one track. */
const GIVE_UP_MS = 8_000;

export interface Wanted {
  n: number;
  /** Playback waits for it; for small pictures it does not. */
  essential: boolean;
}

export interface Pulse {
  position_ms: number;
  end_ms: number;
  running: boolean;
  rate: number;
  jumps: number;
  /** It has just begun to run: elements start up, and small differences are left alone. */
  settling: boolean;
  now: number;
}

interface Player {
  track: Track;
  feed: Feed;
  element: HTMLMediaElement;
  essential: boolean;
  jumps: number;
  jumped_at: number;
  waiting_since: number | null;
}

export class Deck {
  /** The browser wants a gesture of the person before it makes a sound. */
  onRefused: () => void = () => {};
  private readonly players = new Map<number, Player>();
  private busy = 0;
  private volume = 1;
  private muted = false;

  constructor(
    private readonly api: Api,
    private readonly indexes: IndexStore,
    private readonly document: Document,
  ) {}

  /** Attach what is wanted, let go what is not. Elements of tracks that stay are untouched. */
  want(tracks: ReadonlyMap<number, Track>, wanted: readonly Wanted[]): void {
    const numbers = new Set(wanted.map(({ n }) => n));
    for (const [n, player] of this.players) {
      if (numbers.has(n)) continue;
      player.feed.close();
      this.players.delete(n);
    }
    for (const { n, essential } of wanted) {
      const track = tracks.get(n);
      if (!track) continue;
      const player = this.players.get(n) ?? this.attach(track);
      player.essential = essential;
      player.track = track;
      player.feed.grow(track, this.indexes.peek(n));
    }
  }

  element(n: number): HTMLMediaElement | null {
    return this.players.get(n)?.element ?? null;
  }

  setVolume(volume: number, muted: boolean): void {
    this.volume = volume;
    this.muted = muted;
    for (const { element, track } of this.players.values()) if (track.kind === "audio") this.loudness(element);
  }

  /** Follow the clock. Returns false while playback must wait for something. */
  tick(pulse: Pulse): boolean {
    let ready = true;
    for (const player of this.players.values()) {
      const at_ms = pulse.position_ms - player.track.offset_ms;
      const length_ms = endOf(player.track, pulse.end_ms) - player.track.offset_ms;
      if (at_ms < 0 || at_ms >= length_ms) this.rest(player, Math.max(0, Math.min(at_ms, length_ms)));
      else if (!this.follow(player, at_ms, pulse)) ready = false;
    }
    this.feed(pulse);
    return ready;
  }

  /** Attached tracks that cannot be played here. */
  failed(): number[] {
    return [...this.players.values()].filter(({ feed }) => feed.failed).map(({ track }) => track.n);
  }

  /** How far the essential elements are from the clock, in the middle: null while none plays. */
  drift(position_ms: number): number | null {
    const drifts = [...this.players.values()]
      .filter(({ essential, element }) => essential && !element.paused && !element.seeking && element.readyState >= element.HAVE_FUTURE_DATA)
      .map(({ element, track }) => element.currentTime * 1000 - (position_ms - track.offset_ms))
      .sort((a, b) => a - b);
    return drifts[drifts.length >> 1] ?? null;
  }

  close(): void {
    for (const { feed } of this.players.values()) feed.close();
    this.players.clear();
  }

  /** How each element stands, for the curious (and tests). Times are on the recording's timeline. */
  report(): { n: number; at_ms: number; ahead_ms: number; ready: number; rate: number }[] {
    return [...this.players.values()].map(({ track, feed, element }) => ({
      n: track.n,
      at_ms: Math.round(element.currentTime * 1000 + track.offset_ms),
      ahead_ms: Math.round(feed.ahead(element.currentTime * 1000, track.duration_ms)),
      ready: element.readyState,
      rate: element.playbackRate,
    }));
  }

  private attach(track: Track): Player {
    const element = this.document.createElement(track.kind);
    if (element instanceof HTMLVideoElement) {
      element.playsInline = true;
      element.muted = true;
    } else {
      this.loudness(element);
    }
    const player = { track, element, feed: new Feed(this.api, track, element, this.indexes), essential: true, jumps: -1, jumped_at: 0, waiting_since: null };
    this.players.set(track.n, player);
    return player;
  }

  /** Before it begins, or after it ended. */
  private rest(player: Player, at_ms: number): void {
    const { element } = player;
    if (!element.paused) element.pause();
    if (at_ms === 0 && element.readyState > 0 && element.currentTime !== 0) element.currentTime = 0;
    player.jumps = -1;
    player.waiting_since = null;
  }

  private follow(player: Player, at_ms: number, pulse: Pulse): boolean {
    const { element, feed } = player;
    if (feed.failed) return true;
    if (player.jumps !== pulse.jumps && element.readyState > 0) {
      player.jumps = pulse.jumps;
      const off_ms = Math.abs(element.currentTime * 1000 - at_ms);
      if (off_ms > (pulse.running ? 40 : 1)) this.jump(player, at_ms, pulse.now);
    }
    const ready = feed.isReady(at_ms);
    if (ready) player.waiting_since = null;
    else player.waiting_since ??= pulse.now;
    const waited = player.waiting_since === null ? 0 : pulse.now - player.waiting_since;

    if (pulse.running) this.run(player, at_ms, pulse);
    else this.hold(player, at_ms, pulse.now);
    return !player.essential || waited < (pulse.running ? PATIENCE_MS : 1) || waited > GIVE_UP_MS;
  }

  private run(player: Player, at_ms: number, { rate, now, settling }: Pulse): void {
    const { element, feed } = player;
    // play() on an ended element begins again at its start; the file may be a frame shorter than its track.
    if (element.ended && at_ms / 1000 > element.duration - 1) return;
    if (feed.isHole(at_ms)) {
      // The last picture stays; once the buffer begins again the drift brings the element there.
      if (!element.paused) element.pause();
      return;
    }
    if (element.paused) {
      void element.play().catch((error: unknown) => {
        if (error instanceof DOMException && error.name === "NotAllowedError") this.onRefused();
      });
    }
    if (element.seeking || element.readyState < element.HAVE_CURRENT_DATA) return;
    const drift_ms = element.currentTime * 1000 - at_ms;
    if (settling && Math.abs(drift_ms) < STARTUP_MS) {
      if (element.playbackRate !== rate) element.playbackRate = rate;
      return;
    }
    const step = correction(drift_ms, rate, element.playbackRate);
    if (step.kind === "rate") element.playbackRate = step.rate;
    else if (step.kind === "jump" && now - player.jumped_at > JUMP_REST_MS) this.jump(player, at_ms, now);
  }

  private hold(player: Player, at_ms: number, now: number): void {
    const { element } = player;
    if (!element.paused) element.pause();
    const off = Math.abs(element.currentTime * 1000 - at_ms);
    if (off > 100 && element.readyState > 0 && !element.seeking && now - player.jumped_at > JUMP_REST_MS) this.jump(player, at_ms, now);
  }

  private jump(player: Player, at_ms: number, now: number): void {
    player.element.currentTime = at_ms / 1000;
    player.jumped_at = now;
  }

  /** The one that runs dry first is fed first. */
  private feed({ position_ms, end_ms, now }: Pulse): void {
    const hungry = [...this.players.values()]
      .map((player) => ({ player, at_ms: Math.max(0, position_ms - player.track.offset_ms) }))
      .filter(({ player, at_ms }) => player.feed.wants(at_ms, now))
      .map((meal) => ({ ...meal, ahead: meal.player.feed.ahead(meal.at_ms, end_ms) + (meal.player.essential ? 0 : 3000) }))
      .sort((a, b) => a.ahead - b.ahead);
    for (const { player, at_ms } of hungry) {
      if (this.busy >= LANES) return;
      this.busy++;
      void player.feed.fetch(at_ms).finally(() => this.busy--);
    }
  }

  private loudness(element: HTMLMediaElement): void {
    // Our ear is not linear; the slider should be.
    element.volume = this.volume ** 2;
    element.muted = this.muted;
  }
}

/** Everything the player knows and does, without a single element of the page: the recording, the clock, where the viewer
 *  is, what the class looked like then. Components read its signals and call its methods. */
import { batch, computed, signal, type ReadonlySignal } from "@preact/signals";
import type { Classroom } from "../state/model";
import { applyEntry } from "../state/room";
import { Api, LoadError, type Manifest, type Timeline, type Track, type Trouble } from "./api";
import * as clocks from "./clock";
import { Deck, type Wanted } from "./deck";
import { IndexStore } from "./feed";
import { arrange, openingOf, tracksAt, type Arrangement, type Mode } from "./layout";
import { chatDensity, endOf, MAIN, moments, places, type Moment, type Place } from "./moments";
import { Replay } from "./replay";
import { load, save } from "./settings";
import { speakerAt, type Microphone } from "./speaking";

/** Tracks that begin this soon are attached already, so that they start without a gap. */
const SOON_MS = 4_000;
const REFRESH_MS = 3_000;
const PANEL_MS = 200;
/** Elements have started by then. */
const SETTLE_MS = 500;
const LAST_MS = 400;
/** A class that still runs is watched this far behind: by then what was said is in finished clusters and in the index. */
const BEHIND_LIVE_MS = 5_000;
export const DENSITY_BINS = 120;

export type Phase = "loading" | "ready" | Trouble;

export class Player {
  readonly phase = signal<Phase>("loading");
  readonly manifest = signal<Manifest | null>(null);
  readonly timeline = signal<Timeline | null>(null);
  readonly clock = signal(clocks.startClock(0, 0));
  /** Where playback is; moves with every frame while it plays. */
  readonly position = signal(0);
  readonly room = signal(MAIN);
  readonly mode = signal<Mode>("automatic");
  readonly pinned = signal<string | null>(null);
  readonly volume = signal(load("volume", 1));
  readonly muted = signal(false);
  /** The browser plays no sound before the person has touched the page. */
  readonly needsGesture = signal(false);
  /** How many small pictures there is room for; the stage says. */
  readonly most = signal(6);
  readonly speaker = signal<string | null>(null);
  /** Tracks that could not be loaded; the rest goes on without them. */
  readonly failed = signal<ReadonlySet<number>>(new Set());
  /** Changes when elements came or went. */
  readonly attached = signal(0);

  /** How much can be watched. */
  readonly duration: ReadonlySignal<number> = computed(() => Math.max(0, (this.manifest.value?.duration_ms ?? 0) - (this.isRunning.value ? BEHIND_LIVE_MS : 0)));
  /** There will be more. */
  readonly isGrowing: ReadonlySignal<boolean> = computed(() => this.manifest.value?.state === "recording");
  private readonly tracks: ReadonlySignal<readonly Track[]> = computed(() => (this.manifest.value?.tracks ?? []).filter((track) => !this.failed.value.has(track.n)));
  private readonly opening: ReadonlySignal<number> = computed(() => openingOf(this.tracks.value));
  /** Where tracks end that are still being written. */
  private readonly horizon: ReadonlySignal<number> = computed(() => (this.isGrowing.value ? Infinity : this.duration.value));
  /** There is more every second (and not a pause). */
  private readonly isRunning: ReadonlySignal<boolean> = computed(() => this.isGrowing.value && (this.manifest.value?.tracks.some((track) => track.ending === "open") ?? false));
  readonly playing: ReadonlySignal<boolean> = computed(() => this.clock.value.playing);
  readonly waiting: ReadonlySignal<boolean> = computed(() => this.clock.value.playing && this.clock.value.stalled);
  readonly rate: ReadonlySignal<number> = computed(() => this.clock.value.rate);
  readonly ended: ReadonlySignal<boolean> = computed(() => !this.isGrowing.value && this.duration.value > 0 && this.position.value >= this.duration.value);
  readonly view: ReadonlySignal<Classroom | null> = computed(() => this.replay.value?.after(this.count.value) ?? null);
  readonly moments: ReadonlySignal<Moment[]> = computed(() => {
    const [timeline, manifest] = [this.timeline.value, this.manifest.value];
    return timeline && manifest ? moments(timeline, manifest.tracks, manifest.duration_ms) : [];
  });
  readonly places: ReadonlySignal<Place[]>;
  readonly density: ReadonlySignal<number[]> = computed(() => chatDensity(this.timeline.value?.entries ?? [], this.duration.value, DENSITY_BINS));
  readonly arrangement: ReadonlySignal<Arrangement>;

  private readonly api: Api;
  private readonly indexes: IndexStore;
  private readonly deck: Deck;
  private readonly replay: ReadonlySignal<Replay<Classroom> | null>;
  private readonly count: ReadonlySignal<number>;
  /** The position in steps: what needs no frame-by-frame care hangs on it. */
  private readonly step = signal(0);
  private timer = 0;
  private asked_at = 0;
  private refreshed_at = 0;
  /** Since when the clock runs without a jump; null while it does not, or once it has settled. */
  private began: { at: number; jumps: number } | null = null;
  private settled_jumps = -1;

  constructor(recordingId: string, mainName: string) {
    this.api = new Api(recordingId);
    this.indexes = new IndexStore(this.api);
    this.deck = new Deck(this.api, this.indexes, document);
    this.deck.onRefused = () => batch(() => { this.needsGesture.value = true; this.pause(); });
    this.replay = computed(() => {
      const timeline = this.timeline.value;
      const started_at = this.manifest.peek()?.started_at ?? 0;
      return timeline && new Replay(timeline.view, timeline.entries, (view, entry) => applyEntry(view, { ...entry, at: started_at + entry.t_ms }));
    });
    this.count = computed(() => this.replay.value?.countAt(this.position.value) ?? 0);
    this.places = computed(() => places(this.timeline.value?.entries ?? [], this.duration.value, mainName));
    this.arrangement = computed(() => {
      const at_ms = this.pictured(this.step.value);
      const view = at_ms > this.step.value ? (this.replay.value?.at(at_ms) ?? null) : this.view.value;
      if (!view) return { main: null, others: [], hidden: 0 };
      return arrange({
        view,
        tracks: this.tracks.value,
        at_ms,
        end_ms: this.horizon.value,
        room: this.room.value,
        mode: this.mode.value,
        pinned: this.pinned.value,
        speaker: this.speaker.value,
        most: this.most.value,
      });
    });
  }

  async start(position_ms: number | null): Promise<void> {
    try {
      const [manifest, timeline] = await Promise.all([this.api.manifest(), this.api.timeline()]);
      batch(() => {
        this.manifest.value = manifest;
        this.timeline.value = timeline;
        this.clock.value = clocks.startClock(Math.min(position_ms ?? 0, this.duration.value), performance.now());
        this.position.value = this.step.value = this.clock.value.anchor_ms;
        this.phase.value = "ready";
      });
      this.refreshed_at = performance.now();
      this.deck.setVolume(this.volume.value, this.muted.value);
      this.run();
    } catch (error) {
      this.phase.value = error instanceof LoadError ? error.trouble : "broken";
    }
  }

  toggle(): void {
    if (this.playing.value) this.pause();
    else this.play();
  }

  play(): void {
    if (this.ended.value) this.seek(0);
    this.needsGesture.value = false;
    this.clock.value = clocks.play(this.clock.value, performance.now(), this.end(performance.now()));
  }

  pause(): void {
    this.clock.value = clocks.pause(this.clock.value, performance.now(), this.end(performance.now()));
  }

  seek(to_ms: number): void {
    batch(() => {
      this.clock.value = clocks.seek(this.clock.value, to_ms, performance.now(), this.end(performance.now()));
      this.position.value = this.step.value = this.clock.value.anchor_ms;
      const place = this.placeNow(this.room.value);
      if (!place) this.room.value = MAIN;
    });
    this.tick();
  }

  seekBy(ms: number): void {
    this.seek(this.position.value + ms);
  }

  setRate(rate: number): void {
    this.clock.value = clocks.setRate(this.clock.value, rate, performance.now(), this.end(performance.now()));
  }

  setVolume(volume: number, muted = false): void {
    this.volume.value = Math.max(0, Math.min(1, volume));
    this.muted.value = muted;
    save("volume", this.volume.value);
    this.deck.setVolume(this.volume.value, muted);
  }

  /** Watch a room; a group that is not open now is watched from its beginning. */
  watch(place: Place): void {
    batch(() => {
      this.room.value = place.room;
      this.pinned.value = null;
      if (this.position.value < place.from_ms || this.position.value >= place.to_ms) this.seek(place.from_ms);
    });
  }

  /** The groups that are open now. */
  readonly openGroups: ReadonlySignal<Place[]> = computed(() => {
    const at_ms = this.step.value;
    return this.places.value.filter((place) => place.room !== MAIN && place.from_ms <= at_ms && at_ms < place.to_ms);
  });

  pin(key: string): void {
    batch(() => {
      this.mode.value = "automatic";
      this.pinned.value = this.pinned.value === key ? null : key;
    });
  }

  element(n: number): HTMLMediaElement | null {
    return this.deck.element(n);
  }

  report(): ReturnType<Deck["report"]> {
    return this.deck.report();
  }

  close(): void {
    clearInterval(this.timer);
    this.deck.close();
  }

  private run(): void {
    // The timer keeps sound fed in a hidden tab, where frames are not painted.
    this.timer = window.setInterval(() => this.tick(), 100);
    const paint = () => {
      if (this.clock.value.playing) this.tick();
      requestAnimationFrame(paint);
    };
    paint();
    this.tick();
  }

  private tick(): void {
    const now = performance.now();
    const end_ms = this.end(now);
    batch(() => {
      this.position.value = clocks.positionOf(this.clock.value, now, end_ms);
      if (Math.abs(this.position.value - this.step.value) >= PANEL_MS || this.position.value >= end_ms) this.step.value = this.position.value;
      if (this.room.value !== MAIN && !this.placeNow(this.room.value)) this.room.value = MAIN;
      this.speaker.value = speakerAt(this.microphones(), this.step.value, this.speaker.value);
    });
    this.attach();
    const settling = this.settle(now);
    const clock = this.clock.value;
    const position_ms = clocks.positionOf(clock, now, end_ms);
    const ready = this.deck.tick({ position_ms, end_ms: this.horizon.value, running: clocks.isRunning(clock), rate: clock.rate, jumps: clock.jumps, settling, now });
    const failed = this.deck.failed();
    if (failed.length) this.failed.value = new Set([...this.failed.value, ...failed]);
    if (clock.playing) {
      if (!ready) this.clock.value = clocks.stall(clock, now, end_ms);
      else if (clock.stalled) this.clock.value = clocks.unstall(clock, now);
      if (position_ms >= end_ms && !this.isGrowing.value) this.pause();
    }
    if (this.isGrowing.value && now - Math.max(this.asked_at, this.refreshed_at) > REFRESH_MS) {
      this.asked_at = now;
      void this.refresh();
    }
  }

  /** True while elements start up. At the end of that the clock goes by them: they all start late by about as much. */
  private settle(now: number): boolean {
    const clock = this.clock.value;
    if (!clocks.isRunning(clock)) {
      this.began = null;
      this.settled_jumps = -1;
      return false;
    }
    if (this.settled_jumps === clock.jumps) return false;
    if (this.began?.jumps !== clock.jumps) this.began = { at: now, jumps: clock.jumps };
    if (now - this.began.at < SETTLE_MS) return true;
    this.settled_jumps = clock.jumps;
    const drift_ms = this.deck.drift(clocks.positionOf(clock, now, this.end(now)));
    if (drift_ms !== null && Math.abs(drift_ms) < 2 * SETTLE_MS) this.clock.value = clocks.settle(clock, drift_ms);
    return false;
  }

  /** The end right now. Between two looks at a running class it moves on by itself. */
  private end(now: number): number {
    return this.duration.value + (this.isRunning.value ? Math.min(now - this.refreshed_at, 2 * REFRESH_MS) : 0);
  }

  private placeNow(room: string): Place | undefined {
    const at_ms = this.position.value;
    return this.places.value.find((place) => place.room === room && place.from_ms <= at_ms && at_ms < Math.max(place.to_ms, place.from_ms + 1));
  }

  /** The tracks that must play: all sound of the room, and the pictures that are on the stage; soon, or now. */
  private wanted(): Wanted[] {
    const tracks = this.tracks.value;
    const at_ms = this.pictured(this.position.value);
    const end_ms = this.horizon.value;
    const { main, others } = this.arrangement.value;
    const wanted: Wanted[] = [];
    for (const track of tracks) {
      if (track.room !== this.room.value || track.kind !== "audio") continue;
      if (track.offset_ms <= at_ms + SOON_MS && at_ms < endOf(track, end_ms)) wanted.push({ n: track.n, essential: track.offset_ms <= at_ms });
    }
    const faces = main ? [main, ...others] : others;
    for (const face of faces) if (face.n !== null) wanted.push({ n: face.n, essential: face === main });
    // The next file of someone on the stage, and a screen about to be shared.
    for (const track of tracks) {
      if (track.room !== this.room.value || track.kind !== "video" || track.offset_ms <= at_ms || track.offset_ms > at_ms + SOON_MS) continue;
      if (track.source === "screen" || faces.some((face) => face.participant === track.participant)) wanted.push({ n: track.n, essential: false });
    }
    return wanted;
  }

  /** When the pictures are of that the stage shows. At the very end the last ones stay, though their tracks are over
   *  (some a moment before the others); at the very beginning the first ones are there already. */
  private pictured(at_ms: number): number {
    const opened_ms = Math.max(at_ms, this.opening.value);
    return this.isGrowing.value ? opened_ms : Math.max(0, Math.min(opened_ms, this.duration.value - LAST_MS));
  }

  private attach(): void {
    const manifest = this.manifest.value;
    if (!manifest) return;
    const before = this.attachedKey;
    const wanted = this.wanted();
    this.attachedKey = wanted.map(({ n, essential }) => `${n}${essential ? "!" : ""}`).sort().join();
    if (this.attachedKey === before && this.attachedOf === manifest) return;
    this.attachedOf = manifest;
    this.deck.want(new Map(manifest.tracks.map((track) => [track.n, track])), wanted);
    this.attached.value++;
  }
  private attachedKey = "";
  private attachedOf: Manifest | null = null;

  private microphones(): Microphone[] {
    const running = tracksAt(this.manifest.value?.tracks ?? [], this.room.value, this.step.value, this.horizon.value);
    return running.flatMap((track: Track) => {
      const index = track.source === "mic" ? this.indexes.peek(track.n) : null;
      return index ? [{ track, index }] : [];
    });
  }

  /** The class still runs: there is more by now. */
  private async refresh(): Promise<void> {
    try {
      const [manifest, timeline] = await Promise.all([this.api.manifest(), this.api.timeline()]);
      const open = this.manifest.value?.tracks.filter((track) => track.ending === "open" && this.deck.element(track.n)) ?? [];
      await Promise.all(open.map((track) => this.indexes.refresh(track.n)));
      batch(() => {
        this.manifest.value = manifest;
        this.timeline.value = timeline;
        this.refreshed_at = performance.now();
      });
    } catch {
      // The next round tries again; what is here goes on playing.
    }
  }
}

/** One track's media into one element, piece by piece through Media Source Extensions: only what is needed soon is
 *  fetched, with short Range requests, and what lies far behind is let go (a class has more tracks than a browser has
 *  connections or memory). Where the browser cannot do that for this type, the element gets the whole file's address. */
import { type Api, type Cluster, LoadError, type Track, type TrackIndex } from "./api";
import { clusterAt, keep, nextRequest, readyAhead, type Request } from "./ranges";

const RETRY_MS = [500, 1000, 2000, 4000, 8000];

/** Safari on phones has only the managed kind. */
const Source: typeof MediaSource | undefined = globalThis.MediaSource ?? (globalThis as { ManagedMediaSource?: typeof MediaSource }).ManagedMediaSource;

export class Feed {
  /** Set when this track cannot be played in this browser, or its bytes cannot be had. */
  failed = false;
  private readonly abort = new AbortController();
  private readonly source: MediaSource | null = null;
  private readonly url: string = "";
  private buffer: SourceBuffer | null = null;
  private index: TrackIndex | null = null;
  private have = new Set<number>();
  private initialised = false;
  private busy = false;
  private tries = 0;
  private wake_at = 0;

  constructor(
    private readonly api: Api,
    private track: Track,
    readonly element: HTMLMediaElement,
    private readonly indexes: IndexStore,
  ) {
    const type = `${track.kind}/webm; codecs="${track.codec}"`;
    if (Source?.isTypeSupported(type)) {
      this.source = new Source();
      this.source.addEventListener("sourceopen", () => this.open(type), { once: true });
      // The managed kind refuses to open while the picture could be sent elsewhere.
      element.disableRemotePlayback = true;
      this.url = URL.createObjectURL(this.source);
      element.src = this.url;
    } else if (element.canPlayType(type)) {
      element.preload = "auto";
      element.src = api.trackUrl(track.n);
    } else {
      this.failed = true;
    }
  }

  get clusters(): readonly Cluster[] {
    return this.index?.clusters ?? [];
  }

  /** A growing track has more by now. */
  grow(track: Track, index: TrackIndex | null): void {
    this.track = track;
    if (index) this.index = index;
  }

  /** How long it can go on from `at_ms` without the network, in ms; the urgency of fetching. */
  ahead(at_ms: number, end_ms: number): number {
    if (!this.source) return Infinity;
    return this.index ? readyAhead(this.clusters, this.have, at_ms, end_ms) : 0;
  }

  /** Whether the element can show `at_ms` now. True inside a hole of the track: there is nothing to wait for. */
  isReady(at_ms: number): boolean {
    const { element } = this;
    if (this.failed || element.ended) return true;
    if (element.seeking || element.readyState < element.HAVE_CURRENT_DATA) return this.isHole(at_ms);
    return element.readyState >= element.HAVE_FUTURE_DATA || this.isHole(at_ms);
  }

  /** Everything around `at_ms` is here and yet the buffer has nothing for it: nothing was sent then. */
  isHole(at_ms: number): boolean {
    if (!this.source || !this.index || this.busy) return false;
    const place = clusterAt(this.clusters, at_ms);
    if (place < 0 || !this.have.has(place)) return false;
    const next = this.clusters[place + 1];
    if (next && !this.have.has(place + 1) && next[0] - at_ms < 1500) return false;
    return !covers(this.element.buffered, at_ms / 1000);
  }

  /** True when it has something to fetch and may. */
  wants(at_ms: number, now: number): boolean {
    if (!this.source || this.failed || this.busy || now < this.wake_at) return false;
    if (!this.index) return true;
    return this.buffer !== null && !this.buffer.updating && nextRequest(this.clusters, this.have, at_ms) !== null;
  }

  /** Fetch the next piece. Resolves when it is in the buffer, or failed and will be tried again. */
  async fetch(at_ms: number): Promise<void> {
    this.busy = true;
    try {
      this.index ??= await this.indexes.get(this.track.n);
      if (!this.buffer) return;
      if (!this.initialised) {
        await this.append(await this.api.bytes(this.track.n, ...this.index.init, this.abort.signal));
        this.initialised = true;
      }
      const request = nextRequest(this.clusters, this.have, at_ms);
      if (request) await this.bring(request, at_ms);
      if (this.isWhole()) this.finish();
      this.tries = 0;
    } catch (error) {
      if (this.abort.signal.aborted) return;
      this.giveWay(error);
    } finally {
      this.busy = false;
    }
  }

  close(): void {
    this.abort.abort();
    this.element.removeAttribute("src");
    this.element.load();
    if (this.url) URL.revokeObjectURL(this.url);
  }

  private open(type: string): void {
    if (!this.source) return;
    this.buffer = this.source.addSourceBuffer(type);
    this.source.duration = Math.max(1, this.track.duration_ms || 86_400_000) / 1000;
  }

  private async bring({ first, last, from, to }: Request, at_ms: number): Promise<void> {
    const bytes = await this.api.bytes(this.track.n, from, to, this.abort.signal);
    await this.letGo(at_ms);
    try {
      await this.append(bytes);
    } catch (error) {
      if (!(error instanceof DOMException) || error.name !== "QuotaExceededError") throw error;
      await this.forgetAllBut(first);
      await this.append(bytes);
    }
    for (let place = first; place <= last; place++) this.have.add(place);
  }

  private async letGo(at_ms: number): Promise<void> {
    const { first, last } = keep(this.clusters, at_ms);
    const before = [...this.have].some((place) => place < first);
    const after = [...this.have].some((place) => place >= last);
    if (before) await this.remove(0, this.clusters[first]![0] / 1000);
    if (after && this.clusters[last]) await this.remove(this.clusters[last]![0] / 1000, Infinity);
    this.have = new Set([...this.have].filter((place) => place >= first && place < last));
  }

  private async forgetAllBut(first: number): Promise<void> {
    await this.remove(0, this.clusters[first]![0] / 1000 || Infinity);
    this.have = new Set([...this.have].filter((place) => place >= first));
  }

  private append(bytes: ArrayBuffer): Promise<void> {
    return this.change((buffer) => buffer.appendBuffer(bytes));
  }

  private remove(from_s: number, to_s: number): Promise<void> {
    return from_s < to_s ? this.change((buffer) => buffer.remove(from_s, to_s)) : Promise.resolve();
  }

  private change(act: (buffer: SourceBuffer) => void): Promise<void> {
    const { buffer } = this;
    if (!buffer || this.abort.signal.aborted) return Promise.reject(new DOMException("closed", "AbortError"));
    return new Promise((resolve, reject) => {
      buffer.addEventListener("updateend", () => resolve(), { once: true });
      buffer.addEventListener("error", () => reject(new LoadError("broken")), { once: true });
      act(buffer);
    });
  }

  private isWhole(): boolean {
    return this.track.ending !== "open" && this.have.has(this.clusters.length - 1);
  }

  /** Lets the element end instead of waiting for more. A later append reopens the source. */
  private finish(): void {
    if (this.source?.readyState === "open" && !this.buffer?.updating) this.source.endOfStream();
  }

  private giveWay(error: unknown): void {
    const gone = error instanceof LoadError && (error.trouble === "missing" || error.trouble === "forbidden");
    const wait = RETRY_MS[this.tries++];
    if (gone || wait === undefined || this.element.error) this.failed = true;
    else this.wake_at = performance.now() + wait;
  }
}

/** The indexes of tracks, each fetched once (and again when asked to `refresh`). */
export class IndexStore {
  private readonly known = new Map<number, TrackIndex>();
  private readonly coming = new Map<number, Promise<TrackIndex>>();

  constructor(private readonly api: Api) {}

  peek(n: number): TrackIndex | null {
    return this.known.get(n) ?? null;
  }

  get(n: number): Promise<TrackIndex> {
    const known = this.known.get(n);
    return known ? Promise.resolve(known) : this.refresh(n);
  }

  refresh(n: number): Promise<TrackIndex> {
    let coming = this.coming.get(n);
    if (!coming) {
      coming = this.api.index(n).then((index) => {
        this.known.set(n, index);
        return index;
      }).finally(() => this.coming.delete(n));
      this.coming.set(n, coming);
    }
    return coming;
  }
}

export function covers(ranges: TimeRanges, at_s: number): boolean {
  for (let i = 0; i < ranges.length; i++) {
    if (ranges.start(i) - 0.05 <= at_s && at_s < ranges.end(i)) return true;
  }
  return false;
}

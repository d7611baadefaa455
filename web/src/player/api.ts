/** What the server says about a recording (recordings/manifest.py, recordings/playback.py), fetched and checked for failure.
 *  Times ending in `_ms` run on the recording's own timeline: pauses are cut out of it. */
import type { Classroom, Event } from "../state/model";

export interface Track {
  n: number;
  participant: string;
  name: string;
  source: "mic" | "camera" | "screen" | "screen_audio";
  room: string;
  kind: "audio" | "video";
  codec: string;
  offset_ms: number;
  /** 0 while the track is being written: it goes on to the end of the recording. */
  duration_ms: number;
  width: number;
  height: number;
  ending: "open" | "closed" | "repaired" | "failed";
}

export interface Manifest {
  id: string;
  class_id: string;
  title: string;
  started_at: number;
  state: "recording" | "interrupted" | "published";
  duration_ms: number;
  tracks: readonly Track[];
}

/** One fetchable piece of a track: its start on the track's timeline, where it lies in the file, whether it begins with a
 *  keyframe (a picture can only start there). */
export type Cluster = readonly [start_ms: number, offset: number, size: number, keyframe: boolean];

export interface TrackIndex {
  /** The bytes that must come before any cluster: [from, up to but not including]. */
  init: readonly [number, number];
  clusters: readonly Cluster[];
}

export interface TimelineEntry {
  t_ms: number;
  seq: number;
  actor: string;
  events: Event[];
}

/** A spot worth jumping to; `label` is a name or a question. */
export interface Marker {
  t_ms: number;
  kind: string;
  label: string;
}

export interface Timeline {
  /** The class when the recording began. */
  view: Classroom;
  entries: readonly TimelineEntry[];
  markers: readonly Marker[];
}

export type Trouble = "missing" | "forbidden" | "offline" | "broken";

export class LoadError extends Error {
  constructor(readonly trouble: Trouble) {
    super(trouble);
  }
}

export class Api {
  private readonly root: string;

  constructor(readonly recordingId: string) {
    this.root = `/api/recordings/${encodeURIComponent(recordingId)}`;
  }

  manifest(): Promise<Manifest> {
    return this.json("");
  }

  timeline(): Promise<Timeline> {
    return this.json("/timeline");
  }

  index(n: number): Promise<TrackIndex> {
    return this.json(`/tracks/${n}/index`);
  }

  trackUrl(n: number): string {
    return `${this.root}/tracks/${n}.webm`;
  }

  /** Bytes `from` up to but not including `to` of a track's file. */
  async bytes(n: number, from: number, to: number, signal: AbortSignal): Promise<ArrayBuffer> {
    const answer = await fetch(this.trackUrl(n), { headers: { Range: `bytes=${from}-${to - 1}` }, signal });
    if (answer.status !== 206) throw new LoadError(troubleOf(answer.status));
    return answer.arrayBuffer();
  }

  private async json<T>(path: string): Promise<T> {
    let answer: Response;
    try {
      answer = await fetch(this.root + path, { headers: { Accept: "application/json" } });
    } catch {
      throw new LoadError("offline");
    }
    if (!answer.ok) throw new LoadError(troubleOf(answer.status));
    return (await answer.json()) as T;
  }
}

function troubleOf(status: number): Trouble {
  if (status === 404 || status === 410) return "missing";
  if (status === 401 || status === 403) return "forbidden";
  return "broken";
}

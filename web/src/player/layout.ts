/** Who is seen where at a moment: one large picture, the others beside it. Pure.
 *
 *  Automatic as in class: a shared screen is large, else the instructor's camera, else who speaks. Nothing jumps: the
 *  order of the small pictures does not depend on who speaks. */
import type { Classroom, Participant } from "../state/model";
import type { Track } from "./api";
import { endOf, MAIN } from "./moments";

export interface Face {
  /** Unique on the stage. */
  key: string;
  participant: string;
  name: string;
  source: "camera" | "screen";
  /** The number of the video track to show; null shows the initials. */
  n: number | null;
  micOn: boolean;
  handRaised: boolean;
  speaking: boolean;
}

export interface Arrangement {
  main: Face | null;
  others: Face[];
  /** How many more are there than fit. */
  hidden: number;
}

export type Mode = "automatic" | "gallery";

export interface Situation {
  view: Classroom;
  tracks: readonly Track[];
  at_ms: number;
  end_ms: number;
  room: string;
  mode: Mode;
  /** The face the viewer chose to see large. */
  pinned: string | null;
  /** Who speaks now, if anyone. */
  speaker: string | null;
  /** How many small pictures there is room for. */
  most: number;
}

const RANK: Record<Participant["role"], number> = { instructor: 0, assistant: 1, presenter: 2, learner: 3, guest: 4 };

/** The tracks of a room that run at a moment. */
export function tracksAt(tracks: readonly Track[], room: string, at_ms: number, end_ms: number): Track[] {
  return tracks.filter((track) => track.room === room && track.offset_ms <= at_ms && at_ms < endOf(track, end_ms));
}

/** How late the first picture may come for a recording to open with it, in place of initials. */
const OPENING_MS = 5_000;

/** Until then the stage shows what it shows at that moment: the first picture, or 0. */
export function openingOf(tracks: readonly Track[]): number {
  const first = Math.min(...tracks.filter((track) => track.kind === "video" && track.room === MAIN).map((track) => track.offset_ms));
  return first <= OPENING_MS ? first : 0;
}

export function roomOf(view: Classroom, participant: string): string {
  return view.breakouts.where[participant] ?? MAIN;
}

export function arrange(situation: Situation): Arrangement {
  const { mode, pinned, speaker, most } = situation;
  const all = faces(situation);
  if (mode === "gallery") return { main: null, ...fitting(all, most) };
  const main =
    all.find((face) => face.key === pinned) ??
    all.find((face) => face.source === "screen") ??
    all.find((face) => face.n !== null && isTeaching(situation.view, face.participant)) ??
    all.find((face) => face.n !== null && face.participant === speaker) ??
    all.find((face) => face.n !== null) ??
    all.find((face) => face.participant === speaker) ??
    all[0] ??
    null;
  return { main, ...fitting(all.filter((face) => face !== main), most) };
}

/** As many as fit; when not all do, the last place says how many more there are. */
function fitting(faces: Face[], most: number): { others: Face[]; hidden: number } {
  const shown = faces.length <= most ? faces.length : Math.max(0, most - 1);
  return { others: faces.slice(0, shown), hidden: faces.length - shown };
}

function faces({ view, tracks, at_ms, end_ms, room, speaker }: Situation): Face[] {
  const running = tracksAt(tracks, room, at_ms, end_ms);
  const present = Object.values(view.roster.people)
    .filter((person) => person.presence !== "gone" && roomOf(view, person.id) === room)
    .sort((a, b) => RANK[a.role] - RANK[b.role] || a.joined_at - b.joined_at || (a.id < b.id ? -1 : 1));
  const found: Face[] = [];
  for (const track of running) {
    if (track.source !== "screen") continue;
    found.push({ key: `${track.participant}/screen`, participant: track.participant, name: track.name, source: "screen", n: track.n, micOn: true, handRaised: false, speaking: false });
  }
  // A file goes on while its owner is muted, and shows its last picture: whether it counts now, the class knows.
  const isOn = (id: string, source: "camera" | "mic") => view.phase === "ended" || (view.stage.live[id]?.includes(source) ?? false);
  const trackOf = (id: string, source: "camera" | "mic") => running.find((track) => track.participant === id && track.source === source);
  // Its file may begin a moment after the first picture. Only where the class does not know, the file is the witness.
  const isHeard = (id: string, present: boolean) =>
    present && view.phase !== "ended" ? isOn(id, "mic") : trackOf(id, "mic") !== undefined;
  const faceOf = (id: string, name: string, present = true): Face => ({
    key: `${id}/camera`,
    participant: id,
    name,
    source: "camera",
    n: !present || isOn(id, "camera") ? (trackOf(id, "camera")?.n ?? null) : null,
    micOn: isHeard(id, present),
    handRaised: view.hands.queue.some((hand) => hand.participant === id),
    speaking: id === speaker,
  });
  for (const person of present) found.push(faceOf(person.id, person.name));
  // A picture whose owner the roster does not place here (yet) is shown all the same: the file is the witness.
  for (const track of running) {
    if (track.source !== "camera" || found.some((face) => face.key === `${track.participant}/camera`)) continue;
    found.push(faceOf(track.participant, track.name, false));
  }
  // Cameras before initials, otherwise as they came.
  return found.map((face, index) => ({ face, index })).sort((a, b) => weight(view, a.face) - weight(view, b.face) || a.index - b.index).map(({ face }) => face);
}

function weight(view: Classroom, face: Face): number {
  if (face.source === "screen") return 0;
  if (isTeaching(view, face.participant)) return 1;
  return face.n !== null ? 2 : 3;
}

function isTeaching(view: Classroom, participant: string): boolean {
  return view.roster.people[participant]?.role === "instructor";
}

const ASPECT = 16 / 9;

/** Columns and the width of a picture (px) that make `count` pictures of 16:9 as large as they can be in a box. */
export function grid(count: number, width: number, height: number, gap: number): { columns: number; tile: number } {
  let best = { columns: 1, tile: 0 };
  for (let columns = 1; columns <= Math.max(1, count); columns++) {
    const rows = Math.ceil(count / columns);
    const tile = Math.floor(Math.min((width - gap * (columns - 1)) / columns, ((height - gap * (rows - 1)) / rows) * ASPECT));
    if (tile > best.tile) best = { columns, tile };
  }
  return best;
}

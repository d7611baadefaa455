/**
 * What is large, what is small, and in which order. Pure.
 *
 * Rules kept: a shared screen is always the large one; tiles keep their place (whoever teaches, oneself, those with a
 * camera, the others, each by arrival), and only the speaker layout follows the voice. What is not on the page is not received: `wishes` asks for exactly
 * what is shown, large first.
 */

import type { Wishes } from "../../media/slots";
import type { Wanted } from "../../wire/messages";
import type { Classroom, Participant } from "../../state/model";
import { isHost, peopleInRoom, sends } from "../selectors";

export type Layout = "instructor" | "speaker" | "gallery";

export interface Picture {
  readonly participant: string;
  readonly name: string;
  readonly source: "camera" | "screen";
}

export interface Pages {
  readonly pictures: readonly Picture[];
  readonly page: number;
  readonly pages: number;
}

export interface Arrangement {
  /** The large picture; null in a gallery. */
  readonly large: Picture | null;
  /** Everyone else, in the strip or in the gallery, before paging. */
  readonly others: readonly Picture[];
}

export interface Choice {
  readonly layout: Layout;
  readonly me: string;
  readonly room: string;
  readonly speaker: string | null;
  readonly pinned: string | null;
}

export function arrange(view: Classroom, choice: Choice): Arrangement {
  const people = placed(view, peopleInRoom(view, choice.room), choice.me);
  const cameras = people.map((person): Picture => ({ participant: person.id, name: person.name, source: "camera" }));
  const screens = people
    .filter((person) => sends(view, person.id, "screen"))
    .map((person): Picture => ({ participant: person.id, name: person.name, source: "screen" }));
  // One's own shared screen would mirror itself for ever; it stays small unless somebody wants it large.
  const shared = screens.find((screen) => screen.participant === choice.pinned) ??
    screens.findLast((screen) => screen.participant !== choice.me);
  const pinned = cameras.find((camera) => camera.participant === choice.pinned);
  const large = pinned && !shared ? pinned : (shared ?? (choice.layout === "gallery" ? null : leading(view, cameras, people, choice)));
  const others = [...screens, ...cameras].filter((picture) => !samePicture(picture, large));
  return { large, others };
}

/** In a crowd the pages turn slowly: faces one wants to see come before initials. */
function placed(view: Classroom, people: readonly Participant[], me: string): readonly Participant[] {
  const place = (person: Participant) =>
    isHost(person.role) ? 0 : person.id === me ? 1 : sends(view, person.id, "camera") ? 2 : 3;
  return people.toSorted((one, other) => place(one) - place(other));
}

function leading(
  view: Classroom,
  cameras: readonly Picture[],
  people: readonly Participant[],
  choice: Choice,
): Picture | null {
  const cameraOf = (id: string | undefined) => cameras.find((camera) => camera.participant === id);
  const strangers = people.filter((person) => person.id !== choice.me);
  const speaker = choice.layout === "speaker" && choice.speaker !== choice.me ? cameraOf(choice.speaker ?? undefined) : undefined;
  const teacher = strangers.find((person) => isHost(person.role) && sends(view, person.id, "camera"));
  const anyTeacher = strangers.find((person) => isHost(person.role));
  const anyone = strangers.find((person) => sends(view, person.id, "camera")) ?? strangers[0];
  return speaker ?? cameraOf(teacher?.id) ?? cameraOf(anyTeacher?.id) ?? cameraOf(anyone?.id) ?? cameras[0] ?? null;
}

export function samePicture(one: Picture, other: Picture | null): boolean {
  return one.participant === other?.participant && one.source === other.source;
}

/** The pictures of one page; a page that no longer exists is the last one. */
export function paged(pictures: readonly Picture[], perPage: number, page: number): Pages {
  const size = Math.max(1, perPage);
  const pages = Math.max(1, Math.ceil(pictures.length / size));
  const shown = Math.min(Math.max(0, page), pages - 1);
  return { pictures: pictures.slice(shown * size, (shown + 1) * size), page: shown, pages };
}

/** Columns and rows that make tiles of 16:9 largest in a box. */
export function gridFor(count: number, width: number, height: number): { columns: number; rows: number } {
  let best = { columns: 1, rows: Math.max(1, count), size: 0 };
  for (let columns = 1; columns <= Math.max(1, count); columns += 1) {
    const rows = Math.ceil(count / columns);
    const size = Math.min(width / columns, ((height / rows) * 16) / 9);
    if (size > best.size + 0.5) best = { columns, rows, size };
  }
  return { columns: best.columns, rows: best.rows };
}

/** Taller than wide, as a phone held upright: the large picture keeps its shape on top, the small ones fill the rest. */
export function isUpright({ width, height }: Box): boolean {
  return height > width;
}

interface Box {
  readonly width: number;
  readonly height: number;
}

const GAP_PX = 8;
const STRIP_TILE_PX = 160;
const STRIP_TILE_NARROW_PX = 112;
const STRIP_BUTTONS_PX = 88;
const UPRIGHT_COLUMNS = 2;
const UPRIGHT_BUTTONS_PX = 52;

/** How many small tiles fit beside the large one; fewer when buttons to turn the page need room. */
export function stripCapacity(box: Box, count: number, narrow: boolean): number {
  if (isUpright(box)) {
    const tile = (((box.width - GAP_PX) / UPRIGHT_COLUMNS) * 9) / 16 + GAP_PX;
    const below = box.height - (box.width * 9) / 16 - GAP_PX;
    const fit = (height: number) => UPRIGHT_COLUMNS * Math.max(1, Math.floor((height + GAP_PX) / tile));
    return count <= fit(below) ? fit(below) : fit(below - UPRIGHT_BUTTONS_PX);
  }
  const tile = (narrow ? STRIP_TILE_NARROW_PX : STRIP_TILE_PX) + GAP_PX;
  const fit = (width: number) => Math.max(1, Math.floor((width + GAP_PX) / tile));
  return count <= fit(box.width) ? fit(box.width) : fit(box.width - STRIP_BUTTONS_PX);
}

/** Few enough to be worth full quality in a gallery. */
const CLEAR_GALLERY = 4;

/** A page and who is large beside it; what to receive for it follows from this alone. */
export interface Showing {
  readonly large: Picture | null;
  readonly pages: Pages;
  /** How many pictures a page has room for; 0 before it has been measured. */
  readonly perPage: number;
  readonly me: string;
  /** Sound and stills of screens only. */
  readonly saving: boolean;
}

/** What to ask the server for: what others send and this page shows, large first. */
export function wishes(view: Classroom, { large, pages, perPage, me, saving }: Showing): Wishes {
  const wanted = (picture: Picture, quality: "high" | "low"): Wanted => ({
    participant: picture.participant,
    source: picture.source,
    quality: saving ? "stills" : quality,
  });
  const there = (picture: Picture) =>
    picture.participant !== me && sends(view, picture.participant, picture.source) && !(saving && picture.source === "camera");
  const quality = large === null && pages.pictures.length <= CLEAR_GALLERY ? "high" : "low";
  const asked = [
    ...(large !== null && there(large) ? [wanted(large, "high")] : []),
    ...pages.pictures.filter(there).map((picture) => wanted(picture, quality)),
  ];
  return { wanted: asked, cameras: saving ? 0 : camerasMost(asked, large, pages, perPage) };
}

/** On the first page there is room for whoever switches a camera on next; the others are exactly what they show. */
function camerasMost(asked: readonly Wanted[], large: Picture | null, pages: Pages, perPage: number): number | null {
  if (perPage === 0) return null;
  if (pages.page === 0) return perPage + (large === null ? 0 : 1);
  return asked.filter(({ source }) => source === "camera").length;
}

import { expect, test } from "vitest";
import { classWith, person } from "../testing";
import { arrange, type Choice, gridFor, paged, type Picture, type Showing, stripCapacity, wishes } from "./arrange";

const people = [person("tea", "instructor", 5), person("ana", "learner", 1), person("bo", "learner", 2)];
const cameras = { tea: ["camera" as const], ana: ["camera" as const], bo: ["camera" as const] };
const view = classWith(people, { stage: { live: cameras, locked: [] } });
const choice: Choice = { layout: "instructor", me: "ana", room: "main", speaker: null, pinned: null };
const names = (pictures: readonly { participant: string; source: string }[]) =>
  pictures.map(({ participant, source }) => (source === "screen" ? `${participant}:screen` : participant));

const showing = (large: Picture | null, others: readonly Picture[], perPage = 16, page = 0): Showing => ({
  large,
  pages: paged(others, perPage, page),
  perPage,
  me: "ana",
  saving: false,
});

test("whoever teaches is large, the others keep the order in which they came", () => {
  const { large, others } = arrange(view, choice);
  expect(large?.participant).toBe("tea");
  expect(names(others)).toEqual(["ana", "bo"]);
});

test("a shared screen is large in every layout", () => {
  const sharing = classWith(people, { stage: { live: { ...cameras, bo: ["camera", "screen"] }, locked: [] } });
  for (const layout of ["instructor", "speaker", "gallery"] as const) {
    expect(arrange(sharing, { ...choice, layout }).large).toMatchObject({ participant: "bo", source: "screen" });
  }
});

test("one's own screen stays small: large, it would show itself in itself", () => {
  const sharing = classWith(people, { stage: { live: { ...cameras, ana: ["screen"] }, locked: [] } });
  const { large, others } = arrange(sharing, choice);
  expect(large?.participant).toBe("tea");
  expect(names(others)).toContain("ana:screen");
});

test("only the speaker layout follows the voice, and never to oneself", () => {
  expect(arrange(view, { ...choice, speaker: "bo" }).large?.participant).toBe("tea");
  expect(arrange(view, { ...choice, layout: "speaker", speaker: "bo" }).large?.participant).toBe("bo");
  expect(arrange(view, { ...choice, layout: "speaker", speaker: "ana" }).large?.participant).toBe("tea");
});

test("a pinned person stays large; one who left does not", () => {
  expect(arrange(view, { ...choice, pinned: "bo" }).large?.participant).toBe("bo");
  expect(arrange(view, { ...choice, layout: "gallery", pinned: "bo" }).large?.participant).toBe("bo");
  expect(arrange(view, { ...choice, pinned: "gone" }).large?.participant).toBe("tea");
});

test("in a crowd oneself and those with a camera come before initials", () => {
  const crowd = [...people, person("di", "learner", 0), person("ed", "learner", 9)];
  const some = classWith(crowd, { stage: { live: { ed: ["camera"] }, locked: [] } });
  const gallery = arrange(some, { ...choice, me: "bo", layout: "gallery" });
  expect(names(gallery.others)).toEqual(["tea", "bo", "ed", "di", "ana"]);
});

test("people in other rooms are not here", () => {
  const apart = classWith(people, {
    stage: { live: cameras, locked: [] },
    breakouts: { phase: "open", groups: [], closes_at: 0, where: { bo: "g" }, announcements: [], help: [] },
  });
  expect(names(arrange(apart, { ...choice, layout: "gallery" }).others)).toEqual(["tea", "ana"]);
  expect(arrange(apart, { ...choice, me: "bo", room: "g" }).large?.participant).toBe("bo");
});

test("only what is on the page is asked for, large first, oneself never", () => {
  const { large, others } = arrange(view, choice);
  expect(wishes(view, showing(large, others, 6))).toEqual({
    wanted: [
      { participant: "tea", source: "camera", quality: "high" },
      { participant: "bo", source: "camera", quality: "low" },
    ],
    cameras: 7,
  });
});

test("a small gallery is clear, a large one is thrifty", () => {
  const { others } = arrange(view, { ...choice, layout: "gallery" });
  expect(wishes(view, showing(null, others)).wanted.every(({ quality }) => quality === "high")).toBe(true);
  const crowd = Array.from({ length: 9 }, (_, n) => person(`p${n}`));
  const live = Object.fromEntries(crowd.map(({ id }) => [id, ["camera" as const]]));
  const full = classWith(crowd, { stage: { live, locked: [] } });
  const all = arrange(full, { ...choice, layout: "gallery" }).others;
  expect(wishes(full, { ...showing(null, all), me: "p0" }).wanted.map(({ quality }) => quality)).toEqual(Array(8).fill("low"));
});

test("of a hundred cameras only a page is received, and nobody else fills its lines", () => {
  const crowd = Array.from({ length: 100 }, (_, n) => person(`p${n}`, "learner", n));
  const live = Object.fromEntries(crowd.map(({ id }) => [id, ["camera" as const]]));
  const full = classWith(crowd, { stage: { live, locked: [] } });
  const { others } = arrange(full, { ...choice, me: "p0", layout: "gallery" });
  const received = (page: number) => wishes(full, { ...showing(null, others, 16, page), me: "p0" });
  expect(received(0).wanted).toHaveLength(15); // and oneself
  expect(received(0).cameras).toBe(16);
  expect(received(3).wanted.map(({ participant }) => participant)).toEqual(Array.from({ length: 16 }, (_, n) => `p${48 + n}`));
  expect(received(3).cameras).toBe(16);
  expect(received(6).wanted).toHaveLength(4); // the last page
  expect(received(6).cameras).toBe(4);
  const everyone = [0, 1, 2, 3, 4, 5, 6].flatMap((page) => received(page).wanted.map(({ participant }) => participant));
  expect(new Set(everyone).size).toBe(99);
});

test("who saves data asks for stills of screens only", () => {
  const sharing = classWith(people, { stage: { live: { ...cameras, tea: ["camera", "screen"] }, locked: [] } });
  const { large, others } = arrange(sharing, choice);
  expect(wishes(sharing, { ...showing(large, others), saving: true })).toEqual({
    wanted: [{ participant: "tea", source: "screen", quality: "stills" }],
    cameras: 0,
  });
});

test("before the page has been measured nothing is ruled out", () => {
  expect(wishes(view, showing(null, [], 0)).cameras).toBeNull();
});

test("a page that no longer exists is the last one", () => {
  const pictures = Array.from({ length: 20 }, (_, n) => ({ participant: `p${n}`, name: "", source: "camera" as const }));
  expect(paged(pictures, 9, 0)).toMatchObject({ page: 0, pages: 3 });
  expect(paged(pictures, 9, 7).pictures).toHaveLength(2);
  expect(paged([], 9, 2)).toEqual({ pictures: [], page: 0, pages: 1 });
});

test("the grid makes tiles as large as the box allows", () => {
  expect(gridFor(1, 1600, 900)).toEqual({ columns: 1, rows: 1 });
  expect(gridFor(4, 1600, 900)).toEqual({ columns: 2, rows: 2 });
  expect(gridFor(2, 1600, 500)).toEqual({ columns: 2, rows: 1 });
  expect(gridFor(3, 360, 640)).toEqual({ columns: 1, rows: 3 });
});

test("the strip holds what fits, and a little less when it has to be turned", () => {
  expect(stripCapacity({ width: 1000, height: 700 }, 3, false)).toBe(6);
  expect(stripCapacity({ width: 1000, height: 700 }, 9, false)).toBe(5);
  expect(stripCapacity({ width: 0, height: 0 }, 9, false)).toBe(1);
});

test("on a phone held upright the small tiles fill what the large one leaves, two in a row", () => {
  expect(stripCapacity({ width: 352, height: 628 }, 4, true)).toBe(8);
  expect(stripCapacity({ width: 352, height: 628 }, 20, true)).toBe(6);
});

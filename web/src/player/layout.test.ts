import { describe, expect, test } from "vitest";
import type { Classroom, Participant, Role } from "../state/model";
import type { Track } from "./api";
import { arrange, grid, openingOf, type Situation } from "./layout";

let n = 0;
function track(participant: string, source: Track["source"], from_s: number, to_s: number, room = "main"): Track {
  return { n: ++n, participant, name: participant, source, room, kind: source === "camera" || source === "screen" ? "video" : "audio", codec: "vp8", offset_ms: from_s * 1000, duration_ms: (to_s - from_s) * 1000, width: 0, height: 0, ending: "closed" };
}

function person(id: string, role: Role, joined_at: number): Participant {
  return { id, name: id, role, presence: "connected", joined_at, since: joined_at };
}

const LIVE = { ann: ["camera", "mic", "screen"], bo: ["camera"], dee: ["camera"] };

function classroom(where: Record<string, string> = {}, live: Record<string, string[]> = LIVE): Classroom {
  const people = [person("bo", "learner", 2), person("ann", "instructor", 3), person("cy", "learner", 1), person("dee", "learner", 4)];
  return {
    roster: { people: Object.fromEntries(people.map((one) => [one.id, one])), removed: [] },
    breakouts: { where },
    hands: { queue: [{ participant: "cy", at: 5 }] },
    stage: { live },
    phase: "open",
  } as unknown as Classroom;
}

const TRACKS = [
  track("ann", "camera", 0, 60),
  track("ann", "mic", 0, 60),
  track("bo", "camera", 0, 60),
  track("ann", "screen", 20, 30),
  track("dee", "camera", 40, 50, "g-1"),
];

function at(seconds: number, more: Partial<Situation> = {}) {
  return arrange({ view: classroom(), tracks: TRACKS, at_ms: seconds * 1000, end_ms: 60_000, room: "main", mode: "automatic", pinned: null, speaker: null, most: 6, ...more });
}

const keys = (faces: { key: string }[]) => faces.map((face) => face.key);

describe("who is seen where", () => {
  test("the instructor is large, cameras come before initials, each as they came", () => {
    const { main, others } = at(10);
    expect(main).toMatchObject({ key: "ann/camera", n: 1, micOn: true });
    expect(keys(others)).toEqual(["bo/camera", "cy/camera", "dee/camera"]);
    expect(others[1]).toMatchObject({ n: null, handRaised: true, micOn: false });
  });
  test("a shared screen is large while it is shared", () => {
    expect(at(25).main?.key).toBe("ann/screen");
    expect(keys(at(25).others)[0]).toBe("ann/camera");
    expect(at(30).main?.key).toBe("ann/camera");
  });
  test("speaking marks a face and moves nobody", () => {
    expect(keys(at(10, { speaker: "cy" }).others)).toEqual(keys(at(10).others));
    expect(at(10, { speaker: "bo" }).others[0]?.speaking).toBe(true);
  });
  test("the viewer's choice wins over the screen", () => expect(at(25, { pinned: "bo/camera" }).main?.key).toBe("bo/camera"));
  test("a choice that is not there now is passed over", () => expect(at(10, { pinned: "ann/screen" }).main?.key).toBe("ann/camera"));
  test("a group shows those in it; without an instructor, who speaks", () => {
    const view = classroom({ dee: "g-1", cy: "g-1" });
    expect(at(45, { view, room: "g-1" }).main).toMatchObject({ key: "dee/camera", n: 5 });
    expect(keys(at(45, { view, room: "g-1" }).others)).toEqual(["cy/camera"]);
    expect(keys(at(45, { view }).others)).toEqual(["bo/camera"]);
  });
  test("what does not fit is counted in the last place", () => {
    const { others, hidden } = at(10, { most: 2 });
    expect([keys(others), hidden]).toEqual([["bo/camera"], 2]);
    expect(at(10, { most: 3 }).hidden).toBe(0);
  });
  test("a gallery has no large picture", () => {
    const { main, others } = at(25, { mode: "gallery" });
    expect([main, others.length]).toEqual([null, 5]);
  });
  test("a picture is shown even of someone the roster does not know here", () => {
    const view = classroom({ bo: "g-1" });
    expect(keys(at(10, { view }).others)).toContain("bo/camera");
  });
  test("a camera or a microphone that was switched off is off, though its file goes on", () => {
    const view = classroom({}, { ann: ["screen"], bo: ["camera"] });
    expect(at(10, { view }).main?.key).toBe("bo/camera");
    expect(at(10, { view }).others[0]).toMatchObject({ key: "ann/camera", n: null, micOn: false });
  });
  test("a microphone is on as soon as the class says so, though the first sound comes after the first picture", () => {
    const tracks = [track("ann", "camera", 0, 60), track("ann", "mic", 1, 60)];
    expect(at(0, { tracks }).main).toMatchObject({ key: "ann/camera", micOn: true });
  });
  test("the last pictures outlast the end of the class", () => {
    const view = { ...classroom({}, {}), phase: "ended" } as Classroom;
    expect(at(59, { view }).main).toMatchObject({ key: "ann/camera", n: 1, micOn: true });
  });
  test("nobody is there: nothing is shown", () => expect(at(10, { room: "g-9" })).toEqual({ main: null, others: [], hidden: 0 }));
});

describe("a recording opens", () => {
  test("with its first picture of the main room", () => {
    expect(openingOf([track("ann", "mic", 0, 9), track("bo", "camera", 3, 9), track("ann", "camera", 1, 9), track("cy", "camera", 0, 9, "g-1")])).toBe(1_000);
  });
  test("as it began, when the first picture comes much later or never", () => {
    expect(openingOf([track("ann", "camera", 6, 9)])).toBe(0);
    expect(openingOf([])).toBe(0);
  });
});

test("a gallery makes its pictures as large as they can be", () => {
  expect(grid(4, 1600, 900, 0)).toEqual({ columns: 2, tile: 800 });
  expect(grid(1, 1600, 900, 8)).toEqual({ columns: 1, tile: 1600 });
  expect(grid(3, 360, 900, 8).columns).toBe(1);
});

import { describe, expect, test } from "vitest";
import { matches } from "./filter";
import type { Track } from "../player/api";
import { capitalised, localMoment } from "./moment";
import { tellingMoment } from "./poster";

describe("an instant in the reader's words", () => {
  const now = new Date("2026-11-21T20:28:00Z");
  const say = (at: string, zone = "UTC") => localMoment(new Date(at), now, "en-GB", zone);
  test("today and yesterday are words", () => {
    expect(say("2026-11-21T08:05:00Z")).toBe("today, 08:05");
    expect(say("2026-11-20T23:59:00Z")).toBe("yesterday, 23:59");
  });
  test("standing alone begins with a capital", () => expect(capitalised("today, 08:05", "en-GB")).toBe("Today, 08:05"));
  test("older days have a date, and a year when it is another one", () => {
    expect(say("2026-11-19T10:00:00Z")).toBe("19 Nov, 10:00");
    expect(say("2025-12-31T10:00:00Z")).toBe("31 Dec 2025, 10:00");
  });
  test("the reader's zone decides what today is", () => {
    expect(say("2026-11-20T23:59:00Z", "Asia/Tokyo")).toBe("yesterday, 08:59");
    expect(localMoment(new Date("2026-11-21T03:00:00Z"), now, "en-GB", "America/New_York")).toBe("yesterday, 22:00");
  });
});

describe("searching titles", () => {
  test.each([
    ["bio 10", "Biology 101", true],
    ["101 bio", "Biology 101", true],
    ["logy", "Biology 101", false],
    ["ecole", "À l’École", true],
    ["", "anything", true],
    ["bio chem", "Biology 101", false],
  ])("%j in %j: %s", (query, text, found) => expect(matches(query, text)).toBe(found));
});

describe("the picture on a recording's card", () => {
  const track = (source: Track["source"], offset_ms: number, duration_ms: number, room = "main") =>
    ({ source, offset_ms, duration_ms, room, kind: source === "mic" ? "audio" : "video" }) as Track;
  const from = (...tracks: Track[]) => tellingMoment({ duration_ms: 100_000, tracks });
  test("is a shared screen before a camera, a little into the class", () => {
    const screen = track("screen", 20_000, 50_000);
    expect(from(track("camera", 0, 100_000), screen)).toEqual({ track: screen, at_ms: 10_000 });
  });
  test("stays inside its track", () => {
    expect(from(track("screen", 60_000, 10_000))?.at_ms).toBe(0);
    expect(from(track("screen", 0, 10_000))?.at_ms).toBe(9_000);
  });
  test("is none where nobody showed anything, and never from inside a group", () => {
    expect(from(track("mic", 0, 100_000))).toBeNull();
    expect(from(track("camera", 0, 100_000, "g-1"))).toBeNull();
  });
});

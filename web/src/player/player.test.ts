import { describe, expect, test } from "vitest";
import type { Timeline, Track, TrackIndex } from "./api";
import { meaning } from "./keys";
import { clockText, parseTime, spokenTime } from "./moment-text";
import { chatDensity, moments, places } from "./moments";
import { shareLink } from "./ShareDialog";
import { speakerAt } from "./speaking";

const group = (id: string, name: string) => ({ id, name, members: [] });

const timeline = {
  view: {},
  entries: [
    { t_ms: 1_000, seq: 1, actor: "bo", events: [{ type: "chat.sent" }] },
    { t_ms: 20_000, seq: 2, actor: "ann", events: [{ type: "breakouts.opened", groups: [group("g-1", "Red"), group("g-2", "Blue")] }] },
    { t_ms: 40_000, seq: 3, actor: "ann", events: [{ type: "breakouts.closed" }] },
    { t_ms: 50_000, seq: 4, actor: "ann", events: [{ type: "breakouts.opened", groups: [group("g-3", "Red")] }] },
    { t_ms: 59_900, seq: 5, actor: "bo", events: [{ type: "chat.sent" }, { type: "chat.sent" }] },
  ],
  markers: [
    { t_ms: 5_000, kind: "poll.opened", label: "Why?" },
    { t_ms: 6_000, kind: "hand.raised", label: "Bo" },
    { t_ms: 20_000, kind: "breakouts.opened", label: "Red, Blue" },
    { t_ms: 30_000, kind: "cut", label: "" },
    { t_ms: 7_000, kind: "screen.shared", label: "Ann" },
  ],
} as unknown as Timeline;

const screen = (offset_ms: number, duration_ms: number, ending = "closed") =>
  ({ participant: "ann", name: "Ann", source: "screen", offset_ms, duration_ms, ending }) as Track;

describe("what is worth finding again", () => {
  test("points, and stretches with their ends, in order", () => {
    expect(moments(timeline, [screen(7_000, 10_000)], 60_000)).toEqual([
      { kind: "poll", from_ms: 5_000, to_ms: 5_000, about: "Why?" },
      { kind: "hand", from_ms: 6_000, to_ms: 6_000, about: "Bo" },
      { kind: "screen", from_ms: 7_000, to_ms: 17_000, about: "Ann" },
      { kind: "groups", from_ms: 20_000, to_ms: 40_000, about: "Red, Blue" },
      { kind: "cut", from_ms: 30_000, to_ms: 30_000, about: "" },
      { kind: "groups", from_ms: 50_000, to_ms: 60_000, about: "Red" },
    ]);
  });
  test("a screen in two files is one sharing; one still shared lasts to the end", () => {
    const screens = moments({ ...timeline, entries: [], markers: [] }, [screen(7_000, 10_000), screen(18_000, 0, "open")], 60_000);
    expect(screens).toEqual([{ kind: "screen", from_ms: 7_000, to_ms: 60_000, about: "Ann" }]);
  });
  test("places to watch: the main room, and each group while it was open", () => {
    expect(places(timeline.entries, 60_000, "Main room").map((place) => [place.room, place.from_ms, place.to_ms])).toEqual([
      ["main", 0, 60_000], ["g-1", 20_000, 40_000], ["g-2", 20_000, 40_000], ["g-3", 50_000, 60_000],
    ]);
  });
  test("how busy the chat was", () => expect(chatDensity(timeline.entries, 60_000, 4)).toEqual([0.5, 0, 0, 1]));
  test("nothing recorded yet is no trouble", () => expect(chatDensity([], 0, 3)).toEqual([0, 0, 0]));
});

describe("who speaks", () => {
  const microphone = (participant: string, sizes: number[]) => ({
    track: { participant, offset_ms: 0, duration_ms: sizes.length * 2_000 } as Track,
    index: { init: [0, 1], clusters: sizes.map((size, i) => [i * 2_000, 0, size, true]) } as TrackIndex,
  });
  const quiet = 800;
  const both = [microphone("ann", [8_000, 8_000, quiet]), microphone("bo", [quiet, 9_000, quiet])];
  test("the one whose sound takes bytes", () => expect(speakerAt(both, 500, null)).toBe("ann"));
  test("someone slightly louder does not take over", () => {
    expect(speakerAt(both, 2_500, "ann")).toBe("ann");
    expect(speakerAt(both, 2_500, null)).toBe("bo");
  });
  test("nobody, when all are silent", () => expect(speakerAt(both, 4_500, "ann")).toBeNull());
});

describe("times", () => {
  test.each([[0, "0:00"], [65_000, "1:05"], [3_661_999, "1:01:01"]])("%i ms reads %s", (ms, text) => expect(clockText(ms)).toBe(text));
  test("are spoken in words", () => expect([spokenTime(3_661_000), spokenTime(0)]).toEqual(["1 hour 1 minute 1 second", "0 seconds"]));
  test.each([["90", 90_000], ["90.5", 90_500], ["90s", 90_000], ["1:30", 90_000], ["1:02:07", 3_727_000], ["1h2m7s", 3_727_000], ["2m", 120_000], ["x", null], ["", null], [null, null]])(
    "%j in a link is %j ms",
    (text, ms) => expect(parseTime(text)).toBe(ms),
  );
  test("a link to a moment says its second and nothing else of the page's address", () => {
    expect(shareLink("https://a.example/recordings/1?t=9#x", 95_400)).toBe("https://a.example/recordings/1?t=95");
    expect(shareLink("https://a.example/recordings/1?t=9", null)).toBe("https://a.example/recordings/1");
  });
});

describe("keys", () => {
  const press = (key: string, ctrlKey = false) => meaning({ key, ctrlKey, metaKey: false, altKey: false });
  test("are those of YouTube", () => {
    expect(press("k")).toEqual({ act: "toggle" });
    expect(press("J")).toEqual({ act: "by", ms: -10_000 });
    expect(press("5")).toEqual({ act: "share-of", of: 0.5 });
    expect(press(">")).toEqual({ act: "faster", step: 1 });
  });
  test("with Ctrl belong to the browser", () => expect(press("f", true)).toBeNull());
  test("others mean nothing", () => expect(press("q")).toBeNull());
});

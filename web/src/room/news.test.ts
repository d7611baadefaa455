import { expect, test } from "vitest";
import type { Classroom, Poll } from "../state/model";
import { mutedBy, newsBetween } from "./news";
import { classWith, person } from "./testing";

const people = [person("tea", "instructor"), person("ana"), person("bo")];
const quiet = classWith(people);
const kinds = (before: Classroom, after: Classroom, me: string) => newsBetween(before, after, me).map(({ kind }) => kind);

test("nothing changed, nothing to tell", () => {
  expect(newsBetween(quiet, quiet, "ana")).toEqual([]);
});

test("a move to a group is told even when a fresh view brought it, and the group's old chat is not", () => {
  const after = classWith(people, {
    breakouts: { ...quiet.breakouts, phase: "open", where: { ana: "g-1" } },
    chat: { messages: [{ id: "m", room: "g-1", author: "bo", text: "hi", at: 1, deleted: false }] },
  });
  expect(newsBetween(quiet, after, "ana")).toEqual([{ kind: "moved", room: "g-1" }]);
  expect(newsBetween(after, quiet, "ana")).toContainEqual({ kind: "moved", room: "main" });
});

test("one's own message is no news, another's is", () => {
  const after = classWith(people, {
    chat: { messages: [{ id: "m", room: "main", author: "bo", text: "hi", at: 1, deleted: false }] },
  });
  expect(kinds(quiet, after, "ana")).toEqual(["messages"]);
  expect(kinds(quiet, after, "bo")).toEqual([]);
});

test("a raised hand is told to those who can do something about it", () => {
  const after = classWith(people, { hands: { queue: [{ participant: "ana", at: 1 }] } });
  expect(kinds(quiet, after, "tea")).toEqual(["hand-raised"]);
  expect(kinds(quiet, after, "bo")).toEqual([]);
  expect(kinds(after, quiet, "ana")).toEqual(["hand-lowered"]);
});

test("an open poll is told, also to somebody who just came back; old results are not", () => {
  const poll: Poll = {
    id: "p",
    question: "Why?",
    options: ["a", "b"],
    anonymous: false,
    phase: "open",
    opened_at: 0,
    closes_at: 0,
    votes: {},
    answered: 0,
    tally: [],
  };
  const open = classWith(people, { polls: { polls: [poll] } });
  const published = classWith(people, { polls: { polls: [{ ...poll, phase: "published" }] } });
  expect(kinds(quiet, open, "ana")).toEqual(["poll-opened"]);
  expect(kinds(open, published, "ana")).toEqual(["poll-published"]);
  expect(kinds(quiet, published, "ana")).toEqual([]);
});

test("recording that starts, pauses, goes on and stops is told as such", () => {
  const at = (phase: "off" | "on" | "paused") => classWith(people, { recording: { ...quiet.recording, phase } });
  const change = (before: "off" | "on" | "paused", after: "off" | "on" | "paused") => {
    const [news] = newsBetween(at(before), at(after), "ana");
    return news?.kind === "recording" ? news.change : null;
  };
  expect(change("off", "on")).toBe("started");
  expect(change("on", "paused")).toBe("paused");
  expect(change("paused", "on")).toBe("resumed");
  expect(change("paused", "off")).toBe("stopped");
});

test("a promotion is told to whom it concerns", () => {
  const after = classWith([person("tea", "instructor"), person("ana", "presenter"), person("bo")]);
  expect(newsBetween(quiet, after, "ana")).toEqual([{ kind: "role", role: "presenter" }]);
  expect(newsBetween(quiet, after, "bo")).toEqual([]);
});

test("a mute names who did it, and only one's own counts", () => {
  const events = [
    { type: "stage.muted", participant: "ana", source: "mic", by: "tea" },
    { type: "stage.muted", participant: "bo", source: "mic", by: "tea" },
  ] as const;
  expect(mutedBy(events, "ana")).toEqual([{ source: "mic", by: "tea" }]);
});

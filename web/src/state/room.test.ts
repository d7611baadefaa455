import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Classroom, Entry, Event } from "./model";
import { applyEntry } from "./room";

const VECTORS = join(import.meta.dirname, "../../../tests/vectors");

interface Vector {
  readonly name: string;
  readonly before: Classroom;
  readonly entry: Entry;
  readonly after: Classroom;
}

const files = readdirSync(VECTORS).filter((file) => file.endsWith(".json"));

describe.each(files)("%s", (file) => {
  const vectors = JSON.parse(readFileSync(join(VECTORS, file), "utf8")) as Vector[];

  test.each(vectors.map((vector) => [vector.name, vector] as const))("%s", (_name, { before, entry, after }) => {
    const frozen = deepFreeze(before);
    expect(applyEntry(frozen, entry)).toEqual(after);
  });
});

test("the vectors are there and cover every kind of event", () => {
  const seen = new Set<string>();
  for (const file of files) {
    const vectors = JSON.parse(readFileSync(join(VECTORS, file), "utf8")) as Vector[];
    for (const { entry } of vectors) for (const event of entry.events) seen.add(event.type);
  }
  expect([...EVERY_KIND].filter((kind) => !seen.has(kind))).toEqual([]);
});

test("an event of a newer server changes nothing but the number", () => {
  const view = { seq: 4, roster: { people: {}, removed: [], appointed: [] } } as unknown as Classroom;
  const blank = { ...emptyView(), ...view };
  const after = applyEntry(blank, { seq: 5, at: 9, events: [{ type: "lunch.served" } as unknown as Event] });
  expect(after).toEqual({ ...blank, seq: 5 });
});

function emptyView(): Classroom {
  return {
    id: "c",
    title: "",
    phase: "open",
    settings: { record_automatically: false, locked: [] },
    opened_at: 0,
    ended_at: 0,
    seq: 0,
    roster: { people: {}, removed: [], appointed: [] },
    chat: { messages: [] },
    hands: { queue: [] },
    polls: { polls: [] },
    breakouts: { phase: "none", groups: [], closes_at: 0, where: {}, announcements: [], help: [] },
    stage: { live: {}, locked: [] },
    recording: { phase: "off", started_at: 0, takes: 0, acknowledged: [], trouble: "" },
    done: {},
  };
}

/** A reducer that changed its argument would change what is on screen behind Preact's back. */
function deepFreeze<Value>(value: Value): Value {
  if (typeof value === "object" && value !== null) {
    Object.freeze(value);
    Object.values(value).forEach(deepFreeze);
  }
  return value;
}

// A record over the union: a new event type does not compile until it is listed (and then tested) here.
const KINDS: Record<Event["type"], true> = {
  "class.opened": true,
  "class.ended": true,
  "participant.joined": true,
  "participant.dropped": true,
  "participant.returned": true,
  "participant.left": true,
  "participant.moved": true,
  "role.changed": true,
  "chat.sent": true,
  "chat.deleted": true,
  "hand.raised": true,
  "hand.lowered": true,
  "poll.drafted": true,
  "poll.opened": true,
  "poll.voted": true,
  "poll.answered": true,
  "poll.closed": true,
  "poll.published": true,
  "poll.discarded": true,
  "breakouts.planned": true,
  "breakouts.assigned": true,
  "breakouts.opened": true,
  "breakouts.announced": true,
  "breakouts.recalled": true,
  "breakouts.closed": true,
  "help.asked": true,
  "help.answered": true,
  "stage.published": true,
  "stage.unpublished": true,
  "stage.muted": true,
  "stage.locked": true,
  "stage.unlocked": true,
  "recording.started": true,
  "recording.paused": true,
  "recording.resumed": true,
  "recording.stopped": true,
  "recording.acknowledged": true,
  "recording.troubled": true,
  "recording.recovered": true,
};
const EVERY_KIND = Object.keys(KINDS);

/** Small views for tests: people by name and role, everything else as in an empty class. */

import type { Classroom, Participant, Role } from "../state/model";

export function person(id: string, role: Role = "learner", joinedAt = 0): Participant {
  return { id, name: id[0]?.toUpperCase() + id.slice(1), role, presence: "connected", joined_at: joinedAt, since: 0 };
}

export function classWith(people: readonly Participant[], more: Partial<Classroom> = {}): Classroom {
  return {
    id: "c",
    title: "Biology",
    phase: "open",
    settings: { record_automatically: false, locked: [] },
    opened_at: 0,
    ended_at: 0,
    seq: 1,
    roster: { people: Object.fromEntries(people.map((one) => [one.id, one])), removed: [], appointed: [] },
    chat: { messages: [] },
    hands: { queue: [] },
    polls: { polls: [] },
    breakouts: { phase: "none", groups: [], closes_at: 0, where: {}, announcements: [], help: [] },
    stage: { live: {}, locked: [] },
    recording: { phase: "off", started_at: 0, takes: 0, acknowledged: [], trouble: "" },
    done: {},
    ...more,
  };
}

/** Who is here: the browser's twin of `apply` in server/rooms/roster.py. */

import type { Event, Participant, Roster } from "./model";

export function applyRoster(roster: Roster, event: Event, at: number): Roster {
  switch (event.type) {
    case "participant.joined": {
      const joinedAt = roster.people[event.participant]?.joined_at ?? at;
      return place(roster, {
        id: event.participant,
        name: event.name,
        role: event.role,
        presence: "connected",
        joined_at: joinedAt,
        since: at,
      });
    }
    case "participant.returned":
      return change(roster, event.participant, { name: event.name, role: event.role, presence: "connected", since: at });
    case "participant.dropped":
      return change(roster, event.participant, { presence: "dropped", since: at });
    case "participant.left": {
      const left = change(roster, event.participant, { presence: "gone", since: at });
      return event.reason === "removed" ? { ...left, removed: [...left.removed, event.participant] } : left;
    }
    case "role.changed": {
      const changed = change(roster, event.participant, { role: event.role });
      if (roster.appointed.includes(event.participant)) return changed;
      return { ...changed, appointed: [...changed.appointed, event.participant] };
    }
    default:
      return roster;
  }
}

function change(roster: Roster, participant: string, how: Partial<Participant>): Roster {
  const known = roster.people[participant];
  return known === undefined ? roster : place(roster, { ...known, ...how });
}

function place(roster: Roster, person: Participant): Roster {
  return { ...roster, people: { ...roster.people, [person.id]: person } };
}

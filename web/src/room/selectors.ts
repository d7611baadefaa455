/** Questions to a view. Pure; each says what it returns. */

import type { Classroom, Group, Participant, Poll, Role, Source } from "../state/model";

export const MAIN = "main";

/** The room somebody is in now. */
export function roomOf(view: Classroom, participant: string): string {
  return view.breakouts.where[participant] ?? MAIN;
}

export function roleOf(view: Classroom, participant: string): Role {
  return view.roster.people[participant]?.role ?? "guest";
}

export function nameOf(view: Classroom, participant: string): string {
  return view.roster.people[participant]?.name ?? "";
}

export function groupOf(view: Classroom, room: string): Group | null {
  return view.breakouts.groups.find((group) => group.id === room) ?? null;
}

/** Instructors and assistants: they moderate. */
export function isHost(role: Role): boolean {
  return role === "instructor" || role === "assistant";
}

/** Who may ask: polls are run by instructors and presenters. */
export function runsPolls(role: Role): boolean {
  return role === "instructor" || role === "presenter";
}

export function mayShareScreen(role: Role): boolean {
  return role !== "learner" && role !== "guest";
}

const RANK: Record<Role, number> = { instructor: 0, assistant: 1, presenter: 2, learner: 3, guest: 4 };

/** Whoever teaches first, then whoever came first: an order that does not change while people talk. */
export function inOrder(people: readonly Participant[]): readonly Participant[] {
  return [...people].sort(
    (one, other) =>
      RANK[one.role] - RANK[other.role] || one.joined_at - other.joined_at || (one.id < other.id ? -1 : 1),
  );
}

/** Everybody in the class now, those whose connection broke a moment ago included. */
export function peopleInside(view: Classroom): readonly Participant[] {
  return inOrder(Object.values(view.roster.people).filter((person) => person.presence !== "gone"));
}

export function peopleInRoom(view: Classroom, room: string): readonly Participant[] {
  return peopleInside(view).filter((person) => roomOf(view, person.id) === room);
}

export function sends(view: Classroom, participant: string, source: Source): boolean {
  return view.stage.live[participant]?.includes(source) ?? false;
}

export function handUp(view: Classroom, participant: string): boolean {
  return view.hands.queue.some((hand) => hand.participant === participant);
}

export function openPolls(view: Classroom): readonly Poll[] {
  return view.polls.polls.filter((poll) => poll.phase === "open");
}

export function areGroupsOpen(view: Classroom): boolean {
  return view.breakouts.phase === "open" || view.breakouts.phase === "closing";
}

/** People who can be put into groups: not those who run the class. */
export function groupable(view: Classroom): readonly Participant[] {
  return peopleInside(view).filter((person) => !isHost(person.role));
}

/** Arithmetic of groups before they open. Pure; who ends up where by chance is the server's dice, not ours. */

import type { Group } from "../../state/model";

/** The rules accept no more (server/rooms/breakouts.py). */
export const GROUPS_MOST = 50;

/** How many groups give at most `size` people each. */
export function groupsForSize(people: number, size: number): number {
  if (people <= 0) return 1;
  return Math.min(GROUPS_MOST, Math.max(1, Math.ceil(people / Math.max(1, size))));
}

/** The largest group when `people` are spread evenly. */
export function largestOf(people: number, groups: number): number {
  return Math.ceil(people / Math.max(1, groups));
}

export interface PlannedGroup {
  readonly name: string;
  readonly members: readonly string[];
}

export function emptyGroups(count: number, nameOf: (n: number) => string): readonly PlannedGroup[] {
  return Array.from({ length: count }, (_, n) => ({ name: nameOf(n + 1), members: [] }));
}

/** The plan with one more group, named by the first number that is free. */
export function withGroupAdded(groups: readonly Group[], nameOf: (n: number) => string): readonly PlannedGroup[] {
  const taken = new Set(groups.map((group) => group.name));
  let n = groups.length + 1;
  while (taken.has(nameOf(n))) n += 1;
  return [...groups.map(({ name, members }) => ({ name, members })), { name: nameOf(n), members: [] }];
}

/** People who are in no group. */
export function unassigned<Person extends { readonly id: string }>(
  people: readonly Person[],
  groups: readonly Group[],
): readonly Person[] {
  const placed = new Set(groups.flatMap((group) => group.members));
  return people.filter((person) => !placed.has(person.id));
}

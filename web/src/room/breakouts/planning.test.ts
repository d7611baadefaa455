import { expect, test } from "vitest";
import { emptyGroups, groupsForSize, largestOf, unassigned, withGroupAdded } from "./planning";

const named = (n: number) => `Group ${n}`;

test("groups of a size hold everybody, none above that size", () => {
  expect(groupsForSize(10, 4)).toBe(3);
  expect(largestOf(10, groupsForSize(10, 4))).toBe(4);
  expect(groupsForSize(0, 4)).toBe(1);
  expect(groupsForSize(1_000, 2)).toBe(50);
});

test("groups by hand start empty", () => {
  expect(emptyGroups(2, named)).toEqual([
    { name: "Group 1", members: [] },
    { name: "Group 2", members: [] },
  ]);
});

test("a group that is added keeps the others as they are and takes a free name", () => {
  const groups = [
    { id: "a", name: "Group 1", members: ["ana"] },
    { id: "b", name: "Group 3", members: [] },
  ];
  expect(withGroupAdded(groups, named)).toEqual([
    { name: "Group 1", members: ["ana"] },
    { name: "Group 3", members: [] },
    { name: "Group 4", members: [] },
  ]);
});

test("whoever is in no group stays in the main room", () => {
  const people = [{ id: "ana" }, { id: "bo" }];
  expect(unassigned(people, [{ id: "a", name: "A", members: ["ana"] }])).toEqual([{ id: "bo" }]);
});

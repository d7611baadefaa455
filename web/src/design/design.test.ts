import { describe, expect, test } from "vitest";
import { hue, initials } from "./Avatar";
import { nextItem } from "./Menu";
import { placeBeside } from "./place";

describe("initials", () => {
  test.each([
    ["Ana", "A"],
    ["Ana María Ruiz", "AR"],
    ["  bo  ", "B"],
    ["", "?"],
    ["李 小龙", "李小"],
    ["👩‍🏫 Kim", "👩‍🏫K"],
  ])("of %j are %j", (name, letters) => expect(initials(name)).toBe(letters));
});

test("a person keeps the same hue, and others get another", () => {
  expect(hue("p-1")).toBe(hue("p-1"));
  expect(hue("p-1")).not.toBe(hue("p-2"));
});

describe("keys in a menu of Mute, Remove, Make presenter", () => {
  const labels = ["Mute", "Remove", "Make presenter"];
  test.each([
    ["ArrowDown", 0, 1],
    ["ArrowDown", 2, 0],
    ["ArrowUp", 0, 2],
    ["Home", 2, 0],
    ["End", 0, 2],
    ["m", 0, 2],
    ["r", 2, 1],
    ["x", 0, null],
    ["Enter", 0, null],
  ])("%s from %i goes to %j", (key, at, to) => expect(nextItem(key, at, labels)).toBe(to));
});

describe("a menu beside its button", () => {
  const window = { width: 360, height: 640 };
  const box = { width: 200, height: 300 };
  test("opens below when there is room", () => {
    expect(placeBeside({ left: 20, top: 20, right: 60, bottom: 56 }, box, window, "below", "start")).toEqual({ left: 20, top: 62 });
  });
  test("flips above at the foot of the window", () => {
    expect(placeBeside({ left: 20, top: 590, right: 60, bottom: 626 }, box, window, "below", "start").top).toBe(284);
  });
  test("never leaves the window sideways", () => {
    expect(placeBeside({ left: 300, top: 20, right: 340, bottom: 56 }, box, window, "below", "start").left).toBe(152);
    expect(placeBeside({ left: 0, top: 20, right: 40, bottom: 56 }, box, window, "below", "end").left).toBe(8);
  });
});

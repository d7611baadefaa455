import { expect, test } from "vitest";
import { count, listed } from "./plural";

test("one is singular, everything else plural", () => {
  const forms = { one: "person", other: "people" };
  expect([count(0, forms), count(1, forms), count(24, forms)]).toEqual(["0 people", "1 person", "24 people"]);
});

test("names are listed as a sentence would, and many are cut short", () => {
  expect(listed(["Ana"])).toBe("Ana");
  expect(listed(["Ana", "Bo"])).toBe("Ana and Bo");
  expect(listed(["Ana", "Bo", "Cy", "Di", "Ed"])).toBe("Ana, Bo, Cy and 2 others");
});

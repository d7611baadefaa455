import { expect, test } from "vitest";
import { BLANK, commandFor, missingIn, OPTIONS_MOST, withOption, withOptionAfter, withoutOption } from "./draft";

const written = { ...BLANK, question: " Why? ", options: ["Because", " ", "So"] };

test("a poll needs a question and two answers", () => {
  expect(missingIn(BLANK)).toBe("question");
  expect(missingIn({ ...BLANK, question: "Why?", options: ["a", " "] })).toBe("options");
  expect(missingIn(written)).toBeNull();
});

test("empty answers are left out, and words are trimmed", () => {
  expect(commandFor(written, true)).toMatchObject({ question: "Why?", options: ["Because", "So"], open: true });
});

test("a poll kept for later has no clock", () => {
  expect(commandFor({ ...written, durationMs: 60_000 }, false)).toMatchObject({ open: false, duration_ms: 0 });
  expect(commandFor({ ...written, durationMs: 60_000 }, true)).toMatchObject({ open: true, duration_ms: 60_000 });
});

test("answers are added below, up to ten, and removed down to two", () => {
  expect(withOptionAfter(withOption(BLANK, 0, "a"), 0).options).toEqual(["a", "", ""]);
  const full = { ...BLANK, options: Array<string>(OPTIONS_MOST).fill("x") };
  expect(withOptionAfter(full, 3)).toBe(full);
  expect(withoutOption({ ...BLANK, options: ["a", "b", "c"] }, 1).options).toEqual(["a", "c"]);
  expect(withoutOption({ ...BLANK, options: ["a", "b"] }, 1).options).toEqual(["a", ""]);
});
